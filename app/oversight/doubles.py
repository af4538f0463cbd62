"""Records that stand beside another one of the same keys: a data steward reads them here and mends them."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, inspect, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.conditions.models import ConditionSynonym, MedicalCondition
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapJourney, EapProgram
from app.oversight.schemas import DoubleFilter, DoubleRead, DoubleRecord
from app.patients.models import Patient
from app.people.models import DuplicateCandidate
from app.physicians.models import Physician
from app.physicians.queries import country_of
from app.platform.actor import Actor
from app.platform.doubles import are_the_same
from app.platform.paging import Branch, Found, SortKey, fetch_keys
from app.platform.replica import may_be_old


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
    def _may_be(self) -> ColumnElement[bool]:
        """What an index says of a row that may be a double."""
        found: ColumnElement[bool] = self.model.is_double
        return found

    @property
    def branch(self) -> Branch:
        """The keys of the doubles, as a part of the list; in the order of the keys, which the index has."""
        others = [exists(other.where(same).correlate(self.model)) for other, same in self._others()]
        ids = select(self.key.label("record_id"), self.key.label("place")).where(self._may_be, or_(*others))
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


@dataclass(frozen=True)
class Licences(Kind):
    """
    Physicians with the licence number of an older one, in some writing.

    Licences are national: where the countries are known and differ, it is another licence. A pair that somebody has
    decided about is not listed.
    """

    @property
    def _may_be(self) -> ColumnElement[bool]:
        several = select(Physician.licence_key).group_by(Physician.licence_key).having(func.count() > 1)
        return Physician.licence_key.in_(several)

    def _others(self) -> list[tuple[Select[Any], Any]]:
        other, pair = aliased(Physician), DuplicateCandidate
        own, others = country_of(Physician), country_of(other)
        is_decided = exists().where(
            pair.person_id == func.least(Physician.person_id, other.person_id),
            pair.other_person_id == func.greatest(Physician.person_id, other.person_id),
            pair.decision != "open",
        )
        is_older = tuple_(other.created_at, other.physician_id) < tuple_(Physician.created_at, Physician.physician_id)
        same = and_(
            other.licence_key == Physician.licence_key,
            is_older,
            or_(own.is_(None), others.is_(None), own == others),
            ~is_decided,
        )
        return [(select(other.physician_id).order_by(other.created_at, other.physician_id), same)]


KINDS = (
    Kind(Hospital),
    Kind(Specialization),
    Kind(MedicalCondition),
    Kind(ConditionSynonym, "medical_condition_id"),
    Kind(EapProgram),
    Kind(EapJourney),
    Licences(Physician),
)


@may_be_old
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
        people = await _people(session, kind, [getattr(row, kind.key.key) for row in rows])
        for row in rows:
            key = getattr(row, kind.key.key)
            shown[key] = DoubleRead(
                double_id=key,
                record_type=kind.record_type,
                record_id=getattr(row, kind.shown_by or kind.key.key),
                same_as_id=same_as[key],
                name=getattr(row, "name", None),
                city=getattr(row, "city", None),
                person_id=people.get(key),
            )
    return replace(found, rows=[shown[key] for key in found.rows if key in shown])


async def _people(session: AsyncSession, kind: Kind, keys: list[UUID]) -> dict[UUID, UUID]:
    """Whose journeys these are, or who these physicians are, by the record."""
    if kind.model is EapJourney:
        of_journeys = select(EapJourney.eap_journey_id, Patient.person_id).join(
            Patient, Patient.patient_id == EapJourney.patient_id
        )
        rows = await session.execute(of_journeys.where(EapJourney.eap_journey_id.in_(keys)))
    elif kind.model is Physician:
        of_physicians = select(Physician.physician_id, Physician.person_id)
        rows = await session.execute(of_physicians.where(Physician.physician_id.in_(keys)))
    else:
        return {}
    return {row[0]: row[1] for row in rows}
