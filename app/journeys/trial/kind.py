"""The journey into a clinical trial."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.events.moves import Condition, Finding, Move, Moves, not_known_yet
from app.journeys.errors import refused_move
from app.journeys.kind import Kind
from app.journeys.queries import with_current_physician
from app.journeys.trial import service
from app.journeys.trial.errors import OF_JOURNEYS, TrialIsFixed, TrialJourneyNotFound
from app.journeys.trial.models import ClinicalTrialJourney
from app.journeys.trial.schemas import (
    TrialJourneyByNumber,
    TrialJourneyCreate,
    TrialJourneyFilter,
    TrialJourneyIntoTrial,
    TrialJourneyRead,
    TrialJourneyUpdate,
    TrialSummary,
    TrialTransition,
)
from app.journeys.trial.states import TRIAL_JOURNEY, date_meant, reasons_of
from app.platform.actor import Actor

_BY_NUMBER = {"trial_id": "finds the trial or adds it", "trial_name": "the title of a trial that is added"}


async def linked_physician(
    session: AsyncSession, journeys: Sequence[ClinicalTrialJourney], move: Move
) -> list[Finding]:
    """The journey names a physician, or one is linked to the patient on that day."""
    patient_ids = {journey.patient_id for journey in journeys if journey.physician_id is None}
    linked = await with_current_physician(session, patient_ids=patient_ids, day=move.checked_on)
    return [Finding.of(journey.physician_id is not None or journey.patient_id in linked) for journey in journeys]


async def trial_recruiting(
    _session: AsyncSession, journeys: Sequence[ClinicalTrialJourney], _move: Move
) -> list[Finding]:
    """The trial is recruiting, as far as its registry was asked."""
    trials = [journey.clinical_trial for journey in journeys]
    return [
        Finding.of(None if trial is None or trial.status == "unverified" else trial.status == "recruiting")
        for trial in trials
    ]


async def _trial_by_number(session: AsyncSession, actor: Actor, new: Any) -> Mapping[str, Any]:
    if not isinstance(new, TrialJourneyByNumber):
        return {}
    trial = await service.find_or_add_trial(session, actor, number=new.trial_id, title=new.trial_name)
    return {"clinical_trial_id": trial.clinical_trial_id}


def _trial_is_fixed(journey: ClinicalTrialJourney, change: TrialJourneyUpdate) -> None:
    given = "clinical_trial_id" in change.model_fields_set
    if given and journey.clinical_trial_id not in {None, change.clinical_trial_id}:
        raise TrialIsFixed


def _fill_date(journey: ClinicalTrialJourney, move: Move) -> None:
    dates = {
        "referral_date": journey.referral_date,
        "enrollment_date": journey.enrollment_date,
        "completion_date": journey.completion_date,
    }
    meant = date_meant(move.to, move.happened_at.date(), dates)
    if meant is not None:
        setattr(journey, *meant)


def _of_the_trial(journey: ClinicalTrialJourney) -> Mapping[str, Any]:
    trial = journey.clinical_trial
    return {
        "trial_id": trial.trial_id if trial else None,
        "trial_name": trial.title if trial else None,
        "clinical_trial": TrialSummary.model_validate(trial) if trial else None,
    }


TRIAL = Kind(
    model=ClinicalTrialJourney,
    moves=Moves(
        TRIAL_JOURNEY,
        conditions={
            "referred": (
                Condition("share_consent", not_known_yet),
                Condition("linked_physician", linked_physician),
                Condition("medical_review", not_known_yet),
                Condition("trial_recruiting", trial_recruiting),
            )
        },
        codes_of=reasons_of,
        refusal=refused_move,
        after_death=frozenset({"deceased", "trial_closed", "entered_in_error"}),
    ),
    leads_to=ClinicalTrialJourney.clinical_trial,
    create=TrialJourneyCreate,
    bodies=(TrialJourneyByNumber, TrialJourneyIntoTrial),
    when_departed={
        "deceased": {state: "deceased" for state in TRIAL_JOURNEY.states if TRIAL_JOURNEY.is_open(state)},
        # From the consent on, whether somebody leaves the trial is between them and the site.
        "withdrawn": {
            "identified": "not_pursued",
            "pre_screening": "not_pursued",
            "pre_screen_passed": "not_pursued",
            "patient_considering": "declined_by_patient",
            "referral_ready": "declined_by_patient",
            "referred": "referral_withdrawn",
            "site_review": "referral_withdrawn",
            "site_accepted": "declined_by_patient",
            "screening_scheduled": "declined_by_patient",
        },
    },
    update=TrialJourneyUpdate,
    transition=TrialTransition,
    filter=TrialJourneyFilter,
    read=TrialJourneyRead,
    not_found=TrialJourneyNotFound,
    tag="clinical-trial journeys",
    about_opening="Open a journey of a patient into a trial, named by its registry number or by clinical_trial_id.",
    special=_BY_NUMBER,
    further_columns=_trial_by_number,
    further_answers=_of_the_trial,
    check_change=_trial_is_fixed,
    arrive=_fill_date,
    constraints=OF_JOURNEYS,
)
