"""
What a list shows, taken out as a file: with a stated reason, masked as on the page, at most as many rows as one person
alone may take. Health data goes along where it was ticked.
"""

import io
from collections.abc import Callable, Mapping, Sequence
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
from app.access.downloads import cell, line
from app.access.masking import class_of, models_in
from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.audit.models import ListExport
from app.people.search.queries import SearchFound
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import Conflict, FieldError, Invalid
from app.platform.locales import Number, _
from app.platform.paging import MAX_LIMIT, PageQuery
from app.platform.settings import Settings
from app.platform.text import Answer, Body, Reason
from app.web.forms import Typed, read_form, typed_in
from app.web.listing import EXPORTED, Column, Listing, ListPage, asked_of_list, list_context, question_of, seen_columns
from app.web.page_guard import NO_ERRORS, allow, form_again
from app.web.render import PAGE_HEADERS, page
from app.web.words import country_name, local, person_name, shown_in, words

RIGHT = "list.export"
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
FORMATS = (("csv", _("CSV, for any program")), ("xlsx", _("XLSX, for a spreadsheet")))


class TooManyRows(Conflict):
    code = "second_person_needed"

    def __init__(self, most: int) -> None:
        super().__init__(
            _(
                "This list has more than %(most)s rows. To take out more than that a second person is needed, who "
                "agrees; this cannot be asked for here yet. Filter the list to take out a part of it.",
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
    **dict.fromkeys(("person", "patient", "colleague", "whose"), lambda _row, value: person_name(value)),
    **dict.fromkeys(("words", "status", "task_state"), lambda _row, value: words(value)),
    **dict.fromkeys(
        ("moment", "call_when", "next_call", "last_contact", "day_of", "task_due"), lambda _row, value: _moment(value)
    ),
    **dict.fromkeys(("list", "countries"), lambda _row, value: ", ".join(value)),
    "country": lambda _row, value: country_name(value),
    "faults": lambda _row, value: "; ".join(fault.message for fault in value),
    "in_use": lambda _row, value: _("Active") if value else _("Inactive"),
    "day": lambda _row, value: value.isoformat() if isinstance(value, date) else str(value),
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


def add_export(router: APIRouter, shown: ListPage) -> None:
    """Serve a list as a file."""
    EXPORTED.add(shown.path)
    choices = [Choice(column.key, column.label, privacy_of(shown, column) == "health") for column in shown.columns]

    @router.post(f"{shown.path}/export", name=f"export_{shown.name}", dependencies=[allow(shown.permission)])
    async def export(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        """The form that asks why and what; with a reason the file."""
        actor.require(RIGHT)
        form = await request.form()
        typed = await typed_in(request, ExportAsked)
        asked_list = asked_of_list(shown, form)
        query = question_of(request, shown, asked_list)
        if "go" not in form:
            seen = {column.key for column in seen_columns(request, shown, asked_list["show"])}
            ticked = [one.key for one in choices if one.key in seen and not one.is_health]
            usual = {"format": "csv", "reason": "", "columns": ticked}
            context = await _context(request, session, actor, shown, query, asked_list, choices)
            return page(request, "exports/new.html", {**NO_ERRORS, **context, "typed": usual})
        try:
            asked = read_form(ExportAsked, typed)
            columns = [column for column in shown.columns if column.key in asked.columns]
            if not columns:
                raise Invalid(fields=[FieldError("columns", "too_short", _("Choose at least one column."))])
            made = await _file(request, session, actor, shown, query, columns, asked.format)
        except (Invalid, TooManyRows) as error:
            context = await _context(request, session, actor, shown, query, asked_list, choices)
            return form_again(request, "exports/new.html", {**context, "typed": typed}, error)
        session.add(
            ListExport(
                exported_by=actor.account_id,
                list_path=shown.path,
                columns=[column.key for column in columns],
                format=asked.format,
                row_count=len(made.answers),
                reason=asked.reason,
                request_id=request.scope.get("request_id"),
            )
        )
        await session.flush()
        return made


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
    settings: Settings = request.app.state.settings
    return {**context, "choices": choices, "formats": FORMATS, "most": settings.list_export_rows}


async def _file(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    shown: ListPage,
    query: PageQuery,
    columns: Sequence[Column],
    format_: str,
) -> "ListFile":
    """Every row that the list finds, a page at a time. TooManyRows."""
    settings: Settings = request.app.state.settings
    most = settings.list_export_rows
    answers: list[Answer] = []
    beside: dict[Any, Any] = {}
    asked = query.model_copy(update={"limit": MAX_LIMIT, "cursor": None})
    while True:
        found = await shown.find(session, actor, query=asked)
        audit.note(session, record_type=found.record_type)
        answers += map(shown.answer_of, found.rows)
        if len(answers) > most or (len(answers) == most and found.next_cursor is not None):
            raise TooManyRows(most)
        if shown.beside is not None and any(column.value.startswith("beside.") for column in columns):
            beside |= await shown.beside(session, found.rows)
        # What was read stands in `answers`; the session need not hold its rows as well.
        session.expunge_all()
        if found.next_cursor is None:
            break
        asked = asked.model_copy(update={"cursor": found.next_cursor})
    names = await account_names(session, {getattr(answer, "owner_id", None) for answer in answers})
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
        name = f"{shown.name}-{clock.today().isoformat()}.{format_}"
        disposition = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
        super().__init__(media_type=MEDIA[format_], headers={**PAGE_HEADERS, **disposition})
        self.answers = answers
        self._shown, self._columns, self._beside, self._names = shown, columns, beside, names
        self._format, self._zone = format_, zone

    async def fill(self, asked: Asked) -> None:
        keys = list(self._beside)
        masked = await asked.show([*self.answers, *self._beside.values()])
        rows, beside = masked[: len(self.answers)], dict(zip(keys, masked[len(self.answers) :], strict=True))
        self.body = await anyio.to_thread.run_sync(self._written, rows, beside)
        self.headers["content-length"] = str(len(self.body))

    def _written(self, rows: Sequence[Answer], beside: Mapping[Any, Answer]) -> bytes:
        listing = Listing(
            path=self._shown.path, noun=self._shown.noun, columns=self._columns, filters=(), views=(), chosen={},
            found=SearchFound[Any]([], None, 0, total_is_capped=False).page([]), beside=beside, key=self._shown.key,
        )  # fmt: skip
        with shown_in(self._zone):
            lines = [[column.label for column in self._columns]]
            lines += [[self._text(listing, row, column) for column in self._columns] for row in rows]
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

    def _text(self, listing: Listing, row: Answer, column: Column) -> str:
        value = listing.value_of(row, column)
        if column.cell == "owner":
            return self._names.get(value, "")
        if value is None and column.cell not in OF_EMPTY:
            return ""
        return TEXTS[column.cell](row, value)
