"""What hangs on somebody is added, changed and ended on the page of their record, by plain HTTP as without a script."""

import re
from datetime import date, timedelta
from html import unescape
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.service import command_actor
from app.audit.models import AuditEvent
from app.hospitals.models import Hospital
from app.patients.models import PatientPhysicianRelationship
from app.people.models import ContactPoint, Person, PersonContactType, PersonRelationship
from app.people.roles import give_role
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user
from tests.builders import a_lead, a_patient, a_person, a_physician
from tests.web.test_facts import PART, text_of

KINDS = ("patients", "leads", "people")


def fields_in(answer: httpx.Response) -> dict[str, str]:
    """What the open form would send when nothing is typed, by the names of its fields."""
    form = answer.text[answer.text.index("data-fact-form") :]
    form = form[: form.index("</form>")]
    found = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', form))
    found |= dict(re.findall(r'<textarea[^>]* name="(\w+)"[^>]*>([^<]*)</textarea>', form))
    for name, options in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return {name: unescape(value) for name, value in found.items()}


def undo_in(answer: httpx.Response) -> str:
    """Where the toast of a page takes back what was done."""
    found = re.search(r'<form method="post" action="([^"]+/undo[^"]+)"', answer.text)
    assert found, answer.text[-3000:]
    return unescape(found[1])


@pytest.fixture
async def person(session: AsyncSession) -> Person:
    made = await a_person(session, first_name="Inês", last_name="Carvalho", phone="06 3846 7472", country="NL")
    await session.commit()
    return made


async def page_of(session: AsyncSession, person: Person, kind: str) -> str:
    """The record of this kind of a person."""
    if kind == "people":
        return f"/people/{person.person_id}"
    key: UUID = (
        (await a_patient(session, person)).patient_id if kind == "patients" else (await a_lead(session, person)).lead_id
    )
    await session.commit()
    return f"/{kind}/{key}"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_contact_point_is_added_removed_and_put_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person, kind: str
) -> None:
    here = await page_of(session, person, kind)
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}

    form = await client.get(f"{here}/contact-points/new")
    added = await client.post(
        f"{here}/contact-points/new",
        data=fields_in(form) | token | {"kind": "phone", "value": "06 1111 2222"},
        headers=ORIGIN,
    )
    shown = await client.get(here)
    point = (await session.scalars(select(ContactPoint).where(ContactPoint.person_id == person.person_id))).one()
    removed = await client.post(
        f"{here}/contact-points/{point.contact_point_id}/edit", data=token | {"was": "wrong"}, headers=ORIGIN
    )
    gone = await client.get(here)
    back = await client.post(undo_in(gone), data=token, headers=ORIGIN)
    again = await client.get(here)

    assert (added.status_code, added.headers["location"]) == (303, here)
    assert "Further phone 06 1111 2222" in text_of(shown)
    assert "Contact point added." in shown.text
    assert removed.status_code == 303
    assert "06 1111 2222" not in text_of(gone)
    assert back.status_code == 303
    assert "Undone." in again.text
    assert "Further phone 06 1111 2222" in text_of(again)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_role_is_given_changed_and_ended_and_the_end_is_taken_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person, kind: str
) -> None:
    session.add(Hospital(name="UMC Noord", city="Groningen"))
    here = await page_of(session, person, kind)
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}

    form = await client.get(f"{here}/roles/new")
    typed = {"type_name": "caregiver", "valid_from": "2026-01-02 09:30", "hospital_id_typed": "umc"}
    given = await client.post(f"{here}/roles/new", data=fields_in(form) | token | typed, headers=ORIGIN)
    role = (
        await session.scalars(
            select(PersonContactType)
            .where(PersonContactType.person_id == person.person_id)
            .order_by(PersonContactType.valid_from)
        )
    ).first()
    assert role is not None, given.text
    at = f"{here}/roles/{role.person_contact_type_id}"
    open_form = await client.get(f"{at}/edit")
    changed = await client.post(f"{at}/edit", data=fields_in(open_form) | token | {"job_title": "Aunt"}, headers=ORIGIN)
    ended = await client.post(
        f"{at}/end", data=token | {"seen": fields_in(await client.get(f"{at}/edit"))["seen"]}, headers=ORIGIN
    )
    over = await client.get(here)
    back = await client.post(undo_in(over), data=token, headers=ORIGIN)
    await session.refresh(role)

    assert 'value="UMC Noord"' in open_form.text
    assert 'value="2026-01-02 09:30"' in open_form.text
    assert (given.status_code, changed.status_code, ended.status_code, back.status_code) == (303, 303, 303, 303)
    assert "Role ended." in over.text
    assert (role.job_title, role.valid_to) == ("Aunt", None)
    assert role.valid_from.isoformat() == "2026-01-02T09:30:00+00:00"


@pytest.mark.parametrize(("acts", "said"), [("they", "Parent Maria Carvalho"), ("this", "Parent of Maria Carvalho")])
async def test_a_relationship_is_made_either_way_with_somebody_found_by_name(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person, acts: str, said: str
) -> None:
    mother = await a_person(session, first_name="Maria", last_name="Carvalho")
    here = await page_of(session, person, "patients")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    typed = {"related_person_id_typed": "Maria Carvalho", "acts": acts, "relationship_type": "parent"}

    form = await client.get(f"{here}/relationships/new")
    made = await client.post(f"{here}/relationships/new", data=fields_in(form) | token | typed, headers=ORIGIN)
    shown = await client.get(here)
    row = (await session.scalars(select(PersonRelationship))).one()
    at = f"{here}/relationships/{row.person_relationship_id}"
    seen = fields_in(await client.get(f"{at}/edit"))["seen"]
    ended = await client.post(f"{at}/end", data=token | {"seen": seen}, headers=ORIGIN)
    over = await client.get(here)

    assert made.status_code == 303, text_of(made)
    assert said in text_of(shown)
    assert {row.person_id, row.related_person_id} == {mother.person_id, person.person_id}
    assert row.person_id == (mother.person_id if acts == "they" else person.person_id)
    assert ended.status_code == 303
    assert "until" in text_of(over)


async def test_of_several_who_fit_one_is_chosen_from_the_form_that_comes_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    for born in (date(1961, 5, 4), date(1980, 1, 1)):
        await a_person(session, first_name="Maria", last_name="Lindqvist", date_of_birth=born)
    here = await page_of(session, person, "patients")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    typed = {"related_person_id_typed": "Maria Lindqvist", "acts": "they", "relationship_type": "sibling"}

    form = fields_in(await client.get(f"{here}/relationships/new")) | token | typed
    refused = await client.post(f"{here}/relationships/new", data=form, headers=ORIGIN)
    offered = re.findall(r'<input type="radio"[^>]*name="related_person_id" value="([^"]+)"', refused.text)
    chosen = fields_in(refused) | token | {"related_person_id": offered[0]}
    made = await client.post(f"{here}/relationships/new", data=chosen, headers=ORIGIN)

    assert refused.status_code == 422
    assert "Several fit. Choose one of them." in text_of(refused)
    assert "1961" in text_of(refused)
    assert len(offered) == 2
    assert made.status_code == 303, text_of(made)
    assert str((await session.scalars(select(PersonRelationship.person_id))).one()) == offered[0]


async def test_a_physician_joins_the_care_team_changes_their_part_and_leaves_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    doctor = await a_physician(session, await a_person(session, first_name="Greta", last_name="Holm"))
    here = await page_of(session, person, "patients")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    typed = {"physician_id_typed": "Holm", "relationship_type": "treating", "is_primary": "true"}

    form = await client.get(f"{here}/physicians/new")
    linked = await client.post(f"{here}/physicians/new", data=fields_in(form) | token | typed, headers=ORIGIN)
    shown = await client.get(here)
    link = (await session.scalars(select(PatientPhysicianRelationship))).one()
    at = f"{here}/physicians/{link.patient_physician_id}"
    changed = await client.post(
        f"{at}/edit",
        data=fields_in(await client.get(f"{at}/edit")) | token | {"relationship_type": "specialist"},
        headers=ORIGIN,
    )
    seen = fields_in(await client.get(f"{at}/edit"))["seen"]
    ended = await client.post(f"{at}/end", data=token | {"seen": seen}, headers=ORIGIN)
    over = await client.get(here)
    back = await client.post(undo_in(over), data=token, headers=ORIGIN)
    await session.refresh(link)

    assert linked.status_code == 303, text_of(linked)
    assert "Treating Greta Holm , primary" in text_of(shown)
    assert f'href="/people/{doctor.person_id}"' in shown.text
    assert (changed.status_code, ended.status_code, back.status_code) == (303, 303, 303)
    assert (link.relationship_type, link.end_date, link.is_primary) == ("specialist", None, True)


async def test_every_wrong_field_is_named_and_what_was_typed_comes_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    typed = {"related_person_id_typed": "Nobody Atall", "start_date": "the day after", "notes": "Said by phone"}

    form = fields_in(await client.get(f"{here}/relationships/new")) | token | typed
    refused = await client.post(f"{here}/relationships/new", data=form, headers=ORIGIN)

    assert refused.status_code == 422
    said = text_of(refused)
    assert "3 fields need another look" in said
    assert "Nobody is called so. Add them, or write the name another way." in said
    assert "Give a day" in said
    assert {name: fields_in(refused)[name] for name in typed} == typed


async def test_what_somebody_else_changed_meanwhile_is_shown_beside_ones_own(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    await give_role(session, command_actor(), person_id=person.person_id, type_name="caregiver", since=clock.now())
    role = (await session.scalars(select(PersonContactType))).one()
    role.job_title = "Aunt"
    await session.flush()
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    at = f"{here}/roles/{role.person_contact_type_id}/edit"
    mine = fields_in(await client.get(at)) | token | {"job_title": "Neighbour"}

    role.job_title = "Sister"
    await session.commit()
    refused = await client.post(at, data=mine, headers=ORIGIN)
    chosen = await client.post(
        at, data=fields_in(refused) | token | {"job_title": fields_in(refused)["job_title"]}, headers=ORIGIN
    )
    await session.refresh(role)

    assert refused.status_code == 412
    assert "Now: Sister" in text_of(refused)
    assert fields_in(refused)["job_title"] == "Neighbour"
    assert chosen.status_code == 303
    assert role.job_title == "Neighbour"


async def test_a_part_is_answered_with_the_facts_and_a_message_that_undoes(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    here = await page_of(session, person, "patients")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}

    form = await client.get(f"{here}/contact-points/new", headers=PART)
    added = await client.post(
        f"{here}/contact-points/new",
        data=token | {"kind": "email", "value": "ines@example.org", "is_shared": "false"},
        headers=ORIGIN | PART,
    )

    assert "<html" not in form.text
    assert "<html" not in added.text
    assert 'id="record-about"' in added.text
    assert "/undo?since=0&until=1" in added.headers["hx-trigger"]


async def test_an_undo_that_comes_too_late_changes_nothing_and_says_why(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    await give_role(session, command_actor(), person_id=person.person_id, type_name="caregiver", since=clock.now())
    role = (await session.scalars(select(PersonContactType))).one()
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    at = f"{here}/roles/{role.person_contact_type_id}"
    seen = fields_in(await client.get(f"{at}/edit"))["seen"]
    await client.post(f"{at}/end", data=token | {"seen": seen}, headers=ORIGIN)
    undo = undo_in(await client.get(here))

    await session.refresh(role)
    role.job_title = "Aunt"
    await session.commit()
    refused = await client.post(undo, data=token, headers=ORIGIN)
    shown = await client.get(here)
    await session.refresh(role)

    assert refused.status_code == 303
    assert "Not undone. It was changed meanwhile." in text_of(shown)
    assert role.valid_to is not None


async def test_who_may_not_change_is_offered_nothing_and_refused(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "auditor")}

    shown = await client.get(here)
    form = await client.get(f"{here}/roles/new")
    sent = await client.post(f"{here}/roles/new", data=token | {"type_name": "caregiver"}, headers=ORIGIN)

    assert "/roles/new" not in shown.text
    assert "/facts/" not in shown.text
    assert (form.status_code, sent.status_code) == (403, 403)


async def test_one_of_another_person_is_not_found(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    other = await a_person(session)
    await give_role(session, command_actor(), person_id=other.person_id, type_name="caregiver", since=clock.now())
    role = (await session.scalars(select(PersonContactType.person_contact_type_id))).one()
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}

    answers = [
        await client.get(f"{here}/roles/{role}/edit"),
        await client.post(f"{here}/roles/{role}/edit", data=token | {"job_title": "x"}, headers=ORIGIN),
        await client.post(f"{here}/roles/{role}/end", data=token, headers=ORIGIN),
        await client.post(f"{here}/roles/{role}/undo?since=1&until=2", data=token, headers=ORIGIN),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4


async def test_each_change_leaves_an_event_that_names_both_people(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    other = await a_person(session, first_name="Maria", last_name="Carvalho")
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    typed = {"related_person_id": str(other.person_id), "relationship_type": "parent", "acts": "this"}

    made = await client.post(f"{here}/relationships/new", data=token | typed, headers=ORIGIN)
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "add_relationship"))).one()

    assert made.status_code == 303, text_of(made)
    assert set(event.person_ids or []) == {person.person_id, other.person_id}


async def test_an_edit_is_taken_back_with_every_field_that_it_changed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    await give_role(session, command_actor(), person_id=person.person_id, type_name="caregiver", since=clock.now())
    role = (await session.scalars(select(PersonContactType))).one()
    role.job_title = "Aunt"
    later = clock.now() + timedelta(days=30)
    role.valid_to = later
    await session.flush()
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    at = f"{here}/roles/{role.person_contact_type_id}"

    typed = {"job_title": "Neighbour", "valid_to": ""}
    edited = await client.post(
        f"{at}/edit", data=fields_in(await client.get(f"{at}/edit")) | token | typed, headers=ORIGIN
    )
    await session.refresh(role)
    changed = (role.job_title, str(role.valid_to))
    back = await client.post(undo_in(await client.get(here)), data=token, headers=ORIGIN)
    await session.refresh(role)

    assert (edited.status_code, back.status_code) == (303, 303)
    assert changed == ("Neighbour", "None")
    assert (role.job_title, role.valid_to) == ("Aunt", later)


async def test_an_end_that_came_earlier_than_planned_is_taken_back_to_the_planned_one(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    doctor = await a_physician(session, await a_person(session, first_name="Greta", last_name="Holm"))
    here = await page_of(session, person, "patients")
    later = clock.today() + timedelta(days=30)
    link = PatientPhysicianRelationship(
        patient_id=UUID(here.rpartition("/")[2]),
        physician_id=doctor.physician_id,
        relationship_type="treating",
        end_date=later,
    )
    session.add(link)
    await session.commit()
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    at = f"{here}/physicians/{link.patient_physician_id}"
    seen = fields_in(await client.get(f"{at}/edit"))["seen"]

    await client.post(f"{at}/end", data=token | {"seen": seen}, headers=ORIGIN)
    await client.post(undo_in(await client.get(here)), data=token, headers=ORIGIN)
    await session.refresh(link)

    assert link.end_date == later


async def test_what_a_colleague_changed_is_not_taken_back_by_an_undo(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    await give_role(session, command_actor(), person_id=person.person_id, type_name="caregiver", since=clock.now())
    role = (await session.scalars(select(PersonContactType))).one()
    role.job_title = "Aunt"
    await session.flush()
    await session.refresh(role)
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    at = f"{here}/roles/{role.person_contact_type_id}"

    await client.post(f"{at}/undo?since={role.version - 1}&until={role.version}", data=token, headers=ORIGIN)
    shown = await client.get(here)
    await session.refresh(role)

    assert "Not undone. It was changed meanwhile." in text_of(shown)
    assert role.job_title == "Aunt"


async def test_a_former_number_that_was_added_again_by_mistake_is_a_former_one_again(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    here = await page_of(session, person, "people")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    new = token | {"kind": "phone", "value": "06 1111 2222", "is_shared": "false"}
    await client.post(f"{here}/contact-points/new", data=new, headers=ORIGIN)
    point = (await session.scalars(select(ContactPoint).where(ContactPoint.person_id == person.person_id))).one()
    at = f"{here}/contact-points/{point.contact_point_id}/edit"
    await client.post(at, data=token | {"was": "former"}, headers=ORIGIN)

    await client.get(here)
    await client.post(f"{here}/contact-points/new", data=new, headers=ORIGIN)
    back = await client.post(undo_in(await client.get(here)), data=token, headers=ORIGIN)
    await session.refresh(point)

    assert back.status_code == 303
    assert point.was == "former"


async def _to_somebody_new(
    client: httpx.AsyncClient, here: str, token: dict[str, str], typed: str
) -> tuple[httpx.Response, httpx.Response]:
    """The form that comes back for somebody who is not found, and what follows when they are to be added."""
    sent = {"related_person_id_typed": typed, "acts": "this", "relationship_type": "parent"}
    form = fields_in(await client.get(f"{here}/relationships/new")) | token | sent
    asked = await client.post(f"{here}/relationships/new", data=form, headers=ORIGIN)
    again = fields_in(asked) | token | {"related_person_id": "new"}
    return asked, await client.post(f"{here}/relationships/new", data=again, headers=ORIGIN)


async def test_somebody_who_is_no_person_yet_is_added_with_the_relationship(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    here = await page_of(session, person, "patients")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}

    offered = await client.post("/pickers/people-or-new", data=token | {"q": "Sanne Vos"}, headers=ORIGIN)
    asked, made = await _to_somebody_new(client, here, token, "Sanne Vos")

    row = (await session.scalars(select(PersonRelationship))).one()
    daughter = await session.get_one(Person, row.related_person_id)
    assert 'data-value="new" data-text="Sanne Vos"' in offered.text
    assert "Add Sanne Vos as a new person" in text_of(offered)
    assert asked.status_code == 422
    assert made.status_code == 303, text_of(made)
    assert (daughter.first_name, daughter.last_name) == ("Sanne", "Vos")
    assert row.person_id == person.person_id


async def test_nobody_is_added_while_something_else_is_wrong(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    here = await page_of(session, person, "patients")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    sent = {
        "related_person_id_typed": "Sanne Vos", "related_person_id_for": "Sanne Vos", "related_person_id": "new",
        "acts": "this", "relationship_type": "parent", "start_date": "the day after",
    }  # fmt: skip
    form = fields_in(await client.get(f"{here}/relationships/new")) | token | sent
    refused = await client.post(f"{here}/relationships/new", data=form, headers=ORIGIN)
    added = (await session.scalars(select(Person).where(Person.last_name == "Vos"))).all()
    assert refused.status_code == 422
    assert 'value="Sanne Vos"' in refused.text
    assert added == []


async def test_a_person_who_is_found_is_not_offered_to_be_added(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, person: Person
) -> None:
    await page_of(session, person, "patients")
    token = {"csrf_token": await as_user(client, session, settings, "navigator")}
    known = await a_person(session, first_name="Sanne", last_name="Vos")
    await session.commit()
    offered = await client.post("/pickers/people-or-new", data=token | {"q": "Sanne Vos"}, headers=ORIGIN)
    assert f'data-value="{known.person_id}"' in offered.text
    assert 'data-value="new"' not in offered.text
