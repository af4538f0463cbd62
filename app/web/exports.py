"""
What a list shows, taken out as a file: with a stated reason, masked as on the page. Health data goes along where it was
ticked. More rows than one person alone may take are taken out after a second person has agreed (app/exports): read and
sent a page at a time, as CSV.
"""

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Request, Response
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.answering import Asked, Filled
from app.access.downloads import CsvFile, cell, line
from app.access.masking import HIDDEN, class_of, models_in
from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.access.serving import State
from app.audit import service as audit
from app.exports import service
from app.exports.errors import ExportRequestNotFound
from app.exports.models import ListExport
from app.exports.service import Wanted
from app.people.search.queries import SearchFound
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Conflict, FieldError, Invalid
from app.platform.locales import Number, _
from app.platform.paging import MAX_LIMIT, PageQuery
from app.platform.replica import may_be_old
from app.platform.settings import Settings
from app.platform.text import Answer, Body, Reason
from app.web.forms import Typed, as_typed, id_in, read_form, typed_in
from app.web.listing import (
    EXPORTED,
    TYPED,
    Column,
    Listing,
    ListPage,
    asked_of_list,
    list_context,
    question_of,
    seen_columns,
)
from app.web.masked import is_masked, marked
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to
from app.web.render import PAGE_HEADERS, Flash, page
from app.web.words import country_name, local, person_name, shown_in, task_title, words

RIGHT = "list.export"
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
FORMATS = (("csv", _("CSV, for any program")), ("xlsx", _("XLSX, for a spreadsheet")))


class TooManyRows(Conflict):
    code = "second_person_needed"

    def __init__(self, most: int) -> None:
        super().__init__(
            _(
                "This list has more than %(most)s rows. To take out more than that a second person is needed, who "
                "agrees. Ask for one, or filter the list to take out a part of it.",
                most=Number(most),
            )
        )


class TypedTooMuch(Conflict):
    code = "typed_too_much"

    def __init__(self, most: int) -> None:
        super().__init__(
            _(
                "This search finds more than %(most)s rows. What you typed is not kept, so a second person could not "
                "see what they agree to. Choose filters in place of the search.",
                most=Number(most),
            )
        )


class ExportAsked(Body):
    """What is taken out, how and why."""

    reason: Reason
    format: Literal["csv", "xlsx"]
    columns: Annotated[list[str], Field(max_length=100)]


def _moment(value: datetime) -> str:
    return f"{local(value):%Y-%m-%d %H:%M}"


_Text = Callable[[Any, Any], str]
TEXTS: Mapping[str, _Text] = {
    **dict.fromkeys(("text", "name", "clock", "stored", "double", "double_of"), lambda _row, value: str(value)),
    **dict.fromkeys(
        ("person", "call_person", "person_beside", "patient", "colleague", "whose"),
        lambda _row, value: person_name(value),
    ),
    **dict.fromkeys(("words", "named_words", "status", "task_state", "decide"), lambda _row, value: words(value)),
    **dict.fromkeys(
        ("moment", "call_when", "next_call", "last_contact", "day_of", "task_due"), lambda _row, value: _moment(value)
    ),
    **dict.fromkeys(("list", "countries"), lambda _row, value: ", ".join(value)),
    "words_list": lambda _row, value: ", ".join(map(str, map(words, value))),
    "task": lambda _row, value: task_title(value),
    "country": lambda _row, value: country_name(value),
    "faults": lambda _row, value: "; ".join(fault.message for fault in value),
    "in_use": lambda _row, value: _("Active") if value else _("Inactive"),
    **dict.fromkeys(
        ("day", "expiry"), lambda _row, value: value.isoformat() if isinstance(value, date) else str(value)
    ),
    "journeys": lambda _row, value: "; ".join(words(stage.status) for stage in value),
    "call_how": lambda row, value: f"{words(value)}, {words(row.direction).lower()}",
    "call_state": lambda row, value: words(value or row.status),
}
"""What a cell of each kind says in a file; an owner is told by name."""
OF_EMPTY = frozenset({"call_state"})
"""Kinds that say something where their value is empty."""


def privacy_of(shown: ListPage, column: Column) -> str:
    """The strictest privacy class of what a column shows."""
    first, _, rest = column.value.partition(".")
    model: type[BaseModel] = shown.beside_of if first == "beside" and shown.beside_of is not None else shown.answer
    marks: set[str] = set()
    for name in (rest if first == "beside" else column.value).split("."):
        info = model.model_fields[name]
        mark = class_of(info)
        marks |= {mark.privacy} if mark is not None else set()
        inner = list(models_in(info.annotation))
        if inner:
            model = inner[0]
    if column.cell == "journeys":
        marks.add("health")
    return next((name for name in ("health", "personal") if name in marks), "internal")


@dataclass(frozen=True)
class Choice:
    """A column on the form."""

    key: str
    label: str
    is_health: bool


def choices_of(shown: ListPage) -> list[Choice]:
    """The columns of a list as the form offers them."""
    return [Choice(column.key, column.label, privacy_of(shown, column) == "health") for column in shown.columns]


def add_export(router: APIRouter, shown: ListPage) -> None:
    """Serve a list as a file."""
    EXPORTED.add(shown.path)
    choices = choices_of(shown)

    address, needs = f"{shown.path}/export", [allow(shown.permission)]

    # Three routes, since the audit trail names what was done by its route: only a file that left is an export.
    @router.post(address, name=f"prepare_export_{shown.name}", dependencies=needs)
    async def prepare_export(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        """The form that asks why and what."""
        actor.require(RIGHT)
        asked_list = asked_of_list(shown, await request.form())
        seen = {column.key for column in seen_columns(request, shown, asked_list["show"])}
        ticked = [one.key for one in choices if one.key in seen and not one.is_health]
        usual = {"format": "csv", "reason": "", "columns": ticked}
        query = question_of(request, shown, asked_list)
        context = await _context(request, session, actor, shown, query, asked_list, choices)
        return page(request, "exports/new.html", {**NO_ERRORS, **context, "typed": usual})

    @router.post(f"{address}/file", name=f"export_{shown.name}", dependencies=needs)
    async def export(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        actor.require(RIGHT)
        form = await request.form()
        if "export_request_id" in form:
            return await _agreed(request, session, actor, shown, str(form["export_request_id"]))
        return await _filled(request, session, actor, shown, choices, _file_of)

    @router.post(f"{address}/request", name=f"request_export_{shown.name}", dependencies=needs)
    async def request_export(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        actor.require(RIGHT)
        return await _filled(request, session, actor, shown, choices, _ask_a_second)


@dataclass(frozen=True)
class _Filled:
    """What the form of an export asks for."""

    shown: ListPage
    query: PageQuery
    columns: Sequence[Column]
    asked: ExportAsked


async def _filled(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    shown: ListPage,
    choices: Sequence[Choice],
    give: Callable[[Request, AsyncSession, Actor, _Filled], Awaitable[Response]],
) -> Response:
    """What `give` answers to the form that came, else the form with what is wrong."""
    typed = await typed_in(request, ExportAsked)
    asked_list = asked_of_list(shown, await request.form())
    query = question_of(request, shown, asked_list)
    try:
        asked = read_form(ExportAsked, typed)
        columns = [column for column in shown.columns if column.key in asked.columns]
        if not columns:
            raise Invalid(fields=[FieldError("columns", "too_short", _("Choose at least one column."))])
        return await give(request, session, actor, _Filled(shown, query, columns, asked))
    except (Invalid, Conflict) as error:
        context = await _context(request, session, actor, shown, query, asked_list, choices)
        context["needs_second"] = isinstance(error, TooManyRows)
        return form_again(request, "exports/new.html", {**context, "typed": typed}, error)


async def _file_of(request: Request, session: AsyncSession, actor: Actor, wanted: _Filled) -> Response:
    """The file, which is kept on record. TooManyRows; TypedTooMuch."""
    shown, asked = wanted.shown, wanted.asked
    made = await _file(request, session, actor, shown, wanted.query, wanted.columns, asked.format)
    session.add(
        ListExport(
            exported_by=actor.account_id,
            list_path=shown.path,
            columns=[column.key for column in wanted.columns],
            format=asked.format,
            row_count=len(made.answers),
            reason=asked.reason,
            request_id=request.scope.get("request_id"),
        )
    )
    await session.flush()
    return made


async def _ask_a_second(request: Request, session: AsyncSession, actor: Actor, wanted: _Filled) -> Response:
    """TypedTooMuch; TooManyAsked."""
    question = wanted.query.model_dump(mode="json", exclude={"limit", "cursor"}, exclude_none=True)
    if not question.keys().isdisjoint(TYPED):
        raise TypedTooMuch(_most(request))
    asked = Wanted(
        list_name=wanted.shown.saved_name,
        question={name: as_typed(value) for name, value in question.items()},
        columns=[column.key for column in wanted.columns],
        reason=wanted.asked.reason,
    )
    made = await service.ask_for_export(session, actor, wanted=asked)
    said = Flash(_("A second person is asked. You are notified when they have decided."))
    return go_to(request, f"/exports/{made.export_request_id}", flash=said)


async def _agreed(request: Request, session: AsyncSession, actor: Actor, shown: ListPage, asked: str) -> Response:
    """The file that a second person has agreed to. ExportRequestNotFound; ExportNotOpen."""
    export_request_id = id_in(asked)
    if export_request_id is None:
        raise ExportRequestNotFound
    agreed = await service.take_out(session, actor, export_request_id=export_request_id)
    if agreed.list_name != shown.saved_name:
        raise ExportRequestNotFound
    session.add(
        ListExport(
            exported_by=actor.account_id,
            list_path=shown.path,
            columns=agreed.columns,
            format="csv",
            reason=agreed.reason,
            request_id=request.scope.get("request_id"),
            export_request_id=agreed.export_request_id,
        )
    )
    await session.flush()
    query = question_of(request, shown, agreed.question)
    columns = [column for column in shown.columns if column.key in agreed.columns]
    return LargeListFile(request, actor, shown, columns, query)


def _most(request: Request) -> int:
    settings: Settings = request.app.state.settings
    return settings.list_export_rows


async def _context(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    shown: ListPage,
    query: PageQuery,
    typed: Typed,
    choices: Sequence[Choice],
) -> dict[str, Any]:
    """How many rows there are and what can be chosen; nobody is shown."""
    found = await shown.find(session, actor, query=query.model_copy(update={"limit": 1, "cursor": None}))
    counted = SearchFound[Any]([], None, found.total, found.total_is_capped)
    context = await list_context(request, session, actor, shown, counted, typed)
    return {**context, "choices": choices, "formats": FORMATS, "most": _most(request), "needs_second": False}


async def _file(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    shown: ListPage,
    query: PageQuery,
    columns: Sequence[Column],
    format_: str,
) -> "ListFile":
    """Every row that the list finds, a page at a time. TooManyRows; TypedTooMuch."""
    most = _most(request)
    answers: list[Answer] = []
    beside: dict[Any, Any] = {}
    asked = query.model_copy(update={"limit": MAX_LIMIT, "cursor": None})
    while True:
        found = await shown.find(session, actor, query=asked)
        audit.note(session, record_type=found.record_type)
        answers += map(shown.answer_of, found.rows)
        if len(answers) > most or (len(answers) == most and found.next_cursor is not None):
            raise TypedTooMuch(most) if any(getattr(query, name, None) for name in TYPED) else TooManyRows(most)
        beside |= await _beside(session, shown, columns, found.rows)
        # What was read stands in `answers`; the session need not hold its rows as well.
        session.expunge_all()
        if found.next_cursor is None:
            break
        asked = asked.model_copy(update={"cursor": found.next_cursor})
    names = await _owners(session, answers)
    return ListFile(shown, columns, answers, beside, names, format_, zone=request.state.frame.zone)


class ListFile(Filled):
    """The rows of a list as a file, filled with what the actor may see of them."""

    def __init__(
        self,
        shown: ListPage,
        columns: Sequence[Column],
        answers: Sequence[Answer],
        beside: Mapping[Any, Answer],
        names: Mapping[UUID, str],
        format_: str,
        *,
        zone: Any,
    ) -> None:
        name = _file_name(shown, format_)
        disposition = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
        super().__init__(media_type=MEDIA[format_], headers={**PAGE_HEADERS, **disposition})
        self.answers = answers
        self._shown, self._columns, self._beside, self._names = shown, columns, beside, names
        self._format, self._zone = format_, zone

    async def fill(self, asked: Asked) -> None:
        keys = list(self._beside)
        before = [*self.answers, *self._beside.values()]
        shown = await asked.show(before)
        masked = [marked(*pair, asked.closed) for pair in zip(before, shown, strict=True)]
        rows, beside = masked[: len(self.answers)], dict(zip(keys, masked[len(self.answers) :], strict=True))
        self.body = await anyio.to_thread.run_sync(self._written, rows, beside)
        self.headers["content-length"] = str(len(self.body))

    def _written(self, rows: Sequence[Answer], beside: Mapping[Any, Answer]) -> bytes:
        with shown_in(self._zone):
            lines = [[str(column.label) for column in self._columns]]
            lines += lines_of(self._shown, self._columns, rows, beside, self._names)
        if self._format == "csv":
            # The mark makes spreadsheets read UTF-8.
            return ("\ufeff" + "".join(map(line, lines))).encode()
        book = Workbook(write_only=True)
        sheet = book.create_sheet(self._shown.title)
        for one in lines:
            sheet.append([ILLEGAL_CHARACTERS_RE.sub("", cell(text)) for text in one])
        written = io.BytesIO()
        book.save(written)
        return written.getvalue()


class LargeListFile(CsvFile):
    """The rows of a list as a file that is read while it is sent: each page of it is masked and on record by itself."""

    def __init__(
        self, request: Request, actor: Actor, shown: ListPage, columns: Sequence[Column], query: PageQuery
    ) -> None:
        labels = [str(column.label) for column in columns]
        super().__init__(request, name=_file_name(shown, "csv"), columns=labels, chunks=self._pages())
        self.headers.update({**PAGE_HEADERS, "x-content-type-options": "nosniff"})
        state: State = request.app.state.serving
        self._database, self._actor, self._zone = state.database, actor, request.state.frame.zone
        self._shown, self._asked_columns, self._query = shown, columns, query
        self._beside: list[Any] = []
        self._before: Sequence[Answer] = ()
        self._closed: frozenset[str] = frozenset()
        self._names: Mapping[UUID, str] = {}

    async def fill(self, asked: Asked) -> None:
        self._closed = asked.closed
        await super().fill(asked)

    async def _pages(self) -> AsyncIterator[Sequence[Answer]]:
        shown, asked = self._shown, self._query.model_copy(update={"limit": MAX_LIMIT, "cursor": None})
        find = may_be_old(shown.find)
        while True:
            async with self._database.session() as session:
                found = await find(session, self._actor, query=asked)
                answers = list(map(shown.answer_of, found.rows))
                beside = await _beside(session, shown, self._asked_columns, found.rows)
                self._names = await _owners(session, answers)
            self._beside, self._before = list(beside), [*answers, *beside.values()]
            yield self._before
            if found.next_cursor is None:
                return
            asked = asked.model_copy(update={"cursor": found.next_cursor})

    def lines_of(self, shown: Sequence[Answer]) -> Iterable[Sequence[Any]]:
        masked = [marked(*pair, self._closed) for pair in zip(self._before, shown, strict=True)]
        rows = masked[: len(masked) - len(self._beside)]
        beside = dict(zip(self._beside, masked[len(rows) :], strict=True))
        with shown_in(self._zone):
            return lines_of(self._shown, self._asked_columns, rows, beside, self._names)


def _file_name(shown: ListPage, format_: str) -> str:
    return f"{shown.name}-{clock.today().isoformat()}.{format_}"


async def _beside(
    session: AsyncSession, shown: ListPage, columns: Sequence[Column], rows: Sequence[Any]
) -> Mapping[Any, Answer]:
    """What the columns tell of these rows beside their answers."""
    if shown.beside is None or not any(column.value.startswith("beside.") for column in columns):
        return {}
    return await shown.beside(session, rows)


async def _owners(session: AsyncSession, answers: Sequence[Answer]) -> Mapping[UUID, str]:
    return await account_names(session, {getattr(answer, "owner_id", None) for answer in answers})


def lines_of(
    shown: ListPage,
    columns: Sequence[Column],
    rows: Sequence[Answer],
    beside: Mapping[Any, Answer],
    names: Mapping[UUID, str],
) -> list[list[str]]:
    """A line for each row: the texts of its columns."""
    listing = Listing(
        path=shown.path, noun=shown.noun, columns=columns, filters=(), views=(), chosen={},
        found=SearchFound[Any]([], None, 0, total_is_capped=False).page([]), beside=beside, key=shown.key,
    )  # fmt: skip

    def text_of(row: Answer, column: Column) -> str:
        value = listing.value_of(row, column)
        if column.cell == "owner":
            return names.get(value, "")
        if is_masked(value):
            return HIDDEN
        if value is None and column.cell not in OF_EMPTY:
            return ""
        return TEXTS[column.cell](row, value)

    return [[text_of(row, column) for column in columns] for row in rows]
