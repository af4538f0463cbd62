"""
Earlier versions of a row, put together from row_history and the row as it is.

A version is valid from the moment it was written until before the next one was. Version 1 begins with the row.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Computed, Select, Table, func, literal_column, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import RowHistory
from app.platform.errors import Stale

BOOKKEEPING = frozenset({"version", "created_at", "updated_at", "updated_by"})
"""What a version says of itself; not a part of what changed."""


@dataclass(frozen=True)
class RowVersion:
    """
    A row from `valid_from` until before `valid_to`; an empty end means that it is so now.

    `values` are as JSON has them, secrets left out. `changed_by` is the account that wrote the version, `reason` what
    it said why. `before` are the values of the version before, None for the first.
    """

    version: int
    valid_from: datetime
    valid_to: datetime | None
    changed_by: UUID | None
    reason: str | None
    values: dict[str, Any]
    before: dict[str, Any] | None

    @property
    def changed(self) -> list[str]:
        """The columns that differ from the version before, in the order of the row."""
        if self.before is None:
            return []
        names = dict.fromkeys((*self.values, *self.before))
        return [n for n in names if n not in BOOKKEEPING and self.values.get(n) != self.before.get(n)]


def shown_columns(table: Table) -> list[Column[Any]]:
    """The columns that a version shows: no secrets, and nothing that is computed from the others."""
    return [
        column
        for column in table.columns
        if column.info["privacy"] != "secret"
        and not isinstance(column.server_default, Computed)
        and not (column.name.endswith("_key") and column.info["privacy"] == "personal")
    ]


def _key(table: Table) -> Column[Any]:
    (key,) = table.primary_key.columns
    return key


async def _present(session: AsyncSession, table: Table, record_id: UUID) -> dict[str, Any] | None:
    row = table.alias("present")
    query = (
        select(func.to_jsonb(literal_column("present"))).select_from(row).where(row.c[_key(table).name] == record_id)
    )
    found: dict[str, Any] | None = (await session.execute(query)).scalar_one_or_none()
    return found


def _earlier(table: Table, record_id: UUID) -> Select[Any]:
    return select(RowHistory).where(RowHistory.record_id == record_id, RowHistory.table_name == table.name)


async def list_versions(
    session: AsyncSession, *, table: Table, record_id: UUID, before: int | None = None, limit: int
) -> tuple[list[RowVersion], int]:
    """Up to `limit` versions below `before`, newest first, and the number of all; none for a row that is not there."""
    present = await _present(session, table, record_id)
    if present is None:
        return [], 0
    newest = int(present["version"])
    top = newest if before is None else min(before - 1, newest)
    query = (
        _earlier(table, record_id)
        .where(RowHistory.version <= min(top, newest - 1))
        # A migration that was undone and done again gives the same id: of two rows with a version the later tells.
        .ext(distinct_on(RowHistory.version))
        .order_by(RowHistory.version.desc(), RowHistory.row_history_id.desc())
    )
    # One more than is shown: the version before tells since when and why the oldest of them is so.
    found = list(await session.scalars(query.limit(limit + 1)))
    rows: list[_Row] = [_Row(earlier.version, earlier.row, earlier) for earlier in found]
    if top == newest:
        rows.insert(0, _Row(newest, present, None))
    return [_version(table, rows, place) for place in range(min(limit, len(rows)))], newest


async def version_at(session: AsyncSession, *, table: Table, record_id: UUID, moment: datetime) -> RowVersion | None:
    """The row as it was at `moment`; None when it was not there yet."""
    present = await _present(session, table, record_id)
    if present is None or moment < datetime.fromisoformat(present["created_at"]):
        return None
    replaced = await session.scalar(
        select(func.min(RowHistory.version)).where(
            RowHistory.record_id == record_id, RowHistory.table_name == table.name, RowHistory.replaced_at > moment
        )
    )
    before = int(present["version"]) + 1 if replaced is None else int(replaced) + 1
    versions, _ = await list_versions(session, table=table, record_id=record_id, before=before, limit=1)
    return versions[0] if versions else None


@dataclass(frozen=True)
class _Row:
    version: int
    values: dict[str, Any]
    filed: RowHistory | None
    """The history row that holds it; None for the row as it is."""


def _version(table: Table, rows: list[_Row], place: int) -> RowVersion:
    row = rows[place]
    previous = rows[place + 1] if place + 1 < len(rows) else None
    made_by = previous.filed if previous is not None else None
    names = [column.name for column in shown_columns(table)]
    writer = row.values.get("updated_by")
    return RowVersion(
        version=row.version,
        valid_from=made_by.replaced_at if made_by else datetime.fromisoformat(row.values["created_at"]),
        valid_to=row.filed.replaced_at if row.filed else None,
        changed_by=UUID(writer) if writer else None,
        reason=made_by.reason if made_by else None,
        values={name: row.values.get(name) for name in names},
        before={name: previous.values.get(name) for name in names} if previous is not None else None,
    )


async def before_own_change(
    session: AsyncSession, *, record_id: UUID, account_id: UUID | None, since: int, until: int
) -> dict[str, Any]:
    """
    A row, as JSON has it, as it was in version `since`, before an account changed it into version `until`.

    Stale where somebody else has a part in these changes, or there are none.
    """
    history = (
        await session.scalars(
            select(RowHistory)
            .where(RowHistory.record_id == record_id, RowHistory.version >= since, RowHistory.version < until)
            .order_by(RowHistory.version)
        )
    ).all()
    is_own = all(row.replaced_by == account_id for row in history)
    if not is_own or [row.version for row in history] != list(range(since, until)) or not history:
        raise Stale
    return history[0].row
