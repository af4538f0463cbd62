"""Who works here is a person too: found by e-mail or made, a navigator by contact type for as long as they are one."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import users
from app.access.accounts.errors import PersonHasAccount
from app.access.models import UserAccount
from app.access.service import command_actor, create_api_key
from app.audit.models import AuditEvent
from app.people import colleagues
from app.people.models import ContactType, DuplicateCandidate, Person, PersonContactType
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import as_user
from tests.builders import a_patient, a_person

OPEN = {"email": "noor.bakker@crm.example", "display_name": "Noor Bakker"}


def _named(**changed: str) -> dict[str, Any]:
    return OPEN | changed


async def _open(session: AsyncSession, *roles: str, **changed: str) -> UserAccount:
    account = await colleagues.open_colleague(
        session, command_actor(), **_named(**changed), roles=roles or ("navigator",), now=clock.now()
    )
    await session.commit()
    return account


async def _person(session: AsyncSession, account: UserAccount) -> Person:
    found = await session.get(Person, account.person_id, populate_existing=True)
    assert found is not None
    return found


async def _roles(session: AsyncSession, account: UserAccount) -> list[tuple[str, bool]]:
    """The contact types of the account's person and whether each has an end."""
    rows = await session.execute(
        select(ContactType.type_name, PersonContactType.valid_to)
        .join(PersonContactType, PersonContactType.contact_type_id == ContactType.contact_type_id)
        .where(PersonContactType.person_id == account.person_id)
        .order_by(PersonContactType.valid_from)
    )
    return [(row.type_name, row.valid_to is not None) for row in rows]


async def test_a_new_colleague_is_a_new_person_and_a_navigator_by_contact_type(session: AsyncSession) -> None:
    account = await _open(session, display_name="Anna Maria de Vries")
    person = await _person(session, account)
    assert (person.first_name, person.last_name, person.email) == ("Anna", "Maria de Vries", OPEN["email"])
    assert await _roles(session, account) == [("patient-navigator", False)]


async def test_another_role_makes_a_person_but_no_navigator(session: AsyncSession) -> None:
    account = await _open(session, "auditor")
    assert account.person_id is not None
    assert await _roles(session, account) == []


async def test_a_person_we_know_by_this_address_is_the_colleague(session: AsyncSession) -> None:
    known = await a_person(session, first_name="Noor", last_name="Bakker", email="Noor.Bakker@crm.example")
    await a_patient(session, known)
    account = await _open(session)
    assert account.person_id == known.person_id
    assert await session.scalar(select(func.count()).where(Person.last_name == "Bakker")) == 1


async def test_somebody_else_of_this_address_is_not_taken_for_the_colleague_and_a_steward_decides(
    session: AsyncSession,
) -> None:
    other = await a_person(session, first_name="Piet", last_name="Jansen", email=OPEN["email"])
    account = await _open(session)
    assert account.person_id not in {None, other.person_id}
    pair = (await session.scalars(select(DuplicateCandidate))).one()
    assert {pair.person_id, pair.other_person_id} == {account.person_id, other.person_id}
    assert pair.decision == "open"


async def test_a_person_has_one_account(session: AsyncSession) -> None:
    first = await _open(session)
    first.email = first.email_key = "elsewhere@crm.example"
    await session.commit()
    with pytest.raises(PersonHasAccount):
        await colleagues.open_colleague(session, command_actor(), **_named(), roles=["auditor"], now=clock.now())


async def test_a_single_word_is_a_name(session: AsyncSession) -> None:
    account = await _open(session, display_name="Suharto")
    person = await _person(session, account)
    assert (person.first_name, person.last_name) == ("Suharto", None)
    assert await _roles(session, account) == [("patient-navigator", False)]


async def test_contact_type_follows_the_role_and_the_account(session: AsyncSession) -> None:
    account, actor, now = await _open(session), command_actor(), clock.now() + timedelta(minutes=1)
    await users.set_roles(session, actor, account_id=account.user_account_id, roles=["auditor"], now=now)
    for _ in range(2):
        await colleagues.settle(session, actor, account_id=account.user_account_id, now=now)
    assert await _roles(session, account) == [("patient-navigator", True)]
    later = now + timedelta(minutes=1)
    await users.set_roles(session, actor, account_id=account.user_account_id, roles=["navigator"], now=later)
    await colleagues.settle(session, actor, account_id=account.user_account_id, now=later)
    assert await _roles(session, account) == [("patient-navigator", True), ("patient-navigator", False)]
    account.is_active = False
    await session.flush()
    await colleagues.settle(session, actor, account_id=account.user_account_id, now=later + timedelta(minutes=1))
    assert await _roles(session, account) == [("patient-navigator", True)] * 2


async def test_whom_the_page_invites_is_the_navigator_of_the_calls_they_log(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "admin")
    form = {"csrf_token": token, **OPEN, "roles": "navigator"}
    made = await client.post("/users", data=form)
    assert made.status_code == 303, made.text
    account = (await session.scalars(select(UserAccount).where(UserAccount.email == OPEN["email"]))).one()
    assert account.person_id is not None
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "invite_user"))).one()
    assert (event.record_type, event.record_id) == ("user_account", account.user_account_id)
    assert event.person_ids == [account.person_id]
    patient = await a_patient(session)
    key = await create_api_key(session, command_actor(), account_id=account.user_account_id, name="test")
    await session.commit()
    logged = await client.post(
        "/api/v1/call-history",
        json={"patient_id": str(patient.patient_id), "call_date": "2026-03-14T09:30:00Z"},
        headers={"Authorization": f"Bearer {key}"},
    )
    assert (logged.status_code, logged.json()["pn_id"]) == (201, str(account.person_id))

    place = f"/users/{account.user_account_id}"
    await client.post(f"{place}/disable", data={"csrf_token": token})
    assert await _roles(session, account) == [("patient-navigator", True)]
    await client.post(f"{place}/enable", data={"csrf_token": token})
    await client.post(f"{place}/roles", data={"csrf_token": token, "roles": ["auditor"]})
    assert [ended for _, ended in await _roles(session, account)] == [True, True]


async def test_the_invitation_of_an_address_of_a_patient_tells_the_administrator_nothing(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "admin")
    await a_patient(session, await a_person(session, first_name="Piet", last_name="Jansen", email="piet@crm.example"))
    await session.commit()
    answers = []
    for email in ("piet@crm.example", "nobody@crm.example"):
        form = {"csrf_token": token, "email": email, "display_name": "Noor Bakker", "roles": "auditor"}
        answer = await client.post("/users", data=form)
        answers.append((answer.status_code, answer.headers["location"].rpartition("/")[0], answer.text))
    assert answers[0] == answers[1]
    assert answers[0][0] == 303
