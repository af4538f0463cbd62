"""A journey of a patient is begun: into a trial, or to a product of a programme; as the API opens one."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.journeys import service
from app.journeys.eap.kind import EAP
from app.journeys.eap.schemas import EapJourneyCreate
from app.journeys.kind import Kind
from app.journeys.schemas import JourneyCreate
from app.journeys.trial.kind import TRIAL
from app.journeys.trial.schemas import TrialJourneyByNumber, TrialJourneyIntoTrial
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, NotFound
from app.platform.locales import _
from app.web.about import PATIENTS
from app.web.forms import read_form
from app.web.page_guard import allow, form_again, go_to, known_errors, page_router
from app.web.pickers import Picked
from app.web.render import Flash, page
from app.web.things import Field, TypedInto, texts_of, typed_into

router = page_router()

_NOTES = Field("notes", _("Notes"), "text")
FIELDS: Mapping[str, Sequence[Field]] = {
    TRIAL.name: (
        Field("clinical_trial_id", _("Trial"), "picker", picker="trials"),
        Field(
            "trial_id",
            _("Number of a trial that is not listed"),
            hint=_("As its registry writes it, such as NCT01234567. The trial is added."),
        ),
        _NOTES,
    ),
    EAP.name: (
        Field("eap_number", _("Number of the request"), required=True),
        Field("eap_program_id", _("Programme"), "picker", picker="programmes"),
        Field("product", _("Product"), hint=_("Where it is not that of the programme.")),
        _NOTES,
    ),
}
BEGINS: Mapping[str, str] = {TRIAL.name: _("Begin a CT journey"), EAP.name: _("Begin an EAP journey")}
"""What its button says, by the kind."""


def ways_to_begin(here: str) -> list[tuple[str, str]]:
    """The buttons on the page of a patient: (address, what it says)."""
    return [(f"{here}{kind.path}/new", str(BEGINS[kind.name])) for kind in (TRIAL, EAP)]


def _body(kind: Kind, given: Mapping[str, Any]) -> tuple[type[JourneyCreate], list[FieldError]]:
    """The API's model for what was typed, and what is wrong with that."""
    if kind is EAP:
        return EapJourneyCreate, []
    if given.get("clinical_trial_id"):
        return TrialJourneyIntoTrial, []
    if given.get("trial_id"):
        return TrialJourneyByNumber, []
    said = _("Choose a trial, or write the number of one that is not listed.")
    return TrialJourneyByNumber, [FieldError("clinical_trial_id", "unnamed", said)]


async def _context(
    session: AsyncSession, actor: Actor, kind: Kind, patient_id: UUID, typed: TypedInto
) -> dict[str, Any]:
    shown = await PATIENTS.context(session, actor, patient_id)
    return {
        **shown,
        "title": BEGINS[kind.name],
        "action": f"{shown['here']}{kind.path}/new",
        "fields": FIELDS[kind.name],
        "typed": typed,
    }


def _add(kind: Kind) -> None:
    name = kind.name

    @router.get(
        f"/patients/{{patient_id}}{kind.path}/new", name=f"show_new_{name}", dependencies=[allow("journey.write")]
    )
    async def show_new(request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID) -> Response:
        typed: TypedInto = {field.name: Picked() if field.picker else "" for field in FIELDS[name]}
        return page(request, "patients/new_journey.html", await _context(session, actor, kind, patient_id, typed))

    @router.post(
        f"/patients/{{patient_id}}{kind.path}/new", name=f"begin_{name}", dependencies=[allow("journey.write")]
    )
    async def begin(request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID) -> Response:
        typed, wrong = await typed_into(request, session, actor, FIELDS[name])
        context = await _context(session, actor, kind, patient_id, typed)
        given = {field: value for field, value in texts_of(typed).items() if value}
        model, lacking = _body(kind, given)
        if model is TrialJourneyIntoTrial:
            given.pop("trial_id", None)
        told = {error.field for error in wrong}
        wrong = [*wrong, *(error for error in lacking if error.field not in told)]
        try:
            new = read_form(model, {**given, "patient_id": str(patient_id)}, wrong=wrong)
            async with known_errors(request, session):
                await service.open_journey(session, actor, kind=kind, new=new)
        except NotFound:
            raise
        except AppError as error:
            return form_again(request, "patients/new_journey.html", context, error)
        return go_to(request, f"/patients/{patient_id}", flash=Flash(_("The journey is begun.")))


for _kind in (TRIAL, EAP):
    _add(_kind)
