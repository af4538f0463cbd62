"""Uploads that are slow, cut, or find no room: nothing is done, and nothing of them stays."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect

from app.access import uploads
from app.access.bodies import SlowBodies
from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.documents.leftovers import remove_leftovers
from app.documents.models import Document, DocumentVersion
from app.documents.service import erase_contents
from app.main import create_app
from app.patients.models import Patient
from app.platform import clock
from app.platform.db import Database
from app.platform.file_store import FolderStore, StoreFailed
from app.platform.settings import Settings
from tests import builders
from tests.builders import PDF
from tests.conftest import AsRole, BoundDatabase
from tests.serving import served_here

URL = "/api/v1/documents"


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    made = await builders.a_patient(session)
    await session.commit()
    return made


@pytest.fixture
async def form(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator") | {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    return settings.model_copy(update={"documents": str(tmp_path)})


@pytest.fixture
async def app_client(bound: BoundDatabase, own: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(own, bound)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        client.app = app  # type: ignore[attr-defined]  # for the tests that look behind it
        yield client


def parts_of(patient: Patient, file: bytes) -> Iterator[bytes]:
    for name, value in (("patient_id", str(patient.patient_id)), ("kind", "letter"), ("title", "A letter")):
        yield f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    yield file
    yield b"\r\n--x--\r\n"


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def documents(session: AsyncSession) -> int:
    return (await session.execute(select(func.count()).select_from(Document))).scalar_one()


async def test_a_file_that_arrives_too_slowly_is_not_waited_for(
    app_client: httpx.AsyncClient,
    session: AsyncSession,
    patient: Patient,
    form: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(uploads, "LEAST_BYTES_A_SECOND", 1000)

    async def body(pause: float, size: int) -> AsyncIterator[bytes]:
        for part in parts_of(patient, PDF):
            yield part
            for _ in range(8):
                if part == PDF:
                    await asyncio.sleep(pause)
                    yield b" " * size

    slow = await app_client.post(URL, content=body(0.15, 10), headers=form)
    steady = await app_client.post(URL, content=body(0.15, 400), headers=form)
    assert (slow.status_code, slow.json()["code"]) == (408, "upload_too_slow")
    assert steady.status_code == 201, steady.text
    assert await documents(session) == 1


async def test_no_file_takes_longer_than_five_minutes(
    app_client: httpx.AsyncClient, patient: Patient, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LONGEST_SECONDS", 0.3)

    async def body() -> AsyncIterator[bytes]:
        for part in parts_of(patient, PDF):
            yield part
            await asyncio.sleep(0.1)

    answer = await app_client.post(URL, content=body(), headers=form)
    assert (answer.status_code, answer.json()["code"]) == (408, "upload_too_slow")


async def test_slow_uploads_are_counted_with_all_slow_bodies(
    app_client: httpx.AsyncClient, patient: Patient, form: dict[str, str]
) -> None:
    app: Any = app_client.app  # type: ignore[attr-defined]
    app.state.slow_bodies = SlowBodies(most=1, most_of_address=1)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        for part in parts_of(patient, PDF):
            yield part
            if part == PDF:
                begun.set()
                await go_on.wait()

    async def late() -> AsyncIterator[bytes]:
        yield b"--x\r\n"
        await asyncio.sleep(2)
        for part in parts_of(patient, PDF):
            yield part

    first = asyncio.create_task(app_client.post(URL, content=body(), headers=form))
    await begun.wait()
    await asyncio.sleep(0.4)
    second = await app_client.post(URL, content=late(), headers=form)
    go_on.set()
    assert second.status_code == 429
    assert (await first).status_code == 201


async def test_a_client_that_goes_away_leaves_nothing(
    app_client: httpx.AsyncClient, session: AsyncSession, patient: Patient, form: dict[str, str], tmp_path: Path
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for part in list(parts_of(patient, PDF))[:-1]:
            yield part
        raise ClientDisconnect

    answer = await app_client.post(URL, content=body(), headers=form)
    assert answer.status_code == 400
    assert await documents(session) == 0
    assert files_in(tmp_path) == []


async def test_a_form_that_ends_in_the_middle_of_the_file_is_none(
    app_client: httpx.AsyncClient, session: AsyncSession, patient: Patient, form: dict[str, str], tmp_path: Path
) -> None:
    answer = await app_client.post(URL, content=b"".join(list(parts_of(patient, PDF))[:-1]), headers=form)
    assert answer.status_code == 422, answer.text
    assert await documents(session) == 0
    assert files_in(tmp_path) == []


async def test_a_disk_that_is_full_is_said_and_leaves_nothing(
    app_client: httpx.AsyncClient,
    session: AsyncSession,
    patient: Patient,
    form: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("app.platform.file_store.os.fsync", full)
        answer = await app_client.post(URL, content=b"".join(parts_of(patient, PDF)), headers=form)
    assert (answer.status_code, answer.json()["code"]) == (503, "files_unavailable")
    assert answer.headers["retry-after"]
    assert await documents(session) == 0
    assert files_in(tmp_path) == []
    assert (await app_client.post(URL, content=b"".join(parts_of(patient, PDF)), headers=form)).status_code == 201


async def test_a_store_that_does_not_answer_is_said_at_a_download(
    app_client: httpx.AsyncClient, patient: Patient, form: dict[str, str], tmp_path: Path
) -> None:
    made = (await app_client.post(URL, content=b"".join(parts_of(patient, PDF)), headers=form)).json()
    for path in files_in(tmp_path):
        path.unlink()
    key = {"Authorization": form["Authorization"]}
    answer = await app_client.get(f"{URL}/{made['document_id']}/versions/1/content", headers=key)
    assert (answer.status_code, answer.json()["code"]) == (503, "files_unavailable")


async def test_what_no_version_names_is_removed_after_a_day(
    app_client: httpx.AsyncClient,
    bound: BoundDatabase,
    session: AsyncSession,
    patient: Patient,
    form: dict[str, str],
    tmp_path: Path,
) -> None:
    body = b"".join(parts_of(patient, PDF))
    kept = (await app_client.post(URL, content=body, headers=form)).json()["document_id"]
    erased = (await app_client.post(URL, content=body, headers=form)).json()["document_id"]
    refused = await app_client.post(URL, content=body.replace(b"letter\r\n", b"wrong\r\n"), headers=form)
    await erase_contents(session, document_id=erased)
    await session.commit()
    store = FolderStore(tmp_path)
    (tmp_path / "aa").mkdir(exist_ok=True)
    (tmp_path / "aa" / "aa11.part").write_bytes(b"of a process that was killed")

    before = sum(1 for _ in store.names())
    at_once = await remove_leftovers(bound, store, now=clock.now())
    removed = await remove_leftovers(bound, store, now=clock.now() + timedelta(days=1, minutes=1))

    assert (refused.status_code, before, at_once, removed) == (422, 4, 0, 3)
    (name,) = [name for name, _ in store.names()]
    query = select(DocumentVersion.stored_as).where(DocumentVersion.document_id == kept)
    assert (await session.scalars(query)).all() == [name]
    with pytest.raises(StoreFailed):
        next(store.open("aa11"))


@pytest.fixture(scope="module")
async def port(settings: Settings, committed_database: Database) -> AsyncIterator[int]:
    small = settings.model_copy(update={"largest_document_mib": 1})
    async with served_here(create_app(small, committed_database)) as found:
        yield found


async def _send_whole(port: int, head: str, mebibytes: int) -> bytes:
    """What somebody reads who sends everything before they look for an answer, as browsers and curl do."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {URL} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{head}\r\n".encode())
    part = bytes(1024 * 1024)
    for _ in range(mebibytes):
        writer.write(b"%x\r\n%b\r\n" % (len(part), part) if "chunked" in head else part)
        await writer.drain()
    writer.write(b"0\r\n\r\n" if "chunked" in head else b"")
    answer = await asyncio.wait_for(reader.read(), timeout=30)
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n", b"413"),
        ("Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n", b"422"),
        ("Content-Type: application/pdf\r\nContent-Length: {length}\r\n", b"415"),
    ],
    ids=["too large", "no form", "another type"],
)
async def test_who_sends_a_file_that_is_refused_reads_why(
    port: int, committed_database: Database, head: str, status: bytes
) -> None:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), name="uploads", role=Role.NAVIGATOR)
    length = 40 * 1024 * 1024
    about = f"Authorization: Bearer {key}\r\n{head.format(length=length)}"
    answer = await _send_whole(port, about, length // 1024 // 1024)
    assert answer.startswith(b"HTTP/1.1 " + status), answer[:200]
    assert b'"code":' in answer


async def test_a_refused_file_is_not_dropped_without_end(
    app_client: httpx.AsyncClient, form: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_DROPPED_BYTES", 8 * 1024 * 1024)
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(1024 * 1024)

    answer = await app_client.post(URL, content=endless(), headers=form | {"Content-Type": "application/pdf"})
    assert (answer.status_code, taken) == (415, 8)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)

    monkeypatch.setattr(uploads, "DROP_PAUSE_SECONDS", 0.2)
    late = await asyncio.wait_for(
        app_client.post(URL, content=stalled(), headers=form | {"Content-Type": "application/pdf"}), timeout=5
    )
    assert late.status_code == 415
