"""
What is masked makes no difference: a page reads the same whatever the hidden values are.

A masked value may still be told by what is made of it: an order, a colour, a count, a heading, the words on a button.
So each page is read twice, and in between every hidden value becomes another one of its kind.
"""

import difflib
import re
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import View, mask
from app.conditions.models import MedicalCondition
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.queries import journeys_of
from app.patients.models import Patient
from app.people.models import PersonRelationship
from app.platform import clock
from app.platform.settings import Settings
from app.web.patients import shown_journey
from tests.browsing import as_user
from tests.builders import a_call, a_person
from tests.canaries import H, P, World, a_world

OTHER_VALUES = """
clinical_trial_journey SET status = 'pre_screening', status_changed_at = now() - interval '90 days',
 on_hold_reason = 'Other', on_hold_until = now() + interval '9 days', trial_reference = 'Other';
eap_journey SET status = 'not_pursued', status_changed_at = now() - interval '90 days', eap_number = 'Other';
person_relationship SET relationship_type = 'partner', authority = 'none', start_date = DATE '2001-02-03',
 end_date = CASE WHEN end_date IS NULL THEN DATE '2001-02-03' END;
call_history SET outcome = 'voicemail', adverse_event_heard = false, notes = 'Other'
 WHERE status = 'completed';
call_history SET booking_date = booking_date - interval '1 hour', booking_time_zone = 'Europe/Lisbon'
 WHERE status = 'scheduled';
task SET title = 'Other', due_on = NULL, due_at = now() + interval '90 days', due_by = now() + interval '90 days'
 WHERE status = 'open';
note SET text = 'Other', adverse_event_heard = false;
document SET title = 'Other', expires_on = DATE '2001-02-03';
suggested_change SET ours = '"Other"', theirs = '"Else"';
contact_point SET value = 'other@example.org', value_key = 'other@example.org';
patient SET status_reason = 'Other', first_contact_date = DATE '2001-02-03', initial_consult_date = '2020-01-01',
 medical_condition_id = (SELECT medical_condition_id FROM medical_condition WHERE name = 'Another');
patient_lead SET reason_code = 'other', reason = 'Other', wake_up_on = DATE '2001-02-03',
 medical_condition_id = (SELECT medical_condition_id FROM medical_condition WHERE name = 'Another');
patient_physician_relationship SET relationship_type = 'referring', start_date = DATE '2001-02-03';
person SET first_name = 'Othername', last_name = 'Othername', middle_name = 'Other', preferred_name = 'Other',
 email = 'other@example.com', phone = '+351 21 123 4567', phone_e164 = '+351211234567',
 date_of_birth = DATE '2010-01-01', gender = 'female', country = 'PT', language = 'pt', time_zone = 'Europe/Lisbon',
 do_not_contact_channels = '{email,phone}' WHERE first_name LIKE 'Personcanary%'
"""
"""Another value of its kind for what is hidden, by the table. That there is one is no secret."""
# A timeline stands in the order of time for everybody: what moves here moves within its place.
_ANEW = re.compile(r"[0-9a-f]{128}|cursor=[^\"]*")
"""Tokens of forms, and what a page is continued by: a cursor is sealed."""
PAGES = (
    "/patients/{patient_id}", "/patients/{patient_id}/peek", "/leads/{lead_id}", "/leads/{lead_id}/peek",
    "/people/{person_id}",
)  # fmt: skip


@pytest.fixture
async def world(session: AsyncSession) -> World:
    made = await a_world(session)
    related = await a_person(session, first_name=f"{P}Related", last_name=f"{P}Related")
    patient = await session.get_one(Patient, made.ids["patient_id"])
    await a_call(session, patient, booking_date=clock.now() - timedelta(days=1), status="scheduled")
    session.add_all(
        [
            MedicalCondition(name="Another"),
            PersonRelationship(
                person_id=related.person_id,
                related_person_id=made.person_id,
                relationship_type="sibling",
                authority="parental",
                start_date=date(1999, 1, 1),
                end_date=clock.today() - timedelta(days=3),
                notes=f"{H} notes",
            ),
        ]
    )
    await session.execute(text("UPDATE suggested_change SET decision = 'open', decided_at = NULL"))
    await session.execute(text("UPDATE person SET do_not_contact_channels = '{sms}'"))
    await session.commit()
    return made


async def _read(client: httpx.AsyncClient, world: World) -> dict[str, list[str]]:
    """What each page says, without what every answer has anew."""
    found = {}
    for page in PAGES:
        answer = await client.get(page.format(**world.ids))
        assert answer.status_code == 200, (page, answer.text)
        said = _ANEW.sub("", answer.text)
        found[page] = [line.strip() for line in said.splitlines() if line.strip()]
    return found


@pytest.mark.parametrize("role", ["auditor", "privacy_officer", "programme_manager"])
async def test_a_page_reads_the_same_whatever_is_hidden(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World, role: str
) -> None:
    await as_user(client, session, settings, role)

    before = await _read(client, world)
    for change in OTHER_VALUES.strip().split(";\n"):
        await session.execute(text(f"UPDATE {change}"))
    await session.commit()
    after = await _read(client, world)

    told = {page: list(difflib.unified_diff(before[page], after[page], n=0, lineterm="")) for page in PAGES}
    assert {page: lines for page, lines in told.items() if lines} == {}


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_that_is_made_of_a_journey_is_made_of_more_than_is_shown_of_it(
    session: AsyncSession, world: World, kind: Kind
) -> None:
    (row,) = await journeys_of(session, kind=kind, patient_id=UUID(str(world.ids["patient_id"])), most=5)
    clear = shown_journey(kind, row)

    masked = replace(clear, journey=mask(clear.journey, View(closed=frozenset({"health"}))))

    assert clear.closed
    assert clear.stages
    assert [list(masked.closed), dict(masked.needs), list(masked.stages), masked.days] == [[], {}, [], None]
