"""Suggested changes are found: on Today, in their own list, in the head of a record and in the list of patients."""

import re
from datetime import date
from html import unescape
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.conditions.models import MedicalCondition
from app.hospitals.models import Hospital
from app.people import queries
from app.people.birth_dates import BirthDate
from app.people.models import Person, SuggestedChange
from app.people.schemas import SuggestedChangeFilter
from app.people.suggestions import value_hash
from app.platform import clock
from app.platform.actor import Actor
from app.platform.settings import Settings
from tests.browsing import ORIGIN, Somebody, as_user, signed_in, somebody
from tests.builders import a_lead, a_patient, a_person
from tests.plans import plan
from tests.web.test_undo_pages import undo_of


async def _suggest(session: AsyncSession, person: Person, field: str, theirs: str, **more: Any) -> SuggestedChange:
    made = SuggestedChange(
        **{
            "person_id": person.person_id,
            "table_name": "person",
            "record_id": person.person_id,
            "field": field,
            "ours": getattr(person, field, None),
            "ours_version": 1,
            "theirs": theirs,
            "value_hash": value_hash(theirs),
            "source": "contact_form",
            **more,
        }
    )
    session.add(made)
    await session.flush()
    return made


async def _me(session: AsyncSession, settings: Settings) -> Somebody:
    return await somebody(session, settings, "navigator", email="noor@crm.example", name="Noor Brandt")


async def _on_my_record(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, field: str, theirs: str, **values: str
) -> tuple[Person, SuggestedChange, str, str]:
    """The person of my patient, one change that is suggested of them, my token, and where it is decided."""
    me = await _me(session, settings)
    person = await a_person(session, **{"first_name": "Femke", "last_name": "Bakker"} | values)
    patient = await a_patient(session, person, owner_id=me.account_id)
    change = await _suggest(session, person, field, theirs)
    await session.commit()
    token = await signed_in(client, session, me.account_id)
    return person, change, token, f"/patients/{patient.patient_id}/suggested-changes/{change.suggested_change_id}"


async def test_today_lists_my_people_who_came_back_with_changes(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    mine = await a_person(session, first_name="Femke", last_name="Bakker")
    patient = await a_patient(session, mine, owner_id=me.account_id)
    for field, theirs in (("last_name", "Visser"), ("language", "nl")):
        await _suggest(session, mine, field, theirs)
    asked = await a_person(session, first_name="Emre", last_name="Weber")
    lead = await a_lead(session, asked, owner_id=me.account_id)
    await _suggest(session, asked, "last_name", "Weberova")
    other = await a_person(session, first_name="Karin", last_name="Holm")
    await a_patient(session, other)
    await _suggest(session, other, "last_name", "Lund")
    await session.commit()
    await signed_in(client, session, me.account_id)

    page = (await client.get("/today")).text

    section = page.partition('aria-label="Suggested changes"')[2].partition("</section>")[0]
    assert section.count("Femke Bakker") == 1, "one row a person"
    assert f'href="/patients/{patient.patient_id}#suggested"' in section
    assert f'href="/leads/{lead.lead_id}#suggested"' in section
    assert re.search(r"Last name: <del>.*?ours: </span>Bakker</del> <ins>.*?suggested: </span>Visser</ins>", section)
    assert re.search(r"Language: <del>.*?</del> <ins>.*?suggested: </span>Dutch</ins>", section)
    assert "Karin Holm" not in section


async def test_suggested_changes_are_a_list_of_mine_or_of_everybody_by_field_and_source(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    mine = await a_person(session, first_name="Femke", last_name="Bakker")
    patient = await a_patient(session, mine, owner_id=me.account_id)
    await _suggest(session, mine, "last_name", "Visser")
    other = await a_person(session, first_name="Karin", last_name="Holm")
    lead = await a_lead(session, other)
    await _suggest(session, other, "email", "karin@new.example", source="phone")
    alone = await a_person(session, first_name="Piet", last_name="Smit")
    await _suggest(session, alone, "last_name", "Smits", decision="rejected", decided_at=alone.created_at)
    await session.commit()
    await signed_in(client, session, me.account_id)

    async def named(asked: str) -> set[str]:
        page = await client.get(f"/suggestions{asked}")
        assert page.status_code == 200, asked
        return {name for name in ("Bakker", "Holm", "Smit") if re.search(rf"{name}\b", page.text)}

    assert await named("?decision=open") == {"Bakker", "Holm"}
    assert await named("?decision=open&owner=me") == {"Bakker"}
    assert await named("?field=email") == {"Holm"}
    assert await named("?source=phone") == {"Holm"}
    assert await named("?decision=rejected") == {"Smit"}
    shown = (await client.get("/suggestions?decision=open")).text
    assert f'href="/patients/{patient.patient_id}#suggested"' in shown
    assert f'href="/leads/{lead.lead_id}#suggested"' in shown
    assert "Visser" in shown
    assert 'href="/suggestions' in (await client.get("/today")).text


async def test_the_head_of_a_record_and_the_list_of_patients_say_that_changes_wait(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    mine = await a_person(session, first_name="Femke", last_name="Bakker")
    patient = await a_patient(session, mine, owner_id=me.account_id)
    lead = await a_lead(session, mine, owner_id=me.account_id)
    for field, theirs in (("last_name", "Visser"), ("language", "nl")):
        await _suggest(session, mine, field, theirs)
    none = await a_patient(session, await a_person(session, first_name="Karin", last_name="Holm"))
    await session.commit()
    await signed_in(client, session, me.account_id)

    for place in (f"/patients/{patient.patient_id}", f"/leads/{lead.lead_id}"):
        page = (await client.get(place)).text
        head = page.partition('id="record-head"')[2].partition("</header>")[0]
        assert 'href="#suggested"' in head, place
        assert "2 suggested changes" in head, place
        assert 'id="suggested"' in page, place
    assert "#suggested" not in (await client.get(f"/patients/{none.patient_id}")).text
    rows = (await client.get("/patients")).text.partition("<tbody")[2]
    assert rows.count(">2 suggested changes<") == 1


async def test_my_suggested_changes_are_read_from_my_caseload_and_not_from_the_whole_queue(
    session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    await a_patient(session, await a_person(session), owner_id=me.account_id)
    await session.execute(
        text(
            "WITH others AS (INSERT INTO person (last_name, reference) SELECT 'Other', 'P-' || n "
            "FROM generate_series(1000, 2000) AS n RETURNING person_id) "
            "INSERT INTO suggested_change (person_id, table_name, record_id, field, ours_version, theirs, value_hash, "
            "source) SELECT person_id, 'person', person_id, 'last_name', 1, '1', '', 'phone' FROM others"
        )
    )
    actor = Actor(me.account_id, "Noor", frozenset({"navigator"}), frozenset())

    ids = queries.suggested_ids(actor, SuggestedChangeFilter(owner="me", decision="open"))
    found = await plan(session, ids.order_by(SuggestedChange.created_at.desc()).limit(51))

    assert "ix_suggested_change_person_id" in found, found
    assert "ix_patient_owner_id" in found, found
    assert "ix_patient_lead_owner_id" in found, found


@pytest.mark.parametrize("owner", ["you", ""])
async def test_an_owner_is_me_or_not_asked_for(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, owner: str
) -> None:
    me = await _me(session, settings)
    await session.commit()
    await signed_in(client, session, me.account_id)

    assert (await client.get(f"/suggestions?owner={owner}")).status_code == (422 if owner else 200)


async def test_a_rejected_suggestion_says_in_the_timeline_that_ours_was_kept(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    patient = await a_patient(session, person := await a_person(session, language=None), owner_id=me.account_id)
    await _suggest(session, person, "language", "nl", decision="rejected", decided_at=clock.now())
    await session.commit()
    await signed_in(client, session, me.account_id)

    page = (await client.get(f"/patients/{patient.patient_id}")).text

    story = page.partition('<ol class="story">')[2].partition("</ol>")[0]
    said = " ".join(re.sub(r"<[^>]+>", " ", story).split())
    assert "Rejected: Dutch was suggested. Ours was kept: empty" in said
    assert "<del>" not in story


async def test_a_decided_suggestion_is_one_line_of_the_timeline_in_words(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    person = await a_person(session, first_name="Femke", language=None)
    patient = await a_patient(session, person, owner_id=me.account_id)
    await _suggest(session, person, "language", "nl", decision="accepted", decided_at=clock.now())
    await session.commit()
    await signed_in(client, session, me.account_id)

    page = (await client.get(f"/patients/{patient.patient_id}")).text

    line = page.partition('class="story-change"')[2].partition("</p>")[0]
    assert "empty" in line
    assert "Dutch" in line


async def _post(client: httpx.AsyncClient, token: str, place: str, **typed: str) -> httpx.Response:
    return await client.post(place, data={"csrf_token": token, **typed}, headers=ORIGIN)


@pytest.mark.parametrize(
    ("field", "ours", "theirs"),
    [
        ("last_name", "Bakker", "Visser"),
        ("language", None, "nl"),
        ("date_of_birth", BirthDate.of(date(1967, 3, 1), "month"), "1967-03-14"),
    ],
)
async def test_an_acceptance_is_taken_back_with_what_it_settled(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, field: str, ours: Any, theirs: str
) -> None:
    me = await _me(session, settings)
    person = await a_person(session, **({"first_name": "Femke", "last_name": "Bakker"} | {field: ours}))
    patient = await a_patient(session, person, owner_id=me.account_id)
    await session.flush()
    await session.refresh(person)
    stands = str(ours) if ours else None
    change = await _suggest(session, person, field, theirs, ours=stands)
    other = await _suggest(session, person, field, "de" if field == "language" else "1967-03-15", ours=stands)
    await session.commit()
    token = await signed_in(client, session, me.account_id)

    accepted = await _post(
        client, token, f"/patients/{patient.patient_id}/suggested-changes/{change.suggested_change_id}/accept"
    )
    for row in (person, change, other):
        await session.refresh(row)
    between = (str(getattr(person, field)), change.decision, other.decision)
    back = await _post(client, token, undo_of(accepted))
    for row in (person, change, other):
        await session.refresh(row)
    again = await _post(client, token, undo_of(accepted))

    assert between == (theirs, "accepted", "superseded")
    assert "Undone" in unquote(back.headers["set-cookie"])
    assert (getattr(person, field), change.decision, other.decision) == (ours, "open", "open")
    assert (change.decided_at, change.decided_by) == (None, None)
    assert "Not undone" in unquote(again.headers["set-cookie"])


async def test_what_somebody_changed_after_an_acceptance_is_not_taken_back(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person, change, token, here = await _on_my_record(client, session, settings, "last_name", "Visser")
    accepted = await _post(client, token, f"{here}/accept")

    await session.refresh(person)
    person.first_name = "Fem"
    await session.commit()
    late = await _post(client, token, undo_of(accepted))
    await session.refresh(person)
    await session.refresh(change)

    assert "Not undone" in unquote(late.headers["set-cookie"])
    assert (person.last_name, change.decision) == ("Visser", "accepted")


async def test_a_number_that_was_taken_over_has_no_undo(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    ours = {"phone": "+31 6 1234 5678"}
    person, _, token, here = await _on_my_record(client, session, settings, "phone", "+31 6 8765 4321", **ours)

    record, listed = await client.get(here.partition("/suggested")[0]), await client.get("/suggestions")
    accepted = await _post(client, token, f"{here}/accept")
    await session.refresh(person)
    forced = await _post(client, token, f"{here}/undo?since={person.version - 1}&until={person.version}")
    await session.refresh(person)

    for before in (record, listed):
        assert "No button undoes Accept." in before.text
    assert "Accepting an e-mail, a phone or a status cannot be undone by a button." in listed.text
    assert "/undo" not in unquote(accepted.headers["set-cookie"])
    assert "No button undoes this." in unquote(accepted.headers["set-cookie"])
    assert "Not undone" in unquote(forced.headers["set-cookie"])
    assert person.phone == "+31 6 8765 4321"


async def test_a_lead_is_disqualified_by_a_suggestion_with_its_reason(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    person = await a_person(session, first_name="Femke", last_name="Bakker")
    lead = await a_lead(session, person, owner_id=me.account_id)
    more = {"table_name": "patient_lead", "record_id": lead.lead_id, "ours": "new", "source": "import"}
    change = await _suggest(session, person, "status", "disqualified", **more)
    await session.commit()
    token = await signed_in(client, session, me.account_id)
    here = f"/leads/{lead.lead_id}"
    shown = await client.get(here)
    at = f"{here}/suggested-changes/{change.suggested_change_id}/accept"

    without = await _post(client, token, at)
    await session.refresh(lead)
    before = lead.status
    await _post(client, token, at, reason_code="spam_test")
    await session.refresh(lead)

    assert re.search(r'<select[^>]* name="reason_code"[^>]* required', shown.text)
    assert (without.status_code, before) == (422, "new")
    assert (lead.status, lead.reason_code) == ("disqualified", "spam_test")


async def test_a_listed_change_is_decided_where_it_stands_and_the_list_stays_as_it_is(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    person = await a_person(session, first_name="Femke", last_name="Bakker", language="en")
    name = await _suggest(session, person, "last_name", "Visser")
    language = await _suggest(session, person, "language", "nl")
    await session.commit()
    token = await signed_in(client, session, me.account_id)
    here = "/suggestions?decision=open&field=last_name"

    shown = (await client.get("/suggestions?decision=open")).text
    sent, seen = {"csrf_token": token}, {**ORIGIN, "referer": f"http://test{here}"}
    accepted = await client.post(f"/suggestions/{name.suggested_change_id}/accept", data=sent, headers=seen)
    rejected = await client.post(f"/suggestions/{language.suggested_change_id}/reject", data=sent, headers=seen)
    await session.refresh(person)
    taken = (person.last_name, person.language)
    back = await client.post(undo_of(accepted), data=sent, headers=seen)
    await session.refresh(person)
    await session.refresh(language)

    assert f'formaction="/suggestions/{name.suggested_change_id}/accept"' in shown
    assert "Last name of Femke Bakker" in shown
    assert [answer.headers["location"] for answer in (accepted, rejected, back)] == [here, here, here]
    assert taken == ("Visser", "en")
    assert person.last_name == "Bakker"
    assert language.decision == "rejected"


async def test_a_rejection_is_taken_back_while_nobody_has_decided_otherwise(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    _, change, token, here = await _on_my_record(client, session, settings, "last_name", "Visser")

    for place in (here, f"/suggestions/{change.suggested_change_id}"):
        rejected = await _post(client, token, f"{place}/reject")
        await session.refresh(change)
        between = change.decision
        back = await _post(client, token, undo_of(rejected))
        await session.refresh(change)
        again = await _post(client, token, undo_of(rejected))

        told = unquote(rejected.headers["set-cookie"])
        assert "Last name: ours is kept." in told
        assert "Bakker" not in told, "what lies in the browser names nobody"
        assert between == "rejected"
        assert "Undone" in unquote(back.headers["set-cookie"])
        assert (change.decision, change.decided_at, change.decided_by) == ("open", None, None)
        assert "Not undone" in unquote(again.headers["set-cookie"])

    # One that was rejected anew is not opened by the button of before, nor what a colleague has rejected.
    late = await _post(client, token, f"{here}/reject")
    old = await _post(client, token, undo_of(rejected))
    colleague = await as_user(client, session, settings, "navigator")
    others = await _post(client, colleague, undo_of(late))
    await session.refresh(change)
    assert all("Not undone" in unquote(answer.headers["set-cookie"]) for answer in (old, others))
    assert change.decision == "rejected"


@pytest.mark.parametrize(
    ("verb", "decision", "named", "told"),
    [
        ("reject", "rejected", "Femke Bakker", "ours is kept. The value is not suggested again."),
        ("accept", "accepted", "Femke Visser", "the suggested value is taken over."),
    ],
)
async def test_a_decision_in_the_list_is_told_in_its_row_with_whose_it_was(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    verb: str,
    decision: str,
    named: str,
    told: str,
) -> None:
    _, change, token, _ = await _on_my_record(client, session, settings, "last_name", "Visser")
    at = f"/suggestions/{change.suggested_change_id}"

    before = await client.get("/suggestions")
    answer = await client.post(f"{at}/{verb}", data={"csrf_token": token}, headers={**ORIGIN, "hx-request": "true"})
    await session.refresh(change)
    undo = re.search(r'data-undo-at="([^"]*)"', answer.text)
    assert undo
    await _post(client, token, unescape(undo[1]))
    decided = change.decision
    await session.refresh(change)

    assert answer.status_code == 200
    assert "No button undoes" not in before.text
    assert f'data-decided="{decision}"' in answer.text
    assert f'data-said="Last name of {named}: {told}"' in answer.text
    assert "crm_flash" not in answer.headers.get("set-cookie", "")
    assert (decided, change.decision) == (decision, "open")


async def test_a_value_that_leads_to_another_record_is_told_by_its_name(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await _me(session, settings)
    ours, theirs = MedicalCondition(name="Ours syndrome"), MedicalCondition(name="Theirs syndrome")
    hospital = Hospital(name="Erasmus MC")
    session.add_all([ours, theirs, hospital])
    person = await a_person(session, first_name="Femke", last_name="Bakker")
    patient = await a_patient(session, person)
    of_patient = {"table_name": "patient", "record_id": patient.patient_id}
    await session.flush()
    await _suggest(
        session, person, "medical_condition_id", str(theirs.medical_condition_id),
        ours=str(ours.medical_condition_id), **of_patient,
    )  # fmt: skip
    await _suggest(session, person, "hospital_id", str(hospital.hospital_id), table_name="physician")
    await session.commit()
    await signed_in(client, session, me.account_id)

    listed = (await client.get("/suggestions")).text
    record = (await client.get(f"/patients/{patient.patient_id}")).text

    for page in (listed, record):
        words = re.sub(r"<[^>]*>", " ", page)
        for told in ("Ours syndrome", "Theirs syndrome", "Erasmus MC", "Condition", "Hospital"):
            assert told in words, told
        for key in (ours.medical_condition_id, theirs.medical_condition_id, hospital.hospital_id):
            assert str(key) not in words
        assert "Hospital id" not in words


async def test_a_change_that_needs_a_reason_and_one_that_one_may_not_decide_have_no_buttons_in_the_list(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Femke", last_name="Bakker")
    lead = await a_lead(session, person)
    of_lead = {"table_name": "patient_lead", "record_id": lead.lead_id}
    needs = await _suggest(session, person, "status", "disqualified", ours="new", **of_lead)
    plain = await _suggest(session, person, "last_name", "Visser")
    await session.commit()

    await signed_in(client, session, (await _me(session, settings)).account_id)
    may = (await client.get("/suggestions")).text
    await as_user(client, session, settings, "auditor")
    may_not = (await client.get("/suggestions")).text

    assert f"/suggestions/{needs.suggested_change_id}/accept" not in may
    assert "Give a reason" in may
    assert f"/suggestions/{plain.suggested_change_id}/accept" in may
    assert "/accept" not in may_not
