from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.journeys.trial.errors import TrialNotFound
from app.journeys.trial.identifiers import read_trial_number
from app.journeys.trial.models import TRIAL_NAMES, ClinicalTrial, ClinicalTrialJourney
from app.journeys.trial.schemas import TrialFilter
from app.patients.models import Patient
from app.people.search.queries import register_number
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page, sorted_by
from app.platform.search import has_words


def _read_number(typed: str) -> str | None:
    reference = read_trial_number(typed)
    return None if reference is None else reference.number


register_number(
    _read_number,
    select(Patient.person_id)
    .join(ClinicalTrialJourney, ClinicalTrialJourney.patient_id == Patient.patient_id)
    .join(ClinicalTrial, ClinicalTrial.clinical_trial_id == ClinicalTrialJourney.clinical_trial_id)
    .where(ClinicalTrial.trial_id == bindparam("number", type_=Text)),
    of_case=True,
)


async def get_trial(
    session: AsyncSession, _actor: Actor, *, clinical_trial_id: UUID, for_update: bool = False
) -> ClinicalTrial:
    """The trial; TrialNotFound."""
    query = select(ClinicalTrial).where(ClinicalTrial.clinical_trial_id == clinical_trial_id)
    if for_update:
        query = query.with_for_update()
    found = (await session.scalars(query.execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise TrialNotFound
    return found


async def find_trial_by_number(session: AsyncSession, *, trial_id: str) -> ClinicalTrial | None:
    """The trial with exactly this number, or None."""
    return (await session.scalars(select(ClinicalTrial).where(ClinicalTrial.trial_id == trial_id))).one_or_none()


async def list_trials(session: AsyncSession, _actor: Actor, *, query: TrialFilter) -> Found[ClinicalTrial]:
    """A page of trials, newest first."""
    newest_first = SortKey((ClinicalTrial.created_at, ClinicalTrial.clinical_trial_id), (datetime, UUID))
    by_number = SortKey((ClinicalTrial.trial_id, ClinicalTrial.clinical_trial_id), (str, UUID))
    sort = sorted_by(query.sort, newest_first, created=newest_first, number=by_number)
    ids = select(ClinicalTrial.clinical_trial_id, *sort.columns)
    if query.status is not None:
        ids = ids.where(ClinicalTrial.status == query.status)
    if query.registry_code is not None:
        ids = ids.where(ClinicalTrial.registry_code == query.registry_code)
    if query.created_from is not None:
        ids = ids.where(ClinicalTrial.created_at >= query.created_from)
    if query.q is not None:
        reference = read_trial_number(query.q)
        if reference is not None:
            ids = ids.where(ClinicalTrial.trial_id == reference.number)
        else:
            ids = ids.where(has_words(TRIAL_NAMES, query.q))

    return await fetch_page(session, ids=ids, query=query, sort=sort, rows=select(ClinicalTrial))
