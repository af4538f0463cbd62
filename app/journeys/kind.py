"""A kind of journey as data: what its routes, service, queries and answers need to know, and nothing else."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.conditions.errors import condition_unknown
from app.events.models import OWNERS
from app.events.moves import Move, Moves
from app.journeys.errors import completed_before_enrolled, patient_unknown, physician_unknown
from app.journeys.models import Journey
from app.journeys.schemas import JourneyCreate, JourneyFilter, JourneyRead, JourneyTransition, JourneyUpdate
from app.platform.actor import Actor
from app.platform.db import ConstraintErrors
from app.platform.errors import NotFound
from app.platform.stored_fields import StoredFields

OF_THE_MOVE = dict.fromkeys(("status", "happened_at", "reason_code", "reason"), "of the move and its event")

OF_A_CORRECTION = {"is_correction": "of the move's event"}


def _nothing(*_: Any) -> None:
    return None


def _no_further_answers(_journey: Any) -> Mapping[str, Any]:
    return {}


async def _no_further_check(_session: AsyncSession, _actor: Actor, _journey: Any) -> None:
    return None


async def _no_further_columns(_session: AsyncSession, _actor: Actor, _new: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """
    One kind of journey.

    Its addresses, operation ids and audit events are named after its table. `leads_to` is the relationship to what a
    journey leads to. `bodies` are the models that `create`, the type of a POST's body, is made of. `when_departed` says
    where an open journey goes when its person has died or withdrawn, also where its machine has no such move; one of a
    state that is not named is listed.

    The rest is for what is not done by the names of fields alone: `special` names the fields of `bodies` that are no
    columns, `further_columns` gives columns made from them; `further_answers` gives the fields of `read` that are
    neither columns nor common to all kinds; `require_only` refuses a journey that is here already; `check_change`
    refuses a change of a journey; `arrive` sets what a move means beside the status. `constraints` are the errors of
    the table's own constraints.

    TypeError when the program starts for a field that is neither stored nor special, and without a column for the
    kind's events.
    """

    model: type[Journey]
    moves: Moves
    leads_to: InstrumentedAttribute[Any]
    create: Any
    bodies: tuple[type[JourneyCreate], ...]
    when_departed: Mapping[str, Mapping[str, str]]
    update: type[JourneyUpdate]
    transition: type[JourneyTransition]
    filter: type[JourneyFilter]
    read: type[JourneyRead]
    not_found: type[NotFound]
    tag: str
    about_opening: str
    special: Mapping[str, str] = field(default_factory=dict)
    further_columns: Callable[[AsyncSession, Actor, Any], Awaitable[Mapping[str, Any]]] = _no_further_columns
    further_answers: Callable[[Any], Mapping[str, Any]] = _no_further_answers
    require_only: Callable[[AsyncSession, Actor, Any], Awaitable[None]] = _no_further_check
    check_change: Callable[[Any, Any], None] = _nothing
    arrive: Callable[[Any, Move], None] = _nothing
    constraints: ConstraintErrors = field(default_factory=dict)
    stored_when_new: StoredFields = field(init=False)
    stored_when_changed: StoredFields = field(init=False)

    def __post_init__(self) -> None:
        if self.key not in OWNERS:
            raise TypeError(f"app/events/models.py has no {self.key} for the events of {self.name}")
        stored = StoredFields(self.model, *self.bodies, special={**OF_THE_MOVE, **self.special})
        object.__setattr__(self, "stored_when_new", stored)
        changed = StoredFields(self.model, self.update, special=OF_THE_MOVE | OF_A_CORRECTION)
        object.__setattr__(self, "stored_when_changed", changed)

    @property
    def name(self) -> str:
        """The table's name: of records, operations and errors."""
        return str(self.model.__tablename__)

    @property
    def path(self) -> str:
        return f"/{self.name.replace('_', '-')}s"

    @property
    def key(self) -> str:
        """The name of the table's key, in addresses and events too."""
        return str(inspect(self.model).primary_key[0].name)

    @property
    def event_kind(self) -> str:
        """What the events are called in a patient's timeline."""
        return f"{self.key.removesuffix('_id')}_status"

    def id_of(self, journey: Journey) -> UUID:
        key: UUID = getattr(journey, self.key)
        return key

    @property
    def constraint_errors(self) -> ConstraintErrors:
        return {
            f"fk_{self.name}_patient_id": patient_unknown,
            f"fk_{self.name}_physician_id": physician_unknown,
            f"fk_{self.name}_medical_condition_id": condition_unknown,
            f"ck_{self.name}_completed_after_enrolled": completed_before_enrolled,
            **self.constraints,
        }
