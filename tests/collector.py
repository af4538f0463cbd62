"""A collector of traces on loopback: it takes OTLP by HTTP and keeps what it was sent."""

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.answering import Request, answering


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
        self.url = ""

    def take(self, request: Request) -> None:
        body = request.body()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if request.path != "/v1/traces":
            self.elsewhere.append(request.path)
        elif self.answers < 300:
            self.requests.append(ExportTraceServiceRequest.FromString(body))
        request.answer(self.answers)

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
    with answering(made.take) as place:
        made.url = f"http://{place}"
        yield made
