"""A list as a file: with a reason, masked as on the page, everybody in it on record."""

import csv
import io
from collections.abc import Mapping, Sequence
from uuid import UUID

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.exports.models import ListExport
from app.main import create_app
from app.oversight.words import did
from app.platform.settings import Settings
from app.web import screens  # noqa: F401 - fills LISTS
from app.web.exports import OF_EMPTY, TEXTS, privacy_of
from app.web.listing import LISTS
from tests.browsing import ORIGIN, as_user, signed_in, somebody
from tests.builders import a_call, a_lead, a_patient, a_person
from tests.conftest import BoundDatabase

HEALTH = {
    "/standing-faults": {"faults"},
    "/leads": {"condition", "wakes_up"},
    "/patients": {"condition", "journey", "next_call", "last_contact"},
    "/calls": {"when", "state", "condition"},
    "/tasks": {"task", "due"},
    "/suggestions": {"ours", "theirs"},
    "/documents": {"title", "kind", "expires"},
}
SENT = {"reason": "The monthly meeting.", "format": "csv", "columns": ["name", "status"]}
_DONE = AuditEvent.outcome == "done"


async def _export(
    client: httpx.AsyncClient, token: str, place: str = "/leads", **sent: str | Sequence[str]
) -> httpx.Response:
    data: Mapping[str, str | Sequence[str]] = {"csrf_token": token, **SENT, **sent}
    return await client.post(f"{place}/export/file", data=data, headers=ORIGIN)


def _rows(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    if "csv" in answer.headers["content-type"]:
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    return [[str(value) for value in row] for row in sheet.iter_rows(values_only=True)]


def test_every_cell_of_every_list_has_words_for_a_file() -> None:
    cells = {column.cell for shown in LISTS.values() for column in shown.columns}
    assert cells == {*TEXTS, "owner"}
    assert TEXTS.keys() >= OF_EMPTY


def test_health_columns_are_those_whose_field_says_so() -> None:
    found = {
        path: {column.key for column in shown.columns if privacy_of(shown, column) == "health"}
        for path, shown in LISTS.items()
    }
    assert {path: keys for path, keys in found.items() if keys} == HEALTH


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_what_is_filtered_is_taken_out_whole_with_everybody_on_record(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, format_: str
) -> None:
    people = [await a_person(session, first_name=f"Ada{number}", last_name="Visser") for number in range(205)]
    for person in people:
        await a_lead(session, person)
    other = await a_person(session, first_name="Cato", last_name="Bos")
    await a_lead(session, other, status="contacting")
    await session.commit()
    ids = {person.person_id for person in people}
    token = await as_user(client, session, settings, "data_steward")

    answer = await _export(client, token, format=format_, status="new")

    head, *rows = _rows(answer)
    assert head == ["Name", "Status"]
    assert sorted(rows) == sorted([f"Ada{number} Visser", "New"] for number in range(205))
    of_file = select(AuditEvent.person_ids).where(AuditEvent.action == "export_leads", _DONE)
    (persons,) = (await session.scalars(of_file)).all()
    assert set(persons or ()) == ids
    kept = (await session.execute(select(ListExport.reason, ListExport.row_count, ListExport.columns))).one()
    assert tuple(kept) == ("The monthly meeting.", 205, ["name", "status"])


async def test_the_form_asks_why_and_ticks_no_health_data(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session, await a_person(session, first_name="Ada", last_name="Visser"))
    await session.commit()
    token = await as_user(client, session, settings, "data_steward")

    shown = await client.get("/leads")
    form = await client.post("/leads/export", data={"csrf_token": token, "status": "new"}, headers=ORIGIN)
    wrong = await _export(client, token, reason=" ", columns=[])
    exports = (await session.scalars(select(ListExport))).all()

    assert 'action="/leads/export"' in shown.text
    assert form.status_code == 200
    assert "Ada" not in form.text
    assert 'name="columns" value="status" checked' in form.text
    assert 'name="columns" value="condition"' in form.text
    assert 'name="columns" value="condition" checked' not in form.text
    assert 'name="status" value="new"' in form.text
    assert wrong.status_code == 422
    assert exports == []


async def test_the_trail_says_that_a_file_left_of_a_file_alone(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await a_lead(session, await a_person(session, first_name="Ada", last_name="Visser"))
    await session.commit()
    token = await as_user(client, session, settings, "data_steward")

    await client.post("/leads/export", data={"csrf_token": token}, headers=ORIGIN)
    await _export(client, token, reason=" ")
    asked = {"csrf_token": token, **SENT}
    assert (await client.post("/leads/export/request", data=asked, headers=ORIGIN)).status_code == 303
    before = (await session.scalars(select(AuditEvent).order_by(AuditEvent.audit_event_id))).all()
    await _export(client, token)
    (file,) = await session.scalars(select(AuditEvent).where(AuditEvent.action == "export_leads", _DONE))
    await as_user(client, session, settings, "auditor")
    trail = await client.get("/audit")

    told = [str(did(event.action)) for event in before if event.outcome == "done"]
    assert told[-2:] == ["Opened the form of a file", "Asked a second person for a file"]
    assert str(did(file.action)) == "Taken out as a file"
    assert trail.text.count(">Taken out as a file<") == 1
    assert "Not done: taken out as a file" in trail.text


async def test_what_a_role_sees_masked_stays_masked(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session, await a_person(session, first_name="Ada", last_name="Visser"))
    await a_call(session, patient, notes="Sleeps badly.")
    reference = (await a_person(session)).reference
    await session.commit()
    assert reference
    token = await as_user(client, session, settings, "programme_manager")

    patients = await _export(client, token, "/patients", columns=["name", "condition", "owner"])
    calls = await _export(client, token, "/calls", columns=["name", "condition", "when"])

    for answer in (patients, calls):
        assert "Visser" not in answer.text
        assert "Sleeps" not in answer.text
        assert "•••" in answer.text
        assert _rows(answer)[1][0].startswith("Person P-")


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_what_begins_like_a_formula_is_text(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, format_: str
) -> None:
    for name in ("=1+1", "+1", "-1", "@x"):
        await a_lead(session, await a_person(session, first_name=name, last_name=None))
    await session.commit()
    token = await as_user(client, session, settings, "data_steward")

    _, *rows = _rows(await _export(client, token, format=format_, columns=["name"]))

    assert sorted(row[0] for row in rows) == ["'+1", "'-1", "'=1+1", "'@x"]


async def test_more_rows_than_one_person_may_take_are_refused_with_what_is_needed(
    bound: BoundDatabase, session: AsyncSession, settings: Settings
) -> None:
    for _ in range(4):
        await a_lead(session)
    who = await somebody(session, settings, "data_steward")
    answers = []
    for most in (3, 4):
        app = create_app(settings.model_copy(update={"list_export_rows": most}), bound)
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
            token = await signed_in(browser, session, who.account_id)
            answers.append(await _export(browser, token))
    kept: list[UUID] = list((await session.scalars(select(ListExport.list_export_id))).all())

    assert [answer.status_code for answer in answers] == [409, 200]
    assert "a second person is needed" in answers[0].text
    assert "The monthly meeting." in answers[0].text
    assert len(kept) == 1


@pytest.mark.parametrize("role", ["navigator", "auditor", "admin"])
async def test_who_has_not_the_permission_takes_nothing_out(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, role: str
) -> None:
    await a_lead(session)
    await session.commit()
    token = await as_user(client, session, settings, role)
    shown = await client.get("/leads")
    answer = await _export(client, token)
    assert answer.status_code == 403
    assert "/leads/export" not in shown.text


async def test_a_search_is_taken_out_as_it_was_typed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    for name in ("Visser", "Bos"):
        await a_lead(session, await a_person(session, first_name="Ada", last_name=name))
    await session.commit()
    token = await as_user(client, session, settings, "data_steward")
    _, *rows = _rows(await _export(client, token, q="visser"))
    assert rows == [["Ada Visser", "New"]]
