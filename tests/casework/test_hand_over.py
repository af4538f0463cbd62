"""All open work of a colleague is handed to others, in batches, and taken back where nothing changed since."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.audit.models import AuditEvent, RowHistory
from app.calls.models import CallHistory
from app.casework import hand_over
from app.leads.models import PatientLead
from app.notifications.models import Notification
from app.patients.models import Patient
from app.platform import clock
from app.platform.actor import Actor
from app.platform.settings import Settings
from app.tasks.models import Task
from app.web import hand_over as pages
from tests import builders
from tests.browsing import as_user
from tests.conftest import AsRole

KINDS = ("leads", "patients", "calls", "tasks")


def url(account: UserAccount, end: str = "/hand-over") -> str:
    return f"/api/v1/availability/{account.user_account_id}/work{end}"


async def _work(session: AsyncSession, account: UserAccount, *, patients: int = 3) -> None:
    """Open work of each kind, and work that is done or somebody else's."""
    other, _ = await builders.a_colleague(session)
    for owner in (account, other):
        mine: dict[str, Any] = {"owner_id": owner.user_account_id}
        for _number in range(patients):
            patient = await builders.a_patient(session, **mine)
            ahead = clock.now() + timedelta(days=1 + _number)
            await builders.a_call(session, patient, pn_id=owner.person_id, booking_date=ahead)
        person = await builders.a_person(session)
        await builders.a_lead(session, person, **mine)
        await builders.a_lead(session, person, status="disqualified", **mine)
        await builders.a_task(session, person, **mine)
        await builders.a_task(session, person, status="done", done_at=clock.now(), **mine)
        await builders.a_call(session, patient, pn_id=owner.person_id, status="completed", call_date=clock.now())
    await session.commit()


async def _owned(session: AsyncSession, account: UserAccount) -> dict[str, int]:
    async def count(model: Any, whose: Any) -> int:
        return len(list(await session.scalars(select(model).where(whose))))

    account_id, person_id = account.user_account_id, account.person_id
    return {
        "leads": await count(PatientLead, PatientLead.owner_id == account_id),
        "patients": await count(Patient, Patient.owner_id == account_id),
        "calls": await count(CallHistory, CallHistory.pn_id == person_id),
        "tasks": await count(Task, Task.owner_id == account_id),
    }


def _left(answer: httpx.Response) -> dict[str, int]:
    return {kind: answer.json()["remaining"][kind] for kind in KINDS}


async def test_open_work_goes_to_several_in_turn_with_events_notifications_and_history(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    leaving, _ = await builders.a_colleague(session)
    first, _ = await builders.a_colleague(session)
    second, _ = await builders.a_colleague(session)
    await _work(session, leaving, patients=4)
    manager = await as_role("programme_manager")
    counts = await client.get(url(leaving, ""), headers=manager)
    both = [str(first.user_account_id), str(second.user_account_id)]
    order = {"leads": both, "patients": both, "calls": both[:1], "tasks": both[1:]}
    answer = await client.post(url(leaving), json=order, headers=manager)

    assert {kind: counts.json()[kind] for kind in KINDS} == {"leads": 1, "patients": 4, "calls": 4, "tasks": 1}
    assert answer.status_code == 200, answer.text
    assert _left(answer) == dict.fromkeys(KINDS, 0)
    assert (len(answer.json()["done"]), answer.json()["left"]) == (10, [])
    assert await _owned(session, first) == {"leads": 1, "patients": 2, "calls": 4, "tasks": 0}
    assert await _owned(session, second) == {"leads": 0, "patients": 2, "calls": 0, "tasks": 1}
    # What is closed stays with who did it.
    assert await _owned(session, leaving) == {"leads": 1, "patients": 0, "calls": 1, "tasks": 1}
    told = list(await session.scalars(select(Notification.record_type).where(Notification.kind == "assigned")))
    assert sorted(told) == ["call_history"] * 4 + ["patient"] * 4 + ["patient_lead", "task"]
    events = list(await session.scalars(select(AuditEvent.action).where(AuditEvent.action.like("hand_over_%"))))
    assert {name: events.count(name) for name in set(events)} == {
        "hand_over_leads": 1, "hand_over_patients": 4, "hand_over_calls": 4, "hand_over_tasks": 1, "hand_over_work": 1,
    }  # fmt: skip
    assert len(list(await session.scalars(select(RowHistory.record_id).where(RowHistory.table_name == "patient")))) == 4


async def test_it_goes_on_where_a_batch_ended_and_a_kind_without_receivers_stays(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "BATCH", 3)
    leaving, _ = await builders.a_colleague(session)
    other, _ = await builders.a_colleague(session)
    await _work(session, leaving, patients=4)
    manager = await as_role("programme_manager")
    order = {kind: [str(other.user_account_id)] for kind in ("patients", "tasks")}
    answers = [await client.post(url(leaving), json=order, headers=manager) for _ in range(3)]
    assert [len(answer.json()["done"]) for answer in answers] == [3, 2, 0]
    assert _left(answers[-1]) == {"leads": 1, "patients": 0, "calls": 4, "tasks": 0}


@pytest.fixture
def one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patient whose key comes first breaks a rule of the database when it is handed over."""
    kind = hand_over.KINDS[1]
    tried: list[UUID] = []

    async def give(session: AsyncSession, actor: Actor, record_id: UUID, owner: Any, version: int) -> Any:
        tried.append(record_id)
        if record_id == min(tried):
            await session.execute(update(Patient).where(Patient.patient_id == record_id).values(status="nowhere"))
        return await kind.give(session, actor, record_id, owner, version)

    monkeypatch.setattr(hand_over, "KINDS", (hand_over.KINDS[0], replace(kind, give=give), *hand_over.KINDS[2:]))


@pytest.mark.usefixtures("one_stays")
async def test_a_record_that_breaks_a_rule_stays_and_holds_up_neither_its_batch_nor_the_next(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_over, "BATCH", 2)
    leaving, _ = await builders.a_colleague(session)
    other, _ = await builders.a_colleague(session)
    await _work(session, leaving, patients=3)
    manager = await as_role("programme_manager")
    order: dict[str, Any] = {"patients": [str(other.user_account_id)]}
    first = (await client.post(url(leaving), json=order, headers=manager)).json()
    order["leave"] = [one["record_id"] for one in first["left"]]
    then = (await client.post(url(leaving), json=order, headers=manager)).json()

    assert [one["code"] for one in first["left"]] == ["rule_broken"]
    assert (len(first["done"]), len(then["done"]), then["left"]) == (1, 1, [])
    assert then["remaining"]["patients"] == 1


@pytest.mark.usefixtures("one_stays")
async def test_the_page_says_what_stays_and_leaves_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    leaving, _ = await builders.a_colleague(session)
    other, _ = await builders.a_colleague(session)
    await _work(session, leaving, patients=2)
    token = await as_user(client, session, settings, "programme_manager")
    pressed = {"csrf_token": token, "patients": str(other.user_account_id)}
    shown = await client.post(f"/availability/{leaving.user_account_id}/hand-over", data=pressed)
    (stays,) = await session.scalars(select(Patient.patient_id).where(Patient.owner_id == leaving.user_account_id))

    assert "Handed over: 1 patient." in shown.text
    assert f'name="leave" value="{stays}"' in shown.text
    assert "1 record was changed meanwhile or cannot be handed over, and stays." in shown.text


async def test_an_undo_puts_back_what_nobody_has_changed_since(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    leaving, _ = await builders.a_colleague(session)
    other, theirs = await builders.a_colleague(session)
    await _work(session, leaving)
    before = await _owned(session, leaving)
    manager = await as_role("programme_manager")
    order = {kind: [str(other.user_account_id)] for kind in KINDS}
    done = (await client.post(url(leaving), json=order, headers=manager)).json()["done"]
    changed = next(one["record_id"] for one in done if one["kind"] == "patients")
    await client.put(f"/api/v1/patients/{changed}", json={"status_reason": "abroad"}, headers=theirs)
    somebody_else = await client.post(
        url(leaving, "/hand-over/undo"), json={"done": done}, headers=await as_role("programme_manager")
    )
    undone = await client.post(url(leaving, "/hand-over/undo"), json={"done": done}, headers=manager)

    assert somebody_else.status_code == undone.status_code == 200
    assert [(one["kind"], one["record_id"], one["code"]) for one in undone.json()["left"]] == [
        ("patients", changed, "stale_version")
    ]
    assert await _owned(session, leaving) == before | {"patients": before["patients"] - 1}


async def test_who_gets_the_work_does_it_and_is_somebody_else(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    leaving, _ = await builders.a_colleague(session)
    auditor, _ = await builders.a_colleague(session, role="auditor")
    manager = await as_role("programme_manager")
    for receiver, code in (
        (leaving.user_account_id, "is_the_same"),
        (auditor.user_account_id, "does_not_do_this_work"),
        (UUID(int=1), "unknown_reference"),
    ):
        answer = await client.post(url(leaving), json={"calls": [str(receiver)]}, headers=manager)
        assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [("calls", code)]
    nobody = await client.get(f"/api/v1/availability/{UUID(int=1)}/work", headers=manager)
    assert nobody.json()["code"] == "colleague_not_found"


async def test_an_administrator_sees_counts_alone(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    leaving, _ = await builders.a_colleague(session)
    admin = await as_role("admin")
    assert (await client.get(url(leaving, ""), headers=admin)).status_code == 200
    assert (await client.post(url(leaving), json={}, headers=admin)).status_code == 403
    assert (await client.get(url(leaving, ""), headers=await as_role("navigator"))).status_code == 403


async def test_the_page_shows_counts_hands_over_and_takes_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    leaving, _ = await builders.a_colleague(session)
    other, _ = await builders.a_colleague(session)
    await _work(session, leaving)
    here = f"/availability/{leaving.user_account_id}/hand-over"
    token = await as_user(client, session, settings, "programme_manager")
    shown = await client.get(here)
    wrong = await client.post(here, data={"csrf_token": token, "calls": str(leaving.user_account_id)})
    done = await client.post(here, data={"csrf_token": token, "patients": str(other.user_account_id)})
    pressed = re.findall(r'name="back" value="([^"]+)"', done.text)
    back = await client.post(f"{here}/undo", data={"csrf_token": token, "back": [*pressed, "x:y:1:2"]})

    assert here in (await client.get(f"/availability/{leaving.user_account_id}")).text
    assert "Anna" not in shown.text
    assert wrong.status_code == 422
    assert "Handed over: 3 patients." in done.text
    assert len(pressed) == 3
    assert "Back: 3 patients." in back.text
    assert (await _owned(session, leaving))["patients"] == 3
    await as_user(client, session, settings, "admin")
    account = await client.get(f"/users/{leaving.user_account_id}")
    assert "3 patients" in account.text
    assert here not in account.text


async def test_who_gets_the_work_is_found_by_typing_and_several_are_added_one_by_one(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    leaving, _ = await builders.a_colleague(session)
    first, second, third = [(await builders.a_colleague(session))[0] for _ in range(3)]
    first.display_name, second.display_name, third.display_name = "Karim Osei", "Karima Haddad", "Willem Bos"
    await _work(session, leaving)
    await session.commit()
    here = f"/availability/{leaving.user_account_id}/hand-over"
    token = await as_user(client, session, settings, "programme_manager")

    async def send(**typed: str | list[str]) -> httpx.Response:
        return await client.post(here, data={"csrf_token": token, **typed})

    form = await client.get(here)
    unclear = await send(patients_to_typed="karim", calls_to_typed="Nobody Such")
    one_more = await send(patients_to_typed="osei", add="patients")
    assert (await _owned(session, leaving))["patients"] == 3
    done = await send(patients=[str(first.user_account_id)], patients_to_typed="willem")

    # With three hundred colleagues the page is no longer.
    assert "Karim Osei" not in form.text
    assert unclear.status_code == 422
    assert "Several fit. Choose one of them." in unclear.text
    assert "Nothing is called so." in unclear.text
    assert {"Karim Osei", "Karima Haddad"} <= {name for name in ("Karim Osei", "Karima Haddad") if name in unclear.text}
    assert f'name="patients" value="{first.user_account_id}" checked' in " ".join(one_more.text.split())
    assert "Handed over: 3 patients." in done.text
    owned = [(await _owned(session, one))["patients"] for one in (first, second, third)]
    assert sorted(owned) == [0, 1, 2]
    assert owned[1] == 0


def _fields(answer: httpx.Response) -> dict[str, list[str]]:
    """What the form sends that goes on by itself."""
    (form,) = re.findall(r"<form[^>]* data-goes-on>.*?</form>", answer.text, re.DOTALL)
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form):
        found.setdefault(name, []).append(value)
    return found


async def test_one_press_hands_over_all_and_another_puts_it_back_piece_by_piece(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a piece did stands when it is answered; the form for the next one is sent by the browser."""
    monkeypatch.setattr(hand_over, "BATCH", 3)
    leaving, _ = await builders.a_colleague(session)
    other, _ = await builders.a_colleague(session)
    await _work(session, leaving, patients=4)
    before = await _owned(session, leaving)
    here = f"/availability/{leaving.user_account_id}/hand-over"
    token = await as_user(client, session, settings, "programme_manager")
    kinds = {kind: [str(other.user_account_id)] for kind in ("patients", "calls", "tasks")}

    first = await client.post(here, data={"csrf_token": token, **kinds})
    after_one = await _owned(session, leaving)
    # A line that drops, and a new beginning: the rest is done, and what is done is not done again.
    anew = await client.post(here, data={"csrf_token": token, **kinds})
    last = await client.post(here, data=_fields(anew))
    after_all = await _owned(session, leaving)
    undo = {"csrf_token": token, "back": re.findall(r'name="back" value="([^"]+)"', last.text)}
    goes_back = await client.post(f"{here}/undo", data=undo)
    is_back = await client.post(f"{here}/undo", data=_fields(goes_back))

    assert "3 of 9 records are handed over." in first.text
    assert after_one == before | {"patients": 1}
    assert "3 of 6 records are handed over." in anew.text
    assert after_all == {"leads": 2, "patients": 0, "calls": 1, "tasks": 1}
    assert "Handed over: 1 patient, 4 booked calls, 1 task." in last.text
    assert "data-goes-on" not in last.text
    assert len(undo["back"]) == 6
    assert "3 of 6 records are back." in goes_back.text
    assert "Back: 1 patient, 4 booked calls, 1 task." in is_back.text
    assert await _owned(session, leaving) == before | {"patients": 1}


async def test_so_much_that_a_form_cannot_name_it_is_handed_over_without_a_way_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    leaving, _ = await builders.a_colleague(session)
    other, _ = await builders.a_colleague(session)
    await _work(session, leaving)
    token = await as_user(client, session, settings, "programme_manager")
    sent = {"csrf_token": token, "tasks": str(other.user_account_id), "so_far_leads": "2000", "whole": "2001"}
    done = await client.post(f"/availability/{leaving.user_account_id}/hand-over", data=sent)

    assert "Handed over: 2,000 leads, 1 task." in done.text
    assert 'name="back"' not in done.text


@pytest.mark.parametrize(("stay", "named"), [(0, [3, 0]), (2, [0, 0])])
async def test_a_form_that_goes_on_names_no_more_than_it_may(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    stay: int, named: list[int],
) -> None:  # fmt: skip
    """Those that are done, to be put back, and those that stay; without the former there is no way back."""
    monkeypatch.setattr(hand_over, "BATCH", 3)
    monkeypatch.setattr(pages, "MOST_NAMED", 4)
    leaving, _ = await builders.a_colleague(session)
    other, _ = await builders.a_colleague(session)
    await _work(session, leaving, patients=4)
    here = f"/availability/{leaving.user_account_id}/hand-over"
    token = await as_user(client, session, settings, "programme_manager")
    kinds = {kind: [str(other.user_account_id)] for kind in ("patients", "calls", "tasks")}

    first = await client.post(here, data={"csrf_token": token, **kinds, "leave": [str(uuid4()) for _ in range(stay)]})
    second = await client.post(here, data=_fields(first))
    last = await client.post(here, data=_fields(second))
    assert [len(_fields(one).get("done", [])) for one in (first, second)] == named
    assert "Handed over: 4 patients, 4 booked calls, 1 task." in last.text
    assert 'name="back"' not in last.text


async def test_a_colleague_is_chosen_from_the_menu_also_one_who_has_left(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    here, _ = await builders.a_colleague(session)
    leaving, _ = await builders.a_colleague(session)
    leaving.display_name, leaving.is_active = "Willem Bos", False
    await session.commit()
    token = await as_user(client, session, settings, "programme_manager")
    shown, who_is_there = await client.get("/hand-over"), await client.get("/availability")
    found = await client.post("/pickers/whose-work", data={"csrf_token": token, "q": "bos"})
    nobody = await client.post("/hand-over", data={"csrf_token": token, "colleague_typed": ""})
    chosen = await client.post("/hand-over", data={"csrf_token": token, "colleague_typed": "willem bos"})

    # In the sidebar, and beside each colleague of the page that says who is there.
    assert 'href="/hand-over"' in shown.text
    assert f'/availability/{here.user_account_id}/hand-over">Hand over<' in who_is_there.text
    assert "No longer works here" in found.text
    assert (nobody.status_code, "Choose a colleague." in nobody.text) == (422, True)
    assert (chosen.status_code, chosen.headers["location"]) == (
        303,
        f"/availability/{leaving.user_account_id}/hand-over",
    )
    await as_user(client, session, settings, "navigator")
    assert 'href="/hand-over"' not in (await client.get("/")).text
    assert (await client.get("/hand-over")).status_code == 403
