"""What the moves of a journey still need is said before one tries, and where it is put in."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.models import JourneyEvent
from app.events.moves import Finding
from app.journeys.eap.kind import EAP
from app.journeys.eap.models import EapGate, EapJourney
from app.journeys.errors import PatientInactive
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.models import Journey
from app.journeys.rules import OF_THE_PATIENT
from app.journeys.service import move_journey
from app.journeys.trial.kind import TRIAL
from app.journeys.trial.models import ClinicalTrial, ClinicalTrialJourney
from app.patients.models import Patient, PatientPhysicianRelationship
from app.people.departures.errors import PersonDeceased, PersonWithdrawn
from app.people.departures.models import PersonDeparture
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, Conflict
from app.platform.settings import Settings
from app.web.move_needs import SAYS, need_of
from tests.browsing import ORIGIN, as_user
from tests.builders import a_patient, a_person, a_physician, a_trial, a_trial_journey, an_eap_journey
from tests.web.test_facts import text_of


@pytest.fixture
async def token(client: httpx.AsyncClient, session: AsyncSession, settings: Settings) -> str:
    return await as_user(client, session, settings, "navigator")


async def _ready(session: AsyncSession, **trial: str) -> tuple[Patient, ClinicalTrial, ClinicalTrialJourney]:
    """A patient who is ready to be referred."""
    patient = await a_patient(session, await a_person(session, first_name="Inês", last_name="Carvalho"))
    into = await a_trial(session, trial_id="NCT01234567", title="A study of a new treatment", **trial)
    journey = await a_trial_journey(session, patient, clinical_trial_id=into.clinical_trial_id, status="referral_ready")
    await session.commit()
    return patient, into, journey


def _conditions() -> Iterator[str]:
    for kind in KINDS:
        for conditions in kind.moves.conditions.values():
            yield from (condition.name for condition in conditions)


def test_every_move_condition_of_a_journey_says_what_is_missing() -> None:
    assert set(SAYS) == {*_conditions(), *OF_THE_PATIENT}
    assert need_of("linked_physician", Finding.MET, None, "/patients/1") is None


async def test_a_move_that_lacks_something_says_what_and_leads_there_and_is_a_button_once_it_is_there(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, trial, journey = await _ready(session, status="suspended")
    here = f"/patients/{patient.patient_id}"
    place = f"{here}/clinical-trial-journeys/{journey.ct_journey_id}/move"
    missing = ("No physician is linked to the patient now.", "The trial does not recruit: it is suspended.")

    record, form, every = (
        await client.get(here), await client.get(place, params={"to": "referred"}), await client.get(place)
    )  # fmt: skip
    refused = await client.post(place, data={"csrf_token": token, "to": "referred"}, headers=ORIGIN)

    for shown in (record, form, every, refused):
        for said in (*missing, "The medical review is not checked here"):
            assert said in text_of(shown), said
        assert f'href="{here}/physicians/new"' in shown.text
        assert f'href="/trials/{trial.clinical_trial_id}"' in shown.text
        assert "move?to=referred" not in shown.text
    assert (form.status_code, refused.status_code) == (200, 409)
    for shown in (form, refused):
        assert 'name="to"' not in shown.text
    assert re.search(r'value="referred"[^>]* disabled', every.text)
    # What lacks nothing is free.
    assert "move?to=patient_considering" in record.text
    assert not re.search(r'value="patient_considering"[^>]* disabled', every.text)

    physician = await a_physician(session)
    session.add(
        PatientPhysicianRelationship(
            patient_id=patient.patient_id, physician_id=physician.physician_id, relationship_type="treating"
        )
    )
    trial.status = "recruiting"
    await session.commit()
    record, form = await client.get(here), await client.get(place, params={"to": "referred"})
    moved = await client.post(place, data={"csrf_token": token, "to": "referred"}, headers=ORIGIN)

    assert f'href="{place}?to=referred"' in record.text
    assert 'name="to" value="referred"' in form.text
    for shown in (record, form):
        assert not [said for said in missing if said in text_of(shown)]
        assert "The medical review is not checked here" in text_of(shown)
    assert moved.status_code == 303


@pytest.mark.parametrize(
    ("gate", "said", "is_free"),
    [
        (None, "No approval is recorded, so none is checked", True),
        ("pending", "This approval holds it up: Ethics (pending).", False),
        ("approved", "", True),
    ],
)
async def test_a_supply_says_whether_its_approvals_are_there(
    client: httpx.AsyncClient, session: AsyncSession, token: str, gate: str | None, said: str, *, is_free: bool
) -> None:
    patient = await a_patient(session)
    journey = await an_eap_journey(session, patient, status="approvals_in_progress")
    if gate is not None:
        session.add(EapGate(eap_journey_id=journey.eap_journey_id, gate="ethics", status=gate))
    await session.commit()

    here = f"/patients/{patient.patient_id}"
    place = f"{here}/eap-journeys/{journey.eap_journey_id}/move"
    shown, approvals = await client.get(here), text_of(await client.get(place)).partition(" Approvals ")[2]

    assert (f'href="{place.replace("/move", "/approvals")}">See the approvals' in shown.text) is bool(said)
    assert re.search(rf"Ethics\s+{gate.capitalize() if gate else 'not recorded'}", approvals)
    assert re.search(r"Import licence\s+not recorded", approvals)
    assert ("move?to=supply_authorised" in shown.text) is is_free
    assert said in text_of(shown)
    assert ("marked-list" in shown.text) is bool(said)


async def test_each_approval_that_holds_a_move_up_is_named_on_the_card_in_the_menu_and_on_the_pages_of_the_journey(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session)
    journey = await an_eap_journey(session, patient, status="approvals_in_progress")
    free = await an_eap_journey(session, patient, status="sponsor_review")
    for one in (journey, free):
        for gate, status, expires_on in (
            ("regulatory", "approved", None), ("ethics", "refused", None), ("contract", "expired", None),
            ("import_licence", "approved", date(2026, 1, 1)), ("qp_release", "not_required", None),
            ("data_privacy", "pending", None),
        ):  # fmt: skip
            session.add(EapGate(eap_journey_id=one.eap_journey_id, gate=gate, status=status, expires_on=expires_on))
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    of_one, of_free = (f"{here}/eap-journeys/{one.eap_journey_id}" for one in (journey, free))

    record, move, to = (
        await client.get(here), await client.get(f"{of_one}/move"),
        await client.get(f"{of_one}/move", params={"to": "supply_authorised"}),
    )  # fmt: skip
    approvals, of_another = await client.get(f"{of_one}/approvals"), await client.get(f"{of_free}/approvals")

    said = (
        "These approvals hold it up: Ethics (refused), Contract (expired), Import licence (not in force today), "
        "Data privacy (pending)."
    )
    assert text_of(record).count(said) == 2
    for shown in (move, to):
        assert said in text_of(shown)
    for shown in (move, to, approvals):
        assert text_of(shown).count("Holds up the next move") == 4
        for line in ("Ethics Refused", "Contract Expired", "Data privacy Pending"):
            assert f"{line} Holds up the next move" in " ".join(text_of(shown).split()), line
    # Where no move waits for them, nothing is held up.
    assert "Holds up the next move" not in of_another.text


STATES = (
    (TRIAL, "screen_failed"), (TRIAL, "on_study"), (TRIAL, "entered_in_error"),
    (EAP, "sponsor_declined"), (EAP, "reporting"), (EAP, "deceased"), (EAP, "received"),
)  # fmt: skip
"""States from which a journey is opened again or goes on, and such from which it does neither."""
LACKS_MORE = {("deceased", "reporting")}
"""Moves that are refused to each of them for something else: the patient never had the product."""
DIED = date(2026, 3, 3)
OF_A_LIFE = {
    "lives": ({}, "active", ()),
    "has died": ({"kind": "deceased", "departed_on": DIED, "source": "a relative"}, "deceased", (PersonDeceased,)),
    "has withdrawn": ({"kind": "withdrawn", "departed_on": DIED, "reason": "asked"}, "withdrawn", (PersonWithdrawn,)),
    "is inactive": ({}, "inactive", (PatientInactive,)),
}


async def _of_a_life(session: AsyncSession, what: str, **moved: datetime) -> tuple[Patient, list[tuple[Kind, Journey]]]:
    """A patient to whom that has happened, with a journey in each of STATES, which came there just now."""
    departure, status, _ = OF_A_LIFE[what]
    patient = await a_patient(session, status=status)
    if departure:
        session.add(PersonDeparture(person_id=patient.person_id, **departure))
    made: list[tuple[Kind, Journey]] = []
    for kind, state in STATES:
        values = {"status": state, "status_changed_at": clock.now()} | moved
        if kind is TRIAL:
            made.append((kind, await a_trial_journey(session, patient, **values)))
        else:
            made.append((kind, await an_eap_journey(session, patient, **values)))
    await session.commit()
    return patient, made


async def _is_refused_for_it(session: AsyncSession, actor: Actor, kind: Kind, key: UUID, to: str, what: str) -> bool:
    """Whether the service refuses the move for what happened to the patient; what it does is undone."""
    undo = await session.begin_nested()
    try:
        transition = kind.transition(to=to, reason_code="other", reason="x")
        await move_journey(session, actor, kind=kind, journey_id=key, transition=transition)
    except AppError as error:
        refusals: tuple[type[Conflict], ...] = OF_A_LIFE[what][2]
        return isinstance(error, refusals) or "after_death" in {one.code for one in error.fields}
    finally:
        await undo.rollback()
    return False


@pytest.mark.parametrize("what", OF_A_LIFE)
async def test_no_move_is_offered_that_is_refused_for_what_happened_to_the_patient_and_every_other_is(
    client: httpx.AsyncClient, session: AsyncSession, token: str, actor: Actor, what: str
) -> None:
    patient, made = await _of_a_life(session, what)
    here = f"/patients/{patient.patient_id}"
    keys = [(kind, kind.id_of(row), row.status) for kind, row in made]

    record = await client.get(here)
    offered, refused, asked_anew = set(), set(), set()
    for kind, key, state in keys:
        place = f"{here}{kind.path}/{key}/move"
        every = (await client.get(place)).text
        for to in kind.moves.machine.allowed(state):
            if (state, to) in LACKS_MORE:
                continue
            move = (kind.name, state, to)
            if f'href="{place}?to={to}"' in record.text:
                offered.add(move)
            if not re.search(rf'value="{to}"[^>]* disabled', every):
                asked_anew.add(move)
            if await _is_refused_for_it(session, actor, kind, key, to, what):
                refused.add(move)

    every_move = {
        (kind.name, state, to)
        for kind, _key, state in keys
        for to in kind.moves.machine.allowed(state)
        if (state, to) not in LACKS_MORE
    }
    assert (offered, asked_anew) == (every_move - refused, every_move - refused)
    assert bool(refused) is (what != "lives")


@pytest.mark.parametrize(
    ("what", "said", "way"),
    [
        ("has died", "The patient has died, so this does not go on.", ""),
        ("has withdrawn", "The patient has withdrawn, so nothing is opened again.", "Bring the patient back"),
        ("is inactive", "The patient is inactive, so nothing is opened.", "Set the patient active"),
    ],
)
async def test_it_is_said_why_a_move_is_not_offered(
    client: httpx.AsyncClient, session: AsyncSession, token: str, what: str, said: str, way: str
) -> None:
    patient, [(_, journey), *_others] = await _of_a_life(session, what)
    here = f"/patients/{patient.patient_id}"
    place = f"{here}{TRIAL.path}/{TRIAL.id_of(journey)}/move"

    record, form = await client.get(here), await client.get(place, params={"to": "screening"})
    sent = await client.post(place, data={"csrf_token": token, "to": "screening"}, headers=ORIGIN)

    for shown in (record, form, sent):
        assert "Not to screening." in text_of(shown)
        assert said in text_of(shown)
        assert not way or f'href="{here}/status?to=active">{way}' in shown.text
        assert "Not yet to screening." not in text_of(shown)
    assert (form.status_code, sent.status_code) == (200, 409)
    assert 'name="to"' not in form.text
    assert f"{TRIAL.path}/new" not in record.text


async def test_what_happened_before_a_death_is_still_entered_with_its_moment(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    before = datetime(2026, 1, 5, 12, tzinfo=UTC)
    patient, made = await _of_a_life(session, "has died", created_at=before, status_changed_at=before)
    [journey] = [row for kind, row in made if (kind, row.status) == (EAP, "reporting")]
    place = f"/patients/{patient.patient_id}{EAP.path}/{EAP.id_of(journey)}/move"
    typed = {"csrf_token": token, "to": "programme_closed"}

    form = await client.get(place, params={"to": "programme_closed"})
    now = await client.post(place, data=typed, headers=ORIGIN)
    then = await client.post(place, data=typed | {"happened_at": "2026-02-01 10:00"}, headers=ORIGIN)

    assert "The patient has died: say when it happened, a moment before that." in text_of(form)
    assert 'name="to" value="programme_closed"' in form.text
    assert (now.status_code, then.status_code) == (422, 303)


async def test_a_move_names_whom_it_moves_in_which_trial_from_where_to_where(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, _, journey = await _ready(session)
    other = await an_eap_journey(session, patient, status="shipped", eap_number="EAP-7")
    await session.commit()
    here = f"/patients/{patient.patient_id}"
    into_trial = f"{here}/clinical-trial-journeys/{journey.ct_journey_id}/move"

    one = await client.get(into_trial, params={"to": "patient_considering"})
    any_one = await client.get(into_trial)
    programme = await client.get(f"{here}/eap-journeys/{other.eap_journey_id}/move", params={"to": "received"})

    for shown, heading in (
        (one, "Trial NCT01234567 of Inês Carvalho: move from referral ready to patient considering"),
        (any_one, "Trial NCT01234567 of Inês Carvalho: move on from referral ready"),
        (programme, "Programme EAP-7 of Inês Carvalho: move from shipped to received"),
    ):
        for tag in ("title", "h1"):
            found = re.search(rf"<{tag}[^>]*>\s*([^<]*?)\s*(?: · [^<]*)?</{tag}>", shown.text)
            assert found, tag
            assert heading in found[1], found[1]
    assert "A study of a new treatment" in text_of(one)


async def test_the_head_of_a_patient_says_where_each_open_journey_stands_and_how_late_it_is(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient, _, journey = await _ready(session)
    now = clock.now()
    journey.status_changed_at = now - timedelta(days=17, hours=1)
    programme = await an_eap_journey(session, patient, status="sponsor_review", eap_number="EAP-7")
    programme.status_changed_at = now - timedelta(days=10, hours=1)
    closed = await a_trial_journey(session, patient, status="completed", trial_reference="An older one")
    await session.commit()
    here = f"/patients/{patient.patient_id}"

    whole = await client.get(here)
    part = await client.get(here, headers={"hx-request": "true", "hx-target": "#record-about"})

    for shown in (whole, part):
        head = shown.text.partition('id="record-head"')[2].partition("</header>")[0]
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", head))
        assert "Trial NCT01234567 Referral ready, 12 days over the norm" in text
        assert "Programme EAP-7 Sponsor review" in text
        assert text.count("over the norm") == 1
        assert f'href="#journey-{journey.ct_journey_id}"' in head
        assert f"#journey-{closed.ct_journey_id}" not in head
        assert "An older one" not in head


async def test_who_sees_health_masked_reads_nothing_of_journeys_in_the_head(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient, _, journey = await _ready(session)
    journey.status_changed_at = clock.now() - timedelta(days=90)
    await session.commit()
    await as_user(client, session, settings, "auditor")

    shown = await client.get(f"/patients/{patient.patient_id}")

    head = shown.text.partition('id="record-head"')[2].partition("</header>")[0]
    assert shown.status_code == 200
    assert not [said for said in ("eferral ready", "over the norm", "NCT01234567") if said in head]
    assert "No physician is linked" not in text_of(shown)


async def test_a_supply_without_any_approval_is_authorised_with_a_tick_or_a_reason_that_the_move_keeps(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Inês", last_name="Carvalho"))
    journeys = [await an_eap_journey(session, patient, status="approvals_in_progress") for _ in range(3)]
    await session.commit()
    told = journeys[:2]
    recorded = journeys[2]
    session.add(EapGate(eap_journey_id=recorded.eap_journey_id, gate="ethics", status="approved"))
    await session.commit()

    def place(journey: EapJourney) -> str:
        return f"/patients/{patient.patient_id}/eap-journeys/{journey.eap_journey_id}"

    async def move(journey: EapJourney, language: str = "en", **typed: str) -> httpx.Response:
        sent = {"csrf_token": token, "to": "supply_authorised", "reason": ""} | typed
        headers = ORIGIN | {"accept-language": language}
        return await client.post(f"{place(journey)}/move", data=sent, headers=headers)

    form = await client.get(f"{place(told[0])}/move", params={"to": "supply_authorised"})
    other = await client.get(f"{place(told[0])}/move", params={"to": "on_hold"})
    unsaid = await move(told[0])
    moved = [await move(told[0], "nl", approvals_seen="true"), await move(told[1], reason="The sponsor has them.")]
    plain = await client.get(f"{place(recorded)}/move", params={"to": "supply_authorised"})

    warned = form.text.partition('data-tone="warning"')[2]
    assert "No approval is recorded for this journey." in warned
    assert f'href="{place(told[0])}/approvals"' in warned
    assert 'name="approvals_seen"' in warned
    assert "so none is checked" not in form.text
    for without in (other, plain):
        assert "No approval is recorded for this journey." not in without.text
        assert 'name="approvals_seen"' not in without.text
    assert unsaid.status_code == 422
    assert "Tick that you have seen the approvals" in text_of(unsaid)
    assert [answer.status_code for answer in moved] == [303, 303]
    query = select(JourneyEvent).where(JourneyEvent.to_status == "supply_authorised")
    events = {event.eap_journey_id: event.reason for event in await session.scalars(query)}
    assert events == {
        told[0].eap_journey_id: "The approvals were seen outside this system.",
        told[1].eap_journey_id: "The sponsor has them.",
    }
