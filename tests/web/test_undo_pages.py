"""What one has just done is taken back; tasks are edited and put off; a status is changed from its badge."""

import re
from datetime import date, timedelta
from html import unescape
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.access.policy import PERMISSIONS
from app.availability.models import Absence
from app.calls.models import CallHistory
from app.events.models import JourneyEvent
from app.patients.models import Patient
from app.people.departures.models import PersonDeparture
from app.people.models import DuplicateCandidate, Person
from app.platform import clock
from app.platform.actor import Actor
from app.platform.settings import Settings
from app.tasks.models import Task
from app.web.listing import LISTS, Seen
from tests.browsing import ORIGIN, Somebody, as_user, signed_in, somebody
from tests.builders import a_call, a_lead, a_patient, a_person, a_task, a_trial_journey

_UNDONE_MOVE = re.compile(r'class="story-title">([^<]+)</span>\s*<span class="soft">Undone</span>')
"""A move in a timeline that took another one back."""


def undo_of(answer: httpx.Response) -> str:
    """Where the toast of an answer posts that it is taken back."""
    cookie = unquote(answer.headers.get("set-cookie", ""))
    found = re.search(r"(/\S+/undo\?\S+?);", cookie)
    assert found is not None, cookie
    return unquote(found[1])


async def _post(client: httpx.AsyncClient, token: str, place: str, **typed: str) -> httpx.Response:
    return await client.post(place, data={"csrf_token": token, **typed}, headers=ORIGIN)


@pytest.mark.parametrize(
    ("place", "field", "value"),
    [
        ("facts", "first_name", "Johan"),
        ("facts", "language", "nl"),
        ("facts", "date_of_birth", "1967-03"),
        ("facts", "do_not_contact_channels", "email"),
        ("dates", "first_contact_date", "2026-01-02"),
        ("cases", "owner_id", ""),
    ],
)
async def test_a_fact_that_was_edited_in_place_is_put_back_once(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, place: str, field: str, value: str
) -> None:
    me = await somebody(session, settings, "navigator")
    person = await a_person(session, first_name="Jan", date_of_birth=date(1960, 4, 5))
    patient = await a_patient(session, person, owner_id=me.account_id)
    await session.commit()
    row = person if place == "facts" else patient
    before, here = getattr(row, field), f"/patients/{patient.patient_id}/{place}/{field}"
    seen = {"date_of_birth": "1960-04-05", "first_name": "Jan", "owner_id": str(me.account_id)}.get(field, "")
    token = await signed_in(client, session, me.account_id)

    saved = await _post(client, token, here, **{field: value, "seen": seen})
    assert saved.status_code == 303, saved.text
    await session.refresh(row)
    changed = getattr(row, field)
    undone = await _post(client, token, undo_of(saved))
    await session.refresh(row)
    again = await _post(client, token, undo_of(saved))

    assert changed != before
    assert getattr(row, field) == before
    assert "Undone" in unquote(undone.headers["set-cookie"])
    assert "Not undone" in unquote(again.headers["set-cookie"])


async def test_a_replaced_phone_has_no_undo_and_one_that_is_cut_short_is_kept_with_a_warning(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, phone="+34 600 123 456")
    patient = await a_patient(session, person)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}/facts/phone"
    form = (await client.get(here)).text

    saved = await _post(client, token, here, phone="+34 600 12", seen="+34 600 123 456", was="wrong")

    assert "checked" not in form.partition('class="fact-was"')[2].partition("</fieldset>")[0]
    assert form.index("It was a typing error") < form.index("Theirs until now")
    told = unquote(saved.headers["set-cookie"])
    assert "does not look like a whole number for Spain" in told
    assert "warning:" in told
    assert "/undo" not in told
    assert (await _post(client, token, f"{here}/undo?since=1&until=2")).status_code == 404
    await session.refresh(person)
    assert person.phone == "+34 600 12"


async def test_the_status_of_a_patient_is_changed_from_its_badge_and_taken_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session, await a_person(session))
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}"
    head = (await client.get(here)).text.partition('id="record-head"')[2].partition("</header>")[0]

    moved = await _post(client, token, f"{here}/status", status="inactive")
    await session.refresh(patient)
    status = patient.status
    undone = await _post(client, token, undo_of(moved))
    await session.refresh(patient)
    without_reason = await _post(client, token, f"{here}/status", status="paused")
    with_reason = await _post(client, token, f"{here}/status", status="paused", status_reason="On holiday")

    assert 'name="status" value="inactive"' in head
    assert f'href="{here}/status?to=paused"' in head
    assert (moved.status_code, status, undone.status_code) == (303, "inactive", 303)
    assert without_reason.status_code == 422
    assert with_reason.status_code == 303
    stored = await session.get_one(Patient, patient.patient_id, populate_existing=True)
    assert (stored.status, stored.status_reason) == ("paused", "On holiday")
    assert (await client.get(f"{here}/status?to=paused")).status_code == 200


async def test_a_move_of_a_journey_is_taken_back_once_with_the_date_that_it_set(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    journey = await a_trial_journey(session, patient, status="screening", status_changed_at=clock.now())
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}/clinical-trial-journeys/{journey.ct_journey_id}/move"
    since = journey.status_changed_at

    moved = await _post(client, token, here, to="eligible_enrolled")
    await session.refresh(journey)
    there = journey.status, journey.enrollment_date is not None
    moved_page = (await client.get(f"/patients/{patient.patient_id}")).text
    undone = await _post(client, token, undo_of(moved))
    await session.refresh(journey)
    again = await _post(client, token, undo_of(moved))

    assert there == ("eligible_enrolled", True)
    assert "Undone" in unquote(undone.headers["set-cookie"])
    assert "Not undone" in unquote(again.headers["set-cookie"])
    assert (journey.status, journey.enrollment_date, journey.status_changed_at) == ("screening", None, since)
    events = select(JourneyEvent.to_status, JourneyEvent.via).order_by(JourneyEvent.journey_event_id)
    assert [tuple(row) for row in await session.execute(events)] == [
        ("eligible_enrolled", "transition"), ("screening", "undone_by_author"),
    ]  # fmt: skip
    page = (await client.get(f"/patients/{patient.patient_id}")).text
    assert re.findall(_UNDONE_MOVE, moved_page) == []
    assert re.findall(_UNDONE_MOVE, page) == ["CT journey: screening"]


async def test_an_ended_journey_is_not_opened_again_for_somebody_who_was_put_aside(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    journey = await a_trial_journey(session, patient, status="identified")
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}"
    ended = await _post(
        client, token, f"{here}/clinical-trial-journeys/{journey.ct_journey_id}/move",
        to="not_pursued", reason_code="other", reason="Chose another way.",
    )  # fmt: skip
    await _post(client, token, f"{here}/status", status="inactive")

    undone = await _post(client, token, undo_of(ended))

    assert "Not undone" in unquote(undone.headers["set-cookie"])
    await session.refresh(journey)
    assert journey.status == "not_pursued"


@pytest.mark.parametrize(("to", "is_undone"), [("contacting", "yes"), ("withdrawn", "no")])
async def test_a_move_of_a_lead_is_taken_back_or_it_is_said_that_no_button_does(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, to: str, is_undone: str
) -> None:
    lead = await a_lead(session)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")

    moved = await _post(client, token, f"/leads/{lead.lead_id}/move", to=to, reason="They asked for it.")

    told = unquote(moved.headers["set-cookie"])
    assert ("No button undoes this." in told) is (is_undone == "no")
    if is_undone == "yes":
        await _post(client, token, undo_of(moved))
        await session.refresh(lead)
        assert lead.status == "new"
        assert re.findall(_UNDONE_MOVE, (await client.get(f"/leads/{lead.lead_id}")).text) == ["Lead: new"]
    else:
        assert "/undo" not in told


async def _a_pair(session: AsyncSession) -> DuplicateCandidate:
    one, other = sorted([(await a_person(session)).person_id, (await a_person(session)).person_id])
    pair = DuplicateCandidate(person_id=one, other_person_id=other, reasons=["phone"])
    session.add(pair)
    await session.commit()
    return pair


async def test_that_two_are_different_people_is_taken_back_once_by_who_has_said_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    pair = await _a_pair(session)
    here = f"/duplicates/{pair.duplicate_candidate_id}"
    me = await somebody(session, settings, "navigator")
    token = await signed_in(client, session, me.account_id)
    undo = undo_of(await _post(client, token, f"{here}/different", reason="Brothers."))

    token = await as_user(client, session, settings, "data_steward")
    by_other = await _post(client, token, undo)
    await session.refresh(pair)
    kept = pair.decision
    token = await signed_in(client, session, me.account_id)
    back = await _post(client, token, undo)
    await session.refresh(pair)
    stands = (pair.decision, pair.decided_at, pair.decided_by, pair.reason)
    await _post(client, token, f"{here}/different", reason="Brothers after all.")
    again = await _post(client, token, undo)
    await session.refresh(pair)

    assert "Not undone. It was changed meanwhile." in unquote(by_other.headers["set-cookie"])
    assert kept == "different_people"
    assert (back.status_code, back.headers["location"]) == (303, here)
    assert stands == ("open", None, None, None)
    assert "Not undone" in unquote(again.headers["set-cookie"])
    assert (pair.decision, pair.reason) == ("different_people", "Brothers after all.")


async def _open_again(client: httpx.AsyncClient, token: str, pair: DuplicateCandidate) -> str:
    """The address of a decided pair, of which it was pressed that it is decided again."""
    here = f"/duplicates/{pair.duplicate_candidate_id}"
    offered = re.search(rf'action="({here}/reopen\?until=\d+)"', (await client.get(here)).text)
    assert offered is not None
    opened = await _post(client, token, offered[1])
    assert "The pair waits for a decision again." in unquote(opened.headers["set-cookie"])
    return opened.headers["location"]


async def test_a_decided_pair_is_opened_again_by_anybody_who_may_decide_while_it_is_as_they_saw_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    pair = await _a_pair(session)
    here = f"/duplicates/{pair.duplicate_candidate_id}"
    token = await as_user(client, session, settings, "navigator")
    await _post(client, token, f"{here}/different", reason="Brothers.")
    await as_user(client, session, settings, "auditor")
    of_reader = await client.get(here)
    token = await as_user(client, session, settings, "data_steward")

    await _open_again(client, token, pair)
    await session.refresh(pair)
    opened, shown = pair.decision, await client.get(here)
    await _post(client, token, f"{here}/different")
    late = await _post(client, token, f"{here}/reopen?until={pair.version}")
    await session.refresh(pair)

    assert "Decide again" not in of_reader.text
    assert opened == "open"
    assert f'action="{here}/different"' in shown.text
    assert "Decide again" not in shown.text
    assert "Not undone. It was changed meanwhile." in unquote(late.headers["set-cookie"])
    assert pair.decision == "different_people"


async def _booking(
    session: AsyncSession, settings: Settings, client: httpx.AsyncClient, **said: object
) -> tuple[str, CallHistory, Somebody]:
    """The form's token, and a confirmed booking of a navigator who is signed in, three days ahead."""
    me = await somebody(session, settings, "navigator")
    navigator = await a_person(session, first_name="Noor", last_name="Brandt")
    (await session.get_one(UserAccount, me.account_id)).person_id = navigator.person_id
    ahead = clock.now().replace(microsecond=0) + timedelta(days=3)
    booked = {
        "status": "confirmed", "booking_date": ahead, "booking_time_zone": "America/New_York",
        "pn_id": navigator.person_id, "notes": "Asked for the morning.", **said,
    }  # fmt: skip
    call = await a_call(session, await a_patient(session), **booked)
    await session.commit()
    return await signed_in(client, session, me.account_id), call, me


_LATER = {"booking_date": "2099-07-01 10:00", "booking_time_zone": "America/New_York"}
_STEPS = {"cancel": {"notes": "Is travelling."}, "move": {**_LATER, "notes": "Later."}}


async def _stands(session: AsyncSession, call: CallHistory) -> tuple[object, ...]:
    """What a booking is, and how many are open besides."""
    await session.refresh(call)
    open_ones = select(func.count()).where(
        CallHistory.status.in_(("scheduled", "confirmed")), CallHistory.voided_at.is_(None)
    )
    names = ("status", "booking_date", "booking_time_zone", "pn_id", "notes", "rescheduled_to")
    return *(getattr(call, name) for name in names), await session.scalar(open_ones)


@pytest.mark.parametrize("step", ["cancel", "move"])
@pytest.mark.parametrize("shown_at", ["/calls?status=open", "/calls/agenda", "/patients/{patient_id}", "/today"])
async def test_a_booking_that_was_cancelled_or_moved_is_put_back_once_where_it_was_done(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, step: str, shown_at: str
) -> None:
    token, call, _me = await _booking(session, settings, client)
    before = await _stands(session, call)
    there = shown_at.format(patient_id=call.patient_id)

    done = await _post(client, token, f"/calls/{call.call_id}/{step}", **_STEPS[step], back=there)
    after = await _stands(session, call)
    page = (await client.get(there)).text
    sent_from = {**ORIGIN, "referer": f"http://test{there}"}
    undone = await client.post(undo_of(done), data={"csrf_token": token}, headers=sent_from)
    back = await _stands(session, call)
    again = await _post(client, token, undo_of(done))

    assert done.headers["location"] == undone.headers["location"] == there
    assert f'action="/calls/{call.call_id}/{step}/undo?' in page
    assert after != before
    assert after[0] == {"cancel": "cancelled", "move": "rescheduled"}[step]
    assert back == before
    assert "Undone" in unquote(undone.headers["set-cookie"])
    assert "Not undone. It was changed meanwhile." in unquote(again.headers["set-cookie"])
    assert await _stands(session, call) == before


async def test_a_move_that_is_undone_leaves_the_new_booking_on_record_as_voided(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token, call, me = await _booking(session, settings, client)
    moved = await _post(client, token, f"/calls/{call.call_id}/move", **_LATER)
    await session.refresh(call)
    new = await session.get_one(CallHistory, call.rescheduled_to)

    await _post(client, token, undo_of(moved))

    await session.refresh(new)
    assert (new.voided_by, new.void_reason) == (me.account_id, "The move to this time was undone.")
    assert new.voided_at is not None


@pytest.mark.parametrize("step", ["cancel", "move"])
async def test_a_booking_that_was_changed_meanwhile_is_not_put_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, step: str
) -> None:
    token, call, _me = await _booking(session, settings, client)
    done = await _post(client, token, f"/calls/{call.call_id}/{step}", **_STEPS[step])
    await session.refresh(call)
    # Of one that was moved, the new booking.
    changed = call if step == "cancel" else await session.get_one(CallHistory, call.rescheduled_to)
    changed.notes = "Written by a colleague."
    await session.commit()
    there = await _stands(session, call)

    undone = await _post(client, token, undo_of(done))

    assert "Not undone. It was changed meanwhile." in unquote(undone.headers["set-cookie"])
    assert await _stands(session, call) == there
    await session.refresh(changed)
    assert (changed.notes, changed.voided_at) == ("Written by a colleague.", None)


@pytest.mark.parametrize("step", ["cancel", "move"])
@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        ("absent", "You are absent then."),
        ("navigator", "You have another call at that time."),
        ("person", "This person has another call at that time."),
        ("deceased", "This person has died"),
        ("withdrawn", "This person has withdrawn"),
        ("inactive", "inactive"),
        ("wish", "This person does not want to be contacted so."),
    ],
)
async def test_it_is_said_why_a_booking_cannot_be_put_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, step: str, meanwhile: str, why: str
) -> None:
    token, call, me = await _booking(session, settings, client)
    done = await _post(client, token, f"/calls/{call.call_id}/{step}", **_STEPS[step])
    await session.refresh(call)
    assert call.booking_date is not None
    patient = await session.get_one(Patient, call.patient_id)
    person = await session.get_one(Person, call.person_id)
    hour = timedelta(hours=1)
    match meanwhile:
        case "absent":
            starts, ends = call.booking_date - hour, call.booking_date + hour
            session.add(Absence(user_account_id=me.account_id, kind="other", starts_at=starts, ends_at=ends))
        case "navigator":
            await a_call(session, await a_patient(session), booking_date=call.booking_date, pn_id=call.pn_id)
        case "person":
            await a_call(session, patient, booking_date=call.booking_date)
        case "inactive":
            person.is_active = False
        case "wish":
            person.do_not_contact_channels = [call.channel]
        case kind:
            said = {"source": "a relative"} if kind == "deceased" else {"reason": "asked for it"}
            gone = PersonDeparture(
                person_id=person.person_id, kind=kind, departed_on=clock.now().date() - timedelta(days=1), **said
            )
            session.add(gone)
    await session.commit()
    there = await _stands(session, call)

    undone = await _post(client, token, undo_of(done))

    told = unquote(undone.headers["set-cookie"])
    assert "warning:Not undone." in told
    assert why in told
    assert await _stands(session, call) == there


@pytest.mark.parametrize("step", ["cancel", "move"])
async def test_who_may_not_change_calls_or_did_not_do_it_does_not_put_a_booking_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, step: str
) -> None:
    token, call, _me = await _booking(session, settings, client)
    done = await _post(client, token, f"/calls/{call.call_id}/{step}", **_STEPS[step])
    there = await _stands(session, call)

    auditor = await as_user(client, session, settings, "auditor")
    refused = await _post(client, auditor, undo_of(done))
    colleague = await as_user(client, session, settings, "navigator")
    not_theirs = await _post(client, colleague, undo_of(done))
    made_up = await _post(client, colleague, f"/calls/{uuid4()}/{step}/undo?since=1&until=2")

    assert (refused.status_code, made_up.status_code) == (403, 404)
    assert "Not undone. It was changed meanwhile." in unquote(not_theirs.headers["set-cookie"])
    assert await _stands(session, call) == there


async def test_a_call_that_was_not_open_has_no_undo_of_its_cancelling(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token, call, _me = await _booking(session, settings, client, status="completed", booking_date=clock.now())

    cancelled = await _post(client, token, f"/calls/{call.call_id}/cancel")
    made_up = await _post(client, token, f"/calls/{call.call_id}/cancel/undo?since=1&until=2")

    assert "/undo" not in unquote(cancelled.headers["set-cookie"])
    assert "Not undone." in unquote(made_up.headers["set-cookie"])
    await session.refresh(call)
    assert call.status == "cancelled"


_OF_OUTCOME = ("status", "outcome", "notes", "adverse_event_heard", "call_duration_minutes", "spoke_with_person_id")


@pytest.mark.parametrize(
    "came",
    [
        {"outcome": "no_answer", "notes": "Rang twice."},
        {"outcome": "no_show"},
        {"outcome": "cancelled"},
        {"outcome": "reached", "adverse_event_heard": "false", "call_duration_minutes": "9", "notes": "All is well."},
    ],
    ids=lambda came: came["outcome"],
)
async def test_what_was_said_of_a_call_is_taken_back_once_and_asked_again(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, came: dict[str, str]
) -> None:
    yesterday = clock.now().replace(microsecond=0) - timedelta(days=1)
    token, call, _me = await _booking(session, settings, client, booking_date=yesterday)

    async def stands() -> tuple[object, ...]:
        await session.refresh(call)
        return tuple(getattr(call, name) for name in _OF_OUTCOME)

    before = await stands()
    done = await _post(client, token, f"/calls/{call.call_id}/outcome", **came)
    after = await stands()
    undone = await _post(client, token, undo_of(done))
    back = await stands()
    again = await _post(client, token, undo_of(done))

    assert after != before
    assert back == before == ("confirmed", None, "Asked for the morning.", None, None, None)
    assert undone.headers["location"] == f"/calls/{call.call_id}/outcome"
    assert "Undone" in unquote(undone.headers["set-cookie"])
    assert "Not undone. It was changed meanwhile." in unquote(again.headers["set-cookie"])
    assert await stands() == before


@pytest.mark.parametrize("beside", ["a side effect", "the next call"])
async def test_what_was_said_of_a_call_has_no_undo_where_more_came_of_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, beside: str
) -> None:
    yesterday = clock.now().replace(microsecond=0) - timedelta(days=1)
    token, call, _me = await _booking(session, settings, client, booking_date=yesterday)
    came = {
        "a side effect": {"outcome": "reached", "adverse_event_heard": "true", "notes": "A rash."},
        "the next call": {"outcome": "no_answer", "book_next": "true", "next_attempt": "2099-07-01 10:00"},
    }[beside]

    done = await _post(client, token, f"/calls/{call.call_id}/outcome", **came)
    await session.refresh(call)
    status = call.status
    made_up = await _post(client, token, f"/calls/{call.call_id}/outcome/undo?since=1&until=2")

    assert status == "completed"
    assert "/undo" not in unquote(done.headers["set-cookie"])
    if beside == "a side effect":
        assert "Not undone." in unquote(made_up.headers["set-cookie"])
        await session.refresh(call)
        assert call.status == "completed"


async def test_who_did_not_say_what_came_of_a_call_does_not_take_it_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    yesterday = clock.now().replace(microsecond=0) - timedelta(days=1)
    token, call, _me = await _booking(session, settings, client, booking_date=yesterday)
    done = await _post(client, token, f"/calls/{call.call_id}/outcome", outcome="no_answer")

    auditor = await as_user(client, session, settings, "auditor")
    refused = await _post(client, auditor, undo_of(done))
    colleague = await as_user(client, session, settings, "navigator")
    not_theirs = await _post(client, colleague, undo_of(done))

    assert refused.status_code == 403
    assert "Not undone. It was changed meanwhile." in unquote(not_theirs.headers["set-cookie"])
    await session.refresh(call)
    assert (call.status, call.outcome) == ("completed", "no_answer")


_LOGGED = {"outcome": "no_answer", "direction": "outbound", "channel": "phone", "notes": "Rang twice."}


async def test_a_call_that_was_just_logged_is_voided_by_its_undo_and_stays_on_record(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await somebody(session, settings, "navigator")
    patient = await a_patient(session)
    await session.commit()
    token = await signed_in(client, session, me.account_id)
    place = f"/patients/{patient.patient_id}"

    logged = await _post(client, token, f"{place}/calls", **_LOGGED)
    call = (await session.scalars(select(CallHistory))).one()
    colleague = await as_user(client, session, settings, "navigator")
    not_theirs = await _post(client, colleague, undo_of(logged))
    await session.refresh(call)
    left = call.voided_at
    token = await signed_in(client, session, me.account_id)
    undone = await _post(client, token, undo_of(logged))
    again = await _post(client, token, undo_of(logged))

    assert "Not undone. It was changed meanwhile." in unquote(not_theirs.headers["set-cookie"])
    assert left is None
    assert "Undone" in unquote(undone.headers["set-cookie"])
    assert again.status_code in {303, 404}
    await session.refresh(call)
    assert (call.status, call.notes, call.voided_by) == ("completed", "Rang twice.", me.account_id)
    assert call.void_reason == "It was entered by mistake, and undone."


async def test_a_call_that_was_just_booked_is_voided_by_its_undo_unless_a_lead_was_moved_with_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient, lead = await a_patient(session), await a_lead(session, status="contacting")
    await session.commit()
    token = await as_user(client, session, settings, "navigator")

    booked = await _post(client, token, f"/patients/{patient.patient_id}/bookings", **_LATER)
    of_lead = await _post(client, token, f"/leads/{lead.lead_id}/bookings", **_LATER)
    undone = await _post(client, token, undo_of(booked))

    assert "Undone" in unquote(undone.headers["set-cookie"])
    assert "/undo" not in unquote(of_lead.headers["set-cookie"])
    call = (await session.scalars(select(CallHistory).where(CallHistory.patient_id == patient.patient_id))).one()
    assert (call.status, call.void_reason) == ("scheduled", "It was entered by mistake, and undone.")
    await session.refresh(lead)
    assert lead.status == "call_booked"


@pytest.mark.parametrize("beside", ["a side effect", "the next call", "a task"])
async def test_a_logged_call_has_no_undo_where_more_came_of_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, beside: str
) -> None:
    patient = await a_patient(session)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    came = {
        "a side effect": {"outcome": "reached", "adverse_event_heard": "true"},
        "the next call": {"book_next": "true", "next_attempt": "2099-07-01 10:00"},
        "a task": {"follow_up": "Ask the site", "follow_up_on": "2099-07-01"},
    }[beside]

    logged = await _post(client, token, f"/patients/{patient.patient_id}/calls", **_LOGGED | came)

    assert logged.status_code == 303
    assert "/undo" not in unquote(logged.headers["set-cookie"])
    call = (await session.scalars(select(CallHistory).where(CallHistory.status == "completed"))).one()
    if beside == "a side effect":
        made_up = await _post(client, token, f"/calls/{call.call_id}/undo?since=0&until=1")
        assert "Not undone." in unquote(made_up.headers["set-cookie"])
        await session.refresh(call)
        assert call.voided_at is None


async def _my_task(session: AsyncSession, settings: Settings, **more: object) -> tuple[Somebody, Person, Task]:
    me = await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    person = await a_person(session, first_name="Femke", last_name="Bakker")
    patient = await a_patient(session, person, owner_id=me.account_id)
    yesterday = clock.now() - timedelta(days=1)
    task = await a_task(
        session, person, patient_id=patient.patient_id, owner_id=me.account_id, title="Ask the site",
        **{"due_at": yesterday, "due_by": yesterday, **more},
    )  # fmt: skip
    await session.commit()
    return me, person, task


async def test_a_task_has_a_page_where_it_is_edited_put_off_done_and_taken_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me, _, task = await _my_task(session, settings)
    token = await signed_in(client, session, me.account_id)
    here = f"/tasks/{task.task_id}"
    listed, shown = (await client.get("/tasks")).text, (await client.get(here)).text

    edited = await _post(
        client, token, here, title="Call the site", due_on="2030-01-02", due_at="", details="", owner_id="", seen="1"
    )
    await session.refresh(task)
    assert (task.title, str(task.due_on), task.due_at, task.owner_id) == ("Call the site", "2030-01-02", None, None)
    stale = await _post(client, token, here, title="Other", due_on="2030-01-02", seen="1")
    off = await _post(client, token, f"{here}/snooze", to="week")
    await session.refresh(task)
    snoozed = task.snoozed_until
    nothing = await _post(client, token, f"{here}/snooze", on="")
    no_day = await _post(client, token, f"{here}/snooze", on="once")
    done = await _post(client, token, f"{here}/done")
    await session.refresh(task)
    status = task.status
    await _post(client, token, undo_of(done))
    await session.refresh(task)

    assert f'href="{here}"' in listed
    assert "Mark done" in listed
    assert "late" in listed.partition("data-late")[2][:300]
    assert "Ask the site" in shown
    assert (edited.status_code, stale.status_code, off.status_code, nothing.status_code) == (303, 412, 303, 422)
    # The menu is open, with what was typed.
    assert re.search(r'<details class="menu"[^>]* open>(?:(?!</details>).)*value="once"', no_day.text, re.DOTALL)
    assert snoozed is not None
    assert timedelta(days=6) < snoozed - clock.now() < timedelta(days=8)
    assert (status, task.status) == ("done", "open")


async def test_the_head_of_a_record_says_how_somebody_stands(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")
    patient = await a_patient(session, await a_person(session), owner_id=me.account_id)
    now = clock.now()
    await a_call(session, patient, call_date=now - timedelta(days=3), status="completed", outcome="reached")
    await a_call(session, patient, booking_date=now + timedelta(days=3), status="scheduled")
    late = await a_call(session, patient, booking_date=now - timedelta(days=1), status="scheduled")
    await session.commit()
    await signed_in(client, session, me.account_id)

    page = (await client.get(f"/patients/{patient.patient_id}")).text

    head = unescape(page.partition('id="record-head"')[2].partition("</header>")[0])
    for words in ("Duchenne", "Noor Brandt", "Last contact", "Next call"):
        assert words in head, words
    assert "never" not in head
    assert f'href="/calls/{late.call_id}/outcome"' in page


def test_every_list_with_views_shows_one_as_chosen_when_it_is_opened() -> None:
    seen = Seen(Actor(uuid4(), "Noor", frozenset(), frozenset(PERMISSIONS)), {}, [], {})
    plain = {path: [dict(view.chosen) for view in shown.views(seen)] for path, shown in LISTS.items()}

    assert [path for path, views in plain.items() if views and dict(LISTS[path].begins(seen.actor)) not in views] == []
