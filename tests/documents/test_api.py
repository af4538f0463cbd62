"""The entry point of the documents: added with a file, read by who may, in versions, voided and not lost."""

import hashlib
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import uploads
from app.access.policy import Role
from app.audit.models import AuditEvent, RowHistory
from app.documents import service
from app.documents.models import Document, DocumentKey, DocumentVersion
from app.main import create_app
from app.patients.models import Patient
from app.platform import clock
from app.platform.settings import Caseload, Settings
from tests import builders
from tests.builders import PDF
from tests.conftest import AsRole, BoundDatabase

URL = "/api/v1/documents"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)


@pytest.fixture
async def patient(session: AsyncSession) -> Patient:
    made = await builders.a_patient(session)
    await session.commit()
    return made


@pytest.fixture
async def navigator(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


async def sent(
    client: httpx.AsyncClient, headers: dict[str, str], patient: Patient, file: Any = ("letter.pdf", PDF), **said: Any
) -> httpx.Response:
    fields = {"patient_id": str(patient.patient_id), "kind": "letter", "title": "Letter of the clinic"} | said
    return await client.post(URL, data=fields, files={"file": file}, headers=headers)


async def added(
    client: httpx.AsyncClient, headers: dict[str, str], patient: Patient, file: Any = ("letter.pdf", PDF), **said: Any
) -> dict[str, Any]:
    answer = await sent(client, headers, patient, file, **said)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def content(document: dict[str, Any], number: int = 1) -> str:
    return f"{URL}/{document['document_id']}/versions/{number}/content"


async def test_what_was_sent_comes_back_and_is_on_record(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient
) -> None:
    account, me = await builders.a_colleague(session)
    file = b"%PDF-1.7\n" + bytes(range(256)) * 1000
    document = await added(client, me, patient, ("x", file), expires_on="2030-01-01")

    answer = await client.get(content(document), headers=me)

    assert (answer.status_code, answer.content) == (200, file)
    (version,) = document["versions"]
    told = {name: version[name] for name in ("number", "content_type", "size_bytes", "sha256", "scan_status")}
    assert told == {
        "number": 1,
        "content_type": "application/pdf",
        "size_bytes": len(file),
        "sha256": hashlib.sha256(file).hexdigest(),
        "scan_status": "not_scanned",
    }
    assert (document["title"], document["expires_on"]) == ("Letter of the clinic", "2030-01-01")
    assert document["created_by"] == version["created_by"] == str(account.user_account_id)
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "download_document"))).one()
    assert (event.record_type, event.record_id) == ("document", UUID(document["document_id"]))
    assert (event.person_ids, event.field_names) == ([patient.person_id], ["versions.1"])


async def test_a_file_is_an_attachment_but_pdf_and_pictures_may_be_looked_at(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    pdf = await added(client, navigator, patient)
    png = await added(client, navigator, patient, ("a.pdf", PNG))
    words = await added(client, navigator, patient, ("a.png", b"Plain words."))

    async def headers(document: dict[str, Any], **asked: str) -> tuple[str, str, bool]:
        answer = await client.get(content(document), params=asked, headers=navigator)
        policy = answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert policy.startswith("default-src 'none'")
        return (
            answer.headers["content-disposition"].partition(";")[0],
            answer.headers["content-type"],
            "sandbox" in policy,
        )

    kept = ("attachment", "application/octet-stream", True)
    assert [await headers(one) for one in (pdf, png, words)] == [kept, kept, kept]
    assert await headers(words, disposition="inline") == kept
    assert await headers(png, disposition="inline") == ("inline", "image/png", True)
    assert await headers(pdf, disposition="inline") == ("inline", "application/pdf", True)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ('..\\..\\C:\\x\\"; filename=evil.exe', "%22; filename=evil"),
        ("../../etc/passwd", "passwd"),
        ("uitslag\r\nSet-Cookie: a=b.pdf", "uitslag%0D%0ASet-Cookie: a=b"),
        ("brief \u202efdp.exe", "brief fdp"),
        ("Befund Müller 2026.pdf", "Befund Müller 2026"),
        ("x" * 400 + ".pdf", "x" * 200),
    ],
)
async def test_a_hostile_name_is_a_title_at_most(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str], name: str, title: str
) -> None:
    document = await added(client, navigator, patient, (name, PDF), title="")
    answer = await client.get(content(document), headers=navigator)
    assert document["title"] == title
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="')
    assert disposition.isascii()
    assert disposition.count('"') == 2
    assert disposition.endswith(".pdf")
    assert "set-cookie" not in answer.headers


async def test_a_title_does_not_end_the_name_of_the_file(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    document = await added(client, navigator, patient, title='a"; filename="evil.exe\\')
    named = (await client.get(content(document), headers=navigator)).headers["content-disposition"]
    assert named.startswith('attachment; filename="a_; filename=_evil.exe_.pdf"; filename*=')


def test_a_name_as_a_client_may_write_it_is_cleaned() -> None:
    assert service.title_of("uitslag\r\nSet-Cookie: a=b\x00.pdf") == "uitslagSet-Cookie: a=b"
    assert [service.title_of(name) for name in ("", ".", "..", "/", "\u202e", "a/b/")] == [None] * 6


@pytest.mark.parametrize(
    ("said", "file", "field", "code"),
    [
        ({"kind": "secret"}, ("a", PDF), "kind", "literal_error"),
        ({"patient_id": ""}, ("a", PDF), "person_id", "missing"),
        ({"patient_id": str(uuid4())}, ("a", PDF), None, "patient_not_found"),
        ({"expires_on": "tomorrow"}, ("a", PDF), "expires_on", "day"),
        ({"unknown": "x"}, ("a", PDF), "*", "unknown_field"),
        ({"title": ""}, (".", PDF), "title", "missing"),
        ({}, ("a.pdf", b""), "file", "missing"),
        ({}, ("a.pdf", b"MZ\x90\x00\x03"), "file", "file_type_not_taken"),
        ({}, ("a.pdf", b"<html><script>1</script>"), "file", "file_type_not_taken"),
        ({}, ("a.docx", b"PK\x03\x04" + bytes(60)), "file", "file_type_not_taken"),
    ],
)
async def test_what_is_wrong_is_said_and_leaves_no_row(
    client: httpx.AsyncClient,
    session: AsyncSession,
    patient: Patient,
    navigator: dict[str, str],
    said: dict[str, str],
    file: tuple[str, bytes],
    field: str | None,
    code: str,
) -> None:
    answer = await sent(client, navigator, patient, file, **said)
    problem = answer.json()
    named = problem["code"] if field is None else [(e["field"], e["code"]) for e in problem["errors"]]
    assert named == (code if field is None else [(field, code)]), problem
    assert (await session.execute(select(func.count()).select_from(Document))).scalar_one() == 0


async def test_other_bodies_are_not_read(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    fields = {"patient_id": str(patient.patient_id), "kind": "letter", "title": "A letter"}
    json = await client.post(URL, json=fields, headers=navigator)
    broken = {**navigator, "Content-Type": "multipart/form-data; boundary=x"}
    cut = await client.post(URL, content=b"--y\r\nnothing", headers=broken)
    no_boundary = await client.post(URL, content=b"x", headers=broken | {"Content-Type": "multipart/form-data"})
    two = await client.post(URL, data=fields, files=[("file", PDF), ("file", PDF)], headers=navigator)
    twice = [(None, b"a"), (None, b"b")]
    named_twice = await client.post(URL, files=[("title", t) for t in twice] + [("file", PDF)], headers=navigator)
    assert json.status_code == 415
    assert [(one.status_code, one.json()["code"]) for one in (cut, no_boundary, two, named_twice)] == [
        (422, "invalid_form"),
        (422, "invalid_form"),
        (422, "invalid_form"),
        (422, "invalid"),
    ]


async def test_one_who_may_not_is_refused_before_the_file_is_read(
    client: httpx.AsyncClient, patient: Patient, as_role: AsRole
) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"--x\r\n"

    auditor = await as_role("auditor")
    await client.get(URL, headers=auditor)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for headers in (auditor, await as_role("integration"), {}):
        answer = await client.post(URL, content=body(), headers=headers | form)
        assert answer.status_code in {401, 403}
    assert read == 0


async def test_versions_follow_each_other_and_the_earlier_ones_stay(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    document = await added(client, navigator, patient)
    place = f"{URL}/{document['document_id']}"
    read = await client.get(place, headers=navigator)
    match = navigator | {"If-Match": read.headers["etag"]}

    second = await client.post(f"{place}/versions", files={"file": ("b", PNG)}, headers=match)
    stale = await client.post(f"{place}/versions", files={"file": ("b", PNG)}, headers=match)

    assert second.status_code == 201, second.text
    assert [one["number"] for one in second.json()["versions"]] == [2, 1]
    assert stale.json()["code"] == "stale_version"
    assert (await client.get(content(document, 1), headers=navigator)).content == PDF
    assert (await client.get(content(document, 2), headers=navigator)).content == PNG
    missing = await client.get(content(document, 3), headers=navigator)
    assert missing.json()["code"] == "document_version_not_found"


async def test_what_is_said_of_it_is_changed_with_its_past(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    document = await added(client, navigator, patient, expires_on="2030-01-01")
    place = f"{URL}/{document['document_id']}"
    change = {"title": "Consent", "kind": "consent", "expires_on": "2031-01-01"}
    changed = await client.put(place, json=change, headers=navigator)
    assert {name: changed.json()[name] for name in change} == change
    earlier = await session.scalars(select(RowHistory.row).where(RowHistory.record_id == UUID(document["document_id"])))
    assert [(row["title"], row["kind"], row["expires_on"]) for row in earlier] == [
        ("Letter of the clinic", "letter", "2030-01-01")
    ]


async def test_expired_ones_are_found(client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]) -> None:
    first = await added(client, navigator, patient, expires_on="2026-11-01", kind="consent")
    second = await added(client, navigator, patient, expires_on="2027-11-01")
    third = await added(client, navigator, patient)

    async def found(**asked: str) -> list[str]:
        answer = await client.get(URL, params=asked, headers=navigator)
        return [item["document_id"] for item in answer.json()["items"]]

    assert await found() == [third["document_id"], second["document_id"], first["document_id"]]
    assert await found(expired_on="2026-11-01") == [first["document_id"]]
    assert await found(expired_on="2026-10-31") == []
    assert await found(kind="consent") == [first["document_id"]]


async def test_a_mistake_is_voided_and_stays(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str], as_role: AsRole
) -> None:
    _, me = await builders.a_colleague(session)
    document, hers = await added(client, me, patient), await added(client, navigator, patient)
    place = f"{URL}/{document['document_id']}"

    not_mine = await client.delete(f"{URL}/{hers['document_id']}", headers=me)
    voided = await client.delete(place, headers=me | {"X-Change-Reason": "of somebody else"})
    gone = [
        await client.get(place, headers=me),
        await client.get(content(document), headers=me),
        await client.post(f"{place}/versions", files={"file": PDF}, headers=me),
    ]
    steward = await as_role("data_steward")
    seen = await client.get(place, params={"include_voided": "true"}, headers=steward)

    assert (not_mine.status_code, voided.status_code) == (403, 204)
    assert {answer.json()["code"] for answer in gone} == {"document_not_found"}
    assert seen.json()["void_reason"] == "of somebody else"
    assert (await client.get(place, params={"include_voided": "true"}, headers=me)).status_code == 403
    assert len((await session.scalars(select(Document.document_id))).all()) == 2


@pytest.mark.parametrize("role", ["programme_manager", "auditor", "privacy_officer"])
async def test_who_sees_people_masked_reads_no_document(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str], as_role: AsRole, role: str
) -> None:
    document = await added(client, navigator, patient)
    headers = await as_role(Role(role))
    seen = (await client.get(f"{URL}/{document['document_id']}", headers=headers)).json()
    refused = await client.get(content(document), headers=headers)
    assert (seen["title"], seen["versions"][0]["sha256"]) == ("•••", "•••")
    assert (refused.status_code, refused.json()["code"]) == (403, "document_masked")


async def test_who_has_broken_the_glass_reads_them(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str], as_role: AsRole
) -> None:
    document = await added(client, navigator, patient)
    officer = await as_role("privacy_officer", by_name=True)
    asked = {"person_id": str(patient.person_id), "reason": "A complaint"}
    assert (await client.post("/api/v1/break-glass", json=asked, headers=officer)).status_code == 201
    assert (await client.get(content(document), headers=officer)).content == PDF
    event = (
        await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "download_document", AuditEvent.outcome == "done")
        )
    ).one()
    assert event.purpose == "break_glass"


async def test_outside_the_caseload_a_reason_is_stated(
    bound: BoundDatabase, session: AsyncSession, settings: Settings, as_role: AsRole
) -> None:
    owner, hers = await builders.a_colleague(session)
    patient = await builders.a_patient(session, owner_id=owner.user_account_id)
    await session.commit()
    app = create_app(settings.model_copy(update={"caseload": Caseload.ASSIGNED}), bound)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        document = await added(client, hers, patient)
        other = await as_role("navigator")
        closed = await client.get(content(document), headers=other)
        opened = await client.get(content(document), headers=other | {"X-Access-Reason": "Stands in for her"})
    assert (closed.status_code, closed.json()["code"]) == (403, "access_reason_needed")
    assert opened.content == PDF


async def test_of_a_deleted_patient_nothing_is_seen(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    document = await added(client, navigator, patient)
    patient.deleted_at, patient.deleted_by = clock.now(), uuid4()
    await session.commit()
    assert (await client.get(content(document), headers=navigator)).json()["code"] == "document_not_found"
    assert (await client.get(URL, headers=navigator)).json()["items"] == []


@pytest.mark.parametrize(("status", "code"), [("waiting", "document_not_scanned"), ("refused", "document_quarantined")])
async def test_a_file_is_closed_to_everybody_until_it_has_passed(
    client: httpx.AsyncClient,
    session: AsyncSession,
    patient: Patient,
    navigator: dict[str, str],
    as_role: AsRole,
    status: str,
    code: str,
) -> None:
    document = await added(client, navigator, patient)
    await session.execute(update(DocumentVersion).values(scan_status=status))
    await session.commit()
    for headers in (navigator, await as_role("data_steward")):
        answer = await client.get(content(document), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, code)


async def test_without_its_key_a_document_is_erased(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    document = await added(client, navigator, patient)
    erased = await service.erase_contents(session, document_id=UUID(document["document_id"]))
    await session.commit()
    answer = await client.get(content(document), headers=navigator)
    assert (erased, answer.status_code, answer.json()["code"]) == (1, 409, "document_erased")
    assert (await session.scalars(select(DocumentKey))).all() == []
    history = (await session.scalars(select(RowHistory.row))).all()
    assert not any("wrapped_key" in row for row in history)


async def test_a_repeated_upload_is_one_document(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    once = navigator | {"Idempotency-Key": "one-upload"}
    first, again = await sent(client, once, patient), await sent(client, once, patient)
    other = await sent(client, once, patient, ("letter.pdf", PNG))
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await session.execute(select(func.count()).select_from(DocumentVersion))).scalar_one() == 1


async def test_a_file_that_is_too_large_is_not_read_to_its_end(
    bound: BoundDatabase,
    settings: Settings,
    patient: Patient,
    navigator: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploads, "MOST_DROPPED_BYTES", 1024 * 1024)
    app = create_app(settings.model_copy(update={"largest_document_mib": 1}), bound)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        fits = await sent(client, navigator, patient, ("a", PDF.ljust(1024 * 1024)))
        told = await sent(client, navigator, patient, ("a", PDF.ljust(2 * 1024 * 1024)))
        just = await sent(client, navigator, patient, ("a", PDF.ljust(1024 * 1024 + 1)))
        taken = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal taken
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            while True:
                taken += 1
                yield bytes(64 * 1024)

        form = navigator | {"Content-Type": "multipart/form-data; boundary=x"}
        untold = await client.post(URL, content=endless(), headers=form)
    assert fits.status_code == 201
    assert [(one.status_code, one.json()["code"]) for one in (told, just, untold)] == [(413, "file_too_large")] * 3
    assert told.json()["detail"] == "The file is larger than 1 MiB."
    assert taken < 60


async def test_a_part_of_a_form_is_not_a_field_of_any_size(
    client: httpx.AsyncClient, patient: Patient, navigator: dict[str, str]
) -> None:
    answer = await sent(client, navigator, patient, title="x" * 100_000)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_form")


async def test_what_is_kept_of_a_file_is_unreadable_without_its_key(
    client: httpx.AsyncClient, session: AsyncSession, patient: Patient, navigator: dict[str, str]
) -> None:
    from tests.builders import FILES  # noqa: PLC0415

    words = b"%PDF-1.7 A word that nobody else writes: kwetsbaarheidsverklaring."
    await added(client, navigator, patient, ("a", words))
    version = (await session.scalars(select(DocumentVersion))).one()
    store = create_app(Settings.model_validate(FILES)).state.files.store
    kept = b"".join(store.open(version.stored_as))
    assert b"kwetsbaar" not in kept
    assert len(kept) == len(words) + 16
    assert BytesIO(kept).read(4) != b"%PDF"
