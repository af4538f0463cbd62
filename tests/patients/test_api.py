"""The door of the patients: registered once, brought back, changed with their person, deleted."""

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from tests.builders import a_condition
from tests.conftest import AsRole

URL = "/api/v1/patients"


async def body(session: AsyncSession, **values: object) -> dict[str, object]:
    condition = await a_condition(session)
    person = {"first_name": "Jan", "last_name": "de Vries", "email": "jan@example.org", "phone": "+31 6 12345678"}
    return {"person": person, "medical_condition_id": str(condition.medical_condition_id)} | values


async def test_a_patient_is_registered_once_and_returns_to_the_same_record(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    new = await body(session)
    made = await client.post(URL, json=new, headers=navigator)

    person = {"first_name": "JAN", "last_name": "de Vries-Bos", "email": " JAN@Example.ORG "}
    again = await client.post(URL, json=new | {"person": person}, headers=navigator)

    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{URL}/{made.json()['patient_id']}"
    assert made.json()["match"]["outcome"] == "new_person"
    assert again.status_code == 200, again.text
    assert again.json()["patient_id"] == made.json()["patient_id"]
    assert again.json()["person"] == made.json()["person"]
    assert again.json()["match"]["outcome"] == "returning_patient"
    assert [(s["field"], s["theirs"]) for s in again.json()["match"]["suggested_changes"]] == [
        ("last_name", "de Vries-Bos")
    ]
    assert again.headers["etag"] == made.headers["etag"] == '"1.1"'
