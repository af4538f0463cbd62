"""Hand the open work of a colleague over: who is absent, or leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.casework.hand_over import KINDS, hand_over, open_work_of, undo_hand_over
from app.casework.schemas import HandedOver, HandOver, HandOverChange
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError
from app.platform.locales import _, ngettext
from app.web.forms import Typed, id_in, read_form, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, known_errors, page_router
from app.web.pickers import RECEIVERS, Picked, picked
from app.web.render import page

router = page_router("/availability/{user_account_id}/hand-over")

_TITLES = {"leads": _("Leads"), "patients": _("Patients"), "calls": _("Booked calls"), "tasks": _("Tasks")}
_LONGEST_NUMBER = 9


@dataclass(frozen=True)
class Part:
    """A kind of open work: how much it is, who is to get it, and the field in which one more is found by typing."""

    name: str
    title: str
    count: int
    receivers: Sequence[tuple[str, str]]
    further: Picked

    @property
    def field(self) -> str:
        """The field by its name in the form."""
        return f"{self.name}_to"

    @property
    def picker(self) -> str:
        """What it is found with."""
        return RECEIVERS[self.name].name


async def _context(
    session: AsyncSession,
    account_id: UUID,
    typed: Typed,
    outcome: HandedOver | None = None,
    said: str = "",
    further: Mapping[str, Picked] = MappingProxyType({}),
) -> dict[str, Any]:
    work = await open_work_of(session, account_id=account_id)
    chosen = {kind.name: [one for text in typed.get(kind.name, ()) if (one := id_in(text))] for kind in KINDS}
    names = await account_names(session, [one for ids in chosen.values() for one in ids])
    rows = [
        Part(
            name,
            _TITLES[name],
            getattr(work, name),
            [(str(one), names[one]) for one in ids if one in names],
            further.get(name, Picked()),
        )
        for name, ids in chosen.items()
    ]
    return {
        **NO_ERRORS,
        "work": work,
        "rows": rows,
        "typed": typed,
        "outcome": outcome,
        "leave": typed.get("leave", ()),
        "said": said,
        "here": f"/availability/{account_id}/hand-over",
    }


@router.get("", dependencies=[allow("work.hand_over")])
async def show_hand_over(request: Request, session: DbSession, user_account_id: UUID) -> Response:
    return page(request, "availability/hand_over.html", await _context(session, user_account_id, {}))


@router.post("", dependencies=[allow("work.hand_over")])
async def hand_work_over(request: Request, session: DbSession, actor: CurrentActor, user_account_id: UUID) -> Response:
    """A batch at a time; the form comes back with what remains, to be sent again."""
    typed = await typed_in(request, HandOver)
    further, wrong = await _named_further(request, session, actor, typed)
    if (await request.form()).get("add") and not wrong:
        return page(request, "availability/hand_over.html", await _context(session, user_account_id, typed))
    try:
        order = read_form(HandOver, typed, wrong=wrong)
        async with known_errors(request, session):
            outcome = await hand_over(
                session,
                actor,
                account_id=user_account_id,
                order=order,
                request_id=request.scope.get("request_id"),
            )
    except AppError as error:
        shown = await _context(session, user_account_id, typed, further=further)
        return form_again(request, "availability/hand_over.html", shown, error)
    count = len(outcome.done)
    said = ngettext("%(count)s record is handed over.", "%(count)s records are handed over.", count)
    typed["leave"] = [*order.leave, *(one.record_id for one in outcome.left)]
    shown = await _context(session, user_account_id, typed, outcome, str(said))
    return page(request, "availability/hand_over.html", shown)


async def _named_further(
    request: Request, session: AsyncSession, actor: Actor, typed: Typed
) -> tuple[dict[str, Picked], list[FieldError]]:
    """
    Add to `typed` who was found by typing beside those who are ticked. What is left to be chosen of, by kind, and what
    is wrong with it.
    """
    further: dict[str, Picked] = {}
    wrong: list[FieldError] = []
    for name, picker in RECEIVERS.items():
        found, faults = await picked(request, session, actor, picker, f"{name}_to")
        if faults:
            further[name] = found
            wrong += faults
        elif found.value:
            typed[name] = list(dict.fromkeys([*typed[name], found.value]))
    return further, wrong


@router.post("/undo", dependencies=[allow("work.hand_over")])
async def undo_work(request: Request, session: DbSession, actor: CurrentActor, user_account_id: UUID) -> Response:
    """What one has just handed over is taken back, of each record that is still as one has left it."""
    texts = (await request.form()).getlist("done")
    changes = [change for text in texts if (change := _change(str(text))) is not None]
    async with known_errors(request, session):
        outcome = await undo_hand_over(
            session,
            actor,
            account_id=user_account_id,
            changes=changes[:200],
            request_id=request.scope.get("request_id"),
        )
    count = len(outcome.done)
    said = ngettext("%(count)s record is back.", "%(count)s records are back.", count)
    shown = await _context(session, user_account_id, {}, outcome.model_copy(update={"done": []}), str(said))
    return page(request, "availability/hand_over.html", shown)


def _change(text: str) -> HandOverChange | None:
    kind, _sep, rest = text.partition(":")
    record_id, *versions = rest.split(":")
    try:
        since, until = (int(one) for one in versions if one.isascii() and one.isdigit() and len(one) < _LONGEST_NUMBER)
        return HandOverChange.model_validate({"kind": kind, "record_id": record_id, "since": since, "until": until})
    except ValueError:
        return None
