"""What a view of each list may hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from app.calls.schemas import CallFilter
from app.conditions.schemas import ConditionFilter
from app.documents.schemas import DocumentFilter
from app.exports.schemas import ExportRequestFilter
from app.hospitals.schemas import HospitalFilter, SpecializationFilter
from app.journeys.eap.schemas import ProgrammeFilter
from app.journeys.trial.schemas import TrialFilter
from app.leads.schemas import LeadFilter
from app.oversight.schemas import DoubleFilter, StandingFaultFilter
from app.patients.schemas import PatientFilter
from app.people.schemas import DuplicateCandidateFilter, SuggestedChangeFilter
from app.physicians.schemas import PhysicianFilter
from app.platform.errors import FieldError
from app.platform.paging import PageQuery
from app.platform.problems import invalid_fields
from app.tasks.schemas import TaskFilter

NOT_KEPT = frozenset(
    {
        *PageQuery.model_fields,
        "sort",
        # What somebody typed.
        *("q", "medical_license_number"),
        # One human, and not a kind of row.
        *("person_id", "patient_id", "lead_id", "call_id", "ct_journey_id", "eap_journey_id"),
    }
)
"""The fields of a question that no view holds among its filters."""


@dataclass(frozen=True)
class ViewedList:
    """Who may read a list, and what it can be asked."""

    permission: str
    question: type[PageQuery]

    @property
    def kept(self) -> frozenset[str]:
        """The filters that a view may hold."""
        return frozenset(self.question.model_fields) - NOT_KEPT


LISTS: Final[Mapping[str, ViewedList]] = {
    "leads": ViewedList("lead.read", LeadFilter),
    "patients": ViewedList("patient.read", PatientFilter),
    "calls": ViewedList("call.read", CallFilter),
    "tasks": ViewedList("task.read", TaskFilter),
    "suggestions": ViewedList("suggestion.read", SuggestedChangeFilter),
    "physicians": ViewedList("physician.read", PhysicianFilter),
    "hospitals": ViewedList("hospital.read", HospitalFilter),
    "specializations": ViewedList("specialization.read", SpecializationFilter),
    "trials": ViewedList("trial.read", TrialFilter),
    "programmes": ViewedList("programme.read", ProgrammeFilter),
    "conditions": ViewedList("condition.read", ConditionFilter),
    "standing-faults": ViewedList("fault.read", StandingFaultFilter),
    "doubles": ViewedList("fault.read", DoubleFilter),
    "documents": ViewedList("document.read", DocumentFilter),
    "duplicates": ViewedList("suggestion.read", DuplicateCandidateFilter),
    "exports": ViewedList("export.read", ExportRequestFilter),
}


def faults_of(list_name: str, filters: Mapping[str, str], sort: str | None) -> list[FieldError]:
    """
    What is wrong with the settings of a view of this list.

    Forbidden for filters by what the actor sees masked: such a question cannot be made.
    """
    viewed = LISTS[list_name]
    message = "A view holds filters by codes and ids of this list, and nothing that is typed or about one person."
    faults = [FieldError("filters", "not_kept", message)] if filters.keys() - viewed.kept else []
    if sort is not None and "sort" not in viewed.question.model_fields:
        faults.append(FieldError("sort", "not_sorted", "This list has one order."))
    if faults:
        return faults
    try:
        viewed.question.model_validate({**filters, **({} if sort is None else {"sort": sort})})
    except ValidationError as error:
        return [
            FieldError("sort" if fault.field == "sort" else "filters", fault.code, fault.message)
            for fault in invalid_fields(error.errors())
        ]
    return []
