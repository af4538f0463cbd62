from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from app.about.queries import narrowed, of_a_deleted_patient
from app.documents.errors import DocumentNotFound, DocumentVersionNotFound
from app.documents.models import Document, DocumentKey, DocumentVersion
from app.documents.schemas import DocumentFilter
from app.platform.actor import Actor
from app.platform.paging import Found, SortKey, fetch_page

_LOADED = (joinedload(Document.person, innerjoin=True), selectinload(Document.versions))
NEWEST_FIRST = SortKey((Document.created_at, Document.document_id), (datetime, UUID))


async def get_document(
    session: AsyncSession, actor: Actor, *, document_id: UUID, include_voided: bool = False, for_update: bool = False
) -> Document:
    """
    The document with its person and versions.

    DocumentNotFound, for a voided one too unless it is asked for, and for one about a patient who is deleted.
    """
    query = select(Document).where(Document.document_id == document_id, ~of_a_deleted_patient(Document))
    if not _sees_voided(actor, include_voided=include_voided):
        query = query.where(Document.voided_at.is_(None))
    if for_update:
        query = query.with_for_update(of=Document)
    found = (await session.scalars(query.options(*_LOADED).execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise DocumentNotFound
    return found


async def get_version(session: AsyncSession, document: Document, *, number: int | None) -> DocumentVersion:
    """The version of this number, with its key, or the newest one. DocumentVersionNotFound."""
    query = select(DocumentVersion).where(DocumentVersion.document_id == document.document_id)
    if number is None:
        query = query.order_by(DocumentVersion.number.desc()).limit(1)
    else:
        query = query.where(DocumentVersion.number == number)
    found = (await session.scalars(query.options(joinedload(DocumentVersion.key)))).one_or_none()
    if found is None:
        raise DocumentVersionNotFound
    return found


def filtered(actor: Actor, query: DocumentFilter) -> Select[Any]:
    """The keys of the documents that a filter asks for, with the columns they are ordered by."""
    ids = narrowed(select(Document.document_id, *NEWEST_FIRST.columns), Document, query)
    if not _sees_voided(actor, include_voided=query.include_voided == "true"):
        ids = ids.where(Document.voided_at.is_(None))
    if query.kind is not None:
        ids = ids.where(Document.kind == query.kind)
    if query.expired_on is not None:
        ids = ids.where(Document.expires_on <= query.expired_on)
    return ids


async def list_documents(session: AsyncSession, actor: Actor, *, query: DocumentFilter) -> Found[Document]:
    """A page of documents, newest first."""
    return await fetch_page(
        session,
        ids=filtered(actor, query),
        query=query,
        sort=NEWEST_FIRST,
        rows=select(Document).options(*_LOADED),
        person=Document.person_id,
    )


async def named_in_the_store(session: AsyncSession, names: list[str]) -> set[str]:
    """Those of these files that can still be read: a version names them, and its key is there."""
    query = select(DocumentVersion.stored_as).join(DocumentKey).where(DocumentVersion.stored_as.in_(names))
    return set(await session.scalars(query))


def _sees_voided(actor: Actor, *, include_voided: bool) -> bool:
    if include_voided:
        actor.require("document.read_voided")
    return include_voided
