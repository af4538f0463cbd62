"""
Role by field by surface: what every route that returns people shows to every role, against the policy's table.

Generated from the application's routes and the classes of their answers' fields; the world's values are canaries.
"""

import base64
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN, class_of
from app.access.models import RoleGrant
from app.access.policy import GRANTS, PERMISSIONS, Role, Sight, role_sight
from app.calls.models import CallHistory
from app.casework.schemas import CallEntry, PhysicianEntry, StatusEntry, SubmissionEntry, SuggestionEntry
from app.events.models import JourneyEvent
from app.journeys.eap.models import EapGate
from app.journeys.eap.schemas import GateRead
from app.journeys.schemas import JourneyEventRead
from app.leads.schemas import LeadEventRead
from app.oversight.records import RECORDS
from app.patients.care_team.schemas import CareLinkRead
from app.patients.models import PatientPhysicianRelationship
from app.people.models import (
    ContactPoint,
    DuplicateCandidate,
    IntakeSubmission,
    Person,
    PersonContactType,
    PersonRelationship,
    SuggestedChange,
)
from app.people.schemas import (
    ContactPointRead,
    DuplicateCandidateRead,
    PersonSummary,
    RelationshipRead,
    RoleRead,
    SubmissionRead,
    SuggestedChangeRead,
)
from tests.builders import a_call, a_colleague, a_patient
from tests.canaries import (
    HEALTH,
    PERSONAL,
    World,
    a_world,
    give_draft,
    give_export_request,
    give_notification,
    guarded_routes,
)
from tests.conftest import AsRole

ROUTES = guarded_routes()
READS = [route for route in ROUTES if "GET" in (route.methods or ())]
CANARIES = {"personal": PERSONAL, "health": HEALTH}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every model that an annotation can hold, at its first level."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        if not isinstance(part, types.EllipsisType):
            yield from _models(part)


def _fields(answer: Any, model: type[BaseModel], place: str = "") -> Iterator[tuple[str, str, Any]]:
    """Each field of the answer with a personal or health class: place, class, value."""
    for name, info in model.model_fields.items():
        value = answer.get(name) if isinstance(answer, dict) else None
        shown = class_of(info)
        if shown is not None:
            yield f"{place}{name}", shown.privacy, value
            continue
        for nested in _models(info.annotation):
            items = value if isinstance(value, list) else [value]
            for item in items:
                if isinstance(item, dict) and set(item) <= set(nested.model_fields):
                    yield from _fields(item, nested, f"{place}{name}.")


def _is_masked(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_masked(v) for v in value.values())
    return value in (None, HIDDEN, [])


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_every_read_shows_each_class_as_the_table_says(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, role: Role
) -> None:
    world = await a_world(session)
    headers = await as_role(role.value)
    await give_draft(session, headers)
    await give_notification(session, headers)
    await give_export_request(session, headers)
    leaks, blind = [], []
    for route in READS:
        if route.permission not in GRANTS[role] or not PERMISSIONS[route.permission].personal:
            continue
        answer = await client.get(world.address(route), headers=headers)
        closed = role_sight(role, route.permission)["health"] is not Sight.CLEAR
        # A content cannot be masked: it is given or not.
        status = 403 if route.name == "download_document" and closed else 200
        assert answer.status_code == status, (route.path, answer.text)
        if route.response_model is None:
            assert not any(canary in answer.text for found in CANARIES.values() for canary in found), route.path
            continue
        fields = list(_fields(answer.json(), route.response_model))
        for field_class, canaries in CANARIES.items():
            is_clear = role_sight(role, route.permission)[field_class] is Sight.CLEAR
            seen = [canary for canary in canaries if canary in answer.text]
            if not is_clear and seen:
                leaks.append((route.path, field_class, seen))
            of_class = [(place, value) for place, shown, value in fields if shown == field_class]
            if not is_clear:
                leaks += [(route.path, place, value) for place, value in of_class if not _is_masked(value)]
            if is_clear and of_class and not any(not _is_masked(value) for _, value in of_class):
                blind.append((route.path, field_class))
    assert leaks == []
    assert blind == [], "clear for this role, yet nothing is shown: the test sees nothing here"


async def test_cursor_of_a_masked_list_tells_nothing_and_serves_its_owner_alone(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    await a_world(session)
    await a_call(session, await a_patient(session))
    await session.commit()
    auditor, officer = await as_role("auditor"), await as_role("privacy_officer")
    first = (await client.get("/api/v1/call-history", params={"limit": 1}, headers=auditor)).json()
    with pytest.raises(ValueError, match=r"utf-8|Expecting"):
        json.loads(base64.urlsafe_b64decode(first["next_cursor"]))
    query = {"limit": 1, "cursor": first["next_cursor"]}
    second = await client.get("/api/v1/call-history", params=query, headers=auditor)
    stolen = await client.get("/api/v1/call-history", params=query, headers=officer)
    assert second.status_code == 200
    assert second.json()["items"][0]["call_id"] != first["items"][0]["call_id"]
    assert (stolen.status_code, stolen.json()["errors"][0]["code"]) == (422, "invalid_cursor")


ANSWERS_OF_TABLES: dict[type[BaseModel], Any] = {
    **{record.answer: record.model for record in RECORDS},
    ContactPointRead: ContactPoint,
    RelationshipRead: PersonRelationship,
    SubmissionRead: IntakeSubmission,
    SuggestedChangeRead: SuggestedChange,
    DuplicateCandidateRead: DuplicateCandidate,
    RoleRead: PersonContactType,
    CareLinkRead: PatientPhysicianRelationship,
    GateRead: EapGate,
    JourneyEventRead: JourneyEvent,
    LeadEventRead: JourneyEvent,
    StatusEntry: JourneyEvent,
    CallEntry: CallHistory,
    SubmissionEntry: IntakeSubmission,
    SuggestionEntry: SuggestedChange,
    PhysicianEntry: PatientPhysicianRelationship,
    PersonSummary: Person,
}


@pytest.mark.parametrize("answer", ANSWERS_OF_TABLES, ids=lambda model: model.__name__)
def test_a_field_of_an_answer_has_the_class_of_its_column(answer: type[BaseModel]) -> None:
    table = ANSWERS_OF_TABLES[answer].__table__
    wrong = []
    for name, info in answer.model_fields.items():
        if name in table.c and table.c[name].info["privacy"] in {"personal", "health", "secret"}:
            shown, column = class_of(info), table.c[name].info
            if shown is None or (shown.privacy, shown.detail) != (column["privacy"], column.get("detail", False)):
                wrong.append((name, column, shown))
    assert wrong == []


def test_every_permission_that_shows_people_is_met_by_a_role_for_each_sight() -> None:
    sights = {
        role_sight(role, "patient.read")[c]
        for role in Role
        for c in ("personal", "health")
        if "patient.read" in GRANTS[role]
    }
    assert sights == {Sight.CLEAR, Sight.MASKED}


async def test_who_is_auditor_and_admin_reads_people_as_an_auditor(
    client: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    account, headers = await a_colleague(session, "auditor")
    session.add(RoleGrant(user_account_id=account.user_account_id, role="admin"))
    await session.commit()
    answer = await client.get(f"/api/v1/persons/{world.person_id}", headers=headers)
    assert answer.json()["last_name"] == HIDDEN


@pytest.fixture
async def world(session: AsyncSession) -> World:
    return await a_world(session)
