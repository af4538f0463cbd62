from app.patients.care_team.schemas import CareLinkRead
from app.patients.models import PatientPhysicianRelationship
from app.platform import clock
from app.platform.answers import answer
from app.platform.periods import holds


def read(link: PatientPhysicianRelationship) -> CareLinkRead:
    return answer(CareLinkRead, link, is_current=holds(link.start_date, link.end_date, at=clock.today()))
