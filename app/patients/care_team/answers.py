from app.patients.care_team.schemas import CareLinkRead
from app.patients.models import PatientPhysicianRelationship
from app.platform.answers import answer


def read(link: PatientPhysicianRelationship) -> CareLinkRead:
    return answer(CareLinkRead, link, is_current=link.end_date is None)
