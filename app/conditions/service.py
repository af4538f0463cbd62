from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.conditions import queries
from app.conditions.errors import ConditionExists, SynonymTaken
from app.conditions.models import ConditionCode, ConditionSynonym, MedicalCondition
from app.conditions.schemas import CodeIn, ConditionCreate, ConditionUpdate
from app.conditions.seed import seed_conditions
from app.platform import clock
from app.platform.actor import Actor
from app.platform.doubles import key_of_name, lock_things, shown_to
from app.platform.etags import etag, require_match
from app.platform.stored_fields import StoredFields

_CHILDREN = {"synonyms": "rows of their own", "codes": "rows of their own"}
_NEW = StoredFields(MedicalCondition, ConditionCreate, special=_CHILDREN)
_CHANGED = StoredFields(MedicalCondition, ConditionUpdate, special=_CHILDREN)
_CODE = StoredFields(ConditionCode, CodeIn)


async def add_condition(session: AsyncSession, actor: Actor, *, new: ConditionCreate) -> MedicalCondition:
    """A new condition; ConditionExists or SynonymTaken when a word for it means another one, in whatever writing."""
    await _require_free(session, actor, name=new.name, synonyms=new.synonyms)
    condition = _condition(actor, new)
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
    """Change the fields given; Stale when `if_match` names another version; ConditionExists, SynonymTaken."""
    condition = await queries.get_condition(session, actor, medical_condition_id=medical_condition_id, for_update=True)
    require_match(if_match, etag(condition.version))
    given = change.model_fields_set
    await _require_free(
        session,
        actor,
        name=change.name if "name" in given else None,
        synonyms=change.synonyms if "synonyms" in given else (),
        of=condition,
    )
    _CHANGED.set_given(condition, change)
    if "synonyms" in given:
        condition.synonyms = _synonyms(change.synonyms, known=condition.synonyms)
    if "codes" in given:
        condition.codes = _codes(change.codes, known=condition.codes)
    if given & {"synonyms", "codes"}:
        condition.touch(clock.now())
    await session.flush()
    audit.note(session, record_type="medical_condition", record_id=medical_condition_id, fields=given)
    return await queries.get_condition(session, actor, medical_condition_id=medical_condition_id)


async def add_curated_conditions(session: AsyncSession, actor: Actor) -> int:
    """Add the curated list (data/conditions.toml); the number added. For a database without conditions."""
    curated = seed_conditions()
    session.add_all(_condition(actor, ConditionCreate.model_validate(asdict(condition))) for condition in curated)
    await session.flush()
    return len(curated)


async def _require_free(
    session: AsyncSession,
    actor: Actor,
    *,
    name: str | None,
    synonyms: Sequence[str],
    of: MedicalCondition | None = None,
) -> None:
    """ConditionExists, SynonymTaken for words that are new to the condition `of` and mean another one."""
    known = set() if of is None else {of.name_key, *(synonym.name_key for synonym in of.synonyms)}
    asked: dict[str, type[ConditionExists | SynonymTaken]] = {key_of_name(word): SynonymTaken for word in synonyms}
    if name is not None:
        asked[key_of_name(name)] = ConditionExists
    new = asked.keys() - known
    await lock_things(session, MedicalCondition, sorted(new))
    but = None if of is None else of.medical_condition_id
    found = await queries.find_by_words(session, new, but=but) if new else {}
    for key, refusal in reversed(asked.items()):
        if key in found:
            fields = ("medical_condition_id", "name", "abbreviation", "is_active")
            raise refusal(shown_to(actor, "condition.read", found[key], *fields))


def _condition(actor: Actor, new: ConditionCreate) -> MedicalCondition:
    return MedicalCondition(
        **_NEW.values(new),
        updated_by=actor.account_id,
        synonyms=_synonyms(new.synonyms),
        codes=_codes(new.codes),
    )


def _synonyms(names: Sequence[str], *, known: Sequence[ConditionSynonym] = ()) -> list[ConditionSynonym]:
    """A row for each distinct name; one that is known, in whatever writing, keeps its row."""
    old = {synonym.name_key: synonym for synonym in known}
    rows = []
    for key, name in sorted({key_of_name(name): name for name in names}.items()):
        row = old.get(key, ConditionSynonym())
        row.name = name
        rows.append(row)
    return rows


def _codes(codes: Sequence[CodeIn], *, known: Sequence[ConditionCode] = ()) -> list[ConditionCode]:
    """A row for each code; one that is known keeps its row and takes what is said of it now."""
    old = {(code.system, code.code): code for code in known}
    rows = []
    for code in sorted(codes, key=lambda code: (code.system, code.code)):
        # Taken out, so that a code given twice is two rows, which the database refuses.
        row = old.pop((code.system, code.code), ConditionCode())
        _CODE.set_all(row, code)
        rows.append(row)
    return rows
