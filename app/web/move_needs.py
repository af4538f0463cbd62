"""What a move of a journey still needs, in words, with the way to where it is put in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.events.moves import Finding
from app.journeys.rules import ACTIVE, ALIVE, OF_THE_PATIENT, PRESENT
from app.platform.locales import _, ngettext
from app.web.words import words


@dataclass(frozen=True)
class Need:
    """
    A move condition that is not known to be met. `blocks` when it is known not to be: the move is refused until then.
    `href` is where it is put in, `does` what is done there. `bars` where it blocks for what happened to the patient:
    nothing is missing.
    """

    blocks: bool
    says: str
    does: str = ""
    href: str = ""
    bars: bool = False


Said = tuple[str, str, str]
"""What a need says, what is done about it, and where; the last two are empty where it is not put in here."""


def _consent(_shown: Any, here: str, *, is_known: bool) -> Said:  # noqa: ARG001 - never known yet
    said = _("Consent to share their data with the site is not checked here: make sure that it is there.")
    return said, _("Add the document"), f"{here}/documents/new"


def _review(_shown: Any, here: str, *, is_known: bool) -> Said:  # noqa: ARG001 - never known yet
    said = _("The medical review is not checked here: make sure that it is done.")
    return said, _("Add the document"), f"{here}/documents/new"


def _physician(_shown: Any, here: str, *, is_known: bool) -> Said:  # noqa: ARG001 - always known
    return _("No physician is linked to the patient now."), _("Link a physician"), f"{here}/physicians/new"


def _recruiting(shown: Any, _here: str, *, is_known: bool) -> Said:
    trial = shown.journey.clinical_trial
    if trial is None:
        return _("The journey names no trial, so whether it recruits is not checked."), "", ""
    place = f"/trials/{trial.clinical_trial_id}"
    if is_known:
        said = _("The trial does not recruit: it is %(status)s.", status=words(trial.status).lower())
        return said, _("Open the trial"), place
    return _("Nobody has entered yet whether the trial recruits: make sure that it does."), _("Open the trial"), place


def _gates(shown: Any, here: str, *, is_known: bool) -> Said:
    said = _("No approval is recorded, so none is checked: make sure that they are there.")
    if is_known:
        missing = [one.told for one in shown.approvals if one.holds_up]
        said = ngettext(
            "This approval holds it up: %(approvals)s.",
            "These approvals hold it up: %(approvals)s.",
            len(missing),
            approvals=", ".join(missing),
        )
    return said, _("See the approvals"), f"{here}/eap-journeys/{shown.journey_id}/approvals"


def _treated(_shown: Any, _here: str, *, is_known: bool) -> Said:  # noqa: ARG001 - always known
    return _("The patient never had the product, so there is nothing to report."), "", ""


def _alive(_shown: Any, _here: str, *, is_known: bool) -> Said:
    if is_known:
        return _("The patient has died, so this does not go on."), "", ""
    return _("The patient has died: say when it happened, a moment before that."), "", ""


def _present(_shown: Any, here: str, *, is_known: bool) -> Said:  # noqa: ARG001 - always known
    said = _("The patient has withdrawn, so nothing is opened again.")
    return said, _("Bring the patient back"), f"{here}/status?to=active"


def _active(_shown: Any, here: str, *, is_known: bool) -> Said:  # noqa: ARG001 - always known
    said = _("The patient is inactive, so nothing is opened.")
    return said, _("Set the patient active"), f"{here}/status?to=active"


SAYS: Mapping[str, Callable[..., Said]] = {
    "share_consent": _consent,
    "linked_physician": _physician,
    "medical_review": _review,
    "trial_recruiting": _recruiting,
    "gates_approved": _gates,
    "was_treated": _treated,
    ALIVE: _alive,
    PRESENT: _present,
    ACTIVE: _active,
}
"""By the name of each move condition of the journeys, and of what a move needs of the patient."""


def need_of(name: str, found: str, shown: Any, here: str) -> Need | None:
    """What is lacking where a condition was found so of a shown journey; None where it is met."""
    if found == Finding.MET:
        return None
    blocks = found == Finding.NOT_MET
    return Need(blocks, *SAYS[name](shown, here, is_known=blocks), bars=blocks and name in OF_THE_PATIENT)
