from app.patients.models import Patient
from app.patients.schemas import PatientRead, status_group
from app.platform.answers import answer
from app.platform.etags import etag


def read(patient: Patient) -> PatientRead:
    return answer(PatientRead, patient, status_group=status_group(patient.status))


def tag(patient: Patient) -> str:
    """Covers all that the answer shows and PUT changes."""
    return etag(patient.version, patient.person.version)
