"""The pages of those who came back after a death or a withdrawal, by plain HTTP as without JavaScript."""

from datetime import date

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.departures.models import CameBack, PersonDeparture
from app.people.models import IntakeSubmission
from app.platform.settings import Settings
from tests import builders
from tests.browsing import ORIGIN, signed_in, somebody


@pytest.mark.parametrize("last_name", ["Abendroth", None])
@pytest.mark.parametrize(("role", "clear"), [("navigator", True), ("privacy_officer", False)])
async def test_owner_and_privacy_officer_see_the_item_and_close_it_with_a_reason(
    client: httpx.AsyncClient,
    session: AsyncSession,
    settings: Settings,
    role: str,
    last_name: str | None,
    *,
    clear: bool,
) -> None:
    owner = await somebody(session, settings, "navigator", email="owner@crm.example")
    viewer = owner if clear else await somebody(session, settings, role, email="officer@crm.example")
    person = await builders.a_person(session, first_name="Roswitha", last_name=last_name)
    submission = IntakeSubmission(
        source="contact_form", payload={}, person_id=person.person_id, match_outcome="existing_person"
    )
    withdrawn = PersonDeparture(
        person_id=person.person_id, kind="withdrawn", departed_on=date(2026, 11, 1), reason="Asked us to stop."
    )
    session.add_all([submission, withdrawn])
    await session.flush()
    item = CameBack(
        person_id=person.person_id,
        kind="withdrawn",
        intake_submission_id=submission.intake_submission_id,
        owner_id=owner.account_id,
    )
    session.add(item)
    await session.commit()
    token = await signed_in(client, session, viewer.account_id)
    place = f"/came-back/{item.came_back_id}"

    listed, shown = await client.get("/came-back"), await client.get(place)
    empty = await client.post(f"{place}/close", data={"csrf_token": token, "reason": " "}, headers=ORIGIN)
    closed = await client.post(
        f"{place}/close", data={"csrf_token": token, "reason": "They stay away."}, headers=ORIGIN
    )
    waiting, decided = await client.get("/came-back"), await client.get("/came-back", params={"state": "closed"})
    again = await client.post(f"{place}/close", data={"csrf_token": token, "reason": "x"}, headers=ORIGIN)

    assert (listed.status_code, shown.status_code, empty.status_code, closed.status_code) == (200, 200, 422, 303)
    for answer in (listed, shown):
        assert ("Roswitha" in answer.text) is clear
        assert "a withdrawal" in answer.text
        assert "None" not in answer.text
    assert str(item.came_back_id) not in waiting.text
    assert str(item.came_back_id) in decided.text
    assert again.status_code == 409


async def test_somebody_else_sees_neither_list_nor_item(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    owner = await somebody(session, settings, "navigator", email="owner@crm.example")
    other = await somebody(session, settings, "navigator", email="other@crm.example")
    steward = await somebody(session, settings, "data_steward", email="steward@crm.example")
    person = await builders.a_person(session, first_name="Roswitha")
    submission = IntakeSubmission(
        source="contact_form", payload={}, person_id=person.person_id, match_outcome="existing_person"
    )
    session.add(submission)
    await session.flush()
    item = CameBack(
        person_id=person.person_id,
        kind="deceased",
        intake_submission_id=submission.intake_submission_id,
        owner_id=owner.account_id,
    )
    session.add(item)
    await session.commit()

    await signed_in(client, session, other.account_id)
    listed, shown = await client.get("/came-back"), await client.get(f"/came-back/{item.came_back_id}")
    await signed_in(client, session, steward.account_id)
    refused = await client.get("/came-back")

    assert "Roswitha" not in listed.text
    assert (shown.status_code, refused.status_code) == (404, 403)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("deceased", "after a death"),
        ("withdrawn", "after a withdrawal"),
        ("opted_out", "a wish not to be contacted"),
    ],
)
async def test_today_and_the_list_say_why_the_item_is_there(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, kind: str, why: str
) -> None:
    owner = await somebody(session, settings, "navigator", email="owner@crm.example")
    person = await builders.a_person(session)
    submission = IntakeSubmission(source="api", payload={}, person_id=person.person_id, match_outcome="existing_person")
    session.add(submission)
    await session.flush()
    session.add(
        CameBack(
            person_id=person.person_id,
            kind=kind,
            intake_submission_id=submission.intake_submission_id,
            owner_id=owner.account_id,
        )
    )
    await session.commit()
    await signed_in(client, session, owner.account_id)

    today, listed = await client.get("/today"), await client.get("/came-back")

    assert f'<span class="today-why">{why}</span>' in today.text
    assert f"{why}</span>" in listed.text
