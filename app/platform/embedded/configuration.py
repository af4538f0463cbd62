"""What the server is told: its settings, and who may connect. Written anew at each start."""

from pathlib import Path

from app.platform.roles import ROLES

# The log carries no value of a statement: errors of statements are not logged at all (the app logs its own),
# and `terse` leaves out the details of what is, such as the statement of a process that crashed.
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "allow_alter_system": "off",
}
# For tests: a crash of the machine may lose everything, and no statistics change under a plan that is looked at.
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
# The role `postgres` is for checks such as amcheck.
LOGINS = (*ROLES, "postgres")


def server_settings(home: Path, *, socket_dir: Path, durable: bool) -> str:
    """The text of postgresql.conf."""
    settings = _SETTINGS | {
        "unix_socket_directories": f'"{socket_dir}"',
        "hba_file": str(home / "pg_hba.conf"),
    }
    settings |= {} if durable else _NOT_DURABLE
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())


def who_may_connect() -> str:
    """The text of pg_hba.conf: our roles by the local socket, each with its password, nobody else."""
    return f"local all {','.join(LOGINS)} scram-sha-256\n"


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
