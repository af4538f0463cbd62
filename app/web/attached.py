"""
What hangs on somebody (app/web/parts.py), on the page of their record. Each is added, changed and ended in a form that
opens where it stands; a page without a script shows the same.

A form says which version it was made from: when somebody else has changed it by then nothing is written, and the form
comes back with both. The toast takes back what was just done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Depends, Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN
from app.access.request_guard import CurrentActor, DbSession
from app.people import queries
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, NotFound, Stale
from app.platform.etags import etag
from app.platform.locales import _
from app.platform.paging import MAX_LIMIT, PageQuery
from app.platform.text import Answer
from app.web.about import About
from app.web.forms import as_typed, read_form
from app.web.oversight import zone_of
from app.web.page_guard import allow, form_again, go_to, known_errors, page_router
from app.web.parts import PARTS, Call, Part, add_person, options
from app.web.people import ABOUT
from app.web.pickers import NEW, Picked
from app.web.records import RECORDS
from app.web.render import Flash, page, wanted_block
from app.web.things import Choices, Field, TypedInto, standing_in, texts_of, typed_into
from app.web.undoing import Version, undo_at, undone
from app.web.words import shown_in

router = page_router()


@dataclass(frozen=True)
class Attaching:
    """
    A form about one of them, as the template gets it. What is not in `typed` is shown as it stands in `row`.

    `differs` are the fields that somebody else has changed meanwhile.
    """

    part: str
    action: str
    title: str
    row_id: UUID | None
    fields: Sequence[tuple[Field, Choices]]
    typed: TypedInto
    row: Answer | None = None
    seen: str = ""
    end: str | None = None
    differs: Sequence[str] = ()


@dataclass(frozen=True)
class One:
    """One of them, or a new one, as a request asks for it."""

    request: Request
    session: AsyncSession
    actor: Actor
    record_id: UUID
    item_id: UUID | None = None


async def _choices(one: One, asked: Field) -> Choices:
    if asked.name != "type_name":
        return asked.choices
    found = await queries.list_contact_types(one.session, one.actor, query=PageQuery(limit=MAX_LIMIT))
    return options([row.type_name for row in found.rows])


def _blank(fields: Sequence[Field]) -> dict[str, str | Picked]:
    return {one.name: Picked() if one.picker else "" for one in fields}


@dataclass(frozen=True)
class Forms:
    """The forms of one kind on the pages of one kind of record."""

    about: About
    part: Part

    @property
    def place(self) -> str:
        """The address of all of them, for routes."""
        return f"{self.about.address}/{self.part.path}"

    def at(self, one: One, item: object) -> str:
        """The address of one of a record."""
        return f"{self.about.path}/{one.record_id}/{self.part.path}/{item}"

    async def named(self, one: One) -> dict[str, UUID]:
        """Which one it is, as the functions of its package ask."""
        person = await self.about.person(one.session, one.actor, one.record_id)
        whose: dict[str, UUID] = {self.part.of: person.person_id if self.part.of == "person_id" else one.record_id}
        return whose if one.item_id is None else whose | {self.part.row_key: one.item_id}

    async def record(self, one: One) -> dict[str, Any]:
        """What the page of the record shows."""
        context: dict[str, Any] = await RECORDS[self.about][1](one.request, one.session, one.actor, one.record_id)
        return context

    async def new(self, one: One, typed: TypedInto | None = None) -> dict[str, Any]:
        """The page with the form of a new one."""
        fields = self.part.new_fields
        form = Attaching(
            self.part.path,
            self.at(one, "new"),
            self.part.adds,
            None,
            [(asked, await _choices(one, asked)) for asked in fields],
            typed or {**_blank(fields), **self.part.defaults},
        )
        return {**await self.record(one), "attaching": form}

    async def of(self, one: One, *, typed: TypedInto | None = None, differs: Sequence[str] = ()) -> dict[str, Any]:
        """The page with the form of one that there is."""
        part = self.part
        context = await self.record(one)
        row = await part.get(one.session, one.actor, **await self.named(one))
        answer = part.read(row)
        form = Attaching(
            part.path,
            f"{self.at(one, one.item_id)}/edit",
            part.changes,
            one.item_id,
            [(asked, asked.choices) for asked in part.fields],
            typed or await standing_in(one.session, one.actor, part.fields, answer),
            row=answer,
            seen=etag(row.version),
            end=f"{self.at(one, one.item_id)}/end" if part.end is not None and _is_open(answer) else None,
            differs=differs,
        )
        return {**context, "attaching": form}

    async def done(self, one: One, said: str, row: Any, since: int) -> Response:
        """The record as it is now, with what was done since this version, and the way back."""
        item_id = self.part.id_of(row)
        flash = Flash(said, undo=undo_at(self.at(one, item_id), (since, row.version)))
        if wanted_block(one.request) != ABOUT:
            return go_to(one.request, f"{self.about.path}/{one.record_id}", flash=flash)
        shown = {**await self.record(one), "saved": f"{self.part.path}:{item_id}"}
        return page(one.request, RECORDS[self.about][0], shown, flashes=[flash])

    def again(self, one: One, context: Mapping[str, Any], error: AppError) -> Response:
        """The form with what was typed and what is wrong with it."""
        return form_again(one.request, RECORDS[self.about][0], context, error)


def _serve_new(forms: Forms, asked: Any) -> None:
    part, needs = forms.part, [allow(forms.part.right)]

    @router.get(f"{forms.place}/new", name=f"show_new_{part.noun}", dependencies=needs)
    async def show_new(one: One = asked) -> Response:
        return page(one.request, RECORDS[forms.about][0], await forms.new(one))

    @router.post(f"{forms.place}/new", name=f"add_{part.noun}", dependencies=needs)
    async def add(one: One = asked) -> Response:
        typed, wrong = await typed_into(one.request, one.session, one.actor, part.new_fields)
        given = {name: value for name, value in texts_of(typed).items() if value}
        try:
            for name, value in typed.items():
                if isinstance(value, Picked) and value.value == NEW and not wrong:
                    given[name] = str(await add_person(one.session, one.actor, value.typed or ""))
            new = read_form(part.create, given, zone=zone_of(one.request), wrong=wrong)
            whose = await forms.named(one)
            async with known_errors(one.request, one.session):
                row = await part.add(one.session, one.actor, new=new, **whose)
        except NotFound:
            raise
        except AppError as error:
            return forms.again(one, await forms.new(one, typed), error)
        since = row.version - 1 if part.is_only_removed else row.version
        return await forms.done(one, _("%(thing)s added.", thing=part.title), row, since)


def _serve_one(forms: Forms, asked: Any) -> None:
    part, needs = forms.part, [allow(forms.part.right)]

    @router.get(f"{forms.place}/{{{part.key}}}/edit", name=f"show_{part.noun}_form", dependencies=needs)
    async def show_form(one: One = asked) -> Response:
        return page(one.request, RECORDS[forms.about][0], await forms.of(one))

    @router.post(f"{forms.place}/{{{part.key}}}/edit", name=f"change_{part.noun}", dependencies=needs)
    async def change(one: One = asked) -> Response:
        """The fields that were changed, as they stood when the form was opened."""
        typed, wrong = await typed_into(one.request, one.session, one.actor, part.fields)
        named = await forms.named(one)
        row = await part.get(one.session, one.actor, **named)
        since, before = row.version, _before(one.request, part, part.read(row))
        given = {name: value for name, value in texts_of(typed).items() if value not in (before[name], HIDDEN)}
        try:
            update = read_form(part.update, given, zone=zone_of(one.request), wrong=wrong)
            seen = await _seen(one.request)
            async with known_errors(one.request, one.session):
                row = await part.change(one.session, one.actor, change=update, if_match=seen, **named)
        except NotFound:
            raise
        except AppError as error:
            differs = list(given) if isinstance(error, Stale) else []
            return forms.again(one, await forms.of(one, typed=typed, differs=differs), error)
        said = (
            _("%(thing)s removed.", thing=part.title)
            if part.is_only_removed
            else _("%(thing)s saved.", thing=part.title)
        )
        return await forms.done(one, said, row, since)

    @router.post(f"{forms.place}/{{{part.key}}}/undo", name=f"undo_{part.noun}", dependencies=needs)
    async def undo(one: One = asked, since: Version = 0, until: Version = 0) -> Response:
        """What was just done is taken back, while nobody has changed it since."""
        named = await forms.named(one)
        put_back = part.put_back(one.session, one.actor, at=(since, until), **named)
        flash = await undone(one.request, one.session, put_back)
        return go_to(one.request, f"{forms.about.path}/{one.record_id}", flash=flash)


def _serve_end(forms: Forms, asked: Any, end_of: Call) -> None:
    part = forms.part

    @router.post(f"{forms.place}/{{{part.key}}}/end", name=f"end_{part.noun}", dependencies=[allow(part.right)])
    async def end(one: One = asked) -> Response:
        """It ends today, and the toast takes that back."""
        named = await forms.named(one)
        since = (await part.get(one.session, one.actor, **named)).version
        try:
            seen = await _seen(one.request)
            async with known_errors(one.request, one.session):
                row = await end_of(one.session, one.actor, if_match=seen, **named)
        except NotFound:
            raise
        except AppError as error:
            return forms.again(one, await forms.of(one), error)
        return await forms.done(one, _("%(thing)s ended.", thing=part.title), row, since)


async def _seen(request: Request) -> str | None:
    """The version that the form was made from."""
    return str((await request.form()).get("seen", "")) or None


def _is_open(answer: Answer) -> bool:
    """Whether it can be ended now."""
    until = getattr(answer, "valid_to", getattr(answer, "end_date", None))
    return until is None or until > (clock.now() if isinstance(until, datetime) else clock.today())


def _before(request: Request, part: Part, answer: Answer) -> dict[str, str]:
    """What stands in the fields of a form that nobody has touched."""
    with shown_in(zone_of(request)):
        return {one.name: as_typed(getattr(answer, one.name, "")) for one in part.fields}


def _serve(forms: Forms) -> None:
    record_key, item_key = Path(alias=forms.about.key), Path(alias=forms.part.key)

    async def new(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = record_key) -> One:
        return One(request, session, actor, record_id)

    of_record = Depends(new)

    async def this(item_id: UUID = item_key, one: One = of_record) -> One:
        return replace(one, item_id=item_id)

    _serve_new(forms, of_record)
    _serve_one(forms, Depends(this))
    if forms.part.end is not None:
        _serve_end(forms, Depends(this), forms.part.end)


for _about, _parts in PARTS.items():
    for _part in _parts:
        _serve(Forms(_about, _part))
