from app.patients import answers as patient_answers
from app.patients.care_team.schemas import CareLinkRead, PatientOfPhysicianRead
from app.patients.models import PatientPhysicianRelationship
from app.platform import clock
from app.platform.answers import answer
from app.platform.periods import holds


def read(link: PatientPhysicianRelationship) -> CareLinkRead:
    return answer(CareLinkRead, link, is_current=holds(link.start_date, link.end_date, at=clock.today()))


def read_with_patient(link: PatientPhysicianRelationship) -> PatientOfPhysicianRead:
    """The link of a row that `list_patients_of` gave."""
    return PatientOfPhysicianRead(**dict(read(link)), patient=patient_answers.read(link.patient))
