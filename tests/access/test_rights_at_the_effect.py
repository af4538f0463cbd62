"""
What counts is the right at the moment of the effect: a key, role or session that ends while a body is on its way ends
what the body was for. With real commits.
"""

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Integer, delete, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import service
from app.access.accounts import links, passwords, sessions, sign_in, users
from app.access.accounts.errors import SignInRefused
from app.access.accounts.models import Passkey, PasswordCredential, WebSession
from app.access.fast_paths import credentials
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.access.policy import Role
from app.access.standing import end_rights
from app.audit.models import AuditEvent
from app.calls.models import CallHistory
from app.conditions.models import MedicalCondition
from app.main import create_app
from app.platform import clock
from app.platform.db import Database
from app.platform.settings import Settings
from tests.browsing import ORIGIN, as_user, signed_in, somebody, token_in
from tests.builders import a_patient

Ending = Callable[[AsyncSession, ApiKey], Awaitable[None]]
WHO = service.command_actor()


@pytest.fixture
async def client(committed_database: Database, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(settings, committed_database), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


@pytest.fixture
async def key(committed_database: Database) -> tuple[ApiKey, dict[str, str]]:
    """A fresh key of an account of its own that is both data steward and navigator, and its headers."""
    async with committed_database.unit_of_work() as session:
        account = await service.open_account(session, WHO, display_name=f"Steward {uuid4()}", role=Role.DATA_STEWARD)
        session.add(RoleGrant(user_account_id=account.user_account_id, role="navigator"))
        text_of_key = await service.create_api_key(session, WHO, account_id=account.user_account_id, name="test")
        found = await session.scalars(select(ApiKey).where(ApiKey.user_account_id == account.user_account_id))
        return found.one(), {"Authorization": f"Bearer {text_of_key}"}


async def _revoke(session: AsyncSession, key: ApiKey) -> None:
    await service.revoke_api_key(session, WHO, api_key_id=key.api_key_id, now=clock.now())


async def _take_roles(session: AsyncSession, key: ApiKey) -> None:
    held = {"data_steward", "navigator"}
    await users.replace_roles(session, WHO, account_id=key.user_account_id, wanted=set(), held=held, now=clock.now())


async def _disable(session: AsyncSession, key: ApiKey) -> None:
    account = await session.get_one(UserAccount, key.user_account_id)
    account.kind = "human"
    await session.flush()
    await users.disable(session, WHO, account_id=key.user_account_id, now=clock.now())


ENDINGS: dict[str, tuple[Ending, int]] = {
    "key revoked": (_revoke, 401),
    "roles taken": (_take_roles, 403),
    "account closed": (_disable, 401),
}


async def _conditions(database: Database, name: str) -> int:
    async with database.session() as session:
        counted = select(func.count()).where(MedicalCondition.name == name)
        return (await session.execute(counted)).scalar_one()


@pytest.mark.parametrize("opened_before", [True, False])
@pytest.mark.parametrize("how", ENDINGS)
async def test_a_key_that_ends_while_its_body_is_on_the_way_does_nothing(
    client: httpx.AsyncClient,
    committed_database: Database,
    key: tuple[ApiKey, dict[str, str]],
    how: str,
    *,
    opened_before: bool,
) -> None:
    row, headers = key
    ending, status = ENDINGS[how]
    name = f"Condition {uuid4()}"
    if opened_before:
        assert (await client.get("/api/v1/medical-conditions?limit=1", headers=headers)).status_code == 200

    async def body() -> AsyncIterator[bytes]:
        yield b'{"name": '
        async with committed_database.unit_of_work() as session:
            await ending(session, row)
        yield f'"{name}"}}'.encode()

    headers |= {"content-type": "application/json"}
    answer = await client.post("/api/v1/medical-conditions", content=body(), headers=headers)
    assert answer.status_code == status, answer.text
    assert await _conditions(committed_database, name) == 0
    async with committed_database.session() as session:
        event = await session.scalar(select(AuditEvent).order_by(AuditEvent.audit_event_id.desc()).limit(1))
        assert event is not None
        assert (event.action, event.outcome) == ("create_medical_condition", "refused")


async def test_a_session_that_ends_while_its_form_is_on_the_way_makes_no_privacy_officer(
    client: httpx.AsyncClient, committed_database: Database, settings: Settings
) -> None:
    async with committed_database.session() as session:
        token = await as_user(client, session, settings, "admin")
        admin = await session.scalar(
            select(UserAccount.user_account_id).where(UserAccount.email == "admin@crm.example")
        )
    assert admin is not None
    email = f"officer.{uuid4()}@crm.example"
    form = httpx.Request(
        "POST",
        "http://test/users",
        data={"csrf_token": token, "email": email, "display_name": "New Officer", "roles": "privacy_officer"},
    )
    half = len(form.content) // 2

    async def body() -> AsyncIterator[bytes]:
        yield form.content[:half]
        async with committed_database.unit_of_work() as session:
            await sessions.end_sessions(session, account_id=admin, reason="signed_out", now=clock.now())
        yield form.content[half:]

    answer = await client.post("/users", content=body(), headers={"content-type": form.headers["content-type"]})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")
    async with committed_database.session() as session:
        assert await session.scalar(select(UserAccount).where(UserAccount.email == email)) is None


async def _waits(task: asyncio.Task[object]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=0.5)
    return not done


@pytest.mark.parametrize("how", ENDINGS)
async def test_an_effect_waits_for_an_ending_that_came_first(
    client: httpx.AsyncClient, committed_database: Database, key: tuple[ApiKey, dict[str, str]], how: str
) -> None:
    row, headers = key
    ending, status = ENDINGS[how]
    assert (await client.get("/api/v1/medical-conditions?limit=1", headers=headers)).status_code == 200
    name = f"Condition {uuid4()}"
    async with committed_database.unit_of_work() as session:
        await ending(session, row)
        asked = asyncio.create_task(client.post("/api/v1/medical-conditions", json={"name": name}, headers=headers))
        assert await _waits(asked)
    assert (await asked).status_code == status
    assert await _conditions(committed_database, name) == 0


@pytest.mark.parametrize("how", ENDINGS)
async def test_an_ending_waits_for_an_effect_that_came_first(
    client: httpx.AsyncClient, committed_database: Database, key: tuple[ApiKey, dict[str, str]], how: str
) -> None:
    row, headers = key
    ending, _ = ENDINGS[how]
    name = f"Condition {uuid4()}"

    async def end() -> None:
        async with committed_database.unit_of_work() as session:
            await ending(session, row)

    async with committed_database.unit_of_work() as blocking:
        await blocking.execute(text("LOCK TABLE medical_condition IN SHARE MODE"))
        asked = asyncio.create_task(client.post("/api/v1/medical-conditions", json={"name": name}, headers=headers))
        assert await _waits(asked)
        ended = asyncio.create_task(end())
        assert await _waits(ended)
    assert (await asked).status_code == 201
    await ended
    assert (await client.get("/api/v1/medical-conditions?limit=1", headers=headers)).status_code in {401, 403}


async def test_the_fast_path_is_ordered_with_an_ending_too(
    client: httpx.AsyncClient, committed_database: Database, key: tuple[ApiKey, dict[str, str]]
) -> None:
    row, headers = key
    async with committed_database.unit_of_work() as session:
        patient = await a_patient(session)
    call = {"patient_id": str(patient.patient_id), "booking_date": clock.now().isoformat()}
    assert [(await client.post("/api/v1/call-history", json=call, headers=headers)).status_code for _ in "12"] == [
        201
    ] * 2

    async with committed_database.unit_of_work() as session:
        await _revoke(session, row)
        asked = asyncio.create_task(client.post("/api/v1/call-history", json=call, headers=headers))
        assert await _waits(asked)
    assert (await asked).status_code == 401
    assert await _calls(committed_database, patient.patient_id) == 2


@pytest.mark.parametrize("how", ENDINGS)
async def test_an_ending_between_the_beginning_of_a_fast_statement_and_its_lock_is_seen(
    committed_database: Database, key: tuple[ApiKey, dict[str, str]], how: str
) -> None:
    row, _ = key
    caller = credentials("call.create", changes=True)
    # An offset is reckoned out before the first row is asked for, with the statement's snapshot taken already.
    gap = literal_column("(SELECT 0 FROM pg_advisory_xact_lock_shared(10))", Integer)
    values = {"key_prefix": row.prefix, "key_hash": row.secret_sha256}
    async with committed_database.session() as session, committed_database.session() as holding:
        await holding.execute(text("SELECT pg_advisory_xact_lock(10)"))
        asked = asyncio.create_task(session.scalar(select(caller.c.actor_id).offset(gap), values))
        assert await _waits(asked)
        async with committed_database.unit_of_work() as ending:
            await ENDINGS[how][0](ending, row)
        await holding.rollback()
        assert await asked is None


async def _calls(database: Database, patient_id: UUID) -> int:
    async with database.session() as session:
        counted = select(func.count()).where(CallHistory.patient_id == patient_id)
        return (await session.execute(counted)).scalar_one()


async def test_a_password_that_is_changed_while_the_old_one_is_checked_lets_nobody_in(
    committed_database: Database, settings: Settings
) -> None:
    """The hash takes its time, and no transaction is open meanwhile."""
    began = clock.now()
    async with committed_database.unit_of_work() as session:
        made = await users.open_user(
            session, WHO, email=f"kim.{uuid4()}@crm.example", display_name="Kim Kim", roles=["navigator"]
        )
        await users.store_password(session, account_id=made.user_account_id, password_hash="x", now=clock.now())
    async with committed_database.session() as session:
        with pytest.raises(SignInRefused):
            await sign_in.begin(
                session,
                account_id=made.user_account_id,
                stage="second_factor",
                origin=sessions.Origin("127.0.0.1", "A test"),
                now=began,
                earlier=None,
            )


async def _meanwhile(asked: Awaitable[httpx.Response], ending: Awaitable[object]) -> httpx.Response:
    """The answer to a request during whose hashing something ends."""
    gate = threading.Event()
    others = [asyncio.create_task(passwords.work().run(gate.wait, 30)) for _ in range(passwords.THREADS)]
    try:
        answer = asyncio.ensure_future(asked)
        assert await _waits(answer)
        await asyncio.wait_for(ending, 10)
    finally:
        gate.set()
    await asyncio.gather(*others)
    return await answer


@pytest.mark.parametrize("path", ["/account/password", "/unlock", "/reset/{token}"])
async def test_what_ends_while_a_password_is_hashed_is_over(
    client: httpx.AsyncClient, committed_database: Database, settings: Settings, path: str
) -> None:
    async with committed_database.session() as session:
        who = await somebody(session, settings, "navigator", email=f"{uuid4()}@crm.example")
        token = await signed_in(client, session, who.account_id)
        link = await links.make_link(session, account_id=who.account_id, purpose="reset", now=clock.now())
        await session.commit()
        hashed = select(PasswordCredential.hash).where(PasswordCredential.user_account_id == who.account_id)
        before = await session.scalar(hashed)

    async def end() -> None:
        async with committed_database.unit_of_work() as session:
            await users.disable(session, WHO, account_id=who.account_id, now=clock.now())

    typed = {"csrf_token": token, "password": who.password if path == "/unlock" else "seven ladders beside a pond"}
    answer = await _meanwhile(client.post(path.format(token=link), data=typed), end())

    assert answer.status_code == (404 if path.startswith("/reset") else 401), answer.text
    async with committed_database.session() as session:
        assert await session.scalar(hashed) == before
        proved = await session.scalars(select(WebSession.ended_at).where(WebSession.user_account_id == who.account_id))
        assert None not in proved.all()


async def test_a_sign_in_by_passkey_and_its_removal_do_not_wait_for_each_other(
    client: httpx.AsyncClient, committed_database: Database, settings: Settings
) -> None:
    async with committed_database.session() as session:
        who = await somebody(session, settings, "navigator", email=f"{uuid4()}@crm.example")
        key = Passkey(
            user_account_id=who.account_id, credential_id=uuid4().bytes, public_key=b"x", sign_count=0, name="Phone"
        )
        session.add(key)
        await session.commit()
    headers = {**ORIGIN, "X-CSRF-Token": token_in(await client.get("/sign-in"))}
    assert (await client.post("/sign-in/passkey/options", headers=headers)).status_code == 200
    credential = {"rawId": base64.urlsafe_b64encode(key.credential_id).decode()}

    async with committed_database.unit_of_work() as session:
        await end_rights(session, who.account_id)
        asked = asyncio.create_task(client.post("/sign-in/passkey", json={"credential": credential}, headers=headers))
        assert await _waits(asked)
        await session.execute(text("SET LOCAL lock_timeout = '300ms'"))
        await session.execute(delete(Passkey).where(Passkey.passkey_id == key.passkey_id))
    assert (await asked).status_code == 401
