"""
The pages of one record that is no person's case, declared once: `Thing` says what is shown of it, what stands beside
it, and which fields of the API's models a form has. `add_thing` serves the record, its form and that of a new one.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, NotFound, Stale
from app.platform.etags import etag
from app.platform.locales import _
from app.platform.paging import Page
from app.platform.text import Answer, Body
from app.web.forms import read_form
from app.web.listing import Column, Listing, value_at
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors
from app.web.pickers import BY_NAME, Picked, picked, standing
from app.web.render import Flash, page

_LONGEST = 20_000
Choices = Sequence[tuple[str, str]]
TypedInto = Mapping[str, str | Picked]
"""What somebody typed into declared fields, by their names."""


@dataclass(frozen=True)
class Field:
    """
    A field of the API's models on a form. `kind`: line, text, select, yes_no, lines (one value a line), codes (with
    blanks or commas between) or picker, which is chosen
    from the `picker` of that name.
    """

    name: str
    label: str
    kind: str = "line"
    choices: Choices = ()
    hint: str | None = None
    required: bool = False
    picker: str = ""

    def text_of(self, value: Any) -> str:
        """A value of an answer as the form shows it."""
        if isinstance(value, list):
            return ("\n" if self.kind == "lines" else ", ").join(map(str, value))
        return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)

    def value_of(self, text: str) -> Any:
        """What was typed as the model takes it."""
        if self.kind == "lines":
            return [line for line in text.splitlines() if line.strip()]
        return [code for code in re.split(r"[\s,;]+", text) if code] if self.kind == "codes" else text


@dataclass(frozen=True)
class Record:
    """A record as its page gets it: the answer, the facts that are shown of it, and the lists beside it."""

    answer: Any
    facts: Sequence[Column]
    beside: Sequence[Listing]
    here: str
    place: tuple[str, str]
    history: str
    title_of: str
    may_write: bool

    def value_of(self, column: Column) -> Any:
        """What the record has as a fact."""
        return value_at(self.answer, column.value)


@dataclass(frozen=True)
class New:
    """How a new one is made: the API's model and service, and the fields that only a new one has."""

    create: type[Body]
    add: Callable[..., Awaitable[Any]]
    first: Sequence[Field] = ()


@dataclass(frozen=True)
class Thing:
    """
    A kind of record as it is declared. `get` and `change` are the API's query and service, `update` its model. `title`
    says where an answer has its name, or whose it is. `beside` finds the lists beside it.
    """

    path: str
    key: str
    noun: str
    place: str
    history: str
    read_right: str
    write_right: str
    table: str
    get: Callable[..., Awaitable[Any]]
    read: Callable[[Any], Answer]
    facts: Sequence[Column]
    fields: Sequence[Field]
    update: type[Body]
    change: Callable[..., Awaitable[Any]]
    title: str = "name"
    tag: Callable[[Any], str] = lambda row: etag(row.version)
    new: New | None = None
    beside: Callable[[AsyncSession, Actor, Any], Awaitable[Sequence[Listing]]] | None = None
    choices: Callable[[AsyncSession, Actor], Awaitable[Mapping[str, Choices]]] | None = None


def add_thing(router: APIRouter, thing: Thing) -> None:
    """Serve the pages of a kind of record."""
    key, name = Path(alias=thing.key), thing.noun.lower()
    one = f"{thing.path}/{{{thing.key}}}"
    if thing.new is not None:
        _add_new(router, thing, thing.new)

    @router.get(one, name=f"show_{name}", dependencies=[allow(thing.read_right, recorded=True)])
    async def show(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        row = await thing.get(session, actor, **{thing.key: record_id})
        audit.note(session, record_type=thing.table, record_id=record_id)
        record = Record(
            answer=thing.read(row),
            facts=thing.facts,
            beside=[] if thing.beside is None else await thing.beside(session, actor, row),
            here=f"{thing.path}/{record_id}",
            place=(thing.place, thing.path),
            history=f"/history/{thing.history}/{record_id}",
            title_of=thing.title,
            may_write=actor.may(thing.write_right),
        )
        return page(request, "things/record.html", {"record": record})

    @router.get(f"{one}/edit", name=f"show_{name}_form", dependencies=[allow(thing.write_right)])
    async def show_form(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        row = await thing.get(session, actor, **{thing.key: record_id})
        audit.note(session, record_type=thing.table, record_id=record_id)
        answer = thing.read(row)
        typed: dict[str, str | Picked] = {one.name: one.text_of(getattr(answer, one.name)) for one in thing.fields}
        typed |= await standing_in(session, actor, thing.fields, answer)
        context = await _form(session, actor, thing, thing.fields, typed)
        return page(request, "things/form.html", {**NO_ERRORS, **context, **_of(thing, row)})

    @router.post(f"{one}/edit", name=f"change_{name}", dependencies=[allow(thing.write_right)])
    async def change(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """The fields that were changed, as the record was when the form was opened."""
        typed, wrong = await typed_into(request, session, actor, thing.fields)
        texts, seen = texts_of(typed), str((await request.form()).get("seen", ""))
        row = await thing.get(session, actor, **{thing.key: record_id})
        before = {field.name: field.text_of(getattr(thing.read(row), field.name)) for field in thing.fields}
        changed = [field for field in thing.fields if texts[field.name] not in (before[field.name], HIDDEN)]
        try:
            update = read_form(
                thing.update, {field.name: field.value_of(texts[field.name]) for field in changed}, wrong=wrong
            )
            async with known_errors(request, session):
                await thing.change(session, actor, **{thing.key: record_id}, change=update, if_match=seen or None)
        except NotFound:
            raise
        except AppError as error:
            # What a colleague has saved meanwhile stands beside what was typed.
            theirs = {field.name: before[field.name] for field in changed} if isinstance(error, Stale) else {}
            context = await _form(session, actor, thing, thing.fields, typed, theirs)
            return form_again(request, "things/form.html", {**context, **_of(thing, row)}, error)
        return go_to(request, f"{thing.path}/{record_id}", flash=Flash(_("%(thing)s saved.", thing=thing.noun)))


def _add_new(router: APIRouter, thing: Thing, new: New) -> None:
    fields = (*new.first, *(field for field in thing.fields if field.name in new.create.model_fields))
    name = thing.noun.lower()

    @router.get(f"{thing.path}/new", name=f"show_new_{name}", dependencies=[allow(thing.write_right)])
    async def show_new(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        context = await _form(session, actor, thing, fields, {field.name: "" for field in fields})
        return page(request, "things/form.html", {**NO_ERRORS, **context, **_of(thing)})

    @router.post(f"{thing.path}/new", name=f"add_{name}", dependencies=[allow(thing.write_right)])
    async def add(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        typed, wrong = await typed_into(request, session, actor, fields)
        texts = texts_of(typed)
        given = {field.name: field.value_of(texts[field.name]) for field in fields if texts[field.name]}
        try:
            async with known_errors(request, session):
                made = await new.add(session, actor, new=read_form(new.create, given, wrong=wrong))
        except AppError as error:
            context = await _form(session, actor, thing, fields, typed)
            return form_again(request, "things/form.html", {**context, **_of(thing)}, error)
        return go_to(
            request, f"{thing.path}/{getattr(made, thing.key)}", flash=Flash(_("%(thing)s added.", thing=thing.noun))
        )


async def typed_into(
    request: Request, session: AsyncSession, actor: Actor, fields: Sequence[Field]
) -> tuple[TypedInto, list[FieldError]]:
    """What a form brought for these fields, and what is wrong with what was looked up."""
    form = await request.form()
    typed: dict[str, str | Picked] = {}
    wrong: list[FieldError] = []
    for field in fields:
        if not field.picker:
            typed[field.name] = str(form.get(field.name, ""))[:_LONGEST].strip().replace("\r\n", "\n")
            continue
        typed[field.name], faults = await picked(request, session, actor, BY_NAME[field.picker], field.name)
        wrong += faults
    return typed, wrong


def texts_of(typed: TypedInto) -> dict[str, str]:
    """What was typed or chosen, by the names of the fields."""
    return {name: value.text if isinstance(value, Picked) else value for name, value in typed.items()}


async def standing_in(
    session: AsyncSession, actor: Actor, fields: Sequence[Field], answer: Any
) -> dict[str, str | Picked]:
    """What the fields of a form show of an answer that is chosen from a picker."""
    return {
        field.name: await standing(session, actor, BY_NAME[field.picker], getattr(answer, field.name))
        for field in fields
        if field.picker
    }


def _of(thing: Thing, row: Any = None) -> dict[str, Any]:
    """Which record a form is about; without one it is about a new one."""
    here = thing.path if row is None else f"{thing.path}/{getattr(row, thing.key)}"
    return {
        "answer": None if row is None else thing.read(row),
        "title_of": thing.title,
        "seen": "" if row is None else thing.tag(row),
        "here": here,
        "action": f"{here}/new" if row is None else f"{here}/edit",
        "noun": thing.noun,
        "place": (thing.place, thing.path),
    }


async def _form(
    session: AsyncSession,
    actor: Actor,
    thing: Thing,
    fields: Sequence[Field],
    typed: TypedInto,
    theirs: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    offered = {} if thing.choices is None else await thing.choices(session, actor)
    return {
        "fields": [(field, offered.get(field.name, field.choices)) for field in fields],
        "typed": typed,
        "theirs": theirs or {},
    }


def beside(
    title: str,
    noun: tuple[str, str],
    found: Page[Any],
    columns: Sequence[Column],
    opens: str,
    key: str,
    *,
    all_at: str = "",
) -> Listing:
    """A short list beside a record; `all_at` is the address of the whole of it."""
    return Listing(
        path=all_at,
        noun=noun,
        columns=columns,
        filters=(),
        views=(),
        chosen={},
        found=found,
        title=title,
        key=key,
        opens=(opens,),
    )
