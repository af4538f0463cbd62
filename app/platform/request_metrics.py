"""
What is counted of requests, in the process that answers them: by route template, never by address.

Where several processes serve one port, each writes its counts into a folder that `crm serve` makes (METRICS_FOLDER),
and a scrape adds them up, whichever process answers it.
"""

import os
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app.platform.processes import METRICS_FOLDER

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are one: a client makes their names up."""


class RequestMetrics:
    """One for each application."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        self._requests = Counter(
            "crm_requests", "Requests that were answered.", ("method", "route", "status"), registry=self._own
        )
        self._seconds = Histogram(
            "crm_request_seconds", "Seconds to the end of the answer.", ("method", "route"), buckets=_BUCKETS,
            registry=self._own,
        )  # fmt: skip
        self._in_use = Gauge(
            "crm_pool_connections_in_use",
            "Connections of the pool that are taken; the fast paths keep theirs.",
            multiprocess_mode="livesum",
            registry=self._own,
        )
        # The library looks its labels up under a lock each time.
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer. `route` is a template of ours."""
        known = self._known.get((method, route, status))
        if known is None:
            counted = method if method in METHODS else "other"
            known = self._requests.labels(counted, route, status), self._seconds.labels(counted, route)
            if counted != "other":
                self._known[method, route, status] = known
        known[0].inc()
        known[1].observe(seconds)

    def watch(self, engine: AsyncEngine) -> None:
        """Count the connections of this engine's pool that are in use."""
        pool = engine.sync_engine.pool
        event.listen(pool, "checkout", lambda *_: self._in_use.inc())
        event.listen(pool, "checkin", lambda *_: self._in_use.dec())

    def registry(self) -> CollectorRegistry:
        """What has been counted, of all processes that serve together; others may be registered beside it."""
        found = CollectorRegistry()
        if folder := os.environ.get(METRICS_FOLDER):
            _forget_ended_processes(Path(folder))
            MultiProcessCollector(found)  # type: ignore[no-untyped-call]  # the library leaves it unannotated
        else:
            found.register(self._own)
        return found


def _forget_ended_processes(folder: Path) -> None:
    """Take the gauges of processes away that were replaced. What they have counted stays."""
    for file in folder.glob("gauge_live*.db"):
        if not Path(f"/proc/{file.stem.rpartition('_')[2]}").exists() and Path("/proc/self").exists():
            file.unlink(missing_ok=True)
