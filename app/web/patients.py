"""The list of patients and the page of one: who they are, what happened, what is next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.casework.overview import overviews_of
from app.casework.schemas import PatientOverview, TimelineQuery
from app.conditions.queries import condition_names
from app.events.moves import Finding
from app.events.service import what_moves_need
from app.journeys import answers as journey_answers
from app.journeys import queries as journeys
from app.journeys import service as journey_service
from app.journeys.eap.kind import EAP, GATES_APPROVED
from app.journeys.eap.models import EapJourney
from app.journeys.kind import Kind
from app.journeys.kinds import KINDS
from app.journeys.models import Journey
from app.journeys.norms.queries import journeys_with_norms
from app.journeys.norms.rules import days_over
from app.journeys.rules import stands_against
from app.journeys.schemas import JourneyRead, MoveFindings
from app.patients import answers, queries, service
from app.patients.care_team import answers as care_answers
from app.patients.care_team.queries import care_links_of
from app.patients.errors import PatientNotFound
from app.patients.models import Patient
from app.patients.schemas import SORTED_WITH, PatientFilter, PatientRead, PatientUpdate
from app.patients.states import DEPARTED, PATIENT
from app.people.departures.models import DEPARTURES
from app.people.departures.schemas import DepartureSummary
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid, NotFound
from app.platform.locales import _
from app.platform.plausibility import Life
from app.web.about import PATIENTS
from app.web.addresses import worked_from
from app.web.approvals import Approval, approvals_among, approvals_at, approvals_of, recorders, waits_for_approvals
from app.web.bulk import add_bulk
from app.web.exports import add_export
from app.web.forms import Typed, asked_in, read_form, read_query, typed_in
from app.web.listing import BY_PERSON, Bulk, Column, Filter, ListPage, Seen, View, add_list
from app.web.move_needs import Need, need_of
from app.web.new_journeys import ways_to_begin
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.people import ABOUT, around, signs_of
from app.web.pickers import OWNERS_OF_PATIENTS
from app.web.render import Flash, page, wanted_block
from app.web.side_effects import how_to_report
from app.web.undoing import Version, undo_at, undone
from app.web.words import countries_by_name, words

router = page_router()

_FEW = 20
_NEARLY, _FAR_OVER = 0.75, 1.5
"""So much of a stage's norm is worth a look, and so much is far over it."""
_SHOWN_RIGHTS = (
    "call.create",
    "call.write",
    "journey.write",
    "suggestion.decide",
    "task.write",
    "note.write",
    "person.write",
    "patient.write",
    "relationship.write",
)


async def _overviews(session: AsyncSession, rows: Sequence[Patient]) -> Mapping[UUID, PatientOverview]:
    return await overviews_of(session, patient_ids=[row.patient_id for row in rows])


def _journey_choices() -> Sequence[tuple[str, str]]:
    """Each kind of journey, and each stage in which one is open."""
    found = []
    for kind in KINDS:
        code, machine = kind.model.__tablename__.removesuffix("_journey"), kind.moves.machine
        found.append((code, words(kind.model.__tablename__)))
        found += [
            (f"{code}:{state}", _("%(kind)s: %(stage)s", kind=words(kind.model.__tablename__), stage=words(state)))
            for state in machine.states
            if machine.is_open(state)
        ]
    return found


_JOURNEYS = _journey_choices()


def _views(seen: Seen) -> Sequence[View]:
    mine = seen.mine(status="active")
    return (
        [
            View(_("My active"), mine, empty=_("You own no active patients yet")),
            View(_("Nobody's"), {"owner": "nobody", "status": "active"}),
            View(_("Everyone"), {}),
        ]
        if seen.actor.may("patient.write")
        else []
    )


def _filters(seen: Seen) -> Sequence[Filter]:
    found = [Filter("status", _("Status"), [(word, words(word)) for word in PATIENT.filter_words()]), seen.owner()]
    # What is seen masked is not asked about either.
    if "health" not in seen.masked:
        found += [
            seen.named("medical_condition_id", _("Condition"), "medical_condition"),
            Filter("journey", _("Journey"), _JOURNEYS),
        ]
    if "personal" not in seen.masked:
        codes = [*(row.person.country for row in seen.rows), seen.typed.get("country")]
        found.append(Filter("country", _("Country"), countries_by_name(codes)))
    return found


async def _labels(session: AsyncSession, typed: Typed) -> Mapping[str, str]:
    return await condition_names(session, [typed.get("medical_condition_id") or ""])


LIST = ListPage(
    path="/patients",
    title=_("Patients"),
    permission="patient.read",
    noun=(_("patient"), _("patients")),
    order=_("newest first"),
    sort="-created",
    question=PatientFilter,
    find=queries.list_patients,
    answer=PatientRead,
    read=answers.read,
    key="patient_id",
    columns=(
        Column("name", _("Name"), value="person", cell="patient", sort="name"),
        Column("condition", _("Condition"), 1, "medical_condition.name"),
        Column("journey", _("Journey"), 2, "beside.journeys", "journeys"),
        Column("next_call", _("Next call, your time"), 0, "beside.next_call_at", "next_call", sort="next_call"),
        Column("their_time", _("Their time"), 4, "person.time_zone", "clock"),
        Column("owner", _("Owner"), 5, "owner_id", "owner", sort="owner"),
        Column("created", _("Created"), 6, "created_at", "day_of", "created"),
        Column("last_contact", _("Last contact"), 3, "beside.last_contact_at", "last_contact", sort="last_contact"),
    ),
    opens=("/patients/{patient_id}",),
    filters=_filters,
    sorted_with=SORTED_WITH,
    labels=_labels,
    views=_views,
    beside=_overviews,
    beside_of=PatientOverview,
    empty=(
        _("No patients yet"),
        _("A patient is made from a lead that is qualified, or arrives through the API."),
        "users",
    ),
    bulk=Bulk(
        permission="patient.write",
        owners_work=service.OWNERS_WORK,
        picker="patients-to",
        table="patient",
        get=queries.get_patient,
        lock=queries.lock_patients,
        update=PatientUpdate,
        change=service.change_patient,
        undo=service.undo_change,
        moves=[(word, words(word)) for word in ("active", "inactive")],
    ),
    owner_picker=OWNERS_OF_PATIENTS,
    searches=BY_PERSON,
    search_right="person.search",
)
add_list(router, LIST)
add_export(router, LIST)
add_bulk(router, LIST)


@dataclass(frozen=True)
class Stage:
    """A stage on the way of a journey. `place`: `done`, `now` or `later`."""

    name: str
    place: str


@dataclass(frozen=True)
class Way:
    """
    The way of every journey of a kind: its `states` in their order without those that are no stage of it, those that
    are open, those that are entered with a reason, and from each state where it may go and what that needs.
    """

    states: Sequence[str]
    open_states: Sequence[str]
    needs_reason: Sequence[str]
    moves: Mapping[str, Mapping[str, Sequence[str]]]


@cache
def _way_of(path: str) -> Way:
    machine, conditions_of = _kind_at(path).moves.machine, _kind_at(path).moves.conditions_of
    return Way(
        # A shipment that failed is no stage on the way.
        states=[state for state in machine.states if machine.is_open(state) and not state.endswith("_failed")],
        open_states=[state for state in machine.states if machine.is_open(state)],
        needs_reason=sorted(machine.needs_reason),
        moves={
            state: {to: [one.name for one in conditions_of(state, to)] for to in machine.allowed(state)}
            for state in machine.states
        },
    )


@dataclass(frozen=True)
class ShownJourney:
    """
    A journey on a record page, with the address of its forms; `found` is what the moves from its state need, and
    `approvals` are there where one of these moves waits for them.
    """

    kind: str
    journey_id: UUID
    label: str
    journey: JourneyRead
    norms: Mapping[str, int] = field(default_factory=dict)
    found: MoveFindings | None = None
    approvals: Sequence[Approval] = ()

    @property
    def way(self) -> Way:
        """That of its kind."""
        return _way_of(self.kind)

    @property
    def needs_reason(self) -> Sequence[str]:
        """The states that are entered with a reason."""
        return self.way.needs_reason

    # From the answer as it is shown: what is masked in it is told by nothing that is made of it.

    @property
    def needs(self) -> Mapping[str, Sequence[str]]:
        """What a move from its state needs."""
        return {to: names for to, names in self.way.moves.get(self.journey.status, {}).items() if names}

    @property
    def is_found(self) -> bool:
        """Whether it is shown what its moves were found to need."""
        return self.found is not None and bool(self.found.guards)

    @cached_property
    def lacks(self) -> Mapping[str, Sequence[Need]]:
        """What each move from its state still needs, as far as that is shown, what blocks it first; none is empty."""
        here, guards = f"/patients/{self.journey.patient_id}", self.found.guards if self.found else {}
        lacking = {
            to: [need for name, found in of_move.items() if (need := need_of(name, found, self, here))]
            for to, of_move in guards.items()
            if to in self.way.moves.get(self.journey.status, {})
        }
        return {to: sorted(needs, key=lambda need: not need.blocks) for to, needs in lacking.items() if needs}

    @cached_property
    def blocked(self) -> Sequence[str]:
        """The states where it may go once something is there that it lacks now."""
        return [to for to, needs in self.lacks.items() if any(need.blocks for need in needs)]

    @cached_property
    def barred(self) -> Sequence[str]:
        """Those of the blocked where it does not go for what happened to the patient, whatever else it lacks."""
        return [to for to, needs in self.lacks.items() if any(need.bars for need in needs)]

    @property
    def unapproved(self) -> Sequence[str]:
        """The states that need approvals where none is recorded, so that none was checked."""
        guards = self.found.guards if self.found else {}
        return [to for to, of_move in guards.items() if of_move.get(GATES_APPROVED) == Finding.NOT_CHECKED]

    @property
    def is_open(self) -> bool:
        """Whether it still waits for something."""
        return self.journey.status in self.way.open_states

    @cached_property
    def closed(self) -> Sequence[str]:
        """The states where it may not go from its own."""
        here = self.journey.status
        return (
            [one for one in self.way.moves if one != here and one not in self.way.moves[here]]
            if here in self.way.moves
            else []
        )

    @cached_property
    def ways(self) -> Sequence[tuple[str, Sequence[str]]]:
        """Where it may go, by what that is: the `next` stage, `other` stages, and what `ends` it; none is empty."""
        if self.journey.status not in self.way.moves:
            return []
        allowed = list(self.way.moves[self.journey.status])
        behind = (
            self.way.states[self.way.states.index(self.journey.status) + 1 :] if self.is_on_its_way else self.way.states
        )
        following = next((one for one in behind if one in allowed), None)
        goes_on = [one for one in allowed if one in self.way.open_states and one != following]
        ends = [one for one in allowed if one not in self.way.open_states]
        found = [("next", [following] if following else []), ("other", goes_on), ("ends", ends)]
        return [(name, states) for name, states in found if states]

    @property
    def is_on_its_way(self) -> bool:
        """Whether it is in one of the stages of its way: it has not ended, and what was sent has not failed."""
        return self.journey.status in self.way.states

    @cached_property
    def stages(self) -> Sequence[Stage]:
        """The stages of its kind, as far as it is in one of them."""
        if not self.is_on_its_way:
            return []
        at = list(self.way.states).index(self.journey.status)
        return [
            Stage(one, "done" if n < at else "now" if n == at else "later") for n, one in enumerate(self.way.states)
        ]

    @property
    def days(self) -> int | None:
        """For how many days it is in its stage."""
        since = self.journey.status_changed_at
        return (clock.now() - since).days if isinstance(since, datetime) else None

    @property
    def norm_days(self) -> int | None:
        """How many are usual."""
        return self.norms.get(self.journey.status)

    @property
    def days_over(self) -> int:
        """By how many days it is over them."""
        since = self.journey.status_changed_at
        return days_over(since if isinstance(since, datetime) else None, self.norm_days, now=clock.now())

    @property
    def tone(self) -> str:
        """How its days are to be seen beside those that are usual."""
        share = (self.days or 0) / max(self.norm_days or 1, 1)
        return "danger" if share > _FAR_OVER else "warning" if share >= _NEARLY else "neutral"


@router.get("/patients/{patient_id}", dependencies=[allow("patient.read")])
async def show_patient(request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID) -> Response:
    return page(request, "patients/record.html", await record_context(request, session, actor, patient_id))


async def record_context(request: Request, session: AsyncSession, actor: Actor, patient_id: UUID) -> dict[str, Any]:
    """What the record page shows; a part of it only what stands under About."""
    query = read_query(request, TimelineQuery, asked_in(request, TimelineQuery))
    patient = await _patient(session, actor, patient_id)
    shown: dict[str, Any] = {
        **NO_ERRORS,
        "patient": answers.read(patient),
        "here": f"/patients/{patient_id}",
        "care_team": [],
        "moves": [(to, _needs_more(patient.status, to)) for to in PATIENT.allowed(patient.status)],
        "may": {code: actor.may(code) for code in _SHOWN_RIGHTS},
    }
    if actor.may("relationship.read"):
        links = await care_links_of(session, patient_id=patient_id, most=_FEW)
        shown["care_team"] = [care_answers.read(row) for row in links]
    shown["ways_to_begin"] = ways_to_begin(shown["here"])
    is_part = wanted_block(request) == ABOUT
    draft_at = (PATIENTS.kind, patient_id, "note") if actor.may("note.write") else None
    shown |= await around(
        session,
        actor,
        person=patient.person,
        patient_id=patient_id,
        owner_id=patient.owner_id,
        query=query,
        draft_at=draft_at,
        is_part=is_part,
    )
    shown["how_to_report"] = how_to_report(request, shown["managers"])
    departures = None if is_part else shown["departures"]
    shown["journeys"] = await _all_journeys(session, actor, patient_id, departures=departures)
    return shown


def _needs_more(status: str, to: str) -> bool:
    """Whether this move needs more than a press: a reason, or what is known of a death."""
    return bool({status, to} & DEPARTED) or to in PATIENT.needs_reason


_OF_A_MOVE = ("status", "status_reason", "date_of_death", "death_source")


async def _status_context(session: AsyncSession, actor: Actor, patient_id: UUID, to: str) -> dict[str, Any]:
    patient = await _patient(session, actor, patient_id)
    return {
        **NO_ERRORS,
        **await signs_of(session, patient.person_id),
        "patient": answers.read(patient),
        "here": f"/patients/{patient_id}",
        "targets": [(word, words(word)) for word in PATIENT.allowed(patient.status)],
        "journeys": await _all_journeys(session, actor, patient_id),
        "of_a_death": to in {"", "deceased"},
        "needs_reason": to in PATIENT.needs_reason or patient.status in DEPARTED,
    }


@router.get("/patients/{patient_id}/status", dependencies=[allow("patient.write")])
async def show_status(request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID) -> Response:
    to = request.query_params.get("to", "")[:64]
    typed = dict.fromkeys(_OF_A_MOVE, "") | {"status": to}
    return page(
        request, "patients/status.html", {**await _status_context(session, actor, patient_id, to), "typed": typed}
    )


@router.post("/patients/{patient_id}/status", dependencies=[allow("patient.write")])
async def change_status(request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID) -> Response:
    """The patient's status, with a reason where one is needed; a toast takes it back."""
    typed = await typed_in(request, PatientUpdate)
    context = await _status_context(session, actor, patient_id, str(typed["status"]))
    try:
        given = {name: typed[name] for name in _OF_A_MOVE if typed[name] != ""}
        if "status" not in given:
            raise Invalid(fields=[FieldError("status", "missing", _("Choose one of the list."))])
        change = read_form(PatientUpdate, given, zone=request.state.frame.zone)
        since = context["patient"].version
        async with known_errors(request, session):
            changed = await service.change_patient(session, actor, patient_id=patient_id, change=change)
    except NotFound:
        raise
    except AppError as error:
        if worked_from(request):
            raise
        return form_again(request, "patients/status.html", {**context, "typed": typed}, error)
    is_final = bool({context["patient"].status, changed.status} & PATIENT.terminal)
    undo = undo_at(f"/patients/{patient_id}/status", (since, changed.version))
    said = _("Moved to %(status)s.", status=words(changed.status).lower())
    return go_to(request, f"/patients/{patient_id}", flash=Flash(said, undo=None if is_final else undo))


@router.post("/patients/{patient_id}/status/undo", dependencies=[allow("patient.write")])
async def undo_status(
    request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID, since: Version = 0, until: Version = 0
) -> Response:
    undo = service.undo_change(session, actor, patient_id=patient_id, since=since, until=until)
    return go_to(request, f"/patients/{patient_id}", flash=await undone(request, session, undo))


async def _patient(session: AsyncSession, actor: Actor, patient_id: UUID) -> Patient:
    patient = await queries.get_patient(session, actor, patient_id=patient_id)
    audit.note(
        session, record_type="patient", record_id=patient_id, person_ids=[patient.person_id], subject=patient.person_id
    )
    return patient


async def _all_journeys(
    session: AsyncSession, actor: Actor, patient_id: UUID, *, departures: Sequence[DepartureSummary] | None = None
) -> Sequence[ShownJourney]:
    """
    Those of every kind, for those who may read them; with the patient's `departures` also what their moves need, for
    those who move.
    """
    if not actor.may("journey.read"):
        return []
    shown = []
    for kind in KINDS:
        rows = await journeys_with_norms(session, kind=kind, patient_id=patient_id, most=_FEW)
        of_kind = [shown_journey(kind, row) for row, _norm in rows]
        if actor.may("norm.read"):
            usual = [{row.status: days} if days else {} for row, days in rows]
            of_kind = [replace(one, norms=norms) for one, norms in zip(of_kind, usual, strict=True)]
        if departures is not None and actor.may("journey.write"):
            of_kind = await _with_findings(session, kind, of_kind, [row for row, _norm in rows], departures)
        shown += of_kind
    return shown


async def _with_findings(
    session: AsyncSession,
    kind: Kind,
    shown: Sequence[ShownJourney],
    rows: Sequence[Journey],
    departures: Sequence[DepartureSummary],
) -> list[ShownJourney]:
    """Each with what the moves from its state need, and what happened to the patient and stands against them."""
    found = await what_moves_need(session, moves=kind.moves, records=rows)
    departed = [code for code in DEPARTURES if code in {one.kind for one in departures}]
    life = Life(died=next((one.departed_on for one in departures if one.kind == "deceased"), None))
    for row, guards in zip(rows, found, strict=True):
        for to in kind.moves.machine.allowed(row.status):
            against = stands_against(
                kind.moves,
                state=row.status,
                to=to,
                since=row.status_changed_at or row.created_at,
                life=life,
                departed=departed,
                patient_status=row.patient.status,
                now=clock.now(),
            )
            if against:
                guards[to] = guards.get(to, {}) | against
    return [
        replace(
            one,
            found=MoveFindings(person_id=row.patient.person_id, guards=guards),
            approvals=approvals_among(row.gates)
            if isinstance(row, EapJourney) and _waits_for_approvals(guards)
            else (),
        )
        if guards
        else one
        for one, row, guards in zip(shown, rows, found, strict=True)
    ]


def _waits_for_approvals(guards: Mapping[str, Mapping[str, Finding]]) -> bool:
    """Whether a move is held up by approvals that are recorded; the journey has its `gates` loaded then."""
    return any(of_move.get(GATES_APPROVED) == Finding.NOT_MET for of_move in guards.values())


def shown_journey(kind: Kind, row: Journey) -> ShownJourney:
    """A journey as its pages get it."""
    return ShownJourney(kind.path.strip("/"), kind.id_of(row), kind.tag, journey_answers.read(kind, row))


@router.get("/patients/{patient_id}/{kind_path}/{journey_id}/move", dependencies=[allow("journey.write")])
async def show_move(
    request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID, kind_path: str, journey_id: UUID
) -> Response:
    kind = _kind_at(kind_path)
    context = await _move_context(session, actor, patient_id, kind, journey_id)
    typed = dict.fromkeys(kind.transition.model_fields, "") | {"to": request.query_params.get("to", "")[:64]}
    return page(request, "patients/move.html", {**context, "typed": typed})


@router.post("/patients/{patient_id}/{kind_path}/{journey_id}/move", dependencies=[allow("journey.write")])
async def move_journey(
    request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID, kind_path: str, journey_id: UUID
) -> Response:
    kind = _kind_at(kind_path)
    typed = await typed_in(request, kind.transition)
    context = await _move_context(session, actor, patient_id, kind, journey_id)
    context["has_seen"] = "approvals_seen" in await request.form()
    try:
        given = {name: value for name, value in typed.items() if value != ""}
        if typed["to"] in context["shown"].unapproved:
            given["reason"] = _reason_without_approvals(str(typed["reason"]), has_seen=context["has_seen"])
        transition = read_form(kind.transition, given, zone=request.state.frame.zone)
        async with known_errors(request, session):
            moved = await journey_service.move_journey(
                session, actor, kind=kind, journey_id=journey_id, transition=transition
            )
    except AppError as error:
        return form_again(request, "patients/move.html", {**context, "typed": typed}, error)
    place = f"/patients/{patient_id}/{kind_path}/{journey_id}/move"
    undo = undo_at(place, (context["shown"].journey.version, moved.version))
    said = _("Moved to %(status)s.", status=words(moved.status).lower())
    return go_to(request, f"/patients/{patient_id}", flash=Flash(said, undo=undo))


@router.post("/patients/{patient_id}/{kind_path}/{journey_id}/move/undo", dependencies=[allow("journey.write")])
async def undo_journey_move(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    patient_id: UUID,
    kind_path: str,
    journey_id: UUID,
    since: Version = 0,
    until: Version = 0,
) -> Response:
    """The move that one has just made is taken back, while nothing has changed the journey since."""
    kind = _kind_at(kind_path)
    await _move_context(session, actor, patient_id, kind, journey_id)
    undo = journey_service.undo_move(session, actor, kind=kind, journey_id=journey_id, since=since, until=until)
    return go_to(request, f"/patients/{patient_id}", flash=await undone(request, session, undo))


_APPROVALS_SEEN = "The approvals were seen outside this system."
"""Kept with the move, so in the language of the records and not in that of who moves it."""


def _reason_without_approvals(typed: str, *, has_seen: bool) -> str:
    """The reason of a move for which no approval is recorded. Invalid where nothing is said about them."""
    if not has_seen and not typed.strip():
        said = _("Tick that you have seen the approvals, or say in words why it goes on without them.")
        raise Invalid(fields=[FieldError("approvals_seen", "unclear", said)])
    return " ".join(filter(None, [typed.strip(), _APPROVALS_SEEN if has_seen else ""]))


def _kind_at(path: str) -> Kind:
    """The kind of journey of an address. PatientNotFound for none: the address leads nowhere."""
    kind = next((kind for kind in KINDS if kind.path == f"/{path}"), None)
    if kind is None:
        raise PatientNotFound
    return kind


async def _move_context(
    session: AsyncSession, actor: Actor, patient_id: UUID, kind: Kind, journey_id: UUID
) -> dict[str, Any]:
    # Read before the journey, which brings its patient anew and with less.
    patient = answers.read(await _patient(session, actor, patient_id))
    journey = await journeys.get_journey(session, actor, kind=kind, journey_id=journey_id)
    if journey.patient_id != patient_id:
        raise kind.not_found
    signs = await signs_of(session, patient.person.person_id)
    [shown] = await _with_findings(session, kind, [shown_journey(kind, journey)], [journey], signs["departures"])
    approvals = await approvals_of(session, eap_journey_id=journey_id) if kind is EAP else []
    return {
        **NO_ERRORS,
        **signs,
        "patient": patient,
        "shown": shown,
        "approvals": approvals,
        "waits": kind is EAP and waits_for_approvals(journey.status),
        "has_seen": False,
        "place": approvals_at(patient_id, journey_id),
        **(await recorders(session, actor) if kind is EAP else {}),
        "reasons_of": {
            to: [(code, words(code)) for code in kind.moves.codes_of(to)] for to in shown.journey.allowed_transitions
        },
        "ends": sorted(kind.moves.machine.terminal),
    }
