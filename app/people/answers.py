from app.people.models import PersonContactType
from app.people.schemas import RoleRead
from app.platform import clock
from app.platform.answers import answer
from app.platform.periods import holds


def read_role(role: PersonContactType) -> RoleRead:
    return answer(RoleRead, role, is_active=holds(role.valid_from, role.valid_to, at=clock.now()))
