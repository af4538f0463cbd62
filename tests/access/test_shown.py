"""
Everybody who was shown is on record: for every route the event names exactly the persons whose ids stand in the answer.

Generated from the application's routes. Whom an event names besides stands in NOTED with its reason; nothing else may.
"""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import names_a_person
from app.access.policy import GRANTS, Role
from app.access.request_guard import GuardedRoute
from app.access.service import command_actor, open_account
from app.audit.models import AuditEvent
from app.people.models import Person
from app.platform.db import Base
from tests.builders import PDF, a_condition, a_lead, a_patient, a_person, a_physician
from tests.canaries import World, a_world, give_draft, give_export_request, give_notification, guarded_routes
from tests.conftest import AsRole

ROUTES = [route for route in guarded_routes() if "DELETE" not in (route.methods or ())]
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ROLES = ("data_steward", "navigator", "privacy_officer", "programme_manager", "admin")


class Crowd:
    """The world of canaries, and further persons in every nested place: who they are by a word."""

    def __init__(self, world: World, condition_id: UUID, **people: UUID) -> None:
        self.world, self.condition_id = world, str(condition_id)
        self.people = {"subject": world.person_id, **people}

    def __getitem__(self, name: str) -> str:
        return str(self.people.get(name) or self.world.ids[name])


NOTED: dict[str, tuple[set[str], str]] = {
    "list_patient_timeline": ({"subject"}, "whose timeline it is"),
    "list_lead_events": ({"subject"}, "whose lead it is"),
    "list_clinical_trial_journey_events": ({"subject"}, "whose journey it is"),
    "list_eap_journey_events": ({"subject"}, "whose journey it is"),
    "list_eap_gates": ({"subject"}, "whose journey it is"),
    "update_eap_gate": ({"subject"}, "whose journey it is"),
    "list_clinical_trial_journey_history": ({"subject"}, "whose journey it is"),
    "list_eap_journey_history": ({"subject"}, "whose journey it is"),
    "get_access_report": ({"subject"}, "about whom was asked"),
    "list_physicians_of_patient": ({"subject"}, "whose physicians they are"),
    "link_physician": ({"subject"}, "whose physician it is"),
    "update_physician_of_patient": ({"subject"}, "whose physician it is"),
    "download_document": ({"subject"}, "whose document it is: the content is read by no program of ours"),
    "create_person": ({"sharer"}, "the owner of the shared address, whose contact points have changed"),
    "reveal_fields": ({"navigator"}, "whose name was revealed: the values name nobody"),
}
NOT_NAMED = {"list_audit_events": "a reading of the trail would name all whom earlier events name, and grow for ever"}
BODIES: dict[str, Callable[[Crowd], dict[str, Any]]] = {
    "create_patient": lambda who: {
        "person": {"first_name": "New", "last_name": "Patient", "phone": "+31201234567", "country": "NL"},
        "medical_condition_id": who.condition_id,
    },
    "create_call": lambda who: {
        "patient_id": who["patient_id"],
        "pn_id": who["navigator"],
        "call_date": "2026-11-20T10:00:00Z",
    },
    "save_draft": lambda who: {"content": {"text": "x"}, "person_id": who["subject"]},
    "create_document": lambda who: {"lead_id": who["lead_id"], "title": "Letter", "kind": "letter"},
    "add_document_version": lambda _: {},
    "mark_all_notifications_read": lambda _: {},
    "set_stage_norm": lambda _: {"days": 10},
    "hand_over_work": lambda _: {},
    "undo_hand_over_of_work": lambda who: {
        "done": [{"kind": "leads", "record_id": who["lead_id"], "since": 1, "until": 2}]
    },
    "create_absence": lambda _: {"starts_at": "2027-01-20T00:00:00Z", "ends_at": "2027-01-21T00:00:00Z"},
    "create_saved_view": lambda _: {"list_name": "calls", "name": "All calls"},
    "choose_saved_view": lambda _: {"is_pinned": True, "is_default": False},
    "mark_notification_read": lambda _: {},
    "choose_notification": lambda _: {"in_app": True, "by_mail": False},
    "create_note": lambda who: {"lead_id": who["lead_id"], "text": "Speaks slowly."},
    "create_task": lambda who: {"patient_id": who["patient_id"], "title": "Call", "due_on": "2027-01-20"},
    "reschedule_call": lambda who: {"booking_date": "2027-01-20T10:00:00Z", "pn_id": who["other"]},
    "create_medical_condition": lambda _: {"name": "A new condition"},
    "create_hospital": lambda _: {"name": "A new hospital"},
    "create_specialization": lambda _: {"name": "A new specialization"},
    "create_physician": lambda who: {"person_id": who["other"]},
    "create_clinical_trial": lambda _: {"trial_id": "NCT01234567"},
    "create_clinical_trial_journey": lambda who: {
        "patient_id": who["patient_id"],
        "physician_id": who["physician_id"],
        "trial_id": "NCT07654321",
    },
    "move_clinical_trial_journey": lambda _: {"to": "pre_screening"},
    "create_person": lambda _: {
        "first_name": "Noor",
        "last_name": "Sharing",
        "email": "family@example.org",
        "phone": "+31201234567",
        "country": "NL",
        "shared_email": True,
    },
    "match_person": lambda _: {"first_name": "Noor", "last_name": "Sharing", "email": "family@example.org"},
    "add_person_role": lambda _: {"type_name": "caregiver"},
    "add_contact_point": lambda _: {"kind": "phone", "value": "+31 20 7654321"},
    "add_person_relationship": lambda who: {"related_person_id": who["navigator"], "relationship_type": "sibling"},
    "accept_suggested_change": lambda _: {},
    "reject_suggested_change": lambda _: {},
    "decide_duplicate_candidate": lambda _: {"decision": "different_people"},
    "create_lead": lambda who: {"person_id": who["other"], "medical_condition_id": who.condition_id},
    "move_lead": lambda who: {"to": "duplicate", "duplicate_of_person_id": who["other"]},
    "convert_lead": lambda _: {},
    "create_eap_program": lambda _: {"name": "A programme", "product": "A product"},
    "create_eap_journey": lambda who: {
        "patient_id": who["patient_id"],
        "physician_id": who["physician_id"],
        "eap_number": "EAP-new",
    },
    "create_departure": lambda _: {"kind": "withdrawn", "reason": "Said so"},
    "undo_departure": lambda _: {"reason": "A mistake"},
    "return_person": lambda _: {"reason": "They called"},
    "close_came_back": lambda _: {"reason": "Called"},
    "move_eap_journey": lambda _: {"to": "withdrawn", "reason_code": "other", "reason": "so"},
    "link_physician": lambda who: {"physician_id": who["second_physician"], "relationship_type": "specialist"},
    "open_break_glass": lambda who: {"person_id": who["subject"], "reason": "A reason"},
    "end_break_glass": lambda _: {},
    "decide_export_request": lambda _: {"decision": "approved"},
    "withdraw_export_request": lambda _: {},
    "review_break_glass": lambda _: {"verdict": "justified"},
    "create_api_key": lambda _: {
        "name": "A system",
        "role": "integration",
        "expires_at": "2027-01-20T10:00:00Z",
    },
    "rotate_api_key": lambda _: {},
    "revoke_api_key": lambda _: {},
    "reveal_fields": lambda who: {
        "record_type": "call_history",
        "record_id": who["call_id"],
        "fields": ["notes", "pn.last_name"],
        "reason": "A reason",
    },
}
"""The body of each POST, and of a PUT that needs more than none."""


@pytest.fixture
async def crowd(session: AsyncSession) -> Crowd:
    world = await a_world(session)
    other = (await session.scalars(select(Person).where(Person.first_name.like("%Other")))).one()
    doctor = (await session.scalars(select(Person).where(Person.first_name.like("%Doctor")))).one()
    navigator = await a_person(session, first_name="Nia", last_name="Navigator", email=None)
    sharer = await a_person(
        session, first_name="Sam", last_name="Sharing", email="family@example.org", phone_e164="+31209999999"
    )
    double = await a_person(session, first_name="Dan", last_name="Double", email=None, phone_e164="+31201234567")
    await a_patient(session, double)
    await a_lead(session, other, status="duplicate", duplicate_of_person_id=double.person_id)
    # Both take calls.
    for colleague in (navigator, other):
        await open_account(
            session,
            command_actor(),
            display_name=colleague.first_name or "",
            role=Role.NAVIGATOR,
            kind="human",
            person_id=colleague.person_id,
        )
    second = await a_physician(session, await a_person(session, first_name="Sue", last_name="Second", email=None))
    for change in (
        "UPDATE call_history SET pn_id = :navigator",
        "UPDATE suggested_change SET decision = 'open', decided_at = NULL, reason = NULL",
        "UPDATE suggested_change SET ours = to_jsonb(CAST(:name AS text))",
        "UPDATE eap_journey SET physician_id = :physician",
        "UPDATE call_history SET status = 'scheduled', call_date = NULL, outcome = NULL",
    ):
        values = {
            "navigator": navigator.person_id,
            "physician": world.ids["physician_id"],
            "name": "PersoncanaryLastNew",
        }
        await session.execute(text(change), {name: values[name] for name in values if f":{name}" in change})
    await session.commit()
    world.ids["second_physician"] = second.physician_id
    return Crowd(
        world,
        (await a_condition(session)).medical_condition_id,
        other=other.person_id,
        doctor=doctor.person_id,
        navigator=navigator.person_id,
        sharer=sharer.person_id,
        double=double.person_id,
    )


async def _persons(session: AsyncSession, answer: httpx.Response) -> set[UUID]:
    """The persons whose ids stand anywhere in the answer, under whatever name."""
    everybody = set(await session.scalars(select(Person.person_id)))
    return everybody & {UUID(found) for found in _ID.findall(answer.text)}


async def _newest(session: AsyncSession) -> AuditEvent:
    return (await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id.desc()).limit(1))).one()


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
async def test_the_event_names_everybody_whom_the_answer_names(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, crowd: Crowd, route: GuardedRoute
) -> None:
    method = next(iter(route.methods or ()))
    role = next(role for role in ROLES if route.permission in GRANTS[Role(role)])
    if route.permission == "availability.write_own":
        # The world's account is another one than the key's.
        role = Role.PROGRAMME_MANAGER.value
    headers = await as_role(role, by_name=True)
    if route.name == "end_break_glass":
        asked = {"person_id": crowd["subject"], "reason": "A reason"}
        opened = await client.post("/api/v1/break-glass", json=asked, headers=headers)
        crowd.world.ids["access_opening_id"] = opened.json()["access_opening_id"]
    if route.name in {"undo_departure", "return_person", "close_came_back"}:
        await session.execute(
            text("UPDATE person_departure SET ended_at = NULL, ended_how = NULL, ended_reason = NULL")
        )
        await session.execute(text("UPDATE came_back SET closed_at = NULL, close_reason = NULL"))
        await session.commit()
    if route.permission == "draft.own":
        await give_draft(session, headers)
    if route.permission == "notification.own":
        await give_notification(session, headers)
    if route.permission == "export.read":
        await give_export_request(session, headers)
    body: dict[str, Any] | None = None if method == "GET" else {}
    if method == "POST" or route.name in BODIES:
        body = BODIES[route.name](crowd)
    sent: dict[str, Any] = {"data": body, "files": {"file": PDF}} if route.takes_upload else {"json": body}
    answer = await client.request(method, crowd.world.address(route), headers=headers, **sent)
    assert answer.status_code in {200, 201}, answer.text

    shown = set() if route.name in NOT_NAMED else await _persons(session, answer)
    noted = {crowd.people[name] for name in NOTED[route.name][0]} if route.name in NOTED else set()
    event = await _newest(session)
    named = set(event.person_ids or ()) if event.action == route.name else set()
    by_id = {person_id: name for name, person_id in crowd.people.items()}
    assert {by_id.get(who, who) for who in named} == {by_id.get(who, who) for who in shown | noted}


def test_every_column_that_holds_a_person_has_a_name_that_says_so() -> None:
    silent = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if any(key.target_fullname == "person.person_id" for key in column.foreign_keys)
        and not names_a_person(column.name)
    ]
    assert silent == [], "its persons would be shown and not be on record"
