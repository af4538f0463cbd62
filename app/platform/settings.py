"""One frozen object, read from the environment once by `main` or `cli` and passed down."""

import os
import secrets
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


class SettingsError(Exception):
    """A setting is missing, unreadable or unsafe; the message names the variable and what to do."""


class Caseload(StrEnum):
    SHARED = "shared"
    ASSIGNED = "assigned"


class Settings(BaseModel):
    """
    Everything the environment decides. `database_url` None means the embedded PostgreSQL in `data_dir`.

    Units: time-outs in seconds, sizes in bytes.
    """

    model_config = ConfigDict(frozen=True)

    environment: Environment = Environment.DEVELOPMENT
    database_url: SecretStr | None = None
    data_dir: Path = Path(".data")
    pg_bin: Path | None = None
    secret_key: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_urlsafe(32)))
    base_url: str = "http://127.0.0.1:8000"
    allowed_hosts: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    log_format: LogFormat = LogFormat.CONSOLE
    caseload: Caseload = Caseload.SHARED
    pool_size: int = Field(default=16, ge=2, le=200)
    pool_timeout_seconds: float = Field(default=3.0, gt=0, le=60)
    statement_timeout_seconds: float = Field(default=5.0, gt=0, le=600)
    lane_size: int = Field(default=8, ge=1, le=100)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of this process; SettingsError for a value that cannot be used or is unsafe in production."""
        env = os.environ if environ is None else environ
        names = {
            "environment": "CRM_ENV",
            "database_url": "CRM_DATABASE_URL",
            "data_dir": "CRM_DATA_DIR",
            "pg_bin": "CRM_PG_BIN",
            "secret_key": "CRM_SECRET_KEY",
            "base_url": "CRM_BASE_URL",
            "host": "CRM_HOST",
            "port": "PORT",
            "workers": "CRM_WORKERS",
            "log_format": "CRM_LOG_FORMAT",
            "caseload": "CRM_CASELOAD",
            "pool_size": "CRM_POOL_SIZE",
            "pool_timeout_seconds": "CRM_POOL_TIMEOUT",
            "statement_timeout_seconds": "CRM_STATEMENT_TIMEOUT",
        }
        values: dict[str, object] = {field: env[name] for field, name in names.items() if env.get(name)}
        if hosts := env.get("CRM_ALLOWED_HOSTS"):
            values["allowed_hosts"] = tuple(host.strip() for host in hosts.split(",") if host.strip())
        if "base_url" not in values:
            values["base_url"] = f"http://127.0.0.1:{values.get('port', 8000)}"
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            # The value itself may be a secret: only the variable's name and the rule are shown.
            faults = "; ".join(f"{names.get(str(e['loc'][0]), e['loc'][0])}: {e['msg']}" for e in error.errors())
            raise SettingsError(faults) from None
        if settings.environment is Environment.PRODUCTION:
            settings.refuse_unsafe(env)
        return settings

    def refuse_unsafe(self, env: Mapping[str, str]) -> None:
        """SettingsError that names every setting which production must not run with."""
        faults = []
        if self.database_url is None:
            faults.append("CRM_DATABASE_URL is needed (the embedded PostgreSQL is for development)")
        if len(env.get("CRM_SECRET_KEY", "")) < 32:  # noqa: PLR2004 - 32 characters, said in the message
            faults.append("CRM_SECRET_KEY of at least 32 characters is needed")
        if not self.base_url.startswith("https://"):
            faults.append("CRM_BASE_URL must be the https address that users see")
        if faults:
            raise SettingsError("unsafe for CRM_ENV=production: " + "; ".join(faults))

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION
