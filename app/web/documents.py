"""Documents on pages: their list, and one of them: added about a lead or a patient, read, in versions, voided."""

from collections.abc import Mapping
from typing import Any, get_args
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.queries import account_names
from app.access.request_guard import CurrentActor, DbSession
from app.access.uploads import CurrentUpload, Upload
from app.audit import service as audit
from app.documents import service
from app.documents.downloads import DocumentContent
from app.documents.queries import get_document, list_documents
from app.documents.schemas import DocumentCreate, DocumentFilter, DocumentRead, Expiry
from app.documents.words import KINDS
from app.people.schemas import PersonRead
from app.platform.actor import Actor
from app.platform.content_types import SHOWN_INLINE, TAKEN
from app.platform.errors import AppError, FieldError, Invalid, NotFound
from app.platform.locales import _
from app.platform.text import Body, line
from app.web.about import LEADS, PATIENTS, About
from app.web.forms import Typed, read_form, typed_in
from app.web.listing import BY_PERSON, Column, Filter, ListPage, Seen, View, add_list
from app.web.page_guard import NO_ERRORS, allow, form_again, go_to, known_errors, page_router
from app.web.render import Flash, page
from app.web.words import words

router = page_router()
_KINDS = [(kind, words(kind)) for kind in KINDS]
EXPIRIES = {
    "expired": _("has expired"),
    "in_30_days": _("within 30 days"),
    "in_90_days": _("within 90 days"),
}
_ACCEPT = ",".join(f".{ending}" for ending in TAKEN.values())


_VIEWS = (("in_30_days", _("Expire soon")), ("expired", _("Expired")))


def _by_what_they_are(seen: Seen) -> list[Filter]:
    """The filters by kind and expiry, which tell of somebody's health: for those who see it as it is."""
    if "health" in seen.masked:
        return []
    return [
        Filter("expiry", _("Expires"), [(code, EXPIRIES[code]) for code in get_args(Expiry)]),
        Filter("kind", _("Kind"), _KINDS),
    ]


LIST = ListPage(
    path="/documents",
    title=_("Documents"),
    permission="document.read",
    noun=(_("document"), _("documents")),
    order=_("newest first"),
    sort="",
    question=DocumentFilter,
    find=list_documents,
    answer=DocumentRead,
    key="document_id",
    columns=(
        Column("name", _("Person"), 0, "person", "person"),
        Column("title", _("Title"), 0, "title"),
        Column("kind", _("Kind"), 1, "kind", "words"),
        Column("expires", _("Expires"), 0, "expires_on", "expiry"),
        Column("created", _("Added"), 2, "created_at", "day_of"),
    ),
    opens=("/documents/{document_id}",),
    filters=lambda seen: [Filter("owner", _("Owner"), [("me", _("Me"))]), *_by_what_they_are(seen)],
    views=lambda seen: [
        View(_("All"), {}),
        *(View(label, {"expiry": code}) for code, label in _VIEWS if "health" not in seen.masked),
    ],
    empty=(
        _("No document is here"),
        _("Consents and other papers are added on the page of a patient or a lead, with the day on which they expire."),
        "file-check",
    ),
    searches=BY_PERSON,
    search_right="person.search",
)
add_list(router, LIST)


class VoidForm(Body):
    reason: line(500)  # type: ignore[valid-type]  # a type that is made


def _add_new(about: About) -> None:
    key = Path(alias=about.key)

    @router.get(f"{about.address}/documents/new", name="show_new_document", dependencies=[allow("document.write")])
    async def show_new_document(
        request: Request, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        typed = dict.fromkeys(DocumentCreate.model_fields, "")
        context = await about.context(session, actor, record_id)
        return page(request, "documents/new.html", {**context, **_choices(request), "typed": typed})

    @router.post(f"{about.address}/documents", name="add_document", dependencies=[allow("document.write", upload=True)])
    async def add_document(
        request: Request, upload: CurrentUpload, session: DbSession, actor: CurrentActor, record_id: UUID = key
    ) -> Response:
        typed = await typed_in(request, DocumentCreate)
        shown = {**await about.context(session, actor, record_id), **_choices(request), "typed": typed}
        try:
            new = read_form(
                DocumentCreate,
                _given(typed, about, record_id),
                zone=request.state.frame.zone,
                wrong=_wrong_with(upload),
            )
            async with known_errors(request, session):
                document = await service.add_document(session, actor, new=new, upload=upload)
        except NotFound:
            raise
        except AppError as error:
            return form_again(request, "documents/new.html", shown, error)
        return go_to(request, f"/documents/{document.document_id}", flash=Flash(_("The document is kept.")))


for _about in (PATIENTS, LEADS):
    _add_new(_about)


def _given(typed: Typed, about: About, record_id: UUID) -> Mapping[str, Any]:
    return {name: value for name, value in typed.items() if value != ""} | {about.key: str(record_id)}


def _wrong_with(upload: Upload) -> list[FieldError]:
    """What a form says of its file, beside what it says of its fields. What is no fault of the form's is raised."""
    if upload.file is not None:
        return []
    if isinstance(upload.fault, Invalid):
        return list(upload.fault.fields)
    upload.kept()
    return []


def _choices(request: Request) -> dict[str, Any]:
    return {"kinds": _KINDS, "accept": _ACCEPT, "largest_mib": request.app.state.files.largest_mib}


async def _context(request: Request, session: AsyncSession, actor: Actor, document_id: UUID) -> dict[str, Any]:
    document = await get_document(
        session, actor, document_id=document_id, include_voided=actor.may("document.read_voided")
    )
    audit.note(session, record_type="document", record_id=document_id, person_ids=[document.person_id])
    about = PATIENTS if document.patient_id is not None else LEADS
    record_id = document.patient_id or document.lead_id
    authors = {version.created_by for version in document.versions} | {document.voided_by}
    return {
        **NO_ERRORS,
        **_choices(request),
        "document": DocumentRead.model_validate(document),
        "person": PersonRead.model_validate(document.person),
        "place": about.place,
        "place_href": about.path,
        "record": None if record_id is None else f"{about.path}/{record_id}",
        "here": f"/documents/{document_id}",
        "names": await account_names(session, authors),
        "shown_inline": SHOWN_INLINE,
        "may_write": actor.may("document.write") and document.voided_at is None,
        "may_void": document.voided_at is None and _may_void(actor, document.created_by),
        "typed": {"reason": ""},
    }


def _may_void(actor: Actor, author: UUID | None) -> bool:
    is_own = author is not None and author == actor.account_id
    return actor.may("document.void_any") or (is_own and actor.may("document.void_own"))


@router.get("/documents/{document_id}", dependencies=[allow("document.read")])
async def show_document(request: Request, session: DbSession, actor: CurrentActor, document_id: UUID) -> Response:
    return page(request, "documents/document.html", await _context(request, session, actor, document_id))


@router.get("/documents/{document_id}/versions/{number}/content", dependencies=[allow("document.read")])
async def open_document(
    request: Request, session: DbSession, actor: CurrentActor, document_id: UUID, number: int
) -> Response:
    """The content of a version, to look at where `view` is asked for, else to keep."""
    document = await get_document(session, actor, document_id=document_id)
    is_viewed = request.query_params.get("view") == "1"
    return DocumentContent(request, session, document, number=number, inline=is_viewed)


@router.post("/documents/{document_id}/versions", dependencies=[allow("document.write", upload=True)])
async def add_document_version(
    request: Request, upload: CurrentUpload, session: DbSession, actor: CurrentActor, document_id: UUID
) -> Response:
    context = await _context(request, session, actor, document_id)
    try:
        async with known_errors(request, session):
            await service.add_version(session, actor, document_id=document_id, upload=upload)
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "documents/document.html", context, error)
    return go_to(request, context["here"], flash=Flash(_("The new version is kept.")))


@router.post("/documents/{document_id}/void", dependencies=[allow("document.void_own")])
async def void_document(request: Request, session: DbSession, actor: CurrentActor, document_id: UUID) -> Response:
    context = await _context(request, session, actor, document_id)
    typed = await typed_in(request, VoidForm)
    try:
        form = read_form(VoidForm, typed)
        async with known_errors(request, session):
            await service.void_document(session, actor, document_id=document_id, reason=form.reason)
    except NotFound:
        raise
    except AppError as error:
        return form_again(request, "documents/document.html", {**context, "typed": typed}, error)
    return go_to(request, context["record"] or "/", flash=Flash(_("The document is voided.")))
