"""Records that stand beside another one of the same keys: a data steward reads them here and mends them."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, inspect, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.conditions.models import ConditionSynonym, MedicalCondition
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapJourney, EapProgram
from app.oversight.schemas import DoubleFilter, DoubleRead, DoubleRecord
from app.patients.models import Patient
from app.platform.actor import Actor
from app.platform.doubles import are_the_same
from app.platform.paging import Branch, Found, SortKey, fetch_keys


@dataclass(frozen=True)
class Kind:
    """A table with doubles; `shown_by` is the column with the id that is shown, where it is not the key."""

    model: Any
    shown_by: str | None = None

    @property
    def record_type(self) -> DoubleRecord:
        found: DoubleRecord = self.model.__tablename__
        return found

    @property
    def key(self) -> Any:
        """The key's column, as an attribute of the model."""
        return getattr(self.model, inspect(self.model).primary_key[0].name)

    @property
    def branch(self) -> Branch:
        """The keys of the doubles, as a part of the list; in the order of the keys, which the index has."""
        others = [exists(other.where(same).correlate(self.model)) for other, same in self._others()]
        ids = select(self.key.label("record_id"), self.key.label("place")).where(self.model.is_double, or_(*others))
        return ids, SortKey((self.key,), (UUID,))

    async def same_as(self, session: AsyncSession, keys: list[UUID]) -> dict[UUID, UUID]:
        """For each of these doubles the id of the record that it is the same as: the one that has the keys first."""
        found: dict[UUID, UUID] = {}
        for other, same in self._others():
            rows = await session.execute(other.add_columns(self.key).where(same, self.key.in_(keys)))
            for shown, *_, key in rows:
                found.setdefault(key, shown)
        return found

    def _others(self) -> list[tuple[Select[Any], Any]]:
        """What may be the same as a row, each as a query of the ids that are shown, and when it is."""
        other = aliased(self.model)
        shown = getattr(other, self.shown_by or self.key.key)
        others: list[tuple[Select[Any], Any]] = [
            (select(shown).order_by(other.is_double, shown), are_the_same(self.model, other))
        ]
        if self.model is ConditionSynonym:
            condition = aliased(MedicalCondition)
            is_named_so = (condition.name_key == ConditionSynonym.name_key) & (
                condition.medical_condition_id != ConditionSynonym.medical_condition_id
            )
            others.append((select(condition.medical_condition_id), is_named_so))
        return others


KINDS = (
    Kind(Hospital),
    Kind(Specialization),
    Kind(MedicalCondition),
    Kind(ConditionSynonym, "medical_condition_id"),
    Kind(EapProgram),
    Kind(EapJourney),
)


async def list_doubles(session: AsyncSession, _actor: Actor, *, query: DoubleFilter) -> Found[DoubleRead]:
    """A page of doubles, in the order of their keys."""
    kinds = [kind for kind in KINDS if query.record_type in (None, kind.record_type)]
    (ids, sort), *further = [kind.branch for kind in kinds]
    found = await fetch_keys(session, ids=ids, query=query, sort=sort, further=further)
    shown: dict[UUID, DoubleRead] = {}
    for kind in kinds if found.rows else ():
        rows = (await session.scalars(select(kind.model).where(kind.key.in_(found.rows)))).all()
        if not rows:
            continue
        same_as = await kind.same_as(session, [getattr(row, kind.key.key) for row in rows])
        people = await _people(session, rows) if kind.model is EapJourney else {}
        for row in rows:
            key = getattr(row, kind.key.key)
            shown[key] = DoubleRead(
                record_type=kind.record_type,
                record_id=getattr(row, kind.shown_by or kind.key.key),
                same_as_id=same_as[key],
                name=getattr(row, "name", None),
                city=getattr(row, "city", None),
                person_id=people.get(key),
            )
    return replace(found, rows=[shown[key] for key in found.rows if key in shown])


async def _people(session: AsyncSession, journeys: Any) -> dict[UUID, UUID]:
    """Whose journeys these are, by the journey."""
    wanted = (
        select(EapJourney.eap_journey_id, Patient.person_id)
        .join(Patient, Patient.patient_id == EapJourney.patient_id)
        .where(EapJourney.eap_journey_id.in_([journey.eap_journey_id for journey in journeys]))
    )
    return {row.eap_journey_id: row.person_id for row in await session.execute(wanted)}
