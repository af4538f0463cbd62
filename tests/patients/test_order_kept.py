"""The order of the list of patients is what their records say, whatever happens to them, at once and half way."""

import asyncio
import random
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.calls.models import CallHistory
from app.calls.rules import asks_of_side_effects
from app.calls.states import OUTCOMES
from app.journeys.eap.models import EapJourney
from app.journeys.kinds import KINDS
from app.journeys.trial.models import ClinicalTrialJourney
from app.main import create_app
from app.patients import queries
from app.patients.models import Patient, PatientOrder
from app.people.models import Person
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.builders import a_call, a_colleague, a_lead, a_patient, a_trial_journey, an_eap_journey

URL = "/api/v1/call-history"
NEVER, NO_MORE = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
_OUTCOMES = (*OUTCOMES, None)
_BEGINS = {ClinicalTrialJourney: a_trial_journey, EapJourney: an_eap_journey}
_OWN = [column.name for column in PatientOrder.__table__.c]


async def _kept(session: AsyncSession) -> dict[Any, dict[str, Any]]:
    rows = await session.scalars(select(PatientOrder).execution_options(populate_existing=True))
    return {row.patient_id: {name: getattr(row, name) for name in _OWN} for row in rows}


async def _told(session: AsyncSession) -> dict[Any, dict[str, Any]]:
    """The same, read from the records themselves."""
    now = clock.now()
    told: dict[Any, dict[str, Any]] = {}
    rows = await session.execute(
        select(Patient, Person, UserAccount)
        .join(Person, Person.person_id == Patient.person_id)
        .outerjoin(UserAccount, UserAccount.user_account_id == Patient.owner_id)
        .where(Patient.deleted_at.is_(None))
        .execution_options(populate_existing=True)
    )
    for patient, person, owner in rows.all():
        calls = [
            call
            for call in await session.scalars(
                select(CallHistory)
                .where(CallHistory.person_id == person.person_id)
                .execution_options(populate_existing=True)
            )
            if call.voided_at is None
        ]
        open_ = [call.occurs_at for call in calls if call.status in {"scheduled", "confirmed"} and call.occurs_at > now]
        told[patient.patient_id] = {
            "patient_id": patient.patient_id,
            "created_at": patient.created_at,
            "owner_id": patient.owner_id,
            "status": patient.status,
            "name": f"{person.last_name} {person.first_name}".lower(),
            "owner": owner.display_name.lower() if owner else "",
            "last_contact_at": max((call.occurs_at for call in calls if _is_contact(call)), default=NEVER),
            "next_call_at": min(open_, default=NO_MORE),
        }
        for kind in KINDS:
            journeys = await session.scalars(
                select(kind.model)
                .where(kind.model.patient_id == patient.patient_id)
                .order_by(kind.model.created_at.desc(), inspect(kind.model).primary_key[0].desc())
                .execution_options(populate_existing=True)
            )
            stages = [journey.status for journey in journeys if kind.moves.machine.is_open(journey.status)]
            told[patient.patient_id][f"{kind.model.__tablename__.removesuffix('_journey')}_stage"] = next(
                iter(stages), None
            )
    return told


def _is_contact(call: CallHistory) -> bool:
    return call.status == "completed" and asks_of_side_effects(call.outcome)


class _History:
    """Something that happens, drawn by a seed."""

    def __init__(self, session: AsyncSession, seed: int) -> None:
        self._session = session
        self._chance = random.Random(seed)  # noqa: S311 - choices of a test
        self.owners: list[UserAccount] = []
        self.patients: list[Patient] = []

    async def happen(self) -> None:
        steps = (
            *(self._call, self._calls, self._of_calls, self._journey, self._of_journeys, self._patient, self._names),
            self._lead_becomes_patient,
        )
        await self._chance.choice(steps)()

    async def _lead_becomes_patient(self) -> None:
        """Somebody who has been called already."""
        lead, now = await a_lead(self._session), clock.now()
        for days in self._chance.sample(range(-9, 9), 3):
            moment = now + timedelta(days=days, minutes=9)
            about = {"person_id": lead.person_id, "lead_id": lead.lead_id}
            self._session.add(CallHistory(booking_date=moment, **about, **self._ended()))
        await self._session.flush()
        self.patients.append(await a_patient(self._session, person=await self._session.get_one(Person, lead.person_id)))

    def _ended(self) -> dict[str, Any]:
        """How a call stands, and how it ended."""
        status = self._chance.choice(("scheduled", "confirmed", "completed", "completed", "cancelled"))
        return {"status": status, "outcome": self._chance.choice(_OUTCOMES) if status == "completed" else None}

    async def _call(self) -> None:
        moment = {"booking_date": clock.now() + timedelta(days=self._chance.randint(-9, 9), minutes=5)}
        await a_call(self._session, self._chance.choice(self.patients), **moment, **self._ended())

    async def _calls(self) -> None:
        """Some calls at once, of several patients and of one."""
        patients = self._chance.choices(self.patients, k=self._chance.randint(2, 4))
        moments = [clock.now() + timedelta(days=self._chance.randint(-9, 9), minutes=3) for _ in patients]
        await self._session.execute(
            text(
                "INSERT INTO call_history (person_id, patient_id, booking_date, status, outcome)"
                " SELECT p.person_id, p.patient_id, n.moment, :status, :outcome"
                " FROM unnest(CAST(:ids AS uuid[]), CAST(:moments AS timestamptz[])) AS n (id, moment)"
                " JOIN patient AS p ON p.patient_id = n.id"
            ),
            {
                "ids": [patient.patient_id for patient in patients],
                "moments": moments,
                **self._ended(),
            },
        )

    async def _of_calls(self) -> None:
        """Some calls at once, in one statement."""
        one = update(CallHistory).where(CallHistory.call_id.in_(await self._some(CallHistory.call_id)))
        moved = clock.now() + timedelta(days=self._chance.randint(-5, 5), minutes=7)
        await self._session.execute(
            self._chance.choice(
                (
                    one.values(voided_at=clock.now(), void_reason="x"),
                    one.values(voided_at=None, void_reason=None),
                    one.values(status="completed", outcome=self._chance.choice(_OUTCOMES)),
                    one.values(booking_date=moved),
                )
            )
        )

    async def _journey(self) -> None:
        await _BEGINS[self._chance.choice(list(_BEGINS))](self._session, self._chance.choice(self.patients))

    async def _of_journeys(self) -> None:
        kind = self._chance.choice(KINDS)
        key = inspect(kind.model).primary_key[0]
        which = key.in_(await self._some(key))
        status = self._chance.choice(list(kind.moves.machine.states))
        await self._session.execute(update(kind.model).where(which).values(status=status))

    async def _patient(self) -> None:
        patient, owner = self._chance.choice(self.patients), self._chance.choice(self.owners)
        gone = {"deleted_at": clock.now(), "deleted_by": owner.user_account_id}
        values: dict[str, Any] = self._chance.choice(
            (gone, dict.fromkeys(gone), {"status": "inactive"}, {"owner_id": owner.user_account_id}, {"owner_id": None})
        )
        await self._session.execute(update(Patient).where(Patient.patient_id == patient.patient_id).values(values))

    async def _names(self) -> None:
        name = self._chance.choice(("Bos", "Ayub", "Cao", "Zeno"))
        patient, owner = self._chance.choice(self.patients), self._chance.choice(self.owners)
        await self._session.execute(
            self._chance.choice(
                (
                    update(Person).where(Person.person_id == patient.person_id).values(last_name=name),
                    update(UserAccount)
                    .where(UserAccount.user_account_id == owner.user_account_id)
                    .values(display_name=name),
                )
            )
        )

    async def _some(self, key: Any) -> list[Any]:
        found = list((await self._session.scalars(select(key).order_by(key))).all())
        return self._chance.sample(found, min(len(found), self._chance.randint(1, 3)))


@pytest.mark.parametrize("seed", range(1, 5))
async def test_whatever_happens_the_order_is_what_the_records_say(session: AsyncSession, seed: int) -> None:
    history = _History(session, seed)
    history.owners = [(await a_colleague(session))[0] for _ in range(2)]
    history.patients = [await a_patient(session) for _ in range(4)]
    for _ in range(60):
        await history.happen()
        assert await _kept(session) == await _told(session)


@pytest.fixture
async def patient(committed_database: Database) -> Patient:
    async with committed_database.unit_of_work() as session:
        return await a_patient(session)


@pytest.fixture
async def racers(committed_database: Database, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests have connections of their own."""
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name="races of the order")
    transport = httpx.ASGITransport(app=create_app(settings, committed_database), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
        yield client


async def _agree(database: Database, patient: Patient) -> dict[str, Any]:
    async with database.session() as session:
        kept, told = await _kept(session), await _told(session)
    assert kept[patient.patient_id] == told[patient.patient_id]
    return kept[patient.patient_id]


def _had(patient: Patient, days: int) -> dict[str, Any]:
    moment = clock.now() - timedelta(days=days)
    return {"patient_id": str(patient.patient_id), "call_date": moment.isoformat(), "status": "completed"}


async def test_of_calls_that_are_logged_at_once_the_newest_is_the_last_contact(
    racers: httpx.AsyncClient, committed_database: Database, patient: Patient
) -> None:
    for _ in range(5):
        answers = await asyncio.gather(*(racers.post(URL, json=_had(patient, days)) for days in (9, 1, 5, 2)))
        assert [answer.status_code for answer in answers] == [201] * 4
        assert (await _agree(committed_database, patient))["last_contact_at"] > clock.now() - timedelta(days=2)


async def test_a_call_that_is_voided_while_another_is_logged_is_no_last_contact(
    racers: httpx.AsyncClient, committed_database: Database, patient: Patient
) -> None:
    for _ in range(8):
        newest = await racers.post(URL, json=_had(patient, 1))
        said = {"If-Match": newest.headers["etag"], "X-Change-Reason": "Of somebody else."}
        answers = await asyncio.gather(
            racers.delete(newest.headers["location"], headers=said), racers.post(URL, json=_had(patient, 3))
        )
        assert [answer.status_code for answer in answers] == [204, 201], [answer.text for answer in answers]
        assert (await _agree(committed_database, patient))["last_contact_at"] < clock.now() - timedelta(days=2)


async def test_an_older_call_that_is_logged_while_the_newest_is_voided_is_the_last_contact(
    committed_database: Database, committed_owner_url: str, patient: Patient
) -> None:
    logged = (
        "INSERT INTO call_history (person_id, patient_id, call_date, status)"
        " VALUES (%s, %s, now() - %s * interval '1 day', 'completed') RETURNING call_id, call_date"
    )
    of_patient = [patient.person_id, patient.patient_id]
    voided = "UPDATE call_history SET voided_at = now(), void_reason = 'x' WHERE call_id = %s"
    with (
        psycopg.connect(committed_owner_url) as one,
        psycopg.connect(committed_owner_url, autocommit=True) as other,
        ThreadPoolExecutor(1) as beside,
    ):
        newest, _ = one.execute(logged, [*of_patient, 1]).fetchone() or (None, None)
        one.commit()
        _, older = one.execute(logged, [*of_patient, 3]).fetchone() or (None, None)
        voiding = beside.submit(other.execute, voided, [newest])
        wait([voiding], timeout=1)
        one.commit()
        voiding.result()
        kept = one.execute("SELECT last_contact_at FROM patient_order WHERE patient_id = %s", of_patient[1:])
        assert kept.fetchone() == (older,)


async def test_the_order_forgets_calls_that_the_owner_takes_away(
    racers: httpx.AsyncClient, committed_database: Database, committed_owner_url: str, patient: Patient
) -> None:
    for days in (1, 3):
        assert (await racers.post(URL, json=_had(patient, days))).status_code == 201
    with psycopg.connect(committed_owner_url) as owner:
        owner.execute(
            "DELETE FROM call_history WHERE patient_id = %s AND call_date > now() - interval '2 days'",
            [patient.patient_id],
        )
    assert (await _agree(committed_database, patient))["last_contact_at"] < clock.now() - timedelta(days=2)


async def test_a_connection_that_is_killed_leaves_the_order_with_the_records(
    committed_database: Database, committed_owner_url: str, patient: Patient
) -> None:
    before = await _agree(committed_database, patient)
    with psycopg.connect(committed_owner_url) as killed, psycopg.connect(committed_owner_url) as other:
        killed.execute(
            "INSERT INTO call_history (person_id, patient_id, call_date, status) VALUES (%s, %s, now(), 'completed')",
            [patient.person_id, patient.patient_id],
        )
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [killed.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            killed.execute("SELECT 1")
    assert await _agree(committed_database, patient) == before


async def test_the_worker_waits_for_nobody_who_changes_a_patient(
    committed_database: Database, committed_owner_url: str, patient: Patient
) -> None:
    async with committed_database.unit_of_work() as session:
        another = await a_patient(session)
    over = "UPDATE patient_order SET next_call_at = now() - interval '1 minute' WHERE patient_id = ANY (%s)"
    with psycopg.connect(committed_owner_url) as other:
        other.execute(over, [[patient.patient_id, another.patient_id]])
        other.commit()
        other.execute("SELECT FROM patient_order WHERE patient_id = %s FOR UPDATE", [patient.patient_id])
        async with committed_database.unit_of_work() as session:
            async with asyncio.timeout(5):
                await queries.move_next_calls_on(session, now=clock.now())
    await _agree(committed_database, another)
    async with committed_database.unit_of_work() as session:
        await queries.move_next_calls_on(session, now=clock.now())
    await _agree(committed_database, patient)
