"""Traces: off by default and then not there at all; on, they say what was done, and of nobody to whom."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SentStatus
from procrastinate import App
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from starlette.types import Receive, Scope, Send

from app.platform.db import Database, create_engine, sqlstate
from app.platform.logs import set_up_logs
from app.platform.middleware import RequestFrame
from app.platform.request_metrics import RequestMetrics
from app.platform.settings import LogFormat, Settings, SettingsError
from app.platform.spans import Traces, name_of
from app.worker import make_worker, named_by_its_job
from tests.collector import Collector, a_collector, about
from tests.serving import crm_here, environment, free_port, serving

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_EXPORTER_OTLP_TIMEOUT": "0.2"}
"""Milliseconds between two deliveries, and seconds for one."""
PATIENTS = "/api/v1/patients"
_OFF = f"""
import asyncio, sys
from app import worker
from app.main import create_app
from app.platform.fast_path import StatementPool
from app.platform.settings import Settings

app = create_app(Settings.from_environment({{"CRM_DATABASE_URL": "postgresql://nobody@127.0.0.1:{free_port()}/none"}}))

async def begin():
    async with app.router.lifespan_context(app):
        database = app.state.serving.database
        assert type(database.statements) is StatementPool
        assert not database.engine.sync_engine.dispatch.before_cursor_execute
        assert [layer.cls.__name__ for layer in app.user_middleware] == ["RequestFrame"]

asyncio.run(begin())
# The interface without anything behind it comes with FastAPI.
ours = ("opentelemetry.sdk", "opentelemetry.exporter", "google.", "requests")
print([name for name in sys.modules if name.startswith(ours)])
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with a_collector() as made:
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {"OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16"}
    for name, value in {**QUICK, **few}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def traced(
    collector: Collector, settings: Settings, committed_database: Database, committed_url: str, quick: None
) -> AsyncIterator[tuple[Traces, Database]]:
    """Traces, and a database that they watch."""
    traces = Traces(collector.url, believes_proxies=False)
    database = Database(create_engine(settings, committed_url))
    traces.watch(database)
    yield traces, database
    await database.close()
    await traces.end()


async def _answers(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that says in the log that it was asked, and answers."""
    structlog.get_logger().info("asked")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _asking(traces: Traces) -> httpx.AsyncClient:
    framed = RequestFrame(traces.around_requests(_answers), RequestMetrics())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=framed), base_url="http://here")


def _events(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the log has said since this was asked; a line that is none of the log's is an event too."""
    lines = capsys.readouterr().err.splitlines()
    return [json.loads(line)["event"] if line.startswith("{") else line for line in lines]


def _one(spans: list[Span], name: str) -> Span:
    (found,) = [span for span in spans if span.name == name]
    return found


def test_nothing_is_imported_and_nothing_stands_in_the_way_while_they_are_off() -> None:
    done = subprocess.run([sys.executable, "-c", _OFF], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_a_request_with_its_statements_is_a_trace_of_the_proxy_that_began_it(
    own_database: dict[str, str], tmp_path: Path, collector: Collector
) -> None:
    env = {**own_database, "CRM_DATA_DIR": str(tmp_path), "CRM_OTLP_ENDPOINT": collector.url, "CRM_PROXY_HOPS": "1"}
    # What FastAPI would send by itself has paths and queries.
    env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    key = crm_here("api-key", "create", "--role", "navigator", "--name", "test", env=env).stdout.strip()
    headers = {"Authorization": f"Bearer {key}", "traceparent": PARENT, "tracestate": "vendor=Anna"}
    log = tmp_path / "log"
    with serving(log, env=environment(**env, **QUICK, CRM_LOG_FORMAT="json")) as (_, url):
        with httpx.Client(base_url=url, headers=headers) as client:
            # A key's first request goes the ordinary path.
            ordinary = client.get(PATIENTS, params={"limit": 1, "q": "Anna"})
            fast = client.get(PATIENTS, params={"limit": 1})
            client.get("/nowhere/Anna")
            client.request("ANNA", "/health")
        assert fast.status_code == ordinary.status_code == 200
        spans = collector.until(lambda found: {"GET", "_OTHER /health"} <= {span.name for span in found})

    requests = [span for span in spans if span.name == f"GET {PATIENTS}"]
    assert len(requests) == 2
    asked: list[list[str]] = []
    for answer in (fast, ordinary):
        (request,) = [r for r in requests if about(r)["crm.request_id"] == answer.headers["x-request-id"]]
        assert request.kind == Span.SPAN_KIND_SERVER
        assert (request.trace_id.hex(), request.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
        assert about(request) == {
            "http.request.method": "GET",
            "http.route": PATIENTS,
            "http.response.status_code": 200,
            "crm.request_id": answer.headers["x-request-id"],
        }
        statements = [span for span in spans if span.parent_span_id == request.span_id]
        asked.append([span.name for span in statements])
        for statement in statements:
            assert statement.kind == Span.SPAN_KIND_CLIENT
            assert about(statement) == {"db.system.name": "postgresql", "db.query.summary": statement.name}
    assert all("INSERT audit_event" in " ".join(names) for names in asked), asked
    assert any({"api_key", "patient"} <= set(name.split()) for name in asked[0]), "a fast path is one statement"
    assert about(_one(spans, "GET"))["http.response.status_code"] == 404
    lines = [json.loads(line) for line in log.read_text().splitlines() if '"request"' in line]
    (line,) = [line for line in lines if line["request_id"] == fast.headers["x-request-id"]]
    assert line["trace_id"] == PARENT.split("-")[1]
    assert collector.elsewhere == []
    assert all(word not in collector.said() for word in ("Anna", "ANNA", "vendor", "127.0.0.1", "limit"))


@pytest.mark.usefixtures("quick")
async def test_without_a_proxy_of_ours_a_request_begins_its_own_trace(collector: Collector) -> None:
    traces = Traces(collector.url, believes_proxies=False)
    async with _asking(traces) as client:
        await client.get("/", headers={"traceparent": PARENT})
    await traces.end()
    (span,) = collector.spans()
    assert span.parent_span_id == b""
    assert span.trace_id.hex() != PARENT.split("-")[1]


@pytest.mark.usefixtures("quick")
async def test_a_collector_that_is_away_is_one_warning_and_no_request_waits_for_it(
    collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(LogFormat.JSON)
    traces = Traces(collector.url, believes_proxies=False)

    async def ask_until(event: str) -> list[str]:
        said: list[str] = []
        async with _asking(traces) as client:
            while event not in said:
                assert (await client.get("/")).status_code == 200
                said += _events(capsys)
                await asyncio.sleep(0.02)
        return said

    collector.answers = 503
    assert "traces_arrive_again" not in await ask_until("traces_do_not_arrive")
    # More than one delivery and more than the queue holds: not another word.
    async with _asking(traces) as client:
        for _ in range(200):
            await client.get("/")
        for _ in range(2):
            traces.flush()
        more = _events(capsys)
    assert set(more) == {"asked", "request"}
    collector.answers = 200
    assert "traces_do_not_arrive" not in await ask_until("traces_arrive_again")
    await traces.end()


@pytest.mark.usefixtures("quick")
async def test_a_collector_that_takes_connections_and_says_nothing_holds_up_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        traces = Traces(f"http://127.0.0.1:{silent.getsockname()[1]}", believes_proxies=False)
        async with _asking(traces) as client:
            for _ in range(200):
                assert (await client.get("/")).status_code == 200
        # An hour otherwise, and the test would never end.
        await traces.end()


@pytest.mark.usefixtures("quick")
async def test_a_statement_that_fails_says_its_kind_and_not_its_value(
    collector: Collector, traced: tuple[Traces, Database]
) -> None:
    traces, database = traced
    states: list[str | None] = []

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with database.unit_of_work() as session:
                await session.execute(text("SELECT 'Anna' FROM person WHERE first_name = :name"), {"name": "Anna"})
                await session.execute(
                    text("INSERT INTO hospital (name, version) VALUES (:name, NULL)"), {"name": "Anna"}
                )
        except DBAPIError as error:
            states.append(sqlstate(error))
            raise

    framed = RequestFrame(traces.around_requests(fails), RequestMetrics())
    transport = httpx.ASGITransport(app=framed)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        with pytest.raises(DBAPIError, match="Anna"):
            await client.get("/Anna")
    await traces.end()

    failed = _one(collector.spans(), "INSERT hospital")
    assert (about(failed)["error.type"], failed.status.code) == (states[0], SentStatus.STATUS_CODE_ERROR)
    request = _one(collector.spans(), "GET")
    assert about(request)["http.response.status_code"] == 500
    assert request.status.code == SentStatus.STATUS_CODE_ERROR
    assert all(not span.events and not span.status.message for span in collector.spans())
    assert "Anna" not in collector.said()


@pytest.mark.usefixtures("quick")
async def test_a_job_with_its_statements_is_a_trace(
    settings: Settings,
    committed_url: str,
    collector: Collector,
    traced: tuple[Traces, Database],
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logs(LogFormat.JSON)
    traces, database = traced
    jobs: App = make_worker(settings, database, committed_url)

    @jobs.task(name="look")
    async def look(name: str) -> None:
        async with database.unit_of_work() as session:
            await session.execute(text("SELECT count(*) FROM person WHERE first_name = :name"), {"name": name})
        structlog.get_logger().info("looked", count=1)

    async with jobs.open_async():
        await look.defer_async(name="Anna")
        await jobs.run_worker_async(
            wait=False,
            install_signal_handlers=False,
            delete_jobs="successful",
            worker_middleware=[named_by_its_job, traces.around_job],
        )
    await traces.end()

    job = _one(collector.spans(), "look")
    assert (job.parent_span_id, set(about(job))) == (b"", {"crm.run_id"})
    # What else was due ran too, such as what runs at night.
    of_it = [span for span in collector.spans() if span.trace_id == job.trace_id]
    assert _one(of_it, "SELECT person").parent_span_id == job.span_id
    assert "Anna" not in collector.said()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line["event"] == "looked"]
    assert (line["job"], line["run_id"], line["trace_id"]) == ("look", about(job)["crm.run_id"], job.trace_id.hex())


def test_a_worker_hands_its_traces_over(own_database: dict[str, str], tmp_path: Path, collector: Collector) -> None:
    env = environment(**own_database, **QUICK, CRM_DATA_DIR=str(tmp_path), CRM_OTLP_ENDPOINT=collector.url)
    with serving(tmp_path / "log", env=env):
        worker = subprocess.Popen(
            [Path(sys.executable).parent / "crm", "worker"],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            spans = collector.until(lambda found: any(span.name == "keep_search" for span in found))
        finally:
            worker.terminate()
            assert worker.wait(60) == 0
    job = next(span for span in spans if span.name == "keep_search")
    collector.until(lambda found: any(span.parent_span_id == job.span_id for span in found))


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT person.first_name FROM person JOIN patient ON true WHERE x = 'Anna'", "SELECT person patient"),
        ('WITH c AS (SELECT 1 FROM "api_key"), e AS (INSERT INTO audit_event SELECT 1 FROM c) SELECT 1 FROM patient',
         "SELECT api_key INSERT audit_event SELECT patient"),
        ("UPDATE person SET first_name = 'Anna' WHERE true", "UPDATE person"),
        ("INSERT INTO person (x) VALUES (1) ON CONFLICT DO UPDATE SET x = 1", "INSERT person"),
        ("DELETE FROM web_session WHERE true", "DELETE web_session"),
        ("SELECT 1 FROM anna, pg_class", "SELECT"),
        ("anna", "statement"),
        ("", "statement"),
    ],
)  # fmt: skip
def test_a_statement_is_named_by_words_of_ours(sql: str, name: str) -> None:
    assert name_of(sql) == name


@pytest.mark.parametrize(
    "address",
    ["collector:4318", "ftp://collector", "http://", "http://anna@collector", "http://collector/v1/traces",
     "http://collector?x=1", "http://collector:port"],
)  # fmt: skip
def test_an_address_that_is_none_of_a_collector_stops_the_start(address: str) -> None:
    with pytest.raises(SettingsError, match=r"CRM_OTLP_ENDPOINT: .*as in CRM_OTLP_ENDPOINT=http") as refused:
        Settings.from_environment({"CRM_OTLP_ENDPOINT": address})
    assert "secret" not in str(refused.value)
