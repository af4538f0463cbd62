"""
What the archive does with the segments in its spool, and what is removed of bases and logs; in a folder and in S3.

The segments here are files of some bytes: what is in them matters to the database alone.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyrage
import pytest

from app.backups import age, keeping, wal
from app.backups.archive import Archiver
from app.backups.base import BaseManifest, Cluster
from app.backups.create import put_encrypted
from app.backups.errors import ArchiveBroken, DocumentStoreFailed
from app.platform.file_store import FileStore, FolderStore, store_at
from tests.stores import an_s3_bucket

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
IDENTITY = pyrage.x25519.Identity.generate()
RECIPIENT = str(IDENTITY.to_public())
SEGMENT_BYTES = 2**24
DOCUMENT = "0123456789abcdef"


def cluster(system: int = 7) -> Cluster:
    return Cluster(system, timeline=1, segment_bytes=SEGMENT_BYTES, version=180000, database="crm", superuser="crm")


def segment(number: int) -> str:
    return f"{1:08X}{number:016X}"


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "folder":
        yield str(tmp_path / "backups")
        return
    with an_s3_bucket() as bucket:
        yield f"s3://{bucket}/backups"


@pytest.fixture
def archiver(place: str, tmp_path: Path) -> Archiver:
    made = Archiver(
        "unused", tmp_path / "spool", wal.log_store(place), FolderStore(tmp_path / "documents"),
        wal.copies_store(place),
        age.recipients((RECIPIENT,)), None, print, threading.Event(),
    )  # fmt: skip
    made.spool.mkdir()
    return made


def spooled(archiver: Archiver, *numbers: int, content: bytes = b"log") -> None:
    for number in numbers:
        (archiver.spool / segment(number)).write_bytes(content)


def archived(archiver: Archiver) -> list[str]:
    return sorted(one.segment for one in wal.stored_segments(archiver.log))


def test_a_finished_segment_goes_with_its_documents_and_what_is_being_written_stays(archiver: Archiver) -> None:
    spooled(archiver, 1, 2)
    unfinished = archiver.spool / f"{segment(3)}.partial"
    unfinished.write_bytes(b"")
    archiver.documents.put(DOCUMENT, iter([b"sealed"]))
    archiver.ship(cluster())
    assert archived(archiver) == [segment(1), segment(2)]
    assert list(archiver.spool.iterdir()) == [unfinished]
    (one, _) = wal.stored_segments(archiver.log)
    assert wal.unseal(archiver.log, one, [IDENTITY]) == b"log"
    stored = b"".join(age.decrypted(archiver.copies.open(wal.copy_name(DOCUMENT)), [IDENTITY], what="document"))
    assert stored == b"sealed"


@contextmanager
def killed_at(at: object, step: str) -> Iterator[None]:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(at, step, dies)
        yield


def test_no_segment_is_put_before_its_documents(archiver: Archiver) -> None:
    """Killed between any two steps, what is in the store is one of these."""
    spooled(archiver, 1)
    archiver.documents.put(DOCUMENT, iter([b"sealed"]))

    # Before the documents.
    with killed_at(archiver.copies, "put"), pytest.raises(KeyboardInterrupt):
        archiver.ship(cluster())
    assert (archived(archiver), list(archiver.copies.names())) == ([], [])
    # Between the documents and the segment.
    with killed_at(archiver.log, "put"), pytest.raises(KeyboardInterrupt):
        archiver.ship(cluster())
    assert (archived(archiver), len(list(archiver.copies.names()))) == ([], 1)
    # Between the segment and its removal from the spool.
    with killed_at(Path, "unlink"), pytest.raises(KeyboardInterrupt):
        archiver.ship(cluster())
    assert (archived(archiver), [path.name for path in archiver.spool.iterdir()]) == ([segment(1)], [segment(1)])

    archiver.ship(cluster())
    assert archived(archiver) == [segment(1)], "it is there once"
    assert not list(archiver.spool.iterdir())


def test_no_segment_is_put_where_the_documents_cannot_be_listed(archiver: Archiver, tmp_path: Path) -> None:
    """As where a folder may not be read, which says so to all but root."""
    spooled(archiver, 1)
    (tmp_path / "documents").write_text("no folder")
    with pytest.raises(DocumentStoreFailed, match="look at CRM_DOCUMENTS"):
        archiver.ship(cluster())
    assert (archived(archiver), [path.name for path in archiver.spool.iterdir()]) == ([], [segment(1)])


@pytest.mark.parametrize("there", [False, True], ids=["no folder", "an empty folder"])
def test_no_segment_is_put_where_the_documents_are_gone(archiver: Archiver, tmp_path: Path, *, there: bool) -> None:
    """As where a disk is not mounted, or CRM_DOCUMENTS names another place than it did."""
    spooled(archiver, 1)
    archiver.documents.put(DOCUMENT, iter([b"sealed"]))
    archiver.ship(cluster())
    spooled(archiver, 2)
    (tmp_path / "documents").rename(tmp_path / "elsewhere")
    if there:
        (tmp_path / "documents").mkdir()
    with pytest.raises(DocumentStoreFailed, match="is empty, and 1 documents are in the archive"):
        archiver.ship(cluster())
    assert (archived(archiver), [path.name for path in archiver.spool.iterdir()]) == ([segment(1)], [segment(2)])
    # It goes on by itself once they are back.
    (tmp_path / "documents").rmdir() if there else None
    (tmp_path / "elsewhere").rename(tmp_path / "documents")
    archiver.ship(cluster())
    assert archived(archiver) == [segment(1), segment(2)]


def test_a_segment_of_another_content_is_refused_and_kept(archiver: Archiver) -> None:
    spooled(archiver, 1)
    archiver.ship(cluster())
    spooled(archiver, 1, content=b"another")
    with pytest.raises(ArchiveBroken, match="another server of the same files"):
        archiver.ship(cluster())
    assert (archiver.spool / segment(1)).read_bytes() == b"another"
    # Another cluster has a segment of that name in its own right.
    archiver.ship(cluster(8))
    assert sorted(one.system for one in wal.stored_segments(archiver.log)) == [7, 8]


def a_base(store: FileStore, days_ago: float, first: int) -> BaseManifest:
    taken_at = NOW - timedelta(days=days_ago)
    name = f"base-{taken_at:%Y-%m-%dT%H%M%SZ}"
    files = put_encrypted(store, [], f"{name}.cluster", age.recipients((RECIPIENT,)), (part for part in [b"files"]))
    made = BaseManifest(
        name=name, taken_at=taken_at, program_version="1", postgresql_version=180000, system_identifier=7, timeline=1,
        segment_bytes=SEGMENT_BYTES, first_segment=segment(first), last_segment=segment(first), database="crm",
        superuser="crm", recipients=[], files=files,
    )  # fmt: skip
    store.put(f"{name}.json", iter([made.model_dump_json().encode()]))
    return made


def test_what_no_moment_of_the_kept_days_needs_is_removed_and_nothing_else(place: str, archiver: Archiver) -> None:
    store = store_at(place, spread=False)
    store.put("crm-2020-01-01T000000Z.database.001.age", iter([b"of a dump"]))
    archiver.documents.put(DOCUMENT, iter([b"sealed"]))
    bases = [a_base(store, 0, 9), a_base(store, 8, 5), a_base(store, 15, 2)]
    spooled(archiver, *range(1, 12))
    archiver.ship(cluster())

    assert keeping.remove_superfluous(store, archiver.log, days=7, now=NOW) == [bases[2].name]
    assert archived(archiver) == [segment(number) for number in range(5, 12)]
    found, others = keeping.all_bases(store, archiver.log)
    assert ([base.manifest.name for base in found], others) == ([base.name for base in bases[:2]], {})
    assert [base.fault for base in found] == [None, None]
    for base in found:
        keeping.verify_base(store, archiver.log, base)
    left = {name for name, _ in store.names()}
    assert "crm-2020-01-01T000000Z.database.001.age" in left
    assert [name for name, _ in archiver.copies.names()] == [wal.copy_name(DOCUMENT)]
    assert not [name for name in left if bases[2].name in name]


def test_a_base_that_is_not_whole_is_told(place: str, archiver: Archiver) -> None:
    store = store_at(place, spread=False)
    whole, cut, bare, odd = (a_base(store, days, 1) for days in (0, 1, 2, 3))
    spooled(archiver, 1)
    archiver.ship(cluster())
    store.delete(cut.files[0].name)
    store.delete(f"{bare.name}.json")
    store.put(f"{odd.name}.json", iter([b"{}"]))
    found, others = keeping.all_bases(store, archiver.log)
    assert [(base.manifest.name, base.fault) for base in found] == [
        (whole.name, None), (cut.name, f"{cut.files[0].name} is missing"),
    ]  # fmt: skip
    assert others == {bare.name: "interrupted: no manifest", odd.name: "manifest damaged"}
