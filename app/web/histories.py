"""The history of every kind of record: versions, what changed, who, why; and the record as of a moment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy import CheckConstraint, Date, DateTime, Table, Uuid
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN
from app.access.openings import service as openings
from app.access.queries import account_names
from app.access.reasons import LONGEST
from app.access.request_guard import CurrentAccess, CurrentActor, DbSession
from app.audit.history import BOOKKEEPING
from app.oversight.history import versions_of
from app.oversight.records import RECORDS, Record
from app.oversight.schemas import HistoryFilter, VersionRead
from app.platform.errors import AppError, Invalid
from app.platform.locales import _
from app.platform.text import Body, Id, line
from app.web.addresses import local_path
from app.web.forms import asked_in, looking_back, read_form, read_query, typed_in
from app.web.oversight import zone_of
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import page
from app.web.words import country_name, day_text, language_name, moment_text, shortened, shown_in, words

router = page_router()

_CODES_BESIDE = {"outcome", "reason_code", "phase", "do_not_contact_channels", "countries"}
"""Columns of codes that no check of the database lists."""
_NAMED = {"country": country_name, "countries": country_name, "language": language_name}
"""Columns of codes whose words are names."""


@cache
def _codes_of(table: Table) -> frozenset[str]:
    """The columns of a table that hold codes, shown in words: those that a check holds to a list, and a few."""
    checks = [str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint)]
    listed = {one.key for one in table.columns if any(check.startswith(f"{one.key} IN (") for check in checks)}
    return frozenset(listed | _CODES_BESIDE)


Names = Mapping[str, str]
"""What accounts are called, by their ids."""


def _shown(record: Record, column: str, value: Any, names: Names) -> Any:
    """A value of a version in words, on the viewer's clock; HIDDEN stays what it is."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if value in (None, "", HIDDEN):
        return value
    if isinstance(value, (list, dict)):
        shown = [_in_words(record.table, column, one, names) for one in value]
        return ", ".join(map(str, shown)) if shown else None
    return _in_words(record.table, column, value, names)


def _in_words(table: Table, column: str, value: Any, names: Names) -> Any:
    of = table.c[column].type
    if isinstance(of, Uuid):
        return names.get(str(value)) or shortened(value)
    if isinstance(of, DateTime):
        return moment_text(datetime.fromisoformat(value))
    if isinstance(of, Date):
        return day_text(date.fromisoformat(value))
    if name := _NAMED.get(column):
        return name(value)
    return words(value) if column in _codes_of(table) else value


def _label(column: str) -> str:
    """What a column is called on the page: `owner_id` is the Owner."""
    return words(column.removesuffix("_id"))


def lines_of(record: Record, version: VersionRead, names: Names) -> list[tuple[str, Any, Any]]:
    """What a version changed, in words: the field, what it was, what it is."""
    return [
        (_label(c.field), _shown(record, c.field, c.before, names), _shown(record, c.field, c.after, names))
        for c in version.changes
    ]


def _facts(record: Record, version: VersionRead, names: Names) -> list[tuple[str, Any]]:
    """What the version says of the record; not what it says of itself, which stands beside it."""
    own = {*BOOKKEEPING, *record.table.primary_key.columns.keys()}
    return [(_label(n), _shown(record, n, value, names)) for n, value in version.values.items() if n not in own]


async def names_in(session: AsyncSession, record: Record, versions: Sequence[VersionRead]) -> Names:
    """The names of the accounts that these versions speak of, such as owners."""
    columns = {
        column.key
        for column in record.table.c
        if any(key.target_fullname == "user_account.user_account_id" for key in column.foreign_keys)
    }
    found = {version.values.get(column) for version in versions for column in columns}
    found |= {
        value
        for version in versions
        for change in version.changes
        if change.field in columns
        for value in (change.before, change.after)
    }
    ids = {UUID(str(value)) for value in found - {None, HIDDEN}}
    return {str(account_id): name for account_id, name in (await account_names(session, ids)).items()}


def _page_of(record: Record) -> Callable[..., Awaitable[Response]]:
    async def show_history(
        request: Request, session: DbSession, actor: CurrentActor, access: CurrentAccess, record_id: UUID
    ) -> Response:
        here = f"/history/{record.path}/{record_id}"
        typed = asked_in(request, HistoryFilter)
        context: dict[str, Any] = {
            **NO_ERRORS,
            "record_name": words(record.record_type),
            "record_id": record_id,
            "here": here,
            "typed": typed,
            "found": None,
            "versions": [],
            "values": [],
            "hidden": HIDDEN,
            "may_open": False,
            "person_id": None,
        }
        try:
            as_of = looking_back(typed["as_of"], zone_of(request), is_end=True)
            query = read_query(request, HistoryFilter, {**typed, "as_of": as_of, "limit": 25}, zone=zone_of(request))
            found = await versions_of(session, actor, record=record, record_id=record_id, access=access, query=query)
        except Invalid as error:
            return form_again(request, "oversight/history.html", context, error)
        names = await names_in(session, record, found.items)
        with shown_in(zone_of(request)):
            versions = [(version, lines_of(record, version, names)) for version in found.items]
            values = _facts(record, found.items[0], names)
        shown = {
            "may_open": actor.may("break_glass.use"),
            "person_id": record_id if record.record_type == "person" else found.items[0].values.get("person_id"),
            "found": found,
            "versions": versions,
            "values": values,
        }
        return page(request, "oversight/history.html", {**context, **shown})

    return show_history


for _record in RECORDS:
    router.add_api_route(
        f"/history/{_record.path}/{{record_id}}",
        _page_of(_record),
        name=f"show_{_record.record_type}_history",
        dependencies=[allow(_record.permission)],
    )

ReasonInOneLine: Any = line(LONGEST)


class AccessReason(Body):
    """Whose case is to be opened, and why."""

    person_id: Id
    reason: ReasonInOneLine


@router.post("/access-reasons", dependencies=[allow("patient.read")])
async def state_reason(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Open what lies outside the caseload for an hour; the reason is on record."""
    typed = await typed_in(request, AccessReason)
    try:
        asked = read_form(AccessReason, typed)
        async with known_errors(request, session):
            await openings.state_reason(session, actor, person_ids=[asked.person_id], reason=asked.reason)
    except AppError as error:
        return form_again(request, "oversight/reason.html", {"typed": typed, "back": local_path(back)}, error)
    return go_to(request, local_path(back))
