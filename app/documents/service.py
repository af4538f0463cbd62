import re
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.about.queries import IN_SPECIAL, columns_of
from app.access.uploads import Upload
from app.audit import service as audit
from app.calls.service import VOIDED_WITHOUT_REASON
from app.documents import queries
from app.documents.errors import DocumentErased, NotScannedYet, ScanFailed
from app.documents.models import Document, DocumentKey, DocumentVersion
from app.documents.schemas import DocumentCreate, DocumentUpdate
from app.platform import clock
from app.platform.actor import Actor
from app.platform.errors import invalid_field
from app.platform.etags import etag, require_match
from app.platform.files import KeptFile
from app.platform.stored_fields import StoredFields

_NEW = StoredFields(Document, DocumentCreate, special={**IN_SPECIAL, "title": "or the name that the file had"})
_CHANGED = StoredFields(Document, DocumentUpdate)
_LONGEST_TITLE = 200
_NOT_IN_TITLES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


async def add_document(session: AsyncSession, actor: Actor, *, new: DocumentCreate, upload: Upload) -> Document:
    """
    A new document with its first version. It may be about somebody who has died or withdrawn.

    What is wrong with the file; the NotFound of what it is about; Invalid when that is of two people.
    """
    file = upload.kept()
    title = new.title or title_of(upload.file_name)
    if title is None:
        raise invalid_field("title", "missing", "Say what the document is: the file has no name.")
    document = Document(
        **_NEW.values(new),
        **await columns_of(session, actor, new),
        title=title,
        created_by=actor.account_id,
        updated_by=actor.account_id,
    )
    session.add(document)
    await session.flush()
    await add_kept_version(session, document, file, number=1, by=actor.account_id)
    _note(session, document)
    return await queries.get_document(session, actor, document_id=document.document_id)


async def add_version(
    session: AsyncSession, actor: Actor, *, document_id: UUID, upload: Upload, if_match: str | None = None
) -> Document:
    """
    A new version of the document; the earlier ones stay. Two at once get numbers one after the other.

    What is wrong with the file; DocumentNotFound; Stale.
    """
    file = upload.kept()
    document = await queries.get_document(session, actor, document_id=document_id, for_update=True)
    require_match(if_match, etag(document.version))
    newest = select(func.max(DocumentVersion.number)).where(DocumentVersion.document_id == document_id)
    number = (await session.execute(newest)).scalar_one()
    await add_kept_version(session, document, file, number=number + 1, by=actor.account_id)
    document.touch(clock.now())
    document.updated_by = actor.account_id
    await session.flush()
    _note(session, document, ["versions"])
    return await queries.get_document(session, actor, document_id=document_id)


async def change_document(
    session: AsyncSession, actor: Actor, *, document_id: UUID, change: DocumentUpdate, if_match: str | None = None
) -> Document:
    """Change the fields given; what they were stays in row_history. DocumentNotFound; Stale."""
    document = await queries.get_document(session, actor, document_id=document_id, for_update=True)
    require_match(if_match, etag(document.version))
    _CHANGED.set_given(document, change)
    await session.flush()
    _note(session, document, change.model_fields_set)
    return await queries.get_document(session, actor, document_id=document_id)


async def void_document(
    session: AsyncSession, actor: Actor, *, document_id: UUID, reason: str | None, if_match: str | None = None
) -> None:
    """
    Take a document that was added by mistake out of sight; the row and the content stay.

    DocumentNotFound; Stale; Forbidden for the document of somebody else without `document.void_any`.
    """
    document = await queries.get_document(session, actor, document_id=document_id, for_update=True)
    if actor.account_id is None or document.created_by != actor.account_id:
        actor.require("document.void_any")
    require_match(if_match, etag(document.version))
    document.voided_at, document.voided_by = clock.now(), actor.account_id
    document.void_reason = reason or VOIDED_WITHOUT_REASON
    await session.flush()
    _note(session, document, ["voided_at"])


async def open_version(session: AsyncSession, document: Document, *, number: int | None) -> DocumentVersion:
    """
    The version of this number, or the newest, to be read: noted as that.

    DocumentVersionNotFound; NotScannedYet, ScanFailed, DocumentErased.
    """
    version = await queries.get_version(session, document, number=number)
    if version.key is None:
        raise DocumentErased
    if version.scan_status == "waiting":
        raise NotScannedYet
    if version.scan_status == "refused":
        raise ScanFailed
    _note(session, document, [f"versions.{version.number}"])
    return version


async def erase_contents(session: AsyncSession, *, document_id: UUID) -> int:
    """
    Destroy the keys of every version: no copy of the files can be read again. The number destroyed.

    The files themselves are removed by the worker. For the erasure of a person, whose service states who and why.
    """
    versions = select(DocumentVersion.document_version_id).where(DocumentVersion.document_id == document_id)
    gone = await session.scalars(
        delete(DocumentKey)
        .where(DocumentKey.document_version_id.in_(versions))
        .returning(DocumentKey.document_version_id)
    )
    erased = list(gone)
    await session.execute(
        update(DocumentVersion)
        .where(DocumentVersion.document_version_id.in_(erased))
        .values(erased_at=clock.now(), sha256="")
    )
    return len(erased)


def title_of(file_name: str) -> str | None:
    """The name of a file as a title: without its folders, its ending and what does not belong in a line."""
    name = re.split(r"[/\\]", _NOT_IN_TITLES.sub("", file_name))[-1].strip()
    stem = name.rpartition(".")[0] or name
    return stem.strip(". ")[:_LONGEST_TITLE] or None


async def add_kept_version(
    session: AsyncSession, document: Document, file: KeptFile, *, number: int, by: UUID | None
) -> None:
    """The version of this number, with its key."""
    version = DocumentVersion(
        document_id=document.document_id,
        number=number,
        content_type=file.content_type,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        stored_as=file.stored_as,
        scan_status="waiting" if file.is_to_be_scanned else "not_scanned",
        scan_due_at=clock.now() if file.is_to_be_scanned else None,
        created_by=by,
    )
    session.add(version)
    await session.flush()
    session.add(
        DocumentKey(
            document_version_id=version.document_version_id,
            key_version=file.key_version,
            wrapped_key=file.wrapped_key,
        )
    )
    await session.flush()


def _note(session: AsyncSession, document: Document, fields: Iterable[str] = ()) -> None:
    audit.note(
        session,
        record_type="document",
        record_id=document.document_id,
        person_ids=[document.person_id],
        fields=fields,
    )
