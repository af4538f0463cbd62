"""A collector of traces on loopback: it takes OTLP by HTTP and keeps what it was sent."""

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def about(span: Span) -> dict[str, str | int]:
    """The attributes of a span."""
    return {pair.key: _value(pair) for pair in span.attributes}


def _value(pair: KeyValue) -> Any:
    return getattr(pair.value, str(pair.value.WhichOneof("value")))


class Collector:
    """
    `url` is what CRM_OTLP_ENDPOINT is set to; `requests` are as they came, `answers` is the status of the next.

    `elsewhere` are the paths of what is not traces.
    """

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.elsewhere: list[str] = []
        self.answers = 200
        collector = self

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path != "/v1/traces":
                    collector.elsewhere.append(self.path)
                elif collector.answers < 300:
                    collector.requests.append(ExportTraceServiceRequest.FromString(body))
                self.send_response(collector.answers)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Span]:
        scopes = [scope for sent in self.requests for one in sent.resource_spans for scope in one.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    def said(self) -> str:
        """Everything that was sent, as text: resources and scopes too."""
        return "\n".join(map(str, self.requests))

    def until(self, is_there: Callable[[list[Span]], bool]) -> list[Span]:
        """The spans, once they are as wanted."""
        ends = time.monotonic() + 60
        while not is_there(found := self.spans()):
            assert time.monotonic() < ends, [span.name for span in found]
            time.sleep(0.05)
        return found


@contextmanager
def a_collector() -> Iterator[Collector]:
    made = Collector()
    Thread(target=made.server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
