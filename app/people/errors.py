from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.people.names import Doubt
from app.people.rules import Reason
from app.people.schemas import CandidateRead
from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, Forbidden, Invalid, NotFound, invalid_field
from app.platform.locales import _


class PersonNotFound(NotFound):
    code = "person_not_found"
    detail = _("There is no such person.")


class RoleNotFound(NotFound):
    code = "role_not_found"
    detail = _("This person has no such role.")


class RelationshipNotFound(NotFound):
    code = "relationship_not_found"
    detail = _("This person has no such relationship.")


class SuggestionNotFound(NotFound):
    code = "suggested_change_not_found"
    detail = _("There is no such suggested change.")


class DuplicateCandidateNotFound(NotFound):
    code = "duplicate_candidate_not_found"
    detail = _("There is no such pair.")


def search_has_an_order() -> Invalid:
    message = "What is searched is ordered by how well it fits: leave out the sort."
    return invalid_field("sort", "search_has_an_order", message)


class SearchNotAllowed(Forbidden):
    detail = _("Your role may read persons, but not search them by name, e-mail, phone or birth date.")


_WHY: Final[Mapping[str, str]] = {
    Reason.NAMES_DIFFERENT: "the names are different",
    Reason.NAMES_DOUBTFUL: "the names are alike, which is not enough",
    Reason.BIRTH_DATES_CONTRADICT: "the birth dates contradict each other",
    Doubt.FAMILY_NAMES: "the family names differ",
    Doubt.ROMANISED: "one of them is romanised",
    Doubt.GENERATION: "one of them is a Jr, Sr, III or the like, and the other is not",
    Doubt.OTHER_SCRIPT: "they are written in two scripts and do not read alike",
    Doubt.GIVEN_NAMES: "the given names differ",
    Doubt.GENERATIONS: "they are of two generations, as Jr and Sr are",
}


class EmailBelongsToSomeoneElse(Conflict):
    """The address is known, its owner is somebody else: `candidate` in the answer says who, to those who may know."""

    code = "email_belongs_to_someone_else"
    detail = _("This e-mail address belongs to someone else.")

    def __init__(self, *, reasons: Sequence[str], candidate: CandidateRead | None) -> None:
        shown = {} if candidate is None else {"candidate": _as_shown(candidate)}
        why = "; ".join(_WHY[reason] for reason in reasons if reason in _WHY)
        super().__init__(
            f"This e-mail address belongs to someone else: {why}. If it is the same human, name them by person_id. "
            'If two people share the address, send the request again with "shared_email": true.',
            extra={"reasons": [str(reason) for reason in reasons], **shown},
        )


class SeveralPeopleFit(Conflict):
    """Two people share the address and both could be the one who is meant; we do not guess."""

    code = "several_people_fit"
    detail = _(
        "Several people share this e-mail address and more than one could be meant. Name the person by person_id."
    )

    def __init__(self, *, candidates: Sequence[CandidateRead]) -> None:
        super().__init__(
            extra={"candidates": [_as_shown(candidate) for candidate in candidates]} if candidates else None,
        )


def _as_shown(candidate: CandidateRead) -> dict[str, Any]:
    return candidate.model_dump(mode="json", include={"person_id", "initials", "birth_year"})


class EmailTaken(Conflict):
    code = "email_taken"
    detail = _("Another person has this e-mail address. A shared address is kept as a contact point.")


class PatientActive(Conflict):
    code = "patient_active"
    detail = _("This person is a patient whom we help. Close or delete the patient record first.")


class PersonInactive(Conflict):
    code = "person_inactive"
    detail = _("This person was set inactive. Set them active before something is booked with them.")


class ContactPointNotFound(NotFound):
    code = "contact_point_not_found"
    detail = _("This person has no such contact point.")


def nothing_replaced() -> Invalid:
    return invalid_field("was", "nothing_replaced", "This change replaces no e-mail and no phone.")


def name_needed() -> Invalid:
    return invalid_field("last_name", "name_needed", "A person has a `first_name`, a `last_name` or both.")


def born_after_events() -> Invalid:
    return invalid_field("date_of_birth", "after_events", "Something on record of this person lies before this day.")


class ContactPointExists(Conflict):
    code = "contact_point_exists"
    detail = _("This person has this contact point already.")


class RelationshipExists(Conflict):
    code = "relationship_exists"
    detail = _("This relationship is on record already for a part of that time. Change that one.")


class MutualRelationship(Conflict):
    code = "mutual_relationship"
    detail = _("The other person has this relationship to this one: nobody is the guardian or parent of their own.")


class RolesOverlap(Conflict):
    code = "roles_overlap"
    detail = _("This person has this role already in a part of that time.")


class AlreadyDecided(Conflict):
    code = "already_decided"
    detail = _("This was decided before, and differently.")


class OurValueChanged(Conflict):
    code = "our_value_changed"
    detail = _("Our value has changed since this was suggested. Look at the record and change it there.")


class ValueNotAllowed(Conflict):
    code = "value_not_allowed"
    detail = _(
        "This value cannot be taken over: the field does not allow it. Correct the record by hand and reject it."
    )


def _relationship_of_oneself() -> Invalid:
    return invalid_field("related_person_id", "not_of_oneself", "A relationship is between two people.")


def _related_person_unknown() -> Invalid:
    return invalid_field("related_person_id", "unknown_reference", "There is no such person.")


def _hospital_unknown() -> Invalid:
    return invalid_field("hospital_id", "unknown_reference", "There is no such hospital.")


def period_not_in_order() -> Invalid:
    return invalid_field("valid_to", "dates_not_in_order", "A role ends after it begins.")


def _dates_not_in_order() -> Invalid:
    return invalid_field("end_date", "dates_not_in_order", "A relationship ends after it begins.")


CONSTRAINTS: ConstraintErrors = {
    "uq_person_email_key": EmailTaken,
    "uq_contact_point_person_id_kind_value_key": ContactPointExists,
    "ex_person_contact_type_no_overlap": RolesOverlap,
    "ck_person_contact_type_period_in_order": period_not_in_order,
    "fk_person_contact_type_hospital_id": _hospital_unknown,
    "ck_person_relationship_not_of_oneself": _relationship_of_oneself,
    "fk_person_relationship_related_person_id": _related_person_unknown,
    "ck_person_relationship_dates_in_order": _dates_not_in_order,
}
