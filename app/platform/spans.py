"""
What traces hold: a span for each request, each job, and each statement of either.

A span is named by a route template, a job, or what a statement does to which of our tables. It holds the method, the
status, the request id, the kind of an error: no path, no query, no parameter, no text of SQL or of an exception, nobody
and no address. Spans are handed over by a thread of their own; what it cannot deliver is lost, and no request waits.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, Final

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, format_trace_id, get_current_span, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from procrastinate import JobContext
from procrastinate.middleware import AsyncCallNext
from procrastinate.worker import Worker
from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.db import Base, Database, sqlstate
from app.platform.fast_path import Row, Rows, Statement, StatementRunner
from app.platform.logs import log_also
from app.platform.request_metrics import METHODS

log = structlog.get_logger()

_SECONDS: Final = 2.0
"""How long the end of a process waits for its last spans."""
_SILENT: Final = ("opentelemetry.exporter", "opentelemetry.sdk._shared_internal", "urllib3")
"""Loggers that repeat themselves while a collector is away: `_Collector` says it once."""
_NAMED: Final = re.compile(
    r"\b(?P<does>INSERT\s+INTO|UPDATE|DELETE\s+FROM|FROM|JOIN)\s+(?:ONLY\s+)?\"?(?P<table>\w+)", re.IGNORECASE
)
_VERBS: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "SET", "LOCK", "WITH"})
_LONGEST_NAME: Final = 255
_STATEMENT: Final = "statement"


@cache
def _our_tables() -> frozenset[str]:
    return frozenset(Base.metadata.tables)


@lru_cache(maxsize=4096)
def name_of(sql: str) -> str:
    """
    What a statement does to which of our tables: `INSERT audit_event SELECT patient person`.

    Only words of our own can be in it: verbs of SQL, and tables that a model has.
    """
    found: list[tuple[str, str]] = []
    for hit in _NAMED.finditer(sql):
        does, table = hit["does"].split()[0].upper(), hit["table"].lower()
        pair = ("SELECT" if does in {"FROM", "JOIN"} else does, table)
        if table in _our_tables() and pair not in found:
            found.append(pair)
    words: list[str] = []
    for number, (does, table) in enumerate(found):
        words += [table] if number and found[number - 1][0] == does else [does, table]
    first = (sql.split(None, 1) or [""])[0].upper()
    return " ".join(words)[:_LONGEST_NAME] or (first if first in _VERBS else _STATEMENT)


class Traces:
    """The spans of one process. `believes_proxies`: a request may come with the `traceparent` of a proxy of ours."""

    def __init__(self, endpoint: str, *, believes_proxies: bool) -> None:
        for name in _SILENT:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "crm"}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_Collector(exporter(endpoint))))
        self.tracer = self._provider.get_tracer("crm")
        self._believes_proxies = believes_proxies

    def watch(self, database: Database) -> None:
        """From here on each statement of this database that belongs to a span is one."""
        self._watch(database.engine)
        if database.replica is not None:
            self._watch(database.replica.engine)
        database.statements = _Statements(database.statements, self)

    def _watch(self, engine: AsyncEngine) -> None:
        def begin(_connection: Any, _cursor: Any, sql: str, _values: Any, context: Any, _many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's signature
            context.crm_span = self._begin_statement(sql)

        def end(_connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's signature
            if context.crm_span is not None:
                context.crm_span.end()
                context.crm_span = None

        def fail(about: ExceptionContext) -> None:
            span: Span | None = getattr(about.execution_context, "crm_span", None)
            if span is not None:
                _failed(span, about.sqlalchemy_exception or about.original_exception)
                span.end()

        event.listen(engine.sync_engine, "before_cursor_execute", begin)
        event.listen(engine.sync_engine, "after_cursor_execute", end)
        event.listen(engine.sync_engine, "handle_error", fail)

    def _begin_statement(self, sql: str) -> Span | None:
        if not get_current_span().is_recording():
            return None
        about = {"db.system.name": "postgresql", "db.query.summary": (name := name_of(sql))}
        return self.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=about)

    @contextmanager
    def statement(self, sql: str) -> Iterator[None]:
        """The span of a fast statement, where it belongs to one."""
        span = self._begin_statement(sql)
        if span is None:
            yield
            return
        try:
            yield
        except BaseException as error:
            _failed(span, error)
            raise
        finally:
            span.end()

    @contextmanager
    def span(self, name: str, kind: SpanKind, *, of: Context, about: Mapping[str, str]) -> Iterator[Span]:
        """A span that what happens inside belongs to, in the log too; of an exception it has the kind alone."""
        span = self.tracer.start_span(name, context=of, kind=kind, attributes=about)
        log_also(trace_id=format_trace_id(span.get_span_context().trace_id))
        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except BaseException as error:
            _failed(span, error)
            raise
        finally:
            span.end()

    def around_requests(self, app: ASGIApp) -> ASGIApp:
        """ASGI middleware, inside RequestFrame, which has given the request its id."""

        async def request(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            method = scope["method"] if scope["method"] in METHODS else "_OTHER"
            status = 500

            async def send_noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = int(message["status"])
                await send(message)

            about = {"http.request.method": method, "crm.request_id": scope["request_id"]}
            with self.span(method, SpanKind.SERVER, of=self._trace_of(scope), about=about) as span:
                try:
                    await app(scope, receive, send_noted)
                finally:
                    # The template, which is known now: a path may hold what somebody typed.
                    if (route := getattr(scope.get("route"), "path", None)) is not None:
                        span.update_name(f"{method} {route}")
                        span.set_attribute("http.route", route)
                    span.set_attribute("http.response.status_code", status)
                    if status >= 500:  # noqa: PLR2004 - from here on errors are ours
                        span.set_attribute("error.type", str(status))
                        span.set_status(Status(StatusCode.ERROR))

        return request

    def _trace_of(self, scope: Scope) -> Context:
        """The trace that a proxy of ours has begun; without `tracestate`, which may hold anything."""
        parent = Headers(scope=scope).get("traceparent") if self._believes_proxies else None
        return TraceContextTextMapPropagator().extract({"traceparent": parent} if parent else {}, Context())

    async def around_job(self, call_next: AsyncCallNext, context: JobContext, _worker: Worker) -> Any:
        """A job's span: its name and number, no arguments. Middleware of the worker."""
        about = {"crm.run_id": str(context.job.id)}
        with self.span(context.job.task_name, SpanKind.CONSUMER, of=Context(), about=about):
            return await call_next()

    def flush(self) -> None:
        """Hand over what is there, for as long as that takes, at most _SECONDS."""
        _at_most(self._provider.force_flush)

    async def end(self) -> None:
        """Hand over what is there, for as long as that takes, at most _SECONDS; there are no spans from here on."""
        await asyncio.to_thread(_at_most, self._provider.shutdown)


def _at_most(work: Callable[[], object]) -> None:
    # The library waits for a collector that is away for half a minute. Nobody waits for a daemon's end.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_SECONDS)


def _failed(span: Span, error: BaseException) -> None:
    """Its kind: what it says may quote a value."""
    span.set_attribute("error.type", sqlstate(error) or type(error).__qualname__)
    span.set_status(Status(StatusCode.ERROR))


class _Statements:
    """A StatementRunner whose statements are spans. One that several share is a span of each of them."""

    def __init__(self, runner: StatementRunner, traces: Traces) -> None:
        self._runner, self._traces = runner, traces

    async def one(self, statement: Statement, values: Mapping[str, Any]) -> Row | None:
        with self._traces.statement(statement.sql):
            return await self._runner.one(statement, values)

    async def all(self, statement: Statement, values: Mapping[str, Any]) -> Rows:
        with self._traces.statement(statement.sql):
            return await self._runner.all(statement, values)

    async def shared(self, statement: Statement, values: Mapping[str, Any]) -> Row | None:
        with self._traces.statement(statement.sql):
            return await self._runner.shared(statement, values)

    async def close(self) -> None:
        await self._runner.close()


def exporter(endpoint: str) -> OTLPSpanExporter:
    """What sends to a collector. It reads further variables of OpenTelemetry itself, as OTEL_EXPORTER_OTLP_HEADERS."""
    return OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")


class _Collector(SpanExporter):
    """Where spans go. That they do not arrive is said once, and once that they do again."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter = exporter
        self._takes = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        takes = result is SpanExportResult.SUCCESS
        if takes is not self._takes:
            self._takes = takes
            if takes:
                log.info("traces_arrive_again")
            else:
                log.warning("traces_do_not_arrive")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
