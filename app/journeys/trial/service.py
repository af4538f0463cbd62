from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.journeys.trial import queries
from app.journeys.trial.errors import TrialExists, registry_mismatch, trial_number_not_recognised
from app.journeys.trial.identifiers import read_trial_number
from app.journeys.trial.models import ClinicalTrial
from app.journeys.trial.schemas import (
    TrialCreate,
    TrialUpdate,
)
from app.platform.actor import Actor
from app.platform.doubles import lock_things, shown_to
from app.platform.etags import etag, require_match
from app.platform.stored_fields import StoredFields

_NEW = StoredFields(
    ClinicalTrial,
    TrialCreate,
    special={"trial_id": "kept as its registry writes it", "registry_code": "told by the number"},
)
_CHANGED = StoredFields(ClinicalTrial, TrialUpdate)


async def add_trial(session: AsyncSession, actor: Actor, *, new: TrialCreate) -> ClinicalTrial:
    """A new trial; TrialExists when its number is known in whatever spelling."""
    reference = read_trial_number(new.trial_id)
    if reference is None and new.registry_code != "other":
        raise trial_number_not_recognised()
    if reference is not None and new.registry_code not in {None, reference.registry.value}:
        raise registry_mismatch()
    trial = ClinicalTrial(
        trial_id=reference.number if reference else new.trial_id,
        registry_code=reference.registry.value if reference else "other",
        **_NEW.values(new),
        updated_by=actor.account_id,
    )
    # Two at once follow each other: the second one is shown the first's.
    await lock_things(session, ClinicalTrial, [trial.trial_id])
    known = await queries.find_trial_by_number(session, trial_id=trial.trial_id)
    if known is not None:
        fields = ("clinical_trial_id", "trial_id", "title", "status")
        raise TrialExists(shown_to(actor, "trial.read", known, *fields))
    session.add(trial)
    await session.flush()
    audit.note(session, record_type="clinical_trial", record_id=trial.clinical_trial_id)
    return trial


async def change_trial(
    session: AsyncSession,
    actor: Actor,
    *,
    clinical_trial_id: UUID,
    change: TrialUpdate,
    if_match: str | None = None,
) -> ClinicalTrial:
    """Change the fields given; Stale when `if_match` names another version."""
    trial = await queries.get_trial(session, actor, clinical_trial_id=clinical_trial_id, for_update=True)
    require_match(if_match, etag(trial.version))
    _CHANGED.set_given(trial, change)
    await session.flush()
    audit.note(session, record_type="clinical_trial", record_id=clinical_trial_id, fields=change.model_fields_set)
    return trial


async def find_or_add_trial(
    session: AsyncSession, actor: Actor, *, number: str, title: str | None = None
) -> ClinicalTrial:
    """
    The trial with this registry number in whatever spelling; an unknown one is added as `unverified`.

    A trial that we have keeps its own title. Two who name an unknown number at once get the same trial: the second
    insert waits for the first. Invalid when the text is no registry's number and no trial of ours has it.
    """
    reference = read_trial_number(number)
    if reference is None:
        known = await queries.find_trial_by_number(session, trial_id=number)
        if known is None:
            raise trial_number_not_recognised()
        return known
    await session.execute(
        insert(ClinicalTrial)
        .values(
            trial_id=reference.number,
            registry_code=reference.registry.value,
            title=title,
            status="unverified",
            updated_by=actor.account_id,
        )
        .on_conflict_do_nothing(index_elements=["trial_id"])
    )
    trial = await queries.find_trial_by_number(session, trial_id=reference.number)
    if trial is None:
        raise trial_number_not_recognised()
    return trial
