"""
How many statements the pages send that gather from many tables, in a world with more rows of each than a page shows.

They are counted as `bench.pages` counts them: beside session, audit and frame.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.availability.models import Absence
from app.hospitals.models import Hospital
from app.patients.models import Patient
from app.people.departures.models import CameBack
from app.people.models import IntakeSubmission, Person, PersonRelationship, SuggestedChange
from app.people.search.walk import Walk
from app.people.suggestions import value_hash
from app.platform import clock
from app.platform.settings import Settings
from bench.pages import BESIDE
from tests.browsing import signed_in, somebody
from tests.builders import (
    a_call,
    a_document,
    a_lead,
    a_patient,
    a_person,
    a_task,
    a_trial,
    a_trial_journey,
    an_eap_journey,
)
from tests.conftest import BoundDatabase
from tests.web.test_patients_pages import statements

MOST = 8
PEOPLE = 21
"""One more than a section of Today shows."""
_SECTION = re.compile(r"<h2>([^<]+) <span class=\"soft\">([0-9]+)[+]?</span></h2>")


@contextmanager
def _counted(bound: BoundDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements within the block, those of a search too, which go past SQLAlchemy."""
    read = Walk.read
    with statements(bound) as sent, monkeypatch.context() as patched:

        async def noted(walk: Walk, statement: Any, values: Any) -> Any:
            sent.append(statement.sql)
            return await read(walk, statement, values)

        patched.setattr(Walk, "read", noted)
        yield sent
    sent[:] = [one for one in sent if not BESIDE.search(one)]


async def _enter(client: httpx.AsyncClient, session: AsyncSession, settings: Settings) -> str:
    """A navigator and data steward for whom everything waits; the form token."""
    me = await somebody(session, settings, "navigator", "data_steward")
    colleague = await a_person(session, first_name="Noor", last_name="Brandt")
    (await session.get_one(UserAccount, me.account_id)).person_id = colleague.person_id
    now, day = clock.now(), timedelta(days=1)
    session.add(Absence(user_account_id=me.account_id, kind="other", starts_at=now - day, ends_at=now + day))
    session.add(Hospital(name="Visser Hospital"))
    await a_trial(session, title="Visser trial", trial_id="NCT01234567")
    for number in range(PEOPLE):
        born = date(1980, 5, 17)
        person = await a_person(session, first_name=f"Ada{number}", last_name="Visser", date_of_birth=born)
        # A pause lacks its reason, and nobody was spoken with before their birth: standing faults.
        patient = await a_patient(session, person, owner_id=me.account_id, status="paused" if number < 3 else "active")
        await a_lead(session, person)
        await _calls_and_tasks(session, me.account_id, colleague.person_id, person, patient)
        await a_document(session, person, expires_on=clock.today() + day)
        await a_trial_journey(session, patient, status_changed_at=now - 90 * day)
        await an_eap_journey(session, patient, status_changed_at=now - 90 * day)
        submission = IntakeSubmission(source="api", payload={}, person_id=person.person_id, match_outcome="new_person")
        session.add(submission)
        await session.flush()
        session.add(
            SuggestedChange(
                person_id=person.person_id, table_name="person", record_id=person.person_id, field="last_name",
                ours=None, ours_version=1, theirs="Bos", value_hash=value_hash("Bos"), source="contact_form",
                decision="open",
            )
        )  # fmt: skip
        session.add(
            CameBack(
                person_id=person.person_id, kind="withdrawn", owner_id=me.account_id,
                intake_submission_id=submission.intake_submission_id,
            )
        )  # fmt: skip
        session.add(
            PersonRelationship(
                person_id=person.person_id, related_person_id=colleague.person_id, relationship_type="parent",
                authority="informal", start_date=born - 9 * day,
            )
        )  # fmt: skip
    await session.commit()
    return await signed_in(client, session, me.account_id)


async def _calls_and_tasks(
    session: AsyncSession, owner_id: UUID, navigator_id: UUID, person: Person, patient: Patient
) -> None:
    now = clock.now()
    yesterday = now - timedelta(days=1)
    await a_call(session, patient, booking_date=now - timedelta(minutes=1), status="scheduled", pn_id=navigator_id)
    await a_call(session, patient, booking_date=yesterday, status="scheduled", pn_id=navigator_id)
    about: dict[str, Any] = {"patient_id": patient.patient_id, "due_at": yesterday, "due_by": yesterday}
    await a_task(session, person, owner_id=owner_id, **about)
    for owner in (owner_id, None):
        heard = await a_call(
            session, patient, call_date=yesterday, status="completed", outcome="reached", adverse_event_heard=True
        )
        await a_task(session, person, owner_id=owner, rule="side_effect", call_id=heard.call_id, **about)


async def test_pages_that_gather_from_many_tables_take_at_most_eight_statements(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    bound: BoundDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = await _enter(client, session, settings)
    pages = ("/today", "/standing-faults", "/calls/agenda", "/calls/agenda?of=team", "/calls/agenda?view=week")
    searches = ("visser", "ada1 visser", "vissre", "adaa viser", "adavisser", "zzqqxx")
    sent, text = {}, {}
    for asked in (*pages, *searches):
        with _counted(bound, monkeypatch) as found:
            if asked in pages:
                answer = await client.get(asked)
            else:
                answer = await client.post("/search", data={"q": asked, "csrf_token": token})
        assert answer.status_code == 200, (asked, answer.text)
        sent[asked], text[asked] = found, answer.text
    totals = dict(_SECTION.findall(text["/today"]))
    assert len(totals) == 9
    assert "0" not in totals.values(), totals
    # Three pauses without a reason, and each relationship with its start.
    assert f"{3 + PEOPLE} records" in text["/standing-faults"]
    assert "Ada0 Visser" in text["/calls/agenda"]
    assert "Visser trial" in text["visser"]
    assert {asked: len(found) for asked, found in sent.items() if len(found) > MOST} == {}
