"""
A filter tells by its hits what it asks about: so each has the class of the field that it asks about, and who may not
see that field may not ask by it. Generated from the parameters of all routes that read.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import queries
from app.access.answering import Asked, NotShown, answering
from app.access.keys import KeyText, bearer
from app.access.masking import Shown, class_of, models_in
from app.access.policy import GRANTS, Role, Sight, role_sight
from app.access.request_guard import GuardedRoute
from app.access.views import AccessContext
from app.audit.models import AuditEvent
from app.calls.models import CallHistory
from app.calls.schemas import CallFilter
from app.platform import clock
from app.platform.paging import Page, PageQuery, SortKey, fetch_keys
from app.platform.settings import Caseload, Settings
from tests.builders import (
    a_call,
    a_colleague,
    a_patient,
    a_programme,
    a_trial,
    a_trial_journey,
    an_eap_journey,
)
from tests.canaries import World, a_world, guarded_routes
from tests.conftest import AsRole

READS = [route for route in guarded_routes() if "GET" in (route.methods or ())]
OF_THE_PAGE = {"limit", "cursor", "sort"}
NAMES = ("person.first_name", "person.last_name")
ASKS_ABOUT: dict[str, tuple[str, ...]] = {
    "PersonFilter.q": ("first_name", "last_name"),
    "PatientFilter.q": NAMES,
    "LeadFilter.q": NAMES,
    "PatientFilter.country": ("person.country",),
    # Journeys have answers of their own; the stage of one is of the class of what somebody suffers from.
    "PatientFilter.journey": ("medical_condition_id",),
    # The person of a lead is shown by names and addresses; their country is of the same class.
    "LeadFilter.country": ("person.phone",),
    "PhysicianFilter.q": NAMES,
    "CallFilter.q": NAMES,
    "TaskFilter.q": NAMES,
    "DocumentFilter.q": NAMES,
    "NotificationFilter.is_unread": ("read_at",),
    "DocumentFilter.expired_on": ("expires_on",),
    "DocumentFilter.expiry": ("expires_on",),
    "DocumentFilter.owner": ("person_id",),
    "AbsenceFilter.ends_after": ("ends_at",),
    "TrialFilter.q": ("trial_id", "title"),
    "ProgrammeFilter.q": ("name", "product"),
    "ProgrammeFilter.country": ("countries",),
    "UserFilter.q": ("display_name", "email"),
    "ConditionFilter.q": ("name", "abbreviation", "synonyms"),
    "HospitalFilter.q": ("name",),
    "SpecializationFilter.q": ("name",),
    "PersonFilter.phone": ("phone", "phone_e164"),
    "CallFilter.unresolved": ("unresolved_because",),
    "CallFilter.occurs_from": ("occurs_at",),
    "CallFilter.occurs_to": ("occurs_at",),
    "PatientFilter.owner": ("owner_id",),
    "LeadFilter.owner": ("owner_id",),
    "TaskFilter.owner": ("owner_id",),
    "SuggestedChangeFilter.owner": ("person_id",),
    "TimelineQuery.about": ("kind",),
    "TaskFilter.due_before": ("due_by",),
    "TaskFilter.is_report": ("rule",),
    "DraftFilter.expires_before": ("expires_at",),
    "CameBackFilter.state": ("closed_at",),
    "OpeningFilter.reviewed": ("reviewed_at",),
    "ApiKeyFilter.working": ("status",),
    "HistoryFilter.as_of": ("valid_from", "valid_to"),
    "AuditEventFilter.person_id": ("person_ids",),
    ".list_name": ("views.list_name",),
    "created_from": ("created_at",),
    "created_to": ("created_at",),
    "from_at": ("at",),
    "to_at": ("at",),
    "include_deleted": ("deleted_at",),
    "include_voided": ("voided_at",),
}
"""The fields of the answer that a filter asks about, where they have other names than the filter."""


def _answers(route: GuardedRoute) -> list[type[BaseModel]]:
    """What a route answers with; of a page its items, which may be of several kinds."""
    model: Any = route.response_model
    return list(models_in(model.model_fields["items"].annotation)) if issubclass(model, Page) else [model]


def _filters() -> Iterator[tuple[GuardedRoute, str, str, Shown | None]]:
    """Each parameter of each route that reads: the route, the filter's model or "", the name and the mark."""
    for route in READS:
        for parameter in route.dependant.query_params:
            question = parameter.field_info.annotation
            if isinstance(question, type) and issubclass(question, PageQuery):
                for name, info in question.model_fields.items():
                    if name not in OF_THE_PAGE:
                        yield route, question.__name__, name, class_of(info)
            else:
                yield route, "", parameter.alias, class_of(parameter.field_info)


FILTERS = list(_filters())


def _marks(model: type[BaseModel], place: str) -> list[Shown]:
    """The marks of a field and of all that it stands in; KeyError where there is no such field."""
    found: list[Shown | None] = []
    for name in place.split("."):
        info = model.model_fields[name]
        found.append(class_of(info))
        model = next(models_in(info.annotation), BaseModel)
    return [mark for mark in found if mark is not None]


def test_a_filter_has_the_class_of_the_field_that_it_asks_about() -> None:
    """A name that is not in the answer says in ASKS_ABOUT what it asks."""
    wrong = []
    for route, model, name, mark in FILTERS:
        if route.response_model is None:
            # A file of the same list.
            continue
        for place in ASKS_ABOUT.get(f"{model}.{name}") or ASKS_ABOUT.get(name) or (name,):
            wrong += [
                (route.path, name, place, mark, of_field)
                for answer in _answers(route)
                for of_field in _marks(answer, place)
                if mark is None or mark.privacy != of_field.privacy or (of_field.detail and not mark.detail)
            ]
    assert wrong == []


def test_every_question_of_a_page_is_one_of_the_api_s() -> None:
    """Pages make their questions by the same models: the checks of this file hold for them too."""
    asked = {model for _, model, _, _ in FILTERS} | {"PageQuery"}

    def below(model: type[PageQuery]) -> Iterator[type[PageQuery]]:
        yield model
        for further in model.__subclasses__():
            yield from below(further)

    ours = [model for model in below(PageQuery) if model.__module__.startswith("app.")]
    silent = {model.__name__ for model in ours if not model.__subclasses__()} - asked
    assert silent == set()


SAMPLES = {
    "q": "an",
    "email": "a@example.org",
    "phone": "+31612345678",
    "date_of_birth": "1980-01-01",
    "medical_condition_id": str(uuid4()),
    "clinical_trial_id": str(uuid4()),
    "eap_program_id": str(uuid4()),
    "country": "NL",
    "journey": "eap",
    "status": "closed",
    "unresolved": "true",
    "is_report": "true",
    "occurs_from": "2020-01-01T00:00:00Z",
    "occurs_to": "2020-01-01T00:00:00Z",
    "medical_license_number": "1",
    "kind": "letter",
    "expired_on": "2020-01-01",
    "expiry": "expired",
    "due_before": "2020-01-01T00:00:00Z",
}
"""A value for each filter that has a mark."""


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
async def test_nobody_filters_by_what_they_see_masked(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, role: Role
) -> None:
    headers = await as_role(role.value)
    world = await a_world(session)
    wrong = []
    for route, _, name, mark in FILTERS:
        if mark is None or route.permission not in GRANTS[role]:
            continue
        answer = await client.get(world.address(route), params={name: SAMPLES[name]}, headers=headers)
        is_clear = role_sight(role, route.permission)[mark.privacy] is Sight.CLEAR
        refused = answer.status_code == 403 and answer.json()["code"] == "field_masked"
        if refused == is_clear or (is_clear and answer.status_code != 200):
            wrong.append((route.path, name, answer.status_code, answer.text[:200]))
    assert wrong == []


BY_DETAIL = [
    (route, name)
    for route, _, name, mark in FILTERS
    if mark is not None and mark.detail and route.response_model is not None
]
VALUES = {
    "clinical_trial_id": "{clinical_trial_id}",
    "eap_program_id": "{eap_program_id}",
    "is_report": "true",
    "unresolved": "true",
}
"""By the filter's name: what finds the world's record."""


@pytest.fixture
async def world(session: AsyncSession) -> World:
    made = await a_world(session)
    await session.execute(text("UPDATE call_history SET adverse_event_heard = NULL"))
    one = {"one": made.ids["task_id"]}
    await session.execute(text("UPDATE task SET rule = 'side_effect' WHERE task_id = :one"), one)
    await session.commit()
    return made


async def _owned_by(session: AsyncSession, owner: Any) -> None:
    for table in ("patient", "patient_lead"):
        await session.execute(text(f"UPDATE {table} SET owner_id = :owner"), {"owner": owner})
    await session.commit()


def _key(headers: dict[str, str]) -> KeyText:
    found = bearer(headers["Authorization"])
    assert found is not None
    return found


def test_there_are_filters_by_case_detail() -> None:
    assert {name for _, name in BY_DETAIL} == set(VALUES)


@pytest.mark.parametrize(("route", "name"), BY_DETAIL, ids=lambda part: getattr(part, "name", part))
async def test_a_filter_by_case_detail_finds_people_of_one_s_own_and_those_for_whom_a_reason_is_stated(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World, route: GuardedRoute, name: str
) -> None:
    owner, of_owner = await a_colleague(session)
    _, of_other = await a_colleague(session)

    async def found(headers: dict[str, str], **query: str) -> int:
        answer = await assigned.get(world.address(route), params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["items"]) == answer.json()["total"]
        return len(answer.json()["items"])

    asked = {name: VALUES[name].format(**world.ids)}
    await _owned_by(session, None)
    assert await found(of_other, **asked) == 1, "whom nobody owns is everybody's"
    await _owned_by(session, owner.user_account_id)
    assert await found(of_owner, **asked) == 1
    assert await found(of_other, **asked) == 0
    assert await found(of_other) >= 1, "the list itself shows the record, with its detail masked"
    patient = f"/api/v1/patients/{world.ids['patient_id']}"
    await assigned.get(patient, headers=of_other | {"X-Access-Reason": "she calls me back"})
    assert await found(of_other, **asked) == 1
    events = select(AuditEvent.purpose).where(AuditEvent.action == route.name).order_by(AuditEvent.audit_event_id)
    assert list(await session.scalars(events))[-1] == "outside_caseload"


@pytest.mark.parametrize("name", ["clinical_trial_id", "eap_program_id", "unresolved"])
async def test_a_filter_by_case_detail_tells_the_people_of_one_list_apart(
    assigned: httpx.AsyncClient, session: AsyncSession, name: str
) -> None:
    """Two people of one programme, one of them with two requests, and each with another owner."""
    trial, programme = await a_trial(session), await a_programme(session)
    owners = [await a_colleague(session), await a_colleague(session)]
    path, target = {
        "clinical_trial_id": ("clinical-trial-journeys", trial.clinical_trial_id),
        "eap_program_id": ("eap-journeys", programme.eap_program_id),
        "unresolved": ("call-history", "true"),
    }[name]
    for number, (owner, _) in enumerate(owners, start=1):
        patient = await a_patient(session, owner_id=owner.user_account_id)
        for _ in range(number):
            await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
            await an_eap_journey(session, patient, eap_program_id=programme.eap_program_id)
            await a_call(session, patient, status="completed", call_date=clock.now(), outcome="reached")
    await session.commit()
    for number, (_, headers) in enumerate(owners, start=1):
        answer = await assigned.get(f"/api/v1/{path}", params={name: str(target)}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["total"], len(answer.json()["items"])) == (number, number)


@pytest.mark.parametrize("path", ["persons", "patients"])
@pytest.mark.parametrize("q", ["EAP-7731", "NCT90012345"])
async def test_a_search_for_the_number_of_a_case_finds_cases_that_are_open(
    assigned: httpx.AsyncClient, session: AsyncSession, path: str, q: str
) -> None:
    trial = await a_trial(session, trial_id="NCT90012345")
    owners = [await a_colleague(session), await a_colleague(session)]
    for number, (owner, _) in enumerate(owners):
        patient = await a_patient(session, owner_id=owner.user_account_id)
        await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
        if number == 0:
            await an_eap_journey(session, patient, eap_number="EAP-7731")
    await session.commit()
    found = [
        (await assigned.get(f"/api/v1/{path}", params={"q": q}, headers=headers)).json()["total"]
        for _, headers in owners
    ]
    assert found == ([1, 0] if q == "EAP-7731" else [1, 1])


async def test_a_list_that_is_asked_by_case_detail_says_whose_its_rows_are(
    session: AsyncSession, settings: Settings
) -> None:
    """Else nobody could tell which of them are the asker's: the list fails before it has found any."""
    _, headers = await a_colleague(session)
    actor = await queries.find_actor_by_key(session, _key(headers))
    assert actor is not None
    access = AccessContext("call.read", secret_key=settings.secret_key, caseload=Caseload.ASSIGNED)
    calls = select(CallHistory.call_id, CallHistory.call_id)
    sort = SortKey((CallHistory.call_id,), (UUID,))
    with answering(Asked(session, actor, access)):
        await fetch_keys(session, ids=calls, query=CallFilter(status="open"), sort=sort)
        with pytest.raises(NotShown, match="CallFilter"):
            await fetch_keys(session, ids=calls, query=CallFilter(unresolved="true"), sort=sort)


async def test_a_call_s_unresolved_reason_is_masked_outside_the_caseload(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    owner, _ = await a_colleague(session)
    _, headers = await a_colleague(session)
    await _owned_by(session, owner.user_account_id)
    (call,) = (await assigned.get("/api/v1/call-history", headers=headers)).json()["items"]
    assert call["unresolved_because"] == "•••"


async def test_a_refused_move_says_nothing_of_the_case_outside_the_caseload(
    assigned: httpx.AsyncClient, session: AsyncSession, world: World
) -> None:
    owner, of_owner = await a_colleague(session)
    _, of_other = await a_colleague(session)
    await _owned_by(session, owner.user_account_id)
    await session.execute(text("UPDATE eap_journey SET status = 'approvals_in_progress'"))
    await session.commit()
    url = f"/api/v1/eap-journeys/{world.ids['eap_journey_id']}/transitions"

    async def refused(headers: dict[str, str]) -> dict[str, Any]:
        answer = await assigned.post(url, json={"to": "supply_authorised"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "guard_not_met")
        told: dict[str, Any] = answer.json()
        return told

    assert (await refused(of_owner))["guards"] == {"gates_approved": "not_met"}
    assert {"guards", "not_met"} & set(await refused(of_other)) == set()
    patient = f"/api/v1/patients/{world.ids['patient_id']}"
    await assigned.get(patient, headers=of_other | {"X-Access-Reason": "she calls me back"})
    assert (await refused(of_other))["not_met"] == ["gates_approved"]
    events = select(AuditEvent).where(AuditEvent.action == "move_eap_journey").order_by(AuditEvent.audit_event_id)
    told = list(await session.scalars(events))
    assert [event.purpose for event in told] == [None, None, "outside_caseload"]
    assert told[-1].person_ids == [world.person_id]
