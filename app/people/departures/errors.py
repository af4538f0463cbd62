from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, FieldError, Invalid, NotFound, invalid_field
from app.platform.locales import _


class DepartureNotFound(NotFound):
    code = "departure_not_found"
    detail = _("This person has no such death or withdrawal on record.")


class CameBackNotFound(NotFound):
    code = "came_back_not_found"
    detail = _("There is no such item.")


class PersonDeceased(Conflict):
    code = "person_deceased"
    detail = _("This person has died. Calls with relatives are logged; nothing new is opened or booked.")


class PersonWithdrawn(Conflict):
    code = "person_withdrawn"
    detail = _(
        "This person has withdrawn. A navigator brings them back, with a reason, before something is opened or booked."
    )


class AlreadyDeparted(Conflict):
    code = "already_departed"
    detail = _("This is on record of the person already.")


class AlreadyEnded(Conflict):
    code = "already_ended"
    detail = _("This was undone before, or the person came back.")


class OnlyWithdrawnReturn(Conflict):
    code = "only_withdrawn_return"
    detail = _("Who has died does not come back. A mistake is undone.")


class AlreadyClosed(Conflict):
    code = "already_closed"
    detail = _("This was closed before.")


def of_a_death_missing(*fields: str) -> Invalid:
    messages = {
        "date_of_death": "A death has a date.",
        "death_source": "A death has a source: who told us, or what says so.",
        "departed_on": "A death has a date.",
        "source": "A death has a source: who told us, or what says so.",
    }
    return Invalid(fields=[FieldError(name, "missing", messages[name]) for name in fields])


def withdrawal_needs_reason() -> Invalid:
    return invalid_field("reason", "reason_needed", "Say how the person withdrew.")


CONSTRAINTS: ConstraintErrors = {"uq_person_departure_current": AlreadyDeparted}
