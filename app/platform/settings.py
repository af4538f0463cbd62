"""One frozen object, read from the environment once by `main` or `cli` and passed down."""

import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from app.platform.crypto import MasterKeys
from app.platform.database_hosts import NotOfThePrimary, hosts_of, in_one_spelling

PRODUCTION_RATE_LIMIT = 6_000
"""Requests per minute of one account and worker process, unless CRM_RATE_LIMIT says otherwise."""
OTHER_ROLES = {
    "owner_database_url": "CRM_OWNER_DATABASE_URL",
    "operator_database_url": "CRM_OPERATOR_DATABASE_URL",
    "admin_database_url": "CRM_ADMIN_DATABASE_URL",
    "archive_database_url": "CRM_ARCHIVE_DATABASE_URL",
}
"""Where others than the application log in: no process that serves has these."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


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


Language = Literal["en", "nl", "de", "fr", "es"]
"""The languages in which there are pages."""


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (OSError, KeyError, ValueError):
        raise ValueError("an IANA time zone, such as Europe/Amsterdam, is needed") from None


ZoneName = Annotated[str, AfterValidator(_known_zone)]


def _collector(address: str) -> str:
    try:
        parts = urlsplit(address)
        is_right = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # no address at all; a port that is no number
        is_right = False
    if not is_right or parts.username or parts.query or parts.fragment or parts.path.endswith("/v1/traces"):
        raise ValueError("the http or https address of a collector is needed, without a user and without /v1/traces")
    return address


CollectorAddress = Annotated[str, AfterValidator(_collector)]

MasterKeyText = Annotated[SecretStr, Field(min_length=32)]


class SmtpSecurity(StrEnum):
    """How mail is protected on its way to the SMTP server; `none` is for a server on this very machine."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class BackupKeep(BaseModel):
    """How many days, weeks and months back the newest backup of each is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    daily: int = Field(default=14, ge=0, le=3660)
    weekly: int = Field(default=8, ge=0, le=520)
    monthly: int = Field(default=12, ge=0, le=120)


class Settings(BaseModel):
    """
    Everything the environment decides. `database_url` None means the embedded PostgreSQL in `data_dir`.

    `database_url` is where the application logs in, `owner_database_url` and `operator_database_url` where commands do
    that move the schema or migrate (platform/roles.py); `admin_database_url` is for `crm db roles` alone.
    `archive_database_url` is where `crm backup archive` and bases log in: an account that may replicate.

    `replica_url` is a standby of it, which answers reads that may be `replica_lag_seconds` old (platform/replica.py).

    `default_language` and `default_time_zone` are those of pages for an account that has chosen none.

    `proxy_hops` is how many proxies of ours stand in front: that many entries of X-Forwarded-For are believed, and the
    `traceparent` of the nearest. `otlp_endpoint` is the collector to which traces go, None for no traces.
    `rate_limit_per_minute` is for requests of an account, `failed_keys_per_minute` for failed authentications from an
    address, each in one worker process; 0 is no limit. The former is off in development, where benchmarks run.
    `sign_in_limit` is for wrong tries at one account from one place in a quarter of an hour, `sign_in_account_limit` in
    an hour from everywhere, `sign_in_browser_limit` in an hour with browsers that have signed in before (100 together,
    as NIST SP 800-63B-4 allows); `sign_in_address_limit` in an hour from one place over all accounts, and
    `reset_address_limit` likewise for requests for a new password. `slow_bodies_limit` is how many bodies that are slow
    to arrive a worker process waits for at once, `slow_bodies_address_limit` how many of one address.
    `oidc_roles` says which value of the claim `oidc_role_claim` gives which role; `oidc_second_factor_values` are the
    `amr` values by which the provider says that it has asked for a second factor.

    `master_keys` are those of CRM_MASTER_KEYS by version; the newest seals what is new (platform/crypto.py).
    After `attempts` calls in `attempt_days` that reached nobody, a lead is suggested to be unreachable.
    A side effect that was heard of is to be reported within `side_effect_hours`; `side_effect_report` says how.
    `call_feeds` lets navigators have their booked calls in a calendar program, `call_feed_initials` with the initials
    of whom they call.
    `documents` is the folder or the `s3://bucket/prefix` where the content of documents lies, None for the folder of
    that name in `data_dir`. `scan_command` gets the path of a file as its last argument; without one none is scanned.
    `backups` is where backups lie, likewise, `backup_recipients` the public keys of age to which they are encrypted.

    `fast_paths` False sends every request the ordinary way; the benchmark compares the two.

    Units: time-outs in seconds, sizes in bytes.
    """

    model_config = ConfigDict(frozen=True)

    environment: Environment = Environment.DEVELOPMENT
    database_url: SecretStr | None = None
    replica_url: SecretStr | None = None
    replica_lag_seconds: float = Field(default=5.0, gt=0, le=3600)
    owner_database_url: SecretStr | None = None
    operator_database_url: SecretStr | None = None
    admin_database_url: SecretStr | None = None
    archive_database_url: SecretStr | None = None
    data_dir: Path = Path(".data")
    pg_bin: Path | None = None
    secret_key: SecretStr = Field(default_factory=lambda: SecretStr(secrets.token_urlsafe(32)))
    master_keys: dict[Annotated[int, Field(ge=1, le=32_767)], MasterKeyText] = Field(default_factory=dict)
    attempts: int = Field(default=3, ge=1, le=50)
    attempt_days: int = Field(default=14, ge=1, le=365)
    side_effect_hours: int = Field(default=24, ge=1, le=720)
    side_effect_report: str | None = Field(default=None, max_length=1000)
    call_feeds: bool = False
    call_feed_initials: bool = False
    documents: str | None = None
    largest_document_mib: int = Field(default=50, ge=1, le=1024)
    backups: str | None = None
    backup_recipients: tuple[str, ...] = ()
    backup_keep: BackupKeep = BackupKeep()
    scan_command: tuple[str, ...] = ()
    scan_timeout_seconds: float = Field(default=120.0, gt=0, le=3600)
    base_url: str = "http://127.0.0.1:8000"
    allowed_hosts: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    log_format: LogFormat = LogFormat.CONSOLE
    otlp_endpoint: CollectorAddress | None = None
    caseload: Caseload = Caseload.SHARED
    default_language: Language = "en"
    default_time_zone: ZoneName = "UTC"
    list_export_rows: int = Field(default=10_000, ge=1, le=100_000)
    pool_size: int = Field(default=16, ge=2, le=200)
    pool_timeout_seconds: float = Field(default=3.0, gt=0, le=60)
    statement_timeout_seconds: float = Field(default=5.0, gt=0, le=600)
    statement_pool_size: int = Field(default=8, ge=1, le=100)
    fast_paths: bool = True
    proxy_hops: int = Field(default=0, ge=0, le=10)
    rate_limit_per_minute: int = Field(default=0, ge=0)
    failed_keys_per_minute: int = Field(default=600, ge=0)
    sign_in_limit: int = Field(default=10, ge=1, le=80)
    sign_in_account_limit: int = Field(default=80, ge=1, le=80)
    sign_in_browser_limit: int = Field(default=20, ge=1, le=20)
    sign_in_address_limit: int = Field(default=300, ge=1)
    reset_address_limit: int = Field(default=300, ge=1)
    slow_bodies_limit: int = Field(default=200, ge=1)
    slow_bodies_address_limit: int = Field(default=20, ge=1)
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_security: SmtpSecurity = SmtpSecurity.STARTTLS
    mail_from: str = "myTomorrows CRM <no-reply@localhost>"
    oidc_issuer: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_label: str = "your organisation"
    oidc_role_claim: str = "groups"
    oidc_roles: dict[str, str] = Field(default_factory=dict)
    oidc_second_factor_values: tuple[str, ...] = ("mfa",)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of this process; SettingsError for a value that cannot be used or is unsafe in production."""
        settings, faults = cls.read(environ)
        if faults:
            raise SettingsError("unsafe for CRM_ENV=production: " + "; ".join(faults))
        return settings

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> tuple[Self, list[str]]:
        """The settings, and every reason why production must not run with them; SettingsError for an unusable value."""
        env = os.environ if environ is None else environ
        values: dict[str, object] = {field: env[name] for field, name in _VARIABLES.items() if env.get(name)}
        for field, (name, read) in _IN_PARTS.items():
            if text := env.get(name):
                values[field] = read(text)
        if "base_url" not in values:
            values["base_url"] = f"http://127.0.0.1:{values.get('port', 8000)}"
        # A request for another host is none of ours, also where its first line names that host (RFC 9112, 3.2.2).
        values.setdefault("allowed_hosts", _own_hosts(str(values["base_url"]), str(values.get("host", ""))))
        if values.get("environment") == Environment.PRODUCTION:
            values.setdefault("rate_limit_per_minute", PRODUCTION_RATE_LIMIT)
        for field, name in (*_READ_AND_WRITTEN.items(), *OTHER_ROLES.items()):
            if url := env.get(name):
                values[field] = _database_address(name, url)
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            # The value itself may be a secret: only the variable's name and the rule are shown.
            faults = "; ".join(f"{_variable_of(e)}: {e['msg']}{_example_of(_variable_of(e))}" for e in error.errors())
            raise SettingsError(faults) from None
        return settings, settings.unsafe(env) if settings.is_production else []

    def unsafe(self, env: Mapping[str, str]) -> list[str]:
        """Why production must not run with these, each with its variable and an example."""
        faults = []
        if self.database_url is None:
            needed = "CRM_DATABASE_URL is needed (the embedded PostgreSQL is for development)"
            faults.append(needed + _example_of("CRM_DATABASE_URL"))
        if len(env.get("CRM_SECRET_KEY", "")) < 32:  # noqa: PLR2004 - 32 characters, said in the message
            faults.append(f"CRM_SECRET_KEY of at least 32 characters is needed{_example_of('CRM_SECRET_KEY')}")
        if not self.base_url.startswith("https://"):
            faults.append(f"CRM_BASE_URL must be the https address that users see{_example_of('CRM_BASE_URL')}")
        if not env.get("CRM_PROXY_HOPS"):
            faults.append(
                "CRM_PROXY_HOPS must say how many proxies of yours stand in front (0 for none): limits count by the "
                "client's address"
            )
        if self.smtp_host and self.smtp_security is SmtpSecurity.NONE and self.smtp_host not in LOOPBACK:
            faults.append("CRM_SMTP_SECURITY must be starttls or tls: mails carry sign-in links")
        if self.oidc_issuer is not None and not self.oidc_issuer.startswith("https://"):
            faults.append(f"CRM_OIDC_ISSUER must be an https address{_example_of('CRM_OIDC_ISSUER')}")
        return faults

    @property
    def keys(self) -> MasterKeys:
        """What seals secrets that are read again: version 0 is made from CRM_SECRET_KEY."""
        return MasterKeys({0: self.secret_key, **self.master_keys})

    @property
    def largest_document_bytes(self) -> int:
        return self.largest_document_mib * 1024 * 1024

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def is_secure(self) -> bool:
        """Whether users come by https: cookies are then Secure and carry the `__Host-` prefix."""
        return self.base_url.startswith("https://")


def _own_hosts(base_url: str, host: str) -> tuple[str, ...]:
    """The names by which this server is known when CRM_ALLOWED_HOSTS says nothing: its address, and this machine's."""
    try:
        named = urlsplit(base_url).hostname or ""
    except ValueError:  # refused elsewhere, with a sentence
        named = ""
    bound = "" if host in {"0.0.0.0", "::"} else host  # noqa: S104  # nosec B104 - compared, not bound
    return tuple(dict.fromkeys(name for name in (named, bound, "localhost", "127.0.0.1", "[::1]") if name))


def _numbered(keys: str) -> dict[str, str]:
    """`1=key,2=key` by its numbers; SettingsError for a number that is there twice."""
    pairs = [pair.strip().partition("=")[::2] for pair in keys.split(",") if pair.strip()]
    if len(dict(pairs)) < len(pairs):
        raise SettingsError("CRM_MASTER_KEYS: each version may be there once, as in 1=key,2=key")
    return dict(pairs)


def _arguments(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command))
    except ValueError:
        raise SettingsError("CRM_SCAN_COMMAND: a quotation mark is not closed") from None


_IN_PARTS: dict[str, tuple[str, Callable[[str], object]]] = {
    "allowed_hosts": (
        "CRM_ALLOWED_HOSTS",
        lambda text: tuple(host.strip() for host in text.split(",") if host.strip()),
    ),
    "oidc_roles": (
        "CRM_OIDC_ROLES",
        lambda text: dict(pair.strip().rpartition("=")[::2] for pair in text.split(",") if pair.strip()),
    ),
    "oidc_second_factor_values": ("CRM_OIDC_SECOND_FACTOR", lambda text: tuple(text.split())),
    "master_keys": ("CRM_MASTER_KEYS", _numbered),
    "backup_recipients": ("CRM_BACKUP_RECIPIENTS", lambda text: tuple(text.replace(",", " ").split())),
    "backup_keep": (
        "CRM_BACKUP_KEEP",
        lambda text: dict(pair.strip().partition("=")[::2] for pair in text.split(",") if pair.strip()),
    ),
    "scan_command": ("CRM_SCAN_COMMAND", _arguments),
}
"""Settings of several values, each with its variable and how that is read."""


_READ_AND_WRITTEN: dict[str, str] = {"database_url": "CRM_DATABASE_URL", "replica_url": "CRM_REPLICA_URL"}
"""Where the application logs in: addresses in the spelling that all drivers read."""
_ONE_STANDBY = "CRM_REPLICA_URL names one host; where there are several standbys, the one that stands in front of them"

_VARIABLES: dict[str, str] = {
    "environment": "CRM_ENV",
    **_READ_AND_WRITTEN,
    "replica_lag_seconds": "CRM_REPLICA_LAG",
    **OTHER_ROLES,
    "data_dir": "CRM_DATA_DIR",
    "pg_bin": "CRM_PG_BIN",
    "secret_key": "CRM_SECRET_KEY",
    "attempts": "CRM_ATTEMPTS",
    "attempt_days": "CRM_ATTEMPT_DAYS",
    "side_effect_hours": "CRM_SIDE_EFFECT_HOURS",
    "side_effect_report": "CRM_SIDE_EFFECT_REPORT",
    "call_feeds": "CRM_CALL_FEEDS",
    "call_feed_initials": "CRM_CALL_FEED_INITIALS",
    "documents": "CRM_DOCUMENTS",
    "largest_document_mib": "CRM_LARGEST_DOCUMENT",
    "backups": "CRM_BACKUPS",
    "scan_timeout_seconds": "CRM_SCAN_TIMEOUT",
    "base_url": "CRM_BASE_URL",
    "host": "CRM_HOST",
    "port": "PORT",
    "workers": "CRM_WORKERS",
    "log_format": "CRM_LOG_FORMAT",
    "otlp_endpoint": "CRM_OTLP_ENDPOINT",
    "caseload": "CRM_CASELOAD",
    "default_language": "CRM_LANGUAGE",
    "default_time_zone": "CRM_TIME_ZONE",
    "list_export_rows": "CRM_LIST_EXPORT_ROWS",
    "pool_size": "CRM_POOL_SIZE",
    "pool_timeout_seconds": "CRM_POOL_TIMEOUT",
    "statement_timeout_seconds": "CRM_STATEMENT_TIMEOUT",
    "fast_paths": "CRM_FAST_PATHS",
    "proxy_hops": "CRM_PROXY_HOPS",
    "rate_limit_per_minute": "CRM_RATE_LIMIT",
    "failed_keys_per_minute": "CRM_FAILED_KEYS_LIMIT",
    "sign_in_limit": "CRM_SIGN_IN_LIMIT",
    "sign_in_account_limit": "CRM_SIGN_IN_ACCOUNT_LIMIT",
    "sign_in_browser_limit": "CRM_SIGN_IN_BROWSER_LIMIT",
    "sign_in_address_limit": "CRM_SIGN_IN_ADDRESS_LIMIT",
    "reset_address_limit": "CRM_RESET_ADDRESS_LIMIT",
    "slow_bodies_limit": "CRM_SLOW_BODIES_LIMIT",
    "slow_bodies_address_limit": "CRM_SLOW_BODIES_ADDRESS_LIMIT",
    "smtp_host": "CRM_SMTP_HOST",
    "smtp_port": "CRM_SMTP_PORT",
    "smtp_user": "CRM_SMTP_USER",
    "smtp_password": "CRM_SMTP_PASSWORD",
    "smtp_security": "CRM_SMTP_SECURITY",
    "mail_from": "CRM_MAIL_FROM",
    "oidc_issuer": "CRM_OIDC_ISSUER",
    "oidc_client_id": "CRM_OIDC_CLIENT_ID",
    "oidc_client_secret": "CRM_OIDC_CLIENT_SECRET",
    "oidc_label": "CRM_OIDC_LABEL",
    "oidc_role_claim": "CRM_OIDC_ROLE_CLAIM",
}
"""The variable of each setting that is one value."""

EXAMPLES: dict[str, str] = {
    "CRM_ENV": "production",
    "CRM_DATABASE_URL": "postgresql://crm_application@db.example/crm?password=PASSWORD",
    "CRM_REPLICA_URL": "postgresql://crm_application@replica.example/crm?password=PASSWORD",
    "CRM_REPLICA_LAG": "5",
    "CRM_OWNER_DATABASE_URL": "postgresql://crm_owner@db.example/crm?password=PASSWORD",
    "CRM_OPERATOR_DATABASE_URL": "postgresql://crm_operator@db.example/crm?password=PASSWORD",
    "CRM_ADMIN_DATABASE_URL": "postgresql://postgres@db.example/crm?password=PASSWORD",
    "CRM_ARCHIVE_DATABASE_URL": "postgresql://crm_archive@db.example/crm?password=PASSWORD",
    "CRM_DATA_DIR": "/var/lib/crm",
    "CRM_PG_BIN": "/usr/lib/postgresql/18/bin",
    "CRM_SECRET_KEY": "<what `openssl rand -base64 48` prints>",
    "CRM_MASTER_KEYS": "1=<what `openssl rand -base64 48` prints>",
    "CRM_ATTEMPTS": "3",
    "CRM_ATTEMPT_DAYS": "14",
    "CRM_SIDE_EFFECT_HOURS": "24",
    "CRM_SIDE_EFFECT_REPORT": "To Drug Safety, safety@example.org or +31 20 000 0000, by the form on the intranet.",
    "CRM_CALL_FEEDS": "true",
    "CRM_CALL_FEED_INITIALS": "true",
    "CRM_DOCUMENTS": "s3://bucket/prefix",
    "CRM_LARGEST_DOCUMENT": "50",
    "CRM_BACKUPS": "s3://bucket/backups",
    "CRM_BACKUP_RECIPIENTS": "<the public key that `crm backup key` prints>",
    "CRM_BACKUP_KEEP": "daily=14,weekly=8,monthly=12",
    "CRM_SCAN_COMMAND": "clamdscan --fdpass --no-summary",
    "CRM_SCAN_TIMEOUT": "120",
    "CRM_BASE_URL": "https://crm.example.org",
    "CRM_HOST": "127.0.0.1",
    "PORT": "8000",
    "CRM_ALLOWED_HOSTS": "crm.example.org",
    "CRM_WORKERS": "2",
    "CRM_LOG_FORMAT": "json",
    "CRM_OTLP_ENDPOINT": "http://collector.example:4318",
    "CRM_CASELOAD": "assigned",
    "CRM_LANGUAGE": "nl",
    "CRM_TIME_ZONE": "Europe/Amsterdam",
    "CRM_LIST_EXPORT_ROWS": "10000",
    "CRM_POOL_SIZE": "16",
    "CRM_POOL_TIMEOUT": "3",
    "CRM_STATEMENT_TIMEOUT": "5",
    "CRM_FAST_PATHS": "true",
    "CRM_PROXY_HOPS": "1",
    "CRM_RATE_LIMIT": "6000",
    "CRM_FAILED_KEYS_LIMIT": "600",
    "CRM_SIGN_IN_LIMIT": "10",
    "CRM_SIGN_IN_ACCOUNT_LIMIT": "80",
    "CRM_SIGN_IN_BROWSER_LIMIT": "20",
    "CRM_SIGN_IN_ADDRESS_LIMIT": "300",
    "CRM_RESET_ADDRESS_LIMIT": "300",
    "CRM_SLOW_BODIES_LIMIT": "200",
    "CRM_SLOW_BODIES_ADDRESS_LIMIT": "20",
    "CRM_SMTP_HOST": "smtp.example.org",
    "CRM_SMTP_PORT": "587",
    "CRM_SMTP_USER": "crm",
    "CRM_SMTP_PASSWORD": "<the password>",
    "CRM_SMTP_SECURITY": "starttls",
    "CRM_MAIL_FROM": "myTomorrows CRM <crm@example.org>",
    "CRM_OIDC_ISSUER": "https://login.example.org/realms/staff",
    "CRM_OIDC_CLIENT_ID": "crm",
    "CRM_OIDC_CLIENT_SECRET": "<the secret>",
    "CRM_OIDC_LABEL": "Example",
    "CRM_OIDC_ROLE_CLAIM": "groups",
    "CRM_OIDC_ROLES": "crm-navigators=navigator,crm-admins=admin",
    "CRM_OIDC_SECOND_FACTOR": "mfa otp",
}
"""A value of each variable that can be used, for who has to set it."""


def variables() -> frozenset[str]:
    """The names of all settings."""
    return frozenset(_VARIABLES.values()) | {name for name, _ in _IN_PARTS.values()}


def _variable_of(error: Any) -> str:
    field = str(error["loc"][0])
    return _IN_PARTS[field][0] if field in _IN_PARTS else _VARIABLES.get(field, field)


def _example_of(variable: str) -> str:
    return f", as in {variable}={EXAMPLES[variable]}" if variable in EXAMPLES else ""


def _database_address(name: str, url: str) -> str:
    """The address as all drivers read it; SettingsError when it is none of PostgreSQL, or might lead to a standby."""
    try:
        url = in_one_spelling(url)
        if name == _READ_AND_WRITTEN["replica_url"] and hosts_of(url):
            raise SettingsError(_ONE_STANDBY)
        if make_url(url).get_backend_name() in {"postgresql", "postgres"}:
            hosts_of(url)
            return url
    except NotOfThePrimary:
        if name == _READ_AND_WRITTEN["replica_url"]:
            raise SettingsError(_ONE_STANDBY) from None
        raise SettingsError(
            f"{name} names several hosts: add target_session_attrs=read-write, as in "
            "postgresql://user@one:5432,two:5432/database?target_session_attrs=read-write"
        ) from None
    except (ArgumentError, ValueError):  # no URL at all; a port that is no number; fewer ports than hosts
        pass
    raise SettingsError(f"{name} must read postgresql://user@host:port/database")
