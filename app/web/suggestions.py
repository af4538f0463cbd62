"""
Suggested changes: the list of those that wait, and on the pages of leads and patients each is taken over, or ours is
kept, with one press.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, get_args
from uuid import UUID

from fastapi import Path, Request, Response
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.request_guard import CurrentActor, DbSession
from app.people import suggestions
from app.people.errors import SuggestionNotFound
from app.people.models import SuggestedChange
from app.people.queries import get_suggested_change, list_suggested_changes
from app.people.schemas import SuggestedChangeFilter, SuggestedChangeRead, SuggestionDecision
from app.platform.actor import Actor
from app.platform.errors import AppError
from app.platform.locales import _, ngettext
from app.platform.text import Body, Code, Id
from app.web.about import LEADS, PATIENTS, About, Whose, whose_pages
from app.web.addresses import came_from, way_back
from app.web.forms import read_form, typed_in
from app.web.listing import Column, Filter, ListPage, View, add_list
from app.web.page_guard import allow, go_to, known_errors, page_router
from app.web.render import Flash, page, wants_part
from app.web.undoing import Version, undo_at, undone
from app.web.words import words

router = page_router()

AT = "#suggested"
"""Where on the page of a record its suggested changes stand."""


async def whose(session: AsyncSession, changes: Sequence[SuggestedChangeRead]) -> Mapping[UUID, Whose]:
    """By the change: whom it is about, and where it is decided."""
    shown = await whose_pages(session, {change.person_id for change in changes})
    found = {}
    for change in changes:
        person, page = shown[change.person_id]
        href = page or f"/people/{change.person_id}"
        found[change.suggested_change_id] = Whose(person=person, href=href + AT)
    return found


LIST = ListPage(
    path="/suggestions",
    title=_("Suggested changes"),
    permission="suggestion.read",
    noun=(_("suggested change"), _("suggested changes")),
    order=_("newest first"),
    sort="",
    question=SuggestedChangeFilter,
    find=list_suggested_changes,
    answer=SuggestedChangeRead,
    key="suggested_change_id",
    columns=(
        Column("name", _("Person"), 0, "beside.person", "whose"),
        Column("field", _("Field"), 0, "field", "words"),
        Column("ours", _("Ours"), 1, "ours", "stored"),
        Column("theirs", _("Suggested"), 0, "theirs", "stored"),
        Column("source", _("Sent by"), 5, "source", "words"),
        Column("created", _("Arrived"), 4, "created_at", "day_of"),
        Column("decision", _("Decision"), 0, "decision", "decide"),
    ),
    opens=(),
    may=("suggestion.decide",),
    begins=lambda _actor: {"decision": "open"},
    note=_("Accepting an e-mail, a phone or a status cannot be undone by a button. Keeping ours can."),
    filters=lambda seen: [
        Filter("owner", _("Owner"), [("me", _("Me"))]),
        seen.there("field", _("Field")),
        seen.there("source", _("Sent by")),
        Filter("decision", _("Decision"), [(code, words(code)) for code in get_args(SuggestionDecision)]),
    ],
    views=lambda _seen: [
        View(_("Mine"), {"decision": "open", "owner": "me"}, empty=_("Nothing waits for your decision")),
        View(_("Everybody's"), {"decision": "open"}),
        View(_("Decided or not"), {}),
    ],
    beside=whose,
    beside_of=Whose,
    empty=(
        _("Nothing is suggested"),
        _("When somebody sends another value than their record has, it waits here for a decision."),
        "edit",
    ),
)
add_list(router, LIST)


class Acceptance(Body):
    """The reason, where the new value needs one."""

    reason_code: Code | None = None


class Shown(Body):
    """The suggested changes that a page has shown, the newest first."""

    id: Annotated[list[Id], Field(min_length=1, max_length=20)]


async def _of(
    session: AsyncSession, actor: Actor, about: About, record_id: UUID, suggested_change_id: UUID
) -> SuggestedChange:
    """SuggestionNotFound for one of another person than the record of the address is about."""
    person = await about.person(session, actor, record_id)
    change = await get_suggested_change(session, actor, suggested_change_id=suggested_change_id)
    if change.person_id != person.person_id:
        raise SuggestionNotFound
    return change


async def _accepted(
    request: Request, session: AsyncSession, actor: Actor, change: SuggestedChange, place: str
) -> Flash:
    """What is said of the value that was taken over; `place` is where that is undone."""
    asked = read_form(Acceptance, await typed_in(request, Acceptance))
    why, key = suggestions.Why(reason_code=asked.reason_code), change.suggested_change_id
    said = _("%(what)s: the suggested value is taken over.", what=words(change.field))
    if not suggestions.is_undoable(change):
        await suggestions.accept(session, actor, suggested_change_id=key, why=why)
        return Flash(f"{said} {_('No button undoes this.')}")
    since = await suggestions.version_of(session, actor, change)
    await suggestions.accept(session, actor, suggested_change_id=key, why=why)
    return Flash(str(said), undo=undo_at(place, (since, await suggestions.version_of(session, actor, change))))


_OF_A_REJECTION: Final = 0
"""Where the version before stands in an address: the record has not changed, the version after is the suggestion's."""


async def _rejected(session: AsyncSession, actor: Actor, suggested_change_id: UUID, place: str) -> Flash:
    change = await suggestions.reject(session, actor, suggested_change_id=suggested_change_id)
    said = _("%(what)s: ours is kept. The value is not suggested again.", what=words(change.field))
    return Flash(str(said), undo=undo_at(place, (_OF_A_REJECTION, change.version)))


async def _put_back(
    request: Request, session: AsyncSession, actor: Actor, suggested_change_id: UUID, since: int, until: int
) -> Flash:
    if since == _OF_A_REJECTION:
        undo = suggestions.undo_rejection(session, actor, suggested_change_id=suggested_change_id, version=until)
    else:
        undo = suggestions.undo_acceptance(
            session, actor, suggested_change_id=suggested_change_id, since=since, until=until
        )
    return await undone(request, session, undo)


def _list_it_was(request: Request) -> str:
    """The list with the filters with which it was looked at."""
    return way_back(came_from(request), LIST.path)


async def _in_its_row(
    request: Request, session: AsyncSession, actor: Actor, suggested_change_id: UUID, flash: Flash
) -> Response:
    """
    The row says what was decided and stays in its place, so that a second press does not decide the next one.

    Whose value it was is told by the row's message. The one that a redirect leaves does not name anybody.
    """
    if not wants_part(request):
        return go_to(request, _list_it_was(request), flash=flash)
    row = await get_suggested_change(session, actor, suggested_change_id=suggested_change_id)
    change = SuggestedChangeRead.model_validate(row)
    about = (await whose(session, [change]))[suggested_change_id]
    context = {
        "change": change,
        "about": about,
        "undo": flash.undo,
        "is_undoable": change.decision == "rejected" or suggestions.is_undoable(row),
    }
    return page(request, "suggestions/decided.html", context, block="decided")


# In the list it is decided without leaving it.
_IN_LIST = LIST.path + "/{suggested_change_id}"


@router.post(f"{_IN_LIST}/accept", name="accept_listed_change", dependencies=[allow("suggestion.decide")])
async def accept_listed(
    request: Request, session: DbSession, actor: CurrentActor, suggested_change_id: UUID
) -> Response:
    change = await get_suggested_change(session, actor, suggested_change_id=suggested_change_id)
    flash = await _accepted(request, session, actor, change, f"{LIST.path}/{suggested_change_id}")
    return await _in_its_row(request, session, actor, suggested_change_id, flash)


@router.post(f"{_IN_LIST}/undo", name="undo_listed_change", dependencies=[allow("suggestion.decide")])
async def undo_listed(
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    suggested_change_id: UUID,
    since: Version = 0,
    until: Version = 0,
) -> Response:
    flash = await _put_back(request, session, actor, suggested_change_id, since, until)
    return go_to(request, _list_it_was(request), flash=flash)


@router.post(f"{_IN_LIST}/reject", name="reject_listed_change", dependencies=[allow("suggestion.decide")])
async def reject_listed(
    request: Request, session: DbSession, actor: CurrentActor, suggested_change_id: UUID
) -> Response:
    flash = await _rejected(session, actor, suggested_change_id, f"{LIST.path}/{suggested_change_id}")
    return await _in_its_row(request, session, actor, suggested_change_id, flash)


def _add_all(about: About) -> None:
    key = Path(alias=about.key)

    @router.post(
        f"{about.address}/suggested-changes/accept-all",
        name="accept_suggested_changes",
        dependencies=[allow("suggestion.decide")],
    )
    async def accept_all(request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key) -> Response:
        """Those that were shown; one that cannot be taken over is left, and named with the reason."""
        asked = read_form(Shown, await typed_in(request, Shown))
        await about.context(session, actor, record_id)
        taken, left, of_fields = 0, [], set[str]()
        for change_id in dict.fromkeys(asked.id):
            field = (await _of(session, actor, about, record_id, change_id)).field
            if field in of_fields:
                # Of two values for one field the newer was taken over, and has settled the other.
                continue
            try:
                async with known_errors(request, session):
                    await suggestions.accept(session, actor, suggested_change_id=change_id)
            except AppError as error:
                left.append(str(_("%(field)s is left.", field=words(field))) + f" {_(error.error_detail)}")
            else:
                of_fields.add(field)
                taken += 1
        said = ngettext(
            "%(count)s suggested value is taken over. What was there before stands in the history.",
            "%(count)s suggested values are taken over. What was there before stands in the history.",
            taken,
        )
        text = " ".join([str(said if taken else _("No value was taken over.")), *left])
        return go_to(request, f"{about.path}/{record_id}", flash=Flash(text, "warning" if left else "success"))


def _add(about: About) -> None:
    key = Path(alias=about.key)
    place = f"{about.address}/suggested-changes/{{suggested_change_id}}"

    @router.post(f"{place}/accept", name="accept_suggested_change", dependencies=[allow("suggestion.decide")])
    async def accept(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        suggested_change_id: UUID,
        record_id: UUID = key,
    ) -> Response:
        change = await _of(session, actor, about, record_id, suggested_change_id)
        place = f"{about.path}/{record_id}/suggested-changes/{suggested_change_id}"
        flash = await _accepted(request, session, actor, change, place)
        return go_to(request, f"{about.path}/{record_id}", flash=flash)

    @router.post(f"{place}/undo", name="undo_suggested_change", dependencies=[allow("suggestion.decide")])
    async def undo_accepted(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        suggested_change_id: UUID,
        record_id: UUID = key,
        since: Version = 0,
        until: Version = 0,
    ) -> Response:
        """What was just decided waits again; what was taken over is put back."""
        await _of(session, actor, about, record_id, suggested_change_id)
        flash = await _put_back(request, session, actor, suggested_change_id, since, until)
        return go_to(request, f"{about.path}/{record_id}", flash=flash)

    @router.post(f"{place}/reject", name="reject_suggested_change", dependencies=[allow("suggestion.decide")])
    async def reject(
        request: Request,
        session: DbSession,
        actor: CurrentActor,
        suggested_change_id: UUID,
        record_id: UUID = key,
    ) -> Response:
        await _of(session, actor, about, record_id, suggested_change_id)
        place = f"{about.path}/{record_id}/suggested-changes/{suggested_change_id}"
        flash = await _rejected(session, actor, suggested_change_id, place)
        return go_to(request, f"{about.path}/{record_id}", flash=flash)


for _about in (PATIENTS, LEADS):
    _add_all(_about)
    _add(_about)
