"""The list of leads and the page of one, by plain HTTP as without JavaScript; bookings of both kinds of record."""

import html
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.audit.models import AuditEvent
from app.calls.models import CallHistory
from app.leads.models import PatientLead
from app.main import create_app
from app.patients.models import Patient
from app.people.models import DuplicateCandidate, IntakeSubmission, SuggestedChange
from app.people.suggestions import value_hash
from app.platform import clock
from app.platform.settings import Caseload, Settings
from tests.browsing import ORIGIN, as_user, signed_in, somebody
from tests.builders import a_call, a_condition, a_lead, a_patient, a_person
from tests.conftest import BoundDatabase
from tests.web.test_facts import text_of


@pytest.fixture
async def token(client: httpx.AsyncClient, session: AsyncSession, settings: Settings) -> str:
    """The form's token of a navigator who is signed in."""
    who = await somebody(session, settings, "navigator", name="Noor Brandt")
    return await signed_in(client, session, who.account_id)


def table_rows(page: str) -> list[list[str]]:
    """The texts of the cells of each row of the tables of a page."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", page, re.DOTALL)
    texts = [
        [re.sub(r"<[^>]+>", " ", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
        for row in rows
    ]
    return [[" ".join(html.unescape(cell).split()) for cell in row] for row in texts if row]


async def test_leads_are_listed_searched_and_filtered(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    await a_lead(session, await a_person(session, first_name="Femke", last_name="Bakker"))
    wakes = {"status": "nurture", "wake_up_on": (clock.now() + timedelta(days=30)).date()}
    await a_lead(session, await a_person(session, first_name="Jasmine", last_name="Nguyen"), **wakes)
    await session.commit()

    everyone, asleep = await client.get("/leads"), await client.get("/leads", params={"status": "nurture"})
    found = await client.post("/leads", data={"csrf_token": token, "q": "baker"}, headers=ORIGIN)

    assert "Femke Bakker" in everyone.text
    assert "Jasmine Nguyen" in everyone.text
    assert "Femke Bakker" not in asleep.text
    assert "Jasmine Nguyen" in asleep.text
    assert "Femke Bakker" in found.text
    assert "Jasmine Nguyen" not in found.text


async def test_a_lead_is_taken_talked_to_moved_and_converted(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    lead = await a_lead(session, await a_person(session, first_name="Femke", last_name="Bakker"))
    await session.commit()
    here = f"/leads/{lead.lead_id}"

    async def send(place: str, **typed: str) -> httpx.Response:
        return await client.post(here + place, data={"csrf_token": token, **typed}, headers=ORIGIN)

    first = await client.get(here)
    taken = await send("/take")
    logged = await send(
        "/calls", outcome="reached", adverse_event_heard="false", notes="Wants to know more.", direction="inbound"
    )
    preview = await client.get(f"{here}/convert")
    assert (await session.scalars(select(Patient))).all() == []
    converted, again = await send("/convert"), await send("/convert")
    record = await client.get(converted.headers["location"])
    afterwards = await client.get(here)

    assert "Take this lead" in first.text
    assert [answer.status_code for answer in (taken, logged, converted, again)] == [303] * 4
    assert converted.headers["location"] == again.headers["location"]
    assert "gets a patient record" in preview.text
    assert re.search(r'name="owner_id_typed" type="text" value="Noor Brandt"', preview.text)
    assert "Wants to know more." in record.text
    assert "Open the patient" in afterwards.text
    assert len((await session.scalars(select(Patient))).all()) == 1


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_conversion_says_by_what_nobody_was_found_and_what_is_made_from_which_answer(
    client: httpx.AsyncClient, session: AsyncSession, token: str, *, is_known: bool
) -> None:
    known: dict[str, Any] = {"email": "ada@x.example"}
    if is_known:
        known |= {"phone": "+31 20 123 4567", "phone_e164": "+31201234567", "date_of_birth": date(1979, 3, 14)}
    person = await a_person(session, first_name="Ada", last_name="Visser", **known)
    condition = await a_condition(session)
    sent = IntakeSubmission(
        source="contact_form",
        payload={"condition": "duchene", "person": {"first_name": "Ada", "last_name": "Vissers", "country": "NL"}},
        person_id=person.person_id,
        match_outcome="new_person",
    )
    session.add(sent)
    await session.flush()
    lead = await a_lead(
        session,
        person,
        medical_condition_id=condition.medical_condition_id,
        intake_submission_id=sent.intake_submission_id,
    )
    brother = await a_person(session, first_name="Ad", last_name="Visser")
    session.add(
        DuplicateCandidate(
            person_id=min(person.person_id, brother.person_id),
            other_person_id=max(person.person_id, brother.person_id),
            reasons=["phone"],
            decision="different_people",
            decided_at=clock.now(),
        )
    )
    await session.commit()

    preview = await client.get(f"/leads/{lead.lead_id}/convert")
    by_hand = await client.post("/search", data={"csrf_token": token, "q": "Ada Visser"}, headers=ORIGIN)

    said = text_of(preview)
    assert "Nobody with the same e-mail, phone, or name and birth date as Ada Visser was found" in said
    assert "People with the same name" not in said
    assert ("nobody is like Ada Visser, 14 Mar 1979" in said) is is_known
    assert ("no birth date is known" in said) is not is_known
    assert ("nobody else has +31 20 123 4567" in said) is is_known
    assert ("no number is known that can be compared" in said) is not is_known
    assert "ada@x.example was looked for when it was entered" in said
    assert "1 person was looked at before and is somebody else." in said
    assert re.search(r'action="/search">.*?name="q" value="Ada Visser"', preview.text, re.DOTALL)
    assert (by_hand.status_code, "Ada Visser" in by_hand.text) == (200, True)
    rows = {row[0]: row[1:] for row in table_rows(preview.text)}
    assert rows["Last name"] == ["Vissers", "Visser Stays as it is"]
    assert rows["Country"][0] == "Netherlands"
    assert rows["Condition"] == ["duchene", f"{condition.name} The patient record gets it from the lead"]
    assert rows["First contact"][1].endswith("The day the lead came in")
    assert (await session.scalars(select(Patient))).all() == []


async def test_a_conversion_finds_who_is_alike_now_though_nobody_has_filed_it(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    same: dict[str, Any] = {"phone": "+31 20 123 4567", "phone_e164": "+31201234567"}
    lead = await a_lead(session, await a_person(session, first_name="Ada", last_name="Visser", **same))
    other = await a_person(session, first_name="Adele", last_name="Mol", **same)
    await session.commit()

    preview = await client.get(f"/leads/{lead.lead_id}/convert")

    assert f'href="/people/{other.person_id}">Adele Mol</a> (phone)' in preview.text
    assert "Nobody with the same" not in text_of(preview)


async def test_a_conversion_names_who_is_alike_and_was_decided_to_be_somebody_else(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    same: dict[str, Any] = {"phone": "+31 20 123 4567", "phone_e164": "+31201234567"}
    born = date(1979, 3, 14)
    person = await a_person(session, first_name="Ada", last_name="Visser", date_of_birth=born, **same)
    lead = await a_lead(session, person)
    others = [
        await a_person(session, first_name="Adele", last_name="Mol", **same),
        await a_person(session, first_name="Ad", last_name="Bos", **same),
        await a_person(session, first_name="Ada", last_name="Visser", date_of_birth=born),
        await a_person(session, first_name="Piet", last_name="Smit"),
    ]
    pairs = []
    for other in others:
        one, two = sorted([person.person_id, other.person_id])
        decided: dict[str, Any] = {"decision": "different_people", "decided_at": clock.now()}
        pairs.append(DuplicateCandidate(person_id=one, other_person_id=two, reasons=["phone"], **decided))
    session.add_all(pairs)
    await session.commit()

    preview = await client.get(f"/leads/{lead.lead_id}/convert")
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "show_conversion"))).one()

    assert token
    said = text_of(preview)
    assert "nobody else has" not in said
    assert "nobody is like" not in said
    assert "Nobody with the same" not in said
    assert "All who are like Ada Visser were decided to be different people" in said
    by_phone = "Adele Mol , Ad Bos have +31 20 123 4567 too, and were decided to be different people."
    assert f"By phone: {by_phone}" in said
    assert "By name and birth date: Ada Visser is like Ada Visser, and was decided to be a different person." in said
    links = [f'href="/duplicates/{pair.duplicate_candidate_id}"' in preview.text for pair in pairs]
    assert links == [True, True, True, False]
    assert "1 person was looked at before and is somebody else." in said
    assert {one.person_id for one in others[:3]} <= set(event.person_ids or ())
    assert others[3].person_id not in (event.person_ids or ())


async def test_a_conversion_names_those_of_the_same_name_whom_nothing_else_makes_alike(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    called: dict[str, Any] = {"first_name": "Femke", "last_name": "Smit"}
    lead = await a_lead(session, await a_person(session, **called, date_of_birth=date(1979, 3, 14)))
    others = [await a_person(session, **called, date_of_birth=date(1950 + n, 7, 2)) for n in range(4)]
    patient = await a_patient(
        session, others[0], medical_condition_id=(await a_condition(session)).medical_condition_id
    )
    other_lead = await a_lead(session, others[1])
    unknown = await a_patient(session, await a_person(session, **called))
    double = await a_person(session, first_name="Femke", last_name="Smit-Bos")
    await session.commit()

    few = await client.get(f"/leads/{lead.lead_id}/convert")
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "show_conversion"))).one()
    more = [await a_person(session, **called, date_of_birth=date(1990, 7, 2)) for _ in range(2)]
    await session.commit()
    many = await client.get(f"/leads/{lead.lead_id}/convert")

    assert token
    said = text_of(few)
    assert "They are not counted as alike: a name alone says too little" in said
    assert "Nobody with the same e-mail, phone, or name and birth date as Femke Smit was found" in said
    named = few.text.partition('id="namesakes"')[2].partition("</form>")[0]
    for place in (f"/patients/{patient.patient_id}", f"/patients/{unknown.patient_id}", f"/leads/{other_lead.lead_id}"):
        assert f'href="{place}"' in named
    assert "2 Jul 1950" in named
    assert named.count('class="found"') == 5
    assert str(double.person_id) not in named
    assert f"/leads/{lead.lead_id}" not in named
    assert 'name="q" value="Femke Smit"' in named
    assert "There may be more" not in said
    assert {one.person_id for one in others} | {unknown.person_id} <= set(event.person_ids or ())
    assert many.text.count('class="found"') == 5
    assert more
    assert "There may be more: look for them by hand." in text_of(many)


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ({"to": "disqualified", "reason_code": "other", "reason": "Moved away."}, 303, ""),
        ({"to": "disqualified"}, 422, "reason"),
        ({"to": "nurture"}, 422, "wake"),
        ({"to": "nurture", "wake_up_on": "2099-01-02"}, 303, ""),
        ({"to": "duplicate", "duplicate_of_person_id": "x"}, 422, "id"),
        ({"to": "qualified"}, 409, "cannot go"),
    ],
)
async def test_a_move_asks_for_what_its_state_needs(
    client: httpx.AsyncClient,
    session: AsyncSession,
    token: str,
    typed: dict[str, str],
    status: int,
    said: str,
) -> None:
    lead = await a_lead(session)
    await session.commit()

    form = await client.get(f"/leads/{lead.lead_id}/move", params={"to": typed["to"]})
    sent = {"csrf_token": token, "wake_up_on": "", "happened_at": "", "duplicate_of_person_id": str(lead.person_id)}
    moved = await client.post(f"/leads/{lead.lead_id}/move", data=sent | typed, headers=ORIGIN)

    assert form.status_code == 200
    assert moved.status_code == status, moved.text
    assert said in moved.text
    if status != 303:
        assert "Moved away." in moved.text or "reason" not in typed
    await session.refresh(lead)
    assert lead.status == (typed["to"] if status == 303 else "new")


async def test_a_conversion_shows_the_record_there_is_and_who_may_be_the_same(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    person = await a_person(session, first_name="Jan", last_name="Bos")
    condition = await a_condition(session)
    patient = await a_patient(session, person, medical_condition_id=condition.medical_condition_id)
    other_condition = await a_condition(session, "ALS")
    mine = {"owner_id": (await session.scalars(select(UserAccount.user_account_id))).first()}
    lead = await a_lead(session, person, medical_condition_id=other_condition.medical_condition_id, **mine)
    other = await a_person(session, first_name="Janneke", last_name="Bosch", phone="+31 20 999 8877")
    session.add(
        SuggestedChange(
            person_id=person.person_id, table_name="person", record_id=person.person_id, field="phone", ours=None,
            ours_version=1, theirs="+31 20 555 1234", source="contact_form", value_hash=value_hash("+31 20 555 1234"),
        )
    )  # fmt: skip
    pair = sorted([person.person_id, other.person_id])
    session.add(DuplicateCandidate(person_id=pair[0], other_person_id=pair[1], reasons=["phone"]))
    await session.commit()

    shown, preview = await client.get(f"/leads/{lead.lead_id}"), await client.get(f"/leads/{lead.lead_id}/convert")
    answer = await client.post(f"/leads/{lead.lead_id}/convert", data={"csrf_token": token}, headers=ORIGIN)

    assert "Janneke Bosch" in shown.text
    head = shown.text.partition("record-actions")[0]
    assert f'<a href="/patients/{patient.patient_id}">Is a patient already</a>' in head
    assert condition.name in head
    said = text_of(preview)
    assert f'<a href="/patients/{patient.patient_id}">the patient record</a> stays as it is.' in preview.text
    differ = f"The condition differs: {condition.name} on the record, {other_condition.name} on the lead."
    order = [
        "Jan Bos is a patient here already",
        differ,
        "The record there is, and the lead",
        "Others who may be the same",
    ]
    assert sorted(order, key=said.index) == order
    assert "Is it really a new patient?" not in said
    assert "has a patient record already" in preview.text
    assert other_condition.name in preview.text
    rows = {row[0]: row[1:] for row in table_rows(preview.text)}
    assert rows["First name"] == ["Jan", "Janneke", "Differs"]
    assert rows["Phone"][1] == "+31 20 999 8877"
    stays = "The record's stays. The lead's becomes a suggested change."
    assert rows["Condition"] == [condition.name, other_condition.name, stays]
    # The record keeps that nobody owns it; before, the page promised it to the lead's owner.
    assert rows["Owner"][0] == "nobody"
    assert rows["Owner"][2] == "The record's stays."
    assert "owns the patient" not in preview.text
    assert "+31 20 555 1234" in preview.text
    assert answer.headers["location"] == f"/patients/{patient.patient_id}"


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_a_patient_s_lead_says_first_that_it_makes_no_new_record(
    client: httpx.AsyncClient, session: AsyncSession, token: str, *, is_deleted: bool
) -> None:
    me = (await session.scalars(select(UserAccount.user_account_id))).first()
    deleted = {"deleted_at": clock.now(), "deleted_by": me, "deleted_reason": "Entered twice."}
    person = await a_person(session, first_name="Jan", last_name="Bos")
    await a_patient(session, person, **(deleted if is_deleted else {}))
    lead = await a_lead(session, person)
    await session.commit()

    shown, preview = await client.get(f"/leads/{lead.lead_id}"), await client.get(f"/leads/{lead.lead_id}/convert")

    assert token
    said = text_of(preview)
    assert "Nobody with the same" not in said
    first = "Jan Bos was a patient here already" if is_deleted else "Jan Bos is a patient here already"
    assert said.index(first) < said.index("Nobody else with the same e-mail, phone, or name and birth date was found")
    assert ("A conversion brings it back" in said) is is_deleted
    assert "The condition differs" not in said
    assert ("Is a patient already" in shown.text) is not is_deleted


async def test_who_owns_the_patient_is_said_with_the_conversion(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, token: str
) -> None:
    karim = await somebody(session, settings, "navigator", name="Karim Osei", email="karim@leads.example")
    auditor = await somebody(session, settings, "auditor", name="Amal Haddad", email="amal@leads.example")
    leads = [await a_lead(session, await a_person(session, first_name=f"Lead{number}")) for number in range(4)]
    await session.commit()

    preview = await client.get(f"/leads/{leads[0].lead_id}/convert")
    answers = [
        await client.post(
            f"/leads/{lead.lead_id}/convert", data={"csrf_token": token, "owner_id": owner}, headers=ORIGIN
        )
        for lead, owner in zip(leads[:3], (str(karim.account_id), "", str(auditor.account_id)), strict=True)
    ]

    # Nobody owns the lead: who converts it is proposed.
    form = preview.text.partition('action="/leads/')[2]
    assert 'data-combobox="/pickers/owners-of-patients"' in form
    assert re.search(r'name="owner_id_typed" type="text" value="Noor Brandt"', form)
    # The others are found by typing.
    assert "Karim Osei" not in preview.text
    assert "Amal Haddad" not in preview.text
    assert [answer.status_code for answer in answers] == [303, 303, 422]
    # Without a script nothing is chosen: who was typed is looked up.
    typed = {"csrf_token": token, "owner_id": "", "owner_id_typed": "karim", "owner_id_for": ""}
    by_name = await client.post(f"/leads/{leads[3].lead_id}/convert", data=typed, headers=ORIGIN)
    assert by_name.status_code == 303
    owners = {patient.person_id: patient.owner_id for patient in await session.scalars(select(Patient))}
    his = dict.fromkeys((leads[0].person_id, leads[3].person_id), karim.account_id)
    assert owners == his | {leads[1].person_id: None}


async def test_after_an_attempt_the_lead_offers_the_next_one_and_says_when_it_is_suggested_to_give_up(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    lead = await a_lead(session)
    await session.commit()
    here = f"/leads/{lead.lead_id}"
    before = await client.get(here)
    shown = []
    for days in (5, 3, 1):
        tried = {"direction": "outbound", "status": "completed", "outcome": "no_answer"}
        at = clock.now() - timedelta(days=days)
        session.add(CallHistory(person_id=lead.person_id, lead_id=lead.lead_id, call_date=at, **tried))
        await session.commit()
        shown.append((await client.get(here)).text)

    assert token
    assert "Not reached yet" not in before.text
    card = shown[0].partition("Not reached yet")[2].partition("</section>")[0]
    assert "From 3 on it is suggested to move the lead to unreachable." in card
    assert f'href="{here}/bookings/new"' in card
    assert f'href="{here}/move?to=contacting"' in card
    assert ["Could not be reached" in page for page in shown] == [False, False, True]
    assert (await session.get_one(PatientLead, lead.lead_id, populate_existing=True)).status == "new"


async def test_a_conversion_leads_to_each_open_pair_and_says_that_it_stays_undecided(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    person, other = await a_person(session, first_name="Ada"), await a_person(session, first_name="Adele")
    lead = await a_lead(session, person)
    one, two = sorted([person.person_id, other.person_id])
    pair = DuplicateCandidate(person_id=one, other_person_id=two, reasons=["phone"])
    session.add(pair)
    await session.commit()

    preview = await client.get(f"/leads/{lead.lead_id}/convert")

    assert token
    assert re.search(
        rf'href="/duplicates/{pair.duplicate_candidate_id}"[^>]*>.{{0,300}}The same as Adele', preview.text
    )
    assert "1 person who may be the same human stays undecided." in text_of(preview)


async def test_a_closed_lead_is_not_converted(client: httpx.AsyncClient, session: AsyncSession, token: str) -> None:
    lead = await a_lead(session, status="disqualified", reason_code="other", closed_at=clock.now())
    await session.commit()

    shown = await client.get(f"/leads/{lead.lead_id}")
    answer = await client.post(f"/leads/{lead.lead_id}/convert", data={"csrf_token": token}, headers=ORIGIN)

    assert ">Convert<" not in shown.text
    assert answer.status_code == 409
    assert (await session.scalars(select(Patient))).all() == []


@pytest.mark.parametrize("about", ["leads", "patients"])
async def test_a_call_is_booked_on_their_clock_and_an_overlap_is_asked_about(
    client: httpx.AsyncClient, session: AsyncSession, token: str, about: str
) -> None:
    person = await a_person(session, time_zone="America/New_York")
    record: PatientLead | Patient
    record = await (a_lead if about == "leads" else a_patient)(session, person)
    await session.commit()
    here = f"/{about}/{record.lead_id if isinstance(record, PatientLead) else record.patient_id}"
    typed = {
        "csrf_token": token, "booking_date": "2099-07-01 14:30", "booking_time_zone": "America/New_York",
        "channel": "video", "notes": "About travel.",
    }  # fmt: skip

    form = await client.get(f"{here}/bookings/new")
    wrong = await client.post(
        f"{here}/bookings", data=typed | {"booking_date": "soon", "booking_time_zone": "Mars/Base"}, headers=ORIGIN
    )
    booked = await client.post(f"{here}/bookings", data=typed, headers=ORIGIN)
    overlapping = await client.post(f"{here}/bookings", data=typed, headers=ORIGIN)
    confirmed = re.search(r'name="all_the_same" value="([^"]+)"', overlapping.text)
    assert confirmed
    wanted = await client.post(f"{here}/bookings", data=typed | {"all_the_same": confirmed[1]}, headers=ORIGIN)

    assert 'value="America/New_York"' in form.text
    assert wrong.status_code == 422
    assert "2 fields need another look" in wrong.text
    assert "About travel." in wrong.text
    assert (booked.status_code, overlapping.status_code, wanted.status_code) == (303, 409, 303)
    assert "This person has another call at that time." in overlapping.text
    calls = (await session.scalars(select(CallHistory))).all()
    assert [call.booking_date for call in calls] == [datetime(2099, 7, 1, 18, 30, tzinfo=UTC)] * 2
    assert {(call.status, call.channel, call.booking_time_zone) for call in calls} == {
        ("scheduled", "video", "America/New_York")
    }


async def test_a_lead_shows_what_happened_with_its_person(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    person = await a_person(session)
    patient = await a_patient(session, person)
    lead = await a_lead(session, person)
    await a_call(session, patient, call_date=clock.now(), status="completed", outcome="reached", notes="Long ago.")
    await session.commit()
    assert token

    answer = await client.get(f"/leads/{lead.lead_id}")

    assert "Long ago." in answer.text
    assert re.search(r"L-[0-9A-Z]{8}", answer.text)
    assert "None" not in answer.text


async def test_a_lead_of_a_colleague_is_taken_over_with_a_reason(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    assigned = settings.model_copy(update={"caseload": Caseload.ASSIGNED})
    colleague = await somebody(session, settings, "navigator", email="colleague@crm.example")
    me = await somebody(session, settings, "navigator", email="me@crm.example")
    lead = await a_lead(session, owner_id=colleague.account_id)
    await session.commit()
    transport = httpx.ASGITransport(app=create_app(assigned, bound), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        token = await signed_in(browser, session, me.account_id)
        taken = await browser.post(f"/leads/{lead.lead_id}/take", data={"csrf_token": token}, headers=ORIGIN)
        reason = {"person_id": str(lead.person_id), "reason": "They are on leave.", "back": f"/leads/{lead.lead_id}"}
        await browser.post("/access-reasons", data={"csrf_token": token, **reason}, headers=ORIGIN)
        again = await browser.post(f"/leads/{lead.lead_id}/take", data={"csrf_token": token}, headers=ORIGIN)

    assert taken.status_code == 403
    assert "Why do you need" in taken.text
    assert again.status_code == 303
    await session.refresh(lead)
    assert lead.owner_id == me.account_id


@pytest.mark.parametrize(
    ("status", "becomes"),
    [("new", "call_booked"), ("contacting", "call_booked"), ("nurture", "call_booked"), ("qualified", "qualified")],
)
async def test_a_lead_with_which_a_call_is_booked_moves_on_by_itself(
    client: httpx.AsyncClient, session: AsyncSession, token: str, status: str, becomes: str
) -> None:
    wakes = {"wake_up_on": (clock.now() + timedelta(days=9)).date()} if status == "nurture" else {}
    lead = await a_lead(session, await a_person(session), status=status, **wakes)
    await session.commit()
    here = f"/leads/{lead.lead_id}"
    typed = {"csrf_token": token, "booking_date": "2099-07-01 14:30", "booking_time_zone": "Europe/Lisbon"}

    booked = await client.post(f"{here}/bookings", data=typed, headers=ORIGIN)
    shown = await client.get(here)

    assert booked.status_code == 303
    await session.refresh(lead)
    assert (lead.status, lead.wake_up_on) == (becomes, None)
    assert ("Lead: call booked" in shown.text) is (becomes != status)


LONG = "We have tried everything. " * 20


async def a_lead_by_form(session: AsyncSession, payload: Mapping[str, object], **values: object) -> PatientLead:
    person = await a_person(session, first_name="Femke", last_name="Bakker")
    submission = IntakeSubmission(
        source="contact_form", payload=dict(payload), person_id=person.person_id, match_outcome="new_person"
    )
    session.add(submission)
    await session.flush()
    lead = await a_lead(session, person, intake_submission_id=submission.intake_submission_id, **values)
    await session.commit()
    return lead


def lines_of(page: str) -> dict[str, str]:
    """The facts of a record page, by their labels."""
    found = re.findall(r'<div class="line"><dt>(.*?)</dt><dd>(.*?)</dd>', page, re.DOTALL)
    return {
        html.unescape(label): " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split()) for label, text in found
    }


async def test_what_somebody_sent_is_read_on_the_page_of_their_lead(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    payload = {
        "said": "My son <b>cannot</b> walk.",
        "condition": "duchene",
        "person": {"first_name": "Femke", "country": "NL", "middle_name": None},
        "Heard_of us": ["a friend", "radio"],
        "wants call": True,
        "history": {"since": 2019, "text": LONG},
    }
    lead = await a_lead_by_form(session, payload)

    answer = await client.get(f"/leads/{lead.lead_id}")

    assert "My son &lt;b&gt;cannot&lt;/b&gt; walk." in answer.text
    _before, _, sent = answer.text.partition("<h2>What was sent</h2>")
    told = lines_of(sent)
    assert list(told)[:2] == ["In their words", "Condition, as written"]
    assert list(told)[-2:] == ["First name", "Country"]
    assert told["Condition, as written"] == "duchene"
    assert told["Country"] == "Netherlands"
    assert (told["Heard_of us"], told["wants call"], told["history: since"]) == ("a friend, radio", "Yes", "2019")
    assert LONG.strip() in told["history: text"]
    assert "<summary>We have tried everything." in sent
    assert "Middle name" not in told


async def test_a_condition_that_was_sent_by_its_id_is_told_by_its_name(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    condition = await a_condition(session)
    sent = {"medical_condition_id": str(condition.medical_condition_id)}
    lead = await a_lead_by_form(session, sent, medical_condition_id=condition.medical_condition_id)

    answer = await client.get(f"/leads/{lead.lead_id}")

    assert lines_of(answer.text.partition("<h2>What was sent</h2>")[2])["Condition"] == condition.name


async def test_what_somebody_sent_is_masked_as_everything_else(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    lead = await a_lead_by_form(session, {"said": "My son cannot walk.", "first_name": "Femke"})
    await as_user(client, session, settings, "auditor")

    answer = await client.get(f"/leads/{lead.lead_id}")

    assert answer.status_code == 200
    assert "What was sent" in answer.text
    assert "cannot walk" not in answer.text
    assert "Femke" not in answer.text


async def test_outside_the_caseload_a_lead_opens_without_what_was_sent(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    colleague = await somebody(session, settings, "navigator", email="colleague@crm.example")
    me = await somebody(session, settings, "navigator", email="me@crm.example")
    lead = await a_lead_by_form(session, {"said": "My son cannot walk."}, owner_id=colleague.account_id)
    app = create_app(settings.model_copy(update={"caseload": Caseload.ASSIGNED}), bound)
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        await signed_in(browser, session, me.account_id)
        closed = await browser.get(f"/leads/{lead.lead_id}")
        await signed_in(browser, session, colleague.account_id)
        own = await browser.get(f"/leads/{lead.lead_id}")

    assert closed.status_code == 200
    assert "cannot walk" not in closed.text
    assert "My son cannot walk." in own.text
