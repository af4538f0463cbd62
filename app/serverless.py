"""
The application behind API Gateway, on AWS Lambda: `python -m app.serverless` answers events of an HTTP API.

An environment of Lambda answers one request at a time and is frozen in between, so the application is made once, and
its connections outlive a request. What needs a process that goes on is not here: jobs are the
worker's.
"""

import asyncio
import json
import os
from contextlib import AsyncExitStack
from functools import cache
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from mangum import Mangum

from app.main import create_app
from app.platform import grants
from app.platform.logs import describe_error, set_up_logs
from app.platform.settings import OTHER_ROLES, Settings, SettingsError

if TYPE_CHECKING:
    from app.platform.spans import Traces

log = structlog.get_logger()

RUNTIME = "/2018-06-01/runtime"
"""Lambda's runtime API: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes"."""
TEXT = ["text/", "application/json", "application/problem+json", "application/manifest+json", "javascript", "svg+xml"]
"""What goes back as text; everything else, and what is compressed, as base64, which API Gateway undoes."""


def main() -> None:
    """Take events one after the other, for as long as the environment lives."""
    api = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        _application()
    except Exception as error:
        _send(api, f"{RUNTIME}/init/error", _failure(error))
        raise
    while True:
        api.request("GET", f"{RUNTIME}/invocation/next")
        asked = api.getresponse()
        event, request = json.loads(asked.read()), asked.headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            answer, place = handle(event), "response"
        except Exception as error:  # noqa: BLE001 - the environment goes on, with the next event
            answer, place = _failure(error), "error"
        _send(api, f"{RUNTIME}/invocation/{request}/{place}", answer)
        # What is asked for next may come hours later, and until then nothing runs here.
        if (traces := _application().traces) is not None:
            traces.flush()


def _send(api: HTTPConnection, path: str, said: dict[str, Any]) -> None:
    api.request("POST", path, json.dumps(said), {"Content-Type": "application/json"})
    api.getresponse().read()


def _failure(error: Exception) -> dict[str, Any]:
    """What Lambda is told, and logs: the kind, and not the text, which may hold what somebody typed."""
    log.error("event_failed", **describe_error(error))
    said = str(error) if isinstance(error, SettingsError) else "see the log"
    return {"errorType": type(error).__name__, "errorMessage": said}


def handle(event: dict[str, Any], context: Any = None) -> dict[str, Any]:
    """The answer to an event, in the form that API Gateway takes."""
    answer: dict[str, Any] = _application().adapter(event, context)
    return answer


class _Begun(NamedTuple):
    """The application, begun, and what would end it: nobody is told when an environment goes."""

    adapter: Mangum
    ending: AsyncExitStack
    traces: "Traces | None"


@cache
def _application() -> _Begun:
    settings = Settings.from_environment()
    set_up_logs(settings.log_format)
    _refuse_more_than_the_application(settings)
    # Of the process: the adapter runs each request in it, and the connections belong to it.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = create_app(settings)
    begun = AsyncExitStack()
    loop.run_until_complete(begun.enter_async_context(app.router.lifespan_context(app)))
    return _Begun(Mangum(app, lifespan="off", text_mime_types=TEXT), begun, app.state.traces)


def _refuse_more_than_the_application(settings: Settings) -> None:
    """As `crm serve`: SettingsError and Conflict in production, where it could log in as the owner."""
    if not settings.is_production:
        return
    if others := [name for name in OTHER_ROLES.values() if os.environ.get(name)]:
        raise SettingsError(f"A process that serves must not know {', '.join(others)}: give it to commands alone")
    assert settings.database_url is not None  # noqa: S101 - production has refused to start without
    grants.refuse_owner(settings.database_url.get_secret_value())


if __name__ == "__main__":
    main()
