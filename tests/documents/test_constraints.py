"""Every rule of a document that the database keeps, broken once."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.documents.models import Document, DocumentKey, DocumentVersion
from app.platform import clock
from app.platform.db import Base, constraint_name
from tests import builders

BROKEN: dict[str, dict[str, Any]] = {
    "fk_document_person_id": {"person_id": uuid4()},
    "fk_document_patient_of_person": {"patient_id": uuid4()},
    "fk_document_lead_of_person": {"lead_id": uuid4()},
    "fk_document_call_id": {"call_id": uuid4()},
    "fk_document_ct_journey_id": {"ct_journey_id": uuid4()},
    "fk_document_eap_journey_id": {"eap_journey_id": uuid4()},
    "ck_document_about_one_record": {"call_id": uuid4(), "eap_journey_id": uuid4()},
    "ck_document_kind_known": {"kind": "secret"},
    "ck_document_void_has_a_reason": {"void_reason": "without a time"},
}
OF_A_VERSION: dict[str, dict[str, Any]] = {
    "fk_document_version_document_id": {"document_id": uuid4()},
    "uq_document_version_document_id_number": {"number": 1},
    "uq_document_version_stored_as": {"stored_as": "the first"},
    "ck_document_version_number_from_one": {"number": 0},
    "ck_document_version_scan_status_known": {"scan_status": "x"},
}


@pytest.mark.parametrize("name", BROKEN)
async def test_database_refuses_a_document(session: AsyncSession, name: str) -> None:
    person = await builders.a_person(session)
    broken = dict(BROKEN[name])
    if name == "ck_document_void_has_a_reason":
        broken = {"voided_at": clock.now()}
    with pytest.raises(IntegrityError) as refused:
        await builders.a_document(session, person, **broken)
    assert constraint_name(refused.value) == name


@pytest.mark.parametrize("name", OF_A_VERSION)
async def test_database_refuses_a_version(session: AsyncSession, name: str) -> None:
    document = await builders.a_document(session, await builders.a_person(session))
    values = {
        "document_id": document.document_id,
        "content_type": "text/plain",
        "size_bytes": 1,
        "sha256": "",
        "scan_status": "passed",
    }
    session.add(DocumentVersion(**values, number=2, stored_as="the first"))
    await session.flush()
    session.add(DocumentVersion(**{**values, "number": 3, "stored_as": "another"} | OF_A_VERSION[name]))
    with pytest.raises(IntegrityError) as refused:
        await session.flush()
    assert constraint_name(refused.value) == name


async def test_database_refuses_a_key_of_nothing(session: AsyncSession) -> None:
    session.add(DocumentKey(document_version_id=uuid4(), key_version=0, wrapped_key=b"x"))
    with pytest.raises(IntegrityError) as refused:
        await session.flush()
    assert constraint_name(refused.value) == "fk_document_key_document_version_id"


def _rules(table: type[Base]) -> set[str]:
    kinds = (CheckConstraint, ForeignKeyConstraint, UniqueConstraint)
    return {str(one.name) for one in table.metadata.tables[table.__tablename__].constraints if isinstance(one, kinds)}


def test_no_rule_is_left_out() -> None:
    assert _rules(Document) == set(BROKEN)
    assert _rules(DocumentVersion) == set(OF_A_VERSION)
    assert _rules(DocumentKey) == {"fk_document_key_document_version_id"}
