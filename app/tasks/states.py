"""The states of a task. One that was closed by mistake is opened again."""

from app.platform.states import Machine

TASK = Machine(
    name="task",
    initial="open",
    moves={"open": ("done", "cancelled"), "done": ("open",), "cancelled": ("open",)},
    terminal=frozenset({"done", "cancelled"}),
    groups={"open": "open", "done": "closed", "cancelled": "closed"},
)
REPEAT_UNITS = ("day", "week", "month")
