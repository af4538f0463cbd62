"""
Never a 500: every form of every page, about records that are there, with junk in each field that any form or model has.
"""

import inspect
import re
import zlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

import app
from app.access.policy import HUMAN_ROLES
from app.main import create_app
from app.platform.settings import Settings
from app.web.page_guard import PageRoute
from tests.browsing import ORIGIN, signed_in, somebody
from tests.canaries import World, a_world

APP = Path(app.__file__).parent
ROUTES = [route for route in create_app(Settings()).routes if isinstance(route, APIRoute)]
FORMS = [route for route in ROUTES if isinstance(route, PageRoute) and "POST" in (route.methods or ())]
NOWHERE = "01970000-0000-7000-8000-000000000000"
JUNK = (
    "\x00", "\ud800", "a" * 5_000, "-1", "9" * 400, "٣", NOWHERE, "9999-12-31T23:59:59-23:59", "0001-01-01",
    "31/12 25:61", "<script>alert(1)</script>{{ 7777777 * 33 }}", "\u0301" * 50, "true", "null", "[]",
    "../../etc/passwd", "\r\nX: y", "%", "😀" * 300, "",
)  # fmt: skip
SENT_TO_EACH = 2


def _typed() -> Iterator[str]:
    """The names of fields in templates, and those of what forms are read into."""
    for template in (APP / "web" / "templates").rglob("*.html"):
        yield from re.findall(r"""(?:ui\.\w+\(|name=|"name": )"([a-z][a-z_0-9]+)\"""", template.read_text())
    for file in APP.rglob("*.py"):
        if "Create(" not in (text := file.read_text()) and "Update(" not in text:
            continue
        module = import_module(".".join(("app", *file.relative_to(APP).with_suffix("").parts)))
        for _, model in inspect.getmembers(module, inspect.isclass):
            if issubclass(model, BaseModel) and model.__name__.endswith(("Create", "Update")):
                yield from model.model_fields


FIELDS = sorted(set(_typed()) - {"csrf_token"})


@pytest.fixture
async def world(session: AsyncSession) -> World:
    return await a_world(session)


def _place(route: APIRoute, world: World) -> str:
    path = route.path
    for name in route.param_convertors:
        known = world.by_path.get(path.split("/")[2]) if name == "record_id" else world.ids.get(name)
        path = path.replace(f"{{{name}}}", str(known or NOWHERE))
    return path


async def test_no_form_breaks_over_junk(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, world: World
) -> None:
    assert {"booking_date", "hospital_id", "seen_version"} <= set(FIELDS)
    who = await somebody(session, settings, *(role.value for role in HUMAN_ROLES))
    failures, reached = [], set()
    for route in FORMS:
        place = _place(route, world)
        first = zlib.crc32(route.path.encode())
        for turn in range(SENT_TO_EACH):
            # What was sent before may have ended the session.
            token = await signed_in(client, session, who.account_id)
            sent = {name: JUNK[(first + turn + at) % len(JUNK)] for at, name in enumerate(FIELDS)}
            body = urlencode(sent | {"csrf_token": token}, errors="surrogatepass").encode()
            headers = {**ORIGIN, "content-type": "application/x-www-form-urlencoded"}
            answer = await client.post(quote(place), content=body, headers=headers)
            if answer.status_code not in (403, 404):
                reached.add(route.path)
            assert "<script>alert(1)</script>" not in answer.text, route.path
            assert "256666641" not in answer.text, f"{route.path}: what is typed is taken for a template"
            if answer.status_code >= 500:
                failures.append((route.path, turn, answer.status_code))

    assert failures == []
    assert len(reached) > 0.75 * len(FORMS), sorted({route.path for route in FORMS} - reached)
