"""Bookings and calls against a wish, with two readings of one time, overlapping, or with nobody who takes calls."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.calls.models import CallHistory
from app.patients.models import Patient
from app.people.models import Person
from app.platform import clock
from tests import builders
from tests.both_paths import BothPaths
from tests.conftest import AsRole

URL = "/api/v1/call-history"
AHEAD = datetime(2090, 5, 17, 9, tzinfo=UTC)


def codes(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(error["field"], error["code"]) for error in answer.json()["errors"]]


def at(minutes: int = 0) -> str:
    return (AHEAD + timedelta(minutes=minutes)).isoformat()


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    made = await builders.a_patient(session, await builders.a_person(session, do_not_contact_channels=["phone"]))
    await session.commit()
    return made


AGAINST_A_WISH: list[tuple[dict[str, Any], bool]] = [
    ({"call_date": "2026-03-02T09:00:00Z", "outcome": "reached"}, True),
    ({"call_date": "2026-03-02T09:00:00Z", "outcome": "reached", "direction": "inbound"}, False),
    ({"call_date": "2026-03-02T09:00:00Z", "outcome": "reached", "channel": "video"}, False),
    ({"call_date": "2026-03-02T09:00:00Z", "outcome": "reached", "contact_reason": "A safety warning."}, False),
    ({"booking_date": at()}, True),
    ({"booking_date": at(), "contact_reason": "A safety warning."}, False),
    ({"booking_date": at(), "direction": "inbound"}, False),
    ({"booking_date": at(), "status": "cancelled"}, False),
]


@pytest.mark.parametrize(("said", "needed"), AGAINST_A_WISH)
async def test_outbound_call_against_a_wish_says_why_by_both_paths(
    paths: BothPaths, navigator: dict[str, str], patient: Patient, said: dict[str, Any], *, needed: bool
) -> None:
    await paths.greet(navigator)
    body = {"patient_id": str(patient.patient_id), **said}

    fast = await paths.fast.post(URL, json=body, headers=navigator)
    # The second one of these bookings would overlap the first.
    ordinary = await paths.ordinary.post(URL, json=body | {"allow_overlap": True}, headers=navigator)

    assert fast.status_code == ordinary.status_code == (422 if needed else 201), fast.text
    if needed:
        assert codes(fast) == codes(ordinary) == [("contact_reason", "contact_reason_needed")]
    else:
        assert fast.json()["contact_reason"] == ordinary.json()["contact_reason"] == said.get("contact_reason")


@pytest.mark.parametrize(
    ("stands", "sent", "needed"),
    [
        ({"direction": "inbound"}, {"direction": "outbound"}, True),
        ({"direction": "inbound"}, {"direction": "outbound", "contact_reason": "They asked."}, False),
        ({"channel": "video"}, {"channel": "phone"}, True),
        ({}, {"notes": "the wish came later"}, False),
        ({}, {"channel": "video"}, False),
        ({"contact_reason": "They asked."}, {"contact_reason": None}, True),
    ],
)
async def test_correction_against_a_wish(
    session: AsyncSession,
    client: httpx.AsyncClient,
    navigator: dict[str, str],
    patient: Patient,
    stands: dict[str, Any],
    sent: dict[str, Any],
    *,
    needed: bool,
) -> None:
    call = await builders.a_call(session, patient, **stands)
    await session.commit()

    answer = await client.put(f"{URL}/{call.call_id}", json=sent, headers=navigator)

    assert answer.status_code == (422 if needed else 200), answer.text
    assert not needed or codes(answer) == [("contact_reason", "contact_reason_needed")]


async def test_rebooking_against_a_wish_keeps_its_reason_or_needs_one(
    session: AsyncSession, client: httpx.AsyncClient, navigator: dict[str, str], patient: Patient
) -> None:
    bare = await builders.a_call(session, patient)
    explained = await builders.a_call(session, patient, contact_reason="They asked.")
    await session.commit()

    refused = await client.post(f"{URL}/{bare.call_id}/reschedule", json={"booking_date": at()}, headers=navigator)
    kept = await client.post(f"{URL}/{explained.call_id}/reschedule", json={"booking_date": at()}, headers=navigator)

    assert codes(refused) == [("contact_reason", "contact_reason_needed")]
    assert (kept.status_code, kept.json()["contact_reason"]) == (201, "They asked.")


@pytest.mark.parametrize(
    ("booked", "zone", "readings"),
    [
        ("2027-01-15T10:00:00+02:00", "Europe/Amsterdam", ("2027-01-15T09:00:00+01:00", "2027-01-15T10:00:00+01:00")),
        ("2027-07-15T10:00:00+01:00", "Europe/Amsterdam", ("2027-07-15T11:00:00+02:00", "2027-07-15T10:00:00+02:00")),
        ("2027-07-15T10:00:00+02:00", "America/New_York", ("2027-07-15T04:00:00-04:00", "2027-07-15T10:00:00-04:00")),
        ("2027-07-15T10:00:00+02:00", "Europe/Amsterdam", None),
        ("2027-01-15T10:00:00+01:00", "Europe/Amsterdam", None),
        ("2027-01-15T10:00:00Z", "Europe/Amsterdam", None),
        ("2027-01-15T10:00:00+05:30", None, None),
    ],
)
async def test_offset_and_named_zone_by_every_entry_point(
    paths: BothPaths,
    session: AsyncSession,
    navigator: dict[str, str],
    booked: str,
    zone: str | None,
    readings: tuple[str, str] | None,
) -> None:
    patient = await builders.a_patient(session)
    calls = [await builders.a_call(session, patient, booking_time_zone=zone) for _ in range(2)]
    await session.commit()
    said = {"booking_date": booked, "booking_time_zone": zone, "allow_overlap": True}
    new = {"patient_id": str(patient.patient_id), "status": "cancelled", **said}
    only_date = {"booking_date": booked, "allow_overlap": True}

    answers = [
        await paths.fast.post(URL, json=new, headers=navigator),
        await paths.ordinary.post(URL, json=new, headers=navigator),
        await paths.fast.put(f"{URL}/{calls[0].call_id}", json=only_date, headers=navigator),
        await paths.fast.post(f"{URL}/{calls[1].call_id}/reschedule", json=only_date, headers=navigator),
    ]

    if readings is None:
        assert [answer.status_code for answer in answers] == [201, 201, 200, 201]
        meant = datetime.fromisoformat(booked)
        assert {datetime.fromisoformat(answer.json()["booking_date"]) for answer in answers} == {meant}
        assert all(answer.json()["booking_date"].endswith("Z") for answer in answers)
        return
    for answer in answers:
        assert codes(answer) == [("booking_date", "offset_disagrees_with_zone")]
        assert all(reading in answer.json()["errors"][0]["message"] for reading in readings)


@pytest.mark.parametrize(
    ("minutes", "further", "overlaps"),
    [
        (0, {}, True),
        (29, {}, True),
        (-29, {}, True),
        (30, {}, False),
        (-30, {}, False),
        (-30, {"call_duration_minutes": 45}, True),
        (0, {"status": "cancelled"}, False),
        (0, {"call_date": "2026-03-02T09:00:00Z", "outcome": "reached"}, False),
    ],
)
async def test_bookings_of_a_patient_that_overlap_are_answered_with_a_warning(
    client: httpx.AsyncClient,
    session: AsyncSession,
    navigator: dict[str, str],
    minutes: int,
    further: dict[str, Any],
    *,
    overlaps: bool,
) -> None:
    patient = await builders.a_patient(session)
    await session.commit()
    of = {"patient_id": str(patient.patient_id)}
    first = await client.post(URL, json=of | {"booking_date": at()}, headers=navigator)
    body = of | {"booking_date": at(minutes)} | further

    second = await client.post(URL, json=body, headers=navigator)
    allowed = await client.post(URL, json=body | {"allow_overlap": True}, headers=navigator)

    assert (second.status_code, allowed.status_code) == (409 if overlaps else 201, 201), second.text
    if overlaps:
        assert second.json()["code"] == "bookings_overlap"
        assert second.json()["overlaps"] == [{"call_id": first.json()["call_id"], "with": ["person"]}]


async def test_bookings_of_a_navigator_overlap_and_moved_ones_too(
    client: httpx.AsyncClient, session: AsyncSession
) -> None:
    account, navigator = await builders.a_colleague(session)
    one, other = await builders.a_patient(session), await builders.a_patient(session)
    await session.commit()

    async def book(patient: Patient, minutes: int, **further: Any) -> httpx.Response:
        body = {"patient_id": str(patient.patient_id), "booking_date": at(minutes), **further}
        return await client.post(URL, json=body, headers=navigator)

    first, clash = await book(one, 0), await book(other, 10)
    nobodys = await book(other, 10, pn_id=None)
    later = await book(other, 120)
    place = later.headers["location"]
    moved = await client.put(place, json={"booking_date": at(5)}, headers=navigator)
    rebooked = await client.post(f"{place}/reschedule", json={"booking_date": at(5)}, headers=navigator)
    taken = await client.put(nobodys.headers["location"], json={"pn_id": str(account.person_id)}, headers=navigator)
    same_place = await client.post(
        f"{first.headers['location']}/reschedule", json={"booking_date": at(5), "pn_id": None}, headers=navigator
    )
    noted = await client.put(nobodys.headers["location"], json={"notes": "stood before"}, headers=navigator)

    assert [answer.json().get("code") for answer in (clash, moved, rebooked, taken)] == ["bookings_overlap"] * 4
    assert clash.json()["overlaps"] == [{"call_id": first.json()["call_id"], "with": ["navigator"]}]
    assert {frozenset(item["with"]) for item in moved.json()["overlaps"]} == {
        frozenset({"navigator"}),
        frozenset({"person"}),
    }
    assert nobodys.status_code == same_place.status_code == 201, same_place.text
    assert noted.status_code == 200


@pytest.mark.parametrize(
    ("began", "lasts", "starts", "overlaps"),
    [(10, None, 5, True), (10, None, 25, False), (40, None, -5, False), (40, 60, 5, True), (10, None, -5, False)],
)
async def test_booking_that_has_begun_takes_its_planned_time(
    client: httpx.AsyncClient,
    session: AsyncSession,
    navigator: dict[str, str],
    began: int,
    lasts: int | None,
    starts: int,
    *,
    overlaps: bool,
) -> None:
    now = clock.now()
    patient = await builders.a_patient(session)
    running = await builders.a_call(
        session, patient, booking_date=now - timedelta(minutes=began), call_duration_minutes=lasts
    )
    await session.commit()
    body = {"patient_id": str(patient.patient_id), "booking_date": (now + timedelta(minutes=starts)).isoformat()}

    answer = await client.post(URL, json=body, headers=navigator)

    assert answer.status_code == (409 if overlaps else 201), answer.text
    if overlaps:
        assert answer.json()["overlaps"] == [{"call_id": str(running.call_id), "with": ["person"]}]


async def test_rebooking_keeps_what_is_not_given(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    patient = await builders.a_patient(session)
    await session.commit()
    body = {
        "patient_id": str(patient.patient_id),
        "booking_date": at(),
        "booking_time_zone": "Europe/Amsterdam",
        "reminder_date": at(-1440),
        "notes": "Bring the scan.",
        "channel": "video",
        "direction": "inbound",
        "call_duration_minutes": 45,
    }
    old = (await client.post(URL, json=body, headers=navigator)).json()
    place = f"{URL}/{old['call_id']}/reschedule"

    new = (await client.post(place, json={"booking_date": at(600)}, headers=navigator)).json()
    cleared = (
        await client.post(
            f"{URL}/{new['call_id']}/reschedule",
            json={"booking_date": at(900), "reminder_date": None, "notes": None},
            headers=navigator,
        )
    ).json()

    kept = ("booking_time_zone", "reminder_date", "notes", "channel", "direction", "pn_id", "call_duration_minutes")
    assert {name: new[name] for name in kept} == {name: old[name] for name in kept}
    assert (cleared["reminder_date"], cleared["notes"], cleared["channel"]) == (None, None, "video")


@pytest.mark.parametrize("who", ["nobody", "no account", "auditor", "closed account", "machine"])
async def test_navigator_of_a_call_is_somebody_who_takes_calls(
    paths: BothPaths, session: AsyncSession, navigator: dict[str, str], who: str
) -> None:
    await paths.greet(navigator)
    patient = await builders.a_patient(session)
    person = await builders.a_person(session)
    if who in {"auditor", "closed account", "machine"}:
        role = {"auditor": "auditor", "closed account": "navigator", "machine": "integration"}[who]
        account, _ = await builders.a_colleague(session, role)
        assert account.person_id is not None
        pn_id = str(account.person_id)
        if who == "closed account":
            await session.execute(
                update(UserAccount)
                .where(UserAccount.user_account_id == account.user_account_id)
                .values(is_active=False)
            )
    else:
        stranger = await builders.a_person(session)
        pn_id = str(stranger.person_id) if who == "no account" else "00000000-0000-7000-8000-000000000000"
    old = await builders.a_call(session, patient, pn_id=person.person_id)
    await session.commit()
    body = {"patient_id": str(patient.patient_id), "call_date": "2026-03-02T09:00:00Z", "outcome": "reached"}

    answers = [
        await paths.fast.post(URL, json=body | {"pn_id": pn_id}, headers=navigator),
        await paths.ordinary.post(URL, json=body | {"pn_id": pn_id}, headers=navigator),
        await paths.fast.put(f"{URL}/{old.call_id}", json={"pn_id": pn_id}, headers=navigator),
        await paths.fast.post(
            f"{URL}/{old.call_id}/reschedule", json={"booking_date": at(), "pn_id": pn_id}, headers=navigator
        ),
    ]
    stays = await paths.fast.put(
        f"{URL}/{old.call_id}", json={"pn_id": str(person.person_id), "notes": "x"}, headers=navigator
    )
    kept = await paths.fast.post(f"{URL}/{old.call_id}/reschedule", json={"booking_date": at()}, headers=navigator)

    expected = "unknown_reference" if who == "nobody" else "takes_no_calls"
    assert [codes(answer) for answer in answers] == [[("pn_id", expected)]] * 4
    assert (stays.status_code, kept.status_code) == (200, 201)
    assert kept.json()["pn_id"] == str(person.person_id)


async def test_navigator_is_by_default_who_takes_calls_and_never_a_machine(
    paths: BothPaths, session: AsyncSession, as_role: AsRole
) -> None:
    patient = await builders.a_patient(session)
    colleague, navigator = await builders.a_colleague(session)
    _, machine = await builders.a_colleague(session, "integration")
    await session.commit()
    await paths.greet(navigator)
    await paths.greet(machine)
    body = {"patient_id": str(patient.patient_id), "call_date": "2026-03-02T09:00:00Z", "outcome": "reached"}

    for by in (paths.fast, paths.ordinary):
        assert (await by.post(URL, json=body, headers=navigator)).json()["pn_id"] == str(colleague.person_id)
        assert (await by.post(URL, json=body, headers=machine)).json()["pn_id"] is None


async def test_what_a_form_sends_in_is_kept_though_its_owner_has_left(
    paths: BothPaths, session: AsyncSession, as_role: AsRole
) -> None:
    machine = await as_role("integration")
    await paths.greet(machine)
    condition = str((await builders.a_condition(session)).medical_condition_id)
    left, _ = await builders.a_colleague(session)
    left.is_active = False
    await session.commit()

    answers = []
    for number, by in enumerate((paths.fast, paths.ordinary)):
        for kind in ("patients", "leads"):
            person = {"first_name": "Noor", "last_name": "Haan", "email": f"left.{kind}.{number}@example.org"}
            body = {"person": person, "medical_condition_id": condition, "owner_id": str(left.user_account_id)}
            answers.append(await by.post(f"/api/v1/{kind}", json=body, headers=machine))

    assert [(answer.status_code, answer.json().get("owner_id")) for answer in answers] == [(201, None)] * 4


async def test_owner_is_an_account_whose_role_does_the_work(
    paths: BothPaths, session: AsyncSession, navigator: dict[str, str]
) -> None:
    await paths.greet(navigator)
    patient, lead = await builders.a_patient(session), await builders.a_lead(session)
    auditor, _ = await builders.a_colleague(session, "auditor")
    liaison, _ = await builders.a_colleague(session, "liaison")
    closed, _ = await builders.a_colleague(session)
    closed.is_active = False
    stands = await builders.a_patient(session, owner_id=auditor.user_account_id)
    await session.commit()
    condition = str(patient.medical_condition_id)
    number = iter(range(100))

    async def asked(owner: UserAccount) -> list[httpx.Response]:
        said = {"owner_id": str(owner.user_account_id)}
        answers = []
        for by in (paths.fast, paths.ordinary):
            for kind in ("patients", "leads"):
                person = {"first_name": "Noor", "last_name": "Haan", "email": f"noor{next(number)}@example.org"}
                body = {"person": person, "medical_condition_id": condition, **said}
                answers.append(await by.post(f"/api/v1/{kind}", json=body, headers=navigator))
        answers.append(await paths.fast.put(f"/api/v1/patients/{patient.patient_id}", json=said, headers=navigator))
        answers.append(await paths.fast.put(f"/api/v1/leads/{lead.lead_id}", json=said, headers=navigator))
        other = await builders.a_lead(session)
        await session.commit()
        answers.append(await paths.fast.post(f"/api/v1/leads/{other.lead_id}/convert", json=said, headers=navigator))
        return answers

    for wrong in (auditor, closed):
        assert [codes(answer) for answer in await asked(wrong)] == [[("owner_id", "does_not_do_this_work")]] * 7
    assert [answer.status_code for answer in await asked(liaison)] == [201, 201, 201, 201, 200, 200, 201]
    place = f"/api/v1/patients/{stands.patient_id}"
    same = {"owner_id": str(auditor.user_account_id), "initial_consult_date": "2026-01-02"}
    assert (await paths.fast.put(place, json=same, headers=navigator)).status_code == 200


async def test_nobody_books_with_somebody_who_was_set_inactive_but_they_themselves(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole, navigator: dict[str, str]
) -> None:
    machine = await as_role("integration")
    person = await builders.a_person(session)
    lead = await builders.a_lead(session, person)
    await session.execute(update(Person).where(Person.person_id == person.person_id).values(is_active=False))
    await session.commit()
    of = {"lead_id": str(lead.lead_id)}

    booked = await client.post(URL, json=of | {"booking_date": at()}, headers=navigator)
    logged = await client.post(
        URL, json=of | {"call_date": "2026-03-02T09:00:00Z", "outcome": "reached"}, headers=navigator
    )
    by_themselves = await client.post(URL, json=of | {"booking_date": at()}, headers=machine)

    assert (booked.status_code, booked.json()["code"]) == (409, "person_inactive")
    assert (logged.status_code, by_themselves.status_code) == (201, 201), by_themselves.text
    assert by_themselves.json()["person"]["is_active"] is True
    assert await session.scalar(select(func.count()).select_from(CallHistory)) == 2
    assert datetime.now(UTC) < AHEAD
