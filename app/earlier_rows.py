"""
The keys of rows that stood before a revision brought their columns.

A revision adds the columns, empty: folding is the program's, and a table that is rewritten is locked for as long. They
are filled here in batches that each stand when the next begins. What may not be empty is refused afterwards
(`schema.tighten`); until then no process serves (`schema.refuse_other_revision`).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, exists, inspect, or_, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import TextClause

from app.access.accounts.users import make_keys_anew
from app.conditions.models import ConditionSynonym, MedicalCondition
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapJourney, EapProgram
from app.leads.models import PatientLead
from app.people.alike import alike_keys
from app.people.models import Person
from app.people.names import Name
from app.physicians.models import Physician
from app.platform.db import Database
from app.platform.doubles import Keyed, are_the_same, key_of_number

_BATCH: Final = 5_000


@dataclass(frozen=True)
class Fill:
    """
    Columns of a table that earlier rows have empty.

    `keys` are made by `make` of the columns `sources`, and are missing where all of them are empty; `by_default` are
    made by the database.
    """

    model: Any
    sources: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    make: Callable[[Any], Sequence[str | None]] = tuple
    by_default: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        return str(self.model.__tablename__)

    @property
    def key(self) -> str:
        return str(inspect(self.model).primary_key[0].name)


def _of_things(model: type[Keyed], *sources: str) -> Fill:
    return Fill(model, sources, tuple(model.keys), lambda row: [make(row) for make in model.keys.values()])


FILLS: Final = (
    Fill(
        Person,
        ("first_name", "last_name"),
        ("family_key", "given_key"),
        lambda row: alike_keys(Name(row.first_name, row.last_name)),
        by_default=("reference",),
    ),
    Fill(PatientLead, by_default=("reference",)),
    _of_things(Hospital, "name", "city"),
    _of_things(Specialization, "name"),
    _of_things(MedicalCondition, "name"),
    _of_things(ConditionSynonym, "name"),
    _of_things(EapProgram, "name"),
    _of_things(EapJourney, "eap_program_id", "product", "eap_number"),
    Fill(
        Physician,
        ("medical_license_number",),
        ("licence_key",),
        lambda row: [key_of_number(row.medical_license_number) or None],
    ),
)


async def fill(database: Database) -> int:
    """
    Make the keys that are missing; how many rows got some.

    Each batch is committed: a call that is killed loses one, and the next goes on where it stopped.
    """
    made = 0
    async with database.unit_of_work() as session:
        await make_keys_anew(session)
    for one in FILLS:
        made += await _walk(database, one, _fill_batch)
    for one in FILLS:
        if issubclass(one.model, Keyed):
            # A double is told when every row has its keys.
            await _walk(database, one, _unmark_batch)
    return made


async def _walk(database: Database, one: Fill, work: Callable[[AsyncSession, Fill, UUID, UUID], Awaitable[int]]) -> int:
    """Do this work on the rows from each key, exclusive, to the next; how many rows it was done on."""
    done, last, end = 0, UUID(int=0), UUID(int=2**128 - 1)
    place = text(f"SELECT {one.key} FROM {one.table} WHERE {one.key} > :last ORDER BY {one.key} OFFSET :rows LIMIT 1")
    while last < end:
        async with database.unit_of_work() as session:
            await session.execute(_AS_LONG_AS_IT_TAKES)
            await session.execute(_NO_VERSION)
            upto = await session.scalar(place, {"last": last, "rows": _BATCH - 1}) or end
            done += await work(session, one, last, upto)
        last = upto
    return done


async def _fill_batch(session: AsyncSession, one: Fill, last: UUID, upto: UUID) -> int:
    _model, batch = one.model, {"last": last, "upto": upto}
    inside = f"{one.key} > :last AND {one.key} <= :upto"
    filled: set[UUID] = set()
    if one.keys:
        missing = " AND ".join(f"{column} IS NULL" for column in one.keys)
        # Nobody changes what the keys are made from while they are.
        query = text(
            f"SELECT {one.key} AS id, {', '.join(one.sources)} FROM {one.table}"
            f" WHERE {inside} AND {missing} ORDER BY {one.key} FOR NO KEY UPDATE"
        )
        rows = [(row.id, one.make(row)) for row in await session.execute(query, batch)]
        rows = [(key, made) for key, made in rows if any(value is not None for value in made)]
        values: dict[str, Any] = {"ids": [key for key, _ in rows]}
        values |= {name: [made[place] for _, made in rows] for place, name in enumerate(one.keys)}
        if rows:
            await session.execute(_written(one), values)
        filled |= {key for key, _ in rows}
    for column in one.by_default:
        query = text(
            f"UPDATE {one.table} SET {column} = DEFAULT WHERE {inside} AND {column} IS NULL RETURNING {one.key}"
        )
        filled |= set(await session.scalars(query, batch))
    return len(filled)


def _written(one: Fill) -> TextClause:
    columns = ", ".join(one.keys)
    return text(
        f"UPDATE {one.table} AS t SET {', '.join(f'{column} = made.{column}' for column in one.keys)}"
        f" FROM unnest(:ids, {', '.join(f':{column}' for column in one.keys)}) AS made (id, {columns})"
        f" WHERE t.{one.key} = made.id"
    ).bindparams(bindparam("ids", type_=ARRAY(Uuid())), *(bindparam(name, type_=ARRAY(Text())) for name in one.keys))


async def _unmark_batch(session: AsyncSession, one: Fill, last: UUID, upto: UUID) -> int:
    """
    Let the rows have their keys that stand beside no other one of them: of several the older, as if each had just come.

    A synonym is the double of a condition of that name too.
    """
    model, other = one.model, aliased(one.model)
    key, of_other = getattr(model, one.key), getattr(other, one.key)
    is_older = tuple_(other.created_at, of_other) < tuple_(model.created_at, key)
    reasons = [exists().where(are_the_same(model, other), or_(~other.is_double, is_older))]
    if model is ConditionSynonym:
        is_named_so = MedicalCondition.name_key == ConditionSynonym.name_key
        of_another = MedicalCondition.medical_condition_id != ConditionSynonym.medical_condition_id
        reasons.append(exists().where(is_named_so, of_another))
    has_keys = [getattr(model, column).is_not(None) for column in one.keys]
    unmarked = (
        update(model)
        .where(key > last, key <= upto, model.is_double, *has_keys, ~or_(*reasons))
        .values(is_double=False)
        .execution_options(synchronize_session=False)
        .returning(key)
    )
    return len((await session.scalars(unmarked)).all())


_AS_LONG_AS_IT_TAKES = text("SET LOCAL statement_timeout = 0")
_NO_VERSION = text("SET LOCAL crm.fills_keys = 'on'")
