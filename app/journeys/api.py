"""The routes of journeys, written once: `/clinical-trial-journeys`, `/eap-journeys`, with transitions and events."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from app.access.request_guard import CurrentActor, DbSession, IfMatch, allow, api_router
from app.audit import service as audit
from app.events.models import JourneyEvent
from app.events.queries import list_events
from app.journeys import queries, service
from app.journeys.answers import read
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.models import Journey
from app.journeys.schemas import JourneyEventRead
from app.platform.db import ConstraintErrors
from app.platform.etags import etag
from app.platform.paging import Page, PageQuery
from app.platform.problems import described
from app.platform.text import Id


def journey_router(kind: Kind) -> APIRouter:
    """The routes of one kind; operation ids and names of parameters come from its table."""
    router = api_router(kind.path, kind.tag)
    place = f"/{{{kind.key}}}"
    journey_key = Annotated[Id, Path(alias=kind.key)]

    def shown(journey: Journey, response: Response) -> Any:
        response.headers["etag"] = etag(journey.version)
        return read(kind, journey)

    @router.post(
        "",
        name=f"create_{kind.name}",
        description=kind.about_opening,
        status_code=201,
        response_model=kind.read,
        dependencies=[allow("journey.write")],
    )
    async def create(
        new: kind.create,  # type: ignore[name-defined]  # a type that the kind gives
        session: DbSession,
        actor: CurrentActor,
        response: Response,
    ) -> Any:
        journey = await service.open_journey(session, actor, kind=kind, new=new)
        response.headers["location"] = f"{router.prefix}/{kind.id_of(journey)}"
        return shown(journey, response)

    @router.get(
        "",
        name=f"list_{kind.name}s",
        response_model=Page[kind.read],  # type: ignore[name-defined]
        dependencies=[allow("journey.read")],
    )
    async def list_all(
        query: Annotated[kind.filter, Query()],  # type: ignore[name-defined]
        session: DbSession,
        actor: CurrentActor,
    ) -> Any:
        """Journeys, newest first."""
        found = await queries.list_journeys(session, actor, kind=kind, query=query)
        return audit.show_page(session, found, (read(kind, row) for row in found.rows))

    @router.get(place, name=f"get_{kind.name}", response_model=kind.read, dependencies=[allow("journey.read")])
    async def get(journey_id: journey_key, session: DbSession, actor: CurrentActor, response: Response) -> Any:
        journey = await queries.get_journey(session, actor, kind=kind, journey_id=journey_id)
        audit.note(session, record_type=kind.name, record_id=journey_id)
        return shown(journey, response)

    @router.put(place, name=f"update_{kind.name}", response_model=kind.read, dependencies=[allow("journey.write")])
    async def update(
        journey_id: journey_key,
        change: kind.update,  # type: ignore[name-defined]
        session: DbSession,
        actor: CurrentActor,
        response: Response,
        if_match: IfMatch,
    ) -> Any:
        """Change the fields given; a `status` moves the journey as a transition does. An empty body changes nothing."""
        journey = await service.change_journey(
            session, actor, kind=kind, journey_id=journey_id, change=change, if_match=if_match
        )
        return shown(journey, response)

    @router.post(
        f"{place}/transitions",
        name=f"move_{kind.name}",
        response_model=kind.read,
        responses=described(412),
        dependencies=[allow("journey.write")],
    )
    async def move(
        journey_id: journey_key,
        transition: kind.transition,  # type: ignore[name-defined]
        session: DbSession,
        actor: CurrentActor,
        response: Response,
        if_match: IfMatch,
    ) -> Any:
        """Take the journey to another state; the answer is the journey there. A refusal lists the moves there are."""
        journey = await service.move_journey(
            session, actor, kind=kind, journey_id=journey_id, transition=transition, if_match=if_match
        )
        return shown(journey, response)

    @router.get(
        f"{place}/events",
        name=f"list_{kind.name}_events",
        response_model=Page[JourneyEventRead],
        dependencies=[allow("journey.read")],
    )
    async def events(
        journey_id: journey_key,
        query: Annotated[PageQuery, Query()],
        session: DbSession,
        actor: CurrentActor,
    ) -> Any:
        """Every stage change of the journey, in the order of entry."""
        journey = await queries.get_journey(session, actor, kind=kind, journey_id=journey_id)
        subject = journey.patient.person_id
        audit.note(session, record_type=kind.name, record_id=journey_id, person_ids=[subject], subject=subject)
        of = getattr(JourneyEvent, kind.key) == journey_id
        found = await list_events(session, actor, of=of, query=query)
        return audit.show_page(session, found, map(JourneyEventRead.model_validate, found.rows))

    return router


ROUTERS = tuple(journey_router(kind) for kind in KINDS)
CONSTRAINTS: ConstraintErrors = {name: error for kind in KINDS for name, error in kind.constraint_errors.items()}
