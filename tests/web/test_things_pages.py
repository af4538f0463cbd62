"""The pages of physicians, hospitals, conditions, trials and programmes, by plain HTTP as without JavaScript."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.conditions.models import ConditionSynonym
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapProgram
from app.journeys.trial.models import ClinicalTrial
from app.patients.models import PatientPhysicianRelationship
from app.physicians.models import Physician
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user, token_in
from tests.builders import a_condition, a_patient, a_person, a_physician, a_programme, a_trial, a_trial_journey


@dataclass(frozen=True)
class Made:
    """A thing in the database: its page, a role that may change it, and what a change and a wrong one send."""

    here: str
    role: str
    said: str
    change: dict[str, str]
    afterwards: str
    wrong: dict[str, str]


async def _physician(session: AsyncSession) -> Made:
    physician = await a_physician(session, await a_person(session, first_name="Greta", last_name="Holm"))
    here = f"/physicians/{physician.physician_id}"
    return Made(
        here, "navigator", "Greta Holm", {"job_title": "Head of surgery"}, "Head of surgery", {"hospital_id": "x"}
    )


async def _hospital(session: AsyncSession) -> Made:
    hospital = Hospital(name="UMC Noord", city="Groningen", country="NL")
    session.add(hospital)
    await session.flush()
    here = f"/hospitals/{hospital.hospital_id}"
    return Made(here, "data_steward", "UMC Noord", {"country": "Portugal"}, "Portugal", {"name": ""})


async def _specialization(session: AsyncSession) -> Made:
    specialization = Specialization(name="Neurology")
    session.add(specialization)
    await session.flush()
    here = f"/specializations/{specialization.specialization_id}"
    return Made(here, "data_steward", "Neurology", {"description": "Of nerves"}, "Of nerves", {"name": ""})


async def _condition(session: AsyncSession) -> Made:
    condition = await a_condition(session)
    here = f"/conditions/{condition.medical_condition_id}"
    return Made(
        here, "data_steward", condition.name, {"synonyms": "Rare one\nAnother one"}, "Another one", {"name": ""}
    )


async def _trial(session: AsyncSession) -> Made:
    trial = await a_trial(session)
    here = f"/trials/{trial.clinical_trial_id}"
    return Made(here, "programme_manager", trial.trial_id, {"phase": "Phase II"}, "Phase II", {"status": "gone"})


async def _programme(session: AsyncSession) -> Made:
    programme = await a_programme(session)
    here = f"/programmes/{programme.eap_program_id}"
    return Made(here, "programme_manager", programme.name, {"countries": "NL, pt"}, "NL, PT", {"product": ""})


KINDS = (_physician, _hospital, _specialization, _condition, _trial, _programme)


def form_in(answer: httpx.Response) -> dict[str, str]:
    """What the form of a page would send when nothing is typed."""
    page = answer.text[answer.text.index('<form class="form"') :]
    page = page[: page.index("</form>")]
    found = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', page))
    found |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>([^<]*)</textarea>', page))
    for name, options in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return {name: html.unescape(value) for name, value in found.items()}


@pytest.mark.parametrize("make", KINDS)
async def test_one_is_found_opened_and_changed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, make: Callable[..., Any]
) -> None:
    made = await make(session)
    await session.commit()
    await as_user(client, session, settings, made.role)

    listed = await client.get(made.here.rpartition("/")[0])
    shown, form = await client.get(made.here), await client.get(f"{made.here}/edit")
    unchanged = await client.post(f"{made.here}/edit", data=form_in(form), headers=ORIGIN)
    saved = await client.post(f"{made.here}/edit", data=form_in(form) | made.change, headers=ORIGIN)
    afterwards = await client.get(made.here)
    changes = select(AuditEvent.field_names).where(AuditEvent.action.like("change%"))
    events = (await session.scalars(changes.order_by(AuditEvent.audit_event_id))).all()

    assert made.here in listed.text
    assert made.said in html.unescape(listed.text)
    assert made.said in html.unescape(shown.text)
    assert token_in(form)
    assert (unchanged.status_code, saved.status_code) == (303, 303), saved.text
    assert made.afterwards in afterwards.text
    assert events == [None, list(made.change)]


@pytest.mark.parametrize("make", KINDS)
async def test_a_wrong_field_comes_back_with_what_was_typed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, make: Callable[..., Any]
) -> None:
    made = await make(session)
    await session.commit()
    await as_user(client, session, settings, made.role)
    form = await client.get(f"{made.here}/edit")

    answer = await client.post(f"{made.here}/edit", data=form_in(form) | made.change | made.wrong, headers=ORIGIN)

    assert answer.status_code == 422
    assert "1 field needs another look" in answer.text
    assert next(iter(made.change.values())).splitlines()[-1] in answer.text


@pytest.mark.parametrize("make", KINDS)
async def test_what_a_colleague_saved_meanwhile_is_shown_and_not_written_over(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, make: Callable[..., Any]
) -> None:
    made = await make(session)
    await session.commit()
    await as_user(client, session, settings, made.role)
    form = form_in(await client.get(f"{made.here}/edit"))
    name = next(iter(made.change))
    third = {"country": "ES", "countries": "ES"}.get(name, "Third")
    first = await client.post(f"{made.here}/edit", data={**form, **made.change}, headers=ORIGIN)

    refused = await client.post(f"{made.here}/edit", data={**form, name: third}, headers=ORIGIN)
    again = await client.post(f"{made.here}/edit", data=form_in(refused) | made.change, headers=ORIGIN)

    assert (first.status_code, refused.status_code, again.status_code) == (303, 412, 303)
    assert "Somebody saved this record" in refused.text
    assert "Now: " in refused.text
    assert f'value="{third}"' in refused.text or f">{third}</textarea>" in refused.text


@pytest.mark.parametrize("make", KINDS)
async def test_an_auditor_reads_and_changes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, make: Callable[..., Any]
) -> None:
    made = await make(session)
    await session.commit()
    token = await as_user(client, session, settings, "auditor")

    shown, form = await client.get(made.here), await client.get(f"{made.here}/edit")
    changed = await client.post(f"{made.here}/edit", data={"csrf_token": token, **made.change}, headers=ORIGIN)

    assert (shown.status_code, form.status_code, changed.status_code) == (200, 403, 403)
    assert "/edit" not in shown.text


@pytest.mark.parametrize(
    ("place", "role", "typed", "model"),
    [
        ("/hospitals", "navigator", {"name": "Clínica Nova", "country": "pt"}, Hospital),
        ("/conditions", "data_steward", {"name": "Rare thing", "synonyms": "RT\r\nR. thing"}, ConditionSynonym),
        ("/trials", "programme_manager", {"trial_id": "nct 01234567"}, ClinicalTrial),
        ("/programmes", "programme_manager", {"name": "Hope", "product": "H-1", "countries": "NL"}, EapProgram),
    ],
)
async def test_a_new_one_is_added_once(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    place: str,
    role: str,
    typed: dict[str, str],
    model: Any,
) -> None:
    token = await as_user(client, session, settings, role)

    form = await client.get(f"{place}/new")
    made = await client.post(f"{place}/new", data={"csrf_token": token, **typed}, headers=ORIGIN)
    again = await client.post(f"{place}/new", data={"csrf_token": token, **typed}, headers=ORIGIN)
    listed, shown = await client.get(place), await client.get(made.headers["location"])

    assert (form.status_code, shown.status_code) == (200, 200)
    assert (made.status_code, again.status_code) == (303, 409), made.text
    assert (await session.scalars(select(model))).all() != []
    assert f"{place}/new" in listed.text


async def test_physician_shows_whom_they_treat_and_hospital_its_physicians(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    hospital = Hospital(name="UMC Noord")
    session.add(hospital)
    await session.flush()
    doctor = await a_physician(
        session, await a_person(session, first_name="Greta", last_name="Holm"), hospital_id=hospital.hospital_id
    )
    people = [await a_person(session, first_name="Ines", last_name=name) for name in ("Treated", "Deleted", "Former")]
    patients = [await a_patient(session, person) for person in people]
    for patient in patients:
        session.add(
            PatientPhysicianRelationship(
                patient_id=patient.patient_id, physician_id=doctor.physician_id, relationship_type="treating"
            )
        )
    await session.flush()
    patients[1].deleted_at, patients[1].deleted_by = clock.now(), uuid4()
    await session.execute(
        text("UPDATE patient_physician_relationship SET end_date = '2020-01-01' WHERE patient_id = :id"),
        {"id": patients[2].patient_id},
    )
    await session.commit()
    await as_user(client, session, settings, "navigator")

    of_doctor = await client.get(f"/physicians/{doctor.physician_id}")
    of_hospital = await client.get(f"/hospitals/{hospital.hospital_id}")
    shown = select(AuditEvent.person_ids).where(AuditEvent.action.in_(["show_physician", "show_hospital"]))
    persons: list[set[UUID]] = [
        set(ids or ()) for ids in await session.scalars(shown.order_by(AuditEvent.audit_event_id))
    ]

    assert "Ines Treated" in of_doctor.text
    assert "Ines Deleted" not in of_doctor.text
    assert "Ines Former" not in of_doctor.text
    assert "Greta Holm" in of_hospital.text
    assert persons == [{doctor.person_id, people[0].person_id}, {doctor.person_id}]


async def test_trial_shows_the_journeys_into_it_to_those_who_see_where_they_stand(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Ines", last_name="Carvalho"))
    trial = await a_trial(session)
    await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id, status="site_review")
    await session.commit()

    said = {}
    for role in ("navigator", "programme_manager", "auditor"):
        await as_user(client, session, settings, role)
        said[role] = (await client.get(f"/trials/{trial.clinical_trial_id}")).text

    assert "Ines Carvalho" in said["navigator"]
    assert "Site review" in said["programme_manager"]
    assert "Carvalho" not in said["programme_manager"]
    assert "Site review" not in said["auditor"]


async def test_condition_counts_who_has_it_for_those_who_may_ask(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    await session.commit()
    here = f"/conditions/{patient.medical_condition_id}"

    said = {}
    for role in ("navigator", "auditor"):
        await as_user(client, session, settings, role)
        said[role] = (await client.get(here)).text

    assert f"/patients?medical_condition_id={patient.medical_condition_id}" in said["navigator"]
    assert "medical_condition_id=" not in said["auditor"]


async def test_physician_list_is_searched_by_name_and_not_by_a_licence_in_the_address(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_physician(session, await a_person(session, first_name="Greta", last_name="Holm"), job_title="Surgeon")
    await session.commit()
    token = await as_user(client, session, settings, "navigator")

    found = await client.post("/physicians", data={"csrf_token": token, "q": "holm"}, headers=ORIGIN)
    asked = await client.get("/physicians", params={"medical_license_number": "x"})
    physician = (await session.scalars(select(Physician))).one()

    assert f"/physicians/{physician.physician_id}" in found.text
    assert asked.status_code == 422
