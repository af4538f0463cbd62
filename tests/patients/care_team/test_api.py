"""Who treats a patient: linked, changed, ended, never two primary ones."""

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.patients.models import Patient
from app.physicians.models import Physician
from app.platform import clock
from app.platform.db import constraint_name
from tests.builders import a_patient, a_physician
from tests.conftest import AsRole

Headers = dict[str, str]


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    made = await a_patient(session)
    await session.commit()
    return made


@pytest.fixture
async def physician(session: AsyncSession) -> Physician:
    made = await a_physician(session)
    await session.commit()
    return made


@pytest.fixture
async def navigator(as_role: AsRole) -> Headers:
    return await as_role("navigator")


def url(patient: Patient) -> str:
    return f"/api/v1/patients/{patient.patient_id}/physicians"


async def link(
    client: httpx.AsyncClient, headers: Headers, patient: Patient, physician: Physician, **values: object
) -> httpx.Response:
    body = {"physician_id": str(physician.physician_id), "relationship_type": "treating"} | values
    return await client.post(url(patient), json=body, headers=headers)


async def test_linked_physician_stands_in_the_list_with_the_name(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, physician: Physician
) -> None:
    made = await link(client, navigator, patient, physician, is_primary=True, start_date="2026-01-01")

    assert made.status_code == 201, made.text
    assert made.json()["physician"]["person"]["last_name"] == "Jansen"
    assert (made.json()["is_primary"], made.json()["is_current"]) == (True, True)
    listed = (await client.get(url(patient), headers=navigator)).json()
    assert (listed["items"], listed["total"]) == ([made.json()], 1)


async def test_second_primary_and_the_same_part_twice_are_refused(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, physician: Physician, session: AsyncSession
) -> None:
    other = await a_physician(session)
    await session.commit()
    first = (await link(client, navigator, patient, physician, is_primary=True)).json()

    second = await link(client, navigator, patient, other, is_primary=True)
    again = await link(client, navigator, patient, physician)
    beside = await link(client, navigator, patient, physician, relationship_type="referring")

    assert (second.status_code, second.json()["code"]) == (409, "primary_exists")
    assert (again.status_code, again.json()["code"]) == (409, "already_linked")
    kept = {"patient_physician_id": first["patient_physician_id"], "physician_id": str(physician.physician_id)}
    kept |= {"relationship_type": "treating", "is_primary": True}
    assert second.json()["existing"] == again.json()["existing"] == kept
    assert beside.status_code == 201
    place = f"{url(patient)}/{beside.json()['patient_physician_id']}"
    for change, code in (
        ({"is_primary": True}, "primary_exists"),
        ({"relationship_type": "treating"}, "already_linked"),
    ):
        refused = await client.put(place, json=change, headers=navigator)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        assert refused.json()["existing"] == kept


async def test_deleted_link_has_ended_today_and_stays(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, physician: Physician
) -> None:
    made = await link(client, navigator, patient, physician, is_primary=True)
    place = f"{url(patient)}/{made.json()['patient_physician_id']}"

    stale = await client.delete(place, headers={**navigator, "If-Match": '"9"'})
    ended = await client.delete(place, headers={**navigator, "If-Match": made.headers["etag"]})
    again = await client.delete(place, headers=navigator)

    assert (stale.status_code, ended.status_code, again.status_code) == (412, 204, 204)
    [kept] = (await client.get(url(patient), headers=navigator)).json()["items"]
    assert (kept["end_date"], kept["is_primary"], kept["version"]) == (clock.today().isoformat(), False, 2)
    current = await client.get(url(patient), params={"is_current": "true"}, headers=navigator)
    past = await client.get(url(patient), params={"is_current": "false"}, headers=navigator)
    assert (current.json()["total"], past.json()["total"]) == (0, 1)
    assert (await link(client, navigator, patient, physician)).status_code == 201, "and may begin anew"


async def test_put_changes_the_fields_given(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, physician: Physician
) -> None:
    made = await link(client, navigator, patient, physician, start_date="2026-01-10")
    place = f"{url(patient)}/{made.json()['patient_physician_id']}"

    changed = await client.put(place, json={"is_primary": True}, headers={**navigator, "If-Match": '"1"'})
    stale = await client.put(place, json={"is_primary": False}, headers={**navigator, "If-Match": '"1"'})
    disordered = await client.put(place, json={"end_date": "2026-01-09", "is_primary": False}, headers=navigator)
    ended_primary = await client.put(place, json={"end_date": "2026-02-01"}, headers=navigator)

    assert (changed.json()["is_primary"], changed.json()["start_date"]) == (True, "2026-01-10")
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert (disordered.status_code, disordered.json()["errors"][0]["field"]) == (422, "end_date")
    assert (ended_primary.status_code, ended_primary.json()["errors"][0]["code"]) == (422, "primary_is_current")


async def test_link_is_found_under_its_own_patient_only(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, physician: Physician, session: AsyncSession
) -> None:
    other = await a_patient(session)
    await session.commit()
    made = (await link(client, navigator, patient, physician)).json()
    nobody = "00000000-0000-7000-8000-000000000000"

    elsewhere = await client.put(f"{url(other)}/{made['patient_physician_id']}", json={}, headers=navigator)
    unknown_patient = await client.get(f"/api/v1/patients/{nobody}/physicians", headers=navigator)
    unknown_physician = await client.post(
        url(patient), json={"physician_id": nobody, "relationship_type": "treating"}, headers=navigator
    )

    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "patient_physician_not_found")
    assert (unknown_patient.status_code, unknown_patient.json()["code"]) == (404, "patient_not_found")
    assert unknown_physician.json()["errors"][0]["field"] == "physician_id"


async def test_reading_the_list_is_on_record_with_patient_and_physician(
    client: httpx.AsyncClient, navigator: Headers, patient: Patient, physician: Physician, session: AsyncSession
) -> None:
    await link(client, navigator, patient, physician)
    await client.get(url(patient), headers=navigator)

    shown = await session.scalars(
        select(AuditEvent.person_ids).where(AuditEvent.action.in_(["link_physician", "list_physicians_of_patient"]))
    )
    assert [set(people or ()) for people in shown] == [{patient.person_id, physician.person_id}] * 2


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("'friend', false, NULL, NULL", "ck_patient_physician_relationship_type_known"),
        ("'treating', false, '2026-02-01', '2026-01-01'", "ck_patient_physician_relationship_dates_in_order"),
        ("'treating', true, NULL, '2026-01-01'", "ck_patient_physician_relationship_primary_is_current"),
        ("'referring', false, NULL, NULL", "uq_patient_physician_relationship_current"),
        ("'treating', true, NULL, NULL", "uq_patient_physician_relationship_primary"),
    ],
)
async def test_database_keeps_the_rules(
    session: AsyncSession, patient: Patient, physician: Physician, values: str, constraint: str
) -> None:
    insert = (
        "INSERT INTO patient_physician_relationship "
        "(patient_id, physician_id, relationship_type, is_primary, start_date, end_date) "
        "VALUES (:patient, :physician, {})"
    )
    who = {"patient": patient.patient_id, "physician": physician.physician_id}
    await session.execute(text(insert.format("'referring', true, NULL, NULL")), who)
    with pytest.raises(IntegrityError) as refused:
        await session.execute(text(insert.format(values)), who)
    assert constraint_name(refused.value) == constraint
