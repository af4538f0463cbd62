"""The approvals that a journey to a product needs are seen and written on pages, as the API writes them."""

import re
from datetime import date
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import SIGHT, Role
from app.audit.models import AuditEvent, RowHistory
from app.journeys.eap.models import EapGate, EapJourney
from app.journeys.eap.service import change_gate
from app.journeys.eap.states import GATES
from app.people.models import Person
from app.platform.settings import Settings
from app.tasks.models import Task
from tests.browsing import ORIGIN, as_user, somebody
from tests.builders import a_patient, a_person, an_eap_journey
from tests.web.test_facts import text_of

MANAGER = "programme_manager"


@pytest.fixture
async def journey(session: AsyncSession) -> EapJourney:
    person = await a_person(session, first_name="Inês", last_name="Carvalho")
    made = await an_eap_journey(session, await a_patient(session, person), status="approvals_in_progress")
    await session.commit()
    return made


def _place(journey: EapJourney) -> str:
    return f"/patients/{journey.patient_id}/eap-journeys/{journey.eap_journey_id}/approvals"


async def _gates(session: AsyncSession) -> list[EapGate]:
    return list((await session.scalars(select(EapGate).execution_options(populate_existing=True))).all())


async def _gate(session: AsyncSession, journey: EapJourney, **values: object) -> EapGate:
    gate = EapGate(eap_journey_id=journey.eap_journey_id, **({"gate": "ethics", "status": "submitted"} | values))
    session.add(gate)
    await session.commit()
    return gate


async def _send(client: httpx.AsyncClient, journey: EapJourney, token: str, **typed: str) -> httpx.Response:
    return await client.post(f"{_place(journey)}/ethics", data={"csrf_token": token, **typed}, headers=ORIGIN)


def _values(answer: httpx.Response) -> dict[str, str]:
    """What the fields of a form hold."""
    found = dict(re.findall(r'<input[^>]* name="(seen|\w+_on|reference_number)"[^>]* value="([^"]*)"', answer.text))
    chosen = re.search(r'<option value="(\w*)" selected>', answer.text)
    return {name: unescape(value) for name, value in found.items()} | {"status": chosen[1] if chosen else ""}


async def test_an_approval_is_recorded_and_changed_by_its_form_and_lets_the_supply_through(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    token, place = await as_user(client, session, settings, MANAGER), _place(journey)

    record = await client.get(f"/patients/{journey.patient_id}")
    empty, form = await client.get(place), await client.get(f"{place}/ethics")
    added = await _send(
        client, journey, token, seen='"0"', status="submitted", decided_on="", reference_number="METC-7", notes="Asked."
    )
    [first] = await _gates(session)
    stood = (first.status, first.decided_on, first.reference_number, first.notes, first.version)
    form_again = await client.get(f"{place}/ethics")
    typed = _values(form_again) | {"status": "approved", "decided_on": "3/2/2026", "expires_on": "2031-02-03"}
    changed = await _send(client, journey, token, **typed, notes="Asked.")
    listed = text_of(await client.get(place))

    assert f'href="{place}"' in record.text
    assert [name for name in GATES if f'href="{place}/{name}"' in empty.text] == list(GATES)
    assert text_of(empty).count("not recorded") == len(GATES)
    assert _values(form)["seen"] == '"0"'
    assert [answer.headers["location"] for answer in (added, changed)] == [place, place]
    assert stood == ("submitted", None, "METC-7", "Asked.", 1)
    [gate] = await _gates(session)
    assert (gate.status, str(gate.decided_on), str(gate.expires_on), gate.reference_number, gate.notes) == (
        "approved", "2026-02-03", "2031-02-03", "METC-7", "Asked.",
    )  # fmt: skip
    assert re.search(r"Ethics\s+Approved\s+decided 3 Feb 2026\s+until 3 Feb 2031\s+METC-7", listed)
    assert listed.count("not recorded") == len(GATES) - 1
    await as_user(client, session, settings, "navigator")
    assert "move?to=supply_authorised" in (await client.get(f"/patients/{journey.patient_id}")).text


async def test_what_is_written_leaves_its_event_and_the_version_of_before_and_is_taken_back_by_the_toast(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    token = await as_user(client, session, settings, MANAGER)
    gate = await _gate(session, journey, reference_number="METC-7")

    answer = await _send(client, journey, token, seen='"1"', status="refused", reference_number="METC-8")
    shown = await client.get(answer.headers["location"])
    undo = re.search(r'action="([^"]*/ethics/undo[^"]*)"', shown.text)
    assert undo, shown.text
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "record_approval"))).one()
    before = (await session.scalars(select(RowHistory).where(RowHistory.record_id == gate.eap_gate_id))).one()
    await client.post(unescape(undo[1]), data={"csrf_token": token}, headers=ORIGIN)
    again = await client.post(unescape(undo[1]), data={"csrf_token": token}, headers=ORIGIN)

    person_id = await session.scalar(select(Person.person_id).where(Person.last_name == "Carvalho"))
    assert (event.record_type, event.record_id, event.person_ids) == ("eap_gate", gate.eap_gate_id, [person_id])
    assert set(event.field_names or ()) == {"status", "reference_number"}
    assert (before.row["status"], before.row["reference_number"]) == ("submitted", "METC-7")
    [stands] = await _gates(session)
    assert (stands.status, stands.reference_number, stands.version) == ("submitted", "METC-7", 3)
    assert again.status_code == 303
    assert "Not undone." in text_of(await client.get(again.headers["location"]))


async def test_a_form_that_is_refused_comes_back_with_all_that_is_wrong_and_what_was_typed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    token = await as_user(client, session, settings, MANAGER)

    wrong = await _send(
        client, journey, token, status="x", decided_on="soon", expires_on="never", reference_number="x" * 101
    )
    disordered = await _send(client, journey, token, status="approved", decided_on="3/2/2026", expires_on="2/2/2026")
    unborn = await _send(client, journey, token, status="approved", decided_on="3/2/1802", expires_on="3/2/1801")

    for name in ("status", "decided_on", "expires_on", "reference_number"):
        assert f'id="field-{name}-error"' in wrong.text
        assert f'href="#field-{name}"' in wrong.text
    assert (wrong.status_code, _values(wrong)["decided_on"], _values(wrong)["expires_on"]) == (422, "soon", "never")
    assert (disordered.status_code, _values(disordered)["status"]) == (422, "approved")
    assert 'id="field-expires_on-error"' in disordered.text
    assert unborn.status_code == 422
    assert await _gates(session) == []


async def test_of_two_at_once_the_second_sees_both_and_writes_nothing_until_they_have_chosen(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    token = await as_user(client, session, settings, MANAGER)
    await _send(client, journey, token, seen='"0"', status="submitted", reference_number="METC-7")

    late = await _send(client, journey, token, seen='"0"', status="approved", reference_number="METC-8")
    [kept] = await _gates(session)
    stood = (kept.status, kept.reference_number)
    sent_again = await _send(client, journey, token, seen='"1"', status="approved", reference_number="METC-8")

    assert (late.status_code, stood) == (412, ("submitted", "METC-7"))
    assert "Somebody saved this record while you were typing." in text_of(late)
    assert (_values(late)["status"], _values(late)["reference_number"]) == ("approved", "METC-8")
    assert _values(late)["seen"] == '"1"'
    for said in ("Now: Submitted", "Now: METC-7"):
        assert said in text_of(late)
    assert text_of(late).count("Now: ") == 2
    assert sent_again.status_code == 303
    [gate] = await _gates(session)
    assert (gate.status, gate.reference_number) == ("approved", "METC-8")


async def test_what_is_saved_between_the_look_and_the_lock_is_not_overwritten(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    journey: EapJourney,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = await as_user(client, session, settings, MANAGER)
    await _gate(session, journey)

    async def after_another(own: AsyncSession, *asked: Any, **named: Any) -> EapGate:
        other = update(EapGate).values(status="approved").execution_options(synchronize_session=False)
        await own.execute(other)
        return await change_gate(own, *asked, **named)

    monkeypatch.setattr("app.web.approvals.change_gate", after_another)
    answer = await _send(client, journey, token, seen='"1"', status="refused")

    assert answer.status_code == 412


@pytest.mark.parametrize("role", ["navigator", "auditor"])
async def test_who_may_not_record_an_approval_sees_them_without_a_form(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney, role: str
) -> None:
    await _gate(session, journey, reference_number="METC-7", notes="Asked the committee.")
    token, place = await as_user(client, session, settings, role), _place(journey)

    listed, form = await client.get(place), await client.get(f"{place}/ethics")
    sent = await _send(client, journey, token, seen='"1"', status="approved")
    undone = await client.post(f"{place}/ethics/undo", data={"csrf_token": token}, headers=ORIGIN)

    assert [answer.status_code for answer in (listed, form, sent, undone)] == [200, 403, 403, 403]
    assert f'href="{place}/ethics"' not in listed.text
    assert "A programme manager records them." in text_of(listed)
    # An auditor sees which approvals are recorded, and nothing of what was decided.
    for said in ("Submitted", "METC-7", "Asked the committee.", "Inês"):
        assert (said in text_of(listed)) is (role == "navigator"), said
    assert text_of(listed).count("not recorded") == len(GATES) - 1
    [gate] = await _gates(session)
    assert gate.status == "submitted"


async def test_whom_an_auditor_has_opened_is_shown_and_the_event_says_so(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    gate = await _gate(session, journey, reference_number="METC-7")
    token = await as_user(client, session, settings, "auditor")
    person_id = await session.scalar(select(Person.person_id).where(Person.last_name == "Carvalho"))
    opening = {"csrf_token": token, "person_id": str(person_id), "reason": "The ward calls."}
    await client.post("/break-glass", data=opening, headers=ORIGIN)

    listed = text_of(await client.get(_place(journey)))
    await as_user(client, session, settings, MANAGER)
    await client.get(f"{_place(journey)}/ethics")

    assert "Submitted" in listed
    assert "METC-7" in listed
    events = {
        event.action: (event.record_type, event.record_id, event.person_ids, event.purpose)
        for event in await session.scalars(select(AuditEvent).where(AuditEvent.action.like("show_approval%")))
    }
    assert events == {
        "show_approvals": ("eap_gate", None, [person_id], "break_glass"),
        "show_approval": ("eap_gate", gate.eap_gate_id, [person_id], None),
    }


@pytest.fixture
def _managers_see_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGHT, Role.PROGRAMME_MANAGER, SIGHT[Role.AUDITOR])


@pytest.mark.usefixtures("_managers_see_masked")
async def test_who_writes_what_they_see_masked_leaves_as_it_is_what_they_did_not_touch(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    await _gate(session, journey, reference_number="METC-7", notes="Asked the committee.", expires_on=None)
    token = await as_user(client, session, settings, MANAGER)

    form = await client.get(f"{_place(journey)}/ethics")
    held = _values(form)
    sent = await _send(client, journey, token, **held | {"status": "approved"}, notes="•••")
    stale = await _send(client, journey, token, **held | {"status": "refused"})

    for said in ("METC-7", "Asked the committee.", "Carvalho"):
        assert said not in form.text + stale.text
    assert (held["status"], held["reference_number"]) == ("", "•••")
    assert (sent.status_code, stale.status_code) == (303, 412)
    assert "Now: Approved" not in text_of(stale)
    [gate] = await _gates(session)
    assert (gate.status, gate.reference_number, gate.notes) == ("approved", "METC-7", "Asked the committee.")


async def test_an_approval_whose_days_are_over_says_that_it_is_not_in_force(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    await _gate(session, journey, status="approved", expires_on=date(2026, 1, 1))
    await _gate(session, journey, gate="contract", status="approved")
    await as_user(client, session, settings, "navigator")

    listed = text_of(await client.get(_place(journey)))
    move = text_of(await client.get(_place(journey).replace("approvals", "move")))
    await as_user(client, session, settings, "auditor")
    masked = text_of(await client.get(_place(journey)))

    assert (listed.count("Not in force today"), move.count("Not in force today")) == (1, 1)
    assert "Not in force today" not in masked


async def test_an_address_of_no_approval_or_of_another_patient_leads_nowhere(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    other = await a_patient(session)
    await _gate(session, journey)
    token, place = await as_user(client, session, settings, MANAGER), _place(journey)
    elsewhere = place.replace(str(journey.patient_id), str(other.patient_id))
    typed = {"csrf_token": token, "status": "approved"}

    asked = [await client.get(address) for address in (f"{place}/horoscope", elsewhere, f"{elsewhere}/ethics")]
    sent = [
        await client.post(address, data=typed, headers=ORIGIN)
        for address in (
            f"{place}/horoscope", f"{elsewhere}/ethics", f"{elsewhere}/ethics/undo", f"{place}/contract/undo",
        )
    ]  # fmt: skip

    assert [answer.status_code for answer in (*asked, *sent)] == [404] * 7
    [gate] = await _gates(session)
    assert gate.status == "submitted"


async def test_who_may_not_record_an_approval_is_told_who_does_and_makes_a_task_to_ask(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    place = _place(journey)
    await as_user(client, session, settings, "navigator")
    nobody = text_of(await client.get(place))
    names = ("Anna Berg", "Bo Chen", "Cleo Dam", "Dirk Eng")
    for name in names:
        await somebody(session, settings, MANAGER, name=name, email=f"{name[0]}@managers.example")
    await session.commit()

    shown = await client.get(place)
    found = re.search(r'href="(/patients/[^"]*/tasks/new[^"]*)"', shown.text)
    assert found
    form = await client.get(unescape(found[1]))
    of_no_word = await client.get(unescape(found[1]), params={"ask": '"><script>x'})
    await as_user(client, session, settings, "auditor")
    of_another = await client.get(place)

    assert "Nobody has that role now." in nobody
    assert "A programme manager records them: Anna Berg, Bo Chen, Cleo Dam and 1 more." in text_of(shown)
    assert "Dirk Eng" not in shown.text
    assert 'value="Ask a programme manager to record the approvals"' in form.text
    assert (of_no_word.status_code, "Ask a programme manager" in of_no_word.text) == (200, False)
    assert "Anna Berg" in of_another.text
    assert "Make a task to ask for it" not in of_another.text


async def test_the_task_that_asks_for_approvals_names_the_journey_what_is_missing_and_who_is_to_be_told(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    for name in ("Anna Berg", "Bo Chen", "Cleo Dam", "Dirk Eng"):
        await somebody(session, settings, MANAGER, name=name, email=f"{name[0]}@managers.example")
    await _gate(session, journey, status="refused", notes="Not this year.")
    await _gate(session, journey, gate="contract", status="approved", expires_on=date(2026, 1, 1))
    await _gate(session, journey, gate="regulatory", status="approved")
    other = await an_eap_journey(session, await a_patient(session))
    token = await as_user(client, session, settings, "navigator")

    shown = await client.get(_place(journey))
    found = re.search(r'href="(/patients/[^"]*/tasks/new[^"]*)"', shown.text)
    assert found
    address = unescape(found[1])
    form = await client.get(address)
    [details] = re.findall(r'<textarea[^>]* name="details"[^>]*>([^<]*)</textarea>', form.text)
    [own] = re.findall(r'<option value="([^"]*)" selected>', form.text)
    of_another = address.replace(str(journey.eap_journey_id), str(other.eap_journey_id))
    wrong, of_no_id = await client.get(of_another), await client.get(address + "x")
    sent = {"csrf_token": token, "title": "Ask", "due_on": "tomorrow", "details": unescape(details), "owner_id": own}
    made = await client.post(f"/patients/{journey.patient_id}/tasks", data=sent, headers=ORIGIN)

    assert unescape(details) == f"Programme {journey.eap_number}: Ethics (refused), Contract (not in force today)"
    told = (
        "Tell who records the approvals: Anna Berg, Bo Chen, Cleo Dam and 1 more. They read tasks but do none, so this "
        "one stays yours."
    )
    assert told in text_of(form)
    # Nobody is offered who may own none.
    assert "Anna Berg</option>" not in form.text
    assert (wrong.status_code, of_no_id.status_code) == (404, 200)
    assert made.status_code == 303
    assert "The task is on your list." in text_of(await client.get(made.headers["location"]))
    task = (await session.scalars(select(Task))).one()
    assert (str(task.owner_id), task.details) == (own, unescape(details))


async def test_where_nothing_is_recorded_the_task_says_so(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    await as_user(client, session, settings, "navigator")
    address = f"/patients/{journey.patient_id}/tasks/new?ask=approvals&journey={journey.eap_journey_id}"

    form = await client.get(address)

    assert f"Programme {journey.eap_number}: no approval is recorded</textarea>" in form.text
    assert "Tell who records" not in form.text


async def test_a_programme_manager_who_may_do_tasks_is_proposed_as_the_owner_of_the_task_that_asks(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, journey: EapJourney
) -> None:
    await somebody(session, settings, MANAGER, name="Anna Berg", email="anna@managers.example")
    both = await somebody(session, settings, MANAGER, "navigator", name="Bo Chen", email="bo@managers.example")
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{journey.patient_id}"

    form = await client.get(f"{here}/tasks/new?ask=approvals&journey={journey.eap_journey_id}")
    plain = await client.get(f"{here}/tasks/new")
    sent = {"csrf_token": token, "title": "Ask", "due_on": "tomorrow", "owner_id": str(both.account_id)}
    made = await client.post(f"{here}/tasks", data=sent, headers=ORIGIN)

    assert f'<option value="{both.account_id}" selected>Bo Chen</option>' in form.text
    assert "Tell who records" not in form.text
    assert f'<option value="{both.account_id}">Bo Chen</option>' in plain.text
    assert made.status_code == 303
    assert "The task is on the list of Bo Chen." in text_of(await client.get(made.headers["location"]))
    assert (await session.scalars(select(Task.owner_id))).one() == both.account_id
