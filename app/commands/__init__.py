"""
What the commands share: settings, the database they are about, words on stderr.

Every command attaches to the running database of CRM_DATA_DIR, or starts and stops its own. Most need its tables too,
and what stands in `preparing.py`; one that only looks does without these, which take seconds to import.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from rich.console import Console

from app.platform.embedded import kept_running, refuse_in_production, running
from app.platform.errors import Conflict
from app.platform.logs import set_up_logs
from app.platform.roles import APPLICATION, OPERATOR, OWNER
from app.platform.settings import Settings, SettingsError

say = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Addresses:
    """
    Where each role logs in to one database.

    In development one address serves where no other is set; in production `owner` and `operator` are then unknown.
    """

    application: str
    owner_if_known: str | None
    operator_if_known: str | None

    @property
    def owner(self) -> str:
        """SettingsError where it is not known."""
        return self._needed(self.owner_if_known, "CRM_OWNER_DATABASE_URL")

    @property
    def operator(self) -> str:
        """SettingsError where it is not known."""
        return self._needed(self.operator_if_known, "CRM_OPERATOR_DATABASE_URL")

    def _needed(self, address: str | None, name: str) -> str:
        if address is None:
            raise SettingsError(f"{name} is needed: this command logs in with it, the application does not")
        return address


@contextmanager
def addresses(settings: Settings) -> Iterator[Addresses]:
    """The configured database, or the embedded one for as long as the block runs."""
    if settings.database_url is not None:
        application = settings.database_url.get_secret_value()
        other = None if settings.is_production else application
        yield Addresses(
            application,
            settings.owner_database_url.get_secret_value() if settings.owner_database_url else other,
            settings.operator_database_url.get_secret_value() if settings.operator_database_url else other,
        )
        return
    refuse_in_production(settings.environment)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        running(settings.data_dir, pg_bin=settings.pg_bin) as cluster,
        kept_running(cluster, tell=structlog.get_logger().warning),
    ):
        yield Addresses(cluster.url(role=APPLICATION), cluster.url(role=OWNER), cluster.url(role=OPERATOR))


def refuse_with_real_data(settings: Settings, what: str) -> None:
    """Conflict when CRM_ENV is production."""
    if settings.is_production:
        raise Conflict(
            f"{what} is refused with CRM_ENV=production: its records are real.", code="refused_in_production"
        )


def read_settings() -> Settings:
    settings = Settings.from_environment()
    set_up_logs(settings.log_format)
    return settings
