"""The versions of one record as somebody may see them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN, View, mask, names_a_person, subject_of
from app.access.queries import account_names
from app.access.views import AccessContext, view_of_record
from app.audit import history
from app.audit import service as audit
from app.audit.history import RowVersion
from app.oversight.records import Record
from app.oversight.schemas import ChangeRead, HistoryFilter, VersionRead
from app.platform.actor import Actor
from app.platform.errors import NotFound
from app.platform.locales import _
from app.platform.paging import COUNT_CAP, Page, decode_cursor, encode_cursor, invalid_cursor

FIRST_VERSION = 1


class NoSuchMoment(NotFound):
    code = "not_there_yet"
    detail = _("The record was not there at that moment.")


async def versions_of(
    session: AsyncSession, actor: Actor, *, record: Record, record_id: UUID, access: AccessContext, query: HistoryFilter
) -> Page[VersionRead]:
    """
    A page of the record's versions, newest first; with `as_of` the one that was valid then.

    NotFound when the actor may not see the record, NoSuchMoment when it was not there then, ReasonNeeded outside the
    caseload.
    """
    answer = await record.load(session, actor, record_id)
    subject = subject_of(answer)
    audit.note(
        session,
        record_type=record.record_type,
        record_id=record_id,
        person_ids=[] if subject is None else [subject],
        fields=["history"],
        subject=subject,
    )
    view = await view_of_record(session, actor, access, subject, marks=record.marks)
    if query.as_of is not None:
        then = await history.version_at(session, table=record.table, record_id=record_id, moment=query.as_of)
        if then is None:
            raise NoSuchMoment
        found, total, next_cursor = [then], 1, None
    else:
        before = None
        if query.cursor is not None:
            (before,) = decode_cursor(query.cursor, query.fingerprint(), (int,))
            if before <= FIRST_VERSION:
                raise invalid_cursor()
        found, total = await history.list_versions(
            session, table=record.table, record_id=record_id, before=before, limit=query.limit
        )
        more = bool(found) and found[-1].version > FIRST_VERSION
        next_cursor = encode_cursor(query.fingerprint(), [found[-1].version]) if more else None
    audit.note(session, person_ids=_persons_in(found))
    names = await account_names(session, [version.changed_by for version in found])
    # Masked here and not only by the JSON API: pages show these versions too.
    items = [mask(_read(version, record, view, names), view) for version in found]
    if view.used:
        audit.state_purpose(session, "break_glass")
    return Page(items=items, next_cursor=next_cursor, total=min(total, COUNT_CAP), total_is_capped=total > COUNT_CAP)


def _persons_in(versions: Sequence[RowVersion]) -> set[UUID]:
    """The persons whom these versions name, or named before: their columns stand in an answer as JSON."""
    return {
        UUID(value)
        for version in versions
        for values in (version.values, version.before or {})
        for column, value in values.items()
        if value is not None and names_a_person(column)
    }


def _read(version: RowVersion, record: Record, view: View, names: dict[UUID, str]) -> VersionRead:
    closed = {column: view.closes(record.class_of(column), view.subject) for column in version.values}

    def shown(column: str, value: Any) -> Any:
        # Here a masked date too is text: null would say that there was none.
        return HIDDEN if value is not None and closed[column] else value

    before = version.before or {}
    return VersionRead(
        version=version.version,
        valid_from=version.valid_from,
        valid_to=version.valid_to,
        changed_by=version.changed_by,
        changed_by_name=names.get(version.changed_by) if version.changed_by else None,
        reason=version.reason,
        values={column: shown(column, value) for column, value in version.values.items()},
        changes=[
            ChangeRead(
                field=column,
                before=shown(column, before.get(column)),
                after=shown(column, version.values.get(column)),
            )
            for column in version.changed
        ],
    )
