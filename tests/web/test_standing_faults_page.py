"""The page of records in which something does not fit together, by plain HTTP as without JavaScript."""

import re
from datetime import UTC, date, datetime

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.oversight import standing_faults
from app.people.models import ContactType, PersonContactType
from app.platform.settings import Settings
from tests import builders
from tests.browsing import signed_in, somebody

BEFORE_AT = datetime(1980, 5, 15, 9, tzinfo=UTC)
PAGE = "/standing-faults"


async def _enter_as(client: httpx.AsyncClient, session: AsyncSession, settings: Settings, role: str) -> None:
    who = await somebody(session, settings, role)
    await signed_in(client, session, who.account_id)


async def test_what_is_wrong_is_said_in_words_with_a_link_to_where_it_is_mended(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    born = {"date_of_birth": date(1980, 5, 17)}
    patient = await builders.a_patient(session, await builders.a_person(session, last_name="Abendroth", **born))
    await builders.a_call(session, patient, call_date=BEFORE_AT)
    lead = await builders.a_lead(session, wake_up_on=date(2026, 5, 4))
    helper = await builders.a_person(session, **born)
    task = await builders.a_task(session, helper, due_at=BEFORE_AT)
    await session.commit()
    await _enter_as(client, session, settings, "data_steward")

    shown, calls = await client.get(PAGE), await client.get(PAGE, params={"record_type": "call_history"})

    assert shown.status_code == calls.status_code == 200
    assert "Call date: Lies before the birth date of the person." in shown.text
    assert f'href="/patients/{patient.patient_id}" title="Anna Abendroth"' in shown.text
    assert f'href="/leads/{lead.lead_id}"' in shown.text
    assert f'href="/history/tasks/{task.task_id}"' in shown.text
    assert "3 records" in shown.text
    assert "1 record" in calls.text
    assert PAGE in (await client.get("/")).text


async def test_what_has_no_history_leads_to_the_person(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await builders.a_person(session, date_of_birth=date(1980, 5, 17))
    kind = ContactType(type_name="a kind of its own")
    session.add(kind)
    await session.flush()
    session.add(
        PersonContactType(person_id=person.person_id, contact_type_id=kind.contact_type_id, valid_from=BEFORE_AT)
    )
    await session.commit()
    await _enter_as(client, session, settings, "data_steward")

    assert f'href="/history/persons/{person.person_id}"' in (await client.get(PAGE)).text


async def test_parts_are_looked_through_one_after_the_other(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_faults, "LOOKED_AT", 2)
    patient = await builders.a_patient(session, await builders.a_person(session, date_of_birth=date(1980, 5, 17)))
    for moment in (datetime(2026, 1, 5, 9, tzinfo=UTC),) * 3 + (BEFORE_AT,):
        await builders.a_call(session, patient, call_date=moment)
    await session.commit()
    await _enter_as(client, session, settings, "data_steward")

    async def look(address: str) -> str:
        return (await client.get(address.replace("&amp;", "&"))).text

    texts = [await look(f"{PAGE}?record_type=call_history")]
    while further := re.search(r'href="([^"]+cursor=[^"]+)"', texts[-1]):
        texts.append(await look(further[1]))

    assert "Nothing found in this part" in texts[0]
    assert "1 record" in texts[1]
    assert "Nothing found in the last part" in texts[-1]
    assert "Nothing stands wrong" in await look(f"{PAGE}?record_type=task")


@pytest.mark.parametrize(("role", "status"), [("auditor", 200), ("navigator", 403)])
async def test_those_who_may_see_faults_see_the_page(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, role: str, status: int
) -> None:
    await builders.a_patient(session, status="paused")
    await session.commit()
    await _enter_as(client, session, settings, role)

    answer = await client.get(PAGE)

    assert answer.status_code == status
    assert "This status needs a reason." not in answer.text
