"""Every list page, by its declaration."""

import html
import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.routing import Match

from app.access.masking import models_in
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapProgram
from app.people.models import SuggestedChange
from app.people.suggestions import value_hash
from app.platform import clock
from app.platform.settings import Settings
from app.web import screens  # noqa: F401 - fills LISTS
from app.web.listing import LISTS, Column, ListPage
from app.web.render import Components, build_environment
from tests.browsing import ORIGIN, as_user, signed_in, somebody
from tests.builders import a_call, a_document, a_lead, a_patient, a_person, a_physician, a_task, a_trial
from tests.canaries import a_world
from tests.conftest import BoundDatabase
from tests.web.test_page_canaries import PAGES
from tests.web.test_patients_pages import statements

EVERY = sorted(LISTS.values(), key=lambda shown: shown.path)


def fields_of(shown: ListPage, column: Column) -> list[str]:
    """What is wrong with the place where a column reads its value."""
    first, _, rest = column.value.partition(".")
    model: type[BaseModel] | None = shown.beside_of if first == "beside" else shown.answer
    for name in (rest if first == "beside" else column.value).split("."):
        if model is None or name not in model.model_fields:
            return [f"{shown.path}: {column.key} reads {column.value}"]
        model = next(models_in(model.model_fields[name].annotation), None)
    return []


@pytest.mark.parametrize("shown", EVERY, ids=lambda shown: shown.path)
def test_every_column_is_drawn_by_a_macro_and_reads_a_field_of_its_answer(shown: ListPage) -> None:
    macros = build_environment(development=False).globals["ui"]
    assert isinstance(macros, Components)
    assert [column.cell for column in shown.columns if f"cell_{column.cell}" not in macros.names()] == []
    assert [wrong for column in shown.columns for wrong in fields_of(shown, column)] == []
    assert {*re.findall(r"{(\w+)}", " ".join(shown.opens)), shown.key} <= shown.answer.model_fields.keys()


async def _five_of_each(session: AsyncSession, owner_id: UUID | None) -> None:
    for number in range(5):
        person = await a_person(session, first_name=f"Ada{number}", last_name="Visser")
        patient = await a_patient(session, person, owner_id=owner_id)
        await a_lead(session, person, owner_id=owner_id)
        await a_call(session, patient, call_date=clock.now(), status="completed", outcome="reached")
        due = clock.now() + timedelta(days=number)
        await a_task(session, person, due_at=due, due_by=due, owner_id=owner_id)
        await a_physician(session)
        await a_trial(session, trial_id=f"NCT0000000{number}")
        things = [Hospital(name=f"Hospital {number}"), Specialization(name=f"Specialisation {number}")]
        session.add_all([*things, EapProgram(name=f"Programme {number}", product="x")])
    await session.commit()


@pytest.mark.parametrize("shown", EVERY, ids=lambda shown: shown.path)
async def test_a_list_costs_at_most_eight_statements_beside_session_and_audit(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, bound: BoundDatabase, shown: ListPage
) -> None:
    owner = await somebody(session, settings, "navigator", "data_steward")
    await _five_of_each(session, owner.account_id)
    await signed_in(client, session, owner.account_id)
    await client.get("/conditions")
    with statements(bound) as found:
        # Of nothing about people, which leaves no event: what every page costs.
        assert (await client.get("/hospitals/new")).status_code == 200
    around = len(found)
    with statements(bound) as found:
        assert (await client.get(shown.path, params={"limit": "3"})).status_code == 200
    of_event = [statement for statement in found if "audit_event" in statement]
    assert len(found) - around - len(of_event) <= 8, found


@pytest.mark.parametrize("shown", EVERY, ids=lambda shown: shown.path)
async def test_a_list_is_sorted_by_its_head_which_says_how(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, shown: ListPage
) -> None:
    await _five_of_each(session, None)
    await as_user(client, session, settings, "navigator", "data_steward")
    first = await client.get(shown.path, params={"limit": "200"})
    links = re.findall(r'class="list-sort" href="([^"]+)"', first.text)
    assert bool(links) == any(column.sort for column in shown.columns)
    for link in links:
        address = link.replace("&amp;", "&")
        answer = await client.get(f"{address}{'&' if '?' in address else '?'}limit=200")
        assert len(re.findall('aria-sort="(?:ascending|descending)"', answer.text)) == 1, link
        rows = [re.findall(r'class="row-link" href="([^"]+)"', page.text) for page in (first, answer)]
        assert sorted(rows[0]) == sorted(rows[1])


async def test_who_sees_masked_what_a_list_is_ordered_by_is_not_offered_the_order(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await _five_of_each(session, None)
    await as_user(client, session, settings, "auditor")
    shown, asked = await client.get("/calls"), await client.get("/calls", params={"sort": "occurs"})
    assert 'class="list-sort"' not in shown.text
    assert asked.status_code == 403


async def test_the_rest_of_a_list_keeps_its_filters_and_order(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await _five_of_each(session, None)
    await as_user(client, session, settings, "navigator")
    found: list[str] = []
    address: str | None = "/leads?status=new&sort=created&limit=2"
    while address is not None:
        answer = await client.get(address)
        found += re.findall(r'class="row-link" href="([^"]+)"', answer.text)
        more = re.search(r'href="([^"]+)"[^>]* data-more', answer.text)
        address = None if more is None else more[1].replace("&amp;", "&")
        assert address is None or ("status=new" in address and "sort=created" in address)
    everything = await client.get("/leads", params={"status": "new", "sort": "created"})
    assert found == re.findall(r'class="row-link" href="([^"]+)"', everything.text)
    assert len(found) == 5


async def test_an_account_chooses_the_columns_of_each_list_for_itself(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await _five_of_each(session, None)
    token = await as_user(client, session, settings, "navigator")

    async def heads(path: str) -> list[str]:
        answer = await client.get(path)
        return re.findall(r'<th scope="col"[^>]*data-column="(\w+)"', answer.text)

    before = {path: await heads(path) for path in ("/leads", "/patients")}
    sent: dict[str, str | list[str]] = {"csrf_token": token, "status": "new", "sort": "created", "q": "visser"}
    chosen = await client.post("/leads/columns", data=sent | {"column": ["status", "no_such"]}, headers=ORIGIN)
    await client.post("/patients/columns", data=sent | {"column": ["owner"]}, headers=ORIGIN)
    after = {path: await heads(path) for path in before}
    unsearched = await client.post("/leads/columns", data=sent | {"q": "", "column": before["/leads"]}, headers=ORIGIN)
    again = {path: await heads(path) for path in before}
    await as_user(client, session, settings, "navigator", "auditor")

    # A search has an order of its own, and is in no address.
    assert chosen.headers["location"] == "/leads?status=new"
    assert unsearched.headers["location"] == "/leads?status=new&sort=created"
    assert after == {"/leads": ["name", "status"], "/patients": ["name", "owner"]}
    assert again == {"/leads": before["/leads"], "/patients": ["name", "owner"]}
    assert await heads("/leads") == before["/leads"]


@pytest.mark.parametrize("path", LISTS)
async def test_every_form_of_a_list_is_taken_by_a_page(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, path: str
) -> None:
    """A button of Export that no page answered stood above three lists."""
    await a_world(session)
    await as_user(client, session, settings, "navigator", "programme_manager", "data_steward")
    shown = await client.get(path, params={"view": "none"})
    sent = re.findall(r'<form[^>]* method="post"[^>]* action="([^"]+)"', shown.text)
    sent += re.findall(r'(?:formaction|hx-post)="([^"]+)"', shown.text)
    assert sent
    posts = [route for method, route in PAGES if method == "POST"]
    taken = {
        address
        for address in sent
        for route in posts
        if route.matches({"type": "http", "method": "POST", "path": address, "headers": []})[0] is Match.FULL
    }
    # A row says by its buttons where the form that all of them share is sent.
    assert set(sent) - taken == {"#"}


async def test_suggested_changes_begin_with_those_to_decide(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session, first_name="Rosa")
    for decision, theirs in (("open", "+31 20 765 4321"), ("rejected", "+31 20 111 2222")):
        decided = {"decided_at": clock.now()} if decision != "open" else {}
        session.add(
            SuggestedChange(
                person_id=person.person_id, table_name="person", record_id=person.person_id, field="phone", ours=None,
                ours_version=1, theirs=theirs, source="contact_form", value_hash=value_hash(theirs), decision=decision,
                **decided,
            )
        )  # fmt: skip
    await as_user(client, session, settings, "navigator")
    begun, everything = await client.get("/suggestions"), await client.get("/suggestions?view=none")
    assert "+31 20 765 4321" in begun.text
    assert "+31 20 111 2222" not in begun.text
    assert "+31 20 111 2222" in everything.text
    assert 'href="/suggestions?view=none"' in begun.text


async def test_a_view_with_nothing_in_it_says_what_that_means_and_a_search_that_nothing_fits(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await somebody(session, settings, "navigator")
    await signed_in(client, session, me.account_id)
    mine = await client.get("/leads", params={"owner_id": str(me.account_id)})
    nurture = await client.get("/leads", params={"status": "nurture"})
    filtered = await client.get("/leads", params={"owner_id": str(me.account_id), "status": "nurture"})
    none = await client.get("/leads?view=none")
    assert "You own no leads yet" in mine.text
    assert "There is no lead in this view" in nurture.text
    assert "Clear search and filters" not in mine.text + nurture.text + none.text
    assert "No lead fits" in filtered.text
    assert "No leads yet" in none.text


@pytest.mark.parametrize("path", LISTS)
async def test_a_view_that_is_opened_is_shown_as_chosen(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, path: str
) -> None:
    await as_user(client, session, settings, "navigator", "programme_manager", "data_steward")
    offered = re.findall(r'<a class="view" href="([^"]+)"', (await client.get(path)).text)
    wrong = []
    for address in map(html.unescape, offered):
        if address.partition("?")[0] == path:
            shown = (await client.get(address)).text
            current = re.findall(r'<a class="view" href="([^"]+)" aria-current="page"', shown)
            wrong += [(address, current)] if list(map(html.unescape, current)) != [address] else []
    assert wrong == []


async def test_the_owner_by_whom_a_list_is_filtered_is_found_by_typing(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    owner = await somebody(session, settings, "navigator", email="karim@crm.example", name="Karim Osei")
    for number in range(3):
        await somebody(session, settings, "navigator", email=f"c{number}@crm.example", name=f"Colleague {number}")
    person = await a_person(session, first_name="Femke", last_name="Bakker")
    await a_lead(session, person, owner_id=owner.account_id)
    await a_lead(session, await a_person(session, first_name="Jasmine", last_name="Nguyen"))
    await session.commit()
    token = await as_user(client, session, settings, "navigator")

    async def send(typed: str, **more: str) -> httpx.Response:
        sent = {"csrf_token": token, "status": "new", "owner_id_typed": typed, **more}
        return await client.post("/leads/owner", data=sent, headers=ORIGIN)

    shown = await client.get("/leads?status=new")
    found, several, nobody = await send("osei"), await send("colleague"), await send("Nobody Such")
    filtered = await client.get(found.headers["location"])

    # Those of the rows and oneself stand in the menu; of all the others none.
    assert "Karim Osei" in shown.text
    assert "Colleague" not in shown.text
    assert found.headers["location"] == f"/leads?status=new&owner_id={owner.account_id}"
    assert "Femke Bakker" in filtered.text
    assert "Jasmine Nguyen" not in filtered.text
    assert (several.status_code, nobody.status_code) == (422, 422)
    assert "Colleague 1" in several.text
    assert "Nothing is called so." in nobody.text


async def test_what_nobody_owns_is_found_by_the_filter_of_owners_and_by_a_tab(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    owner = await somebody(session, settings, "navigator", email="karim@crm.example", name="Karim Osei")
    for name, owner_id in (("Femke", owner.account_id), ("Jasmine", None)):
        await a_lead(session, await a_person(session, first_name=name, last_name="Vos"), owner_id=owner_id)
        await a_patient(session, await a_person(session, first_name=name, last_name="Bos"), owner_id=owner_id)
    await session.commit()
    await as_user(client, session, settings, "navigator")

    for path, last_name, status in (("/leads", "Vos", "new"), ("/patients", "Bos", "active")):
        begun, nobodys = await client.get(path), await client.get(path, params={"owner": "nobody", "sort": ""})
        assert f'href="{path}?owner=nobody"' in begun.text, "the menu of owners"
        assert f'<a class="view" href="{path}?owner=nobody&amp;status={status}"' in begun.text
        assert f"Jasmine {last_name}" in nobodys.text
        assert f"Femke {last_name}" not in nobodys.text
        assert "Owner is <strong>Nobody</strong>" in nobodys.text
        assert "owner=nobody&amp;owner_id=" not in nobodys.text, "an owner beside nobody finds nothing"


@pytest.mark.parametrize("path", sorted(LISTS))
async def test_what_is_wrong_with_an_address_is_told_by_the_label_of_the_field(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, path: str
) -> None:
    await as_user(client, session, settings, "navigator", "data_steward", "programme_manager", "privacy_officer")
    raw = [name for name in LISTS[path].question.model_fields if "_" in name]

    for name in raw:
        answer = await client.get(path, params={name: "?" * 300}, headers={"accept": "text/html"})
        assert answer.status_code == 422, (name, answer.status_code)
        assert name not in answer.text, name
    if "owner_id" in raw:
        wrong = await client.get(path, params={"owner_id": "x"}, headers={"accept": "text/html"})
        assert "Owner: This is not an id." in wrong.text


async def _of_two_people(session: AsyncSession) -> None:
    """Two calls, tasks and documents of one person, the later one first made, and one of each of another."""
    now = clock.now()
    for name, days in (("Ada", (2, 1)), ("Bea", (3,))):
        person = await a_person(session, first_name=name, last_name=f"{name}sen")
        patient = await a_patient(session, person)
        for day in days:
            at = now + timedelta(days=day)
            await a_call(session, patient, booking_date=at, status="scheduled", notes=f"{name} {day}")
            about = {"patient_id": patient.patient_id, "title": f"{name} {day}"}
            await a_task(session, person, due_at=at, due_by=at, **about)
            await a_document(session, person, created_at=at, **about)


@pytest.mark.parametrize(
    ("path", "order"),
    [("/calls", ["Ada 2", "Ada 1"]), ("/tasks", ["Ada 1", "Ada 2"]), ("/documents", ["Ada 2", "Ada 1"])],
)
async def test_calls_tasks_and_documents_are_found_by_their_person(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, path: str, order: list[str]
) -> None:
    await _of_two_people(session)
    token = await as_user(client, session, settings, "navigator")
    sent = {"csrf_token": token, "q": "adasen"}

    shown = await client.get(path)
    found = await client.post(path, data=sent, headers=ORIGIN)
    narrowed = await client.post(path, data=sent | {"status": "closed", "kind": "consent"}, headers=ORIGIN)
    by_address = await client.get(path, params={"q": "adasen"})

    assert "data-list-search" in shown.text
    # Those of one person stand in the order of the list.
    assert list(dict.fromkeys(re.findall(r"(?:Ada|Bea) \d", found.text))) == order
    assert not re.search(r'(href|action)="[^"]*adasen', found.text, re.IGNORECASE)
    assert "Ada 1" not in narrowed.text
    assert by_address.status_code == 422
    assert "Ada 1" not in by_address.text


async def test_the_list_of_tasks_begins_with_ones_own_open_ones_and_for_who_has_none_with_all_open_ones(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person, now = await a_person(session), clock.now()
    me = await somebody(session, settings, "navigator")
    of_me = {"owner_id": me.account_id, "due_at": now, "due_by": now}
    await a_task(session, person, title="Mine, open", **of_me)
    await a_task(session, person, title="Mine, done", status="done", done_at=now, **of_me)
    await a_task(session, person, title="Of nobody", due_at=now, due_by=now)
    await session.commit()

    def shown(page: httpx.Response) -> set[str]:
        return {title for title in ("Mine, open", "Mine, done", "Of nobody") if title in page.text}

    await signed_in(client, session, me.account_id)
    mine, everything = await client.get("/tasks"), await client.get("/tasks?view=none")
    await as_user(client, session, settings, "auditor")
    of_auditor = await client.get("/tasks")

    assert shown(mine) == {"Mine, open"}
    assert re.search(r'aria-current="page">Mine<', mine.text)
    assert 'href="/tasks?view=none"' in mine.text
    assert shown(everything) == {"Mine, open", "Mine, done", "Of nobody"}
    assert re.search(r'aria-current="page">All open<', of_auditor.text)


@pytest.mark.parametrize("path", ["/calls", "/tasks", "/documents"])
async def test_who_may_not_look_for_people_is_not_offered_to(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, path: str
) -> None:
    await _of_two_people(session)
    token = await as_user(client, session, settings, "auditor")

    shown = await client.get(path)
    asked = await client.post(path, data={"csrf_token": token, "q": "adasen"}, headers=ORIGIN)

    assert "data-list-search" not in shown.text
    assert asked.status_code == 403


async def test_a_list_that_is_sorted_is_searched_as_well(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    """What is looked for is ordered by how well it fits; the order before was refused beside it."""
    await _of_two_people(session)
    token = await as_user(client, session, settings, "navigator")

    for path, sort in (("/calls", "occurs"), ("/patients", "name")):
        asked = {"csrf_token": token, "q": "adasen", "sort": sort}
        found = await client.post(path, data=asked, headers=ORIGIN)
        assert found.status_code == 200
        assert "Adasen" in found.text
