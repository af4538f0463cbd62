"""
Bases and their logs as they lie in the store: how far each leads, whether it is whole, and which are kept no longer.

Any moment of the last days of CRM_BACKUP_KEEP can be reached: a base stays while it is the newest one that is older
than that, or newer, and so does the log from the oldest of these on. Copies of documents stay, as documents do.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.backups import wal
from app.backups.base import BaseManifest, base_names, read_base
from app.backups.errors import BackupDamaged, BackupNotFound, BackupStoreFailed
from app.backups.listing import remove, wrong_with
from app.backups.verify import checked
from app.backups.wal import Chain, StoredSegment
from app.platform.file_store import FileStore, StoreFailed


@dataclass(frozen=True)
class Base:
    """
    A base that has a manifest, and where it leads.

    `reached` is the newest moment that the archive has told of; `last_timeline` the highest one that the archive has of
    this server; `damage` says which file of the base is missing or cut.
    """

    manifest: BaseManifest
    chain: Chain
    reached: datetime
    last_timeline: int
    damage: str | None

    @property
    def fault(self) -> str | None:
        """Why not every moment up to `reached` comes back."""
        return self.damage or self.chain.fault

    @property
    def until(self) -> datetime:
        """The newest moment that is sure to come back; the base's own where the log after it has a fault."""
        return self.manifest.taken_at if self.fault else self.reached


def all_bases(backups: FileStore, log: FileStore) -> tuple[list[Base], dict[str, str]]:
    """
    Every base, the newest first; and why what lies there under other names of bases is none.

    BackupStoreFailed; BackupDamaged where what the archive says of itself cannot be read.
    """
    found: list[BaseManifest] = []
    others: dict[str, str] = {}
    for name in base_names(backups):
        try:
            found.append(read_base(backups, name))
        except BackupNotFound:
            others[name] = "interrupted: no manifest"
        except BackupDamaged:
            others[name] = "manifest damaged"
    try:
        segments = list(wal.stored_segments(log)) if found else []
        return [_look(manifest, segments, backups, log) for manifest in found], others
    except StoreFailed as error:
        raise BackupStoreFailed(f"The store of backups does not answer ({error}): look at CRM_BACKUPS.") from None


def _look(manifest: BaseManifest, segments: list[StoredSegment], backups: FileStore, log: FileStore) -> Base:
    system, timeline = manifest.system_identifier, manifest.timeline
    chain = wal.chain(iter(segments), system=system, first=manifest.first_segment, segment_bytes=manifest.segment_bytes)
    reach = wal.read_reach(log, system, timeline)
    if chain.missing <= max(manifest.last_segment, reach.segment if reach else ""):
        # The archive has said that it has this one: the last one may be missing too.
        chain = replace(chain, goes_on=True)
    return Base(
        manifest,
        chain,
        max(manifest.taken_at, reach.reached) if reach else manifest.taken_at,
        max((one.timeline for one in segments if one.system == system), default=timeline),
        next((f"{file.name} {wrong}" for file in manifest.files if (wrong := wrong_with(backups, file))), None),
    )


def verify_base(backups: FileStore, log: FileStore, base: Base) -> None:
    """Read the base and its log and compare the checksums of the files. BackupDamaged, BackupStoreFailed."""
    deque(checked(backups, base.manifest.files), maxlen=0)
    for segment in base.chain.segments:
        wal.read_file(log, segment)
    if base.fault:
        raise BackupDamaged(
            f"{base.manifest.name} leads to no moment that is sure after {base.until.isoformat()}: {base.fault}."
        )


def superfluous_bases(found: Iterable[BaseManifest], *, days: int, now: datetime) -> list[BaseManifest]:
    """Those that no moment of the last `days` days needs; `found` has the newest first, which stays in any case."""
    older = [base for base in found if base.taken_at <= now - timedelta(days=days)]
    return older[1:]


def superfluous_segments(kept: list[BaseManifest], segments: Iterable[StoredSegment]) -> list[StoredSegment]:
    """
    The log from before the oldest kept base of its timeline, and that of timelines which newer ones have followed.

    A cluster without a base keeps all of its log: a base may just be made.
    """
    first: dict[tuple[int, int], str] = {}
    newest: dict[int, int] = {}
    for base in kept:
        key = (base.system_identifier, base.timeline)
        first[key] = min(first.get(key, base.first_segment), base.first_segment)
        newest[base.system_identifier] = max(newest.get(base.system_identifier, 0), base.timeline)
    return [
        one
        for one in segments
        if one.segment < first.get((one.system, one.timeline), "")
        or ((one.system, one.timeline) not in first and one.timeline < newest.get(one.system, 0))
    ]


def remove_superfluous(backups: FileStore, log: FileStore, *, days: int, now: datetime) -> list[str]:
    """Remove the bases, then the log that none of the others needs: the names of the bases. BackupStoreFailed."""
    found = [base.manifest for base in all_bases(backups, log)[0]]
    old = superfluous_bases(found, days=days, now=now)
    for base in old:
        remove(backups, base)
    kept = [base for base in found if base not in old]
    try:
        for segment in superfluous_segments(kept, list(wal.stored_segments(log))):
            log.delete(segment.name)
    except StoreFailed as error:
        raise BackupStoreFailed(f"The old log could not be removed ({error}); the new base is there.") from None
    return [base.name for base in old]
