"""
The approvals that a journey to a product needs beside its stages: its gates. Who reads journeys sees them on a page of
the journey; who may writes each of them in a form of its own.

A form says which version it was made from: when somebody else has changed it by then nothing is written, and the form
comes back with both. None is taken away again, as in the API: one that is not needed is set to `not_required`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.audit.history import before_own_change
from app.journeys import answers
from app.journeys.eap.kind import EAP, GATES_APPROVED
from app.journeys.eap.models import EapGate
from app.journeys.eap.queries import list_gates
from app.journeys.eap.schemas import GateRead, GateUpdate
from app.journeys.eap.service import NOT_RECORDED, change_gate
from app.journeys.eap.states import GATE_STATES, GATES, PASSED, gates_pass
from app.journeys.models import Journey
from app.journeys.queries import get_journey
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import AppError, NotFound, Stale
from app.platform.etags import etag
from app.platform.locales import _
from app.web.colleagues import MANAGERS_WORK, NO_COLLEAGUES, who_may
from app.web.forms import as_typed, read_form
from app.web.oversight import zone_of
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.people import signs_of
from app.web.render import Flash, page
from app.web.things import Field, texts_of, typed_into
from app.web.undoing import Version, Versions, undo_at, undone
from app.web.words import words

router = page_router()

_PLACE = f"/patients/{{patient_id}}{EAP.path}/{{eap_journey_id}}/approvals"
FIELDS = (
    Field("status", _("Status"), "select", [(state, words(state)) for state in GATE_STATES], required=True),
    Field("decided_on", _("Decided on"), hint=_("A day, such as yesterday or 3/4/2026.")),
    Field("expires_on", _("Expires on"), hint=_("It counts through this day. Left empty it does not expire.")),
    Field("reference_number", _("Reference number")),
    Field("notes", _("Notes"), "text"),
)


_NOT_PASSED = frozenset(GATE_STATES) - PASSED


class NoSuchApproval(NotFound):
    detail = _("There is no such approval.")


@dataclass(frozen=True)
class Approval:
    """One of the approvals that there are, by its name; `gate` is None where it is not recorded."""

    name: str
    gate: GateRead | None

    # From the answer as it is shown: what is masked in it is told by nothing that is made of it.

    @property
    def is_out_of_force(self) -> bool:
        """Whether it does not count today although its status says that it does: its days are over, or not yet here."""
        gate = self.gate
        if gate is None or gate.status not in PASSED:
            return False
        return gates_pass([(gate.status, gate.decided_on or None, gate.expires_on or None)], clock.today()) is False

    @property
    def holds_up(self) -> bool:
        """Whether the supply waits for it: it is recorded, and does not let the supply through today."""
        gate = self.gate
        return gate is not None and (gate.status in _NOT_PASSED or self.is_out_of_force)

    @property
    def told(self) -> str:
        """Its name, and why it holds the supply up."""
        status = self.gate.status if self.gate else ""
        why = _("not in force today") if self.is_out_of_force else words(status).lower()
        return str(_("%(approval)s (%(why)s)", approval=words(self.name), why=why))


def approvals_at(patient_id: UUID, eap_journey_id: UUID) -> str:
    """The address of the approvals of a journey."""
    return _PLACE.format(patient_id=patient_id, eap_journey_id=eap_journey_id)


async def approvals_of(session: AsyncSession, *, eap_journey_id: UUID) -> Sequence[Approval]:
    """Every approval that there is, as far as it is recorded for the journey."""
    return approvals_among(await list_gates(session, eap_journey_ids=[eap_journey_id]))


def approvals_among(rows: Iterable[EapGate]) -> Sequence[Approval]:
    """Every approval that there is, as far as it is one of these of one journey."""
    recorded = {row.gate: GateRead.model_validate(row) for row in rows}
    return [Approval(name, recorded.get(name)) for name in GATES]


def waits_for_approvals(status: str) -> bool:
    """Whether a journey that is in this state has a move that needs the approvals."""
    conditions_of = EAP.moves.conditions_of
    moves = EAP.moves.machine.moves
    return any(one.name == GATES_APPROVED for to in moves.get(status, ()) for one in conditions_of(status, to))


async def asked_for(session: AsyncSession, actor: Actor, *, patient_id: UUID, typed: str) -> dict[str, Any]:
    """What a task says that asks for the approvals of the journey of this id; noted. Empty for no id."""
    try:
        eap_journey_id = UUID(typed)
    except ValueError:
        return {}
    journey = await _journey(session, actor, patient_id, eap_journey_id)
    _note(session, journey)
    approvals = await approvals_of(session, eap_journey_id=eap_journey_id)
    return {"journey": answers.read(EAP, journey), "approvals": approvals}


async def recorders(session: AsyncSession, actor: Actor) -> dict[str, Any]:
    """Whether the actor records approvals, and by name the colleagues who do where the actor does not."""
    may_record = actor.may("gate.write")
    return {
        "may_record": may_record,
        "recorders": NO_COLLEAGUES if may_record else await who_may(session, MANAGERS_WORK),
        "may_ask": actor.may("task.write"),
    }


@router.get(_PLACE, dependencies=[allow("journey.read")])
async def show_approvals(
    request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID, eap_journey_id: UUID
) -> Response:
    context = await _context(session, await _journey(session, actor, patient_id, eap_journey_id))
    shown = {
        "approvals": await approvals_of(session, eap_journey_id=eap_journey_id),
        "waits": waits_for_approvals(context["journey"].status),
        **await recorders(session, actor),
    }
    return page(request, "patients/approvals.html", {**context, **shown})


@router.get(f"{_PLACE}/{{gate}}", dependencies=[allow("gate.write")])
async def show_approval(
    request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID, eap_journey_id: UUID, gate: str
) -> Response:
    journey = await _journey(session, actor, patient_id, eap_journey_id)
    stands = await _recorded(session, eap_journey_id, gate)
    return page(request, "patients/approval.html", await _form(session, journey, gate, stands))


@router.post(f"{_PLACE}/{{gate}}", dependencies=[allow("gate.write")])
async def record_approval(
    request: Request, session: DbSession, actor: CurrentActor, patient_id: UUID, eap_journey_id: UUID, gate: str
) -> Response:
    """The fields that were changed, as the approval was when the form was opened."""
    typed, wrong = await typed_into(request, session, actor, FIELDS)
    texts, seen = texts_of(typed), str((await request.form()).get("seen", ""))
    journey = await _journey(session, actor, patient_id, eap_journey_id)
    stands = await _recorded(session, eap_journey_id, gate)
    try:
        change = read_form(GateUpdate, _changed(texts, stands), zone=zone_of(request), wrong=wrong)
        async with known_errors(request, session):
            row = await change_gate(
                session, actor, eap_journey_id=eap_journey_id, gate=gate, change=change, if_match=seen or None
            )
    except NotFound:
        raise
    except AppError as error:
        journey = await _journey(session, actor, patient_id, eap_journey_id)
        stands = await _recorded(session, eap_journey_id, gate)
        # What a colleague has saved meanwhile stands beside what was typed.
        differs = list(_changed(texts, stands)) if isinstance(error, Stale) else []
        context = await _form(session, journey, gate, stands)
        return form_again(request, "patients/approval.html", {**context, "typed": texts, "differs": differs}, error)
    place = approvals_at(patient_id, eap_journey_id)
    undo = undo_at(f"{place}/{gate}", (stands.version, row.version)) if stands else None
    return go_to(request, place, flash=Flash(_("%(thing)s saved.", thing=words(gate)), undo=undo))


@router.post(f"{_PLACE}/{{gate}}/undo", dependencies=[allow("gate.write")])
async def undo_approval(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    patient_id: UUID,
    eap_journey_id: UUID,
    gate: str,
    since: Version = 0,
    until: Version = 0,
) -> Response:
    """The change that one has just made is taken back, while nobody has changed the approval since."""
    await _journey(session, actor, patient_id, eap_journey_id)
    stands = await _recorded(session, eap_journey_id, gate)
    if stands is None:
        raise NoSuchApproval
    undo = _put_back(session, actor, stands, at=(since, until))
    return go_to(request, approvals_at(patient_id, eap_journey_id), flash=await undone(request, session, undo))


async def _put_back(session: AsyncSession, actor: Actor, stands: GateRead, *, at: Versions) -> None:
    """The fields that one's own change took away. Stale when somebody has changed it since."""
    before = await before_own_change(
        session, record_id=stands.eap_gate_id, account_id=actor.account_id, since=at[0], until=at[1]
    )
    names = GateUpdate.model_fields
    was = GateUpdate.model_validate({name: before[name] for name in names})
    given = {name: before[name] for name in names if getattr(was, name) != getattr(stands, name)}
    await change_gate(
        session,
        actor,
        eap_journey_id=stands.eap_journey_id,
        gate=stands.gate,
        change=GateUpdate.model_validate(given),
        if_match=etag(at[1]),
    )


async def _journey(session: AsyncSession, actor: Actor, patient_id: UUID, eap_journey_id: UUID) -> Journey:
    """The journey of this patient; EapJourneyNotFound."""
    journey = await get_journey(session, actor, kind=EAP, journey_id=eap_journey_id)
    if journey.patient_id != patient_id:
        raise EAP.not_found
    return journey


async def _recorded(session: AsyncSession, eap_journey_id: UUID, gate: str) -> GateRead | None:
    """The approval as it is recorded, None where it is not; NoSuchApproval for a name that there is not."""
    found = {one.name: one.gate for one in await approvals_of(session, eap_journey_id=eap_journey_id)}
    if gate not in found:
        raise NoSuchApproval
    return found[gate]


def _changed(texts: Mapping[str, str], stands: GateRead | None) -> dict[str, str]:
    """What was typed over what stands there; what was masked and not touched is not."""
    return {name: text for name, text in texts.items() if text not in (as_typed(getattr(stands, name, None)), HIDDEN)}


async def _context(session: AsyncSession, journey: Journey, gate: GateRead | None = None) -> dict[str, Any]:
    """What both pages show of the journey; noted."""
    _note(session, journey, gate)
    return {
        **NO_ERRORS,
        "journey": answers.read(EAP, journey),
        "here": f"/patients/{journey.patient_id}",
        "place": approvals_at(journey.patient_id, EAP.id_of(journey)),
        **await signs_of(session, journey.patient.person_id),
    }


def _note(session: AsyncSession, journey: Journey, gate: GateRead | None = None) -> None:
    person_id = journey.patient.person_id
    audit.note(
        session,
        record_type="eap_gate",
        record_id=gate.eap_gate_id if gate else None,
        person_ids=[person_id],
        subject=person_id,
    )


async def _form(session: AsyncSession, journey: Journey, name: str, stands: GateRead | None) -> dict[str, Any]:
    """The form of an approval as it stands."""
    return {
        **await _context(session, journey, stands),
        "name": name,
        "gate": stands,
        "seen": etag(stands.version) if stands else NOT_RECORDED,
        "fields": FIELDS,
        "typed": {} if stands else {"status": "pending"},
        "differs": [],
    }
