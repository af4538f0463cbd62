"""
From a template to an answer: the Jinja2 environment, whole pages and their parts, static addresses.

One template serves a page and its parts. When htmx asks for an element, the block named like the element's id is
rendered alone (`id="patient-list"` is the block `patient_list`); everybody else gets the whole page.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cache, lru_cache
from http import HTTPStatus
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Context, Macro
from markupsafe import Markup
from starlette.types import Receive, Scope, Send

from app.access.answering import Asked, Filled, NotShown
from app.calls.rules import asks_of_side_effects
from app.oversight.words import did
from app.platform import locales
from app.platform.locales import PSEUDO, SOURCE, Number, chosen_language, number_text, read_in
from app.web.assets import INDENT, Assets, KeptStaticFiles, accepts_gzip
from app.web.contents import answers_in, shown_to
from app.web.field_labels import fields_of_a_page, label_of, named_later, with_labels
from app.web.forms import as_typed
from app.web.masked import is_masked, read_aloud
from app.web.sent import sent_lines
from app.web.words import (
    age_on,
    birth_text,
    booked_for,
    clock_of,
    clocks,
    country_name,
    day_of_text,
    day_text,
    file_kind,
    file_size,
    hue,
    in_sentence,
    initials,
    instant_text,
    is_accepted_for_good,
    is_past,
    language_name,
    moment_text,
    near_day,
    near_text,
    person_name,
    plural,
    reasons_to_accept,
    shortened,
    shown_in,
    task_title,
    their_clock,
    unbroken,
    words,
    zone_text,
)

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
PAGE_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    # Pages show personal data: neither a shared cache nor the back button of the next user may keep them.
    "cache-control": "no-store",
    # The same address answers a page or a part of it.
    "vary": "HX-Request, HX-Target, Cookie, Accept-Language, Accept-Encoding",
}
_WORTH_COMPRESSING, _QUICKLY = 1_000, 5
FINISHED = ("en", "nl")
"""The languages whose catalogue is complete. Of the others what is translated is shown to those who choose them."""
DOCK = "dock"
"""The part of the page that stays beside whatever else is shown, while somebody talks."""


@dataclass(frozen=True)
class NavItem:
    """
    A place in the sidebar. `count` is a small number beside the label, e.g. of what is due; `pinned` are views of its
    list, below it.
    """

    label: str
    icon: str
    href: str
    count: int | None = None
    pinned: "Sequence[NavItem]" = ()

    def is_current(self, path: str) -> bool:
        """Whether `path` is this place or lies below it; the start page is only itself."""
        return path == self.href or (self.href != "/" and path.startswith(self.href.rstrip("/") + "/"))


def current_place(items: Iterable[NavItem], path: str) -> str | None:
    """The address of the place that `path` belongs to: of several that hold it the nearest, so that one is marked."""
    return max((item.href for item in items if item.is_current(path)), key=len, default=None)


@dataclass(frozen=True)
class NavGroup:
    label: str
    items: Sequence[NavItem]


@dataclass(frozen=True)
class Banner:
    """
    A sentence above every page, such as an open break-glass access and until when; with `href` a button `action`
    that posts there to end it, with `see` (label, address) a link to what it speaks of.
    """

    text: str
    tone: str = "warning"
    icon: str = "urgent"
    href: str | None = None
    action: str = "End"
    see: tuple[str, str] | None = None


@dataclass(frozen=True)
class Frame:
    """
    What surrounds the content of a page for the person who looks at it. The page guard puts it on
    `request.state.frame`; without one a page stands alone (sign-in, errors before sign-in).

    `zone` is the viewer's time zone. Without `search_href` there is no search field and no word of it; `search_hint`
    stands in the field. `density`, `shortcuts` (keys of one letter) and `sidebar_folded` are as the account has chosen,
    `hidden_columns` the columns of lists that it does not show. `notifications` is how many are unread, None for who
    gets none.
    `phone_nav` names the up to four places of the bar at the bottom
    of a phone.
    `banner` stays above every page while what it says is true.
    """

    user_name: str
    user_role: str
    nav: Sequence[NavGroup] = ()
    phone_nav: Sequence[NavItem] = ()
    user_menu: Sequence[NavItem] = ()
    zone: tzinfo = UTC
    csrf_token: str = ""
    search_href: str | None = None
    search_hint: str = "Search"
    sign_out_href: str = "/sign-out"
    density: str = "comfortable"
    shortcuts: bool = True
    sidebar_folded: bool = False
    hidden_columns: Sequence[str] = ()
    notifications: int | None = None
    banner: Banner | None = None

    def current_href(self, path: str) -> str | None:
        """The address of the one place of `nav` that is marked as where one is."""
        return current_place((item for group in self.nav for item in group.items), path)


@dataclass(frozen=True)
class Flash:
    """
    A message about what just happened. `tone` is one of info, success, warning, danger. `undo` is where it is posted
    that it is taken back: ids and versions, and nothing of a person.
    """

    text: str
    tone: str = "success"
    undo: str | None = None


class _Templates(FileSystemLoader):
    """The templates without the indentation of their lines, which makes up a tenth of a page."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, file, is_current = super().get_source(environment, template)
        return INDENT.sub("", source), file, is_current


class Components:
    """
    Every macro of `templates/components/` as an attribute: `{{ ui.button("Save") }}`, in any template, with no import.

    In development each is looked up by name at each use, so that an edited component shows at the next request.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._home: dict[str, str] = {}

    def collect(self) -> None:
        """Learns which file holds which macro; ValueError when two files define one name."""
        for path in sorted((TEMPLATES / "components").glob("*.html")):
            file = f"components/{path.name}"
            exported = vars(self._environment.get_template(file).module)
            for name in (name for name, value in exported.items() if isinstance(value, Macro)):
                if name in self._home:
                    raise ValueError(f"{name} is a macro of {self._home[name]} and of {file}")
                self._home[name] = file

    def names(self) -> list[str]:
        return sorted(self._home)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._home:
            raise AttributeError(name)
        macro = getattr(self._environment.get_template(self._home[name]).module, name)
        if not self._environment.auto_reload:
            # An attribute of its own from now on: it is asked for thousands of times a page.
            setattr(self, name, macro)
        return macro

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


_PLAIN_CALLS = (FunctionType, MethodType, BuiltinFunctionType)


class QuickContext(Context):
    """
    A context that calls macros and plain functions at once.

    Jinja2 asks everything that is called, a thousand times a page, in which of three ways it wants the context.
    """

    def call(self, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        kind = type(obj)
        if kind is Macro:
            args = (self.eval_ctx, *args)
        elif kind not in _PLAIN_CALLS or hasattr(obj, "jinja_pass_arg"):
            return super().call(obj, *args, **kwargs)
        # What the compiler hands to those who want the context.
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return obj(*args, **kwargs)


def _gettext(message: str, **values: object) -> Markup:
    told = _in_language(message, locales.language())
    return told % values if values or "%" in told else told


def _ngettext(singular: str, several: str, count: int, **values: object) -> Markup:
    told = _of_ours(locales.translations(locales.language()).ngettext(singular, several, count))
    return told % {**values, "count": Number(count)}


def _pgettext(context: str, message: str, **values: object) -> Markup:
    told = _of_ours(locales.translations(locales.language()).pgettext(context, message))
    return told % values if values or "%" in told else told


@lru_cache(10_000)
def _in_language(message: str, language: str) -> Markup:
    """A sentence of a template, which may hold tags; so may its translation, which is reviewed as a template is."""
    return _of_ours(locales.translations(language).gettext(message))


def _of_ours(text: str) -> Markup:
    # A sentence of a template or its translation: both are reviewed, and hold no value yet.
    return Markup(text)  # noqa: S704  # nosec B704


def script_words() -> str:
    """What the scripts say, by their English, as JSON; nothing where English is the language."""
    return _words_of_scripts(locales.language())


@cache
def _words_of_scripts(language: str) -> str:
    if language == SOURCE:
        return ""
    known = locales.translations(language)
    return json.dumps({message: known.gettext(message) for message in locales.messages_of(".js")}, ensure_ascii=False)


@cache
def build_environment(*, development: bool) -> Environment:
    """
    Jinja2 as all pages use it: everything escaped whatever the file is called, an unknown name is an error.

    One for the process, since reading every component takes a tenth of a second.
    """
    environment = Environment(
        loader=_Templates(TEMPLATES),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=development,
    )
    environment.filters |= {
        "age": age_on,
        "as_typed": as_typed,
        "birth": birth_text,
        "booked_for": booked_for,
        "unbroken": unbroken,
        "clock": clock_of,
        "clocks": clocks,
        "asks_of_side_effects": asks_of_side_effects,
        "country": country_name,
        "day": day_text,
        "day_of_text": day_of_text,
        "did": did,
        "file_kind": file_kind,
        "file_size": file_size,
        "hue": hue,
        "in_sentence": in_sentence,
        "initials": initials,
        "is_accepted_for_good": is_accepted_for_good,
        "is_past": is_past,
        "instant": instant_text,
        "label_of": label_of,
        "language": language_name,
        "moment": moment_text,
        "near": near_text,
        "near_day": near_day,
        "number": number_text,
        "person_name": person_name,
        "plural": plural,
        "reasons_to_accept": reasons_to_accept,
        "sent_lines": sent_lines,
        "shortened": shortened,
        "task_title": task_title,
        "their_clock": their_clock,
        "words": words,
        "zoned": zone_text,
    }
    environment.tests["masked"] = is_masked
    environment.context_class = QuickContext
    # Sentences are put together with their values by the function, which escapes these, not by the template.
    environment.newstyle_gettext = True  # type: ignore[attr-defined]  # of the extension
    components = Components(environment)
    environment.globals |= {
        "_": _gettext,
        "gettext": _gettext,
        "ngettext": _ngettext,
        "pgettext": _pgettext,
        "named_later": named_later,
        "script_words": script_words,
        "ui": components,
        "static": Assets(development=development),
        "development": development,
    }
    components.collect()
    return environment


def mount_pages(app: FastAPI, *, development: bool, language: str = SOURCE) -> None:
    """
    Serves `/static` and gives the application its templates; call it once, in create_app.

    `language` is that of pages for a browser that asks for none of ours.
    """
    app.state.page_language = language
    app.state.templates = build_environment(development=development)
    assets = app.state.templates.globals["static"]
    app.mount("/static", KeptStaticFiles(assets), name="static")


def is_htmx(request: Request) -> bool:
    """Whether htmx asks; a history restore is not: it wants the whole page."""
    headers = request.headers
    return headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"


def wants_part(request: Request) -> bool:
    """Whether htmx will put the answer into an element, not into the whole body."""
    return is_htmx(request) and request.headers.get("hx-request-type", "partial") == "partial"


def wanted_block(request: Request) -> str | None:
    """The block that holds the element htmx replaces, by its id; None when the whole page is wanted."""
    if not wants_part(request):
        return None
    _, _, element_id = request.headers.get("hx-target", "").partition("#")
    return element_id.replace("-", "_") or None


class PageAnswer(HTMLResponse, Filled):
    """
    A page that is rendered when its answers have been masked: the page guard fills it with what the viewer may see.

    Where no guard stands (errors, the description, the gallery) it renders as it is sent, and holds no answers.
    """

    def __init__(
        self,
        request: Request,
        template: str,
        context: Mapping[str, Any],
        *,
        block: str | None,
        status: int,
        flashes: Sequence[Flash],
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(status_code=status, headers=dict(headers))
        self._request, self._context, self._flashes = request, context, flashes
        environment: Environment = request.app.state.templates
        self._template = environment.get_template(template)
        part = (block if wants_part(request) else None) or wanted_block(request)
        self._part = part if part in self._template.blocks else None
        if flashes and self._part is not None:
            self.headers.update(flash_header(flashes[0]))
        self._is_filled = False

    async def fill(self, asked: Asked) -> None:
        self._render(await shown_to(asked, self._context, on_a_page=True))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_filled:
            if answers_in(self._context):
                raise NotShown("a page with answers that the page guard has not masked")
            self._render(self._context)
        await super().__call__(scope, receive, send)

    def _render(self, context: Mapping[str, Any]) -> None:
        request = self._request
        frame: Frame | None = getattr(request.state, "frame", None)
        # What a redirect left behind (request.state.flashes, set by the page guard) shows with the page that follows
        # it.
        waiting = () if self._part is not None else (*getattr(request.state, "flashes", ()), *self._flashes)
        values = {
            "path": request.url.path,
            "asked_view": request.query_params.get("view", ""),
            "frame": frame,
            "theme": chosen_theme(request),
            "language": language_of(request),
            "flashes": waiting,
            **context,
        }
        with shown_in(frame.zone if frame else UTC), read_in(language_of(request)), fields_of_a_page():
            if self._part is not None:
                text = "".join(self._template.blocks[self._part](self._template.new_context(values)))
            else:
                text = self._template.render(values)
            self.body = read_aloud(with_labels(text)).encode()
        if len(self.body) > _WORTH_COMPRESSING and accepts_gzip(request.headers):
            # The token of its forms is another text in each answer (csrf.masked): the length tells nothing of it.
            self.body = gzip.compress(self.body, _QUICKLY, mtime=0)
            self.headers["content-encoding"] = "gzip"
        self.headers["content-length"] = str(len(self.body))
        self._is_filled = True


def page(
    request: Request,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    block: str | None = None,
    status: int = HTTPStatus.OK,
    flashes: Sequence[Flash] = (),
    headers: Mapping[str, str] | None = None,
) -> PageAnswer:
    """
    The page, or the one block of it that htmx asked for. `block` names another block than the target's id does.

    `context` holds plain values and typed answers (contents.py says what else), which are masked before the template
    gets them. `flashes` are shown as messages; to htmx they travel in the HX-Trigger header, since a part has no place
    for them.
    """
    return PageAnswer(
        request,
        template,
        context or {},
        block=block,
        status=status,
        flashes=flashes,
        headers={**PAGE_HEADERS, **(headers or {})},
    )


class DataAnswer(JSONResponse, Filled):
    """JSON for a script of a page: plain values and typed answers, masked as in a template."""

    def __init__(self, content: Mapping[str, Any], status: int = HTTPStatus.OK) -> None:
        super().__init__(None, status)
        self._content = content

    async def fill(self, asked: Asked) -> None:
        self.body = self.render(jsonable_encoder(await shown_to(asked, self._content)))
        self.headers["content-length"] = str(len(self.body))


def flash_header(flash: Flash) -> dict[str, str]:
    """The header that makes app.js show a message after an htmx request. ASCII, as headers must be."""
    told = {"text": str(flash.text), "tone": flash.tone} | ({"undo": flash.undo} if flash.undo else {})
    return {"hx-trigger": json.dumps({"flash": told})}


def language_of(request: Request) -> str:
    """The language of the page that answers: the account's (the page guard has put it there), else the browser's."""
    chosen: str | None = getattr(request.state, "language", None)
    if chosen is not None:
        return chosen
    offered = (*FINISHED, PSEUDO) if request.app.state.templates.globals["development"] else FINISHED
    return chosen_language(request.headers.get("accept-language", ""), offered, request.app.state.page_language)


def chosen_theme(request: Request) -> str:
    """`light` or `dark` where the viewer has chosen, else `auto`: the system's setting decides."""
    theme = request.cookies.get("theme", "")
    return theme if theme in {"light", "dark"} else "auto"
