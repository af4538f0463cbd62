"""Bodies that are slow to arrive: they have a deadline, few are waited for, and nobody else notices them."""

import asyncio
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.access import bodies
from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.platform.db import Database
from app.platform.errors import AppError
from tests.conftest import AsRole
from tests.serving import environment, serving

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded", "origin": "http://test"}
CONDITIONS = "/api/v1/medical-conditions"
HALF_A_HEAD = "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\n"


async def _never_ending() -> AsyncIterator[bytes]:
    yield b'{"name": '
    await asyncio.sleep(30)
    yield b'"x"}'


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(bodies, "SLOW_AFTER_SECONDS", 0.05)


@pytest.mark.usefixtures("hurried")
async def test_json_and_forms_have_a_deadline(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = {**await as_role("data_steward"), **JSON}
    for _ in "12":
        late = await asyncio.wait_for(client.post(CONDITIONS, content=_never_ending(), headers=headers), 5)
        assert (late.status_code, late.json()["code"]) == (408, "body_too_slow")
    await client.get("/sign-in")
    late = await asyncio.wait_for(client.post("/sign-in", content=_never_ending(), headers=FORM), 5)
    assert late.status_code == 408


async def test_the_body_of_a_key_that_opens_nothing_is_not_read(client: httpx.AsyncClient) -> None:
    forged = {**JSON, "Authorization": "Bearer crm_aaaaaaaaaaaa_" + "A" * 43}
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"{}"

    for headers in (JSON, forged):
        assert (await client.post(CONDITIONS, content=body(), headers=headers)).status_code == 401
    assert read == 0


def test_slow_bodies_are_counted_by_address_and_in_all() -> None:
    async def count() -> None:
        slow = bodies.SlowBodies(most=3, most_of_address=2)
        ready, done = asyncio.Event(), asyncio.Event()

        async def read(source: str) -> str:
            refused: list[AppError] = []
            try:
                async with asyncio.timeout(5) as limit:
                    with slow.read_within(lambda: source, limit) as refused:
                        await (ready if source == "quick" else done).wait()
            except TimeoutError:
                return refused[0].error_code
            return "read"

        waiting = [asyncio.create_task(read(source)) for source in ("a", "a", "a", "b", "c", "quick")]
        ready.set()
        await asyncio.sleep(bodies.SLOW_AFTER_SECONDS + 0.1)
        assert [task.result() if task.done() else None for task in waiting] == [
            None, None, "too_many_requests", None, "unavailable", "read",
        ]  # fmt: skip
        done.set()
        assert await waiting[0] == "read"
        assert slow.refusal_of_another("a") is None

    asyncio.run(count())


@pytest.fixture(scope="module")
def more_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4_096:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (4_096 if hard == resource.RLIM_INFINITY else min(hard, 4_096), hard)
        )


@pytest.fixture
async def headers(committed_database: Database) -> dict[str, str]:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="slow bodies")
    return {"Authorization": f"Bearer {key}"}


@contextmanager
def _stalled(url: str, head: str, count: int) -> Iterator[list[socket.socket]]:
    """So many connections that have sent `head` and send nothing more."""
    host, port = url.removeprefix("http://").split(":")
    opened = []
    try:
        for _ in range(count):
            opened.append(socket.create_connection((host, int(port)), timeout=10))
            opened[-1].sendall(head.encode())
        yield opened
    finally:
        for one in opened:
            one.close()


def _head(path: str, *lines: str) -> str:
    named = ["Host: 127.0.0.1", "Content-Type: application/json", "Content-Length: 1000", *lines]
    return f"POST {path} HTTP/1.1\r\n" + "".join(f"{line}\r\n" for line in named) + '\r\n{"name": '


def _form(url: str) -> str:
    lines = (f"Origin: {url}", "Cookie: crm_session=anything")
    return _head("/sign-in", *lines).replace("application/json", "application/x-www-form-urlencoded")


@pytest.mark.long
@pytest.mark.usefixtures("more_files")
async def test_over_a_thousand_slow_bodies_of_strangers_freeze_nothing(
    tmp_path: Path, committed_url: str, headers: dict[str, str]
) -> None:
    await asyncio.to_thread(_stall_and_ask, tmp_path, committed_url, headers)


def _stall_and_ask(tmp_path: Path, committed_url: str, headers: dict[str, str]) -> None:
    env = environment(CRM_DATABASE_URL=committed_url, CRM_DATA_DIR=str(tmp_path))
    with serving(tmp_path / "log", env=env) as (_, url):
        # Each form that is refused is answered by a page: fewer of them, many more than there is room for.
        forms, bodies_of_the_api, heads = (_form(url), 300), (_head(CONDITIONS), 1_050), (HALF_A_HEAD, 1_050)
        for head, count in (forms, bodies_of_the_api, heads):
            with _stalled(url, head, count) as stalled:
                # A fresh connection each: a probe does not have one that is open already.
                assert httpx.get(f"{url}/health", timeout=20).status_code == 200
                for path in ("/health/ready", f"{CONDITIONS}?limit=1"):
                    assert _is_served(f"{url}{path}", headers), (head, path)
                if "Cookie" in head:
                    answers = _answers_of(stalled, waited_for=20)
                    assert answers.count(None) <= 20, "twenty of an address are waited for, no more"
                    assert set(answers) <= {None, "408", "429", "503"}
                elif "/api/" in head:
                    answers = _answers_of(stalled, waited_for=0)
                    assert set(answers) <= {"401", "429", "503"}


def _is_served(address: str, headers: dict[str, str]) -> bool:
    """Whether it is answered while the others stall; a thousand at once may take all connections for a moment."""
    for _ in range(10):
        if httpx.get(address, headers=headers, timeout=20).status_code == httpx.codes.OK:
            return True
        time.sleep(0.5)
    return False


def _answers_of(stalled: list[socket.socket], *, waited_for: int) -> list[str | None]:
    """The statuses that have arrived; a busy machine gets some seconds to refuse all but those it may wait for."""
    answers = [_answer_of(one) for one in stalled]
    for _ in range(5):
        if answers.count(None) <= waited_for:
            break
        answers = [answer or _answer_of(one) for answer, one in zip(answers, stalled, strict=True)]
    return answers


def _answer_of(one: socket.socket) -> str | None:
    """The status that has arrived, without waiting; None for none."""
    one.settimeout(0.05)
    try:
        return one.recv(64)[9:12].decode()
    except TimeoutError:
        return None


@pytest.mark.usefixtures("hurried")
async def test_a_body_that_the_fast_path_gave_up_is_not_waited_for_again(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    headers = {**await as_role("navigator"), **JSON, "content-length": "100"}
    await client.get("/api/v1/patients?limit=1", headers=headers)
    began = asyncio.get_running_loop().time()
    late = await client.post("/api/v1/patients", content=_never_ending(), headers=headers)
    assert (late.status_code, late.json()["code"]) == (408, "body_too_slow")
    assert asyncio.get_running_loop().time() - began < bodies.DEADLINE_SECONDS * 2


async def test_a_slow_body_of_somebody_known_is_read(client: httpx.AsyncClient, as_role: AsRole) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"name": '
        await asyncio.sleep(bodies.SLOW_AFTER_SECONDS * 2)
        yield b'"A slow condition"}'

    answer = await client.post(CONDITIONS, content=body(), headers={**await as_role("data_steward"), **JSON})
    assert answer.status_code == 201
