from collections.abc import Mapping, Sequence
from uuid import UUID

from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, FieldError, Invalid, NotFound
from app.platform.locales import _


class CallNotFound(NotFound):
    code = "call_not_found"
    detail = _("There is no such call.")


class LeadOfCallNotFound(NotFound):
    code = "lead_not_found"
    detail = _("There is no such lead.")


class AlreadyRescheduled(Conflict):
    code = "already_rescheduled"
    detail = _("This call has been booked anew already.")


class BookingsOverlap(Conflict):
    """`overlaps` in the answer names each call with whom it overlaps: the person, the navigator or both."""

    code = "bookings_overlap"
    detail = _(
        "This booking overlaps another one of the person or the navigator. To book all the same, send it again with "
        '"allow_overlap": true.'
    )

    def __init__(self, overlaps: Mapping[UUID, Sequence[str]]) -> None:
        super().__init__(extra={"overlaps": [{"call_id": str(key), "with": who} for key, who in overlaps.items()]})


def takes_no_calls() -> Invalid:
    message = "This person has no account whose role takes calls."
    return Invalid(message, code="takes_no_calls", fields=[FieldError("pn_id", "takes_no_calls", message)])


def unknown_navigator() -> Invalid:
    message = "There is no such person."
    return Invalid(message, code="unknown_reference", fields=[FieldError("pn_id", "unknown_reference", message)])


def unknown_speaker() -> Invalid:
    message = "There is no such person."
    return Invalid(
        message, code="unknown_reference", fields=[FieldError("spoke_with_person_id", "unknown_reference", message)]
    )


def of_another_person() -> Invalid:
    """The patient and the lead of one call are not the same human."""
    message = "The patient and the lead are not the same person."
    return Invalid(message, code="of_another_person", fields=[FieldError("lead_id", "of_another_person", message)])


CONSTRAINTS: ConstraintErrors = {
    "fk_call_history_pn_id": unknown_navigator,
    "fk_call_history_spoke_with_person_id": unknown_speaker,
    "fk_call_history_patient_of_person": of_another_person,
    "fk_call_history_lead_of_person": of_another_person,
}
