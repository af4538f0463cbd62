from app.conditions.schemas import ConditionSummary
from app.journeys.kind import Kind
from app.journeys.models import Journey
from app.journeys.schemas import JourneyPatient, JourneyRead
from app.physicians.schemas import PhysicianSummary


def read(kind: Kind, journey: Journey) -> JourneyRead:
    """A journey as its GET answers it; `journey` is loaded with what it names."""
    condition, physician, machine = journey.medical_condition, journey.physician, kind.moves.machine
    columns = {name: getattr(journey, name) for name in kind.read.model_fields if name in kind.model.__table__.c}
    return kind.read(
        **columns,
        patient=JourneyPatient.model_validate(journey.patient),
        physician=PhysicianSummary.model_validate(physician) if physician else None,
        medical_condition=ConditionSummary.model_validate(condition) if condition else None,
        status_group=machine.groups[journey.status],
        allowed_transitions=list(machine.allowed(journey.status)),
        on_hold=journey.on_hold_reason is not None,
        **kind.further_answers(journey),
    )
