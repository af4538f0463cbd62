from collections.abc import Iterable, Mapping

from app.platform.errors import Conflict, FieldError, Invalid, invalid_field


class ReasonNeeded(Invalid):
    """The state is entered with a reason only. `allowed` in the answer lists the codes."""

    code = "reason_needed"
    detail = "This state needs a reason: reason_code, or a reason in words."

    def __init__(self, codes: Iterable[str], message: str = "Send a reason_code of this state's list.") -> None:
        super().__init__(
            fields=[FieldError("reason_code", "reason_needed", message)], extra={"allowed": sorted(set(codes))}
        )


class GuardNotMet(Conflict):
    """The machine has the move, but something it needs is missing. `guards` says of each: met, not_met, not_checked."""

    code = "guard_not_met"
    detail = "Something that this step needs is not there yet."

    def __init__(self, guards: Mapping[str, str]) -> None:
        missing = [name for name, answer in guards.items() if answer == "not_met"]
        super().__init__(extra={"not_met": missing, "guards": dict(guards)})


def reason_not_of_this_state() -> Invalid:
    return invalid_field("reason_code", "reason_not_of_this_state", "This state has other reasons.")


def words_needed() -> Invalid:
    return ReasonNeeded((), "The code `other` needs a reason in words beside it.")


def happened_at_needed() -> Invalid:
    return invalid_field(
        "happened_at", "happened_at_needed", "A journey that starts in a later state says when it came there."
    )


def in_the_future() -> Invalid:
    return invalid_field("happened_at", "in_the_future", "Must not lie in the future.")


def hold_reason_needed() -> Invalid:
    return invalid_field("on_hold_reason", "hold_reason_needed", "A journey on hold says why.")


def only_with_a_move() -> Invalid:
    return invalid_field("status", "only_with_a_move", "A time or a reason of a move comes with another status.")


def patient_unknown() -> Invalid:
    return invalid_field("patient_id", "unknown_reference", "There is no such patient.")


def physician_unknown() -> Invalid:
    return invalid_field("physician_id", "unknown_reference", "There is no such physician.")


def condition_unknown() -> Invalid:
    return invalid_field("medical_condition_id", "unknown_reference", "There is no such medical condition.")


def completed_before_enrolled() -> Invalid:
    return invalid_field("completion_date", "dates_not_in_order", "Must not lie before the enrollment_date.")
