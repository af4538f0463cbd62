from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, any_, func, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload, selectinload

from app.about.queries import narrowed, of_a_deleted_patient
from app.documents.errors import DocumentNotFound, DocumentVersionNotFound
from app.documents.models import Document, DocumentKey, DocumentVersion
from app.documents.schemas import DocumentFilter
from app.people.search.queries import SearchFound, search_what_hangs_on_people, unsearched
from app.people.search.walk import Searched
from app.platform import clock
from app.platform.actor import Actor
from app.platform.db import tables_that_say
from app.platform.paging import SortKey, fetch_page

_LOADED = (joinedload(Document.person, innerjoin=True), selectinload(Document.versions))
NEWEST_FIRST = SortKey((Document.created_at, Document.document_id), (datetime, UUID))
_SOONEST_FIRST = SortKey((Document.expires_on, Document.document_id), (date, UUID), ascending=True)
_SEARCHED = Searched(Document.document_id, Document.person_id, {})
_WITHIN = {"in_30_days": timedelta(days=30), "in_90_days": timedelta(days=90)}


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
    ids = narrowed(select(Document.document_id, *order_of(query).columns), Document, query)
    if not _sees_voided(actor, include_voided=query.include_voided == "true"):
        ids = ids.where(Document.voided_at.is_(None))
    if query.kind is not None:
        ids = ids.where(Document.kind == query.kind)
    if query.expired_on is not None:
        ids = ids.where(Document.expires_on <= query.expired_on)
    if query.expiry is not None:
        today = clock.today()
        is_over = Document.expires_on < today
        within = _WITHIN.get(query.expiry)
        ids = ids.where(is_over if within is None else Document.expires_on.between(today, today + within))
    if query.owner is not None:
        # By the people of a caseload, which is short: there may be many documents.
        owned = [
            select(table.c.person_id).where(table.c.owner_id == actor.account_id) for table in tables_that_say("cases")
        ]
        mine = select(union(*owned).subquery()).scalar_subquery()
        ids = ids.where(Document.person_id == any_(func.array(mine)))
    return ids


def order_of(query: DocumentFilter) -> SortKey:
    """The newest first; of those that expire the first one first."""
    return NEWEST_FIRST if query.expiry is None else _SOONEST_FIRST


async def list_documents(session: AsyncSession, actor: Actor, *, query: DocumentFilter) -> SearchFound[Document]:
    """
    A page of documents in the order of `order_of`, or as a search orders their people; Forbidden without the
    permission to search.
    """
    ids, rows = filtered(actor, query), select(Document).options(*_LOADED)
    if query.q is not None:
        return await search_what_hangs_on_people(
            session, actor, typed=query.q, query=query, of=_SEARCHED, ids=ids, order=order_of(query), rows=rows
        )
    return unsearched(
        await fetch_page(session, ids=ids, query=query, sort=order_of(query), rows=rows, person=Document.person_id)
    )


async def named_in_the_store(session: AsyncSession, names: list[str]) -> set[str]:
    """Those of these files that can still be read: a version names them, and its key is there."""
    query = select(DocumentVersion.stored_as).join(DocumentKey).where(DocumentVersion.stored_as.in_(names))
    return set(await session.scalars(query))


def kept_files() -> Select[UUID, str, int, str, int, bytes]:
    """Every content that can be read, in the order of its name in the store: id, name, size, SHA-256, and its key."""
    return (
        select(
            DocumentVersion.document_version_id,
            DocumentVersion.stored_as,
            DocumentVersion.size_bytes,
            DocumentVersion.sha256,
            DocumentKey.key_version,
            DocumentKey.wrapped_key,
        )
        .join(DocumentKey)
        .order_by(DocumentVersion.stored_as)
    )


def _sees_voided(actor: Actor, *, include_voided: bool) -> bool:
    if include_voided:
        actor.require("document.read_voided")
    return include_voided
