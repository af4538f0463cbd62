"""What is said of a call on its pages, by plain HTTP as without JavaScript."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.calls.models import CallHistory
from app.notifications.models import Notification
from app.patients.models import Patient
from app.people.models import PersonRelationship
from app.platform import clock
from app.platform.settings import Settings
from app.preferences.models import AccountPreference
from app.tasks.models import Task
from bench.pages import BESIDE
from tests.browsing import ORIGIN, as_user, signed_in, somebody
from tests.builders import a_call, a_colleague, a_condition, a_lead, a_patient, a_person
from tests.conftest import BoundDatabase
from tests.web.test_patients_pages import statements

NO_BREAK = "\N{NO-BREAK SPACE}"


@pytest.fixture
async def token(client: httpx.AsyncClient, session: AsyncSession, settings: Settings) -> str:
    """The form's token of a navigator who takes calls and is signed in."""
    who = await somebody(session, settings, "navigator", name="Noor Brandt")
    colleague = await a_person(session, first_name="Noor", last_name="Brandt")
    own = update(UserAccount).where(UserAccount.user_account_id == who.account_id)
    await session.execute(own.values(person_id=colleague.person_id))
    return await signed_in(client, session, who.account_id)


async def _me(session: AsyncSession) -> UserAccount:
    found = await session.scalars(select(UserAccount).where(UserAccount.email == "ines@crm.example"))
    return found.one()


@pytest.mark.parametrize("outcome", ["no_answer", "voicemail", "wrong_number"])
async def test_a_call_that_reached_nobody_is_done_with_and_leaves_today(
    client: httpx.AsyncClient, session: AsyncSession, token: str, outcome: str
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Emre", last_name="Weber"))
    past, mine = clock.now() - timedelta(days=1), (await _me(session)).person_id
    call = await a_call(session, patient, booking_date=past, pn_id=mine)
    await session.commit()
    before = await client.get("/today")

    place = f"/calls/{call.call_id}/outcome"
    saved = await client.post(place, data={"csrf_token": token, "outcome": outcome}, headers=ORIGIN)
    today, agenda = await client.get("/today"), await client.get("/calls/agenda")

    assert "Emre Weber" in before.text
    assert saved.status_code == 303
    assert "Emre Weber" not in today.text
    assert "Emre Weber" not in agenda.text
    stored = await session.get(CallHistory, call.call_id, populate_existing=True)
    assert stored is not None
    assert (stored.status, stored.adverse_event_heard) == ("completed", None)


@pytest.mark.parametrize("outcome", ["no_answer", "voicemail", "reached"])
async def test_only_of_a_call_that_reached_somebody_it_is_told_that_side_effects_were_not_asked_of(
    client: httpx.AsyncClient, session: AsyncSession, token: str, outcome: str
) -> None:
    patient = await a_patient(session)
    await a_call(session, patient, call_date=clock.now() - timedelta(hours=1), status="completed", outcome=outcome)
    await session.commit()

    shown = await client.get(f"/patients/{patient.patient_id}")

    assert token
    assert ("The side-effect question has no answer." in shown.text) is (outcome == "reached")


async def test_the_pages_whose_outcomes_have_numbers_bring_the_script_that_reads_them(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session)
    call = await a_call(session, patient, booking_date=clock.now() - timedelta(hours=1))
    await session.commit()

    for place in (f"/calls/{call.call_id}/outcome", f"/patients/{patient.patient_id}/calls/new"):
        shown = await client.get(place)
        assert 'data-key="1"' in shown.text, place
        assert "/static/js/forms.js" in shown.text, place
    assert token


@pytest.mark.parametrize("about", ["patients", "leads"])
async def test_a_booked_call_whose_time_is_over_stands_in_the_head_instead_of_that_there_is_none(
    client: httpx.AsyncClient, session: AsyncSession, token: str, about: str
) -> None:
    person = await a_person(session)
    if about == "leads":
        lead = await a_lead(session, person)
        whose, here = {"lead_id": lead.lead_id}, f"/leads/{lead.lead_id}"
    else:
        patient = await a_patient(session, person)
        whose, here = {"patient_id": patient.patient_id}, f"/patients/{patient.patient_id}"
    nothing = (await client.get(here)).text.partition("</header>")[2].partition("</header>")[0]
    call = CallHistory(
        status="scheduled", person_id=person.person_id, booking_date=clock.now() - timedelta(hours=3),
        booking_time_zone="America/New_York", **whose,
    )  # fmt: skip
    session.add(call)
    await session.commit()

    late = (await client.get(here)).text.partition("</header>")[2].partition("</header>")[0]

    assert token
    assert ("Next call none" in " ".join(_plain(nothing)), "Overdue call" in nothing) == (True, False)
    assert "Next call" not in late
    assert "Overdue call" in late
    assert "in New York" in " ".join(late.split()), "on both clocks, as the card of the booking tells it"
    assert f'href="/calls/{call.call_id}/outcome"' in late


def _plain(part: str) -> list[str]:
    return re.sub(r"<[^>]+>", " ", part).split()


def _value_of(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" type="text" value="([^"]*)"', page)
    assert found, name
    return found[1]


@pytest.mark.parametrize("about", ["patients", "leads"])
async def test_the_next_attempt_is_booked_with_the_call_that_reached_nobody_at_the_time_that_is_proposed(
    client: httpx.AsyncClient, session: AsyncSession, token: str, about: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    person = await a_person(session, time_zone="Europe/Lisbon")
    if about == "leads":
        lead = await a_lead(session, person)
        here = f"/leads/{lead.lead_id}"
    else:
        here = f"/patients/{(await a_patient(session, person)).patient_id}"
    await session.commit()
    said = {"csrf_token": token, "direction": "outbound", "channel": "phone", "book_next": "true"}

    form = (await client.get(f"{here}/calls/new")).text
    when = _value_of(form, "next_attempt")
    over = await client.post(
        f"{here}/calls", data=said | {"outcome": "no_answer", "next_attempt": "yesterday 10:00"}, headers=ORIGIN
    )
    none = (await session.scalars(select(CallHistory))).all()
    saved = await client.post(
        f"{here}/calls", data=said | {"outcome": "voicemail", "next_attempt": when}, headers=ORIGIN
    )
    again = await client.post(
        f"{here}/calls", data=said | {"outcome": "no_answer", "next_attempt": when}, headers=ORIGIN
    )
    no_more = {"outcome": "wrong_number", "next_attempt": when}
    gone = await client.post(f"{here}/calls", data=said | no_more, headers=ORIGIN)
    reached = {"outcome": "reached", "adverse_event_heard": "false", "next_attempt": when, "book_next": ""}
    talked = await client.post(f"{here}/calls", data=said | reached, headers=ORIGIN)

    assert "Book the next call" in form
    assert f"A free half hour of yours is proposed: {datetime.fromisoformat(when):%A}." in form
    assert "optional" not in form.partition('for="field-next_attempt"')[2].partition("<input")[0]
    assert "is proposed" not in over.text
    assert (over.status_code, none) == (422, [])
    assert "That time is over." in over.text
    assert (saved.status_code, again.status_code, gone.status_code, talked.status_code) == (303, 422, 303, 303)
    assert "The next call is booked for" in unquote(saved.headers["set-cookie"])
    assert "another call at that time" in again.text
    assert "next call" not in unquote(gone.headers["set-cookie"])
    assert "next call" not in unquote(talked.headers["set-cookie"])
    calls = (await session.scalars(select(CallHistory).order_by(CallHistory.call_id))).all()
    assert [(call.status, call.outcome) for call in calls] == [
        ("completed", "voicemail"), ("scheduled", None), ("completed", "wrong_number"), ("completed", "reached"),
    ]  # fmt: skip
    booked = calls[1].booking_date
    assert booked is not None
    local = booked.astimezone(ZoneInfo("Europe/Lisbon"))
    assert (f"{local:%Y-%m-%d %H:%M}", calls[1].booking_time_zone) == (when, "Europe/Lisbon")
    assert local.isoweekday() < 6
    if about == "leads":
        await session.refresh(lead)
        # The booking has moved it as any booking does, and then the call that reached them.
        assert lead.status == "call_completed"


async def test_the_next_attempt_is_booked_where_the_outcome_of_a_booking_is_said(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    call = await a_call(session, await a_patient(session), booking_date=clock.now() - timedelta(days=1))
    await session.commit()
    place = f"/calls/{call.call_id}/outcome"

    when = _value_of((await client.get(place)).text, "next_attempt")
    said = {"csrf_token": token, "outcome": "no_answer", "book_next": "true", "next_attempt": when}
    saved = await client.post(place, data=said, headers=ORIGIN)

    assert saved.status_code == 303, saved.text
    session.expire_all()
    calls = (await session.scalars(select(CallHistory).order_by(CallHistory.call_id))).all()
    assert [(one.status, one.outcome) for one in calls] == [("completed", "no_answer"), ("scheduled", None)]


async def test_the_booked_calls_of_a_record_stand_in_the_order_of_their_times(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    person = await a_person(session)
    patient, lead = await a_patient(session, person), await a_lead(session, person)
    now = clock.now()
    for days in (9, -1, 2, 30):
        await a_call(session, patient, booking_date=now + timedelta(days=days))
    await session.commit()
    in_order = [f"{now + timedelta(days=days):%Y-%m-%dT%H:%MZ}" for days in (-1, 2, 9, 30)]

    for here in (f"/patients/{patient.patient_id}", f"/leads/{lead.lead_id}"):
        for place in (here, f"{here}/peek"):
            listed = (await client.get(place)).text.partition("Booked calls")[2]
            times = re.findall(r'next-title"><time class="clocks" datetime="([^"]+)"', listed)
            assert times == in_order, place
    assert token


@pytest.mark.parametrize("whose", ["own", "colleagues", "persons"])
async def test_it_is_said_with_whom_and_when_the_call_is_that_a_booking_overlaps(
    client: httpx.AsyncClient, session: AsyncSession, token: str, whose: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    me = (await _me(session)).person_id
    colleague = (await a_colleague(session, first_name="Sam", last_name="Okoro"))[0].person_id
    ada = await a_patient(session, await a_person(session, first_name="Ada", last_name="Winter"))
    emre = await a_patient(session, await a_person(session, first_name="Emre", last_name="Weber"))
    day = clock.now().date() + timedelta(days=7)
    day += timedelta(days=-day.weekday() % 7)
    at = datetime(day.year, day.month, day.day, 10, tzinfo=ZoneInfo("Europe/Amsterdam"))
    pn_id = {"own": me, "colleagues": colleague, "persons": colleague}[whose]
    await a_call(session, ada if whose == "persons" else emre, booking_date=at, pn_id=pn_id)
    moved = await a_call(
        session, ada, booking_date=at + timedelta(days=1), pn_id=colleague if whose == "colleagues" else me
    )
    await session.commit()

    sent = {"csrf_token": token, "booking_date": f"{day} 10:15", "booking_time_zone": "Europe/Amsterdam"}
    asked = await client.post(f"/calls/{moved.call_id}/move", data=sent, headers=ORIGIN)

    said, detail = {
        "own": ("You have another call at that time.", "It is your call with Emre Weber: "),
        "colleagues": ("Its navigator has another call at that time.", "It is the call of Sam Okoro with Emre Weber: "),
        "persons": ("This person has another call at that time.", "It is the call of Sam Okoro with Ada Winter: "),
    }[whose]
    assert asked.status_code == 409
    assert said in asked.text
    assert re.search(rf"{detail}[^<]*10:00\.</li>", asked.text)


@pytest.mark.parametrize("whose", ["own", "colleagues"])
async def test_a_time_is_proposed_for_a_call_of_ones_own_that_is_moved(
    client: httpx.AsyncClient, session: AsyncSession, token: str, whose: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    patient = await a_patient(session, await a_person(session, time_zone="America/New_York"))
    pn_id = (await _me(session)).person_id if whose == "own" else (await a_colleague(session))[0].person_id
    ahead = clock.now() + timedelta(days=30)
    call = await a_call(session, patient, booking_date=ahead, booking_time_zone="Europe/London", pn_id=pn_id)
    await session.commit()

    form = (await client.get(f"/calls/{call.call_id}/move")).text
    when = _value_of(form, "booking_date")

    assert ("A free half hour of yours is proposed." in form) is (whose == "own")
    if whose == "colleagues":
        assert when == ""
        return
    sent = {"csrf_token": token, "booking_date": when, "booking_time_zone": _value_of(form, "booking_time_zone")}
    moved = await client.post(f"/calls/{call.call_id}/move", data=sent, headers=ORIGIN)
    assert moved.status_code == 303
    at = await session.scalar(select(CallHistory.booking_date).where(CallHistory.status == "scheduled"))
    assert at is not None
    assert 9 <= at.astimezone(ZoneInfo("America/New_York")).hour < 18
    assert at.astimezone(ZoneInfo("Europe/London")).strftime("%Y-%m-%d %H:%M") == when


@pytest.mark.parametrize("about", ["patients", "leads"])
async def test_a_call_is_booked_at_night_for_the_person_once_it_is_said_that_this_is_meant(
    client: httpx.AsyncClient, session: AsyncSession, token: str, about: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    person = await a_person(session, time_zone="America/New_York")
    if about == "leads":
        here = f"/leads/{(await a_lead(session, person)).lead_id}"
    else:
        here = f"/patients/{(await a_patient(session, person)).patient_id}"
    await session.commit()
    day = clock.now().date() + timedelta(days=7)
    day += timedelta(days=-day.weekday() % 7)
    said = {"csrf_token": token, "booking_time_zone": "America/New_York", "channel": "phone", "notes": "Of the site"}

    async def booked(place: str, at: str, ticked: str = "") -> httpx.Response:
        sent = said | {"booking_date": f"{day} {at}"} | ({"all_the_same": ticked} if ticked else {})
        return await client.post(place, data=sent, headers=ORIGIN)

    asked = await booked(f"{here}/bookings", "04:30")
    none = (await session.scalars(select(CallHistory))).all()
    ticked = _ticked(asked.text, "all_the_same")
    other = await booked(f"{here}/bookings", "05:00", ticked)
    made = await booked(f"{here}/bookings", "04:30", ticked)
    call = (await session.scalars(select(CallHistory))).one()
    late = await booked(f"/calls/{call.call_id}/move", "21:00")
    early = await booked(f"/calls/{call.call_id}/move", "07:59")
    by_day = await booked(f"/calls/{call.call_id}/move", "20:30")

    assert (asked.status_code, none, other.status_code) == (409, [], 409)
    assert "It is 04:30 in New York then." in asked.text
    assert f'value="{day} 04:30"' in asked.text
    assert "Of the site" in asked.text
    assert (made.status_code, late.status_code, early.status_code, by_day.status_code) == (303, 409, 409, 303)
    assert "It is 21:00 in New York then." in late.text
    assert "It is 07:59 in New York then." in early.text


async def test_the_next_attempt_is_booked_at_night_once_it_is_said_that_this_is_meant(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    patient = await a_patient(session, await a_person(session, time_zone="America/New_York"))
    past = await a_call(session, patient, booking_date=clock.now() - timedelta(days=1))
    await session.commit()
    day = clock.now().date() + timedelta(days=7)
    said = {"csrf_token": token, "outcome": "no_answer", "notes": "Rang twice", "book_next": "true", "booked": ""}

    for place in (f"/patients/{patient.patient_id}/calls", f"/calls/{past.call_id}/outcome"):
        when = said | {"next_attempt": f"{day} 04:30"}
        before = len((await session.scalars(select(CallHistory))).all())
        asked = await client.post(place, data=when, headers=ORIGIN)
        none = (await session.scalars(select(CallHistory))).all()
        ticked = {"at_night": _ticked(asked.text, "at_night")}
        other = await client.post(place, data=when | ticked | {"next_attempt": f"{day} 05:00"}, headers=ORIGIN)
        made = await client.post(place, data=when | ticked, headers=ORIGIN)

        assert (asked.status_code, len(none), other.status_code, made.status_code) == (422, before, 422, 303), place
        assert "It is 04:30 in New York then. Tick this to book it all the same." in asked.text
        assert "Rang twice" in asked.text
        day += timedelta(days=1)


def _ticked(page: str, name: str) -> str:
    """What the form sends when the box is ticked."""
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', page)
    assert found, name
    return found[1]


async def test_a_booking_whose_time_was_over_days_ago_is_offered_and_not_taken_for_this_call(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session)
    late = await a_call(session, patient, booking_date=clock.now() - timedelta(days=3))
    await session.commit()
    here = f"/patients/{patient.patient_id}"

    form = (await client.get(f"{here}/calls/new")).text
    said = {"csrf_token": token, "outcome": "no_answer"}
    another = await client.post(f"{here}/calls", data=said, headers=ORIGIN)
    it_was = await client.post(f"{here}/calls", data=said | {"booked": str(late.call_id)}, headers=ORIGIN)

    assert "The booked call of" in form
    assert re.search(r'id="field-booked-" value="" checked', form)
    assert (another.status_code, it_was.status_code) == (303, 303)
    await session.refresh(late)
    assert (late.status, late.outcome) == ("completed", "no_answer")


async def _prefers(session: AsyncSession, zone: str) -> None:
    session.add(AccountPreference(user_account_id=(await _me(session)).user_account_id, time_zone=zone))
    await session.commit()


def _confirmation(page: str) -> dict[str, str]:
    found = re.search(r'name="all_the_same" value="([^"]+)"', page)
    assert found, page
    return {"all_the_same": found[1]}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("yesterday 10:00", "That time is over."),
        ("2099-07-05 10:00", "a Saturday or a Sunday"),
    ],
)
async def test_what_speaks_against_a_time_is_said_before_it_is_booked_and_again_for_another_time(
    client: httpx.AsyncClient, session: AsyncSession, token: str, typed: str, said: str
) -> None:
    patient = await a_patient(session)
    await session.commit()
    place = f"/patients/{patient.patient_id}/bookings"
    sent = {"csrf_token": token, "booking_date": typed, "booking_time_zone": "Europe/Amsterdam", "notes": "Travel."}

    asked = await client.post(place, data=sent, headers=ORIGIN)
    before = (await session.scalars(select(CallHistory))).all()
    other = await client.post(
        place, data=sent | _confirmation(asked.text) | {"booking_date": "2099-07-04 11:00"}, headers=ORIGIN
    )
    booked = await client.post(place, data=sent | _confirmation(asked.text), headers=ORIGIN)

    assert (asked.status_code, other.status_code, booked.status_code) == (409, 409, 303)
    assert before == []
    assert said in asked.text
    assert "Travel." in asked.text
    assert len((await session.scalars(select(CallHistory))).all()) == 1


async def test_what_is_understood_of_a_typed_time_is_shown_on_both_clocks(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    sent = {"csrf_token": token, "booking_time_zone": "America/New_York"}

    shown = await client.post("/calls/understood", data=sent | {"booking_date": "2099-07-01 23:00"}, headers=ORIGIN)
    over = await client.post("/calls/understood", data=sent | {"booking_date": "yesterday 9:00"}, headers=ORIGIN)
    nothing = await client.post("/calls/understood", data=sent | {"booking_date": "soon\x00"}, headers=ORIGIN)

    assert "Wednesday, 1 Jul 2099: 1 Jul, 23:00 in New York · 2 Jul, 05:00 in Amsterdam" in shown.text
    assert "That time is over." in over.text
    assert "New York" not in nothing.text
    assert {answer.status_code for answer in (shown, over, nothing)} == {200}


@pytest.mark.parametrize("about", ["patients", "leads"])
async def test_the_time_of_a_booking_is_told_first_on_the_clock_of_where_the_person_is_now(
    client: httpx.AsyncClient, session: AsyncSession, token: str, about: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    person = await a_person(session, time_zone="Europe/Lisbon")
    if about == "leads":
        lead = await a_lead(session, person)
        whose, here = {"lead_id": lead.lead_id}, f"/leads/{lead.lead_id}"
    else:
        patient = await a_patient(session, person)
        whose, here = {"patient_id": patient.patient_id}, f"/patients/{patient.patient_id}"
    booked = datetime(2099, 7, 1, 14, tzinfo=UTC)
    call = CallHistory(
        status="scheduled", person_id=person.person_id, pn_id=(await _me(session)).person_id, **whose,
        booking_date=booked, booking_time_zone="America/New_York",
    )  # fmt: skip
    session.add(call)
    await session.commit()
    told = "15:00 in Lisbon · 10:00 in New York · 16:00 in Amsterdam"

    pages = {place: (await client.get(place)).text for place in (here, "/calls", f"/calls/{call.call_id}/outcome")}
    shown = {place: page.replace(NO_BREAK, " ") for place, page in pages.items()}
    listed = (await client.get("/patients")).text
    agenda = (await client.get("/calls/agenda?date=2099-07-01")).text

    assert {place: told in page for place, page in shown.items()} == dict.fromkeys(shown, True)
    # In the head of the record, on the card of the booking and in the timeline; a line breaks between two clocks and
    # nowhere else.
    assert shown[here].count(told) == 3
    assert pages[here].count(told.replace(" ", NO_BREAK).replace(f"·{NO_BREAK}", "· ")) == 3
    assert f">{told}</time>" in shown[here].partition('class="story"')[2]
    # The list has the viewer's own time, and the others beside it for those who point at it.
    assert (told in listed) is (about == "patients")
    assert ("1 Jul 2099" in re.sub(r'title="[^"]*"', "", listed)) is (about == "patients")
    assert "15:00 in Lisbon" in agenda


@pytest.mark.parametrize("about", ["patients", "leads"])
async def test_a_booked_call_is_moved_and_cancelled_from_where_it_is_shown(
    client: httpx.AsyncClient, session: AsyncSession, token: str, about: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    person = await a_person(session, first_name="Emre", last_name="Weber")
    if about == "leads":
        lead = await a_lead(session, person)
        whose = {"lead_id": lead.lead_id, "patient_id": None}
        here = f"/leads/{lead.lead_id}"
    else:
        patient = await a_patient(session, person)
        whose = {"patient_id": patient.patient_id}
        here = f"/patients/{patient.patient_id}"
    ahead = clock.now().replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=3)
    call = CallHistory(
        status="scheduled", person_id=person.person_id, booking_date=ahead, booking_time_zone="America/New_York",
        pn_id=(await _me(session)).person_id, notes="Asked for the morning.", **whose,
    )  # fmt: skip
    session.add(call)
    await session.commit()
    place = f"/calls/{call.call_id}"
    back = {**ORIGIN, "referer": f"http://test{here}"}

    clocks = f"{ahead.astimezone(ZoneInfo('America/New_York')):%H:%M} in New York"
    for shown_at in (here, "/calls?status=open", f"{place}/outcome"):
        page = (await client.get(shown_at)).text.replace(NO_BREAK, " ")
        for shown in (f'href="{place}/move"', f'href="{place}/cancel"', clocks, "in Amsterdam"):
            assert shown in page, (shown_at, shown)
    agenda = (await client.get(f"/calls/agenda?date={ahead:%Y-%m-%d}")).text
    for shown in (f'href="{place}/outcome"', clocks):
        assert shown in agenda, shown

    form = await client.get(f"{place}/move", headers=back)
    typed = {"csrf_token": token, "booking_time_zone": "America/New_York", "back": here}
    unclear = await client.post(f"{place}/move", data=typed | {"booking_date": "soon"}, headers=ORIGIN)
    moved = await client.post(f"{place}/move", data=typed | {"booking_date": "2099-07-01 10:00"}, headers=ORIGIN)
    again = await client.post(f"{place}/move", data=typed | {"booking_date": "2099-07-02 10:00"}, headers=ORIGIN)

    assert f'name="back" value="{here}"' in form.text
    assert "Asked for the morning." in form.text
    assert (unclear.status_code, moved.status_code, again.status_code) == (422, 303, 409)
    assert moved.headers["location"] == here
    await session.refresh(call)
    assert call.status == "rescheduled"
    assert call.rescheduled_to is not None
    new = await session.get_one(CallHistory, call.rescheduled_to)
    assert new.booking_date == datetime(2099, 7, 1, 14, tzinfo=UTC)

    place = f"/calls/{new.call_id}/cancel"
    asked = await client.get(place, headers=back)
    cancelled = await client.post(
        place,
        data={"csrf_token": token, "notes": "Is travelling.", "back": "https://elsewhere.example"},
        headers=ORIGIN,
    )

    assert asked.status_code == 200
    assert cancelled.status_code == 303
    assert cancelled.headers["location"] == here
    await session.refresh(new)
    assert (new.status, new.outcome) == ("cancelled", None)
    assert str(new.notes).endswith("Is travelling.")


@pytest.mark.parametrize(
    ("said", "status", "outcome"),
    [("no_show", "no_show", None), ("cancelled", "cancelled", None), ("reached", "completed", "reached")],
)
async def test_a_booking_that_did_not_take_place_is_said_to_be_so_and_can_be_corrected(
    client: httpx.AsyncClient, session: AsyncSession, token: str, said: str, status: str, outcome: str | None
) -> None:
    call = await a_call(session, await a_patient(session), booking_date=clock.now() - timedelta(days=1))
    await session.commit()
    place = f"/calls/{call.call_id}/outcome"

    form = await client.get(place)
    for outcome_before in ("no_show", "cancelled", "voicemail", said):
        sent = {"csrf_token": token, "outcome": outcome_before, "adverse_event_heard": "false"}
        answer = await client.post(place, data=sent, headers=ORIGIN)
        assert answer.status_code == 303, answer.text

    assert f'href="/calls/{call.call_id}/move"' in form.text
    stored = await session.get(CallHistory, call.call_id, populate_existing=True)
    assert stored is not None
    assert (stored.status, stored.outcome) == (status, outcome)


async def test_old_calls_are_closed_one_after_the_other(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    mine, now = (await _me(session)).person_id, clock.now()
    condition = await a_condition(session)
    calls = []
    for number, name in enumerate(("Emre", "Femke", "Jasmine")):
        person = await a_person(session, first_name=name, last_name="Weber", phone="+31 20 123 4567")
        patient = await a_patient(session, person, medical_condition_id=condition.medical_condition_id)
        calls.append(await a_call(session, patient, booking_date=now - timedelta(days=number + 1), pn_id=mine))
    earlier = {"status": "completed", "outcome": "voicemail", "call_date": now - timedelta(days=30)}
    await a_call(session, await _patient_of(session, calls[0]), **earlier)
    await session.commit()

    form, *further = [await client.get(f"/calls/{call.call_id}/outcome") for call in calls]
    answers = [
        await client.post(
            f"/calls/{call.call_id}/outcome",
            data={"csrf_token": token, "outcome": "no_answer", "then": "next"},
            headers=ORIGIN,
        )
        for call in calls
    ]

    for shown in ("Emre Weber", "+31 20 123 4567", condition.name, "voicemail", "Femke Weber", 'data-key="7"'):
        assert shown in form.text, shown
    # The one before it; of the oldest the newest.
    assert ["Next: Jasmine Weber" in further[0].text, "Next: Emre Weber" in further[1].text] == [True, True]
    assert [answer.headers["location"] for answer in answers] == [
        f"/calls/{calls[1].call_id}/outcome",
        f"/calls/{calls[2].call_id}/outcome",
        "/today",
    ]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (0, None),
        (1, "1 left after this one"),
        (99, "99 left after this one"),
        (120, "More than 99 left after this one"),
    ],
)
async def test_the_page_of_an_old_call_says_how_many_are_left_in_few_statements(
    client: httpx.AsyncClient, session: AsyncSession, bound: BoundDatabase, token: str, others: int, said: str | None
) -> None:
    patient, mine, now = await a_patient(session), (await _me(session)).person_id, clock.now()
    call = await a_call(session, patient, booking_date=now - timedelta(days=1), pn_id=mine)
    for number in range(others):
        await a_call(session, patient, booking_date=now - timedelta(days=2, minutes=number), pn_id=mine)
    # A colleague's, one ahead, one that was voided, one of which all is said.
    await a_call(session, patient, booking_date=now - timedelta(days=3))
    await a_call(session, patient, booking_date=now + timedelta(days=3), pn_id=mine)
    await a_call(
        session, patient, booking_date=now - timedelta(days=3), pn_id=mine, voided_at=now, void_reason="A mistake."
    )
    await a_call(
        session, patient, call_date=now - timedelta(days=3), pn_id=mine, status="completed", outcome="voicemail"
    )
    await session.commit()

    with statements(bound) as sent:
        page = (await client.get(f"/calls/{call.call_id}/outcome")).text
    sent[:] = [one for one in sent if not BESIDE.search(one)]

    found = re.search(r"(More than )?\d+ left after this one", page)
    assert (found[0] if found else None) == said
    assert len(sent) <= 14, sent


async def _patient_of(session: AsyncSession, call: CallHistory) -> Patient:
    return await session.get_one(Patient, call.patient_id)


async def test_today_leads_to_all_that_it_does_not_show(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, mine = await a_patient(session), (await _me(session)).person_id
    for number in range(12):
        await a_call(session, patient, booking_date=clock.now() - timedelta(days=number + 1), pn_id=mine)
    await session.commit()

    today = await client.get("/today")

    assert f'href="/calls?pn_id={mine}&amp;unresolved=true"' in today.text
    assert "All 12" in today.text


async def test_the_row_of_a_call_without_an_outcome_opens_the_page_that_asks_for_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, token: str
) -> None:
    patient, lead = await a_patient(session), await a_lead(session)
    past = clock.now() - timedelta(days=1)
    of_patient = await a_call(session, patient, booking_date=past)
    of_lead = CallHistory(status="scheduled", person_id=lead.person_id, lead_id=lead.lead_id, booking_date=past)
    session.add(of_lead)
    done = await a_call(session, patient, status="completed", call_date=past, outcome="no_answer")
    await session.commit()

    page = (await client.get("/calls")).text
    await as_user(client, session, settings, "data_steward")
    readers = (await client.get("/calls")).text

    places = {f"/patients/{patient.patient_id}": of_patient, f"/leads/{lead.lead_id}": of_lead}
    for record, call in places.items():
        place = f"/calls/{call.call_id}/outcome"
        assert f'<a class="row-link" href="{place}" data-record="{record}">' in page
        assert f'<a class="over-row small" href="{record}">' in page
        assert place not in readers
        assert f'<a class="row-link" href="{record}">' in readers
    assert f"/calls/{done.call_id}/outcome" not in page
    assert page.count(f'<a class="row-link" href="/patients/{patient.patient_id}">') == 1


async def test_log_it_on_today_comes_back_to_today(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    said = {"csrf_token": token, "outcome": "no_answer"}

    form = await client.get(f"{here}/calls/new", headers={"referer": "http://test/today"})
    saved = await client.post(f"{here}/calls", data=said | {"back": "/today"}, headers=ORIGIN)
    elsewhere = await client.post(f"{here}/calls", data=said | {"back": "//elsewhere.example"}, headers=ORIGIN)

    assert 'name="back" value="/today"' in form.text
    assert saved.headers["location"] == "/today"
    assert elsewhere.headers["location"] == here


async def test_the_call_that_is_logged_from_a_booking_of_today_is_that_booking(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, mine = await a_patient(session), (await _me(session)).person_id
    ahead = clock.now() + timedelta(hours=30)
    call = await a_call(session, patient, booking_date=ahead, status="scheduled", pn_id=mine)
    await session.commit()
    here = f"/patients/{patient.patient_id}"

    of_call = await client.get(f"/calls/{call.call_id}/outcome")
    form = await client.get(f"{here}/calls/new?booked={call.call_id}")
    another = await client.get(f"{here}/calls/new?booked=nothing")
    said = {"csrf_token": token, "outcome": "no_answer", "booked": str(call.call_id)}
    saved = await client.post(f"{here}/calls", data=said, headers=ORIGIN)

    assert f"{here}/calls/new?booked={call.call_id}" in of_call.text
    assert re.search(rf'name="booked"[^>]* value="{call.call_id}" checked', form.text)
    assert (another.status_code, 'name="booked"' in another.text) == (200, False)
    assert saved.status_code == 303, saved.text
    (kept,) = await session.execute(select(CallHistory.call_id, CallHistory.status, CallHistory.outcome))
    assert tuple(kept) == (call.call_id, "completed", "no_answer")


async def test_a_booking_that_the_form_is_opened_from_is_chosen_whatever_was_typed_before(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, mine = await a_patient(session), (await _me(session)).person_id
    call = await a_call(session, patient, booking_date=clock.now() + timedelta(hours=30), pn_id=mine)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    left = {"csrf_token": token, "booked": "", "notes": "Typed and left."}
    await client.post(f"{here}/drafts/call", data=left, headers=ORIGIN)

    form = (await client.get(f"{here}/calls/new?booked={call.call_id}")).text

    assert "Typed and left." in form
    assert re.search(rf'name="booked"[^>]* value="{call.call_id}" checked', form)


async def test_it_is_asked_whether_a_call_is_the_one_that_is_booked_for_later_today(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, mine = await a_patient(session), (await _me(session)).person_id
    # On the one of these clocks, or on the other, five hours ahead are today.
    is_early = clock.now() + timedelta(hours=6) < clock.end_of_day(clock.now(), UTC)
    await _prefers(session, "UTC" if is_early else "Asia/Tokyo")
    call = await a_call(session, patient, booking_date=clock.now() + timedelta(hours=5), pn_id=mine)
    await session.commit()
    place = f"/patients/{patient.patient_id}/calls"
    said = {"csrf_token": token, "outcome": "no_answer", "notes": "Rang for long."}

    form = (await client.get(f"{place}/new")).text
    unsaid = await client.post(place, data=said, headers=ORIGIN)
    another = await client.post(place, data=said | {"booked": ""}, headers=ORIGIN)

    assert re.findall(r'name="booked"[^>]* value="([^"]*)"( checked)?', form) == [(str(call.call_id), ""), ("", "")]
    assert unsaid.status_code == 422
    assert "Say whether it is the booked call." in unsaid.text
    assert "Rang for long." in unsaid.text
    assert another.status_code == 303
    await session.refresh(call)
    assert call.status == "scheduled"


@pytest.mark.parametrize(
    ("status", "outcome", "then"),
    [
        ("call_booked", "reached", "call_completed"),
        ("contacting", "reached", "call_completed"),
        ("call_booked", "no_answer", "call_booked"),
        ("new", "reached", "new"),
        ("qualified", "reached", "qualified"),
    ],
)
@pytest.mark.parametrize("where", ["log", "outcome"])
async def test_a_lead_that_was_reached_is_moved_on(
    client: httpx.AsyncClient, session: AsyncSession, token: str, status: str, outcome: str, then: str, where: str
) -> None:
    lead = await a_lead(session, status=status)
    booked = {"booking_date": clock.now() - timedelta(days=2), "status": "scheduled"}
    call = CallHistory(lead_id=lead.lead_id, person_id=lead.person_id, **booked)
    session.add(call)
    await session.commit()
    place = f"/leads/{lead.lead_id}/calls" if where == "log" else f"/calls/{call.call_id}/outcome"
    said = {"csrf_token": token, "outcome": outcome, "adverse_event_heard": "false"}

    saved = await client.post(place, data=said, headers=ORIGIN)

    assert saved.status_code == 303, saved.text
    await session.refresh(lead)
    assert lead.status == then


async def test_who_called_whom_is_in_plain_sight_and_follows_how_one_came(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session)
    await session.commit()
    place = f"/patients/{patient.patient_id}/calls/new"

    usual, came = await client.get(place), await client.get(f"{place}?direction=inbound")
    odd = await client.get(f"{place}?direction=sideways")

    fold = usual.text.index('<details class="more"')
    assert usual.text.index("They called") < fold
    assert re.search(r'value="outbound" checked', usual.text)
    assert re.search(r'value="inbound" checked', came.text)
    assert re.search(r'value="outbound" checked', odd.text)


@pytest.mark.parametrize("outcome", ["reached", "refused", "callback_requested", "language_barrier"])
@pytest.mark.parametrize("where", ["log", "outcome"])
async def test_a_call_in_which_somebody_was_spoken_with_is_saved_without_the_answer_with_a_second_press_only(
    client: httpx.AsyncClient, session: AsyncSession, token: str, where: str, outcome: str
) -> None:
    patient = await a_patient(session)
    call = await a_call(
        session, patient, booking_date=clock.now() - timedelta(days=2), pn_id=(await _me(session)).person_id
    )
    await session.commit()
    place = f"/calls/{call.call_id}/outcome" if where == "outcome" else f"/patients/{patient.patient_id}/calls"
    sent = {"csrf_token": token, "outcome": outcome, "notes": "Feels well."}
    without = re.compile(r'<button[^>]*name="without_answer" value="true"')

    form = await client.get(place if where == "outcome" else f"{place}/new")
    asked = await client.post(place, data=sent, headers=ORIGIN)
    before = await session.scalar(select(func.count()).where(CallHistory.status == "completed"))
    saved = await client.post(place, data=sent | {"without_answer": "true"}, headers=ORIGIN)
    calls = await client.get("/calls")

    assert not without.search(form.text)
    assert (asked.status_code, before, saved.status_code) == (422, 0, 303)
    assert without.search(asked.text)
    assert "Feels well." in asked.text
    assert "Say whether a side effect or worsening was mentioned." in asked.text
    stored = (await session.scalars(select(CallHistory).where(CallHistory.status == "completed"))).one()
    assert (stored.outcome, stored.adverse_event_heard) == (outcome, None)
    assert ("Side effect not asked" in calls.text, "Outcome missing" in calls.text) == (True, where == "log")


@pytest.mark.parametrize("where", ["calls", "outcome", "notes"])
async def test_a_side_effect_that_was_heard_of_is_to_be_reported_in_time(
    client: httpx.AsyncClient, session: AsyncSession, token: str, where: str
) -> None:
    patient = await a_patient(session)
    call = await a_call(session, patient, booking_date=clock.now() - timedelta(days=1))
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    place = f"/calls/{call.call_id}/outcome" if where == "outcome" else f"{here}/{where}"
    sent = {"csrf_token": token, "outcome": "reached", "text": "A rash.", "adverse_event_heard": "true"}

    saved = await client.post(place, data=sent, headers=ORIGIN)
    shown = await client.get(here)
    if where == "outcome":
        # Said once more, it is known already.
        await client.post(place, data=sent, headers=ORIGIN)

    assert saved.status_code == 303
    assert "A side effect was mentioned: report it before" in shown.text
    (task,) = await session.scalars(select(Task))
    assert (task.title, task.patient_id, task.status) == ("Report the side effect", patient.patient_id, "open")
    assert task.owner_id == (await _me(session)).user_account_id
    assert timedelta(hours=23) < task.due_by - clock.now() <= timedelta(hours=24)


async def test_a_note_says_whether_a_side_effect_was_mentioned(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session)
    await session.commit()
    place = f"/patients/{patient.patient_id}/notes"

    unanswered = await client.post(place, data={"csrf_token": token, "text": "Feels well."}, headers=ORIGIN)
    answered = await client.post(
        place, data={"csrf_token": token, "text": "Feels well.", "adverse_event_heard": "false"}, headers=ORIGIN
    )

    assert (unanswered.status_code, answered.status_code) == (422, 303)
    assert "Say whether a side effect or worsening was mentioned." in unanswered.text
    # On the record, where it was written: with what was typed, and the first answer is what is focused.
    assert 'id="record-head"' in unanswered.text
    assert ">Feels well.</textarea>" in unanswered.text
    assert re.search(r'id="note-heard-true"[^>]* data-focus', unanswered.text)


async def test_a_notification_of_a_call_tells_the_time_of_the_call(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    await _prefers(session, "Europe/Amsterdam")
    patient, me = await a_patient(session), await _me(session)
    call = await a_call(
        session, patient, booking_date=datetime(2099, 7, 1, 14, tzinfo=UTC), booking_time_zone="America/New_York"
    )
    about = {"record_type": "call_history", "record_id": call.call_id, "person_id": patient.person_id}
    session.add(Notification(user_account_id=me.user_account_id, kind="call_soon", **about))
    await session.commit()

    shown = await client.get("/notifications")

    assert "1 Jul 2099, 10:00 in New York · 16:00 in Amsterdam" in shown.text
    assert f'href="/calls/{call.call_id}/outcome"' in shown.text


async def test_it_is_said_who_was_spoken_with_where_somebody_speaks_for_the_person(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    person = await a_person(session, first_name="Emre", last_name="Weber")
    wife = await a_person(session, first_name="Anna", last_name="Weber")
    patient, other = await a_patient(session, person), await a_patient(session)
    acts = {"relationship_type": "partner", "authority": "power_of_attorney"}
    session.add(PersonRelationship(person_id=wife.person_id, related_person_id=person.person_id, **acts))
    call = await a_call(session, patient, booking_date=clock.now() - timedelta(days=1))
    await session.commit()
    here, her = f"/patients/{patient.patient_id}", wife.person_id
    said = {"csrf_token": token, "outcome": "reached", "adverse_event_heard": "false"}
    with_her = {"spoke_with_person_id": str(her)}

    form = (await client.get(f"{here}/calls/new")).text
    docked = (await client.get(f"{here}/calls/new", headers={"HX-Request": "true", "HX-Target": "div#dock"})).text
    meant = (await client.get(f"{here}/calls/new", params=with_her)).text
    of_nobody_else = (await client.get(f"/patients/{other.patient_id}/calls/new")).text
    outcome = (await client.get(f"/calls/{call.call_id}/outcome")).text
    logged = await client.post(f"{here}/calls", data=said | with_her | {"booked": ""}, headers=ORIGIN)
    resolved = await client.post(f"/calls/{call.call_id}/outcome", data=said | with_her, headers=ORIGIN)
    nobody = {"outcome": "no_answer", "booked": ""}
    missed = await client.post(f"{here}/calls", data=said | with_her | nobody, headers=ORIGIN)
    shown = (await client.get(here)).text

    for place in (form, docked, outcome):
        assert "Who was spoken with?" in place
        assert "Anna Weber (partner, power of attorney)" in place
    chosen = re.compile(rf'value="{her}" checked')
    assert (bool(chosen.search(form)), bool(chosen.search(meant))) == (False, True)
    assert "Who was spoken with?" not in of_nobody_else
    assert (logged.status_code, resolved.status_code, missed.status_code) == (303, 303, 303)
    session.expire_all()
    calls = (await session.scalars(select(CallHistory).order_by(CallHistory.call_id))).all()
    assert {(one.outcome, one.spoke_with_person_id) for one in calls} == {
        ("reached", her), ("no_answer", None),
    }  # fmt: skip
    assert shown.count("Spoken with Anna Weber (partner)") == 2

    corrected = await client.post(
        f"/calls/{call.call_id}/outcome", data=said | with_her | {"outcome": "no_answer"}, headers=ORIGIN
    )
    assert corrected.status_code == 303
    assert (await client.get(here)).text.count("Spoken with Anna Weber (partner)") == 1


async def test_the_next_call_is_booked_with_one_that_reached_them(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session)
    await session.commit()
    here = f"/patients/{patient.patient_id}"

    form = (await client.get(f"{here}/calls/new")).text
    said = {"csrf_token": token, "outcome": "reached", "adverse_event_heard": "false", "book_next": "true"}
    saved = await client.post(
        f"{here}/calls", data=said | {"next_attempt": _value_of(form, "next_attempt")}, headers=ORIGIN
    )

    assert saved.status_code == 303
    assert "The next call is booked for" in unquote(saved.headers["set-cookie"])
    assert {one.status for one in await session.scalars(select(CallHistory))} == {"completed", "scheduled"}
    # When the call was stands beside who called, and is told apart from when the next one is.
    assert form.index("When was this call?") < form.index("How did it end?") < form.index("Book the next call")


async def test_why_somebody_is_contacted_against_their_wish_is_tied_to_the_channels_of_the_wish(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    person = await a_person(session, do_not_contact_channels=["email"])
    patient = await a_patient(session, person)
    ahead = clock.now() + timedelta(days=2)
    theirs = await a_call(session, patient, booking_date=ahead, direction="inbound")
    ours = await a_call(session, patient, booking_date=ahead + timedelta(hours=2))
    await session.commit()
    here = f"/patients/{patient.patient_id}"

    tied = 'data-if-against="email"'
    for place in (f"{here}/calls/new", f"{here}/bookings/new", f"/calls/{ours.call_id}/move"):
        shown = (await client.get(place)).text
        assert tied in shown, place
        assert "Needed if we contact them by: e-mail." in shown, place
    moved = (await client.get(f"/calls/{theirs.call_id}/move")).text
    refused = await client.post(
        f"{here}/calls",
        data={"csrf_token": token, "outcome": "no_answer", "channel": "email", "direction": "outbound", "booked": ""},
        headers=ORIGIN,
    )

    assert "Why contacted against" not in moved
    assert refused.status_code == 422
    # Where it was asked for it stays in sight.
    assert "Why contacted against" in refused.text
    assert tied not in refused.text


async def test_the_panel_of_a_call_begins_anew_when_its_draft_is_discarded(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session)
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    panel = {"HX-Request": "true", "HX-Target": "aside#dock"}
    typed = {"csrf_token": token, "notes": "Half a word", "began_at": "2026-11-29T08:00:00Z"}
    await client.post(f"{here}/drafts/call", data=typed, headers=ORIGIN)

    before = (await client.get(f"{here}/calls/new", headers=panel)).text
    gone = await client.post(f"{here}/drafts/call/discard", data={"csrf_token": token}, headers=ORIGIN | panel)
    after = (await client.get(gone.headers["location"], headers=panel)).text

    assert ("and not saved" in before, "08:00:00Z" in before) == (True, True)
    assert (gone.status_code, gone.headers["location"]) == (303, f"{here}/calls/new")
    assert ("and not saved" in after, "08:00:00Z" in after, "Half a word" in after) == (False, False, False)
    assert "data-timer" in after
