"""
Suggested changes: what arrived for a record and differs from ours waits here until somebody decides.

A table takes part by a `Changeable`: people registers `person` here, the packages to the left register their own
(`patient` stands in patients/service.py), because only they know how one of their fields is changed.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.history import before_own_change
from app.people import queries
from app.people.errors import AlreadyDecided, OurValueChanged, ValueNotAllowed
from app.people.keys import email_key, phone_e164
from app.people.locks import lock_identity
from app.people.models import DuplicateCandidate, SuggestedChange
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import Base, Edited
from app.platform.errors import Stale


class Why(NamedTuple):
    """Why a suggestion is accepted: in words, and by a code where the new value needs one."""

    reason: str | None = None
    reason_code: str | None = None


NO_REASON: Final = Why()
IMPORT: Final = "import"
"""The `source` of what the migration suggests, and the `via` of a move that takes its status over."""


@dataclass(frozen=True)
class Changeable:
    """
    How the fields of one table are changed by an accepted suggestion.

    `lock` gives the row for update, raising NotFound; `change` sets the suggestion's field by the same rules as a PUT
    of that field, and flushes. A status of the old system is taken over as it is there where the moves in between are
    not known.
    """

    lock: Callable[[AsyncSession, Actor, UUID], Awaitable[Edited]]
    change: Callable[[AsyncSession, Actor, Any, SuggestedChange, Why], Awaitable[None]]


def changed_by(
    update: type[BaseModel], *, key: str, lock: Callable[..., Awaitable[Any]], change: Callable[..., Awaitable[Any]]
) -> Changeable:
    """
    A table whose fields are changed by the use case of its PUT.

    `update` is the PUT's body, `key` the name that `lock` (with `for_update`) and `change` (with `change`) take the
    record's id by.
    """

    async def locked(session: AsyncSession, actor: Actor, record_id: UUID) -> Edited:
        row: Edited = await lock(session, actor, **{key: record_id}, for_update=True)
        return row

    async def changed(session: AsyncSession, actor: Actor, row: Any, suggestion: SuggestedChange, why: Why) -> None:
        # The code says for a status what else it needs, and the words with it.
        because = why._asdict() if why.reason_code is not None and suggestion.field == "status" else {}
        said = update.model_validate({suggestion.field: suggestion.theirs, **because})
        await change(session, actor, **{key: getattr(row, key)}, change=said)

    return Changeable(locked, changed)


_CHANGEABLE: dict[str, Changeable] = {}


def register(table_name: str, changeable: Changeable) -> None:
    """Let suggestions for this table be accepted."""
    _CHANGEABLE[table_name] = changeable


@dataclass(frozen=True)
class Record:
    """An existing row that a submission speaks of."""

    person_id: UUID
    table_name: str
    record_id: UUID
    version: int


def as_json(value: Any) -> Any:
    """A column's value as it stands in `ours` and `theirs`."""
    return (
        str(value) if isinstance(value, UUID) else value.isoformat() if isinstance(value, (date, datetime)) else value
    )


def value_hash(value: Any) -> str:
    """SHA-256 of the value's canonical JSON in hexadecimal digits: the order of keys does not matter."""
    return hashlib.sha256(orjson.dumps(as_json(value), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _hash_of(field: str, theirs: Any, phone_country: str | None) -> str:
    """A national number is another one in another country."""
    if field == "phone" and phone_country is not None and phone_e164(theirs, None).e164 is None:
        return value_hash(f"{theirs} {phone_country}")
    return value_hash(theirs)


def differing(row: Base, arrived: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The fields of what arrived that say something else than the row, as (ours, theirs); an empty one says nothing."""
    return {
        field: (getattr(row, field), theirs)
        for field, theirs in arrived.items()
        if theirs not in (None, []) and theirs != getattr(row, field)
    }


async def suggest(
    session: AsyncSession,
    actor: Actor,
    *,
    record: Record,
    differing: Mapping[str, tuple[Any, Any]],
    source: str,
    intake_submission_id: UUID | None,
    phone_country: str | None = None,
) -> list[SuggestedChange]:
    """
    File each differing field, given as (ours, theirs); the suggestions that are now open for these values.

    A value that was rejected for the field is not suggested again. One that was accepted once and has been changed
    since is opened again; one that is open already takes what we have now for `ours`. A phone is accepted as the number
    that it is in `phone_country`.
    """
    if not differing:
        return []
    rows = [
        {
            "person_id": record.person_id,
            "table_name": record.table_name,
            "record_id": record.record_id,
            "field": field,
            "ours": as_json(ours),
            "ours_version": record.version,
            "theirs": as_json(theirs),
            "value_hash": _hash_of(field, theirs, phone_country),
            "phone_country": phone_country if field == "phone" else None,
            "source": source,
            "intake_submission_id": intake_submission_id,
            "updated_by": actor.account_id,
        }
        for field, (ours, theirs) in sorted(differing.items())
    ]
    made = insert(SuggestedChange).values(rows)
    await session.execute(
        made.on_conflict_do_update(
            constraint="uq_suggested_change_value",
            set_={
                "decision": "open",
                "decided_at": None,
                "decided_by": None,
                "reason": None,
                "ours": made.excluded.ours,
                "ours_version": made.excluded.ours_version,
                "updated_by": made.excluded.updated_by,
            },
            where=(SuggestedChange.decision != "rejected")
            & or_(SuggestedChange.decision != "open", SuggestedChange.ours.is_distinct_from(made.excluded.ours)),
        )
    )
    found = await session.scalars(
        select(SuggestedChange)
        .where(
            SuggestedChange.record_id == record.record_id,
            SuggestedChange.decision == "open",
            or_(
                *(
                    (SuggestedChange.field == row["field"]) & (SuggestedChange.value_hash == row["value_hash"])
                    for row in rows
                )
            ),
        )
        .order_by(SuggestedChange.field)
        .execution_options(populate_existing=True)
    )
    return list(found)


async def accept(
    session: AsyncSession, actor: Actor, *, suggested_change_id: UUID, why: Why = NO_REASON
) -> SuggestedChange:
    """
    Set the field to the suggested value; other open suggestions for the field are superseded.

    OurValueChanged when the field holds something else now than when the value was suggested; AlreadyDecided after a
    rejection; ValueNotAllowed for what no PUT would take, as legacy data may suggest; Invalid where the new value needs
    a reason. Accepting twice is one effect.
    """
    suggestion = await queries.get_suggested_change(session, actor, suggested_change_id=suggested_change_id)
    changeable = _CHANGEABLE.get(suggestion.table_name)
    row = None
    if suggestion.decision == "open":
        if changeable is None:
            raise ValueNotAllowed
        if suggestion.field == "email":
            await lock_identity(session, email_key=email_key(str(suggestion.theirs)))
        row = await changeable.lock(session, actor, suggestion.record_id)
        # After the record, which is the order of locks; somebody may have decided meanwhile.
        suggestion = await queries.get_suggested_change(
            session, actor, suggested_change_id=suggested_change_id, for_update=True
        )
    if suggestion.decision == "accepted":
        return _noted(session, suggestion)
    if row is None or changeable is None or suggestion.decision != "open":
        raise AlreadyDecided
    if as_json(getattr(row, suggestion.field, None)) != suggestion.ours:
        raise OurValueChanged
    try:
        await changeable.change(session, actor, row, suggestion, why)
    except ValidationError:
        raise ValueNotAllowed from None
    now = clock.now()
    _decide(suggestion, actor, "accepted", why.reason, now)
    others = await session.scalars(
        select(SuggestedChange)
        .where(
            SuggestedChange.record_id == suggestion.record_id,
            SuggestedChange.field == suggestion.field,
            SuggestedChange.decision == "open",
            SuggestedChange.suggested_change_id != suggested_change_id,
        )
        .with_for_update()
    )
    for other in others:
        _decide(other, actor, "superseded", None, now)
    await session.flush()
    return _noted(session, suggestion)


def is_undoable(suggestion: SuggestedChange) -> bool:
    """
    Whether an acceptance is taken back by the value that we had.

    A status goes where its machine lets it; an address or number that was replaced is kept as a contact point.
    """
    return suggestion.table_name in _CHANGEABLE and suggestion.field not in {"status", "email", "phone"}


async def version_of(session: AsyncSession, actor: Actor, suggestion: SuggestedChange) -> int:
    """The version of the record that a suggestion is about, which is locked."""
    return (await _CHANGEABLE[suggestion.table_name].lock(session, actor, suggestion.record_id)).version


async def undo_acceptance(
    session: AsyncSession, actor: Actor, *, suggested_change_id: UUID, since: int, until: int
) -> SuggestedChange:
    """
    Put back what one's own acceptance replaced, while it brought the record from version `since` to `until`.

    The suggestion waits again, and those that it has settled. Stale where somebody has changed the record since.
    """
    suggestion = await queries.get_suggested_change(session, actor, suggested_change_id=suggested_change_id)
    if not is_undoable(suggestion):
        raise Stale
    changeable = _CHANGEABLE[suggestion.table_name]
    row = await changeable.lock(session, actor, suggestion.record_id)
    suggestion = await queries.get_suggested_change(
        session, actor, suggested_change_id=suggested_change_id, for_update=True
    )
    if (suggestion.decision, suggestion.decided_by, row.version) != ("accepted", actor.account_id, until):
        raise Stale
    # That these versions are one's own change, and all there is of it.
    await before_own_change(
        session, record_id=suggestion.record_id, account_id=actor.account_id, since=since, until=until
    )
    earlier = SuggestedChange(field=suggestion.field, theirs=suggestion.ours)
    await changeable.change(session, actor, row, earlier, NO_REASON)
    settled = await session.scalars(
        select(SuggestedChange)
        .where(
            SuggestedChange.record_id == suggestion.record_id,
            SuggestedChange.field == suggestion.field,
            SuggestedChange.decision == "superseded",
            SuggestedChange.decided_at == suggestion.decided_at,
        )
        .with_for_update()
    )
    for one in (suggestion, *settled):
        _open_again(one)
    await session.flush()
    return _noted(session, suggestion)


async def reject(
    session: AsyncSession, actor: Actor, *, suggested_change_id: UUID, reason: str | None = None
) -> SuggestedChange:
    """Keep ours; the value is not suggested again for the field. AlreadyDecided after an acceptance."""
    suggestion = await queries.get_suggested_change(
        session, actor, suggested_change_id=suggested_change_id, for_update=True
    )
    if suggestion.decision == "rejected":
        return _noted(session, suggestion)
    if suggestion.decision != "open":
        raise AlreadyDecided
    _decide(suggestion, actor, "rejected", reason)
    await session.flush()
    return _noted(session, suggestion)


async def undo_rejection(
    session: AsyncSession, actor: Actor, *, suggested_change_id: UUID, version: int
) -> SuggestedChange:
    """
    Let the suggestion wait again that one has rejected, and that has been at `version` since.

    Stale where it was decided otherwise, or by somebody else.
    """
    suggestion = await queries.get_suggested_change(
        session, actor, suggested_change_id=suggested_change_id, for_update=True
    )
    if (suggestion.decision, suggestion.decided_by, suggestion.version) != ("rejected", actor.account_id, version):
        raise Stale
    _open_again(suggestion)
    await session.flush()
    return _noted(session, suggestion)


async def decide_duplicate(
    session: AsyncSession,
    actor: Actor,
    *,
    duplicate_candidate_id: UUID,
    decision: str,
    reason: str | None = None,
) -> DuplicateCandidate:
    """Keep whether two persons are one human. AlreadyDecided when it was decided the other way."""
    pair = await queries.get_duplicate_candidate(
        session, actor, duplicate_candidate_id=duplicate_candidate_id, for_update=True
    )
    if pair.decision not in {"open", decision}:
        raise AlreadyDecided
    if pair.decision == "open":
        _decide(pair, actor, decision, reason)
        await session.flush()
    return _noted_pair(session, pair)


async def reopen_duplicate(
    session: AsyncSession, actor: Actor, *, duplicate_candidate_id: UUID, version: int, by_me: bool = False
) -> DuplicateCandidate:
    """
    Let a pair of different people wait for a decision again; what was decided stays in the history.

    `version` is what was seen of it. Stale where it was changed meanwhile; with `by_me` also where somebody else has
    decided it.
    """
    pair = await queries.get_duplicate_candidate(
        session, actor, duplicate_candidate_id=duplicate_candidate_id, for_update=True
    )
    if (pair.decision, pair.version) != ("different_people", version):
        raise Stale
    if by_me and pair.decided_by != actor.account_id:
        raise Stale
    _open_again(pair)
    await session.flush()
    return _noted_pair(session, pair)


def _decide(
    row: SuggestedChange | DuplicateCandidate,
    actor: Actor,
    decision: str,
    reason: str | None,
    now: datetime | None = None,
) -> None:
    row.decision = decision
    row.decided_at = now or clock.now()
    row.decided_by = actor.account_id
    row.reason = reason


def _open_again(row: SuggestedChange | DuplicateCandidate) -> None:
    row.decision, row.decided_at = "open", None
    row.decided_by = row.reason = None


def _noted(session: AsyncSession, suggestion: SuggestedChange) -> SuggestedChange:
    audit.note(
        session,
        record_type="suggested_change",
        record_id=suggestion.suggested_change_id,
        person_ids=[suggestion.person_id],
        fields=[suggestion.field],
    )
    return suggestion


def _noted_pair(session: AsyncSession, pair: DuplicateCandidate) -> DuplicateCandidate:
    audit.note(
        session,
        record_type="duplicate_candidate",
        record_id=pair.duplicate_candidate_id,
        person_ids=[pair.person_id, pair.other_person_id],
        fields=["decision"],
    )
    return pair
