"""
A form answers a fault on the page where it stands: every form of every page, of the docked panel too, with what fits no
field. What was typed is there again, and what is wrong is what is read first.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import HUMAN_ROLES
from app.main import create_app
from app.platform.settings import Settings
from app.web.listing import LISTS
from app.web.page_guard import PageRoute
from tests.browsing import ORIGIN, as_user, signed_in, somebody
from tests.builders import a_patient, a_trial_journey
from tests.canaries import World, a_world

pytestmark = pytest.mark.long

ROUTES = [route for route in create_app(Settings()).routes if isinstance(route, PageRoute)]
JUNK = "x" * 5_000
"""No field is so long, and it is no day, no number, and none of a list."""
DOCKED = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "aside#dock"}
FORMLESS = ("/sign-", "/_gallery", "/feeds", "/history", "/audit", "/pickers", "/docs", "/redoc")
ELSEWHERE = ("/views", "/leads/bulk")
"""
The choices of a view have a page of their own, with the same fields. What is chosen for the ticked rows of a list is
chosen anew.
"""
FIELDS = {"fact": "country", "case": "medical_condition_id", "date": "first_contact_date"}
"""Of each kind of fact one that is edited in place."""
SHOWN = 200
"""So much of it is shown again: what is looked up by its name is no longer."""


@dataclass
class Form:
    """A form as a browser sends it: its action, its fields as they stand, and its buttons that send something."""

    action: str
    is_upload: bool
    fields: dict[str, str] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)
    buttons: list[tuple[str, dict[str, str]]] = field(default_factory=list)


class Page(HTMLParser):
    """What stands in <main>, or in a part of a page: the heading and the forms that are posted."""

    def __init__(self, html: str, *, is_part: bool = False) -> None:
        super().__init__()
        self.heading, self.forms = "", list[Form]()
        self.is_read_first = False
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._inside, self._in_heading = is_part, False
        self._later: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        for owner, button in self._later:
            if owner in self._by_id:
                self._take("button", button, self._by_id[owner])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        self._inside |= tag == "main"
        if not self._inside:
            return
        self.is_read_first |= "data-focus" in has or has.get("role") == "alert"
        self._in_heading |= tag == "h1"
        if tag == "form" and has.get("method") == "post":
            self._open = Form(has.get("action", ""), has.get("enctype") == "multipart/form-data")
            self.forms.append(self._open)
            self._by_id[has.get("id", "")] = self._open
        elif "form" in has:
            self._later.append((has["form"], has))
        elif self._open is not None:
            self._take(tag, has, self._open)

    def handle_endtag(self, tag: str) -> None:
        self._inside &= tag != "main"
        self._in_heading &= tag != "h1"
        if tag == "form":
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.heading += data

    def _take(self, tag: str, has: dict[str, str], form: Form) -> None:
        name, kind = has.get("name", ""), has.get("type", "text")
        if tag == "button" and kind == "submit":
            form.buttons.append((has.get("formaction", ""), {name: has.get("value", "")} if name else {}))
        elif tag == "textarea" or (tag == "input" and kind not in ("hidden", "checkbox", "radio", "file", "submit")):
            form.fields[name] = has["value"] if "readonly" in has else JUNK[: int(has.get("maxlength", len(JUNK)))]
            if kind != "password" and has.get("autocomplete") != "one-time-code" and "readonly" not in has:
                form.typed.add(form.fields[name])
        elif tag == "input" and kind == "hidden":
            form.fields[name] = has.get("value", "")
        elif tag == "select":
            form.fields[name] = ""


def _addresses(world: World) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every page of the world with a form, of the lists one, and the panels that are docked beside a page."""
    for route in ROUTES:
        is_looked_at = "GET" in (route.methods or ()) and not route.path.startswith(FORMLESS)
        if is_looked_at and route.path not in set(LISTS) - {"/leads"}:
            yield _place(route, world), {}
    for path, key in (("patients", "patient_id"), ("leads", "lead_id")):
        yield f"/{path}/{world.ids[key]}/calls/new", DOCKED


def _place(route: APIRoute, world: World) -> str:
    path = route.path
    for name in route.param_convertors:
        known = world.by_path.get(path.split("/")[2]) if name == "record_id" else world.ids.get(name)
        path = path.replace(f"{{{name}}}", str(known or FIELDS.get(name, "none")))
    return path


def _told(answer: httpx.Response) -> str:
    """The tone of the message that is left for the next page."""
    found = re.search(r"crm_flash=\"?([^;\"]+)", answer.headers.get("set-cookie", ""))
    return unquote(found[1]).partition(":")[0] if found else ""


def _fault(place: str, form: Form, before: Page, answer: httpx.Response, *, is_part: bool) -> str:
    """What is wrong with how a fault was answered; empty for nothing."""
    if answer.status_code >= 500:
        return f"answers {answer.status_code}"
    if answer.status_code < 400:
        to = urlsplit(answer.headers.get("location", "")).path
        # A form may stand in an address below its record.
        is_here = place == to or place.startswith(f"{to}/")
        return f"says what is refused on {to}" if _told(answer) == "danger" and not is_here else ""
    after = Page(answer.text, is_part=is_part)
    if after.heading != before.heading:
        return f"answers with the page “{after.heading.strip()}” instead of “{before.heading.strip()}”"
    if all(one.action != form.action for one in after.forms):
        return "is not there any more"
    if any(text[:SHOWN] not in answer.text for text in form.typed):
        return "lost what was typed"
    return "" if after.is_read_first else "does not say first what is wrong"


async def test_a_fault_is_answered_where_the_form_stands(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    world = await a_world(session)
    who = await somebody(session, settings, *(role.value for role in HUMAN_ROLES))
    found, walked = set[str](), set[str]()
    for place, headers in _addresses(world):
        token = await signed_in(client, session, who.account_id)
        shown = await client.get(place, headers={**headers, "accept": "text/html"})
        if shown.status_code != 200 or "text/html" not in shown.headers["content-type"]:
            continue
        before = Page(shown.text, is_part=bool(headers))
        for form in before.forms:
            for action, pressed in form.buttons or [(form.action, {})]:
                to = action or form.action
                # The pages of a record have the same forms. The buttons of rows name the address: there may be no rows.
                where = " ".join(("/".join(place.split("/")[:3]), *headers, *pressed.values(), to))
                if not to or where in walked or to.startswith(ELSEWHERE):
                    continue
                walked.add(where)
                answer = await client.post(
                    to,
                    data={**form.fields, **pressed, "csrf_token": token},
                    files={"file": ("letter.txt", b"x", "text/plain")} if form.is_upload else None,
                    headers={**ORIGIN, **headers, "referer": f"http://test{place}"},
                )
                if fault := _fault(place, form, before, answer, is_part=bool(headers)):
                    found.add(f"{place}: {to} {pressed} {answer.status_code} {fault}")
                # What was sent may have ended the session.
                token = await signed_in(client, session, who.account_id)

    assert sorted(found) == []
    actions = {where.split(" ")[-1] for where in walked}
    assert len(actions) > 60
    for part in ("/notes", "/snooze", "/done", "/status", "/calls", "/take", "/void", "/facts/"):
        assert any(part in action for action in actions), part


async def test_a_press_that_is_refused_is_told_on_the_page_as_it_is_now(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    patient = await a_patient(session)
    await a_trial_journey(session, patient)
    await session.commit()
    token = await as_user(client, session, settings, "navigator")
    here = f"/patients/{patient.patient_id}"
    sent = {"csrf_token": token, "status": "inactive"}

    own_page = await client.post(f"{here}/status", data=sent, headers={"referer": f"http://test{here}/status"})
    pressed = await client.post(f"{here}/status", data=sent, headers={"referer": f"http://test{here}?about=calls"})
    shown = await client.get(f"{here}?about=calls")
    again = await client.get(here)

    assert own_page.status_code >= 400
    assert "Change the status" in own_page.text
    assert (pressed.status_code, pressed.headers["location"]) == (303, f"{here}?about=calls")
    said = re.search(r'<div class="flash" data-tone="danger">.*?<span>([^<]+)</span>', shown.text, re.DOTALL)
    assert said is not None
    assert said[1] in own_page.text
    assert said[1] not in again.text
