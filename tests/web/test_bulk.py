"""Several records of a list changed at once, and taken back, by plain HTTP as without JavaScript."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.events.models import JourneyEvent
from app.leads.models import PatientLead
from app.main import create_app
from app.patients.models import Patient
from app.platform import clock
from app.platform.settings import Caseload, Settings
from app.tasks.models import Task
from tests.browsing import ORIGIN, Somebody, as_user, signed_in, somebody
from tests.builders import a_lead, a_patient, a_person, a_task
from tests.conftest import BoundDatabase
from tests.web.test_patients_pages import statements

Sent = Mapping[str, str | Sequence[str]]


@pytest.fixture
async def me(session: AsyncSession, settings: Settings) -> Somebody:
    return await somebody(session, settings, "navigator", email="me@crm.example", name="Noor Brandt")


@pytest.fixture
async def colleague(session: AsyncSession, settings: Settings) -> Somebody:
    return await somebody(session, settings, "navigator", email="colleague@crm.example", name="Karim Osei")


@pytest.fixture
async def token(client: httpx.AsyncClient, session: AsyncSession, me: Somebody) -> str:
    return await signed_in(client, session, me.account_id)


async def _leads(session: AsyncSession, count: int, **values: Any) -> list[PatientLead]:
    people = [await a_person(session, first_name=f"Ada{number}", last_name="Visser") for number in range(count)]
    found = [await a_lead(session, person, **values) for person in people]
    await session.commit()
    return found


def _done(answer: httpx.Response) -> list[str]:
    return re.findall(r'name="done" value="([^"]+)"', answer.text)


async def _send(client: httpx.AsyncClient, token: str, place: str, sent: Sent) -> httpx.Response:
    return await client.post(place, data={"csrf_token": token, **sent}, headers=ORIGIN)


async def _owners(session: AsyncSession) -> list[UUID | None]:
    found = await session.execute(select(PatientLead.owner_id).order_by(PatientLead.lead_id))
    return list(found.scalars())


async def test_several_leads_are_assigned_with_an_event_each_and_undone(
    client: httpx.AsyncClient, session: AsyncSession, token: str, colleague: Somebody
) -> None:
    leads = await _leads(session, 4)
    ids = [str(lead.lead_id) for lead in leads]
    sent = {"id": ids[:3], "do": "assign", "to_owner": str(colleague.account_id), "status": "new"}

    shown = await client.get("/leads")
    answer = await _send(client, token, "/leads/bulk", sent)
    assert await _owners(session) == [colleague.account_id] * 3 + [None]
    undone = await _send(client, token, "/leads/undo", {"done": _done(answer), "status": "new"})

    assert shown.text.count('form="bulk"') == 4
    assert 'data-combobox="/pickers/leads-to"' in shown.text
    assert f'<option value="{colleague.account_id}"' not in shown.text
    assert "Assigned 3 leads." in answer.text
    assert 'data-list-address="/leads?status=new"' in answer.text
    assert "Undone for 3 leads." in undone.text
    assert await _owners(session) == [None] * 4
    events = (await session.execute(select(AuditEvent.action, AuditEvent.record_id, AuditEvent.field_names))).all()
    for action in ("change_lead", "undo_lead"):
        assert {(row.record_id, *row.field_names) for row in events if row.action == action} == {
            (lead.lead_id, "owner_id") for lead in leads[:3]
        }


async def test_what_was_changed_meanwhile_is_left_and_named(
    client: httpx.AsyncClient, session: AsyncSession, token: str, colleague: Somebody
) -> None:
    leads = await _leads(session, 2)
    sent = {"id": [str(lead.lead_id) for lead in leads], "do": "assign", "to_owner": str(colleague.account_id)}
    answer = await _send(client, token, "/leads/bulk", sent)
    await session.execute(
        text("UPDATE patient_lead SET landing_page_url = 'https://x.example', updated_by = :by WHERE lead_id = :id"),
        {"by": colleague.account_id, "id": leads[0].lead_id},
    )
    await session.commit()

    undone = await _send(client, token, "/leads/undo", {"done": _done(answer)})

    assert "Undone for 1 lead." in undone.text
    assert re.search(r"Ada0 Visser</a>: It was changed meanwhile\.", undone.text)
    assert await _owners(session) == [colleague.account_id, None]


async def test_nobody_takes_back_what_a_colleague_did(
    client: httpx.AsyncClient, session: AsyncSession, token: str, me: Somebody, colleague: Somebody
) -> None:
    leads = await _leads(session, 1)
    sent = {"id": str(leads[0].lead_id), "do": "assign", "to_owner": str(me.account_id)}
    answer = await _send(client, token, "/leads/bulk", sent)
    theirs = await signed_in(client, session, colleague.account_id)

    refused = await _send(client, theirs, "/leads/undo", {"done": _done(answer)})

    assert "Nothing was undone." in refused.text
    assert await _owners(session) == [me.account_id]


async def test_a_move_is_taken_back_as_a_move_of_its_author(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    (lead,) = await _leads(session, 1)
    answer = await _send(
        client, token, "/leads/bulk", {"id": str(lead.lead_id), "do": "move", "to_status": "unreachable"}
    )
    await session.refresh(lead)
    assert (lead.status, lead.closed_at is None) == ("unreachable", False)

    await _send(client, token, "/leads/undo", {"done": _done(answer)})

    await session.refresh(lead)
    assert (lead.status, lead.closed_at) == ("new", None)
    moves = await session.scalars(select(JourneyEvent).order_by(JourneyEvent.created_at, JourneyEvent.journey_event_id))
    assert [(move.from_status, move.to_status, move.via) for move in moves][-2:] == [
        ("new", "unreachable", "update"),
        ("unreachable", "new", "undone_by_author"),
    ]


async def test_who_cannot_be_moved_is_named_and_the_others_move_or_none_where_that_is_asked(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    leads = await _leads(session, 2)
    closed = await a_lead(
        session, await a_person(session, first_name="Cato", last_name="Bos"), status="duplicate", closed_at=clock.now(),
        duplicate_of_person_id=leads[0].person_id,
    )  # fmt: skip
    await session.commit()
    sent = {"id": [str(lead.lead_id) for lead in (*leads, closed)], "do": "move", "to_status": "contacting"}

    none = await _send(client, token, "/leads/bulk", {**sent, "all_or_none": "true"})
    before = set(await session.scalars(select(PatientLead.status)))
    events = await session.scalars(select(AuditEvent).where(AuditEvent.action == "change_lead"))
    assert events.all() == []
    some = await _send(client, token, "/leads/bulk", sent)

    assert "Nothing was changed." in none.text
    assert before == {"new", "duplicate"}
    assert "2 leads." in some.text
    for answer in (none, some):
        assert "Cato Bos</a>: " in answer.text
        assert "1 lead was left as it was" in answer.text
    assert set(await session.scalars(select(PatientLead.status))) == {"contacting", "duplicate"}


async def test_patients_and_tasks_are_changed_and_undone_too(
    client: httpx.AsyncClient, session: AsyncSession, token: str, me: Somebody
) -> None:
    patient = await a_patient(session)
    task = await a_task(session, await a_person(session), due_at=clock.now(), due_by=clock.now())
    await session.commit()
    for place, row, key, status in (
        ("/patients", patient, "patient_id", "inactive"),
        ("/tasks", task, "task_id", "done"),
    ):
        before = row.status
        record_id = str(getattr(row, key))
        for sent in ({"do": "assign", "to_owner": str(me.account_id)}, {"do": "move", "to_status": status}):
            answer = await _send(client, token, f"{place}/bulk", {"id": record_id, **sent})
            await session.refresh(row)
            assert me.account_id == row.owner_id or row.status == status, answer.text
            assert len(_done(answer)) == 1
            await _send(client, token, f"{place}/undo", {"done": _done(answer)})
            await session.refresh(row)
            assert (row.status, row.owner_id) == (before, None)
    assert (await session.scalars(select(Patient.owner_id))).all() == [None]
    assert (await session.scalars(select(Task.done_at))).all() == [None]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"do": "assign", "to_owner": "nobody"},
        {"id": "x", "do": "assign", "to_owner": "x"},
        {"id": "{id}", "do": "assign", "to_owner": ""},
        {"id": "{id}", "do": "move", "to_status": "converted"},
    ],
)
async def test_what_is_not_offered_changes_nothing(
    client: httpx.AsyncClient, session: AsyncSession, token: str, sent: dict[str, str]
) -> None:
    (lead,) = await _leads(session, 1)
    filled = {name: value.replace("{id}", str(lead.lead_id)) for name, value in sent.items()}

    answer = await _send(client, token, "/leads/bulk", filled)

    assert answer.status_code == 422
    assert "Ada0 Visser" in answer.text
    await session.refresh(lead)
    assert (lead.status, lead.owner_id, lead.version) == ("new", None, 1)


async def test_a_record_that_is_not_there_and_a_wrong_undo_are_said_so(
    client: httpx.AsyncClient, session: AsyncSession, token: str, me: Somebody
) -> None:
    sent = {"id": str(uuid4()), "do": "assign", "to_owner": str(me.account_id)}
    answer = await _send(client, token, "/leads/bulk", sent)
    undone = await _send(client, token, "/leads/undo", {"done": [f"{uuid4()}:1:2", "x", f"{uuid4()}:x:2"]})
    assert "There is no such lead." in answer.text
    assert "Nothing was undone." in undone.text


async def test_who_may_not_change_them_selects_none(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    (lead,) = await _leads(session, 1)
    token = await as_user(client, session, settings, "auditor")
    shown = await client.get("/leads")
    sent = {"id": str(lead.lead_id), "do": "assign", "to_owner": "nobody"}
    assert (await _send(client, token, "/leads/bulk", sent)).status_code == 403
    assert 'form="bulk"' not in shown.text


async def test_a_colleagues_people_are_not_taken_over_without_a_reason(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, me: Somebody, colleague: Somebody
) -> None:
    assigned = settings.model_copy(update={"caseload": Caseload.ASSIGNED})
    (theirs,) = await _leads(session, 1, owner_id=colleague.account_id)
    (free,) = await _leads(session, 1)
    transport = httpx.ASGITransport(app=create_app(assigned, bound), client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
        token = await signed_in(browser, session, me.account_id)
        sent = {"id": [str(theirs.lead_id), str(free.lead_id)], "do": "assign", "to_owner": str(me.account_id)}
        answer = await _send(browser, token, "/leads/bulk", sent)

    assert answer.status_code == 200
    assert "Assigned 1 lead." in answer.text
    await session.refresh(theirs)
    await session.refresh(free)
    assert (theirs.owner_id, free.owner_id) == (colleague.account_id, me.account_id)


@pytest.mark.parametrize(
    ("typed", "owner"), [("karim", "colleague"), ("Me", "me"), ("Nobody", "nobody"), ("nob", "nobody")]
)
async def test_a_new_owner_is_found_by_what_is_typed(
    client: httpx.AsyncClient,
    session: AsyncSession,
    token: str,
    me: Somebody,
    colleague: Somebody,
    typed: str,
    owner: str,
) -> None:
    (lead,) = await _leads(session, 1, owner_id=None if owner != "nobody" else colleague.account_id)
    sent: Sent = {"id": str(lead.lead_id), "do": "assign", "to_owner_typed": typed, "to_owner_for": "", "to_owner": ""}
    offered = await _send(client, token, "/pickers/leads-to", {"q": typed})
    answer = await _send(client, token, "/leads/bulk", sent)
    wanted = {"colleague": colleague.account_id, "me": me.account_id, "nobody": None}[owner]
    assert offered.text.count('role="option"') == 1
    assert "Assigned 1 lead." in answer.text
    assert await _owners(session) == [wanted]


async def test_who_looks_for_an_owner_is_offered_once(client: httpx.AsyncClient, token: str, me: Somebody) -> None:
    shown = await _send(client, token, "/pickers/leads-to", {"q": ""})
    by_name = await _send(client, token, "/pickers/leads-to", {"q": "noor"})
    assert [answer.text.count(str(me.account_id)) for answer in (shown, by_name)] == [1, 1]
    assert "Noor" not in shown.text
    assert "Noor" in by_name.text


async def test_an_owner_who_is_nobody_is_said_at_the_field(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    (lead,) = await _leads(session, 1)
    sent: Sent = {
        "id": str(lead.lead_id),
        "do": "assign",
        "to_owner_typed": "xyzzy",
        "to_owner_for": "",
        "to_owner": "",
    }
    answer = await _send(client, token, "/leads/bulk", sent)
    assert answer.status_code == 422
    assert "Nothing is called so." in answer.text
    assert await _owners(session) == [None]


async def test_all_that_fit_are_changed_and_taken_back_where_the_list_shows_a_part_of_them(
    client: httpx.AsyncClient, session: AsyncSession, token: str, colleague: Somebody
) -> None:
    fitting = {lead.lead_id for lead in await _leads(session, 60)}
    await _leads(session, 2, status="contacting")
    assign = {"do": "assign", "to_owner": str(colleague.account_id), "status": "new"}

    shown = await client.get("/leads?status=new")
    answer = await _send(client, token, "/leads/bulk", {**assign, "all_fitting": "60"})
    owned = set(await session.scalars(select(PatientLead.lead_id).where(PatientLead.owner_id == colleague.account_id)))
    undone = await _send(client, token, "/leads/undo", {"done": _done(answer), "status": "new"})

    assert 'name="all_fitting" value="60"' in shown.text
    assert "All 60 leads that fit" in shown.text
    assert "Assigned 60 leads." in answer.text
    assert owned == fitting
    assert "Undone for 60 leads." in undone.text
    assert set(await _owners(session)) == {None}


async def test_nothing_is_changed_where_others_fit_than_were_said(
    client: httpx.AsyncClient, session: AsyncSession, token: str, colleague: Somebody
) -> None:
    await _leads(session, 3)
    assign = {"do": "assign", "to_owner": str(colleague.account_id), "status": "new"}

    for said in ("2", "4", "x"):
        answer = await _send(client, token, "/leads/bulk", {**assign, "all_fitting": said})
        assert answer.status_code == 422
        assert "Other records fit by now" in answer.text
    assert set(await _owners(session)) == {None}


async def test_all_that_fit_are_offered_where_more_than_is_shown_fits_and_not_too_many(
    client: httpx.AsyncClient, session: AsyncSession, token: str
) -> None:
    await _leads(session, 50)
    few = await client.get("/leads")
    await _leads(session, 151)
    many = await client.get("/leads")

    assert "all_fitting" not in few.text
    assert "all_fitting" not in many.text


@pytest.mark.parametrize(("path", "most"), [("/leads", 2), ("/patients", 4), ("/tasks", 6)])
async def test_a_record_more_costs_its_change_and_what_its_owner_is_told(
    client: httpx.AsyncClient,
    session: AsyncSession,
    bound: BoundDatabase,
    token: str,
    colleague: Somebody,
    path: str,
    most: int,
) -> None:
    """
    And of a patient or a task what is known of the person's life. A lead had ten: locks, savepoint and event of each
    one alone, so that fifty took seconds.
    """
    ids = []
    for number in range(14):
        person = await a_person(session, first_name=f"Ada{number}", last_name="Visser")
        if path == "/leads":
            ids.append(str((await a_lead(session, person)).lead_id))
        elif path == "/patients":
            ids.append(str((await a_patient(session, person)).patient_id))
        else:
            ids.append(str((await a_task(session, person)).task_id))
    await session.commit()

    async def sent_for(some: Sequence[str]) -> int:
        with statements(bound) as sent:
            answer = await _send(
                client, token, f"{path}/bulk", {"id": some, "do": "assign", "to_owner": str(colleague.account_id)}
            )
        assert len(_done(answer)) == len(some)
        return len(sent)

    await sent_for(ids[:1])
    few, more = await sent_for(ids[1:3]), await sent_for(ids[3:])
    assert (more - few) / 9 <= most
    events = await session.scalars(select(AuditEvent).where(AuditEvent.action.like("change_%")))
    assert sorted(str(event.record_id) for event in events if event.record_id) == sorted(ids)
