from app.platform.answers import answer
from app.tasks.models import Task
from app.tasks.schemas import TaskRead
from app.tasks.states import TASK


def read(task: Task) -> TaskRead:
    return answer(TaskRead, task, status_group=TASK.groups[task.status])
