"""Whole pages and their parts, static addresses, and how dates and codes are written."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import DictLoader

from app.platform import clock
from app.platform.locales import read_in
from app.web.error_pages import error_page, wants_page
from app.web.render import CONTENT_SECURITY_POLICY, Flash, NavItem, current_place, mount_pages, page
from app.web.words import age_on, in_sentence, initials, near_text, plural, shortened, shown_in, words, zone_text

PART = {"hx-request": "true", "hx-request-type": "partial"}
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def app() -> FastAPI:
    made = FastAPI()
    mount_pages(made, development=False)
    templates = {
        "list.txt": "<h1>{{ title }}</h1>{% block patient_list %}<ul>{{ title }}</ul>{% endblock %}"
        "{% for flash in flashes %}[{{ flash.text }}]{% endfor %}",
        "errors/error.html": "page {{ error.title }} {{ detail }} {{ reference }}",
        "errors/alert.html": "alert {{ error.title }} {{ detail }}",
    }
    made.state.templates = made.state.templates.overlay(loader=DictLoader(templates))

    @made.get("/list")
    async def a_list(request: Request, title: str = "<b>") -> HTMLResponse:
        return page(request, "list.txt", {"title": title}, flashes=[Flash("Gespeichert ✓")])

    @made.get("/gone")
    @made.get("/api/gone")
    async def gone(request: Request) -> HTMLResponse:
        return error_page(request, 404, detail=str(wants_page(request)), reference="r1")

    return made


async def ask(app: FastAPI, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers=named)


async def test_a_browser_gets_the_page_escaped_whatever_the_template_is_called(app: FastAPI) -> None:
    answer = await ask(app, "/list")
    assert answer.text == "<h1>&lt;b&gt;</h1><ul>&lt;b&gt;</ul>[Gespeichert ✓]"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert "HX-Request" in answer.headers["vary"]


async def test_htmx_gets_the_block_that_its_target_is_named_after_and_the_message_as_an_event(app: FastAPI) -> None:
    answer = await ask(app, "/list", **PART, hx_target="ul#patient-list")
    assert answer.text == "<ul>&lt;b&gt;</ul>"
    assert answer.headers["hx-trigger"].isascii()
    assert "Gespeichert" in answer.headers["hx-trigger"]


@pytest.mark.parametrize(
    "headers",
    [
        {**PART, "hx-target": "div#elsewhere"},
        {"hx-request": "true", "hx-request-type": "full", "hx-target": "ul#patient-list"},
        {**PART, "hx-history-restore-request": "true", "hx-target": "ul#patient-list"},
    ],
)
async def test_htmx_gets_the_page_where_no_part_is_meant(app: FastAPI, headers: dict[str, str]) -> None:
    assert (await ask(app, "/list", **headers)).text.startswith("<h1>")


async def test_an_error_is_a_page_to_a_browser_and_an_alert_above_the_page_to_htmx(app: FastAPI) -> None:
    browser = await ask(app, "/gone", accept="text/html")
    assert browser.status_code == 404
    assert browser.text == "page There is nothing here True r1"
    htmx = await ask(app, "/gone", **PART, hx_target="ul#patient-list")
    assert htmx.status_code == 404
    assert htmx.text == "alert There is nothing here True"
    assert htmx.headers["hx-retarget"] == "#alerts"
    assert (await ask(app, "/api/gone", accept="text/html")).text == "page There is nothing here False r1"


async def test_static_files_are_kept_when_asked_for_by_digest(app: FastAPI) -> None:
    address: Any = app.state.templates.globals["static"]
    path = address("css/tokens.css")
    assert path.startswith("/static/css/tokens.css?v=")
    assert "immutable" in (await ask(app, path)).headers["cache-control"]
    assert (await ask(app, "/static/css/tokens.css")).headers["cache-control"] == "no-cache"
    assert (await ask(app, "/static/vendor/icons.svg")).headers["content-type"].startswith("image/svg+xml")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 11, 24, 9, 12, tzinfo=UTC), "Today, 10:12"),
        (datetime(2026, 11, 23, 23, 30, tzinfo=UTC), "Today, 00:30"),
        (datetime(2026, 11, 23, 15, 40, tzinfo=UTC), "Yesterday, 16:40"),
        (datetime(2026, 11, 25, 8, 0, tzinfo=UTC), "Tomorrow, 09:00"),
        (datetime(2026, 7, 18, 12, 5, tzinfo=UTC), "18 Jul, 14:05"),
        (datetime(2025, 11, 2, 9, 30, tzinfo=UTC), "2 Nov 2025"),
    ],
)
def test_an_instant_is_written_on_the_clock_of_the_person_who_looks(value: datetime, text: str) -> None:
    with shown_in(ZoneInfo("Europe/Amsterdam")):
        assert near_text(value, NOON) == text
        assert near_text(value, NOON, in_sentence=True) == text[0].lower() + text[1:]


def test_the_exact_time_names_its_zone() -> None:
    with shown_in(ZoneInfo("Europe/Amsterdam")):
        assert zone_text(NOON) == "24 Nov 2026, 13:00:00 CET"
    assert zone_text(NOON) == "24 Nov 2026, 12:00:00 UTC"


def test_words_of_codes_and_names() -> None:
    assert words("on_treatment") == "On treatment"
    assert words("no_show") == "No-show"
    assert shortened("01a2108f-050e-75f1-9786-6498cbf3c6ae") == "01a2108f…c6ae"
    assert shortened("EAP-0088") == "EAP-0088"
    assert plural(1, "patient") == "1 patient"
    assert plural(1200, "entry", "entries") == "1,200 entries"
    assert [initials(name) for name in ("Jan de Vries", "Łukasz", "李 小龙", "", "42")] == ["JV", "Ł", "李小", "?", "?"]


@pytest.mark.parametrize(("today", "age"), [(date(2026, 3, 13), 46), (date(2026, 3, 14), 47)])
def test_age_counts_completed_years(today: date, age: int) -> None:
    assert age_on(date(1979, 3, 14), today) == age


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../etc/passwd"])
def test_an_unknown_zone_is_utc(name: str | None) -> None:
    assert clock.zone_named(name) is UTC


def test_a_place_is_current_below_its_address_but_not_beside_it() -> None:
    patients, start = NavItem("Patients", "users", "/patients"), NavItem("Start", "home", "/")
    assert patients.is_current("/patients")
    assert patients.is_current("/patients/1/calls")
    assert not patients.is_current("/patients-export")
    assert not start.is_current("/patients")
    assert current_place([start, patients], "/patients/1") == "/patients"
    assert current_place([start, patients], "/elsewhere") is None
    assert start.is_current("/")


@pytest.mark.parametrize(
    ("reader", "label", "told"),
    [
        ("en", "Site review", "site review"),
        ("en", "EAP number", "EAP number"),
        ("de", "Kontaktformular", "Kontaktformular"),
    ],
)
def test_a_label_in_a_sentence_is_written_as_the_language_writes_nouns(reader: str, label: str, told: str) -> None:
    with read_in(reader):
        assert in_sentence(label) == told
