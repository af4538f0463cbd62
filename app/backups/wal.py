"""
The log of the database as it lies in the store of backups: its segments, and how far the archive reaches.

A segment's file is named after the cluster, the segment, a checksum of what is in it and one of the file itself. So
nothing else has to be kept of it, and a segment that comes again is known.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from app.backups import age
from app.backups.errors import BackupDamaged, BackupStoreFailed
from app.backups.manifest import read_record
from app.platform.file_store import FileStore, NoSuchFile, StoreFailed, store_at

SLOT = "crm_archive"
"""The replication slot for which the database keeps its log until the archive has it."""
SEGMENT = re.compile(r"^[0-9A-F]{24}$")
_STORED = re.compile(r"^([0-9a-f]{16})-([0-9A-F]{24})\.([0-9a-f]{32})\.([0-9a-f]{64})\.age$")
_PER_LOG_BYTES = 2**32
_COMPRESSION = 6
"""A segment of a quiet minute is a third of the size that the fastest level makes of it."""


def log_store(place: str) -> FileStore:
    """Where the segments lie in CRM_BACKUPS."""
    return store_at(f"{place.rstrip('/')}/wal", spread=False)


def copies_store(place: str) -> FileStore:
    """Where the copies of documents lie in CRM_BACKUPS, each once."""
    return store_at(f"{place.rstrip('/')}/documents")


def copy_name(stored_as: str) -> str:
    """The name of a document's copy."""
    return f"{stored_as}.age"


@dataclass(frozen=True)
class StoredSegment:
    """A segment as it lies in the store; `content` and `stored` are checksums of what it holds and of its file."""

    system: int
    segment: str
    content: str
    stored: str

    @property
    def name(self) -> str:
        return f"{self.system:016x}-{self.segment}.{self.content}.{self.stored}.age"

    @property
    def timeline(self) -> int:
        return int(self.segment[:8], 16)


class Reach(BaseModel):
    """What the archive says of itself: everything committed before `reached` is in it, to the end of `segment`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    system_identifier: int
    timeline: int
    segment: str
    reached: AwareDatetime

    @property
    def file(self) -> str:
        return _reach_file(self.system_identifier, self.timeline)


def segment_at(timeline: int, lsn: int, segment_bytes: int) -> str:
    """The segment in which this place of the log lies."""
    per_log = _PER_LOG_BYTES // segment_bytes
    number = lsn // segment_bytes
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def end_of(segment: str, segment_bytes: int) -> int:
    """The place of the log at which the segment ends."""
    per_log = _PER_LOG_BYTES // segment_bytes
    return (int(segment[8:16], 16) * per_log + int(segment[16:], 16) + 1) * segment_bytes


def following(segment: str, segment_bytes: int) -> str:
    """The segment after this one, of the same timeline."""
    return segment_at(int(segment[:8], 16), end_of(segment, segment_bytes), segment_bytes)


def lsn_of(text: str) -> int:
    """A place of the log, of its text `0/16EF460`."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def checksum(content: bytes) -> str:
    """Of what a segment holds, as its name has it."""
    return hashlib.sha256(content).hexdigest()[:32]


def stored_segments(store: FileStore) -> Iterator[StoredSegment]:
    """Every segment that is there whole, of all clusters. StoreFailed."""
    for name, _ in store.names():
        if found := _STORED.match(name):
            yield StoredSegment(int(found[1], 16), found[2], found[3], found[4])


def seal(system: int, segment: str, content: bytes, keys: list[Any]) -> tuple[StoredSegment, bytes]:
    """The segment compressed and encrypted, and the name under which it is kept."""
    packed = gzip.compress(content, _COMPRESSION, mtime=0)
    sealed = b"".join(age.encrypted(iter([packed]), keys))
    return StoredSegment(system, segment, checksum(content), hashlib.sha256(sealed).hexdigest()), sealed


def read_file(store: FileStore, found: StoredSegment) -> bytes:
    """The segment's file as it was put. BackupDamaged, BackupStoreFailed."""
    try:
        content = b"".join(store.open(found.name))
    except NoSuchFile:
        raise BackupDamaged(f"The segment {found.segment} of the log is missing in the store.") from None
    except StoreFailed as error:
        raise BackupStoreFailed(f"The log cannot be read ({error}): look at CRM_BACKUPS, run it again.") from None
    if hashlib.sha256(content).hexdigest() != found.stored:
        raise BackupDamaged(f"The segment {found.segment} of the log is damaged: it is not what was archived.")
    return content


def unseal(store: FileStore, found: StoredSegment, identities: list[Any]) -> bytes:
    """What the segment holds. BackupDamaged, BackupStoreFailed, WrongIdentity."""
    packed = b"".join(age.decrypted(iter([read_file(store, found)]), identities, what=f"segment {found.segment}"))
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError):
        content = b""
    if checksum(content) != found.content:
        raise BackupDamaged(f"The segment {found.segment} of the log holds something else than its name says.")
    return content


def chain(found: Iterator[StoredSegment], *, system: int, first: str, segment_bytes: int) -> "Chain":
    """The segments of a cluster from `first` on, without a hole, and the one that is missing after them."""
    there: dict[str, StoredSegment] = {}
    twice: set[str] = set()
    for one in found:
        if one.system == system and one.segment[:8] == first[:8]:
            if one.segment in there and there[one.segment].content != one.content:
                twice.add(one.segment)
            there[one.segment] = one
    whole, at = [], first
    while at in there and at not in twice:
        whole.append(there[at])
        at = following(at, segment_bytes)
    return Chain(whole, missing=at, goes_on=any(segment >= at for segment in there), is_double=at in twice)


@dataclass(frozen=True)
class Chain:
    """`missing` follows the last of `segments`; `goes_on`: later ones are there, so that it is a hole."""

    segments: list[StoredSegment]
    missing: str
    goes_on: bool
    is_double: bool

    @property
    def fault(self) -> str | None:
        if self.is_double:
            return f"segment {self.missing} of the log is there twice with other content"
        return f"segment {self.missing} of the log is missing" if self.goes_on else None


def write_reach(store: FileStore, reach: Reach) -> None:
    """StoreFailed."""
    store.put(reach.file, iter([reach.model_dump_json().encode()]))


def read_reach(store: FileStore, system: int, timeline: int) -> Reach | None:
    """How far the archive of this cluster is; None where it has not said it. BackupDamaged, StoreFailed."""
    try:
        return read_record(store, _reach_file(system, timeline), Reach, what="What the archive says of itself")
    except NoSuchFile:
        return None


def _reach_file(system: int, timeline: int) -> str:
    return f"{system:016x}-{timeline:08X}.json"
