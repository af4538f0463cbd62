from app.conditions.models import MedicalCondition
from app.conditions.schemas import ConditionRead
from app.platform.answers import answer


def read(condition: MedicalCondition) -> ConditionRead:
    return answer(ConditionRead, condition, synonyms=[synonym.name for synonym in condition.synonyms])
