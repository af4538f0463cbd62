"""`/_gallery`: every component in all its states, a page per subject. Development only; the tests look at it too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from app.access.masking import HIDDEN
from app.platform import clock
from app.web import gallery_samples as samples
from app.web.attached import Attaching
from app.web.error_pages import ERRORS, error_page
from app.web.listing import BY_PERSON, Column, Filter, Listing, View
from app.web.parts import ROLES
from app.web.pickers import Choice, Picked
from app.web.render import Banner, Flash, Frame, NavGroup, NavItem, is_htmx, page
from app.web.search import Hit, PatientHit, PersonHit, Results
from app.web.words import words

router = APIRouter(prefix="/_gallery", include_in_schema=False)

PAGES = (
    "overview",
    "controls",
    "forms",
    "data",
    "record",
    "work",
    "lists",
    "case",
    "agenda",
    "search",
    "feedback",
    "states",
    "sign-in",
)

NAV = (
    NavGroup(
        "",
        (
            NavItem("Today", "sun", "/_gallery/overview", count=9),
            NavItem("Leads", "user-question", "/_gallery/forms", count=24),
            NavItem("Patients", "users", "/_gallery/data"),
            NavItem("Calls", "phone", "/_gallery/controls"),
            NavItem("Journeys", "route", "/_gallery/work"),
        ),
    ),
    NavGroup(
        "Network",
        (
            NavItem("Physicians", "stethoscope", "/_gallery/record"),
            NavItem("Hospitals", "building-hospital", "/_gallery/feedback"),
            NavItem("Trials and programmes", "microscope", "/_gallery/errors/404"),
        ),
    ),
    NavGroup(
        "Governance",
        (
            NavItem("Who saw what", "shield-check", "/_gallery/errors/403"),
            NavItem("Data quality", "checkbox", "/_gallery/errors/409"),
            NavItem("Accounts", "user-circle", "/_gallery/sign-in"),
        ),
    ),
)

PEOPLE = (
    ("Ines Müller", "Cystic fibrosis", "active", "CT", "L. Fontaine"),
    ("Jan Bakker", "Duchenne muscular dystrophy", "new", "EAP", "K. Osei"),
    ("Sofia Αλεξίου", "Glioblastoma", "on_treatment", "EAP", "A. Meijer"),
    ("Łukasz Kowalski", "Idiopathic pulmonary fibrosis", "site_review", "CT", "K. Osei"),
    ("Марія Шевченко", "Non-small cell lung cancer, EGFR+", "screen_failed", "CT", "A. Meijer"),
    ("Nguyễn Thị Ánh", "Spinal muscular atrophy", "on_hold", "EAP", "L. Fontaine"),
    ("Aisha Silva", "Triple-negative breast cancer", "not_pursued", "CT", "L. Fontaine"),
)


@dataclass(frozen=True)
class Somebody:
    """A person as an answer tells of one, with names that are long, in another script, or missing."""

    first_name: str | None
    last_name: str | None
    person_id: UUID = samples.ID
    reference: str = "P-7K2Q9XAM"
    email: str | None = None
    phone: str | None = None
    phone_extension: str | None = None
    preferred_name: str | None = None
    language: str | None = None
    gender: str | None = None
    country: str | None = "NL"
    time_zone: str | None = "Europe/Amsterdam"
    date_of_birth: date | None = None
    do_not_contact_channels: tuple[str, ...] = ()
    is_active: bool = True


EVERYBODY = (
    Somebody("Inês", "Carvalho Duarte", time_zone="Europe/Lisbon", country="PT"),
    Somebody("Bartholomew-Maximilian", "Featherstonehaugh-Cholmondeley"),
    Somebody("فاطمة", "الإدريسي"),
    Somebody("佐藤", "美咲"),
    Somebody("Ng", None),
    Somebody(HIDDEN, HIDDEN),
)


@dataclass(frozen=True)
class Found:
    """A page of a list as an answer tells of it."""

    items: tuple[Any, ...] = EVERYBODY
    total: int = 1000
    total_is_capped: bool = True
    next_cursor: str | None = "x"
    search: Any = None


COLUMNS = (Column("name", "Name"), Column("condition", "Condition", 1), Column("journey", "Journey", 2))


def _listing(found: Any, columns: Sequence[Column] = COLUMNS, **more: Any) -> Listing:
    return Listing(
        path="/_gallery/work",
        columns=columns,
        filters=(Filter("status", "Status", (("active", "Active"), ("inactive", "Inactive"))),),
        views=(View("My active", {"status": "active"}), View("Everyone", {})),
        found=found,
        searches=BY_PERSON,
        **more,
    )


def _frame(request: Request) -> Frame:
    banner = None
    if "banner" in request.query_params:
        banner = Banner(
            "Emergency access to one patient is open until 14:30. Every view is recorded and will be reviewed.",
            href="/_gallery/echo",
            action="End the access",
        )
    return Frame(
        user_name="Anouk Meijer",
        user_role="Patient navigator",
        nav=NAV,
        phone_nav=NAV[0].items[:4],
        user_menu=(
            NavItem("My account", "user-circle", "/_gallery/forms"),
            NavItem("Keyboard", "command", "/_gallery/controls"),
            NavItem("API description", "code", "/docs"),
        ),
        zone=ZoneInfo("Europe/Amsterdam"),
        csrf_token="of-the-gallery",  # noqa: S106  # the gallery changes nothing
        search_href="/_gallery/data",
        sign_out_href="/_gallery/echo",
        banner=banner,
    )


def _context(request: Request) -> dict[str, object]:
    now = clock.now()
    return {
        "gallery_tabs": [
            {"label": words(name), "href": f"/_gallery/{name}", "current": request.url.path.endswith(name)}
            for name in PAGES
        ],
        "people": PEOPLE,
        "now": now,
        "yesterday": now - timedelta(days=1),
        "last_week": now - timedelta(days=7),
        "last_year": datetime(2025, 11, 2, 9, 30, tzinfo=UTC),
        "born": date(1979, 3, 14),
        "a_key": f"crm_{UUID(int=2**127 - 1).hex}",
        "wrong": [
            ("email", "Write an e-mail address such as name@example.org"),
            ("born", "The date lies in the future"),
        ],
        "error_statuses": list(ERRORS),
        "listing": _listing(Found(), noun=("patient", "patients"), chosen={"status": "active"}),
        "searched": _listing(Found(), noun=("lead", "leads"), chosen={}, typed="carvallo"),
        "results": _results(),
        "choices": _choices(),
        "part_form": Attaching(
            ROLES.path,
            "/_gallery/echo",
            "Add a role",
            None,
            [(field, [("caregiver", "Caregiver")]) for field in ROLES.new_fields],
            {"type_name": "", "valid_from": "yesterday", "valid_to": "", "hospital_id": Picked(), "job_title": ""},
        ),
        "selected": _listing(
            Found(tuple(samples.rows(EVERYBODY, now)), search=samples.Sample(similar=2)),
            noun=("patient", "patients"),
            chosen={"status": "active"},
            **samples.of_a_list(EVERYBODY[1]),
        ),
        "cells": samples.cells(EVERYBODY[1], now),
        "bare": samples.bare(),
        **samples.of_an_agenda(EVERYBODY[1], now),
        **samples.of_a_case(EVERYBODY[0], EVERYBODY[1], now),
        "known": {
            "person": EVERYBODY[0],
            "case": {"patient_id": 1, "lead_id": None, "condition": "Cystic fibrosis"},
            "reasons": ["same_phone"],
        },
        "somebody": Somebody(
            "Bartholomew-Maximilian",
            "Featherstonehaugh-Cholmondeley",
            email=f"{'bartholomew.' * 4}maximilian@featherstonehaugh.example.org",
            phone="+31 20 555 0134",
            phone_extension="12",
            date_of_birth=date(1979, 3, 14),
            do_not_contact_channels=("email",),
            is_active=False,
        ),
    }


def _choices() -> dict[str, Picked]:
    """What a field holds in which one of many is found."""
    people: tuple[Any, ...] = EVERYBODY
    found = [Choice(str(number), hint="Neurology, UMC Noord", person=one) for number, one in enumerate(people)]
    return {"chosen": Picked("0", found[0]), "several": Picked(typed="Carvalho", found=found)}


def _results() -> Results:
    """What a search everywhere found: people with and without a record, what has a name, places, commands."""
    cases: tuple[Any, ...] = (
        {
            "patient_id": 1,
            "patient_status": "active",
            "lead_id": None,
            "physician_id": None,
            "condition": "Idiopathic pulmonary fibrosis",
        },
        {
            "patient_id": None,
            "lead_id": 1,
            "lead_status": "contacting",
            "lead_reference": "L-2K7QWRTB",
            "physician_id": None,
            "condition": None,
        },
        {"patient_id": None, "lead_id": None, "physician_id": 1, "condition": None},
    )
    people: tuple[Any, ...] = EVERYBODY
    href = "/_gallery/record"
    noor = {"first_name": "Noor", "last_name": "Brandt", "reference": "P-7K2Q9XAM"}
    spoken_for: Any = samples.Sample(**noor, relationship_type="caregiver")
    return Results(
        people=[PersonHit(one, case, href) for one, case in zip(people, (*cases, None, None, None), strict=True)]
        + [PersonHit(people[0], None, None, [PatientHit(spoken_for, href)]), PersonHit(people[0], None, None)],
        more=12,
        named=[
            Hit("Charcot-Marie-Tooth disease", "report-medical", href, "Condition, CMT"),
            Hit(f"A natural history study of {'very ' * 12}rare diseases", "microscope", href, "Trial, NCT01234567"),
        ],
        places=[Hit("Leads", "inbox", href, "Go to")],
        commands=[Hit("Log a call", "phone", href, "choose with whom")],
    )


@router.get("")
async def start() -> Response:
    return RedirectResponse("/_gallery/overview")


@router.get("/errors/{status}")
async def an_error(request: Request, status: int) -> HTMLResponse:
    if "alone" not in request.query_params:
        request.state.frame = _frame(request)
    return error_page(request, status, reference="01HZX3V9Q2")


@router.post("/echo")
async def echo(request: Request, reason: Annotated[str, Form()] = "") -> Response:
    """Answers a form as a page would: 303 to a plain post, a message and the block to htmx."""
    if not is_htmx(request):
        return RedirectResponse("/_gallery/feedback", status_code=HTTPStatus.SEE_OTHER)
    if not reason.strip():
        context = {**_context(request), "reason_error": "Say why you need to see it"}
        return page(request, "gallery/feedback.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return page(request, "gallery/feedback.html", _context(request), flashes=[Flash("Saved")])


@router.get("/{name}")
async def one_page(request: Request, name: str) -> HTMLResponse:
    if name not in PAGES:
        return error_page(request, HTTPStatus.NOT_FOUND)
    if name != "sign-in":
        request.state.frame = _frame(request)
    flashes = (
        [Flash("Call with Jan Bakker logged"), Flash("The export is being made", "info")] if name == "feedback" else []
    )
    return page(request, f"gallery/{name}.html", _context(request), flashes=flashes)


def mount_gallery(app: FastAPI) -> None:
    """Serves the gallery; create_app does so outside production only."""
    app.include_router(router)
