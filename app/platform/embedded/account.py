"""The operating-system user that the server runs as; PostgreSQL refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.platform.embedded.errors import EmbeddedError

_ROOT = 0
# The first that exists. `postgres` comes with PostgreSQL's packages, `nobody` with every system.
_SERVER_USERS = ("postgres", "nobody")
# Nothing else of the app's environment reaches the server: no secrets, no PGPORT or PGOPTIONS.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Account:
    """A user of the operating system, and commands run as that user."""

    name: str
    uid: int
    gid: int

    def run(
        self,
        *command: str | Path,
        text_in: str = "",
        stderr: int = subprocess.PIPE,
        pass_on: tuple[int, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """
        Run a command to its end as this user, in `/`, out of reach of Ctrl-C; the exit code is not judged.

        `pass_on` are file descriptors that the command inherits. EmbeddedError when we may not become this
        user; PermissionError when this user cannot reach the program.
        """
        switch = self.uid != os.geteuid()
        try:
            return subprocess.run(  # noqa: S603 - programs found by binaries.py or named here, no shell
                [str(part) for part in command],
                input=text_in,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                check=False,
                cwd="/",
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"TZ": "UTC"},
                pass_fds=pass_on,
                start_new_session=True,
                user=self.uid if switch else None,
                group=self.gid if switch else None,
                extra_groups=[] if switch else None,
            )
        except OSError:
            if switch and not self._may_switch():
                raise EmbeddedError(
                    f"Root may not start programs as {self.name} here; set CRM_DATABASE_URL or be a user."
                ) from None
            raise

    def reaches(self, folder: Path) -> bool:
        """Whether this user can enter the folder; tried, as access lists and mounts decide too."""
        return self.run("/bin/sh", "-c", 'cd -- "$1"', "sh", folder).returncode == 0

    def _may_switch(self) -> bool:
        try:
            subprocess.run(["/bin/sh", "-c", ":"], check=True, user=self.uid, group=self.gid, extra_groups=[])
        except OSError:
            return False
        return True


def server_account(cluster: Path) -> Account:
    """
    The user to run the server as: the owner of the cluster if there is one, else we, else a system user.

    EmbeddedError when the cluster is another user's, or when no user fits.
    """
    ours = os.geteuid()
    if cluster.exists():
        owner = cluster.stat().st_uid
        if ours not in (owner, _ROOT):
            raise EmbeddedError(
                f"The database in {cluster} belongs to another user; "
                "start as that user, or set CRM_DATA_DIR to a folder of yours."
            )
        return _account(owner)
    if ours != _ROOT:
        return _account(ours)
    for name in _SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root and there is no user postgres; add one (useradd --system postgres)."
    )


def _account(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        # initdb and peer authentication both look the name up.
        raise EmbeddedError(
            f"The user id {uid} has no name, which PostgreSQL needs; add it, or set CRM_DATABASE_URL."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
