"""Clinical trials and expanded-access programmes: their lists, and the page of one with the journeys into it."""

from collections.abc import Sequence
from typing import Any, get_args

from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import masked_classes_of
from app.journeys import answers as journey_answers
from app.journeys.eap import queries as programmes
from app.journeys.eap import service as programme_service
from app.journeys.eap.kind import EAP
from app.journeys.eap.schemas import (
    ProgrammeCreate,
    ProgrammeFilter,
    ProgrammeRead,
    ProgrammeStatus,
    ProgrammeUpdate,
)
from app.journeys.kind import Kind
from app.journeys.queries import list_journeys
from app.journeys.trial import queries as trials
from app.journeys.trial import service as trial_service
from app.journeys.trial.kind import TRIAL
from app.journeys.trial.models import REGISTRIES
from app.journeys.trial.schemas import TrialCreate, TrialFilter, TrialRead, TrialStatus, TrialUpdate
from app.platform.actor import Actor
from app.platform.locales import _
from app.web.exports import add_export
from app.web.listing import Column, Filter, Listing, ListPage, View, add_list
from app.web.page_guard import page_router
from app.web.things import Field, New, Thing, add_thing, beside
from app.web.words import countries_by_name, words

router = page_router()

_TRIAL_STATUSES = [(code, words(code)) for code in get_args(TrialStatus)]
_PROGRAMME_STATUSES = [(code, words(code)) for code in get_args(ProgrammeStatus)]
TRIALS = ListPage(
    path="/trials",
    title=_("Trials"),
    permission="trial.read",
    noun=(_("trial"), _("trials")),
    order=_("newest first"),
    sort="-created",
    question=TrialFilter,
    find=trials.list_trials,
    answer=TrialRead,
    key="clinical_trial_id",
    columns=(
        Column("number", _("Number"), 0, "trial_id", "name", "number"),
        Column("condition", _("Title"), 1, "title"),
        Column("status", _("Status"), 0, "status", "status"),
        Column("phase", _("Phase"), 3, "phase"),
        Column("sponsor", _("Sponsor"), 2, "sponsor"),
        Column("registry", _("Registry"), 4, "registry_code"),
        Column("created", _("Added"), 5, "created_at", "day_of", "created"),
    ),
    opens=("/trials/{clinical_trial_id}",),
    filters=lambda _seen: [
        Filter("status", _("Status"), _TRIAL_STATUSES),
        Filter("registry_code", _("Registry"), [(code, code) for code in REGISTRIES]),
    ],
    views=lambda _seen: [
        View(_("Recruiting"), {"status": "recruiting"}),
        View(_("To verify"), {"status": "unverified"}),
        View(_("All"), {}),
    ],
    empty=(_("No trials yet"), _("A trial is added here, or with the first journey into it."), "microscope"),
    searches=_("number, title or sponsor"),
    makes="trial.write",
)
PROGRAMMES = ListPage(
    path="/programmes",
    title=_("Programmes"),
    permission="programme.read",
    noun=(_("programme"), _("programmes")),
    order=_("newest first"),
    sort="-created",
    question=ProgrammeFilter,
    find=programmes.list_programmes,
    answer=ProgrammeRead,
    key="eap_program_id",
    columns=(
        Column("name", _("Name"), value="name", cell="name"),
        Column("condition", _("Product"), 1, "product"),
        Column("status", _("Status"), 0, "status", "status"),
        Column("sponsor", _("Sponsor"), 3, "sponsor"),
        Column("countries", _("Countries"), 2, "countries", "countries"),
        Column("created", _("Added"), 5, "created_at", "day_of", "created"),
    ),
    opens=("/programmes/{eap_program_id}",),
    filters=lambda seen: [
        Filter("status", _("Status"), _PROGRAMME_STATUSES),
        Filter(
            "country",
            _("Country"),
            countries_by_name([*(code for row in seen.rows for code in row.countries), seen.typed.get("country")]),
        ),
    ],
    views=lambda _seen: [View(_("Open"), {"status": "open"}), View(_("All"), {})],
    empty=(_("No programmes yet"), _("A programme is added here, or arrives through the API."), "pill"),
    searches=_("name, product or sponsor"),
    makes="programme.write",
)
add_list(router, TRIALS)
add_list(router, PROGRAMMES)
add_export(router, TRIALS)
add_export(router, PROGRAMMES)


async def _journeys(session: AsyncSession, actor: Actor, kind: Kind, **into: Any) -> Sequence[Listing]:
    """The journeys into a trial or programme, newest first, for those who see where they stand."""
    if not actor.may("journey.read") or "health" in masked_classes_of(actor.roles, "journey.read"):
        return []
    found = await list_journeys(session, actor, kind=kind, query=kind.filter(**into, limit=50))
    columns = (
        Column("name", _("Patient"), value="patient.person", cell="person"),
        Column("status", _("Stage"), 0, "status", "status"),
        Column("since", _("Since"), 1, "status_changed_at", "moment"),
        Column("condition", _("Physician"), 2, "physician.person", "colleague"),
    )
    items = found.page(journey_answers.read(kind, row) for row in found.rows)
    return [beside(_("Journeys"), (_("journey"), _("journeys")), items, columns, "/patients/{patient_id}", kind.key)]


async def _into_trial(session: AsyncSession, actor: Actor, trial: Any) -> Sequence[Listing]:
    return await _journeys(session, actor, TRIAL, clinical_trial_id=trial.clinical_trial_id)


async def _into_programme(session: AsyncSession, actor: Actor, programme: Any) -> Sequence[Listing]:
    return await _journeys(session, actor, EAP, eap_program_id=programme.eap_program_id)


TRIAL_THING = Thing(
    path="/trials",
    key="clinical_trial_id",
    noun=_("Trial"),
    place=_("Trials"),
    history="clinical-trials",
    read_right="trial.read",
    write_right="trial.write",
    table="clinical_trial",
    get=trials.get_trial,
    read=TrialRead.model_validate,
    title="trial_id",
    facts=(
        Column("title", _("Title"), value="title"),
        Column("status", _("Status"), value="status", cell="status"),
        Column("phase", _("Phase"), value="phase"),
        Column("sponsor", _("Sponsor"), value="sponsor"),
        Column("registry", _("Registry"), value="registry_code"),
    ),
    fields=(
        Field("title", _("Title"), "text"),
        Field("status", _("Status"), "select", _TRIAL_STATUSES, required=True),
        Field("phase", _("Phase")),
        Field("sponsor", _("Sponsor")),
    ),
    update=TrialUpdate,
    change=trial_service.change_trial,
    new=New(
        TrialCreate,
        trial_service.add_trial,
        (Field("trial_id", _("Number"), hint=_("As a registry writes it, such as NCT01234567."), required=True),),
    ),
    beside=_into_trial,
)
PROGRAMME_THING = Thing(
    path="/programmes",
    key="eap_program_id",
    noun=_("Programme"),
    place=_("Programmes"),
    history="eap-programs",
    read_right="programme.read",
    write_right="programme.write",
    table="eap_program",
    get=programmes.get_programme,
    read=ProgrammeRead.model_validate,
    facts=(
        Column("product", _("Product"), value="product"),
        Column("status", _("Status"), value="status", cell="status"),
        Column("sponsor", _("Sponsor"), value="sponsor"),
        Column("countries", _("Countries"), value="countries", cell="countries"),
        Column("description", _("Description"), value="description"),
    ),
    fields=(
        Field("name", _("Name"), required=True),
        Field("product", _("Product"), required=True),
        Field("status", _("Status"), "select", _PROGRAMME_STATUSES, required=True),
        Field("sponsor", _("Sponsor")),
        Field("countries", _("Open in"), "codes", hint=_("Codes of two letters, such as NL, PT.")),
        Field("description", _("Description"), "text"),
    ),
    update=ProgrammeUpdate,
    change=programme_service.change_programme,
    new=New(ProgrammeCreate, programme_service.add_programme),
    beside=_into_programme,
)
add_thing(router, TRIAL_THING)
add_thing(router, PROGRAMME_THING)
