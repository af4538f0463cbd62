"""Which backups are kept, and that nothing else of the store is touched."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.backups import create as creating
from app.backups import keeping, wal
from app.backups.base import BaseManifest
from app.backups.errors import BackupDamaged
from app.backups.listing import Found, list_backups, remove, superfluous
from app.backups.manifest import Manifest, StoredFile, backup_of, name_at, read_manifest, write_manifest
from app.platform import clock
from app.platform.file_store import FileStore, FolderStore
from app.platform.settings import BackupKeep
from tests.backups.conftest import Place
from tests.stores import an_s3_store

NEWEST = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)


def a_manifest(taken_at: datetime, **values: object) -> Manifest:
    name = name_at(taken_at)
    file = StoredFile(name=f"{name}.database.001.age", size_bytes=4, sha256="00")
    known = {
        "name": name,
        "taken_at": taken_at,
        "program_version": "1",
        "schema_revision": "x",
        "postgresql_version": 180000,
        "recipients": [],
        "database": [file],
        "documents": [],
        "rows": {},
        "document_count": 0,
        "document_bytes": 0,
        "document_keys": {},
        "missing_documents": 0,
        "damaged_documents": 0,
        "erased_documents": 0,
    }
    return Manifest.model_validate(known | values)


def found(days_ago: float, *, is_whole: bool = True, **values: object) -> Found:
    manifest = a_manifest(NEWEST - timedelta(days=days_ago), **values)
    faults = [] if is_whole and manifest.has_every_document else ["something"]
    return Found(manifest.name, manifest, faults, is_whole)


def days_kept(backups: list[Found], keep: BackupKeep) -> list[float]:
    removed = {manifest.name for manifest in superfluous(backups, keep)}
    kept = [backup.manifest for backup in backups if backup.name not in removed]
    return [(NEWEST - manifest.taken_at) / timedelta(days=1) for manifest in kept if manifest]


def test_the_newest_of_each_day_week_and_month_is_kept() -> None:
    """28 November 2026 is a Saturday: its week began 5 days before, the last one ended 6 days before."""
    daily = [found(days) for days in range(100)]
    assert days_kept(daily, BackupKeep(daily=3, weekly=0, monthly=0)) == [0, 1, 2]
    assert days_kept(daily, BackupKeep(daily=0, weekly=3, monthly=0)) == [0, 6, 13]
    assert days_kept(daily, BackupKeep(daily=0, weekly=0, monthly=3)) == [0, 28, 59]
    assert days_kept(daily, BackupKeep(daily=3, weekly=3, monthly=3)) == [0, 1, 2, 6, 13, 28, 59]
    assert days_kept([found(0), found(0.01), found(0.05)], BackupKeep(daily=5, weekly=1, monthly=1)) == [0]


def test_the_newest_complete_one_stays_whatever_is_asked_for() -> None:
    nothing = BackupKeep(daily=0, weekly=0, monthly=0)
    assert days_kept([found(0), found(1)], nothing) == [0]
    # The newest lacks a document: both stay.
    assert days_kept([found(0, missing_documents=1), found(40), found(41)], nothing) == [0, 40]
    # A file of the newest is gone: it is no reason to remove the one before.
    assert days_kept([found(0, is_whole=False), found(40)], nothing) == [40]
    assert days_kept([found(0, is_whole=False), found(0.01)], BackupKeep(daily=2)) == [0.01]


def test_what_has_no_manifest_is_not_ours_to_remove() -> None:
    interrupted = Found("crm-2020-01-01T000000Z", None, ["interrupted"])
    assert superfluous([found(0), interrupted], BackupKeep(daily=1)) == []


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileStore]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "backups", spread=False)
        return
    with an_s3_store("backups") as made:
        yield made


def test_a_backup_is_removed_with_its_files_and_nothing_else(store: FileStore) -> None:
    old, new = a_manifest(NEWEST - timedelta(days=1)), a_manifest(NEWEST)
    for name in (old.files[0].name, new.files[0].name, "crm-notes.txt", "crm-2020-01-01T000000Z.database.001.age"):
        store.put(name, iter([b"four"]))
    for manifest in (old, new):
        write_manifest(store, manifest)
    assert [backup.is_complete for backup in list_backups(store)] == [True, True, False]
    remove(store, old)
    assert [(backup.name, backup.is_complete) for backup in list_backups(store)] == [
        (new.name, True),
        ("crm-2020-01-01T000000Z", False),
    ]
    assert {name for name, _ in store.names()} == {
        new.files[0].name,
        f"{new.name}.json",
        "crm-notes.txt",
        "crm-2020-01-01T000000Z.database.001.age",
    }


def test_a_manifest_that_names_files_of_another_is_not_believed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path, spread=False)
    other = a_manifest(NEWEST - timedelta(days=1))
    write_manifest(store, a_manifest(NEWEST, database=other.database))
    with pytest.raises(BackupDamaged, match="not its own"):
        read_manifest(store, name_at(NEWEST))


@pytest.mark.parametrize("name", ["crm-2026-11-28T020000Z.json", "crm-2026-11-28T020000Z.documents.001.age.part"])
def test_files_of_a_backup_are_known(name: str) -> None:
    assert backup_of(name) == "crm-2026-11-28T020000Z"


@pytest.mark.parametrize("name", ["other.json", "crm-2026-11-28T020000Z.json.bak", "crm-2026.json", "secret-key"])
def test_other_files_are_not_taken_for_one(name: str) -> None:
    assert backup_of(name) is None


def test_creating_removes_what_is_kept_no_longer(origin: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    names = []
    for days in (3, 2, 1):
        monkeypatch.setattr(clock, "now", lambda at=now - timedelta(days=days): at)
        names.append(origin.create(CRM_BACKUP_KEEP="daily=2,weekly=0,monthly=0"))
    assert sorted(path.name for path in origin.backups.glob("*.json")) == [f"{name}.json" for name in names[1:]]
    assert {path.name.split(".")[0] for path in origin.backups.iterdir()} == set(names[1:])


def test_a_long_stream_is_cut_into_files_and_read_as_one(
    origin: Place, empty: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "FILE_BYTES", 64 * 1024)
    name = origin.create()
    manifest = read_manifest(FolderStore(origin.backups, spread=False), name)
    assert len(manifest.database) > 2
    assert len(manifest.documents) > 2
    assert empty.crm("restore", name, "--identity", str(empty.identity)).returncode == 0


def a_base(days_ago: float, *, segment: int, timeline: int = 1, system: int = 7) -> BaseManifest:
    taken_at = NEWEST - timedelta(days=days_ago)
    return BaseManifest(
        name=f"base-{taken_at:%Y-%m-%dT%H%M%SZ}",
        taken_at=taken_at,
        program_version="1",
        postgresql_version=180000,
        system_identifier=system,
        timeline=timeline,
        segment_bytes=2**24,
        first_segment=f"{timeline:08X}{segment:016X}",
        last_segment=f"{timeline:08X}{segment:016X}",
        database="crm",
        superuser="crm",
        recipients=[],
        files=[],
    )


def segments(*numbers: int, timeline: int = 1, system: int = 7) -> list[wal.StoredSegment]:
    return [wal.StoredSegment(system, f"{timeline:08X}{number:016X}", "0" * 32, "0" * 64) for number in numbers]


def test_a_base_stays_while_a_moment_of_the_last_days_needs_it() -> None:
    bases = [a_base(days, segment=100 - int(days)) for days in (0, 3, 6, 8, 15)]
    removed = keeping.superfluous_bases(bases, days=7, now=NEWEST)
    # From the base of eight days ago a moment of seven days ago is reached.
    assert [(NEWEST - base.taken_at).days for base in removed] == [15]
    assert keeping.superfluous_bases(bases[-1:], days=7, now=NEWEST + timedelta(days=400)) == []


def test_the_log_stays_from_the_oldest_base_on_and_that_of_others_untouched() -> None:
    kept = [a_base(0, segment=9), a_base(3, segment=5)]
    assert keeping.superfluous_segments(kept, segments(3, 4, 5, 6, 9, 10)) == segments(3, 4)
    # Another cluster in the same place has no base yet: one may just be made.
    assert keeping.superfluous_segments(kept, segments(1, 2, system=8)) == []
    # After a restore the cluster goes on in another timeline; the one of before goes with its last base.
    assert keeping.superfluous_segments(kept, segments(1, timeline=2)) == []
    assert keeping.superfluous_segments([a_base(0, segment=9, timeline=2)], segments(8, 9, 10)) == segments(8, 9, 10)
