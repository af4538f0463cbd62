"""
Bases and their logs as they lie in the store: how far each leads, whether it is whole, and which are kept no longer.

Any moment of the last days of CRM_BACKUP_KEEP can be reached: a base stays while it is the newest one that is older
than that, or newer, and so does the log from the oldest of these on. Copies of documents stay, as documents do.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.backups import wal
from app.backups.base import BaseManifest, bases
from app.backups.errors import BackupStoreFailed
from app.backups.verify import checked
from app.backups.wal import Chain, StoredSegment
from app.platform.file_store import FileStore, StoreFailed


@dataclass(frozen=True)
class Reachable:
    """Any moment from the base's on to `until` comes back; `fault` says why no later one does."""

    base: BaseManifest
    chain: Chain
    until: datetime
    fault: str | None


def reachable(backups: FileStore, log: FileStore) -> list[Reachable]:
    """What each base leads to, the newest first. BackupStoreFailed, BackupDamaged."""
    found = bases(backups)
    try:
        segments = list(wal.stored_segments(log)) if found else []
        return [_of(base, segments, log) for base in found]
    except StoreFailed as error:
        raise BackupStoreFailed(f"The store of backups does not answer ({error}): look at CRM_BACKUPS.") from None


def _of(base: BaseManifest, segments: list[StoredSegment], log: FileStore) -> Reachable:
    chain = wal.chain(
        iter(segments), system=base.system_identifier, first=base.first_segment, segment_bytes=base.segment_bytes
    )
    reach = wal.read_reach(log, base.system_identifier, base.timeline)
    until, fault = base.taken_at, chain.fault
    if reach is not None and chain.missing <= reach.segment:
        fault = fault or f"segment {chain.missing} of the log is missing"
    elif reach is not None and fault is None:
        until = max(until, reach.reached)
    return Reachable(base, chain, until, fault)


def verify_base(backups: FileStore, log: FileStore, found: Reachable) -> None:
    """Read the base and its log and compare the checksums of the files. BackupDamaged, BackupStoreFailed."""
    deque(checked(backups, found.base.files), maxlen=0)
    for segment in found.chain.segments:
        wal.read_file(log, segment)


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
    """
    Remove the bases, then the log that none of the others needs: the names of the bases. BackupStoreFailed.

    A base loses its manifest first: one that is half removed is none.
    """
    found = bases(backups)
    old = superfluous_bases(found, days=days, now=now)
    try:
        for base in old:
            backups.delete(f"{base.name}.json")
            for file in base.files:
                backups.delete(file.name)
        kept = [base for base in found if base not in old]
        for segment in superfluous_segments(kept, list(wal.stored_segments(log))):
            log.delete(segment.name)
    except StoreFailed as error:
        raise BackupStoreFailed(f"What is old could not be removed ({error}); the new base is there.") from None
    return [base.name for base in old]
