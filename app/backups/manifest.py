"""What a backup says of itself, in the clear: nothing of a person, no secret, no name of a document."""

import re
from datetime import UTC, datetime
from typing import Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from app.backups.errors import BackupDamaged, BackupNotFound, BackupStoreFailed
from app.platform.file_store import FileStore, NoSuchFile, StoreFailed

_NAME = re.compile(r"^(crm-\d{4}-\d\d-\d\dT\d{6}Z)\.(json|(database|documents)\.\d{3,}\.age)$")
_LARGEST_BYTES = 16 * 1024 * 1024
"""A manifest has a line for each table and file: one that is larger is none of ours."""


Record = TypeVar("Record", bound=BaseModel)


class StoredFile(BaseModel):
    """A file as it lies in the store, encrypted."""

    name: str
    size_bytes: int
    sha256: str


class Manifest(BaseModel):
    """
    `rows` has the rows of each table, as schema.table; `document_keys` the number of documents by the version of the
    master key that their own keys need. `missing_documents` are those that could be read and had no file,
    `damaged_documents` those whose file has another size than it should, which came along as they are;
    `erased_documents` were erased while the backup was made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    taken_at: AwareDatetime
    program_version: str
    schema_revision: str
    postgresql_version: int
    recipients: list[str]
    database: list[StoredFile]
    documents: list[StoredFile]
    rows: dict[str, int]
    document_count: int
    document_bytes: int
    document_keys: dict[int, int]
    missing_documents: int
    damaged_documents: int
    erased_documents: int

    @property
    def files(self) -> list[StoredFile]:
        return [*self.database, *self.documents]

    @property
    def has_every_document(self) -> bool:
        return not self.missing_documents and not self.damaged_documents

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)


def name_at(moment: datetime) -> str:
    """The name of a backup of this moment; names sort by time."""
    return f"crm-{moment.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"


def backup_of(file: str) -> str | None:
    """The name of the backup that a file of the store belongs to; None for a file that is none of ours."""
    # What a folder has of a file that is not whole yet.
    found = _NAME.match(file.removesuffix(".part"))
    return found[1] if found else None


def read_record(store: FileStore, file: str, kind: type[Record], *, what: str) -> Record:
    """What a file of ours says, which is JSON; `what` names it. NoSuchFile, StoreFailed, BackupDamaged."""
    content = b""
    for part in store.open(file):
        content += part
        if len(content) > _LARGEST_BYTES:
            break
    try:
        return kind.model_validate_json(content)
    except ValidationError:
        raise BackupDamaged(f"{what} is damaged. Take another backup.") from None


def write_manifest(store: FileStore, manifest: Manifest) -> None:
    """Make the backup one. StoreFailed."""
    store.put(f"{manifest.name}.json", iter([manifest.model_dump_json(indent=2).encode()]))


def read_manifest(store: FileStore, name: str) -> Manifest:
    """BackupNotFound, BackupDamaged, BackupStoreFailed."""
    try:
        found = read_record(store, f"{name}.json", Manifest, what=f"The manifest of {name}")
    except NoSuchFile:
        raise BackupNotFound(
            f"There is no backup {name} with a manifest: `crm backup list` names those that are there."
        ) from None
    except StoreFailed as error:
        raise BackupStoreFailed(f"The store of backups does not answer ({error}): look at CRM_BACKUPS.") from None
    if found.name != name or any(backup_of(file.name) != name for file in found.files):
        raise BackupDamaged(f"The manifest of {name} names files that are not its own. Take another backup.")
    return found
