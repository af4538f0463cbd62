"""Each opt-out of a person says since when it stands and what brought it: a submission, a colleague, the migration."""

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform import clock
from app.platform.settings import Settings
from tests import builders
from tests.browsing import as_user
from tests.conftest import AsRole

PERSONS = "/api/v1/persons"
ANNA = {"first_name": "Anna", "last_name": "Bos", "email": "anna.bos@example.org"}
WISH = "do_not_contact_channels"


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


async def opt_outs(client: httpx.AsyncClient, headers: dict[str, str], person_id: str) -> dict[str, dict[str, Any]]:
    answer = await client.get(f"{PERSONS}/{person_id}", headers=headers)
    assert answer.status_code == 200, answer.text
    return {one.pop("channel"): one for one in answer.json()["opt_outs"]}


@pytest.mark.parametrize("kind", ["persons", "patients", "leads"])
async def test_an_opt_out_of_somebody_new_names_the_submission(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str], kind: str
) -> None:
    person = ANNA | {WISH: ["phone", "email"]}
    sick = {"medical_condition_id": str((await builders.a_condition(session)).medical_condition_id)}
    body: dict[str, Any] = person if kind == "persons" else {"person": person} | sick
    made = await client.post(f"/api/v1/{kind}", json=body | {"source": "contact_form"}, headers=navigator)
    assert made.status_code == 201, made.text

    person_id = made.json()["person_id"]
    found = await opt_outs(client, navigator, person_id)

    created = (await client.get(f"{PERSONS}/{person_id}", headers=navigator)).json()["created_at"]
    brought = {
        "since": created,
        "intake_submission_id": made.json()["intake_submission_id"],
        "source": "contact_form",
        "entered_by": None,
    }
    assert found == {"email": brought, "phone": brought}


async def test_an_opt_out_names_what_brought_it_last(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    machine = await as_role("integration")
    account, navigator = await builders.a_colleague(session)
    colleague = str(account.user_account_id)
    made = await client.post(PERSONS, json=ANNA, headers=machine)
    person_id = made.json()["person_id"]
    place = f"{PERSONS}/{person_id}"

    async def arrives(*channels: str) -> str:
        answer = await client.post(PERSONS, json=ANNA | {WISH: channels}, headers=machine)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["intake_submission_id"])

    async def by_hand(*channels: str) -> None:
        assert (await client.put(place, json={WISH: channels}, headers=navigator)).status_code == 200

    async def brought() -> dict[str, tuple[str | None, str | None]]:
        found = await opt_outs(client, navigator, person_id)
        return {channel: (one["intake_submission_id"], one["entered_by"]) for channel, one in found.items()}

    assert await brought() == {}
    first = await arrives("phone")
    await arrives("phone", "phone")
    assert await brought() == {"phone": (first, None)}
    await by_hand("phone", "email")
    both = await arrives("email", "post")
    assert await brought() == {"phone": (first, None), "email": (None, colleague), "post": (both, None)}
    await by_hand("post")
    await by_hand("phone", "post")
    assert await brought() == {"phone": (None, colleague), "post": (both, None)}
    await by_hand()
    again = await arrives("post", "phone")
    assert await brought() == {"phone": (again, None), "post": (again, None)}
    await client.put(place, json={"is_active": False}, headers=navigator)
    back = await arrives("messaging")
    assert await brought() == {"phone": (again, None), "post": (again, None), "messaging": (back, None)}


async def test_an_opt_out_says_since_when_it_stands_without_a_break(
    client: httpx.AsyncClient, navigator: dict[str, str]
) -> None:
    place = f"{PERSONS}/{(await client.post(PERSONS, json=ANNA, headers=navigator)).json()['person_id']}"
    changes = [
        {WISH: ["phone"]},
        {"country": "NL"},
        {WISH: []},
        {WISH: ["phone"]},
        *[{"phone": str(n)} for n in range(60)],
    ]
    times = [clock.now()]
    for change in changes:
        assert (await client.put(place, json=change, headers=navigator)).status_code == 200
        times.append(clock.now())

    (found,) = (await client.get(place, headers=navigator)).json()["opt_outs"]

    assert times[3].isoformat() < found["since"].replace("Z", "+00:00") < times[4].isoformat()


async def test_a_migrated_opt_out_stands_since_the_person_does(
    client: httpx.AsyncClient, session: AsyncSession, navigator: dict[str, str]
) -> None:
    person = await builders.a_person(session, **{WISH: ["email"]})
    await session.commit()

    found = await opt_outs(client, navigator, str(person.person_id))

    since = found["email"].pop("since")
    assert since.replace("Z", "+00:00") == person.created_at.isoformat()
    assert found == {"email": {"intake_submission_id": None, "source": None, "entered_by": None}}


async def test_who_sees_people_masked_sees_no_opt_out(
    client: httpx.AsyncClient, as_role: AsRole, navigator: dict[str, str]
) -> None:
    made = await client.post(PERSONS, json=ANNA | {WISH: ["phone"]}, headers=navigator)

    assert await opt_outs(client, await as_role("auditor"), made.json()["person_id"]) == {}


@pytest.mark.parametrize("kind", ["patients", "leads"])
async def test_the_head_of_a_record_says_since_when_and_by_what(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, kind: str
) -> None:
    account, navigator = await builders.a_colleague(session)
    sick = {"medical_condition_id": str((await builders.a_condition(session)).medical_condition_id)}
    body = {"person": ANNA | {WISH: ["email"]}, "source": "contact_form"} | sick
    made = (await client.post(f"/api/v1/{kind}", json=body, headers=navigator)).json()
    await client.put(f"{PERSONS}/{made['person_id']}", json={WISH: ["email", "phone"]}, headers=navigator)
    address = f"/{kind}/{made['patient_id' if kind == 'patients' else 'lead_id']}"
    await as_user(client, session, settings, "navigator")
    page = await client.get(address)
    await as_user(client, session, settings, "auditor")
    masked = await client.get(address)

    assert (page.status_code, masked.status_code) == (200, 200)
    assert "hand-stop" not in masked.text
    for label, reason in (
        ("No e-mail", "since today, sent by contact form"),
        ("No phone", f"since today, entered by {account.display_name}"),
    ):
        assert f'title="{reason}"' in page.text
        assert f'{label}<span class="visually-hidden">, {reason}</span>' in page.text
