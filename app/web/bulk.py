"""Several records of a list changed at once: each with an event of its own, those that cannot be named, and undone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.ownership import owners_asked_about_once
from app.access.request_guard import CurrentActor, DbSession
from app.audit import service as audit
from app.people.locks import holding
from app.platform.actor import Actor
from app.platform.errors import AppError, FieldError, Invalid, NotFound, Stale
from app.platform.locales import _
from app.platform.paging import MAX_LIMIT
from app.platform.text import Body
from app.web.forms import id_in, on_a_page, read_form
from app.web.listing import Bulk, Change, Failure, ListPage, Outcome, asked_of_list, list_context, question_of
from app.web.page_guard import allow, form_again, known_errors
from app.web.pickers import BY_NAME, NOBODY, picked
from app.web.render import page
from app.web.words import plural, words

_FIELDS = {"assign": ("owner_id", "to_owner"), "move": ("status", "to_status")}
"""By the button: the field that it changes, and the menu that says to what."""


class _NothingChanges(Exception):
    """Within a block: one of all could not be changed, and all or none was asked for."""


def _done(things: str, field: str, update: Any) -> str:
    if field == "owner_id":
        return _("Assigned %(things)s.", things=things)
    return _("Moved to %(status)s: %(things)s.", status=words(str(update.status)).lower(), things=things)


def _tone(done: Sequence[Change]) -> str:
    """How it is told: nothing that was done is no success."""
    return "success" if done else "info"


def add_bulk(router: APIRouter, shown: ListPage) -> None:
    """Serve the changes of several records of a list, and their undoing."""
    assert shown.bulk is not None  # noqa: S101 - declared by who calls
    bulk = shown.bulk

    @router.post(f"{shown.path}/bulk", name=f"change_several_{shown.name}", dependencies=[allow(bulk.permission)])
    async def change_several(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        """What was chosen in the bar, for each record that is selected."""
        form = await request.form()
        try:
            field, update = await _asked(request, session, actor, bulk)
            ids = await _chosen(request, session, actor, shown)
            if not ids or len(ids) > MAX_LIMIT:
                raise Invalid(
                    fields=[FieldError("id", "selection", _("Select 1 to %(most)s of them.", most=MAX_LIMIT))]
                )
        except Invalid as error:
            return form_again(request, "list.html", await _list(request, session, actor, shown), error)

        async def change(record_id: UUID) -> Change:
            since = (await bulk.get(session, actor, **{shown.key: record_id})).version
            changed = await bulk.change(session, actor, **{shown.key: record_id}, change=update)
            return Change(record_id, since, changed.version)

        done: Sequence[Change] = ()
        left: Sequence[Failure] = ()
        try:
            async with session.begin_nested():
                done, left = await _each(request, session, actor, shown, ids, change, f"change_{shown.record}")
                if left and form.get("all_or_none"):
                    raise _NothingChanges
        except _NothingChanges:
            done = ()
        changed = [one for one in done if one.until != one.since]
        text = _done(plural(len(done), *shown.noun), field, update) if done else _("Nothing was changed.")
        outcome = Outcome(text, changed, left, _tone(done))
        return page(request, "list.html", await _list(request, session, actor, shown, outcome))

    @router.post(f"{shown.path}/undo", name=f"undo_several_{shown.name}", dependencies=[allow(bulk.permission)])
    async def undo_several(request: Request, session: DbSession, actor: CurrentActor) -> Response:
        """What one has just done is taken back, for each record that is still as one has left it."""
        changes = {one.record_id: one for text in (await request.form()).getlist("done") if (one := _change(str(text)))}

        async def undo(record_id: UUID) -> Change:
            one = changes[record_id]
            undone = await bulk.undo(session, actor, **{shown.key: record_id}, since=one.since, until=one.until)
            return Change(record_id, one.until, undone.version)

        ids = list(changes)[:MAX_LIMIT]
        done, left = await _each(request, session, actor, shown, ids, undo, f"undo_{shown.record}")
        text = _("Undone for %(things)s.", things=plural(len(done), *shown.noun)) if done else _("Nothing was undone.")
        outcome = Outcome(text, (), left, _tone(done))
        return page(request, "list.html", await _list(request, session, actor, shown, outcome))


async def _chosen(request: Request, session: AsyncSession, actor: Actor, shown: ListPage) -> list[UUID | None]:
    """
    The records that are selected, or all that fit the list's filters.

    Invalid where as many as were said do not fit any more: nobody changes more than they have read.
    """
    form = await request.form()
    said = str(form.get("all_fitting") or "")
    if not said:
        return [id_in(str(text)) for text in form.getlist("id")]
    query = question_of(request, shown, asked_of_list(shown, form))
    found = await shown.find(session, actor, query=query.model_copy(update={"limit": MAX_LIMIT, "cursor": None}))
    ids: list[UUID | None] = [getattr(row, shown.key) for row in found.rows]
    if found.next_cursor is not None or str(len(ids)) != said:
        sentence = _("Other records fit by now than when you selected them. Look at the list and select again.")
        raise Invalid(fields=[FieldError("id", "selection", sentence)])
    return ids


def _change(text: str) -> Change | None:
    name, _, versions = text.partition(":")
    since, _, until = versions.partition(":")
    record_id = id_in(name)
    is_number = all(part.isascii() and part.isdigit() and len(part) < 10 for part in (since, until))  # noqa: PLR2004 - no version is longer
    return Change(record_id, int(since), int(until)) if record_id and is_number else None


async def _asked(request: Request, session: AsyncSession, actor: Actor, bulk: Bulk) -> tuple[str, Body]:
    """The field that is changed, and the change. Invalid where nothing, or what is not offered, was chosen."""
    form = await request.form()
    field, menu = _FIELDS.get(str(form.get("do", "")), _FIELDS["assign"])
    wrong: Sequence[FieldError] = ()
    chosen = str(form.get(menu, ""))
    if field == "owner_id":
        found, wrong = await picked(request, session, actor, BY_NAME[bulk.picker], menu)
        chosen = found.value
    if wrong:
        raise Invalid(fields=wrong)
    if not chosen or (field == "status" and chosen not in dict(bulk.moves)):
        raise Invalid(fields=[FieldError(menu, "missing", _("Choose one of the list."))])
    return field, read_form(bulk.update, {field: "" if chosen == NOBODY else chosen})


async def _each(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    shown: ListPage,
    ids: Sequence[UUID | None],
    act: Callable[[UUID], Awaitable[Change]],
    action: str,
) -> tuple[list[Change], list[Failure]]:
    """
    `act` for each record, in the order of their ids, so that two who do so at once follow each other.

    Each that is done leaves its own event; each that is refused is left as it was and named.
    """
    bulk = shown.bulk
    assert bulk is not None  # noqa: S101 - as in add_bulk
    chosen = sorted({one for one in ids if one is not None})
    request_id = request.scope.get("request_id")
    done, refused = [], []
    with owners_asked_about_once():
        try:
            # All at once, as it goes most times: one by one each has its own locks, savepoint and event to wait for.
            kept: list[audit.Event] = []
            async with known_errors(request, session):
                with holding(await bulk.lock(session, chosen)):
                    for record_id in chosen:
                        async with audit.event_of_its_own(
                            session, actor, action=action, request_id=request_id, kept=kept
                        ):
                            done.append(await act(record_id))
                await audit.write_kept(session, kept)
        except AppError:
            done = []
            for record_id in chosen:
                try:
                    # The event is undone with the change.
                    async with (
                        known_errors(request, session),
                        audit.event_of_its_own(session, actor, action=action, request_id=request_id),
                    ):
                        done.append(await act(record_id))
                except AppError as error:
                    refused.append((record_id, _why(error)))
    left = []
    for record_id, why in refused:
        try:
            row = await bulk.get(session, actor, **{shown.key: record_id})
        except NotFound as error:
            left.append(Failure(None, error.error_detail))
        else:
            left.append(Failure(shown.answer_of(row), why))
    return done, left


def _why(error: AppError) -> str:
    if isinstance(error, Stale):
        return _("It was changed meanwhile.")
    return " ".join(map(on_a_page, error.fields)) or error.error_detail


async def _list(
    request: Request, session: AsyncSession, actor: Actor, shown: ListPage, outcome: Outcome | None = None
) -> dict[str, Any]:
    """The list that the form was sent from."""
    typed = asked_of_list(shown, await request.form())
    query = question_of(request, shown, typed)
    found = await shown.find(session, actor, query=query)
    return await list_context(request, session, actor, shown, found, typed, outcome)
