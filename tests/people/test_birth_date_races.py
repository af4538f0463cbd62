"""A birth date that moves while something is entered: the second of the two sees what the first has done."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.calls.schemas import CallForPatient, CallUpdate
from app.calls.service import correct_call, log_call
from app.journeys.eap.schemas import GateUpdate
from app.journeys.eap.service import change_gate
from app.journeys.service import change_journey, move_journey, open_journey
from app.journeys.trial.kind import TRIAL
from app.journeys.trial.schemas import TrialJourneyIntoTrial, TrialJourneyUpdate, TrialTransition
from app.main import create_app
from app.patients.care_team.schemas import CareLinkCreate, CareLinkUpdate
from app.patients.care_team.service import change_care_link, link_physician
from app.people.roles import add_role, change_role
from app.people.schemas import PersonUpdate, RoleCreate, RoleUpdate
from app.people.service import change_person
from app.platform.actor import Actor
from app.platform.db import Database, create_engine
from app.platform.errors import Invalid
from app.platform.settings import Settings
from tests import builders

DAY, MOMENT = date(2020, 1, 1), datetime(2020, 1, 1, 9, tzinfo=UTC)
LATER = date(2020, 6, 2)
Write = Callable[[AsyncSession, Actor], Awaitable[Any]]


class Case:
    """A patient with what hangs on them, so that each entry can be tried."""

    async def begin(self, session: AsyncSession) -> "Case":
        self.person = await builders.a_person(session, date_of_birth=date(1980, 3, 4))
        self.patient = await builders.a_patient(session, self.person)
        self.trial = await builders.a_trial(session)
        self.call = await builders.a_call(session, self.patient, booking_date=datetime(2031, 1, 1, tzinfo=UTC))
        self.journey = await builders.a_trial_journey(session, self.patient)
        self.dossier = await builders.an_eap_journey(session, self.patient)
        self.physician = await builders.a_physician(session)
        other = await builders.a_physician(session)
        self.link = await link_physician(
            session,
            command_actor(),
            patient_id=self.patient.patient_id,
            new=CareLinkCreate(physician_id=other.physician_id, relationship_type="specialist"),
        )
        self.role = await add_role(
            session, command_actor(), person_id=self.person.person_id, new=RoleCreate(type_name="caregiver")
        )
        return self

    @property
    def entries(self) -> dict[str, Write]:
        patient_id, person_id = self.patient.patient_id, self.person.person_id
        journey_id = self.journey.ct_journey_id
        logged = {"call_date": MOMENT, "outcome": "reached", "contact_reason": "x"}
        call = CallForPatient.model_validate({"patient_id": patient_id, **logged})
        journey = TrialJourneyIntoTrial(
            patient_id=patient_id, clinical_trial_id=self.trial.clinical_trial_id, referral_date=DAY
        )
        moved = TrialTransition(to="pre_screening", happened_at=MOMENT, is_correction=True, reason="x")
        link = CareLinkCreate(physician_id=self.physician.physician_id, relationship_type="specialist", start_date=DAY)
        return {
            "call": lambda s, a: log_call(s, a, new=call),
            "reminder": lambda s, a: correct_call(
                s, a, call_id=self.call.call_id, change=CallUpdate(reminder_date=MOMENT)
            ),
            "journey": lambda s, a: open_journey(s, a, kind=TRIAL, new=journey),
            "date of a journey": lambda s, a: change_journey(
                s, a, kind=TRIAL, journey_id=journey_id, change=TrialJourneyUpdate(referral_date=DAY)
            ),
            "move": lambda s, a: move_journey(s, a, kind=TRIAL, journey_id=journey_id, transition=moved),
            "gate": lambda s, a: change_gate(
                s,
                a,
                eap_journey_id=self.dossier.eap_journey_id,
                gate="ethics",
                change=GateUpdate(status="submitted", decided_on=DAY),
            ),
            "physician": lambda s, a: link_physician(s, a, patient_id=patient_id, new=link),
            "date of a physician": lambda s, a: change_care_link(
                s,
                a,
                patient_id=patient_id,
                patient_physician_id=self.link.patient_physician_id,
                change=CareLinkUpdate(start_date=DAY),
            ),
            "role": lambda s, a: add_role(
                s, a, person_id=person_id, new=RoleCreate(type_name="pharmacist", valid_from=MOMENT)
            ),
            "date of a role": lambda s, a: change_role(
                s,
                a,
                person_id=person_id,
                person_contact_type_id=self.role.person_contact_type_id,
                change=RoleUpdate(valid_from=MOMENT),
            ),
        }


@pytest.fixture
async def case(committed_database: Database) -> Case:
    async with committed_database.unit_of_work() as session:
        return await Case().begin(session)


ENTRIES = (
    *("call", "reminder", "journey", "date of a journey", "move", "gate"),
    *("physician", "date of a physician", "role", "date of a role"),
)


@pytest.mark.parametrize("first", ["birth date", "entry"])
@pytest.mark.parametrize("entry", ENTRIES)
async def test_second_of_two_sees_the_first(
    committed_database: Database, actor: Actor, case: Case, entry: str, first: str
) -> None:
    async def move_birth(session: AsyncSession, actor: Actor) -> None:
        await change_person(
            session,
            actor,
            person_id=case.person.person_id,
            change=PersonUpdate.model_validate({"date_of_birth": LATER}),
        )

    write = case.entries[entry]
    one, other = (move_birth, write) if first == "birth date" else (write, move_birth)
    has_written = asyncio.Event()

    async def act(what: Write, *, waits: bool) -> str:
        if waits:
            await has_written.wait()
        try:
            async with committed_database.unit_of_work() as session:
                await what(session, actor)
                if not waits:
                    has_written.set()
                    await asyncio.sleep(0.2)
        except Invalid as error:
            return error.fields[0].code
        return "done"

    answers = await asyncio.gather(act(one, waits=False), act(other, waits=True))

    assert list(answers) == ["done", "before_birth" if first == "birth date" else "after_events"]


async def test_call_on_the_fast_path_waits_for_a_birth_date(
    committed_database: Database, committed_url: str, settings: Settings, actor: Actor, case: Case
) -> None:
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="birth dates")
    own = Database(create_engine(settings, committed_url))
    transport = httpx.ASGITransport(app=create_app(settings, own))
    headers = {"Authorization": f"Bearer {key}"}
    body = {"patient_id": str(case.patient.patient_id), "call_date": MOMENT.isoformat(), "outcome": "reached"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        async with committed_database.unit_of_work() as session:
            change = PersonUpdate.model_validate({"date_of_birth": LATER})
            await change_person(session, actor, person_id=case.person.person_id, change=change)
            asked = asyncio.create_task(client.post("/api/v1/call-history", json=body))
            await asyncio.sleep(0.3)
        answer = await asked
    await own.close()

    assert [error["code"] for error in answer.json()["errors"]] == ["before_birth"]
