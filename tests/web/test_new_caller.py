"""A new caller: prefilled by what was typed, shown whom we know, and made by the service of the API."""

import re
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.leads.models import PatientLead
from app.notes.models import Note
from app.people.models import (
    ContactType,
    IntakeSubmission,
    Person,
    PersonContactType,
    PersonRelationship,
    SuggestedChange,
)
from app.platform.settings import Settings
from app.tasks.models import Task
from tests.browsing import as_user
from tests.builders import a_condition, a_lead, a_patient, a_person


async def _people(session: AsyncSession) -> int:
    return (await session.execute(select(func.count()).select_from(Person))).scalar_one()


def _form(token: str, **more: Any) -> dict[str, Any]:
    return {"csrf_token": token, "first_name": "Quirina", "last_name": "Zwart", "condition": "DMD", **more}


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (
            "Quirina Zwart",
            ['name="first_name" type="text" value="Quirina"', 'name="last_name" type="text" value="Zwart"'],
        ),
        ("Quirina Zwart 14-3-1979", ['value="Zwart"', 'name="date_of_birth" type="text" value="1979-03-14"']),
        ("q.zwart@example.org", ['name="email" type="text" value="q.zwart@example.org"']),
        ("+31 6 1234 5678", ['name="phone" type="tel" value="+31 6 1234 5678"']),
        ("14 March 1979", ['name="date_of_birth" type="text" value="1979-03-14"']),
    ],
)
async def test_what_was_typed_begins_the_form(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, typed: str, shown: list[str]
) -> None:
    token = await as_user(client, session, settings, "navigator")
    answer = await client.post("/callers/begin", data={"csrf_token": token, "q": typed})
    assert answer.status_code == 200
    assert [one for one in shown if one not in answer.text] == []


async def test_a_lead_of_a_new_person_is_opened_with_what_they_said(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    condition = await a_condition(session)
    token = await as_user(client, session, settings, "navigator")
    said = {"said": "Asks for a trial in Porto.", "adverse_event_heard": "false", "phone": "+351 912 345 678"}

    answer = await client.post("/callers/new", data=_form(token, **said))

    (lead,) = await session.scalars(select(PatientLead))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/leads/{lead.lead_id}")
    person = await session.get_one(Person, lead.person_id)
    assert (person.first_name, person.last_name, person.phone) == ("Quirina", "Zwart", "+351 912 345 678")
    assert (lead.medical_condition_id, lead.source) == (condition.medical_condition_id, "phone")
    (note,) = await session.scalars(select(Note))
    assert (note.text, note.adverse_event_heard, note.lead_id) == ("Asks for a trial in Porto.", False, lead.lead_id)
    (submission,) = await session.scalars(select(IntakeSubmission))
    assert submission.payload["last_name"] == "Zwart"


def _daughter(**more: str) -> dict[str, str]:
    return {
        "calls_for": "somebody",
        "caller_first_name": "Ana",
        "caller_last_name": "Zwart",
        "caller_phone": "+351 911 111 111",
        "relationship_type": "child",
        **more,
    }


async def _between(session: AsyncSession) -> list[tuple[str | None, str, str | None]]:
    """Each relationship: the first name of who acts, what they are, for whom."""
    found = []
    for row in await session.scalars(select(PersonRelationship)):
        acts, other = await session.get_one(Person, row.person_id), await session.get_one(Person, row.related_person_id)
        found.append((acts.first_name, row.relationship_type, other.first_name))
    return found


async def test_a_daughter_who_calls_for_her_mother_is_kept_beside_the_lead_which_is_her_mothers(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_condition(session)
    token = await as_user(client, session, settings, "navigator")

    mothers = _form(token, **_daughter(), date_of_birth="1949-03-14")
    first = await client.post("/callers/new", data=mothers)
    assert first.status_code == 303, first.text
    (lead,) = await session.scalars(select(PatientLead))
    # Called once more: the mother is known by then, and so is the daughter.
    anew = {"caller_phone": "+351 922 222 222", "choice": str(lead.person_id)}
    again = await client.post("/callers/new", data=mothers | anew)

    assert again.status_code == 303, again.text
    mother = await session.get_one(Person, lead.person_id)
    assert (mother.first_name, mother.phone) == ("Quirina", None)
    assert await _between(session) == [("Ana", "child", "Quirina")]
    daughter = (await session.scalars(select(Person).where(Person.first_name == "Ana"))).one()
    assert daughter.phone == "+351 911 111 111"
    roles = (
        select(ContactType.type_name).join(PersonContactType).where(PersonContactType.person_id == daughter.person_id)
    )
    assert list(await session.scalars(roles)) == ["caregiver"]
    # What she says otherwise now waits for a decision.
    changes = await session.execute(select(SuggestedChange.person_id, SuggestedChange.field, SuggestedChange.theirs))
    assert [tuple(row) for row in changes] == [(daughter.person_id, "phone", "+351 922 222 222")]
    await session.execute(update(PersonRelationship).values(authority="power_of_attorney"))
    record = await client.get(f"/leads/{lead.lead_id}")
    first_panel = record.text.partition('id="record-about"')[2].partition(">Contact<")[0]
    assert "Child" in first_panel
    assert f'href="/people/{daughter.person_id}">Ana Zwart</a>' in first_panel
    assert 'href="tel:+351911111111">+351 911 111 111</a>, power of attorney' in first_panel


@pytest.mark.parametrize("missing", ["caller_last_name", "relationship_type", "caller_email"])
async def test_what_is_wrong_with_who_calls_is_told_at_their_fields_and_nothing_is_made(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, missing: str
) -> None:
    await a_condition(session)
    await a_person(session, first_name="Bartholomew", last_name="Finch", email="finch@example.org")
    token = await as_user(client, session, settings, "navigator")
    before = await _people(session)
    given = {
        "caller_last_name": {"caller_first_name": "", "caller_last_name": ""},
        "relationship_type": {"relationship_type": ""},
        "caller_email": {"caller_email": "finch@example.org"},
    }[missing]

    answer = await client.post("/callers/new", data=_form(token, **_daughter(**given)))

    assert answer.status_code == 422
    assert f'id="field-{missing}-error"' in answer.text
    assert 'value="Ana"' in answer.text or missing == "caller_last_name"
    assert re.search(r'id="field-calls_for-somebody" value="somebody" checked', answer.text)
    assert (await _people(session), list(await session.scalars(select(PatientLead)))) == (before, [])


async def test_one_address_of_mother_and_daughter_is_that_of_both(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_condition(session)
    token = await as_user(client, session, settings, "navigator")
    both = {"email": "home@example.org", "caller_email": "Home@example.org"}

    answer = await client.post("/callers/new", data=_form(token, **_daughter(), **both))

    assert answer.status_code == 303, answer.text
    assert await _between(session) == [("Ana", "child", "Quirina")]


async def test_the_same_sent_twice_is_one_lead_with_one_note_and_one_report(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_condition(session)
    token = await as_user(client, session, settings, "navigator")
    said = {"said": "A rash, since Monday.", "adverse_event_heard": "true", "phone": "+351 912 345 678"}

    await client.post("/callers/new", data=_form(token, **said))
    (lead,) = await session.scalars(select(PatientLead))
    again = await client.post("/callers/new", data=_form(token, **said, choice=str(lead.person_id)))

    assert (again.status_code, again.headers["location"]) == (303, f"/leads/{lead.lead_id}")
    (note,) = await session.scalars(select(Note))
    (report,) = await session.scalars(select(Task))
    assert (note.text, report.rule) == ("A rash, since Monday.", "side_effect")


async def test_whom_we_know_is_shown_before_anything_is_made(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_condition(session)
    known = await a_person(session, first_name="Quirina", last_name="Zwart", date_of_birth=date(1979, 3, 14))
    patient = await a_patient(session, known)
    token = await as_user(client, session, settings, "navigator")
    before = await _people(session)
    typed = _form(token, date_of_birth="1979-03-14")

    asked = await client.post("/callers/new", data=typed)

    assert asked.status_code == 200
    assert "Is it somebody we know?" in asked.text
    assert f'value="{known.person_id}"' in asked.text
    assert f'href="/patients/{patient.patient_id}"' in asked.text
    assert 'value="Zwart"' in asked.text
    assert await _people(session) == before
    assert not list(await session.scalars(select(PatientLead)))
    # Nothing is believed of somebody who was not shown.
    unseen = await client.post("/callers/new", data=typed | {"choice": "new"})
    assert "Is it somebody we know?" in unseen.text

    chosen = await client.post("/callers/new", data=typed | {"choice": str(known.person_id)})
    (lead,) = await session.scalars(select(PatientLead))
    assert (chosen.status_code, lead.person_id) == (303, known.person_id)
    other = await client.post("/callers/new", data=typed | {"choice": "new", "shown": str(known.person_id)})
    assert other.status_code == 303
    assert await _people(session) == before + 1


async def test_an_address_of_somebody_else_is_said_and_may_be_shared(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_condition(session)
    owner = await a_person(session, first_name="Bartholomew", last_name="Finch", email="family@example.org")
    token = await as_user(client, session, settings, "navigator")
    typed = _form(token, email="family@example.org")

    asked = await client.post("/callers/new", data=typed)
    shared = await client.post("/callers/new", data=typed | {"choice": "new", "shown": str(owner.person_id)})

    assert "The e-mail address belongs to somebody else" in asked.text
    assert "Bartholomew Finch" in asked.text
    assert shared.status_code == 303


async def test_what_is_wrong_is_named_at_once_and_what_was_typed_stays(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_condition(session)
    token = await as_user(client, session, settings, "navigator")
    typed = {
        "csrf_token": token,
        "email": "x",
        "condition": "no such thing",
        "said": "Was ill.",
        "date_of_birth": "2999",
    }

    answer = await client.post("/callers/new", data=typed)

    assert answer.status_code == 422
    for name in ("first_name", "email", "condition", "adverse_event_heard", "date_of_birth"):
        assert f'id="field-{name}-error"' in answer.text or (name == "first_name" and "last_name" in answer.text), name
    assert "Was ill." in answer.text
    assert await _people(session) == 0


async def test_only_who_may_add_leads_sees_the_form(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session)
    await as_user(client, session, settings, "auditor")
    assert (await client.get("/callers/new")).status_code == 403


@pytest.mark.parametrize("typed", ["x\x01", "a\u202e", "\u3164", "\x7f", "x" * 5_000, "%00", "\ufeff"])
async def test_a_hostile_text_is_told_at_its_field_or_begins_the_form(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, typed: str
) -> None:
    token = await as_user(client, session, settings, "navigator")

    begun = await client.post("/callers/begin", data={"csrf_token": token, "q": typed})
    opened = await client.post("/callers/new", data=_form(token) | {"condition": typed})

    assert (begun.status_code, opened.status_code) == (200, 422)
    assert 'id="field-condition-error"' in opened.text
