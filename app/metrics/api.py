import time
from collections.abc import Iterator, Sequence
from typing import Final

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily

from app.access.answering import Asked, Filled
from app.access.request_guard import DbSession, allow, api_router
from app.metrics.queries import Metric, amounts, state
from app.platform.newest_revision import head_revision
from app.platform.request_metrics import RequestMetrics

router = api_router("/metrics", "metrics")

_AMOUNTS_SECONDS: Final = 300
"""Counting a million patients takes a tenth of a second: not at each scrape."""


_INFO: Final = Metric(
    "crm_info", "Always 1: which revision this program has.", ("revision",), [((head_revision(),), 1)]
)


class Amounts:
    """What `amounts` has told last, for each process."""

    def __init__(self) -> None:
        self._known: list[Metric] = []
        self._until = 0.0

    async def read(self, session: DbSession) -> list[Metric]:
        if time.monotonic() >= self._until:
            self._known = await amounts(session)
            self._until = time.monotonic() + _AMOUNTS_SECONDS
        return self._known


@router.get(
    "",
    dependencies=[allow("metrics.read")],
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text."}},
)
async def get_metrics(request: Request, session: DbSession) -> Response:
    """Requests, connections, jobs, mails, the trail, replicas, and how many records there are, for Prometheus."""
    counted: RequestMetrics = request.app.state.request_metrics
    known: Amounts = request.app.state.amounts
    registry = counted.registry()
    registry.register(_Told([*await state(session), *await known.read(session), _INFO]))
    return _Scrape(registry)


class _Scrape(Filled):
    """The text that Prometheus reads. It holds counts, so there is nothing to be masked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(media_type=CONTENT_TYPE_PLAIN_0_0_4)
        self._registry = registry

    async def fill(self, asked: Asked) -> None:  # noqa: ARG002 - who may read counts reads all of them
        self.body = generate_latest(self._registry)
        self.headers["content-length"] = str(len(self.body))


class _Told:
    """A collector of what was told already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric in self._metrics:
            family = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in metric.samples:
                family.add_metric(labels, value)
            yield family
