"""
Traces by OTLP, where CRM_OTLP_ENDPOINT names a collector; off otherwise, and then neither the SDK nor the exporter of
OpenTelemetry is imported.

What a span holds is in spans.py.
"""

from typing import TYPE_CHECKING

from app.platform.settings import Settings

if TYPE_CHECKING:
    from app.platform.spans import Traces


def begin_traces(settings: Settings) -> "Traces | None":
    """The traces of this process, which end with `Traces.end`; None where they are off."""
    if settings.otlp_endpoint is None:
        return None
    # Here, since it takes a second and memory, and a process without traces pays for neither.
    from app.platform.spans import Traces  # noqa: PLC0415

    return Traces(settings.otlp_endpoint, believes_proxies=settings.proxy_hops > 0)


def takes_traces(endpoint: str) -> bool:
    """Whether the collector there takes a request without spans, within ten seconds."""
    from app.platform.spans import exporter  # noqa: PLC0415 - as above

    return exporter(endpoint).export([]).name == "SUCCESS"
