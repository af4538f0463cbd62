"""Search everywhere by plain HTTP, as a page and as the palette's part of it."""

import re
from datetime import date

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.conditions.models import MedicalCondition
from app.hospitals.models import Hospital
from app.journeys.trial.models import ClinicalTrial
from app.leads.models import PatientLead
from app.people.models import PersonRelationship
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import as_user, somebody
from tests.builders import a_condition, a_lead, a_patient, a_person, a_physician, a_trial
from tests.conftest import BoundDatabase
from tests.web.test_patients_pages import statements

PART = {"hx-request": "true", "hx-request-type": "partial", "hx-target": "div#palette-results"}


async def _find(client: httpx.AsyncClient, token: str, typed: str, **more: str) -> httpx.Response:
    return await client.post("/search", data={"csrf_token": token, "q": typed, **more}, headers=PART)


def _options(answer: httpx.Response) -> list[tuple[str, str]]:
    """The options that can be chosen: where they lead, and their words."""
    found = re.findall(r'<a class="found" href="([^"]+)"[^>]*>(.*?)</a>', answer.text, re.DOTALL)
    return [(href, " ".join(re.sub(r"<[^>]+>", " ", inside).split())) for href, inside in found]


async def test_a_person_is_found_by_a_mistyped_name_and_leads_to_their_record(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Ines", last_name="Carvalho")
    patient = await a_patient(session, person)
    lead = await a_lead(session, person)
    asking = await a_person(session, first_name="Jan", last_name="Bos")
    other = await a_lead(session, asking)
    token = await as_user(client, session, settings, "navigator")

    similar = await _find(client, token, "carvallo")
    by_name, by_person = await _find(client, token, "bos"), await _find(client, token, person.reference)
    by_lead = await _find(client, token, lead.reference.lower().replace("-", " "))
    physician = await a_physician(session, await a_person(session, first_name="Otto", last_name="Kwik"))
    await session.commit()
    by_physician = await _find(client, token, "kwik")

    assert _options(similar)[0][0] == f"/patients/{patient.patient_id}"
    assert "Ines Carvalho" in _options(similar)[0][1]
    assert "These names are similar" in similar.text
    assert _options(by_name)[0][0] == f"/leads/{other.lead_id}"
    assert _options(by_person)[0][0] == f"/patients/{patient.patient_id}"
    assert _options(by_lead)[0][0] == f"/leads/{lead.lead_id}"
    assert _options(by_physician)[0][0] == f"/physicians/{physician.physician_id}"
    assert "<html" not in similar.text


async def test_who_speaks_for_patients_is_found_with_them(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    roos = await a_person(session, first_name="Roos", last_name="Zandstra")
    people = [await a_person(session, first_name=first, last_name="Vries") for first in ("Noor", "Emil", "Ada", "Bo")]
    noor, emil, gone, ada = [await a_patient(session, person) for person in people]
    gone.deleted_at, gone.deleted_by, gone.deleted_reason = clock.now(), roos.person_id, "x"
    acts = {"person_id": roos.person_id, "relationship_type": "caregiver"}
    of = {"related_person_id": noor.person_id}, {"related_person_id": emil.person_id, "end_date": date(2026, 1, 1)}
    of_gone, of_ada = {"related_person_id": gone.person_id}, {"related_person_id": ada.person_id}
    session.add_all(PersonRelationship(**acts, **whom) for whom in (*of, of_gone, of_ada))
    token = await as_user(client, session, settings, "navigator")

    found, for_a_call = await _find(client, token, "zandstra"), await _find(client, token, "zandstra", step="calls")
    (noted, _) = await session.scalars(select(AuditEvent).where(AuditEvent.action == "search_everywhere"))

    patients = [f"/patients/{ada.patient_id}", f"/patients/{noor.patient_id}"]
    assert [href for href, _ in _options(found)[:3]] == [f"/people/{roos.person_id}", *patients]
    assert "Noor Vries Patient: Roos Zandstra is caregiver" in _options(found)[2][1]
    with_her = f"/calls/new?spoke_with_person_id={roos.person_id}"
    assert [href for href, _ in _options(for_a_call)] == [place + with_her for place in patients]
    assert set(noted.person_ids or ()) == {roos.person_id, noor.person_id, ada.person_id}


async def test_the_search_is_noted_as_that_of_the_api(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Ines", last_name="Carvalho")
    token = await as_user(client, session, settings, "navigator")

    await _find(client, token, "carvalho")

    (noted,) = await session.scalars(select(AuditEvent).where(AuditEvent.action == "search_everywhere"))
    assert (noted.outcome, noted.record_type, noted.person_ids) == ("done", "person", [person.person_id])


async def test_what_has_a_name_places_and_commands_are_found(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    condition = MedicalCondition(name="Zellweger syndrome")
    hospital = Hospital(name="Zell Clinic")
    session.add_all([condition, hospital])
    trial = await a_trial(session, title="Zellweger natural history")
    token = await as_user(client, session, settings, "navigator")

    named, place, command = [await _find(client, token, typed) for typed in ("zell", "leads", "log a")]

    hrefs = [href for href, _ in _options(named)]
    assert f"/conditions/{condition.medical_condition_id}" in hrefs
    assert f"/trials/{trial.clinical_trial_id}" in hrefs
    assert f"/hospitals/{hospital.hospital_id}" in hrefs
    assert _options(place)[0][0] == "/leads"
    assert ("/search?step=calls", "Log a call choose with whom") in _options(command)


async def test_a_command_is_found_by_its_words_and_others_and_says_who_does_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    closed = [await _find(client, token, typed) for typed in ("hand over", "reassign", "export", "csv")]
    ring = await _find(client, token, "ring")
    manager = await as_user(client, session, settings, "programme_manager")
    opened = [await _find(client, manager, typed) for typed in ("hand over", "csv")]

    for answer, roles in zip(closed, 2 * ["Programme manager"] + 2 * ["Programme manager, Data steward"], strict=True):
        assert f"Only for: {roles}" in answer.text
        # Enter begins no new caller: it comes behind what was meant, and nothing is chosen (palette.js).
        assert answer.text.index("Only for: ") < answer.text.index('form="new-caller"')
        assert _options(answer) == []
    assert _options(ring)[0][0] == "/search?step=calls"
    assert [_options(answer)[0][0] for answer in opened] == ["/hand-over", "/patients"]


async def test_a_command_that_one_may_not_use_names_who_may_where_no_other_is_meant(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    for name in ("Anna Berg", "Bo Chen", "Cleo Dam", "Dirk Eng"):
        await somebody(session, settings, "programme_manager", name=name, email=f"{name[0]}@managers.example")
    token = await as_user(client, session, settings, "navigator")

    hand_over, invite, several = [await _find(client, token, typed) for typed in ("hand over", "invite", "a")]

    assert "Only for: Programme manager (Anna Berg, Bo Chen, Cleo Dam and 1 more)" in hand_over.text
    assert "Only for: Administrator" in invite.text
    assert "Only for: Programme manager" in several.text
    assert "Anna Berg" not in invite.text + several.text


async def test_a_lead_is_told_by_the_reference_of_its_page(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Ines", last_name="Carvalho")
    lead = await a_lead(session, person)
    token = await as_user(client, session, settings, "navigator")
    asking = await _find(client, token, "carvalho")
    await a_patient(session, person)
    patient = await _find(client, token, "carvalho")
    assert [lead.reference in asking.text, person.reference in asking.text] == [True, False]
    assert person.reference in patient.text


async def test_a_command_is_about_the_record_that_is_open(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    token = await as_user(client, session, settings, "navigator")

    about = await _find(client, token, "", here=f"/patients/{patient.patient_id}/calls/new")
    elsewhere = await _find(client, token, "", here="/patients/../evil")

    assert f"/patients/{patient.patient_id}/calls/new" in [href for href, _ in _options(about)]
    assert "/search?step=calls" in [href for href, _ in _options(elsewhere)]


async def test_with_nothing_typed_those_whom_one_has_opened_come_first(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    first, second = [await a_patient(session) for _ in range(2)]
    lead = await a_lead(session, await a_person(session, first_name="Jan", last_name="Bos"))
    token = await as_user(client, session, settings, "navigator")
    for path in (f"/patients/{first.patient_id}", f"/patients/{second.patient_id}", f"/leads/{lead.lead_id}"):
        await client.get(path)
    await client.get(f"/patients/{first.patient_id}")

    found = [href for href, _ in _options(await _find(client, token, ""))]

    wanted = [f"/patients/{first.patient_id}", f"/leads/{lead.lead_id}", f"/patients/{second.patient_id}"]
    assert found[:3] == wanted


async def test_without_a_script_the_page_finds_the_same_and_keeps_what_was_typed_out_of_addresses(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Ines", last_name="Carvalho"))
    token = await as_user(client, session, settings, "navigator")

    empty, refused = await client.get("/search"), await client.get("/search", params={"q": "carvalho"})
    found = await client.post("/search", data={"csrf_token": token, "q": "carvalho"})
    step = await client.post("/search?step=calls", data={"csrf_token": token, "q": "carvalho", "step": "calls"})

    assert (empty.status_code, refused.status_code, found.status_code) == (200, 422, 200)
    assert '<form class="topbar-search" role="search" method="post" action="/search">' in empty.text
    assert f'href="/patients/{patient.patient_id}"' in found.text
    assert 'value="carvalho"' in found.text
    assert not re.search(r'(href|action)="[^"]*carvalho', found.text)
    assert f'href="/patients/{patient.patient_id}/calls/new"' in step.text
    assert 'role="option"' not in found.text


async def test_nobody_found_offers_a_new_caller_with_what_was_typed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    answer = await _find(client, token, "Quirina Zwart")
    assert 'form="new-caller"' in answer.text
    assert 'action="/callers/begin"' in answer.text
    assert 'value="Quirina Zwart"' in answer.text
    assert "Nobody was found" in answer.text or "No person was found" in answer.text


@pytest.mark.parametrize("typed", ["x" * 201, "a\x00b"])
@pytest.mark.parametrize("role", ["navigator", "admin"])
async def test_a_refused_search_never_says_that_nothing_was_found(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, typed: str, role: str
) -> None:
    token = await as_user(client, session, settings, role)
    for headers in (PART, {}):
        answer = await client.post("/search", data={"csrf_token": token, "q": typed}, headers=headers)
        assert answer.status_code == 422
        assert "not carried out" in answer.text
        assert not re.search(r"(Nobody|Nothing|No person) was found", answer.text)


@pytest.mark.parametrize("role", ["auditor", "programme_manager", "privacy_officer", "admin"])
async def test_who_may_not_search_people_finds_none_and_is_told_so(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, role: str
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Roswitha", last_name="Abendroth"))
    token = await as_user(client, session, settings, role)
    if role != "admin":
        await client.get(f"/patients/{patient.patient_id}")

    found, recent = await _find(client, token, "Abendroth"), await _find(client, token, "")

    assert "Your role does not search people" in found.text
    assert "Roswitha" not in found.text + recent.text
    assert (f"/patients/{patient.patient_id}" in recent.text) == (role != "admin")
    assert "/callers" not in found.text
    searches = select(AuditEvent).where(AuditEvent.action == "search_everywhere")
    events = list(await session.scalars(searches.order_by(AuditEvent.audit_event_id)))
    assert [event.person_ids for event in events] == [None, None if role == "admin" else [patient.person_id]]


async def test_a_search_takes_few_statements(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase
) -> None:
    for number in range(12):
        await a_patient(session, await a_person(session, first_name=f"Anna{number}", last_name="Visser"))
    token = await as_user(client, session, settings, "navigator")
    with statements(bound) as sent:
        answer = await _find(client, token, "visser")
    assert "4 more people fit" in answer.text
    of_search = [one for one in sent if not re.search(r"web_session|audit_event|user_account|access_opening", one)]
    assert len(of_search) <= 8, of_search


async def test_of_many_similar_names_it_is_said_how_many_more_there_are(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    for number in range(9):
        await a_patient(session, await a_person(session, first_name=f"Anna{number}", last_name="Schmidt"))
    token = await as_user(client, session, settings, "navigator")

    only_similar = await _find(client, token, "schmitd")
    exact = await a_patient(session, await a_person(session, first_name="Otto", last_name="Schmitd"))
    await session.commit()
    with_an_exact_one = await _find(client, token, "schmitd")
    await client.post("/account/preferences", data={"csrf_token": token, "language": "nl"})
    in_dutch = await _find(client, token, "schmitd")

    assert "No name is spelled exactly like this. 1 more person has a similar name: add a first" in only_similar.text
    assert _options(with_an_exact_one)[0][0] == f"/patients/{exact.patient_id}"
    assert "2 more people have similar names: add a first name" in with_an_exact_one.text
    assert "No name is spelled" not in with_an_exact_one.text
    assert "Nog 2 personen hebben een naam die erop lijkt: voeg een voornaam" in in_dutch.text


async def test_a_masked_role_learns_nothing_by_a_reference(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    lead = await a_lead(session)
    (trial,) = [await a_trial(session, title="Registered")]
    token = await as_user(client, session, settings, "auditor")
    assert isinstance(lead, PatientLead)
    assert isinstance(trial, ClinicalTrial)
    answer = await _find(client, token, lead.reference)
    assert str(lead.lead_id) not in answer.text


async def test_a_hit_tells_the_condition_and_the_status_to_those_who_may_see_them(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    ours, asked = await a_condition(session, "DMD"), await a_condition(session, "GBM")
    person = await a_person(session, first_name="Ines", last_name="Carvalho")
    await a_patient(session, person, medical_condition_id=ours.medical_condition_id, status="paused")
    asking = await a_person(session, first_name="Jan", last_name="Carvalho")
    await a_lead(session, asking, medical_condition_id=asked.medical_condition_id, status="contacting")
    token = await as_user(client, session, settings, "navigator")

    seen = {text for _, text in _options(await _find(client, token, "carvalho"))}
    token = await as_user(client, session, settings, "privacy_officer")
    hidden = await _find(client, token, person.reference)

    assert len(seen) == 2
    for name, condition, status in (("Ines", ours.name, "Paused"), ("Jan", asked.name, "Contacting")):
        assert any(all(part in text for part in (name, condition, status)) for text in seen), (name, seen)
    assert hidden.status_code == 200
    assert ours.name not in hidden.text
