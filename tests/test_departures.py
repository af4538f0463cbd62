"""A death or a withdrawal closes or lists what is open, in one step; what comes afterwards; and how it is undone."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.calls.models import CallHistory
from app.calls.schemas import CallForPatient
from app.calls.service import log_call
from app.journeys.kinds import KINDS
from app.journeys.service import open_journey
from app.journeys.trial.kind import TRIAL
from app.journeys.trial.models import ClinicalTrialJourney
from app.journeys.trial.schemas import TrialJourneyByNumber
from app.leads.models import PatientLead
from app.leads.schemas import LeadCreateForPerson
from app.leads.service import open_lead
from app.people.departures.models import CameBack
from app.people.departures.schemas import DepartureCreate
from app.people.departures.service import depart
from app.people.models import IntakeSubmission
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Database
from app.platform.errors import Conflict
from tests import builders
from tests.both_paths import BothPaths
from tests.conftest import AsRole

AHEAD = datetime(2031, 3, 3, 9, tzinfo=UTC)
BEFORE = datetime(2026, 3, 3, 9, tzinfo=UTC)
DIED = {"status": "deceased", "date_of_death": "2026-11-20", "death_source": "Their daughter, by phone."}
WITHDREW = {"status": "withdrawn", "status_reason": "Asked by letter to be left alone."}


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def at(moment: datetime) -> str:
    return moment.isoformat()


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


class Story:
    """A patient with an open record of every kind."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def begin(self) -> "Story":
        session = self.session
        self.owner, self.owner_key = await builders.a_colleague(session)
        self.patient = await builders.a_patient(session, owner_id=self.owner.user_account_id)
        person = await session.get_one(type(await builders.a_person(session)), self.patient.person_id)
        self.person_id = person.person_id
        self.lead = await builders.a_lead(session, person, status="nurture", wake_up_on=date(2031, 1, 1))
        self.trial = await builders.a_trial_journey(session, self.patient)
        self.consented = await builders.a_trial_journey(session, self.patient, status="on_study")
        self.eap = await builders.an_eap_journey(session, self.patient)
        self.reporting = await builders.an_eap_journey(session, self.patient, status="reporting")
        self.ahead = await builders.a_call(
            session, self.patient, booking_date=AHEAD, reminder_date=AHEAD - timedelta(days=1)
        )
        self.passed = await builders.a_call(session, self.patient, booking_date=BEFORE, reminder_date=AHEAD)
        self.done = await builders.a_call(
            session, self.patient, call_date=BEFORE, status="completed", outcome="reached", reminder_date=AHEAD
        )
        await session.commit()
        return self

    async def now(self) -> dict[str, Any]:
        async def fresh(name: str, key: str) -> Any:
            row = getattr(self, name)
            return await self.session.get_one(type(row), getattr(row, key), populate_existing=True)

        calls = {name: await fresh(name, "call_id") for name in ("ahead", "passed", "done")}
        return {
            "patient": (await fresh("patient", "patient_id")).status,
            "lead": (await fresh("lead", "lead_id")).status,
            "trial": (await fresh("trial", "ct_journey_id")).status,
            "consented": (await fresh("consented", "ct_journey_id")).status,
            "eap": (await fresh("eap", "eap_journey_id")).status,
            "reporting": (await fresh("reporting", "eap_journey_id")).status,
            **{name: call.status for name, call in calls.items()},
            "reminders": [call.reminder_date is not None for call in calls.values()],
        }


@pytest.fixture
async def story(session: AsyncSession) -> Story:
    return await Story(session).begin()


BEGAN = {
    "patient": "active",
    "lead": "nurture",
    "trial": "identified",
    "consented": "on_study",
    "eap": "inquiry",
    "reporting": "reporting",
    "ahead": "scheduled",
    "passed": "scheduled",
    "done": "completed",
    "reminders": [True, True, True],
}
AFTER_DEATH = BEGAN | {
    "patient": "deceased",
    "lead": "disqualified",
    "trial": "deceased",
    "consented": "deceased",
    "eap": "deceased",
    "ahead": "cancelled",
    "reminders": [False, False, False],
}
AFTER_WITHDRAWAL = BEGAN | {
    "patient": "withdrawn",
    "lead": "withdrawn",
    "trial": "not_pursued",
    "eap": "withdrawn",
    "ahead": "cancelled",
    "reminders": [False, False, False],
}


@pytest.mark.parametrize("by", ["patient", "person"])
@pytest.mark.parametrize(
    ("said", "after", "listed"),
    [(DIED, AFTER_DEATH, {"reporting", "passed"}), (WITHDREW, AFTER_WITHDRAWAL, {"consented", "reporting", "passed"})],
    ids=["death", "withdrawal"],
)
async def test_what_is_open_is_closed_or_listed_in_one_step(
    client: httpx.AsyncClient,
    navigator: dict[str, str],
    story: Story,
    said: dict[str, Any],
    after: dict[str, Any],
    listed: set[str],
    by: str,
) -> None:
    departures = f"/api/v1/persons/{story.person_id}/departures"
    if by == "patient":
        answer = await client.put(f"/api/v1/patients/{story.patient.patient_id}", json=said, headers=navigator)
        assert (answer.status_code, answer.json().get("status")) == (200, said["status"]), answer.text
    else:
        body = {
            "kind": said["status"],
            "departed_on": said.get("date_of_death"),
            "source": said.get("death_source"),
            "reason": said.get("status_reason"),
        }
        answer = await client.post(departures, json=body, headers=navigator)
        assert answer.status_code == 201, answer.text

    assert await story.now() == after
    (departure,) = (await client.get(departures, headers=navigator)).json()["items"]
    assert (departure["kind"], departure["source"]) == (said["status"], said.get("death_source"))
    assert departure["departed_on"] == said.get("date_of_death", clock.today().isoformat())
    ids = {
        str(story.consented.ct_journey_id): "consented",
        str(story.reporting.eap_journey_id): "reporting",
        str(story.passed.call_id): "passed",
    }
    assert {ids[one["record_id"]] for one in departure["listed"]} == listed
    assert str(story.ahead.call_id) in {one["record_id"] for one in departure["closed"]}
    twice = await client.post(
        departures,
        json={"kind": said["status"], "departed_on": "2026-11-20", "source": "x", "reason": "x"},
        headers=navigator,
    )
    assert (twice.status_code, twice.json()["code"]) == (409, "already_departed")


async def test_who_opens_a_person_sees_that_they_died_or_withdrew(
    client: httpx.AsyncClient, navigator: dict[str, str], as_role: AsRole, story: Story
) -> None:
    place = f"/api/v1/persons/{story.person_id}"
    departures = f"{place}/departures"
    before = await client.get(place, headers=navigator)
    withdrawal = {"kind": "withdrawn", "reason": "By letter.", "departed_on": "2026-10-01"}
    made = await client.post(departures, json=withdrawal, headers=navigator)
    death = {"kind": "deceased", "departed_on": "2026-11-20", "source": "Their daughter."}
    await client.post(departures, json=death, headers=navigator)

    seen = (await client.get(place, headers=navigator)).json()["departures"]
    masked = (await client.get(place, headers=await as_role("auditor"))).json()["departures"]
    undo = f"{departures}/{made.json()['person_departure_id']}/undo"
    await client.post(undo, json={"reason": "x"}, headers=navigator)
    undone = (await client.get(place, headers=navigator)).json()["departures"]

    assert before.json()["departures"] == []
    assert [(one["kind"], one["departed_on"], one["source"], one["reason"]) for one in seen] == [
        ("deceased", "2026-11-20", "Their daughter.", None),
        ("withdrawn", "2026-10-01", None, "By letter."),
    ]
    assert all(one["entered_by"] and one["created_at"] for one in seen)
    assert [(one["kind"], one["departed_on"]) for one in masked] == [("deceased", None), ("withdrawn", None)]
    assert not {"Their daughter.", "By letter."} & {one[name] for one in masked for name in ("source", "reason")}
    assert [one["kind"] for one in undone] == ["deceased"]


@pytest.mark.parametrize(
    ("state", "becomes"),
    [
        ("identified", "not_pursued"),
        ("pre_screening", "not_pursued"),
        ("pre_screen_passed", "not_pursued"),
        ("patient_considering", "declined_by_patient"),
        ("referral_ready", "declined_by_patient"),
        ("referred", "referral_withdrawn"),
        ("site_review", "referral_withdrawn"),
        ("site_accepted", "declined_by_patient"),
        ("screening_scheduled", "declined_by_patient"),
        ("consented", None),
        ("screening", None),
        ("eligible_enrolled", None),
        ("on_study", None),
        ("follow_up", None),
    ],
)
async def test_withdrawal_closes_a_trial_journey_before_the_consent_and_lists_a_later_one(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], state: str, becomes: str | None
) -> None:
    patient = await builders.a_patient(session)
    journey = await builders.a_trial_journey(session, patient, status=state)
    await session.commit()
    place, url = f"/api/v1/clinical-trial-journeys/{journey.ct_journey_id}", f"/api/v1/patients/{patient.patient_id}"

    await client.put(url, json=WITHDREW, headers=navigator)
    closed = (await client.get(place, headers=navigator)).json()
    events = (await client.get(f"{place}/events", headers=navigator)).json()["items"]
    departures = f"/api/v1/persons/{patient.person_id}/departures"
    (departure,) = (await client.get(departures, headers=navigator)).json()["items"]
    undo = f"{departures}/{departure['person_departure_id']}/undo"
    await client.post(undo, json={"reason": "It was somebody else."}, headers=navigator)
    again = (await client.get(place, headers=navigator)).json()

    assert (closed["status"], again["status"]) == (becomes or state, state)
    where = departure["listed" if becomes is None else "closed"]
    assert str(journey.ct_journey_id) in {one["record_id"] for one in where}
    moves = [(one["from_status"], one["to_status"], one["via"], one["reason"]) for one in events]
    assert moves == ([] if becomes is None else [(state, becomes, "departed", WITHDREW["status_reason"])])


def test_every_open_journey_has_its_place_when_somebody_departs() -> None:
    for kind in KINDS:
        machine = kind.moves.machine
        for departure, ends in kind.when_departed.items():
            assert all(machine.is_open(state) and not machine.is_open(end) for state, end in ends.items()), departure


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"status": "deceased"}, [("date_of_death", "missing"), ("death_source", "missing")]),
        ({"status": "deceased", "death_source": "x"}, [("date_of_death", "missing")]),
        (DIED | {"date_of_death": "2999-01-01"}, [("date_of_death", "in_the_future")]),
        (DIED | {"date_of_death": "1970-01-01"}, [("date_of_death", "before_birth")]),
        ({"status": "withdrawn"}, [("status_reason", "reason_needed")]),
        ({"date_of_death": "2026-11-20"}, [("date_of_death", "not_of_this_status")]),
        ({"date_of_death": None}, [("date_of_death", "day")]),
    ],
)
async def test_death_has_a_date_and_a_source(
    client: httpx.AsyncClient,
    session: AsyncSession,
    navigator: dict[str, str],
    said: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    patient = await builders.a_patient(session, await builders.a_person(session, date_of_birth=date(1980, 1, 2)))
    await session.commit()

    answer = await client.put(f"/api/v1/patients/{patient.patient_id}", json=said, headers=navigator)

    assert (answer.status_code, codes(answer)) == (422, expected)
    read = await client.get(f"/api/v1/patients/{patient.patient_id}", headers=navigator)
    assert read.json()["status"] == "active"


async def test_date_and_source_of_a_death_are_corrected(
    client: httpx.AsyncClient, navigator: dict[str, str], story: Story
) -> None:
    place = f"/api/v1/patients/{story.patient.patient_id}"
    await client.put(place, json=DIED, headers=navigator)

    await client.put(place, json={"date_of_death": "2026-11-19", "death_source": "The register."}, headers=navigator)

    (departure,) = (await client.get(f"/api/v1/persons/{story.person_id}/departures", headers=navigator)).json()[
        "items"
    ]
    assert (departure["departed_on"], departure["source"]) == ("2026-11-19", "The register.")


@pytest.mark.parametrize(("said", "code"), [(DIED, "person_deceased"), (WITHDREW, "person_withdrawn")])
async def test_colleagues_open_and_book_nothing_afterwards(
    paths: BothPaths,
    session: AsyncSession,
    navigator: dict[str, str],
    story: Story,
    said: dict[str, Any],
    code: str,
) -> None:
    await paths.greet(navigator)
    await paths.fast.put(f"/api/v1/patients/{story.patient.patient_id}", json=said, headers=navigator)
    condition = str(story.patient.medical_condition_id)
    patient, person = {"patient_id": str(story.patient.patient_id)}, {"person_id": str(story.person_id)}
    reason = {"contact_reason": "x"}
    calls = "/api/v1/call-history"

    async def post(path: str, body: dict[str, Any]) -> httpx.Response:
        return await paths.fast.post(path, json=body, headers=navigator)

    refused = [
        await post(calls, patient | reason | {"booking_date": at(AHEAD)}),
        await post(calls, {"lead_id": str(story.lead.lead_id), "booking_date": at(AHEAD), **reason}),
        await post(f"{calls}/{story.passed.call_id}/reschedule", {"booking_date": at(AHEAD), **reason}),
        await paths.fast.put(
            f"{calls}/{story.ahead.call_id}", json={"status": "scheduled", **reason}, headers=navigator
        ),
        await paths.fast.put(
            f"{calls}/{story.passed.call_id}", json={"booking_date": at(AHEAD), **reason}, headers=navigator
        ),
        await post("/api/v1/leads", person | {"medical_condition_id": condition}),
        await post("/api/v1/patients", person | {"medical_condition_id": condition}),
        await post("/api/v1/clinical-trial-journeys", patient | {"trial_id": "NCT05096221"}),
        await post("/api/v1/eap-journeys", patient | {"eap_number": "EAP-new"}),
    ]
    if said is DIED:
        lead = f"/api/v1/leads/{story.lead.lead_id}/transitions"
        refused.append(await post(lead, {"to": "contacting"}))

    assert [(answer.status_code, answer.json().get("code")) for answer in refused] == [(409, code)] * len(refused)
    assert await session.scalar(select(func.count()).select_from(IntakeSubmission)) == 0
    logged = {"call_date": at(clock.now() - timedelta(minutes=5)), "outcome": "reached", "adverse_event_heard": True}
    by_fast = await paths.fast.post(calls, json=patient | logged | {"direction": "inbound"}, headers=navigator)
    assert by_fast.status_code == 201, "relatives call, and what they tell of safety is logged"
    outbound = await paths.fast.post(calls, json=patient | logged, headers=navigator)
    assert outbound.status_code == (201 if said is DIED else 422)


async def test_after_a_death_the_report_goes_on_with_its_gates_and_nothing_else(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], as_role: AsRole, story: Story
) -> None:
    manager = await as_role("programme_manager")
    treated = await builders.an_eap_journey(session, story.patient, status="on_treatment")
    await session.commit()
    place = f"/api/v1/eap-journeys/{treated.eap_journey_id}"
    await client.put(f"/api/v1/patients/{story.patient.patient_id}", json=DIED, headers=navigator)
    events = (await client.get(f"{place}/events", headers=navigator)).json()["items"]

    async def move(to: str, **further: Any) -> httpx.Response:
        return await client.post(f"{place}/transitions", json={"to": to, **further}, headers=navigator)

    gate = await client.put(f"{place}/gates/pv_training", json={"decided_on": "2026-11-25"}, headers=manager)
    reported = f"/api/v1/eap-journeys/{story.reporting.eap_journey_id}"
    dated = await client.put(reported, json={"completion_date": "2026-11-26"}, headers=navigator)
    enrolled = await client.put(reported, json={"enrollment_date": "2026-11-26"}, headers=navigator)
    closed = await client.post(f"{reported}/transitions", json={"to": "closed"}, headers=navigator)

    assert [event["to_status"] for event in events] == ["deceased"]
    assert (gate.status_code, dated.status_code, closed.status_code) == (200, 200, 200), gate.text + closed.text
    assert codes(enrolled) == [("enrollment_date", "after_death")]
    assert (await move("reporting")).json().get("status") == "reporting", "what is reported of the dead goes on"


async def test_mistaken_death_is_undone_and_what_it_closed_opens_again(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], story: Story
) -> None:
    soon = await builders.a_call(session, story.patient, booking_date=clock.now() + timedelta(days=1))
    await session.commit()
    place = f"/api/v1/patients/{story.patient.patient_id}"
    await client.put(place, json=DIED, headers=navigator)
    # Its time passes meanwhile.
    await session.execute(update(CallHistory).where(CallHistory.call_id == soon.call_id).values(booking_date=BEFORE))
    await session.commit()

    unexplained = await client.put(place, json={"status": "active"}, headers=navigator)
    undone = await client.put(
        place, json={"status": "active", "status_reason": "It was somebody of the same name."}, headers=navigator
    )

    assert codes(unexplained) == [("status_reason", "reason_needed")]
    assert (undone.status_code, undone.json().get("status")) == (200, "active"), undone.text
    assert await story.now() == BEGAN
    lead = (await client.get(f"/api/v1/leads/{story.lead.lead_id}", headers=navigator)).json()
    assert (lead["wake_up_on"], lead["closed_at"], lead["reason_code"]) == ("2031-01-01", None, None)
    (departure,) = (await client.get(f"/api/v1/persons/{story.person_id}/departures", headers=navigator)).json()[
        "items"
    ]
    assert departure["ended_how"] == "undone"
    assert [(one["record_id"], one["became"]) for one in departure["closed"]] == [(str(soon.call_id), "cancelled")]
    again = await client.post(
        f"/api/v1/persons/{story.person_id}/departures/{departure['person_departure_id']}/undo",
        json={"reason": "x"},
        headers=navigator,
    )
    assert (again.status_code, again.json()["code"]) == (409, "already_ended")
    body = {"patient_id": str(story.patient.patient_id), "booking_date": at(AHEAD + timedelta(days=9))}
    assert (await client.post("/api/v1/call-history", json=body, headers=navigator)).status_code == 201


async def test_withdrawn_person_returns_by_a_move_with_a_reason(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], story: Story
) -> None:
    place = f"/api/v1/patients/{story.patient.patient_id}"
    await client.put(place, json=WITHDREW, headers=navigator)

    unexplained = await client.put(place, json={"status": "active"}, headers=navigator)
    back = await client.put(place, json={"status": "active", "status_reason": "They called us."}, headers=navigator)

    assert codes(unexplained) == [("status_reason", "reason_needed")]
    assert (back.status_code, back.json().get("status")) == (200, "active"), back.text
    # What was closed stays so; something new may be opened.
    assert await story.now() == AFTER_WITHDRAWAL | {"patient": "active"}
    body = {"person_id": str(story.person_id), "medical_condition_id": str(story.patient.medical_condition_id)}
    assert (await client.post("/api/v1/leads", json=body, headers=navigator)).status_code == 201


async def test_withdrawn_person_may_die(client: httpx.AsyncClient, navigator: dict[str, str], story: Story) -> None:
    place = f"/api/v1/patients/{story.patient.patient_id}"
    await client.put(place, json=WITHDREW, headers=navigator)

    died = await client.put(place, json=DIED, headers=navigator)

    assert (died.status_code, died.json().get("status")) == (200, "deceased"), died.text
    assert (await story.now())["consented"] == "deceased"


@pytest.mark.parametrize(("said", "kind"), [(DIED, "deceased"), (WITHDREW, "withdrawn")])
async def test_submission_from_outside_is_kept_answered_as_usual_and_told_to_two(
    paths: BothPaths,
    session: AsyncSession,
    as_role: AsRole,
    navigator: dict[str, str],
    story: Story,
    said: dict[str, Any],
    kind: str,
) -> None:
    machine, officer, stranger = await as_role("integration"), await as_role("privacy_officer"), navigator
    await paths.greet(machine)
    person = (await paths.fast.get(f"/api/v1/persons/{story.person_id}", headers=navigator)).json()
    await paths.fast.put(f"/api/v1/patients/{story.patient.patient_id}", json=said, headers=navigator)
    leads = await session.scalar(select(func.count()).select_from(PatientLead)) or 0
    who = {name: person[name] for name in ("first_name", "last_name", "email")}
    form = {"person": who, "medical_condition_id": str(story.patient.medical_condition_id), "source": "contact_form"}
    unknown = {**form, "person": {"first_name": "Noor", "last_name": "Haan", "email": "noor@example.org"}}

    usual = await paths.fast.post("/api/v1/leads", json=unknown, headers=machine)
    answers = [
        await paths.fast.post("/api/v1/leads", json=form, headers=machine),
        await paths.fast.post("/api/v1/patients", json=form, headers=machine),
        await paths.fast.post("/api/v1/persons", json=who, headers=machine),
    ]
    booking = {"booking_date": at(AHEAD + timedelta(days=7))}
    second_step = [
        await paths.fast.post(
            "/api/v1/call-history", json={"lead_id": answers[0].json()["lead_id"], **booking}, headers=machine
        ),
        await paths.fast.post(
            "/api/v1/call-history", json={"patient_id": str(story.patient.patient_id), **booking}, headers=machine
        ),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 200], [answer.text for answer in answers]
    assert answers[0].json().keys() == usual.json().keys()
    assert (answers[0].json()["status"], answers[0].json()["match"]["outcome"]) == ("new", "existing_person")
    assert [answer.status_code for answer in second_step] == [201, 201], [answer.text for answer in second_step]
    assert second_step[0].json()["status"] == "scheduled"
    # One lead is that of the unknown person.
    assert await session.scalar(select(func.count()).select_from(PatientLead)) == leads + 1
    assert await session.scalar(select(func.count()).select_from(CallHistory)) == 3
    kept = select(func.count()).where(IntakeSubmission.person_id == story.person_id)
    assert await session.scalar(kept) == 5
    items = (await session.scalars(select(CameBack))).all()
    assert [(item.kind, item.owner_id) for item in items] == [(kind, story.owner.user_account_id)] * 5

    seen = await paths.fast.get("/api/v1/came-back", headers=officer)
    assert seen.json()["total"] == 5
    assert (await paths.fast.get("/api/v1/came-back", headers=stranger)).json()["total"] == 0
    place = f"/api/v1/came-back/{items[0].came_back_id}"
    assert (await paths.fast.get(place, headers=stranger)).status_code == 404
    closed = await paths.fast.post(f"{place}/close", json={"reason": "Called; they stay away."}, headers=officer)
    twice = await paths.fast.post(f"{place}/close", json={"reason": "again"}, headers=officer)
    assert (closed.status_code, twice.status_code, twice.json()["code"]) == (200, 409, "already_closed")
    for state, total in (("open", 4), ("closed", 1)):
        listed = await paths.fast.get("/api/v1/came-back", params={"state": state}, headers=officer)
        assert listed.json()["total"] == total
    assert (await paths.fast.get("/api/v1/came-back", headers=machine)).status_code == 403


async def test_owner_sees_who_came_back(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, navigator: dict[str, str]
) -> None:
    machine = await as_role("integration")
    account, owner = await builders.a_colleague(session)
    lead = await builders.a_lead(session, owner_id=account.user_account_id)
    await session.commit()
    moved = await client.post(f"/api/v1/leads/{lead.lead_id}/transitions", json={"to": "withdrawn"}, headers=navigator)
    form = {"person_id": str(lead.person_id), "medical_condition_id": str(lead.medical_condition_id)}

    await client.post("/api/v1/leads", json=form, headers=machine)

    assert moved.status_code == 200
    (item,) = (await client.get("/api/v1/came-back", headers=owner)).json()["items"]
    assert (item["person_id"], item["kind"]) == (str(lead.person_id), "withdrawn")
    closed = await client.post(
        f"/api/v1/came-back/{item['came_back_id']}/close", json={"reason": "Brought back."}, headers=owner
    )
    assert (closed.status_code, closed.json()["close_reason"]) == (200, "Brought back.")


async def test_who_withdraws_their_only_request_has_withdrawn_and_returns(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    person = await builders.a_person(session)
    first, second = await builders.a_lead(session, person), await builders.a_lead(session, person)
    booking = CallHistory(
        person_id=person.person_id, lead_id=first.lead_id, booking_date=AHEAD, status="scheduled", channel="phone"
    )
    session.add(booking)
    await session.commit()
    form = {"person_id": str(person.person_id), "medical_condition_id": str(first.medical_condition_id)}
    departures = f"/api/v1/persons/{person.person_id}/departures"

    await client.post(f"/api/v1/leads/{first.lead_id}/transitions", json={"to": "withdrawn"}, headers=navigator)
    one_left = (await client.get(departures, headers=navigator)).json()["total"]
    await client.post(
        f"/api/v1/leads/{second.lead_id}/transitions", json={"to": "withdrawn", "reason": "so"}, headers=navigator
    )
    (departure,) = (await client.get(departures, headers=navigator)).json()["items"]
    refused = await client.post("/api/v1/leads", json=form, headers=navigator)
    place = f"{departures}/{departure['person_departure_id']}"
    back = await client.post(f"{place}/return", json={"reason": "They called."}, headers=navigator)
    opened = await client.post("/api/v1/leads", json=form, headers=navigator)

    assert one_left == 0
    await session.refresh(booking)
    assert booking.status == "cancelled"
    assert (refused.status_code, refused.json()["code"]) == (409, "person_withdrawn")
    assert (back.status_code, back.json()["ended_how"], opened.status_code) == (200, "returned", 201)


async def test_nothing_slips_past_the_step(committed_database: Database, actor: Actor) -> None:
    """A booking, a lead and a journey that are entered at the same moment are closed by the step or refused."""
    slipped, codes_seen = 0, set()
    for number in range(12):
        async with committed_database.unit_of_work() as session:
            patient = await builders.a_patient(session)
        person_id, condition = patient.person_id, patient.medical_condition_id
        booking = CallForPatient(patient_id=patient.patient_id, booking_date=AHEAD, allow_overlap=True)
        lead = LeadCreateForPerson(person_id=person_id, medical_condition_id=condition)
        journey = TrialJourneyByNumber(patient_id=patient.patient_id, trial_id=f"NCT0509{number:04d}")
        death = DepartureCreate(kind="deceased", departed_on=date(2026, 11, 20), source="x")

        def acts(
            person_id: UUID = person_id,
            booking: CallForPatient = booking,
            lead: LeadCreateForPerson = lead,
            journey: TrialJourneyByNumber = journey,
            death: DepartureCreate = death,
        ) -> list[Callable[[AsyncSession], Awaitable[Any]]]:
            return [
                lambda session: log_call(session, actor, new=booking),
                lambda session: open_lead(session, actor, new=lead, payload={}),
                lambda session: open_journey(session, actor, kind=TRIAL, new=journey),
                lambda session: depart(session, actor, person_id=person_id, new=death),
            ]

        async def once(act: Callable[[AsyncSession], Awaitable[Any]]) -> str:
            try:
                async with committed_database.unit_of_work() as session:
                    await act(session)
                    await asyncio.sleep(0.02)
            except Conflict as error:
                return error.error_code
            return "done"

        order = acts()
        order = order[number % 4 :] + order[: number % 4]
        codes_seen |= set(await asyncio.gather(*(once(act) for act in order)))
        async with committed_database.unit_of_work() as session:
            slipped += (
                await session.scalar(
                    select(func.count()).where(CallHistory.person_id == person_id, CallHistory.status == "scheduled")
                )
                or 0
            )
            slipped += (
                await session.scalar(
                    select(func.count()).where(PatientLead.person_id == person_id, PatientLead.status == "new")
                )
                or 0
            )
            slipped += (
                await session.scalar(
                    select(func.count()).where(
                        ClinicalTrialJourney.patient_id == patient.patient_id,
                        ClinicalTrialJourney.status == "identified",
                    )
                )
                or 0
            )
    assert slipped == 0
    assert codes_seen <= {"done", "person_deceased"}


async def test_owner_is_told_of_a_wish_that_arrives_and_no_machine_takes_it_back(
    client: httpx.AsyncClient, as_role: AsRole, navigator: dict[str, str], story: Story
) -> None:
    machine, place = await as_role("integration"), f"/api/v1/persons/{story.person_id}"
    known = (await client.get(place, headers=navigator)).json()
    person = {name: known[name] for name in ("first_name", "last_name", "email")}

    async def arrives(channels: list[str]) -> httpx.Response:
        body = person | {"do_not_contact_channels": channels}
        return await client.post("/api/v1/persons", json=body, headers=machine)

    first, again, none = await arrives(["phone"]), await arrives(["phone"]), await arrives([])
    taken_back = await client.put(place, json={"do_not_contact_channels": []}, headers=machine)
    stands = (await client.get(place, headers=navigator)).json()["do_not_contact_channels"]
    listed = (await client.get("/api/v1/came-back", headers=story.owner_key)).json()["items"]
    others = (await client.get("/api/v1/came-back", headers=navigator)).json()["items"]
    by_hand = await client.put(place, json={"do_not_contact_channels": []}, headers=navigator)

    assert [answer.status_code for answer in (first, again, none)] == [200, 200, 200]
    assert (taken_back.status_code, stands) == (403, ["phone"])
    assert [(one["kind"], one["intake_submission_id"]) for one in listed] == [
        ("opted_out", first.json()["intake_submission_id"])
    ]
    assert others == [], "it is the owner's"
    assert by_hand.json()["do_not_contact_channels"] == []
