"""Files of documents: encrypted as a stream, kept whole or not at all, in a folder and an S3-compatible store alike."""

import io
import os
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.platform import clock
from app.platform.content_types import TAKEN, content_type_of
from app.platform.crypto import MasterKeys, Unreadable
from app.platform.file_store import FileStore, FolderStore, NoSuchFile, StoreFailed
from app.platform.files import Files
from app.platform.sealed_files import CHUNK_BYTES, new_file_key, seal_file, unseal_file
from app.platform.settings import Settings
from tests.stores import an_s3_store

SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens_whatever_its_parts(size: int) -> None:
    key, plain = new_file_key(), os.urandom(size)
    sealed = b"".join(seal_file(key, (plain[at : at + 1000] for at in range(0, size, 1000))))
    parts = (sealed[at : at + 777] for at in range(0, len(sealed), 777))
    assert b"".join(unseal_file(key, parts)) == plain


def test_a_file_that_was_changed_cut_joined_or_reordered_does_not_open() -> None:
    key, plain, size = new_file_key(), os.urandom(3 * CHUNK_BYTES), CHUNK_BYTES + 16
    sealed = b"".join(seal_file(key, [plain]))
    first, second, third = sealed[:size], sealed[size : 2 * size], sealed[2 * size :]
    changed = bytearray(sealed)
    changed[size + 5] ^= 1
    for wrong in (
        bytes(changed),
        sealed[:-1],
        first + second,
        first,
        b"",
        second + first + third,
        first + third,
        sealed + third,
        sealed + b"x",
    ):
        with pytest.raises(Unreadable):
            list(unseal_file(key, [wrong]))
    with pytest.raises(Unreadable):
        list(unseal_file(new_file_key(), [sealed]))


def test_a_large_file_is_never_in_memory_whole(tmp_path: Path) -> None:
    size = 50 * 1024 * 1024
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(size)
    files = Files(Settings.model_validate({"documents": str(tmp_path / "kept")}))
    files.keep(io.BytesIO(b"%PDF-1.7"))  # what is imported once
    tracemalloc.start()
    try:
        with large.open("rb") as file:
            kept = files.keep(file)
        assert kept is not None
        read = sum(map(len, files.read(kept.stored_as, kept.key_version, kept.wrapped_key)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (kept.size_bytes, read) == (size, size)
    assert peak < 4 * 1024 * 1024


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileStore]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "kept")
        return
    with an_s3_store("documents") as made:
        yield made


def test_a_store_gives_back_what_it_was_given_and_forgets_what_is_deleted(store: FileStore) -> None:
    small, large = b"small", os.urandom(12 * 1024 * 1024)
    store.put("aa11", iter([small]))
    store.put("bb22", (large[at : at + CHUNK_BYTES] for at in range(0, len(large), CHUNK_BYTES)))
    assert b"".join(store.open("aa11")) == small
    assert b"".join(store.open("bb22")) == large
    assert (store.size("aa11"), store.size("bb22")) == (len(small), len(large))
    named = dict(store.names())
    assert set(named) == {"aa11", "bb22"}
    assert all(abs(clock.now() - put_at) < timedelta(minutes=5) for put_at in named.values())
    store.delete("aa11")
    store.delete("aa11")
    assert [name for name, _ in store.names()] == ["bb22"]
    with pytest.raises(NoSuchFile):
        next(store.open("aa11"))
    with pytest.raises(NoSuchFile):
        store.size("aa11")


def test_a_folder_that_is_not_of_the_store_is_left_alone(tmp_path: Path) -> None:
    """`lost+found` of a disk is for root alone: to list it would fail for everybody else."""
    store = FolderStore(tmp_path)
    store.put("aa11", iter([b"small"]))
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "lost+found" / "#12").write_text("of the disk")
    assert [name for name, _ in store.names()] == ["aa11"]


def test_a_file_whose_parts_fail_is_not_there(store: FileStore) -> None:
    def parts() -> Iterator[bytes]:
        yield os.urandom(8 * 1024 * 1024)
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreFailed):
        store.put("cc33", parts())
    assert list(store.names()) == []
    with pytest.raises(StoreFailed):
        next(store.open("cc33"))


def test_a_kind_that_is_taken_is_told_by_its_content() -> None:
    office = b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml"
    opened = b"PK\x03\x04" + bytes(22) + b"\x08\0\0\0" + b"mimetype" + b"application/vnd.oasis.opendocument.textPK"
    for beginning, end, kind in (
        (b"%PDF-1.7", b"", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"", "image/jpeg"),
        (bytes(128) + b"DICM", b"", "application/dicom"),
        (office, b"word/document.xml", f"{'application/vnd.openxmlformats-officedocument.'}wordprocessingml.document"),
        (office, b"xl/workbook.xml", f"{'application/vnd.openxmlformats-officedocument.'}spreadsheetml.sheet"),
        (opened, b"", "application/vnd.oasis.opendocument.text"),
        (b"BM is how this text begins", b"", "text/plain"),
        ("Überweisung".encode(), b"", "text/plain"),
        (b"MZ\x90\0\3", b"", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", b"", None),
        (b"<!DOCTYPE html><html>", b"", None),
        (b"PK\x03\x04" + bytes(26) + b"a.txt", b"", None),
        (b"\x7fELF\2\1\1", b"", None),
        (b"words \0 and a NUL", b"", None),
        (b"", b"", None),
    ):
        assert content_type_of(beginning, end) == kind, beginning[:20]
        assert kind is None or kind in TAKEN


def test_the_newest_master_key_seals_and_every_version_opens() -> None:
    old = MasterKeys({0: SecretStr("a" * 40)})
    new = MasterKeys({0: SecretStr("a" * 40), 2: SecretStr("b" * 40)})
    version, sealed = old.seal(purpose="test", owner="x", plain=b"plain")
    assert (version, new.newest) == (0, 2)
    assert new.unseal(0, purpose="test", owner="x", sealed=sealed) == b"plain"
    version, sealed = new.seal(purpose="test", owner="x", plain=b"plain")
    with pytest.raises(Unreadable):
        old.unseal(version, purpose="test", owner="x", sealed=sealed)
    with pytest.raises(Unreadable):
        new.unseal(version, purpose="test", owner="y", sealed=sealed)
