"""`/documents`: add, list, read, change, void. A document is about a person or a record of theirs."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Path, Query, Request, Response
from pydantic import ValidationError

from app.access.request_guard import ChangeReason, CurrentActor, DbSession, IfMatch, allow, api_router
from app.access.uploads import FILE_FIELD, FORM, CurrentUpload
from app.audit import service as audit
from app.documents import queries, service
from app.documents.downloads import DocumentContent
from app.documents.schemas import DocumentCreate, DocumentFilter, DocumentRead, DocumentUpdate, YesNo
from app.people.schemas import SearchPage
from app.platform.errors import Invalid
from app.platform.etags import etag
from app.platform.paging import Page
from app.platform.problems import described, invalid_fields
from app.platform.text import Id

router = api_router("/documents", "documents")
_FILE = {"type": "string", "format": "binary", "description": "The file, whose kind is told by its content."}
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The content.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _form(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """The form of a route that takes a file, as the description tells it."""
    properties = {**fields, FILE_FIELD: _FILE}
    schema = {"type": "object", "required": [*required, FILE_FIELD], "properties": properties}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


_FIELDS = DocumentCreate.model_json_schema()


@router.post(
    "",
    status_code=201,
    response_model=DocumentRead,
    responses=described(404),
    openapi_extra=_form(_FIELDS["properties"], _FIELDS["required"]),
    dependencies=[allow("document.write", upload=True)],
)
async def create_document(
    upload: CurrentUpload, session: DbSession, actor: CurrentActor, response: Response
) -> DocumentRead:
    """Add a document with its first version. Every POST is a document of its own."""
    document = await service.add_document(session, actor, new=_read_fields(upload.fields), upload=upload)
    response.headers["etag"] = etag(document.version)
    response.headers["location"] = f"{router.prefix}/{document.document_id}"
    return DocumentRead.model_validate(document)


@router.get("", response_model=SearchPage[DocumentRead], dependencies=[allow("document.read")])
async def list_documents(
    query: Annotated[DocumentFilter, Query()], session: DbSession, actor: CurrentActor
) -> Page[DocumentRead]:
    """
    Documents, newest first; asked by `expiry` what expires first at the front. `q` needs the permission to search.
    """
    found = await queries.list_documents(session, actor, query=query)
    return audit.show_page(session, found, map(DocumentRead.model_validate, found.rows))


@router.get("/{document_id}", response_model=DocumentRead, dependencies=[allow("document.read")])
async def get_document(
    document_id: Id,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    include_voided: Annotated[YesNo | None, Query()] = None,
) -> DocumentRead:
    document = await queries.get_document(
        session, actor, document_id=document_id, include_voided=include_voided == "true"
    )
    audit.note(session, record_type="document", record_id=document_id)
    response.headers["etag"] = etag(document.version)
    return DocumentRead.model_validate(document)


@router.get(
    "/{document_id}/versions/{number}/content",
    response_class=Response,
    responses={**_CONTENT, **described(409)},
    dependencies=[allow("document.read")],
)
async def download_document(
    document_id: Id,
    number: Annotated[int, Path(ge=1, le=100_000)],
    request: Request,
    session: DbSession,
    actor: CurrentActor,
    disposition: Annotated[Literal["attachment", "inline"], Query()] = "attachment",
) -> Response:
    """
    The content of a version. As an attachment, but for PDF and pictures that are asked for `inline`.

    409 `document_not_scanned`, `document_quarantined`, `document_erased`; 403 `document_masked`.
    """
    document = await queries.get_document(session, actor, document_id=document_id)
    return DocumentContent(request, session, document, number=number, inline=disposition == "inline")


@router.post(
    "/{document_id}/versions",
    status_code=201,
    response_model=DocumentRead,
    openapi_extra=_form({}, []),
    dependencies=[allow("document.write", upload=True)],
)
async def add_document_version(
    document_id: Id,
    upload: CurrentUpload,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> DocumentRead:
    """Add a new version; the earlier ones stay."""
    document = await service.add_version(session, actor, document_id=document_id, upload=upload, if_match=if_match)
    response.headers["etag"] = etag(document.version)
    return DocumentRead.model_validate(document)


@router.put("/{document_id}", response_model=DocumentRead, dependencies=[allow("document.write")])
async def update_document(
    document_id: Id,
    change: DocumentUpdate,
    session: DbSession,
    actor: CurrentActor,
    response: Response,
    if_match: IfMatch,
) -> DocumentRead:
    """Change the fields given; what they were is kept. An empty body changes nothing."""
    document = await service.change_document(session, actor, document_id=document_id, change=change, if_match=if_match)
    response.headers["etag"] = etag(document.version)
    return DocumentRead.model_validate(document)


@router.delete("/{document_id}", status_code=204, dependencies=[allow("document.void_own")])
async def void_document(
    document_id: Id, session: DbSession, actor: CurrentActor, if_match: IfMatch, reason: ChangeReason
) -> None:
    """Void a document that was added by mistake: it leaves GET and lists; it stays, with the reason stated."""
    await service.void_document(session, actor, document_id=document_id, reason=reason, if_match=if_match)


def _read_fields(fields: Mapping[str, str]) -> DocumentCreate:
    """The fields of the form; one that is blank is not given. Invalid."""
    try:
        return DocumentCreate.model_validate({name: value for name, value in fields.items() if value.strip()})
    except ValidationError as error:
        raise Invalid(fields=invalid_fields(error.errors())) from None
