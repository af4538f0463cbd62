"""The entry point of the tasks: made about somebody, due, handed over, closed, coming again."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.audit.models import AuditEvent, RowHistory
from app.patients.models import Patient
from app.people.models import Person
from app.platform import clock
from app.tasks.models import Task
from tests import builders
from tests.conftest import AsRole

URL = "/api/v1/tasks"
AHEAD = "2090-05-17T09:30:00+00:00"
DUE = {"title": "Ask for the report", "due_at": AHEAD}


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    person = await builders.a_person(session, date_of_birth=date(1980, 5, 17))
    made = await builders.a_patient(session, person)
    await session.commit()
    return made


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


async def made(client: httpx.AsyncClient, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    answer = await client.post(URL, json=DUE | body, headers=headers)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def put(client: httpx.AsyncClient, headers: dict[str, str], task: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = await client.put(f"{URL}/{task['task_id']}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_a_task_is_about_a_record_and_with_it_about_its_person(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    person = await session.get_one(Person, patient.person_id)
    lead = await builders.a_lead(session, person)
    call = await builders.a_call(session, patient, lead_id=lead.lead_id)
    trial = await builders.a_trial_journey(session, patient)
    programme = await builders.an_eap_journey(session, patient)
    await session.commit()
    ids = {
        "person_id": patient.person_id,
        "patient_id": patient.patient_id,
        "lead_id": lead.lead_id,
        "call_id": call.call_id,
        "ct_journey_id": trial.ct_journey_id,
        "eap_journey_id": programme.eap_journey_id,
    }
    expected = {
        "person_id": {"person_id"},
        "patient_id": {"person_id", "patient_id"},
        "lead_id": {"person_id", "lead_id"},
        "call_id": {"person_id", "patient_id", "lead_id", "call_id"},
        "ct_journey_id": {"person_id", "patient_id", "ct_journey_id"},
        "eap_journey_id": {"person_id", "patient_id", "eap_journey_id"},
    }
    for name, also in expected.items():
        task = await made(client, navigator, **{name: str(ids[name])})
        assert {key: task[key] for key in ids} == {key: str(ids[key]) if key in also else None for key in ids}
        listed = (await client.get(URL, params={name: str(ids[name])}, headers=navigator)).json()["items"]
        assert task in listed
        assert (await client.get(f"{URL}/{task['task_id']}", headers=navigator)).json() == task


async def test_what_is_named_is_there_and_of_one_person(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    other = await builders.a_lead(session)
    call = await builders.a_call(session, patient)
    journey = await builders.an_eap_journey(session, patient)
    await session.commit()

    async def sent(**about: object) -> httpx.Response:
        body = DUE | {name: str(value) for name, value in about.items()}
        return await client.post(URL, json=body, headers=navigator)

    assert codes(await sent()) == [("person_id", "missing")]
    two_people = await sent(patient_id=patient.patient_id, lead_id=other.lead_id)
    assert codes(two_people) == [("lead_id", "of_another_person")]
    assert codes(await sent(person_id=other.person_id, call_id=call.call_id)) == [("call_id", "of_another_person")]
    several = await sent(call_id=call.call_id, eap_journey_id=journey.eap_journey_id)
    assert codes(several) == [("eap_journey_id", "about_several")]
    for name in ("person_id", "patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id"):
        unknown = await sent(**{name: uuid4()})
        assert (unknown.status_code, unknown.json()["code"].endswith("not_found")) == (404, True), unknown.text


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"due_at": None}, [("due_on", "missing")]),
        ({"due_on": "2027-01-01"}, [("due_at", "due_twice")]),
        ({"due_at": None, "due_on": "9999-12-31"}, [("due_on", "out_of_range")]),
        (
            {"due_at": "2027-01-01T09:00:00+05:00", "due_time_zone": "Europe/Lisbon"},
            [("due_at", "offset_disagrees_with_zone")],
        ),
        ({"due_at": "1980-05-14T09:00:00Z"}, [("due_at", "before_birth")]),
        ({"repeat_every": 2}, [("repeat_unit", "missing")]),
        ({"repeat_unit": "week"}, [("repeat_every", "missing")]),
        ({"repeat_until": "2999-01-01"}, [("repeat_every", "missing")]),
        (
            {"repeat_every": 1, "repeat_unit": "day", "repeat_until": "2020-01-01"},
            [("repeat_until", "dates_not_in_order")],
        ),
        ({"title": " "}, [("title", "blank")]),
        ({"owner_id": str(UUID(int=7))}, [("owner_id", "unknown_reference")]),
    ],
)
async def test_what_does_not_fit_together_is_refused_when_made_and_when_changed(
    client: httpx.AsyncClient,
    patient: Patient,
    navigator: dict[str, str],
    said: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    about = {"patient_id": str(patient.patient_id)}
    assert codes(await client.post(URL, json=DUE | about | said, headers=navigator)) == expected
    task = await made(client, navigator, **about)
    assert codes(await client.put(f"{URL}/{task['task_id']}", json=said, headers=navigator)) == expected


async def test_whose_it_is(client: httpx.AsyncClient, session: AsyncSession, patient: Patient) -> None:
    """One's own unless it is said; an account whose role does not do this work is refused."""
    mine, me = await builders.a_colleague(session)
    hers, _ = await builders.a_colleague(session)
    auditor, _ = await builders.a_colleague(session, "auditor")
    about = {"patient_id": str(patient.patient_id)}

    task = await made(client, me, **about)
    nobodys = await made(client, me, **about, owner_id=None)
    handed = await put(client, me, task, owner_id=str(hers.user_account_id))
    refused = await client.put(f"{URL}/{task['task_id']}", json={"owner_id": str(auditor.user_account_id)}, headers=me)

    assert (task["owner_id"], task["created_by"]) == (str(mine.user_account_id), str(mine.user_account_id))
    assert (nobodys["owner_id"], handed["owner_id"]) == (None, str(hers.user_account_id))
    assert codes(refused) == [("owner_id", "does_not_do_this_work")]
    own = await made(client, me, **about)
    for asked, expected in (("me", own), ("nobody", nobodys)):
        found = (await client.get(URL, params={"owner": asked, "status": "open"}, headers=me)).json()["items"]
        assert [one["task_id"] for one in found] == [expected["task_id"]]


async def test_done_cancelled_and_opened_again(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient
) -> None:
    account, me = await builders.a_colleague(session)
    task = await made(client, me, patient_id=str(patient.patient_id))

    done = await put(client, me, task, status="done")
    same = await put(client, me, task, status="done")
    not_allowed = await client.put(f"{URL}/{task['task_id']}", json={"status": "cancelled"}, headers=me)
    opened = await put(client, me, task, status="open")
    cancelled = await put(client, me, task, status="cancelled")

    assert (done["status"], done["status_group"], done["done_by"]) == ("done", "closed", str(account.user_account_id))
    assert done["done_at"] is not None
    assert same == done
    assert not_allowed.json()["allowed"] == ["open"]
    assert (opened["status"], opened["done_at"], opened["done_by"]) == ("open", None, None)
    assert (cancelled["status"], cancelled["done_at"]) == ("cancelled", None)
    versions = await session.scalars(
        select(RowHistory.row).where(RowHistory.record_id == UUID(task["task_id"])).order_by(RowHistory.version)
    )
    assert [row["status"] for row in versions] == ["open", "done", "open"]
    event = (await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id.desc()).limit(1))).one()
    assert (event.action, event.record_type, event.person_ids) == ("update_task", "task", [patient.person_id])


async def test_a_stale_change_is_refused(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    task = await made(client, navigator, patient_id=str(patient.patient_id))
    await put(client, navigator, task, title="Another")
    stale = await client.put(
        f"{URL}/{task['task_id']}", json={"title": "Mine"}, headers=navigator | {"If-Match": f'"{task["version"]}"'}
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")


async def test_a_snoozed_task_is_not_due_before_it_wakes(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    task = await made(client, navigator, patient_id=str(patient.patient_id))
    day_after = "2090-05-19T09:30:00Z"

    async def due() -> list[str]:
        answer = await client.get(URL, params={"due_before": day_after, "status": "open"}, headers=navigator)
        return [one["task_id"] for one in answer.json()["items"]]

    assert await due() == [task["task_id"]]
    snoozed = await put(client, navigator, task, snoozed_until="2090-05-26T09:30:00Z")
    assert (await due(), snoozed["due_at"]) == ([], task["due_at"])
    woken = await put(client, navigator, task, snoozed_until=None)
    assert (await due(), woken["due_by"]) == ([task["task_id"]], task["due_by"])


async def test_open_tasks_stand_in_the_order_in_which_they_are_due_and_closed_ones_the_other_way(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    about = {"patient_id": str(patient.patient_id)}
    tasks = [await made(client, navigator, **about, due_at=None, due_on=f"2027-01-0{day}") for day in (3, 1, 2)]

    async def found(status: str) -> list[str]:
        walked: list[str] = []
        asked: dict[str, Any] = {"status": status, "limit": 2}
        while True:
            page = (await client.get(URL, params=asked, headers=navigator)).json()
            walked += [one["due_on"][-1] for one in page["items"]]
            if page["next_cursor"] is None:
                return walked
            asked["cursor"] = page["next_cursor"]

    assert await found("open") == ["1", "2", "3"]
    for task, status in zip(tasks, ("done", "cancelled", "done"), strict=True):
        await put(client, navigator, task, status=status)
    assert await found("closed") == ["3", "2", "1"]
    assert await found("done") == ["3", "2"]


async def test_one_that_comes_again_is_made_when_it_is_done_and_once(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    journey = await builders.an_eap_journey(session, patient)
    await session.commit()
    day = clock.today() + timedelta(days=3)
    weekly = {"repeat_every": 1, "repeat_unit": "week", "details": "By phone", "due_time_zone": "Europe/Lisbon"}
    task = await made(
        client, navigator, eap_journey_id=str(journey.eap_journey_id), due_at=None, due_on=day.isoformat(), **weekly
    )

    done = await put(client, navigator, task, status="done")
    following = (await client.get(f"{URL}/{done['next_task_id']}", headers=navigator)).json()
    await put(client, navigator, task, status="open")
    again = await put(client, navigator, task, status="done")

    same = (
        *("title", "details", "person_id", "patient_id", "eap_journey_id", "owner_id", "due_time_zone"),
        *("repeat_every", "repeat_unit", "repeat_until", "repeats_from"),
    )
    assert {name: following[name] for name in same} == {name: task[name] for name in same}
    assert (following["due_on"], following["status"]) == ((day + timedelta(days=7)).isoformat(), "open")
    assert again["next_task_id"] == done["next_task_id"]
    tasks = (await session.scalars(select(Task.task_id).where(Task.patient_id == patient.patient_id))).all()
    assert len(tasks) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"status": "cancelled"},
        {"repeat_every": None, "repeat_unit": None, "status": "done"},
        {"repeat_until": "2090-05-19", "status": "done"},
    ],
)
async def test_a_series_ends(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str], change: dict[str, Any]
) -> None:
    series = {"repeat_every": 1, "repeat_unit": "month", "patient_id": str(patient.patient_id)}
    task = await made(client, navigator, **series)
    assert (await put(client, navigator, task, **change))["next_task_id"] is None


async def test_the_next_one_is_nobody_s_when_its_owner_has_left(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    owner, me = await builders.a_colleague(session)
    task = await made(client, me, patient_id=str(patient.patient_id), repeat_every=1, repeat_unit="day")
    assert task["owner_id"] == str(owner.user_account_id)
    await session.execute(
        text("UPDATE user_account SET is_active = false WHERE user_account_id = :id"), {"id": owner.user_account_id}
    )
    await session.commit()
    done = await put(client, navigator, task, status="done")
    following = (await client.get(f"{URL}/{done['next_task_id']}", headers=navigator)).json()
    assert (done["owner_id"], following["owner_id"]) == (task["owner_id"], None)


async def test_open_tasks_of_somebody_who_died_are_listed_and_stay(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    about = {"patient_id": str(patient.patient_id)}
    task, done = await made(client, navigator, **about), await made(client, navigator, **about)
    await put(client, navigator, done, status="done")
    died = {"kind": "deceased", "departed_on": "2026-11-20", "source": "Their daughter"}

    person = f"/api/v1/persons/{patient.person_id}/departures"
    departure = (await client.post(person, json=died, headers=navigator)).json()
    after = await made(client, navigator, **about, title="Write to the family")
    place = f"{person}/{departure['person_departure_id']}/undo"
    undone = await client.post(place, json={"reason": "A mistake"}, headers=navigator)

    listed = [one for one in departure["listed"] if one["record_type"] == "task"]
    assert listed == [{"record_type": "task", "record_id": task["task_id"], "was": "open", "became": "open"}]
    assert after["status"] == "open"
    assert [one for one in undone.json()["closed"] if one["record_type"] == "task"] == []
    now = (await client.get(f"{URL}/{task['task_id']}", headers=navigator)).json()
    assert (now["status"], now["version"]) == ("open", 1)


async def test_tasks_about_a_deleted_patient_are_not_seen(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    task = await made(client, navigator, patient_id=str(patient.patient_id))
    patient.deleted_at, patient.deleted_by = clock.now(), uuid4()
    await session.commit()
    place = f"{URL}/{task['task_id']}"
    assert (await client.get(place, headers=navigator)).json()["code"] == "task_not_found"
    assert (await client.put(place, json={"status": "done"}, headers=navigator)).json()["code"] == "task_not_found"
    assert (await client.get(URL, headers=navigator)).json()["items"] == []


async def test_a_done_task_stands_in_the_timeline(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    task = await made(client, navigator, person_id=str(patient.person_id))
    place = f"/api/v1/patients/{patient.patient_id}/timeline"
    assert (await client.get(place, headers=navigator)).json()["items"] == []
    done = await put(client, navigator, task, status="done")
    (item,) = (await client.get(place, headers=navigator)).json()["items"]
    assert (item["kind"], item["id"], item["at"]) == ("task", task["task_id"], done["done_at"])
    assert item["data"]["title"] == DUE["title"]


@pytest.mark.parametrize("role", ["programme_manager", "auditor", "privacy_officer"])
async def test_who_sees_people_masked_sees_no_words_of_a_task(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str], as_role: AsRole, role: str
) -> None:
    task = await made(client, navigator, patient_id=str(patient.patient_id), details="Bring the scan")
    seen = (await client.get(f"{URL}/{task['task_id']}", headers=await as_role(Role(role)))).json()
    assert (seen["title"], seen["details"], seen["due_at"]) == ("•••", "•••", None)
    assert seen["status"] == "open"


async def test_the_same_key_makes_one_task(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    body = DUE | {"patient_id": str(patient.patient_id)}
    headers = navigator | {"Idempotency-Key": "once"}
    answers = [await client.post(URL, json=body, headers=headers) for _ in "12"]
    assert answers[0].json() == answers[1].json()
    assert (await client.get(URL, headers=navigator)).json()["total"] == 1
