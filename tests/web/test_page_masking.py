"""
Pages of a newcomer: written like the present screens, they show what the JSON routes show, or they do not show at all.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from jinja2 import ChoiceLoader, DictLoader
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.downloads import CsvFile
from app.access.request_guard import CurrentActor, DbSession
from app.audit.history import RowVersion
from app.audit.models import AuditEvent
from app.calls import answers as call_answers
from app.calls import queries as calls
from app.calls.schemas import CallFilter
from app.main import create_app
from app.patients import answers as patient_answers
from app.patients import queries as patients
from app.patients.models import Patient
from app.patients.schemas import PatientFilter, PatientRead
from app.platform import clock
from app.platform.errors import Conflict
from app.platform.paging import Page
from app.platform.settings import Caseload, Settings
from app.web.forms import asked_in, read_query
from app.web.page_guard import allow, form_again, mount_screens, page_router, signed_in
from app.web.render import DataAnswer, page
from tests.browsing import as_user, somebody
from tests.browsing import signed_in as sign_in
from tests.builders import a_call, a_colleague, a_patient
from tests.canaries import HEALTH, PERSONAL, H, P, World, a_world
from tests.conftest import BoundDatabase

TEMPLATES = {
    "patients.html": "{% for p in patients %}<li>{{ p.person.last_name }} {{ p.status_reason }}</li>{% endfor %}",
    "calls.html": "{% for c in calls.items %}<li>{{ c.notes }} {{ c.call_id }}</li>{% endfor %}"
    "{{ ui.pages(calls, '/newcomer/calls', noun='call') }}",
    "call.html": "{{ call.notes }}",
    "overview.html": "{{ card_0.person.last_name }} {{ card_9.status_reason }}",
    "anything.html": "{{ found }}",
}
router = page_router()


async def all_patients(session: AsyncSession, actor: Any, **asked: Any) -> list[Patient]:
    return (await patients.list_patients(session, actor, query=PatientFilter(**asked))).rows


@router.get("/newcomer/patients", dependencies=[allow("patient.read")])
async def show_patients(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    asked = {name: value for name, value in request.query_params.items() if value}
    rows = await all_patients(session, actor, **asked)
    return page(request, "patients.html", {"patients": [patient_answers.read(row) for row in rows]})


@router.get("/newcomer/my-patients", dependencies=[signed_in()])
async def show_without_a_permission(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    rows = await all_patients(session, actor)
    return page(request, "patients.html", {"patients": [patient_answers.read(row) for row in rows]})


@router.get("/newcomer/patients.csv", dependencies=[allow("patient.read")])
async def export_patients(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    answers = [patient_answers.read(row) for row in await all_patients(session, actor)]

    async def chunks() -> AsyncIterator[list[PatientRead]]:
        yield answers

    return CsvFile(request, name="patients.csv", columns=("patient_id", "status_reason", "person"), chunks=chunks())


@router.get("/newcomer/patients-of/{condition_id}.csv", dependencies=[allow("patient.read")])
async def export_by_condition(
    request: Request, session: DbSession, actor: CurrentActor, condition_id: UUID
) -> Response:
    async def chunks() -> AsyncIterator[list[PatientRead]]:
        yield [
            patient_answers.read(row) for row in await all_patients(session, actor, medical_condition_id=condition_id)
        ]

    return CsvFile(request, name="patients.csv", columns=("patient_id",), chunks=chunks())


@router.get("/newcomer/patients/picker", dependencies=[allow("patient.read")])
async def pick_patients(session: DbSession, actor: CurrentActor) -> list[PatientRead]:
    return [patient_answers.read(row) for row in await all_patients(session, actor)]


@router.post("/newcomer/patients/picked", dependencies=[allow("patient.read")])
async def picked_patients(session: DbSession, actor: CurrentActor) -> Response:
    return DataAnswer({"found": [patient_answers.read(row) for row in await all_patients(session, actor)]})


@router.post("/newcomer/patients/kept", dependencies=[allow("patient.read")])
async def keep_patients(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    found = [patient_answers.read(row) for row in await all_patients(session, actor)]
    return form_again(request, "patients.html", {"patients": found}, Conflict())


@router.get("/newcomer/overview", dependencies=[allow("patient.read")])
async def show_overview(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    """Ten records that each stand for themselves."""
    rows = await all_patients(session, actor)
    return page(request, "overview.html", {f"card_{n}": patient_answers.read(rows[0]) for n in range(10)})


@router.get("/newcomer/calls", dependencies=[allow("call.read")])
async def show_calls(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    query = read_query(request, CallFilter, {**asked_in(request, CallFilter), "limit": 1})
    found = await calls.list_calls(session, actor, query=query)
    items = (call_answers.read(row, clock.now()) for row in found.rows)
    return page(request, "calls.html", {"calls": found.page(items)})


@router.get("/newcomer/calls/{call_id}", dependencies=[allow("call.read")])
async def show_call(request: Request, session: DbSession, actor: CurrentActor, call_id: UUID) -> Response:
    row = await calls.get_call(session, actor, call_id=call_id)
    return page(request, "call.html", {"call": call_answers.read(row, clock.now())})


async def _rows(session: AsyncSession, actor: Any) -> list[Any]:
    return await all_patients(session, actor)


async def _row_in_a_list(session: AsyncSession, actor: Any) -> Any:
    return {"by_name": [("x", (await all_patients(session, actor))[0])]}


async def _tuples(session: AsyncSession, _actor: Any) -> Any:
    return (await session.execute(select(Patient.patient_id, Patient.status_reason))).all()


async def _mappings(session: AsyncSession, _actor: Any) -> Any:
    return (await session.execute(select(Patient.patient_id, Patient.status_reason))).mappings().all()


async def _generator(session: AsyncSession, actor: Any) -> Any:
    rows = await all_patients(session, actor)
    return (row.status_reason for row in rows)


async def _closure(session: AsyncSession, actor: Any) -> Any:
    rows = await all_patients(session, actor)
    return lambda: rows[0].status_reason


async def _dataclass_of_another_package(_session: AsyncSession, _actor: Any) -> Any:
    return RowVersion(1, clock.now(), None, None, None, {"reason": f"{H} reason"}, None)


async def _session(session: AsyncSession, _actor: Any) -> Any:
    return session


FORBIDDEN = (
    _rows, _row_in_a_list, _tuples, _mappings, _generator, _closure, _dataclass_of_another_package, _session,
)  # fmt: skip
BY_HAND = {
    "html": HTMLResponse(H),
    "json": JSONResponse({"name": H}),
    "text": Response(H),
    "stream": StreamingResponse(iter([H])),
}


@router.get("/refused/{number}", dependencies=[allow("patient.read")])
async def show_what_is_refused(request: Request, session: DbSession, actor: CurrentActor, number: int) -> Response:
    return page(request, "anything.html", {"found": await FORBIDDEN[number](session, actor)})


@router.get("/by-hand/{kind}", dependencies=[allow("patient.read")])
async def answer_by_hand(kind: str) -> Response:
    return BY_HAND[kind]


@pytest.fixture
async def world(session: AsyncSession) -> World:
    return await a_world(session)


async def served(bound: BoundDatabase, settings: Settings) -> httpx.AsyncClient:
    app = create_app(settings, bound)
    environment = app.state.templates
    app.state.templates = environment.overlay(loader=ChoiceLoader([DictLoader(TEMPLATES), environment.loader]))
    mount_screens(app, router)

    @app.get("/outside-the-guard")
    async def outside(request: Request) -> Response:
        return page(
            request, "anything.html", {"found": Page(items=[], next_cursor=None, total=0, total_is_capped=False)}
        )

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers={"accept": "text/html"})


@pytest.fixture
async def browser(bound: BoundDatabase, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with await served(bound, settings) as made:
        yield made


def leaked(answer: httpx.Response) -> list[str]:
    return [canary for canary in (*PERSONAL, *HEALTH) if canary in answer.text]


@pytest.mark.parametrize(
    "path",
    [
        "/newcomer/patients",
        "/newcomer/patients.csv",
        "/newcomer/patients/picker",
        "/newcomer/patients/picked",
        "/newcomer/calls",
    ],
)
async def test_whatever_a_newcomer_answers_with_an_auditor_sees_masked(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World, path: str
) -> None:
    async def ask(role: str) -> httpx.Response:
        token = await as_user(browser, session, settings, role)
        if path == "/newcomer/patients/picked":
            return await browser.post(path, data={"csrf_token": token})
        return await browser.get(path)

    clear = await ask("navigator")
    assert H in clear.text
    masked = await ask("auditor")
    assert masked.status_code == 200
    assert leaked(masked) == []
    assert "•••" in masked.text


async def test_page_without_a_permission_shows_nobody_in_clear(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    await as_user(browser, session, settings, "navigator")
    answer = await browser.get("/newcomer/my-patients")
    assert (answer.status_code, leaked(answer)) == (200, [])


async def test_question_by_what_is_masked_is_refused_wherever_a_page_makes_it(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    asked = {"medical_condition_id": str(world.ids["medical_condition_id"])}
    await as_user(browser, session, settings, "navigator")
    assert (await browser.get("/newcomer/patients", params=asked)).status_code == 200
    await as_user(browser, session, settings, "auditor")
    refused = await browser.get("/newcomer/patients", params=asked)
    assert refused.status_code == 403
    assert "field masked" in refused.text


async def test_cursor_of_a_masked_page_tells_nothing_and_leads_on(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    await a_call(session, await a_patient(session))
    await session.commit()
    await as_user(browser, session, settings, "auditor")
    first = await browser.get("/newcomer/calls")
    cursor = first.text.partition("cursor=")[2].partition('"')[0]
    assert len(cursor) > 100
    second = await browser.get(f"/newcomer/calls?cursor={cursor}")
    assert second.status_code == 200
    assert {str(world.ids["call_id"]) in answer.text for answer in (first, second)} == {True, False}
    await as_user(browser, session, settings, "privacy_officer")
    assert (await browser.get(f"/newcomer/calls?cursor={cursor}")).status_code == 422


async def test_a_form_that_comes_back_leaves_an_event_of_everybody_whom_it_shows(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    token = await as_user(browser, session, settings, "auditor")
    glass = {"csrf_token": token, "person_id": str(world.person_id), "reason": "The ward calls."}
    await browser.post("/break-glass", data=glass)
    answer = await browser.post("/newcomer/patients/kept", data={"csrf_token": token})
    assert (answer.status_code, P in answer.text) == (409, True)
    (left,) = await session.scalars(select(AuditEvent).where(AuditEvent.action == "keep_patients"))
    assert (left.outcome, left.purpose, left.person_ids) == ("conflict", "break_glass", [world.person_id])


async def test_a_file_leaves_an_event_of_everybody_whom_it_shows(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    await as_user(browser, session, settings, "navigator")
    assert H in (await browser.get("/newcomer/patients.csv")).text
    events = await session.scalars(select(AuditEvent.person_ids).where(AuditEvent.action == "export_patients"))
    assert {person_id for persons in events for person_id in persons or ()} == {world.person_id}


async def test_a_list_as_a_file_is_asked_as_its_page_is(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    await as_user(browser, session, settings, "auditor")
    answer = await browser.get(f"/newcomer/patients-of/{world.ids['medical_condition_id']}.csv")
    assert str(world.ids["patient_id"]) not in answer.text


@pytest.mark.parametrize("role", ["auditor", "navigator"])
async def test_it_is_asked_once_a_page_what_is_closed_to_its_viewer(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, world: World, role: str
) -> None:
    owner, _ = await a_colleague(session)
    await session.execute(update(Patient).values(owner_id=owner.user_account_id))
    await session.commit()
    async with await served(bound, settings.model_copy(update={"caseload": Caseload.ASSIGNED})) as browser:
        await sign_in(browser, session, (await somebody(session, settings, role)).account_id)
        sent: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            sent.append(statement)

        event.listen(bound.connection.sync_connection, "before_cursor_execute", note)
        answer = await browser.get("/newcomer/overview")
        event.remove(bound.connection.sync_connection, "before_cursor_execute", note)
    assert (answer.status_code, f"{H} reason" in answer.text) == (200, False)
    asked = [
        statement
        for statement in sent
        if "access_opening" in statement and "SELECT access_opening.person_id" in statement
    ]
    assert len(asked) == 1


@pytest.mark.parametrize("number", range(len(FORBIDDEN)), ids=[made.__name__ for made in FORBIDDEN])
async def test_what_cannot_be_masked_reaches_no_template(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World, number: int
) -> None:
    await as_user(browser, session, settings, "navigator")
    with structlog.testing.capture_logs() as logs:
        refused = await browser.get(f"/refused/{number}")
    assert (refused.status_code, leaked(refused)) == (500, [])
    (told,) = [line["detail"] for line in logs if line["event"] == "unhandled_error"]
    assert told.startswith("context['found']")
    assert P not in told
    assert H not in told


@pytest.mark.parametrize("kind", BY_HAND)
async def test_answer_made_by_hand_carries_no_content(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, kind: str
) -> None:
    await as_user(browser, session, settings, "navigator")
    refused = await browser.get(f"/by-hand/{kind}")
    assert (refused.status_code, leaked(refused)) == (500, [])


async def test_page_that_no_guard_stands_before_holds_no_answers(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/outside-the-guard")).status_code == 500


async def test_page_of_one_record_outside_the_caseload_asks_for_the_reason_and_a_list_masks_it(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, world: World
) -> None:
    owner, _ = await a_colleague(session)
    await session.execute(update(Patient).values(owner_id=owner.user_account_id))
    await session.commit()
    async with await served(bound, settings.model_copy(update={"caseload": Caseload.ASSIGNED})) as browser:
        me = await somebody(session, settings, "navigator")
        token = await sign_in(browser, session, me.account_id)
        listed = await browser.get("/newcomer/calls")
        assert listed.status_code == 200
        assert f"{H} notes" not in listed.text
        url = f"/newcomer/calls/{world.ids['call_id']}"
        asked = await browser.get(url)
        assert asked.status_code == 403
        assert "Why do you need to see this?" in asked.text
        assert H not in asked.text
        form = {"csrf_token": token, "person_id": str(world.person_id), "back": url, "reason": "She called me."}
        assert (await browser.post("/access-reasons", data=form)).headers["location"] == url
        assert f"{H} notes" in (await browser.get(url)).text
    events = select(AuditEvent).where(AuditEvent.action == "show_call").order_by(AuditEvent.audit_event_id)
    assert [(e.outcome, e.code, e.purpose) for e in await session.scalars(events)] == [
        ("refused", "access_reason_needed", None),
        ("done", None, "outside_caseload"),
    ]


async def test_opened_by_break_glass_a_page_shows_it_and_the_event_says_so(
    browser: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    token = await as_user(browser, session, settings, "auditor")
    form = {"csrf_token": token, "person_id": str(world.person_id), "reason": "The ward calls."}
    await browser.post("/break-glass", data=form)
    assert P in (await browser.get("/newcomer/patients")).text
    (purpose,) = await session.scalars(select(AuditEvent.purpose).where(AuditEvent.action == "show_patients"))
    assert purpose == "break_glass"
