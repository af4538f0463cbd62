"""The pages of oversight, by plain HTTP as without JavaScript: trail, report, break-glass with its review, history."""

import re
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.openings.models import AccessOpening
from app.access.policy import roles_allowing
from app.audit.models import AuditEvent
from app.calls.models import CallHistory
from app.leads.models import PatientLead
from app.main import create_app
from app.oversight.schemas import HistoryFilter
from app.patients.models import Patient
from app.people.models import Person
from app.platform.paging import encode_cursor
from app.platform.settings import Caseload, Settings
from app.web.words import shortened
from tests.browsing import as_user, signed_in, somebody
from tests.builders import a_colleague
from tests.canaries import H, P, World, a_world
from tests.conftest import AsRole, BoundDatabase


@pytest.fixture
async def world(session: AsyncSession) -> World:
    return await a_world(session)


async def _last_event(session: AsyncSession, action: str) -> AuditEvent:
    query = select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.audit_event_id.desc())
    found = (await session.scalars(query.limit(1))).first()
    assert found is not None, action
    return found


async def test_trail_is_filtered_by_account_and_person_and_each_look_is_on_record(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    _, navigator = await a_colleague(session)
    await client.get(f"/api/v1/patients/{world.ids['patient_id']}", headers=navigator)
    await as_user(client, session, settings, "auditor")

    by_person = await client.get("/audit", params={"person_id": str(world.person_id), "action": "get_patient"})
    by_account = await client.get("/audit", params={"account": "noor bakker", "to_at": "2100-01-01T00:00"})

    for answer in (by_person, by_account):
        assert answer.status_code == 200
        assert "get_patient" in answer.text
        assert "Noor Bakker" in answer.text
        assert P not in answer.text
        assert H not in answer.text
    assert (await _last_event(session, "show_audit_trail")).outcome == "done"


async def test_a_person_is_named_by_the_reference_that_their_record_shows(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    _, navigator = await a_colleague(session)
    await client.get(f"/api/v1/patients/{world.ids['patient_id']}", headers=navigator)
    person = await session.get_one(Person, world.person_id)
    lead = await session.get_one(PatientLead, world.ids["lead_id"])
    token = await as_user(client, session, settings, "auditor")

    for typed in (person.reference, person.reference.lower().replace("-", " "), lead.reference):
        trail = await client.get("/audit", params={"person_id": typed, "action": "get_patient"})
        assert "Noor Bakker" in trail.text
        assert f'href="/audit/persons/{world.person_id}"' in trail.text
    export = await client.get("/audit/export", params={"person_id": person.reference, "action": "get_patient"})
    sent = {"csrf_token": token, "person_id": person.reference, "reason": "The ward calls."}
    opened = await client.post("/break-glass", data=sent)
    unknown = await client.post("/break-glass", data={**sent, "person_id": "P-7K2Q9XAM"})

    assert "Noor Bakker" in export.text
    assert (opened.status_code, unknown.status_code) == (303, 422)
    assert "Nobody has this reference" in unknown.text


async def test_the_trail_shows_the_references_that_its_filters_take(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    """It showed ids, which no record shows, and asked for references."""
    _, navigator = await a_colleague(session)
    for kind, key in (("patients", "patient_id"), ("leads", "lead_id")):
        await client.get(f"/api/v1/{kind}/{world.ids[key]}", headers=navigator)
    person = await session.get_one(Person, world.person_id)
    lead = await session.get_one(PatientLead, world.ids["lead_id"])
    await as_user(client, session, settings, "auditor")

    shown = (await client.get("/audit", params={"account": "noor bakker"})).text
    by_id = (await client.get("/audit", params={"person_id": str(world.person_id)})).text
    of_records = {
        typed: (await client.get("/audit", params={"record_id": typed, "account": "noor bakker"})).text
        for typed in (lead.reference, str(lead.lead_id), person.reference)
    }
    nobody = await client.get("/audit", params={"record_id": "L-7K2Q9XAM"})

    links = dict(re.findall(r'href="/audit\?(?:record|person)_id=([^"]+)"[^>]*>([^<]+)</a>', shown))
    patient_id = str(world.ids["patient_id"])
    assert links[patient_id] == links[str(world.person_id)] == person.reference
    assert links[str(lead.lead_id)] == lead.reference
    assert f'value="{person.reference}"' in by_id
    assert ["get_lead" in of_records[typed] for typed in of_records] == [True, True, False]
    assert "get_patient" in of_records[person.reference]
    assert (nobody.status_code, "No record has this reference" in nobody.text) == (422, True)


async def test_a_period_is_typed_as_one_says_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    _, navigator = await a_colleague(session)
    await client.get(f"/api/v1/patients/{world.ids['patient_id']}", headers=navigator)
    await as_user(client, session, settings, "auditor")
    asked = {"account": "noor bakker"}

    today = await client.get("/audit", params={**asked, "from_at": "today", "to_at": "today"})
    before = await client.get("/audit", params={**asked, "from_at": "yesterday", "to_at": "yesterday"})
    report = await client.get(f"/audit/persons/{world.person_id}", params={"to_at": "yesterday"})
    version = await client.get(f"/history/patients/{world.ids['patient_id']}", params={"as_of": "today"})

    assert "get_patient" in today.text
    assert "Nothing on record matches" in before.text
    assert "No entries" in report.text
    assert version.status_code == 200


@pytest.mark.parametrize(("role", "may"), [("auditor", True), ("privacy_officer", True), ("navigator", False)])
async def test_the_record_of_somebody_leads_to_who_saw_them_where_that_may_be_known(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World, role: str, *, may: bool
) -> None:
    await as_user(client, session, settings, role)
    lead = f"/leads/{world.ids['lead_id']}"
    for address in (f"/patients/{world.ids['patient_id']}", lead, f"/people/{world.person_id}"):
        record = await client.get(address)
        assert (f'href="/audit/persons/{world.person_id}"' in record.text) is may
        assert ("Who saw this person" in record.text) is may


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"account": "nobody at all"}, "No account has this name"),
        ({"person_id": "x"}, "Nobody has this reference"),
        ({"person_id": "P-7K2Q9XAM"}, "Nobody has this reference"),
        ({"record_id": "x"}, "No record has this reference or id"),
        ({"from_at": "someday"}, "Give a day and a time"),
        ({"outcome": "great"}, "Choose one of the list"),
    ],
)
async def test_filter_that_cannot_be_meant_says_which_field(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, query: dict[str, str], sentence: str
) -> None:
    await as_user(client, session, settings, "auditor")
    answer = await client.get("/audit", params=query)
    assert answer.status_code == 422
    assert sentence in answer.text


@pytest.mark.parametrize("path", ["/audit", "/audit/export", "/break-glass", "/break-glass/new", "/break-glass/mine"])
async def test_oversight_is_closed_to_navigators(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, path: str
) -> None:
    await as_user(client, session, settings, "navigator")
    assert (await client.get(path)).status_code == 403


async def test_export_of_the_page_is_the_api_s(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await as_user(client, session, settings, "auditor")
    answer = await client.get("/audit/export", params={"action": "show_audit_trail"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.decode("utf-8-sig").startswith("at,actor_id,actor_name,action")


async def test_report_for_a_person_names_who_when_and_why(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    _, navigator = await a_colleague(session)
    await client.get(f"/api/v1/call-history/{world.ids['call_id']}", headers=navigator)
    await as_user(client, session, settings, "privacy_officer")
    answer = await client.get(f"/audit/persons/{world.person_id}")
    assert answer.status_code == 200
    for said in ("Noor Bakker", "Navigator", "Call", "Their work as navigator"):
        assert said in answer.text
    assert P not in answer.text
    nothing = await client.get(f"/audit/persons/{world.person_id}", params={"to_at": "2001-01-01T00:00"})
    assert "No entries" in nothing.text
    assert (await client.get(f"/audit/persons/{UUID(int=0)}")).status_code == 404


async def test_report_for_a_person_is_read_in_one_scan_of_the_trail(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase, world: World
) -> None:
    looks = [{"action": "get_person", "outcome": "done", "person_ids": [world.person_id]}] * 450
    await session.execute(insert(AuditEvent), looks)
    await session.commit()
    await as_user(client, session, settings, "privacy_officer")
    scans: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "MATERIALIZED" in statement:
            scans.append(statement)

    event.listen(bound.connection.sync_connection, "before_cursor_execute", note)
    answer = await client.get(f"/audit/persons/{world.person_id}")
    event.remove(bound.connection.sync_connection, "before_cursor_execute", note)
    assert len(scans) == 1
    assert ">450<" in answer.text
    assert answer.text.count("<tr role=") >= 450


@pytest.mark.parametrize("before", [1, 0, -1, -(2**63), 2**63 - 1])
async def test_a_cursor_of_a_version_that_has_none_before_it_is_refused(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, as_role: AsRole, world: World, before: int
) -> None:
    cursor = encode_cursor(HistoryFilter().fingerprint(), [before])
    url = f"/api/v1/persons/{world.person_id}/history"
    answer = await client.get(url, params={"cursor": cursor}, headers=await as_role("navigator"))
    await as_user(client, session, settings, "navigator")
    shown = await client.get(f"/history/persons/{world.person_id}", params={"cursor": cursor})
    if before > 1:
        # Beyond the newest version: those that there are.
        assert (answer.status_code, shown.status_code) == (200, 200)
    else:
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_cursor")
        assert shown.status_code == 422


@pytest.mark.parametrize("role", roles_allowing("break_glass.use"))
async def test_who_breaks_the_glass_reads_the_records_that_it_opened(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World, role: str
) -> None:
    token = await as_user(client, session, settings, role)
    pages = [f"/history/{path}/{world.by_path[path]}" for path in ("persons", "patients", "leads", "call-history")]
    for place in pages:
        before = await client.get(place)
        assert before.status_code == 200, place
        assert P not in before.text
        assert H not in before.text
    form = {"person_id": str(world.person_id), "reason": "The ward calls.", "csrf_token": token}
    assert (await client.post("/break-glass", data=form)).status_code == 303
    for place in pages:
        opened = await client.get(place)
        assert opened.status_code == 200, place
        assert P in opened.text or H in opened.text, place


async def test_glass_is_broken_shown_above_every_page_ended_and_reviewed_by_another(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    token = await as_user(client, session, settings, "auditor")
    empty: dict[str, Any] = {"person_id": str(world.person_id), "reason": " ", "csrf_token": token}
    refused = await client.post("/break-glass", data=empty)
    assert refused.status_code == 422
    assert str(world.person_id) in refused.text

    made = await client.post("/break-glass", data=empty | {"reason": "The ward calls."})
    assert (made.status_code, made.headers["location"]) == (303, "/break-glass/mine")
    start = await client.get("/")
    assert f"person {shortened(world.person_id)} is open to you" in start.text
    history = await client.get(f"/history/call-history/{world.ids['call_id']}")
    assert H in history.text
    assert (await _last_event(session, "show_call_history_history")).purpose == "break_glass"

    (opening,) = await session.scalars(select(AccessOpening).where(AccessOpening.reason == "The ward calls."))
    ended = await client.post(f"/break-glass/{opening.access_opening_id}/end", data={"csrf_token": token})
    assert ended.status_code == 303
    assert "is open to you" not in (await client.get("/")).text
    assert H not in (await client.get(f"/history/call-history/{world.ids['call_id']}")).text

    officer = await as_user(client, session, settings, "privacy_officer")
    waiting = await client.get("/break-glass")
    assert "The ward calls." in waiting.text
    place = f"/break-glass/{opening.access_opening_id}"
    assert "show_call_history_history" in (await client.get(place)).text
    blank = await client.post(f"{place}/review", data={"csrf_token": officer})
    assert blank.status_code == 422
    done = await client.post(f"{place}/review", data={"csrf_token": officer, "verdict": "justified", "note": ""})
    assert done.status_code == 303
    assert "The ward calls." not in (await client.get("/break-glass")).text
    assert "The ward calls." in (await client.get("/break-glass", params={"state": "reviewed"})).text


@pytest.mark.parametrize(
    "path", ["persons", "leads", "patients", "call-history", "physicians", "clinical-trial-journeys", "eap-journeys"]
)
async def test_history_shows_what_changed_masked_for_whom_it_is_masked(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World, path: str
) -> None:
    url = f"/history/{path}/{world.by_path[path]}"
    await as_user(client, session, settings, "navigator")
    clear = await client.get(url)
    assert clear.status_code == 200
    assert P in clear.text or H in clear.text
    assert "<del>" in clear.text
    await as_user(client, session, settings, "auditor")
    masked = await client.get(url)
    assert masked.status_code == 200
    assert P not in masked.text
    assert H not in masked.text
    await as_user(client, session, settings, "admin")
    assert (await client.get(url)).status_code == 403


async def test_history_names_owners_and_writes_days_as_people_do(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    owner, _ = await a_colleague(session, first_name="Esi", last_name="Boateng")
    await session.execute(update(Patient).values(owner_id=owner.user_account_id, first_contact_date=date(2026, 4, 18)))
    await session.commit()
    await as_user(client, session, settings, "navigator")
    history = (await client.get(f"/history/patients/{world.ids['patient_id']}")).text
    assert owner.display_name in history
    assert "18 Apr 2026" in history
    assert str(owner.user_account_id) not in history


async def test_history_says_codes_and_countries_in_words(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    values = {"country": "DE", "language": "sv", "do_not_contact_channels": ["sms", "email"]}
    born = {"born_on": date(1931, 7, 1), "date_of_birth_precision": "month"}
    await session.execute(update(Person).where(Person.person_id == world.person_id).values(**values, **born))
    await session.commit()
    await as_user(client, session, settings, "navigator")
    history = " ".join(re.sub(r"<[^>]*>", " ", (await client.get(f"/history/persons/{world.person_id}")).text).split())
    assert "before: Netherlands now: Germany" in history
    assert "before: Dutch now: Swedish" in history
    assert "SMS, E-mail" in history
    assert "before: Day now: Month" in history


async def test_history_leaves_what_somebody_wrote_as_it_is(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    call_id, why = world.ids["call_id"], "her mother-in-law asked for it_soon"
    await session.execute(update(CallHistory).where(CallHistory.call_id == call_id).values(contact_reason=why))
    await session.commit()
    await as_user(client, session, settings, "navigator")
    assert why in (await client.get(f"/history/call-history/{call_id}")).text


async def test_history_as_of_a_moment(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    await as_user(client, session, settings, "navigator")
    url = f"/history/persons/{world.person_id}"
    assert (await client.get(url, params={"as_of": "2001-01-01T10:00"})).status_code == 404
    now = await client.get(url, params={"as_of": "2100-01-01T10:00"})
    assert "As it was" in now.text
    assert f"{P}LastNew" in now.text
    assert (await client.get(url, params={"as_of": "soon"})).status_code == 422


async def test_outside_the_caseload_a_page_asks_for_the_reason_and_then_opens(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, world: World
) -> None:
    owner, _ = await a_colleague(session)
    await session.execute(update(Patient).values(owner_id=owner.user_account_id))
    await session.commit()
    app = create_app(settings.model_copy(update={"caseload": Caseload.ASSIGNED}), bound)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as browser:
        me = await somebody(session, settings, "navigator")
        token = await signed_in(browser, session, me.account_id)
        url = f"/history/call-history/{world.ids['call_id']}"
        asked = await browser.get(url)
        assert asked.status_code == 403
        assert "Why do you need to see this?" in asked.text
        assert H not in asked.text
        form = {"csrf_token": token, "person_id": str(world.person_id), "back": url, "reason": "She called me."}
        assert (await browser.post("/access-reasons", data=form | {"reason": ""})).status_code == 422
        stated = await browser.post("/access-reasons", data=form)
        assert (stated.status_code, stated.headers["location"]) == (303, url)
        assert H in (await browser.get(url)).text
        away = await browser.post("/access-reasons", data=form | {"back": "//evil.example/"})
        assert away.headers["location"] == "/"
