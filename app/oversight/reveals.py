"""Single masked values shown once, with a stated reason and an event that names the fields."""

from typing import Any

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import class_of, subject_of
from app.access.openings import service as openings
from app.access.policy import Sight, sight_of
from app.audit import service as audit
from app.oversight.records import BY_TYPE, Record, plain
from app.oversight.schemas import RevealAsked, RevealRead
from app.platform.actor import Actor
from app.platform.errors import FieldError, Forbidden, Invalid, NotFound, invalid_field


async def reveal(session: AsyncSession, actor: Actor, *, asked: RevealAsked) -> RevealRead:
    """
    The values of these fields as they are.

    Invalid for a kind of record or a field that there is not, NotFound for a record the actor may not read, Forbidden
    for a field that is hidden from their role whatever they say.
    """
    record = BY_TYPE.get(asked.record_type)
    if record is None:
        raise invalid_field("record_type", "unknown_record_type", f"Allowed: {', '.join(sorted(BY_TYPE))}.")
    if not actor.may(record.permission):
        raise NotFound
    answer = await record.load(session, actor, asked.record_id)
    person_id = subject_of(answer)
    if person_id is None:
        raise invalid_field("record_type", "nothing_masked", "Records of this kind are about nobody.")
    values = _values(answer, asked.fields, actor, record)
    audit.note(
        session,
        record_type=record.record_type,
        record_id=asked.record_id,
        person_ids=[person_id],
        fields=asked.fields,
        purpose="reveal",
    )
    await openings.state_reason(session, actor, person_id=person_id, reason=asked.reason, kind="reveal")
    return RevealRead(record_type=record.record_type, record_id=asked.record_id, person_id=person_id, values=values)


def _values(answer: BaseModel, fields: list[str], actor: Actor, record: Record) -> dict[str, Any]:
    sight = sight_of(actor.roles, record.permission)
    found: dict[str, Any] = {}
    unknown = []
    for path in fields:
        place: Any = answer
        for name in path.split("."):
            info = type(place).model_fields.get(name) if isinstance(place, BaseModel) else None
            if info is None:
                unknown.append(path)
                break
            shown = class_of(info)
            if shown is not None and sight[shown.privacy] is Sight.HIDDEN:
                raise Forbidden
            place = getattr(place, name)
        else:
            found[path] = plain(place)
    if unknown:
        message = "The record has no such field."
        raise Invalid(fields=[FieldError(f"fields.{fields.index(path)}", "unknown_field", message) for path in unknown])
    return found
