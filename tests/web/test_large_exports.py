"""More rows than one person may take out: asked for with a reason, decided by a second person, then taken out."""

import csv
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import UserAccount
from app.audit.models import AuditEvent
from app.exports.models import ExportRequest, ListExport
from app.main import create_app
from app.notifications import due
from app.notifications.models import Notification
from app.people.models import DuplicateCandidate
from app.platform import clock
from app.platform.settings import Settings
from tests import browsing
from tests.browsing import ORIGIN, Somebody, signed_in
from tests.builders import a_lead, a_person
from tests.conftest import BoundDatabase

Browser = Callable[[Somebody], AbstractAsyncContextManager["Page"]]
ASKED: dict[str, str | list[str]] = {"reason": "The yearly report.", "format": "csv", "columns": ["name", "status"]}


async def somebody(session: AsyncSession, settings: Settings, role: str) -> Somebody:
    """An account of its own for each call."""
    return await browsing.somebody(session, settings, role, email=f"{uuid4().hex}@crm.example")


class Page:
    """Somebody at a browser."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client, self._token = client, token

    async def post(self, place: str, **sent: str | list[str]) -> httpx.Response:
        return await self.client.post(place, data={"csrf_token": self._token, **sent}, headers=ORIGIN)


@pytest.fixture
def browser(bound: BoundDatabase, session: AsyncSession, settings: Settings) -> Browser:
    """Browsers of an application in which one person may take out three rows."""
    app = create_app(settings.model_copy(update={"list_export_rows": 3}), bound)

    @asynccontextmanager
    async def opened(who: Somebody) -> AsyncIterator[Page]:
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Page(client, await signed_in(client, session, who.account_id))

    return opened


async def _five_leads(session: AsyncSession) -> set[UUID]:
    people = [await a_person(session, first_name=f"Ada{number}", last_name="Visser") for number in range(5)]
    for person in people:
        await a_lead(session, person)
    other = await a_person(session, first_name="Cato", last_name="Bos")
    await a_lead(session, other, status="contacting")
    await session.commit()
    return {person.person_id for person in people}


async def _asked(session: AsyncSession, page: Page) -> str:
    """The address of a request for all new leads."""
    await _five_leads(session)
    answer = await page.post("/leads/export/request", status="new", **ASKED)
    assert answer.status_code == HTTPStatus.SEE_OTHER, answer.text
    return answer.headers["location"]


async def test_what_is_too_much_for_one_is_asked_of_a_second_and_then_taken_out_whole(
    browser: Browser, session: AsyncSession, settings: Settings
) -> None:
    ids = await _five_leads(session)
    steward = await somebody(session, settings, "data_steward")
    officer = await somebody(session, settings, "privacy_officer")
    async with browser(steward) as mine, browser(officer) as theirs:
        refused = await mine.post("/leads/export/file", status="new", **ASKED)
        place = (await mine.post("/leads/export/request", status="new", **ASKED)).headers["location"]
        request_id = place.removeprefix("/exports/")
        early = await mine.post("/leads/export/file", export_request_id=request_id)
        seen = await theirs.client.get(place)
        decided = await theirs.post(f"{place}/decide", decision="approved", note="Fine.")
        again = await theirs.post(f"{place}/decide", decision="refused")
        approved = await mine.client.get(place)
        by_other = await theirs.post("/leads/export/file", export_request_id=request_id)
        taken = await mine.post("/leads/export/file", export_request_id=request_id)
    events = (await session.scalars(select(AuditEvent.person_ids).where(AuditEvent.action == "export_leads"))).all()
    kept = (await session.execute(select(ListExport.reason, ListExport.row_count, ListExport.export_request_id))).one()

    assert refused.status_code == HTTPStatus.CONFLICT
    assert 'formaction="/leads/export/request"' in refused.text
    assert early.status_code == HTTPStatus.CONFLICT
    assert "The yearly report." in seen.text
    assert "Ada" not in seen.text
    assert "<strong>New</strong>" in seen.text
    assert (decided.status_code, again.status_code) == (HTTPStatus.SEE_OTHER, HTTPStatus.CONFLICT)
    assert 'name="export_request_id"' in approved.text
    assert by_other.status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    assert taken.status_code == HTTPStatus.OK, taken.text
    head, *rows = csv.reader(io.StringIO(taken.content.decode("utf-8-sig")))
    assert head == ["Name", "Status"]
    assert sorted(rows) == sorted([f"Ada{number} Visser", "New"] for number in range(5))
    assert {one for persons in events for one in persons or ()} == ids
    assert tuple(kept) == ("The yearly report.", None, UUID(request_id))


async def test_nobody_decides_about_their_own(browser: Browser, session: AsyncSession, settings: Settings) -> None:
    steward = await somebody(session, settings, "data_steward")
    async with browser(steward) as mine:
        place = await _asked(session, mine)
        page = await mine.client.get(place)
        answer = await mine.post(f"{place}/decide", decision="approved")
    request = (await session.scalars(select(ExportRequest).execution_options(populate_existing=True))).one()

    assert f'action="{place}/decide"' not in page.text
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert request.decision == "open"


@pytest.mark.parametrize(
    ("told_apart", "status"), [("open", HTTPStatus.FORBIDDEN), ("different_people", HTTPStatus.SEE_OTHER)]
)
async def test_nobody_decides_by_a_second_account_that_may_be_theirs(
    browser: Browser, session: AsyncSession, settings: Settings, told_apart: str, status: HTTPStatus
) -> None:
    steward = await somebody(session, settings, "data_steward")
    other = await somebody(session, settings, "data_steward")
    persons = sorted([(await a_person(session)).person_id for _ in range(2)])
    for who, person_id in zip((steward, other), persons, strict=True):
        (await session.get_one(UserAccount, who.account_id)).person_id = person_id
    decided = {} if told_apart == "open" else {"decided_at": clock.now()}
    session.add(
        DuplicateCandidate(
            person_id=persons[0], other_person_id=persons[1], reasons=["name"], decision=told_apart, **decided
        )
    )
    await session.commit()
    async with browser(steward) as mine, browser(other) as theirs:
        place = await _asked(session, mine)
        answer = await theirs.post(f"{place}/decide", decision="approved")

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("decision", ["refused", "withdrawn"])
async def test_what_is_refused_or_withdrawn_is_not_taken_out(
    browser: Browser, session: AsyncSession, settings: Settings, decision: str
) -> None:
    steward = await somebody(session, settings, "data_steward")
    officer = await somebody(session, settings, "privacy_officer")
    async with browser(steward) as mine, browser(officer) as theirs:
        place = await _asked(session, mine)
        if decision == "refused":
            await theirs.post(f"{place}/decide", decision="refused", note="A part is enough.")
        else:
            await mine.post(f"{place}/withdraw")
        page = await mine.client.get(place)
        late = await theirs.post(f"{place}/decide", decision="approved")
        taken = await mine.post("/leads/export/file", export_request_id=place.removeprefix("/exports/"))

    assert ("A part is enough." in page.text) == (decision == "refused")
    assert late.status_code == HTTPStatus.CONFLICT
    assert taken.status_code == HTTPStatus.CONFLICT


@pytest.mark.parametrize("is_approved", [False, True])
async def test_a_request_and_an_agreement_end_by_themselves(
    browser: Browser, session: AsyncSession, settings: Settings, *, is_approved: bool
) -> None:
    steward = await somebody(session, settings, "data_steward")
    officer = await somebody(session, settings, "privacy_officer")
    async with browser(steward) as mine, browser(officer) as theirs:
        place = await _asked(session, mine)
        if is_approved:
            await theirs.post(f"{place}/decide", decision="approved")
        await session.execute(text("UPDATE export_request SET expires_at = now() - interval '1 minute'"))
        await session.commit()
        page = await theirs.client.get("/exports?state=expired")
        late = await theirs.post(f"{place}/decide", decision="approved")
        taken = await mine.post("/leads/export/file", export_request_id=place.removeprefix("/exports/"))

    assert place in page.text
    assert late.status_code == HTTPStatus.CONFLICT
    assert taken.status_code == HTTPStatus.CONFLICT


async def test_those_who_decide_are_told_and_then_the_one_who_asked(
    browser: Browser, session: AsyncSession, settings: Settings
) -> None:
    steward = await somebody(session, settings, "data_steward")
    officer = await somebody(session, settings, "privacy_officer")
    manager = await somebody(session, settings, "programme_manager")
    told = select(Notification.user_account_id).where(Notification.record_type == "export_request")
    async with browser(steward) as mine, browser(officer) as theirs:
        place = await _asked(session, mine)
        await due.notice(session, now=clock.now())
        first = set(await session.scalars(told))
        shown = await theirs.client.get("/notifications")
        await theirs.post(f"{place}/decide", decision="approved")
        await due.notice(session, now=clock.now() + timedelta(minutes=1))
        own = set(await session.scalars(told.where(Notification.kind == "export_decided")))
        mine_shown = await mine.client.get("/notifications")

    assert first == {officer.account_id}
    assert own == {steward.account_id}
    assert manager.account_id not in first
    assert place in shown.text
    assert place in mine_shown.text


async def test_only_those_who_decide_see_what_others_have_asked_for(
    browser: Browser, session: AsyncSession, settings: Settings
) -> None:
    steward = await somebody(session, settings, "data_steward")
    manager = await somebody(session, settings, "programme_manager")
    async with browser(steward) as mine, browser(manager) as other:
        place = await _asked(session, mine)
        one = await other.client.get(place)
        all_of_them = await other.client.get("/exports?state=open")

    assert one.status_code == HTTPStatus.NOT_FOUND
    assert place not in all_of_them.text


async def test_what_was_typed_is_not_kept_in_a_request(
    browser: Browser, session: AsyncSession, settings: Settings
) -> None:
    await _five_leads(session)
    steward = await somebody(session, settings, "data_steward")
    async with browser(steward) as mine:
        refused = await mine.post("/leads/export/file", q="visser", **ASKED)
        asked = await mine.post("/leads/export/request", q="visser", **ASKED)
    requests = (await session.scalars(select(ExportRequest))).all()

    assert refused.status_code == HTTPStatus.CONFLICT
    assert "/leads/export/request" not in refused.text
    assert asked.status_code == HTTPStatus.CONFLICT
    assert requests == []


@pytest.mark.parametrize(("role", "says"), [("navigator", True), ("data_steward", False)])
async def test_a_list_says_why_there_is_no_export(
    browser: Browser, session: AsyncSession, settings: Settings, role: str, *, says: bool
) -> None:
    who = await somebody(session, settings, role)
    async with browser(who) as mine:
        page = await mine.client.get("/leads")
    assert ("needs a right that your role does not have" in page.text) == says
