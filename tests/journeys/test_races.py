"""Two who move one journey at once: the second meets the state the first has left it in."""

import asyncio

from sqlalchemy import select

from app.events.models import JourneyEvent
from app.journeys.eap.models import EapGate
from app.journeys.eap.schemas import GateUpdate
from app.journeys.eap.service import NOT_RECORDED, change_gate
from app.journeys.errors import PatientInactive
from app.journeys.service import move_journey, open_journey
from app.journeys.trial.kind import TRIAL
from app.journeys.trial.schemas import TrialJourneyIntoTrial, TrialTransition
from app.patients.errors import JourneysOpen
from app.patients.models import Patient
from app.patients.schemas import PatientUpdate
from app.patients.service import change_patient
from app.platform.actor import Actor
from app.platform.db import Database
from app.platform.errors import Stale
from app.platform.states import TransitionNotAllowed
from tests.builders import a_patient, a_trial, a_trial_journey, an_eap_journey


async def test_one_of_two_moves_is_made_and_the_other_sees_it(committed_database: Database, actor: Actor) -> None:
    async with committed_database.unit_of_work() as session:
        journey = await a_trial_journey(session, await a_patient(session))

    async def move(to: str) -> str:
        async with committed_database.unit_of_work() as session:
            moved = await move_journey(
                session, actor, kind=TRIAL, journey_id=journey.ct_journey_id, transition=TrialTransition(to=to)
            )
            return moved.status

    answers = await asyncio.gather(*(move("pre_screening") for _ in range(6)), return_exceptions=True)

    assert [answer for answer in answers if isinstance(answer, str)] == ["pre_screening"]
    assert sum(isinstance(answer, TransitionNotAllowed) for answer in answers) == 5
    async with committed_database.unit_of_work() as session:
        of_journey = JourneyEvent.ct_journey_id == journey.ct_journey_id
        assert len((await session.scalars(select(JourneyEvent).where(of_journey))).all()) == 1


async def test_gate_recorded_by_two_at_once_is_one_gate(committed_database: Database, actor: Actor) -> None:
    async with committed_database.unit_of_work() as session:
        journey = await an_eap_journey(session, await a_patient(session), eap_number="EAP-race")

    async def record(status: str) -> None:
        async with committed_database.unit_of_work() as session:
            await change_gate(
                session,
                actor,
                eap_journey_id=journey.eap_journey_id,
                gate="ethics",
                change=GateUpdate(status=status),
            )

    await asyncio.gather(*(record(status) for status in ("submitted", "approved", "submitted", "approved")))

    async with committed_database.unit_of_work() as session:
        of_journey = EapGate.eap_journey_id == journey.eap_journey_id
        [gate] = (await session.scalars(select(EapGate).where(of_journey))).all()
        assert gate.version > 1


async def test_of_those_who_record_one_gate_from_an_empty_form_at_once_one_is_kept_and_the_others_are_told(
    committed_database: Database, actor: Actor
) -> None:
    async with committed_database.unit_of_work() as session:
        journey = await an_eap_journey(session, await a_patient(session), eap_number="EAP-race-of-forms")

    async def record(number: int) -> str | None:
        async with committed_database.unit_of_work() as session:
            made = await change_gate(
                session,
                actor,
                eap_journey_id=journey.eap_journey_id,
                gate="ethics",
                change=GateUpdate(status="submitted", reference_number=f"METC-{number}"),
                if_match=NOT_RECORDED,
            )
            return made.reference_number

    answers = await asyncio.gather(*map(record, range(6)), return_exceptions=True)

    [kept] = [answer for answer in answers if isinstance(answer, str)]
    assert sum(isinstance(answer, Stale) for answer in answers) == 5
    async with committed_database.unit_of_work() as session:
        [gate] = (await session.scalars(select(EapGate).where(EapGate.eap_journey_id == journey.eap_journey_id))).all()
        assert (gate.reference_number, gate.version) == (kept, 1)


async def test_nobody_is_put_aside_while_a_journey_is_opened(committed_database: Database, actor: Actor) -> None:
    async with committed_database.unit_of_work() as session:
        patients = [await a_patient(session) for _ in range(12)]
        trial = await a_trial(session)
    new = TrialJourneyIntoTrial

    async def put_aside(patient: Patient) -> bool:
        async with committed_database.unit_of_work() as session:
            change = PatientUpdate.model_validate({"status": "inactive"})
            await change_patient(session, actor, patient_id=patient.patient_id, change=change)
            await asyncio.sleep(0.05)
        return True

    async def open_one(patient: Patient) -> bool:
        async with committed_database.unit_of_work() as session:
            body = new(patient_id=patient.patient_id, clinical_trial_id=trial.clinical_trial_id)
            await open_journey(session, actor, kind=TRIAL, new=body)
            await asyncio.sleep(0.05)
        return True

    for number, patient in enumerate(patients):
        both = (put_aside(patient), open_one(patient)) if number % 2 else (open_one(patient), put_aside(patient))
        answers = await asyncio.gather(*both, return_exceptions=True)
        assert [answer for answer in answers if answer is True] == [True], answers
        [refused] = [answer for answer in answers if answer is not True]
        assert isinstance(refused, (JourneysOpen, PatientInactive))
