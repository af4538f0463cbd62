from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.conditions import queries
from app.conditions.models import ConditionCode, ConditionSynonym, MedicalCondition
from app.conditions.schemas import CodeIn, ConditionCreate, ConditionUpdate
from app.conditions.seed import seed_conditions
from app.platform import clock
from app.platform.actor import Actor
from app.platform.etags import etag, require_match


async def add_condition(session: AsyncSession, actor: Actor, *, new: ConditionCreate) -> MedicalCondition:
    """A new condition; ConditionExists or SynonymTaken when a name is used already, whatever its case."""
    condition = MedicalCondition(
        name=new.name,
        abbreviation=new.abbreviation,
        description=new.description,
        updated_by=actor.account_id,
        synonyms=_synonyms(new.synonyms),
        codes=_codes(new.codes),
    )
    session.add(condition)
    await session.flush()
    audit.note(session, record_type="medical_condition", record_id=condition.medical_condition_id)
    return condition


async def change_condition(
    session: AsyncSession,
    actor: Actor,
    *,
    medical_condition_id: UUID,
    change: ConditionUpdate,
    if_match: str | None = None,
) -> MedicalCondition:
    """Change the fields given; Stale when `if_match` names another version."""
    condition = await queries.get_condition(session, actor, medical_condition_id=medical_condition_id, for_update=True)
    require_match(if_match, etag(condition.version))
    given = change.model_fields_set
    for field in given & {"name", "abbreviation", "description", "is_active"}:
        setattr(condition, field, getattr(change, field))
    if "synonyms" in given:
        kept = {synonym.name.lower(): synonym for synonym in condition.synonyms}
        condition.synonyms = [kept.get(s.name.lower(), s) for s in _synonyms(change.synonyms)]
    if "codes" in given:
        old = {(code.system, code.code): code for code in condition.codes}
        condition.codes = [old.get((c.system, c.code), c) for c in _codes(change.codes)]
    if given & {"synonyms", "codes"}:
        condition.touch(clock.now())
    await session.flush()
    audit.note(session, record_type="medical_condition", record_id=medical_condition_id, fields=given)
    return await queries.get_condition(session, actor, medical_condition_id=medical_condition_id)


async def add_curated_conditions(session: AsyncSession, actor: Actor) -> int:
    """Add the curated list (data/conditions.toml); the number added. For a database without conditions."""
    curated = seed_conditions()
    for condition in curated:
        session.add(
            MedicalCondition(
                name=condition.name,
                abbreviation=condition.abbreviation,
                description=condition.description,
                updated_by=actor.account_id,
                synonyms=_synonyms(list(condition.synonyms)),
                codes=[
                    ConditionCode(system=c.system, code=c.code, display=c.display, map_type=c.map_type)
                    for c in condition.codes
                ],
            )
        )
    await session.flush()
    return len(curated)


def _synonyms(names: list[str]) -> list[ConditionSynonym]:
    distinct = {name.lower(): name for name in names}
    return [ConditionSynonym(name=name) for name in sorted(distinct.values())]


def _codes(codes: list[CodeIn]) -> list[ConditionCode]:
    return [
        ConditionCode(system=code.system, code=code.code, display=code.display, map_type=code.map_type)
        for code in sorted(codes, key=lambda code: (code.system, code.code))
    ]
