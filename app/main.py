"""create_app(settings): everything is put together here and nowhere else."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app import health
from app.access.accounts import api as accounts
from app.access.accounts import errors as account_errors
from app.access.bodies import SlowBodies
from app.access.openings import api as openings
from app.access.openings import errors as opening_errors
from app.access.rate_limits import RateLimits
from app.access.request_guard import State, mount
from app.availability import api as availability
from app.availability import errors as availability_errors
from app.calls import api as calls
from app.calls import errors as call_errors
from app.casework import api as casework
from app.conditions import api as conditions
from app.conditions import errors as condition_errors
from app.documents import api as documents
from app.drafts import api as drafts
from app.drafts import errors as draft_errors
from app.exports import api as exports
from app.exports import errors as export_errors
from app.hospitals import api as hospitals
from app.hospitals import errors as hospital_errors
from app.journeys import api as journeys
from app.journeys.eap import api as programmes
from app.journeys.eap import errors as programme_errors
from app.journeys.norms import api as norms
from app.journeys.trial import api as trials
from app.journeys.trial import errors as trial_errors
from app.leads import api as leads
from app.leads import errors as lead_errors
from app.metrics import api as metrics
from app.notes import api as notes
from app.notifications import api as notifications
from app.oversight import api as oversight
from app.patients import api as patients
from app.patients import errors as patient_errors
from app.patients.care_team import api as care_team
from app.patients.care_team import errors as care_team_errors
from app.people import api as people
from app.people import errors as people_errors
from app.people import review_api as people_review
from app.people.departures import api as departures
from app.people.departures import errors as departure_errors
from app.physicians import api as physicians
from app.physicians import errors as physician_errors
from app.platform import problems
from app.platform.db import ConstraintErrors, Database, create_engine, create_replica
from app.platform.files import Files
from app.platform.logs import set_up_logs
from app.platform.middleware import RequestFrame
from app.platform.processes import ending_with_the_server
from app.platform.request_metrics import RequestMetrics
from app.platform.settings import Caseload, Settings, SettingsError
from app.platform.traces import begin_traces
from app.preferences import api as preferences
from app.saved_views import api as saved_views
from app.saved_views import errors as saved_view_errors
from app.tasks import api as tasks
from app.tasks import errors as task_errors
from app.web.docs_pages import mount_docs
from app.web.error_pages import errors_as_pages
from app.web.gallery import mount_gallery
from app.web.page_guard import with_frame
from app.web.render import mount_pages
from app.web.screens import mount_all

if TYPE_CHECKING:
    from app.platform.spans import Traces

TITLE = "myTomorrows CRM"
DESCRIPTION = """
One person as the single source of truth; leads, patients, physicians and their journeys around it.

Authenticate with `Authorization: Bearer <API key>`. Errors are RFC 9457 problem+json with a stable `code`.
POST takes an `Idempotency-Key`; PUT changes the fields given and takes `If-Match`.
"""
# The busiest first: addresses are compared in this order.
ROUTERS = (
    patients.router,
    calls.router,
    conditions.router,
    hospitals.router,
    hospitals.specialization_router,
    calls.of_patients,
    physicians.router,
    trials.router,
    *journeys.ROUTERS,
    people.router,
    departures.of_persons,
    departures.came_back,
    people.contact_types,
    people_review.suggested_changes,
    people_review.duplicate_candidates,
    norms.router,
    leads.router,
    tasks.router,
    notes.router,
    documents.router,
    drafts.router,
    preferences.router,
    availability.router,
    saved_views.router,
    notifications.router,
    exports.router,
    casework.of_leads,
    casework.of_patients,
    casework.hand_overs,
    programmes.programme_router,
    programmes.gate_router,
    care_team.router,
    openings.router,
    accounts.users_router,
    accounts.keys_router,
    oversight.events_router,
    oversight.router,
    metrics.router,
)
CONSTRAINT_ERRORS: ConstraintErrors = {
    **account_errors.CONSTRAINTS,
    **opening_errors.CONSTRAINTS,
    **condition_errors.CONSTRAINTS,
    **hospital_errors.CONSTRAINTS,
    **people_errors.CONSTRAINTS,
    **departure_errors.CONSTRAINTS,
    **patient_errors.CONSTRAINTS,
    **call_errors.CONSTRAINTS,
    **physician_errors.CONSTRAINTS,
    **journeys.CONSTRAINTS,
    **trial_errors.CONSTRAINTS,
    **programme_errors.CONSTRAINTS,
    **lead_errors.CONSTRAINTS,
    **care_team_errors.CONSTRAINTS,
    **task_errors.CONSTRAINTS,
    **draft_errors.CONSTRAINTS,
    **availability_errors.CONSTRAINTS,
    **saved_view_errors.CONSTRAINTS,
    **export_errors.CONSTRAINTS,
}


def create_app(settings: Settings, database: Database | None = None) -> FastAPI:
    """The application. With `database` (tests) it uses that one, which its owner closes; else it makes its own."""
    limits = RateLimits(
        failures_per_address=settings.failed_keys_per_minute, requests_per_account=settings.rate_limit_per_minute
    )
    request_metrics = RequestMetrics()
    traces = begin_traces(settings)
    # Whose caseload a person is in is asked by the ordinary path alone.
    fast_paths = settings.fast_paths and settings.caseload is Caseload.SHARED

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        own = database or _database_of(settings, traces)
        app.state.serving = State(own, CONSTRAINT_ERRORS, fast_paths=fast_paths, rate_limits=limits)
        if database is None:
            request_metrics.watch(own.engine)
            # What the application is made of stays: the collector need not walk through it again (0.2 s each time).
            gc.collect()
            gc.freeze()
        async with ending_with_the_server():
            yield
        if database is None:
            await own.close()
        if traces is not None:
            await traces.end()

    app = FastAPI(
        title=TITLE,
        description=DESCRIPTION,
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        # An address has one spelling: a redirect would lead to whatever Host the client has named.
        redirect_slashes=False,
        # FastAPI's own spans hold paths and queries, its logs what exceptions say. Ours are in platform/spans.py.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.settings = settings
    app.state.files = Files(settings)
    app.state.request_metrics, app.state.amounts = request_metrics, metrics.Amounts()
    app.state.slow_bodies = SlowBodies(
        most=settings.slow_bodies_limit, most_of_address=settings.slow_bodies_address_limit
    )
    if database is not None:
        app.state.serving = State(database, CONSTRAINT_ERRORS, fast_paths=fast_paths, rate_limits=limits)
    for router in ROUTERS:
        mount(app, router)
    app.include_router(health.router)
    mount_pages(app, development=not settings.is_production, language=settings.default_language)
    mount_docs(app)
    mount_all(app)
    if not settings.is_production:
        mount_gallery(app)
    problems.install(app, CONSTRAINT_ERRORS)
    errors_as_pages(app, with_frame)
    app.state.traces = traces
    _add_middleware(app, request_metrics, traces)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]  # FastAPI's own way to extend the description
    return app


def _database_of(settings: Settings, traces: "Traces | None") -> Database:
    """The database of this process; SettingsError where no address is set."""
    if settings.database_url is None:
        raise SettingsError("CRM_DATABASE_URL is not set; `crm serve` sets it for the embedded PostgreSQL")
    made = Database(
        create_engine(settings, settings.database_url.get_secret_value()),
        replica=create_replica(settings),
        statement_pool_size=settings.statement_pool_size,
        statement_timeout_seconds=settings.pool_timeout_seconds,
    )
    if traces is not None:
        traces.watch(made)
    return made


def _add_middleware(app: FastAPI, request_metrics: RequestMetrics, traces: "Traces | None") -> None:
    """What is round every request; the last is outermost."""
    settings: Settings = app.state.settings
    if traces is not None:
        app.add_middleware(traces.around_requests)
    app.add_middleware(RequestFrame, request_metrics, allowed_hosts=settings.allowed_hosts, https=settings.is_secure)


def _describe(app: FastAPI) -> dict[str, object]:
    """The description, with the Problem that every route refers to and without FastAPI's own shape of a 422."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    components["Problem"] = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    nested = components["Problem"].pop("$defs", {})
    components.update(nested)
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    app.openapi_schema = schema
    return schema


def app_from_environment() -> FastAPI:
    """What the server's worker processes call."""
    settings = Settings.from_environment()
    set_up_logs(settings.log_format)
    return create_app(settings)
