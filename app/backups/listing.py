"""Which backups there are, and which of them are more than are to be kept."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from app.backups.base import BaseManifest
from app.backups.errors import BackupStoreFailed
from app.backups.manifest import Manifest, StoredFile, backup_of, read_manifest
from app.platform.errors import AppError
from app.platform.file_store import FileStore, NoSuchFile, StoreFailed
from app.platform.settings import BackupKeep


@dataclass(frozen=True)
class Found:
    """
    What lies in the store under the name of a backup.

    `manifest` is None where it is missing or unreadable; `faults` say what is wrong, none of a backup that is complete.
    """

    name: str
    manifest: Manifest | None
    faults: list[str] = field(default_factory=list)
    is_whole: bool = False
    """Every file of the manifest is there in its size."""

    @property
    def is_complete(self) -> bool:
        """Whole, and no document was missing when it was made."""
        return self.is_whole and not self.faults


def list_backups(store: FileStore) -> list[Found]:
    """Every backup, the newest first, those that were interrupted too, from manifests and sizes. BackupStoreFailed."""
    try:
        names = {name for file, _ in store.names() if (name := backup_of(file))}
        return [_look(store, name) for name in sorted(names, reverse=True)]
    except StoreFailed as error:
        raise BackupStoreFailed(f"The store of backups does not answer ({error}): look at CRM_BACKUPS.") from None


def newest_complete(found: Iterable[Found]) -> Manifest | None:
    """The manifest of the newest backup that lacks nothing."""
    return next((backup.manifest for backup in found if backup.is_complete), None)


def superfluous(found: list[Found], keep: BackupKeep) -> list[Manifest]:
    """
    Those that no day, week or month keeps; each keeps its newest whole one, or its newest one where none is whole.

    The newest whole one stays in any case, and the newest complete one. What has no manifest is not ours to remove.
    """
    known = [(backup, backup.manifest) for backup in found if backup.manifest is not None]
    best_first = sorted(known, key=lambda one: (one[0].is_whole, one[0].name), reverse=True)
    kept = {backup.name for backup, _ in best_first[:1]}
    kept |= {backup.name for backup, _ in [one for one in best_first if one[0].is_complete][:1]}
    for count, period_of in _periods(keep):
        newest: dict[object, str] = {}
        for backup, manifest in best_first:
            newest.setdefault(period_of(manifest.taken_at), backup.name)
        kept |= {newest[period] for period in sorted(newest, key=str, reverse=True)[:count]}
    return [manifest for backup, manifest in known if backup.name not in kept]


def remove(store: FileStore, manifest: Manifest | BaseManifest) -> None:
    """Remove the files that the manifest names, then itself: one that is interrupted is told and goes on next time."""
    try:
        for file in manifest.files:
            store.delete(file.name)
        store.delete(f"{manifest.name}.json")
    except StoreFailed as error:
        raise BackupStoreFailed(f"An old backup could not be removed ({error}); the new one is there.") from None


def _periods(keep: BackupKeep) -> list[tuple[int, Callable[[datetime], object]]]:
    return [
        (keep.daily, lambda at: f"{at:%Y-%m-%d}"),
        (keep.weekly, lambda at: f"{at:%G-%V}"),
        (keep.monthly, lambda at: f"{at:%Y-%m}"),
    ]


def _look(store: FileStore, name: str) -> Found:
    try:
        manifest = read_manifest(store, name)
    except BackupStoreFailed:
        raise
    except AppError as error:
        is_there = error.error_code != "backup_not_found"
        return Found(name, None, ["manifest damaged" if is_there else "interrupted: no manifest"])
    faults = [f"{file.name} {wrong}" for file in manifest.files if (wrong := wrong_with(store, file))]
    is_whole = not faults
    if manifest.missing_documents:
        faults.append(f"{manifest.missing_documents} documents had no file")
    if manifest.damaged_documents:
        faults.append(f"{manifest.damaged_documents} documents were damaged")
    return Found(name, manifest, faults, is_whole)


def wrong_with(store: FileStore, file: StoredFile) -> str | None:
    """What is wrong with a file, as far as its size shows it. StoreFailed."""
    try:
        return None if store.size(file.name) == file.size_bytes else "has another size"
    except NoSuchFile:
        return "is missing"
