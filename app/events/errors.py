from collections.abc import Mapping
from uuid import UUID

from app.platform.errors import Conflict, FieldError
from app.platform.locales import _


class ConditionNotMet(Conflict):
    """
    The machine has the move, but a move condition is not met. `guards` says of each: met, not_met, not_checked.

    Both are detail of a case: without `findings` it says neither, to whom the case of the person is closed.
    """

    code = "guard_not_met"
    detail = _("Something that this step needs is not there yet.")

    def __init__(self, findings: Mapping[str, str] | None = None, *, about: UUID | None = None) -> None:
        if findings is None:
            super().__init__()
            return
        missing = [name for name, found in findings.items() if found == "not_met"]
        super().__init__(extra={"not_met": missing, "guards": dict(findings)}, about=about)


class NotUndoable(Conflict):
    code = "not_undoable"
    detail = _("This step did more than move the record, and is not taken back in this way.")


def before_last_move() -> FieldError:
    return FieldError(
        "happened_at",
        "before_last_move",
        "Lies before the record's last move, or before it began. A correction says so: is_correction, with a reason.",
    )


def time_of_correction_needed() -> FieldError:
    return FieldError("happened_at", "missing", "A correction says when it happened.")


def reason_needed(field: str) -> FieldError:
    return FieldError(field, "reason_needed", "Say why, by a code of this state's list or in words.")


def words_needed(field: str) -> FieldError:
    return FieldError(field, "reason_needed", "The code `other` needs words.")
