"""
The history of a record: every field of the person and of the case with what it was before, who changed it, when and
why; what was voided; and who saw the person, for those who may know.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.masking import HIDDEN
from app.access.queries import account_names
from app.access.request_guard import CurrentAccess, CurrentActor, DbSession
from app.access.views import AccessContext
from app.calls import answers as call_answers
from app.calls.queries import list_calls
from app.calls.schemas import CallFilter, CallRead
from app.documents.queries import list_documents
from app.documents.schemas import DocumentFilter, DocumentRead
from app.notes.queries import list_notes
from app.notes.schemas import NoteFilter, NoteRead
from app.oversight.access_report import page_of_looks
from app.oversight.history import versions_of
from app.oversight.records import BY_TYPE
from app.oversight.schemas import AccessReportFilter, HistoryFilter, VersionRead
from app.platform import clock
from app.platform.actor import Actor
from app.platform.locales import _
from app.platform.paging import MAX_LIMIT
from app.web.about import LEADS, PATIENTS, PEOPLE, About
from app.web.histories import lines_of, names_in
from app.web.oversight import zone_of
from app.web.page_guard import allow, page_router
from app.web.render import page
from app.web.words import shown_in, words

router = page_router()

_VERSIONS = 50
_LOOKS = 20
_RIGHTS = {PATIENTS: "patient.read", LEADS: "lead.read", PEOPLE: "person.read"}


@dataclass(frozen=True)
class Changed:
    """A version of the person or of the case, with what it changed."""

    of: str
    version: VersionRead
    lines: Sequence[tuple[str, Any, Any]]


@dataclass(frozen=True)
class Voided:
    """Something that was taken back as entered by mistake."""

    what: str
    at: datetime | None
    answer: CallRead | NoteRead | DocumentRead


async def _changes(
    request: Request, session: AsyncSession, actor: Actor, access: AccessContext, records: dict[str, UUID]
) -> tuple[list[Changed], list[tuple[str, str]]]:
    """The changes of these records, the newest first, and where the whole history of each stands."""
    changes: list[Changed] = []
    whole: list[tuple[str, str]] = []
    for table, record_id in records.items():
        record = BY_TYPE[table]
        if not actor.may(record.permission):
            continue
        query = HistoryFilter(limit=_VERSIONS)
        found = await versions_of(session, actor, record=record, record_id=record_id, access=access, query=query)
        names = await names_in(session, record, found.items)
        with shown_in(zone_of(request)):
            changes += [Changed(words(table), one, lines_of(record, one, names)) for one in found.items]
        whole.append((words(table), f"/history/{record.path}/{record_id}"))
    return sorted(changes, key=lambda one: one.version.valid_from, reverse=True), whole


async def _voided(session: AsyncSession, actor: Actor, person_id: UUID) -> list[Voided]:
    """What was voided among the newest calls, notes and documents of a person."""
    asked: dict[str, Any] = {"person_id": person_id, "include_voided": "true", "limit": MAX_LIMIT}
    found: list[Voided] = []
    if actor.may("call.read") and actor.may("call.read_voided"):
        calls = (await list_calls(session, actor, query=CallFilter(**asked))).rows
        found += [
            Voided(_("Call"), row.voided_at, call_answers.read(row, clock.now())) for row in calls if row.voided_at
        ]
    if actor.may("note.read") and actor.may("note.read_voided"):
        notes = (await list_notes(session, actor, query=NoteFilter(**asked))).rows
        found += [Voided(_("Note"), row.voided_at, NoteRead.model_validate(row)) for row in notes if row.voided_at]
    if actor.may("document.read") and actor.may("document.read_voided"):
        documents = (await list_documents(session, actor, query=DocumentFilter(**asked))).rows
        found += [
            Voided(_("Document"), row.voided_at, DocumentRead.model_validate(row)) for row in documents if row.voided_at
        ]
    return sorted(found, key=lambda one: one.at or clock.now(), reverse=True)


def _add(about: About) -> None:
    key = Path(alias=about.key)

    @router.get(
        f"{about.address}/history", name=f"show_{about.kind}_record_history", dependencies=[allow(_RIGHTS[about])]
    )
    async def show_history(
        request: Request, session: DbSession, actor: CurrentActor, access: CurrentAccess, record_id: UUID = key
    ) -> Response:
        context = await about.context(session, actor, record_id)
        person_id = context["person"].person_id
        records = {about.table: record_id, "person": person_id}
        changes, whole = await _changes(request, session, actor, access, records)
        voided = await _voided(session, actor, person_id)
        looks = None
        if actor.may("audit.read"):
            query = AccessReportFilter(limit=_LOOKS)
            looks = (await page_of_looks(session, actor, person_id=person_id, query=query)).items
        names = await account_names(session, [one.answer.voided_by for one in voided])
        shown = {"changes": changes, "whole": whole, "voided": voided, "looks": looks, "names": names, "hidden": HIDDEN}
        return page(request, "people/history.html", {**context, **shown})


for _about in (PATIENTS, LEADS, PEOPLE):
    _add(_about)
