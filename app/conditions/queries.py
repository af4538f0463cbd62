from collections.abc import Collection, Iterable
from contextlib import suppress
from uuid import UUID

from sqlalchemy import func, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from app.access.policy import is_from_outside
from app.conditions.errors import ConditionNotFound, condition_inactive, condition_unknown
from app.conditions.models import CONDITION_NAMES, SYNONYM_NAMES, ConditionSynonym, MedicalCondition
from app.conditions.schemas import ConditionFilter
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page, sorted_by
from app.platform.search import has_words

LOADED = (selectinload(MedicalCondition.synonyms), selectinload(MedicalCondition.codes))


async def get_condition(
    session: AsyncSession, _actor: Actor, *, medical_condition_id: UUID, for_update: bool = False
) -> MedicalCondition:
    """The condition with its synonyms and codes, inactive ones too; ConditionNotFound."""
    query = select(MedicalCondition).where(MedicalCondition.medical_condition_id == medical_condition_id)
    if for_update:
        query = query.with_for_update(of=MedicalCondition)
    found = (await session.scalars(query.options(*LOADED).execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise ConditionNotFound
    return found


async def require_current(session: AsyncSession, actor: Actor, *, medical_condition_id: UUID) -> None:
    """
    Invalid for a condition that a new record cannot name: an unknown one, and for a colleague an inactive one.

    What somebody sends in is not lost because their form is older than our list.
    """
    is_active = await session.scalar(
        select(MedicalCondition.is_active).where(MedicalCondition.medical_condition_id == medical_condition_id)
    )
    if is_active is None:
        raise condition_unknown()
    if not is_active and not is_from_outside(actor.roles):
        raise condition_inactive()


async def find_by_words(
    session: AsyncSession, keys: Collection[str], *, but: UUID | None
) -> dict[str, MedicalCondition]:
    """The conditions that have one of these keys (`key_of_name`), as their name or a synonym; `but` is left out."""
    found: dict[str, MedicalCondition] = {}
    of_synonym = select(MedicalCondition, ConditionSynonym.name_key).join(ConditionSynonym)
    for query, key in (
        (of_synonym, ConditionSynonym.name_key),
        (select(MedicalCondition, MedicalCondition.name_key), MedicalCondition.name_key),
    ):
        wanted = query.where(key.in_(keys), MedicalCondition.medical_condition_id.is_distinct_from(but))
        found |= {row[1]: row[0] for row in await session.execute(wanted)}
    return found


async def list_conditions(session: AsyncSession, _actor: Actor, *, query: ConditionFilter) -> Found[MedicalCondition]:
    """A page of conditions by name."""
    by_name = func.lower(MedicalCondition.name)
    ids = select(MedicalCondition.medical_condition_id, by_name, MedicalCondition.medical_condition_id)
    if query.is_active is not None:
        ids = ids.where(MedicalCondition.is_active.is_(query.is_active == "true"))
    if query.q is not None:
        found = union(
            select(MedicalCondition.medical_condition_id).where(has_words(CONDITION_NAMES, query.q)).correlate(None),
            select(ConditionSynonym.medical_condition_id).where(has_words(SYNONYM_NAMES, query.q)),
        )
        ids = ids.where(MedicalCondition.medical_condition_id.in_(found))

    sort = SortKey((by_name, MedicalCondition.medical_condition_id), (str, UUID), ascending=True)
    order = sorted_by(query.sort, sort, name=sort)
    return await fetch_page(session, ids=ids, query=query, sort=order, rows=select(MedicalCondition).options(*LOADED))


async def condition_names(session: AsyncSession, ids: Iterable[str]) -> dict[str, str]:
    """The names of these conditions by their ids; what is no id has none."""
    wanted = set()
    for one in ids:
        with suppress(ValueError):
            wanted.add(UUID(one))
    if not wanted:
        return {}
    found = await session.execute(
        select(MedicalCondition.medical_condition_id, MedicalCondition.name).where(
            MedicalCondition.medical_condition_id.in_(wanted)
        )
    )
    return {str(row.medical_condition_id): row.name for row in found}
