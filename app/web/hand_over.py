"""Hand the open work of a colleague over: who is absent, or leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.casework import hand_over as handing
from app.casework.hand_over import KINDS, hand_over, open_work_of, undo_hand_over
from app.casework.schemas import HandedOver, HandOver, HandOverChange
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid
from app.platform.locales import _, ngettext
from app.web.forms import Typed, id_in, read_form, typed_in
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.pickers import RECEIVERS, WHOSE_WORK, Picked, picked
from app.web.render import page

router = page_router("/availability/{user_account_id}/hand-over")
begin = page_router("/hand-over")

_TITLES = {"leads": _("Leads"), "patients": _("Patients"), "calls": _("Booked calls"), "tasks": _("Tasks")}
_LONGEST_NUMBER = 9
MOST_NAMED = 900
"""So many records are named by a form; it has a thousand fields at most."""


def _counted(name: str, count: int) -> str:
    """How many of a kind, in words."""
    in_words = {
        "leads": ngettext("%(count)s lead", "%(count)s leads", count),
        "patients": ngettext("%(count)s patient", "%(count)s patients", count),
        "calls": ngettext("%(count)s booked call", "%(count)s booked calls", count),
        "tasks": ngettext("%(count)s task", "%(count)s tasks", count),
    }
    return str(in_words[name])


@dataclass(frozen=True)
class Progress:
    """
    How far a hand-over, or its undoing, has come: the records that are done (`done`; none of them where they are more
    than a form names), how many they are by kind, how many could not be, and whether there is more.

    It is carried from piece to piece by the form that asks for the next one.
    """

    done: Sequence[str]
    counts: Mapping[str, int]
    left: int
    whole: int
    waiting: Sequence[str] = ()
    goes_on: bool = False

    @property
    def all_done(self) -> int:
        """How many records are done so far."""
        return sum(self.counts.values())

    @property
    def text(self) -> str:
        """What is done so far, by kind: `312 leads, 40 tasks`."""
        return ", ".join(_counted(name, count) for name, count in self.counts.items() if count)

    @property
    def can_be_undone(self) -> bool:
        """Whether all that is done is named."""
        return 0 < len(self.done) == self.all_done


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
    progress: Progress | None = None,
    *,
    is_undo: bool = False,
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
        "progress": progress,
        "is_undo": is_undo,
        "leave": typed.get("leave", ()),
        "here": f"/availability/{account_id}/hand-over",
    }


@begin.get("", dependencies=[allow("work.hand_over")])
async def show_whose_work(request: Request) -> Response:
    return page(request, "availability/whose_work.html", {**NO_ERRORS, "whose": Picked()})


@begin.post("", dependencies=[allow("work.hand_over")])
async def choose_whose_work(request: Request, session: DbSession, actor: CurrentActor) -> Response:
    """Whose work is handed over; their name is in no address."""
    found, wrong = await picked(request, session, actor, WHOSE_WORK, "colleague")
    account_id = id_in(found.value)
    if account_id is None:
        wrong = wrong or [FieldError("colleague", "unclear", _("Choose a colleague."))]
        return form_again(request, "availability/whose_work.html", {**NO_ERRORS, "whose": found}, Invalid(fields=wrong))
    return go_to(request, f"/availability/{account_id}/hand-over")


@router.get("", dependencies=[allow("work.hand_over")])
async def show_hand_over(request: Request, session: DbSession, user_account_id: UUID) -> Response:
    return page(request, "availability/hand_over.html", await _context(session, user_account_id, {}))


@router.post("", dependencies=[allow("work.hand_over")])
async def hand_work_over(request: Request, session: DbSession, actor: CurrentActor, user_account_id: UUID) -> Response:
    """
    A batch, which stands when it is answered. While there is more the answer has a form that asks for the next one,
    which a browser sends by itself (js/app.js): so all of it is one press, and no request is long.
    """
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
    before = await _progress_in(request)
    typed["leave"] = [*order.leave, *(one.record_id for one in outcome.left)]
    remaining = sum(getattr(outcome.remaining, kind.name) for kind in KINDS if getattr(order, kind.name))
    waiting = remaining - before.left - len(outcome.left)
    progress = _with(before, outcome, waiting=waiting)
    if len(progress.done) + len(typed["leave"]) > MOST_NAMED:
        progress = replace(progress, done=())
    is_whole = len(outcome.done) + len(outcome.left) == handing.BATCH
    goes_on = waiting > 0 and is_whole and len(typed["leave"]) <= MOST_NAMED
    shown = await _context(session, user_account_id, typed, replace(progress, goes_on=goes_on))
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
    """What one has just handed over is taken back, of each record that is still as one has left it; in batches too."""
    texts = [str(text) for text in (await request.form()).getlist("back")][:MOST_NAMED]
    changes = [change for text in texts[: handing.BATCH] if (change := _change(text)) is not None]
    waiting = texts[handing.BATCH :]
    async with known_errors(request, session):
        outcome = await undo_hand_over(
            session,
            actor,
            account_id=user_account_id,
            changes=changes,
            request_id=request.scope.get("request_id"),
        )
    progress = _with(await _progress_in(request), outcome, waiting=len(waiting))
    progress = replace(progress, done=(), waiting=waiting, goes_on=bool(waiting))
    shown = await _context(session, user_account_id, {}, progress, is_undo=True)
    return page(request, "availability/hand_over.html", shown)


async def _progress_in(request: Request) -> Progress:
    """How far it has come by the form that asks for the next piece; the form of a first one says nothing of it."""
    form = await request.form()

    def number(name: str) -> int:
        text = str(form.get(name, ""))
        return int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER else 0

    done = [text for one in form.getlist("done")[:MOST_NAMED] if _change(text := str(one)) is not None]
    counts = {kind.name: number(f"so_far_{kind.name}") for kind in KINDS}
    return Progress(done=done, counts=counts, left=number("so_far_left"), whole=number("whole"))


def _with(before: Progress, outcome: HandedOver, *, waiting: int) -> Progress:
    """How far it has come with this piece; `waiting` so many records are still to be tried."""
    done = [*before.done, *(f"{one.kind}:{one.record_id}:{one.since}:{one.until}" for one in outcome.done)]
    counts = {name: count + sum(one.kind == name for one in outcome.done) for name, count in before.counts.items()}
    left = before.left + len(outcome.left)
    tried = sum(counts.values()) + left
    return Progress(
        done if len(done) == sum(counts.values()) else (),
        counts,
        left,
        whole=max(before.whole, tried + max(waiting, 0)),
    )


def _change(text: str) -> HandOverChange | None:
    kind, _sep, rest = text.partition(":")
    record_id, *versions = rest.split(":")
    try:
        since, until = (int(one) for one in versions if one.isascii() and one.isdigit() and len(one) < _LONGEST_NUMBER)
        return HandOverChange.model_validate({"kind": kind, "record_id": record_id, "since": since, "until": until})
    except ValueError:
        return None
