"""
Masking: what somebody may not see is hidden in the answer itself, whichever route or page gives it.

Every field of an answer that shows personal or health data says so in its type (`Personal`, `Health`, `Detail`). The
guard masks the endpoint's answer before it becomes bytes, so no route can forget it. A filter has the mark of the field
that it asks about, and is refused to anyone who sees that field masked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, TypeVar, get_args
from uuid import UUID

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.platform.errors import FieldError, Forbidden
from app.platform.locales import _

T = TypeVar("T")

HIDDEN = "•••"
"""Stands for a masked text; every other kind of value becomes null."""


@dataclass(frozen=True)
class Shown:
    """
    The privacy class of a field, as in platform/db.py. `detail`: of a case, not of who somebody is.

    `closes_record`: outside the caseload a single record with it is refused until a reason is stated, not only masked.
    `empty_too`: that there is one already tells of what is hidden, so on pages an empty one looks masked as well.
    """

    privacy: str
    detail: bool = False
    closes_record: bool = False
    empty_too: bool = False


@dataclass(frozen=True)
class Sorts:
    """The privacy class by which each word of a sort parameter orders; a word that is left out orders by none."""

    classes: Mapping[str, str]


Personal = Annotated[T, Shown("personal")]
Health = Annotated[T, Shown("health")]
Outcome = Annotated[T, Shown("health", empty_too=True)]
"""What follows from calls and moves, such as when somebody was reached last."""
Detail = Annotated[T, Shown("health", detail=True, closes_record=True)]
"""What was said, found and decided in a case: closed outside one's caseload where caseloads are assigned."""
Remark = Annotated[T, Shown("health", detail=True)]
"""Case detail in a record that says who somebody is and how they stand: all but the remark is shown to everybody."""


@dataclass(frozen=True)
class View:
    """
    What is closed to somebody in one answer.

    `closed` are the classes that are not clear to them; of those, `hidden` ones stay closed even for the persons in
    `opened`. `outside` are persons whose case detail is closed. `subject` is the person that an answer without a
    person of its own is about.
    """

    closed: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    opened: frozenset[UUID] = frozenset()
    outside: frozenset[UUID | None] = frozenset()
    subject: UUID | None = None
    used: set[UUID] = field(default_factory=set)
    """The opened persons of whom something was indeed shown."""

    @property
    def is_clear(self) -> bool:
        return not self.closed and not self.outside

    def closes(self, shown: Shown, subject: UUID | None, other: UUID | None = None) -> bool:
        """Whether a field of this mark is closed where it is about `subject`, and `other` if it is about two."""
        if shown.detail and (subject in self.outside or (other is not None and other in self.outside)):
            return True
        if shown.privacy not in self.closed:
            return False
        if subject is None or subject not in self.opened or shown.privacy in self.hidden:
            return True
        self.used.add(subject)
        return False


def class_of(info: FieldInfo) -> Shown | None:
    """The privacy class that a model's field states."""
    return next((mark for mark in info.metadata if isinstance(mark, Shown)), None)


@cache
def _marks_of(model: type[BaseModel]) -> tuple[tuple[str, Shown | None], ...]:
    """The fields of a model, each with the privacy class that it states."""
    return tuple((name, class_of(info)) for name, info in model.model_fields.items())


def subject_of(model: BaseModel, inherited: UUID | None = None) -> UUID | None:
    """The person an answer is about: its own, its patient's, or that of the answer it stands in."""
    for place in (model, getattr(model, "patient", None), getattr(model, "person", None)):
        found = getattr(place, "person_id", None)
        if isinstance(found, UUID):
            return found
    return inherited


def _other_of(model: BaseModel) -> UUID | None:
    """The second person of an answer that is about two: their case is told by its details too."""
    found: UUID | None = getattr(model, "related_person_id", None) or getattr(model, "other_person_id", None)
    return found


def mask(answer: Any, view: View) -> Any:
    """`answer` with every closed field masked, nested models and lists included."""
    return answer if view.is_clear else _mask(answer, view, view.subject)


def _mask(answer: Any, view: View, subject: UUID | None) -> Any:
    if isinstance(answer, BaseModel):
        subject, other = subject_of(answer, subject), _other_of(answer)
        changed: dict[str, Any] = {}
        for name, shown in _marks_of(type(answer)):
            value = getattr(answer, name)
            closed = shown is not None and value is not None and view.closes(shown, subject, other)
            masked = masked_value(value) if closed else _mask(value, view, subject)
            if masked is not value:
                changed[name] = masked
        return answer.model_copy(update=changed) if changed else answer
    if isinstance(answer, list):
        masked_items = [_mask(item, view, subject) for item in answer]
        return masked_items if any(a is not b for a, b in zip(masked_items, answer, strict=True)) else answer
    return answer


def masked_value(value: Any) -> Any:
    """What stands for a closed value."""
    if value is None or isinstance(value, (bool, int, float, date, datetime, UUID)):
        return None
    if isinstance(value, str):
        return HIDDEN
    if isinstance(value, list):
        return []
    if isinstance(value, dict):
        return {}
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        return value.model_copy(update={name: masked_value(getattr(value, name)) for name in names})
    return None


def detail_in(answer: Any, inherited: UUID | None = None) -> Iterator[tuple[Shown, UUID | None]]:
    """The case detail that the answer holds: the field's mark, and whose it is; None for detail that names nobody."""
    if isinstance(answer, BaseModel):
        subject, other = subject_of(answer, inherited), _other_of(answer)
        for name, shown in _marks_of(type(answer)):
            value = getattr(answer, name)
            if shown is not None and shown.detail and value not in (None, [], {}):
                yield shown, subject
                if other is not None:
                    yield shown, other
            else:
                yield from detail_in(value, subject)
    elif isinstance(answer, list):
        for item in answer:
            yield from detail_in(item, inherited)


def persons_in(answer: Any) -> Iterator[UUID]:
    """
    The persons an answer names, however deep: those whom its reader was shown.

    A person is named by a field whose name says so (`names_a_person`). Lists of persons in audit events
    (`person_ids`) are left out: reading the trail would otherwise name all whom earlier events name, and so grow with
    every reading. So are JSON values (a submission as it came, versions of a row): nobody has checked their ids.
    """
    if isinstance(answer, BaseModel):
        named, nested = _places(type(answer))
        for name in named:
            person_id = getattr(answer, name)
            if person_id is not None:
                yield person_id
        for name in nested:
            yield from persons_in(getattr(answer, name))
    elif isinstance(answer, list):
        for item in answer:
            yield from persons_in(item)


def persons_named(problem: Any) -> Iterator[UUID]:
    """The persons whom a problem's own fields name (AppError.extra), however deep."""
    if isinstance(problem, Mapping):
        for name, value in problem.items():
            if names_a_person(name) and value is not None:
                yield UUID(str(value))
            else:
                yield from persons_named(value)
    elif isinstance(problem, list):
        for item in problem:
            yield from persons_named(item)


def names_a_person(field_name: str) -> bool:
    """Whether the value of a field or column of this name is the id of a person."""
    return field_name == "pn_id" or field_name.endswith("person_id")


@cache
def _places(model: type[BaseModel]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields of a model that name a person, and those that hold further models."""
    fields = model.model_fields
    return (
        tuple(name for name in fields if names_a_person(name)),
        tuple(name for name, info in fields.items() if any(models_in(info.annotation))),
    )


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a value of this annotation may be or hold at its first level."""
    if isinstance(annotation, TypeVar):
        # The items of a Page that was made without its type.
        yield BaseModel
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


class FieldMasked(Forbidden):
    code = "field_masked"
    detail = _("Your role sees this field masked, so it cannot filter or sort by it.")


def class_of_order(question: type[BaseModel], word: str) -> str | None:
    """The privacy class by which a word of a question's sort orders; None for none."""
    return _class_of_order(question.model_fields["sort"], word) if word else None


def _class_of_order(info: FieldInfo, value: Any) -> str | None:
    return next((mark.classes.get(str(value)) for mark in info.metadata if isinstance(mark, Sorts)), None)


def refuse_masked_questions(question: BaseModel, closed: frozenset[str]) -> None:
    """FieldMasked when a filter or sort asks by a class that is not clear: the hits would tell the value."""
    if not closed:
        return
    found = []
    for name in sorted(question.model_fields_set):
        info = type(question).model_fields[name]
        value = getattr(question, name)
        if value is None:
            continue
        shown = class_of(info)
        if (shown is not None and shown.privacy in closed) or _class_of_order(info, value) in closed:
            found.append(FieldError(name, FieldMasked.code, FieldMasked.detail))
    if found:
        raise FieldMasked(fields=found)


def asks_for_detail(question: BaseModel) -> bool:
    """Whether a filter asks by case detail."""
    marks = {name: class_of(type(question).model_fields[name]) for name in question.model_fields_set}
    return any(mark is not None and mark.detail and getattr(question, name) is not None for name, mark in marks.items())
