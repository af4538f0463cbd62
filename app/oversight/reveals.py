"""Single masked values shown once, with a stated reason and an event that names the fields."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import class_of, models_in, subject_of
from app.access.openings import service as openings
from app.access.policy import Sight, sight_of
from app.audit import service as audit
from app.oversight.records import BY_TYPE, Record
from app.oversight.schemas import RevealRead, RevealRequest
from app.platform.actor import Actor
from app.platform.errors import FieldError, Forbidden, Invalid, NotFound, invalid_field


async def reveal(session: AsyncSession, actor: Actor, *, wanted: RevealRequest) -> RevealRead:
    """
    The values of these fields as they are.

    Invalid for a kind of record or a field that there is not, NotFound for a record the actor may not read, Forbidden
    for a field that is hidden from their role whatever they say.
    """
    record = BY_TYPE.get(wanted.record_type)
    if record is None:
        raise invalid_field("record_type", "unknown_record_type", f"Allowed: {', '.join(sorted(BY_TYPE))}.")
    if not actor.may(record.permission):
        raise NotFound
    answer = await record.load(session, actor, wanted.record_id)
    person_id = subject_of(answer)
    if person_id is None:
        raise invalid_field("record_type", "nothing_masked", "Records of this kind are about nobody.")
    found = _find(answer, wanted.fields, actor, record)
    audit.note(
        session,
        record_type=record.record_type,
        record_id=wanted.record_id,
        # Of a call the navigator's name may be asked for, of a journey the physician's: the values do not say whose.
        person_ids={person_id, *(value.person_id for value in found if value.person_id is not None)},
        fields=wanted.fields,
        purpose="reveal",
    )
    await openings.state_reason(session, actor, person_ids=[person_id], reason=wanted.reason, kind="reveal")
    values = {value.path: value.value for value in found}
    return RevealRead(record_type=record.record_type, record_id=wanted.record_id, person_id=person_id, values=values)


@dataclass(frozen=True)
class _Value:
    """What a field holds, and the person whose it is."""

    path: str
    value: Any
    person_id: UUID | None


def _find(answer: BaseModel, fields: list[str], actor: Actor, record: Record) -> list[_Value]:
    """The values of these single fields; those of a part that is not there are None."""
    sight = sight_of(actor.roles, record.permission)
    found: list[_Value] = []
    wrong: list[FieldError] = []
    for number, path in enumerate(fields):
        model: type[BaseModel] | None = type(answer)
        place: Any = answer
        person_id = None
        for name in path.split("."):
            info = model.model_fields.get(name) if model is not None else None
            if info is None:
                wrong.append(FieldError(f"fields.{number}", "unknown_field", "The record has no such field."))
                break
            shown = class_of(info)
            if shown is not None and sight[shown.privacy] is Sight.HIDDEN:
                raise Forbidden
            if place is not None:
                person_id = subject_of(place, person_id)
                place = getattr(place, name)
            model = next(models_in(info.annotation), None)
        else:
            if model is None:
                found.append(_Value(path, place, person_id))
            else:
                message = "This is a group of fields. Name the single ones, as in person.last_name."
                wrong.append(FieldError(f"fields.{number}", "not_a_single_field", message))
    if wrong:
        raise Invalid(fields=wrong)
    return found
