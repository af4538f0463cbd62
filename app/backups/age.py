"""
The age format (age-encryption.org): to public keys, the recipients; back with a private one, an identity.

An identity is a file as `age-keygen` and `crm backup key` make it. Any program that knows the format opens a backup.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import pyrage

from app.backups.errors import BackupDamaged, WrongIdentity
from app.backups.streams import Parts, Watched, as_file, pumped
from app.platform.errors import Invalid
from app.platform.settings import SettingsError

_PRIVATE = "AGE-SECRET-KEY-"


def new_identity() -> tuple[str, str]:
    """A private key and its public one."""
    made = pyrage.x25519.Identity.generate()
    return str(made), str(made.to_public())


def recipients(keys: Sequence[str]) -> list[Any]:
    """The public keys of CRM_BACKUP_RECIPIENTS. SettingsError where there is none, or one that is none."""
    if not keys:
        raise SettingsError(
            "CRM_BACKUP_RECIPIENTS is needed: the public key, age1…, to which backups are encrypted. "
            "`crm backup key` makes a pair, on another machine than this one."
        )
    if any(key.upper().startswith(_PRIVATE) for key in keys):
        raise SettingsError("CRM_BACKUP_RECIPIENTS has a private key: take it off this machine, and give its age1… key")
    found = []
    for number, key in enumerate(keys, 1):
        try:
            found.append(pyrage.x25519.Recipient.from_str(key))
        except pyrage.RecipientError:
            raise SettingsError(f"CRM_BACKUP_RECIPIENTS: key {number} is no public key of age (age1…)") from None
    return found


def identities(lines: Iterable[str]) -> list[Any]:
    """The private keys of an identity file. Invalid where it has none."""
    try:
        keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        found = [pyrage.x25519.Identity.from_str(key) for key in keys]
    except (pyrage.IdentityError, UnicodeDecodeError):
        found = []
    if not found:
        raise Invalid(
            f"The identity file has no private key of age: a line {_PRIVATE}1…, not protected by a passphrase.",
            code="no_identity",
        )
    return found


def encrypted(parts: Iterator[bytes], keys: list[Any]) -> Parts:
    """The parts encrypted to all of the public keys. What the parts raise is raised."""
    watched = Watched(parts)

    def write(file: BinaryIO) -> None:
        try:
            pyrage.encrypt_io(as_file(watched), file, keys)
        except pyrage.EncryptError as error:
            raise watched.failed or error from None

    return pumped(write)


def decrypted(parts: Iterator[bytes], keys: list[Any], *, what: str) -> Parts:
    """
    What was encrypted. WrongIdentity, BackupDamaged, what the parts raise: in any case before the last piece comes out.
    """
    watched = Watched(parts)

    def write(file: BinaryIO) -> None:
        try:
            pyrage.decrypt_io(as_file(watched), file, keys)
        except BrokenPipeError:
            raise
        except (pyrage.DecryptError, OSError) as error:
            if watched.failed:
                raise watched.failed from None
            if "No matching keys" in str(error):
                raise WrongIdentity(
                    "This identity does not open the backup: it was encrypted to other keys, which its manifest names."
                ) from None
            raise BackupDamaged(
                f"The {what} of the backup cannot be decrypted: it is damaged. Take another one."
            ) from None

    return pumped(write)
