"""Static files and pages as they leave: addresses with digests, compressed, a token that is other in each."""

import gzip
import re
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import Headers

from app.calls.states import CHANNELS, FOLLOWED
from app.hospitals.models import Hospital
from app.journeys.eap.models import EapProgram
from app.platform import clock
from app.platform.settings import Settings
from app.web import csrf
from app.web.assets import SCRIPTS, SHEETS, STATIC, TOGETHER, Assets, accepts_gzip
from app.web.render import mount_pages
from tests.browsing import as_user, signed_in, somebody
from tests.builders import a_call, a_lead, a_patient, a_person, a_physician, a_task, a_trial, a_trial_journey
from tests.printed import ROOT

TOKEN = "ab" * 32
_NAMED = re.compile(r'(?:href|src)="(/static/[^"#]+)|url\("?(/static/[^")]+)')


def _client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


async def test_every_address_of_a_file_carries_the_digest_of_what_it_leads_to(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await as_user(client, session, settings, "navigator")
    pages = [await client.get(path) for path in ("/today", "/patients", "/sign-in", "/docs")]
    named = {one for page in pages for pair in _NAMED.findall(page.text) for one in pair if one}
    sheets = {address for address in named if ".css" in address}
    for sheet in sheets:
        named |= {one for pair in _NAMED.findall((await client.get(sheet)).text) for one in pair if one}
    assert {address for address in named if not re.search(r"\?v=[0-9a-f]{12}$", address)} == set()
    assert any("latin.woff2" in address for address in named)
    assert any("select.svg" in address for address in named)
    for address in named:
        answer = await client.get(address)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True), address
    assert sum(".css" in one for one in _NAMED.findall(pages[0].text)[0]) <= 1
    assert len(set(re.findall(r'rel="stylesheet" href="([^"]+)"', pages[0].text))) == 1


def test_all_our_own_sheets_and_scripts_leave_together() -> None:
    assert {path.stem for path in STATIC.glob("css/*.css")} - {"agenda", "api-docs", "history", "pair"} == set(SHEETS)
    of_forms = {name.removeprefix("js/").removesuffix(".js") for name in TOGETHER["js/forms.js"]}
    assert {path.stem for path in STATIC.glob("js/*.js")} - {"api-docs", "passkeys", "start"} == {*SCRIPTS, *of_forms}
    said = (
        (ROOT / "docs" / "DESIGN_SYSTEM.md").read_text(encoding="utf-8").partition("`forms.js` (")[2].partition(")")[0]
    )
    assert set(re.findall(r"`(\w+)`", said)) == of_forms


def test_the_form_of_a_call_shows_what_belongs_to_each_outcome_and_channel() -> None:
    """The stylesheet says by the words of calls which of its fields are shown."""
    lines = (STATIC / "css" / "work.css").read_text(encoding="utf-8").splitlines()
    [of_next] = [line for line in lines if line.endswith("[data-if-attempt],")]
    of_wishes = [line for line in lines if "[data-if-against]:not(" in line]
    assert set(re.findall(r'\[value="(\w+)"\]', of_next)) == set(FOLLOWED)
    assert [re.findall(r'="(\w+)"', line)[1:] for line in of_wishes] == [[one, one] for one in CHANNELS]


@pytest.mark.parametrize("development", [True, False])
async def test_a_file_of_text_is_compressed_for_who_reads_that(development: bool) -> None:  # noqa: FBT001
    app = FastAPI()
    mount_pages(app, development=development)
    async with _client(app) as client:
        for path in (*TOGETHER, "vendor/icons.svg", "vendor/htmx.min.js"):
            address = app.state.templates.globals["static"](path)
            packed = await client.get(address, headers={"accept-encoding": "br, gzip"})
            plain = await client.get(address, headers={"accept-encoding": "identity"})
            assert packed.headers["content-encoding"] == "gzip"
            assert int(packed.headers["content-length"]) < len(plain.content) / 2
            assert packed.content == plain.content
            assert "content-encoding" not in plain.headers
            assert packed.headers["vary"] == "Accept-Encoding"
            again = await client.get(address, headers={"if-none-match": plain.headers["etag"], "accept-encoding": ""})
            assert (again.status_code, again.content) == (304, b"")
        font = await client.get("/static/vendor/inter/latin.woff2")
        assert "content-encoding" not in font.headers
        for nothing in ("css/no.css", "js/../../render.py", "css/..%2f..%2frender.py"):
            assert (await client.get(f"/static/{nothing}")).status_code == 404


def test_a_sheet_without_its_remarks_says_the_same() -> None:
    text = Assets(development=False)("css/all.css")
    assert text.startswith("/static/css/all.css?v=")
    found = Assets(development=False).asset("css/all.css")
    assert found is not None
    written = sum((STATIC / part).read_text().count("{") for part in TOGETHER["css/all.css"])
    content = found.content.decode()
    assert (content.count("{"), content.count("}")) == (written, written)
    assert "/*" not in content
    assert gzip.decompress(found.compressed) == found.content


def test_what_lies_inside_of_something_is_still_selected() -> None:
    """`.table :is(th, td)` are the cells of a table; `.table:is(th, td)` is nothing."""
    written = "".join((STATIC / part).read_text() for part in TOGETHER["css/all.css"])
    inside = re.findall(r'[\w\])"] +:(is\(.|focus-visible)', written)
    found = Assets(development=False).asset("css/all.css")
    assert found is not None
    assert len(inside) > 20
    assert re.findall(r" \*:(is\(.|focus-visible)", found.content.decode()) == inside


def test_a_script_loses_no_blank_of_a_sentence() -> None:
    """Blanks around signs go without a look at where they stand."""
    kept = Assets(development=False)
    for name in ("js/all.js", "js/forms.js", "js/alone.js"):
        lines = [line for part in TOGETHER[name] for line in (STATIC / part).read_text(encoding="utf-8").splitlines()]
        code = "\n".join(line for line in lines if not line.lstrip().startswith("//"))
        sentences = re.findall(r'_\("((?:[^"\\]|\\.)*)"', code)
        asset = kept.asset(name)
        assert asset is not None
        assert [one for one in sentences if one not in asset.content.decode()] == []


@pytest.mark.parametrize(
    ("given", "reads"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("", False), ("identity", False), ("xgzip", False)],
)
def test_who_reads_gzip(given: str, reads: bool) -> None:  # noqa: FBT001
    assert accepts_gzip(Headers({"accept-encoding": given})) is reads


async def test_a_page_is_compressed_and_its_token_is_another_text_each_time(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    first, second = await client.get("/patients"), await client.get("/patients")
    plain = await client.get("/patients", headers={"accept-encoding": "identity"})
    assert first.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["vary"]
    tokens = [
        re.findall(r'(?:csrf_token" value|csrf-token" content)="([0-9a-f]+)"', one.text) for one in (first, second)
    ]
    assert token not in first.text
    assert not set(tokens[0]) & set(tokens[1])
    for one in (tokens[0][0], tokens[1][0], token):
        sent = await client.post("/patients", data={"csrf_token": one, "q": "x"})
        assert sent.status_code == 200
    turned = tokens[0][0][:-1] + ("0" if tokens[0][0][-1] != "0" else "1")
    for wrong in (turned, tokens[0][0][2:] + "00", "zz" * 64, ""):
        assert (await client.post("/patients", data={"csrf_token": wrong, "q": "x"})).status_code == 403


def test_a_masked_token_is_never_the_token() -> None:
    assert len({csrf.masked(TOKEN) for _ in range(50)}) == 50
    assert all(TOKEN not in csrf.masked(TOKEN) for _ in range(50))


async def _fifty_of_each(session: AsyncSession, owner_id: UUID | None) -> None:
    now = clock.now()
    hospital = Hospital(name="Universitair Medisch Centrum Groningen", city="Groningen", country="NL", address="x" * 60)
    session.add(hospital)
    await session.flush()
    for number in range(50):
        person = await a_person(
            session, first_name=f"Annemarie{number}", last_name="van der Heuvel", time_zone="Europe/Lisbon"
        )
        patient = await a_patient(session, person, owner_id=owner_id)
        await a_lead(session, person, owner_id=owner_id)
        notes = "Asked about the trial in Leiden, and whether the travel is paid for."
        await a_call(session, patient, call_date=now, status="completed", outcome="reached", notes=notes)
        await a_call(session, patient, booking_date=now + timedelta(days=3), status="scheduled")
        await a_task(session, person, title=f"Ask the site {number}", due_at=now, due_by=now, owner_id=owner_id)
        await a_physician(session, hospital_id=hospital.hospital_id, job_title="Head of surgery")
        trial = await a_trial(session, trial_id=f"NCT000000{number:02}", title="A study of something long in adults")
        await a_trial_journey(session, patient, clinical_trial_id=trial.clinical_trial_id)
        session.add(Hospital(name=f"Ziekenhuis {number}", city="Groningen", country="NL", address="Hanzeplein 1"))
        session.add(EapProgram(name=f"Programme {number}", product="Some product", sponsor="A sponsor of some length"))
    await session.commit()


@pytest.mark.parametrize(
    "path", ["/leads", "/patients", "/calls", "/tasks", "/physicians", "/hospitals", "/trials", "/programmes"]
)
async def test_fifty_rows_of_a_list_are_within_their_budget(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, path: str
) -> None:
    owner = await somebody(session, settings, "navigator", "data_steward", name="Noor Brandt")
    await _fifty_of_each(session, owner.account_id)
    await signed_in(client, session, owner.account_id)
    answer = await client.get(path)
    rows = re.search(r"<tbody.*</tbody>", answer.text, re.DOTALL)
    assert rows
    assert rows[0].count("<tr") == 50
    assert len(rows[0].encode()) <= 60_000
