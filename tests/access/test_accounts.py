"""Second factors, links, users and keys: what holds behind the pages."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import time_machine
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import links, recovery, totp, users
from app.access.accounts.errors import LastAdministrator
from app.access.accounts.models import OneTimeLink, RecoveryCode, TotpCredential, WebSession
from app.access.models import ApiKey, RoleGrant, UserAccount
from app.access.policy import Role
from app.access.queries import find_account_id
from app.access.service import command_actor, create_service_key, open_account
from app.audit.models import AuditEvent
from app.people.colleagues import settle
from app.platform import clock
from app.platform.crypto import Unreadable, unseal
from app.platform.db import Database
from app.platform.mail import OutgoingMail
from app.platform.settings import Environment, Settings
from tests.browsing import ORIGIN, Somebody, as_user, give_cookie, signed_in, somebody, token_in
from tests.builders import a_colleague, a_person

START = datetime.fromisoformat("2026-11-24T08:00:10+00:00")


@pytest.fixture
async def ines(session: AsyncSession, settings: Settings) -> Somebody:
    return await somebody(session, settings, "navigator")


async def _up_to_code(client: httpx.AsyncClient, who: Somebody) -> str:
    """The password is given; the token of the form that asks for the code."""
    give_cookie(client, "crm_session", "nobodys")
    form = {"csrf_token": token_in(await client.get("/sign-in")), "email": who.email, "password": who.password}
    await client.post("/sign-in", data=form, headers=ORIGIN)
    return token_in(await client.get("/sign-in/second-factor"))


async def _code(client: httpx.AsyncClient, token: str, code: str) -> httpx.Response:
    return await client.post("/sign-in/second-factor", data={"csrf_token": token, "code": code}, headers=ORIGIN)


async def test_a_code_works_once(client: httpx.AsyncClient, ines: Somebody) -> None:
    with time_machine.travel(START, tick=False) as hand:
        first = await _code(client, await _up_to_code(client, ines), ines.code())
        again = await _code(client, await _up_to_code(client, ines), ines.code())
        earlier = await _code(client, await _up_to_code(client, ines), ines.code(-1))
        hand.shift(timedelta(seconds=30))
        following = await _code(client, await _up_to_code(client, ines), ines.code())
    assert [answer.status_code for answer in (first, again, earlier, following)] == [303, 401, 401, 303]


@pytest.mark.parametrize(("away", "status"), [(-2, 401), (-1, 303), (0, 303), (1, 303), (2, 401)])
async def test_codes_of_the_neighbouring_half_minutes_are_taken(
    client: httpx.AsyncClient, ines: Somebody, away: int, status: int
) -> None:
    with time_machine.travel(START, tick=False):
        answer = await _code(client, await _up_to_code(client, ines), ines.code(away))
    assert answer.status_code == status


@pytest.mark.parametrize("away", [-15, 15])
async def test_a_wrong_clock_is_named_as_the_reason(client: httpx.AsyncClient, ines: Somebody, away: int) -> None:
    with time_machine.travel(START, tick=False):
        answer = await _code(client, await _up_to_code(client, ines), ines.code(away))
    assert answer.status_code == 401
    assert "the clock of your phone or computer is wrong" in answer.text


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\x00" * 6, "9" * 5000])
async def test_odd_codes_are_wrong_codes(client: httpx.AsyncClient, ines: Somebody, code: str) -> None:
    answer = await _code(client, await _up_to_code(client, ines), code)
    assert answer.status_code == 401


async def test_seed_is_encrypted_and_bound_to_its_account(
    session: AsyncSession, settings: Settings, ines: Somebody
) -> None:
    sealed = (await session.scalars(select(TotpCredential.secret_encrypted))).one()
    assert ines.totp_secret.encode() not in sealed
    with pytest.raises(Unreadable):
        unseal(settings.secret_key, purpose="totp", owner="somebody else", sealed=sealed)
    with pytest.raises(Unreadable):
        unseal(settings.secret_key, purpose="totp", owner=str(ines.account_id), sealed=sealed[:-1] + b"x")


async def test_recovery_codes_hold_120_bits_work_once_and_only_their_hash_is_kept(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    codes = await recovery.replace_codes(session, account_id=ines.account_id)
    await session.commit()
    assert len(set(codes)) == 10
    assert all(len(code.replace("-", "")) * 5 == 120 for code in codes)
    stored = (await session.scalars(select(RecoveryCode.code_sha256))).all()
    assert all(len(kept) == 32 for kept in stored)
    statuses = []
    for _ in range(2):
        form = {"csrf_token": await _up_to_code(client, ines), "code": f" {codes[0].upper().replace('-', ' ')} "}
        statuses.append((await client.post("/sign-in/recovery", data=form, headers=ORIGIN)).status_code)
    assert statuses == [303, 401]
    assert await recovery.count_left(session, account_id=ines.account_id) == 9


async def test_new_recovery_codes_end_the_old_ones(session: AsyncSession, ines: Somebody) -> None:
    old = await recovery.replace_codes(session, account_id=ines.account_id)
    new = await recovery.replace_codes(session, account_id=ines.account_id)
    assert set(old).isdisjoint(new)
    assert (await session.execute(select(func.count()).select_from(RecoveryCode))).scalar_one() == 10


async def test_somebody_without_a_second_factor_gets_nowhere_but_to_setting_one_up(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator", email="new@crm.example", with_app=False)
    form = {"csrf_token": token_in(await client.get("/sign-in")), "email": who.email, "password": who.password}
    given = await client.post("/sign-in", data=form, headers=ORIGIN)
    assert given.headers["location"] == "/sign-in/enrolment"
    assert (await client.get("/")).headers["location"] == "/sign-in/enrolment"
    assert (await client.get("/account/app")).headers["location"].startswith("/sign-in/enrolment")


async def test_seed_of_another_account_cannot_be_confirmed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, ines: Somebody
) -> None:
    token = await signed_in(client, session, ines.account_id)
    other = await somebody(session, settings, "navigator", email="other@crm.example")
    secret = totp.new_secret()
    sealed = totp.seal_pending(settings.secret_key, account_id=other.account_id, secret=secret)
    code = totp.code_at(secret, totp.step_of(clock.now()))
    for brought in (sealed, "", "zz", secret):
        form = {"csrf_token": token, "sealed": brought, "code": code}
        assert (await client.post("/account/app", data=form)).status_code == 401


@pytest.mark.parametrize("path", ["/account/password", "/account/app", "/account/recovery-codes"])
async def test_credentials_are_changed_only_after_a_recent_proof(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody, path: str
) -> None:
    with time_machine.travel(START, tick=False) as hand:
        token = await signed_in(client, session, ines.account_id)
        assert (await client.get(path)).status_code == 200
        hand.shift(timedelta(minutes=11))
        assert (await client.get(path)).headers["location"].startswith("/unlock?next=")
        changed = await client.post(path, data={"csrf_token": token, "password": "tundra velvet cobalt"})
        assert changed.headers["location"].startswith("/unlock")


async def test_link_of_another_moment_does_not_work(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    with time_machine.travel(START, tick=False) as hand:
        first = await links.make_link(session, account_id=ines.account_id, purpose="reset", now=clock.now())
        second = await links.make_link(session, account_id=ines.account_id, purpose="reset", now=clock.now())
        await session.commit()
        assert (await client.get(f"/reset/{first}")).status_code == 404, "a newer one was sent"
        assert (await client.get(f"/reset/{second}")).status_code == 200
        hand.shift(timedelta(minutes=30))
        assert (await client.get(f"/reset/{second}")).status_code == 404
    for odd in ("x", "%00", "a" * 4000):
        assert (await client.get(f"/reset/{odd}")).status_code == 404
    stored = (await session.scalars(select(OneTimeLink.token_sha256))).all()
    assert all(len(kept) == 32 for kept in stored)


async def test_reset_ends_every_session_and_keeps_the_second_factor(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    await signed_in(client, session, ines.account_id)
    old = client.cookies["crm_session"]
    token = await links.make_link(session, account_id=ines.account_id, purpose="reset", now=clock.now())
    await session.commit()
    form = {"csrf_token": token_in(await client.get(f"/reset/{token}")), "password": "tundra velvet cobalt"}
    done = await client.post(f"/reset/{token}", data=form)
    assert done.headers["location"] == "/sign-in/second-factor"
    give_cookie(client, "crm_session", old)
    assert (await client.get("/")).headers["location"] == "/sign-in"


async def test_administrator_invites_and_the_mail_has_the_link(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "admin")
    form = {"csrf_token": token, "email": " New.Person@CRM.example ", "display_name": "New Person", "roles": "auditor"}
    made = await client.post("/users", data=form)
    assert made.status_code == 303, made.text
    mail = (await session.scalars(select(OutgoingMail))).one()
    assert mail.to_address == "New.Person@crm.example"
    assert f"{settings.base_url}/invitation/" in (mail.body or "")
    again = await client.post("/users", data={**form, "email": "new.person@crm.EXAMPLE"})
    assert again.status_code == 409
    assert "There is an account with this e-mail." in again.text
    assert "New Person" in again.text, "what was typed is kept"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"email": "x"}, "Write an e-mail address"),
        ({"email": "a\x00@crm.example"}, "Must be one line without control characters."),
        ({"display_name": "  "}, "Must not be empty"),
        ({"display_name": "x" * 201}, "Too long"),
        ({"roles": ""}, "Choose at least one."),
        ({"roles": "integration"}, "Choose one of the list."),
        ({"roles": "emperor"}, "Choose one of the list."),
    ],
)
async def test_odd_invitations_come_back_with_what_was_typed(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, change: dict[str, str], said: str
) -> None:
    token = await as_user(client, session, settings, "admin")
    form = {"csrf_token": token, "email": "n@crm.example", "display_name": "Nadia", "roles": "auditor", **change}
    answer = await client.post("/users", data=form)
    assert answer.status_code == 422
    assert said in answer.text
    assert (await session.scalars(select(OutgoingMail))).first() is None


async def test_nobody_changes_their_own_rights(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "admin")
    own = (await session.scalars(select(UserAccount.user_account_id).where(UserAccount.kind == "human"))).one()
    roles = await client.post(f"/users/{own}/roles", data={"csrf_token": token, "roles": ["admin", "navigator"]})
    closed = await client.post(f"/users/{own}/disable", data={"csrf_token": token})
    assert (roles.status_code, closed.status_code) == (403, 403)
    assert "Nobody changes the rights of their own account" in roles.text
    held = (await session.scalars(select(RoleGrant.role).where(RoleGrant.user_account_id == own))).all()
    assert held == ["admin"]


async def test_the_last_administrator_stays(session: AsyncSession, settings: Settings) -> None:
    only = await somebody(session, settings, "admin")
    with pytest.raises(LastAdministrator):
        await users.disable(session, command_actor(), account_id=only.account_id, now=clock.now())
    with pytest.raises(LastAdministrator):
        await users.set_roles(session, command_actor(), account_id=only.account_id, roles=["auditor"], now=clock.now())


async def test_role_changes_are_grants_that_end_and_begin_and_are_on_record(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, ines: Somebody
) -> None:
    token = await as_user(client, session, settings, "admin")
    form = {"csrf_token": token, "roles": ["liaison", "auditor"]}
    assert (await client.post(f"/users/{ines.account_id}/roles", data=form)).status_code == 303
    grants = await session.execute(
        select(RoleGrant.role, RoleGrant.revoked_at.is_(None))
        .where(RoleGrant.user_account_id == ines.account_id)
        .order_by(RoleGrant.role)
    )
    assert [tuple(row) for row in grants] == [("auditor", True), ("liaison", True), ("navigator", False)]
    event = (await session.scalars(select(AuditEvent).where(AuditEvent.action == "set_user_roles"))).one()
    assert (event.record_type, event.record_id) == ("user_account", ines.account_id)
    assert "role_grant" in (event.field_names or [])
    assert event.session_id is not None


async def test_failed_sign_ins_are_on_record_without_what_was_typed(
    client: httpx.AsyncClient, session: AsyncSession, ines: Somebody
) -> None:
    form = {"csrf_token": token_in(await client.get("/sign-in")), "email": ines.email, "password": "Canary-99"}
    await client.post("/sign-in", data=form, headers=ORIGIN)
    query = select(AuditEvent).where(AuditEvent.action == "sign_in_with_password")
    event = (await session.scalars(query)).one()
    assert (event.outcome, event.code, event.actor_id) == ("refused", "sign_in_refused", None)
    whole = str({column: getattr(event, column) for column in AuditEvent.__table__.c.keys()})  # noqa: SIM118 - names
    assert "Canary" not in whole
    assert "ines" not in whole


async def test_pages_of_administration_are_closed_to_every_other_role(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    for role in ("navigator", "liaison", "programme_manager", "data_steward", "privacy_officer", "auditor"):
        await as_user(client, session, settings, role)
        for path in ("/users", "/users/new", "/api-keys", "/api-keys/new"):
            assert (await client.get(path)).status_code == 403, (role, path)


async def test_a_key_of_the_page_has_an_end_and_its_scopes_lie_within_the_role(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "admin")
    form = {"csrf_token": token, "name": "Website", "role": "integration", "days": "90"}
    beyond = await client.post("/api-keys", data={**form, "scopes": ["lead.create", "user.manage"]})
    assert beyond.status_code == 422
    assert "The role does not allow all of these" in beyond.text
    for change in ({"days": "3650"}, {"days": ""}, {"role": "emperor"}, {"name": " "}):
        assert (await client.post("/api-keys", data={**form, **change})).status_code == 422, change
    made = await client.post("/api-keys", data={**form, "scopes": ["lead.create"]})
    assert made.status_code == 200
    key = (await session.scalars(select(ApiKey))).one()
    assert key.scopes == ["lead.create"]
    assert key.expires_at is not None
    assert key.secret_sha256.hex() not in made.text
    assert key.prefix in made.text
    assert made.headers["cache-control"] == "no-store"


async def test_keys_are_made_after_a_recent_proof_and_those_that_stand_for_it_live_a_day(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "admin")
    form = {"csrf_token": token, "name": "Night", "role": "auditor", "scopes": ["break_glass.use", "person.read"]}
    too_long = await client.post("/api-keys", data={**form, "days": "30"})
    assert too_long.status_code == 422
    assert "lives for a day at most" in too_long.text
    assert (await client.post("/api-keys", data={**form, "days": "1"})).status_code == 200
    key = (await session.scalars(select(ApiKey))).one()
    assert key.expires_at is not None
    assert key.expires_at - clock.now() <= timedelta(days=1)
    await session.execute(update(WebSession).values(proved_at=clock.now() - timedelta(minutes=11)))
    await session.commit()
    for method, path in (
        ("GET", "/api-keys/new"),
        ("POST", "/api-keys"),
        ("POST", f"/api-keys/{key.api_key_id}/rotate"),
    ):
        answer = await client.request(method, path, data=None if method == "GET" else {**form, "days": "1"})
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/unlock"), path


async def test_a_key_never_acts_for_a_human_whose_name_it_is_given(session: AsyncSession) -> None:
    noor, _ = await a_colleague(session, "navigator")
    for _ in range(2):
        await create_service_key(session, command_actor(), role=Role.NAVIGATOR, name=noor.display_name)
    made = (await session.scalars(select(ApiKey).where(ApiKey.name == noor.display_name))).all()
    holders = {key.user_account_id for key in made}
    assert len(holders) == 1, "the second key is one more of the same system"
    assert noor.user_account_id not in holders


async def test_rotated_key_and_its_successor_overlap(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "admin")
    form = {"csrf_token": token, "name": "Website", "role": "integration", "days": "90"}
    await client.post("/api-keys", data=form)
    old = (await session.scalars(select(ApiKey))).one()
    place = f"/api-keys/{old.api_key_id}/rotate"
    assert (await client.post(place, data={"csrf_token": token, "overlap": "900"})).status_code == 422
    assert (await client.post(place, data={"csrf_token": token, "overlap": "1"})).status_code == 200
    assert (await client.post(place, data={"csrf_token": token, "overlap": "1"})).status_code == 409
    session.expire_all()
    keys = (await session.scalars(select(ApiKey).order_by(ApiKey.created_at))).all()
    first, second = sorted(keys, key=lambda key: key.replaced_by is None)
    assert first.replaced_by == second.api_key_id
    assert first.expires_at is not None
    assert timedelta(hours=23) < first.expires_at - clock.now() < timedelta(hours=25)
    assert second.expires_at is not None
    assert second.expires_at - clock.now() > timedelta(days=89)
    events = (await session.scalars(select(AuditEvent.action).where(AuditEvent.outcome == "done"))).all()
    assert {"create_key", "rotate_key"} <= set(events)


async def test_name_and_address_change_and_a_stale_form_is_refused(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, ines: Somebody
) -> None:
    token = await as_user(client, session, settings, "admin")
    link = await links.make_link(session, account_id=ines.account_id, purpose="reset", now=clock.now())
    await session.commit()
    place = f"/users/{ines.account_id}/name"
    shown = await client.get(place)
    assert ines.email in shown.text
    version = shown.text.partition('name="seen_version" value="')[2].partition('"')[0]
    form = {"csrf_token": token, "display_name": "Ines Married", "email": "married@crm.example"}

    taken = await client.post(place, data={**form, "seen_version": version, "email": "admin@crm.example"})
    done = await client.post(place, data={**form, "seen_version": version})
    stale = await client.post(place, data={**form, "seen_version": version})
    odd = await client.post(place, data={**form, "seen_version": "²"})

    assert [answer.status_code for answer in (taken, done, stale, odd)] == [409, 303, 412, 422]
    assert "Ines Married" in stale.text
    assert (await client.get(f"/reset/{link}")).status_code == 404, "it went to the earlier address"
    account = await session.get(UserAccount, ines.account_id, populate_existing=True)
    assert account is not None
    assert (account.display_name, account.email_key) == ("Ines Married", "married@crm.example")


async def test_invitation_can_be_handed_over_where_no_mail_is_sent(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "admin")
    app = client._transport.app  # type: ignore[attr-defined]
    app.state.settings = settings.model_copy(update={"environment": Environment.PRODUCTION, "base_url": "http://test"})
    form = {"csrf_token": token, "email": "n@crm.example", "display_name": "Nadia", "roles": "auditor"}
    made = await client.post("/users", data=form)
    assert made.status_code == 200
    place = made.text.partition("http://test")[2].partition("<")[0].strip()
    assert place.startswith("/invitation/")
    assert "Welcome, Nadia" in (await client.get(place)).text


async def test_one_mailbox_is_one_account_whatever_its_spelling_and_sharp_s_is_not_ss(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    """Addresses of accounts compare as those of people: at the sign-in, in commands, in the trail's filter."""
    who = await somebody(session, settings, "navigator", email="weiss@crm.example")
    other = await somebody(session, settings, "navigator", email="weiß@crm.example", name="Other Example")
    for typed, account_id in (
        ("WEISS@crm.example", who.account_id),
        ("weiß@crm.example", other.account_id),
        ("weiss+phone@crm.example", who.account_id),
    ):
        assert await find_account_id(session, typed) == account_id
        form = {"csrf_token": token_in(await client.get("/sign-in")), "email": typed, "password": who.password}
        answer = await client.post("/sign-in", data=form, headers=ORIGIN)
        assert answer.headers["location"] == "/sign-in/second-factor", typed
        newest = select(WebSession.user_account_id).order_by(WebSession.web_session_id.desc()).limit(1)
        assert await session.scalar(newest) == account_id
        client.cookies.clear()
    with pytest.raises(DBAPIError):
        await users.open_user(
            session, command_actor(), email="weiss+2@crm.example", display_name="Second Weiss", roles=["navigator"]
        )


@pytest.mark.parametrize("work", [users.enable, settle])
async def test_an_account_is_locked_without_waiting_for_what_names_it(
    committed_database: Database, work: Callable[..., Awaitable[Any]]
) -> None:
    """A new password or session names its account while its invitation is locked: to wait for it was a deadlock."""
    name = "Named by a new password"
    async with committed_database.unit_of_work() as session:
        account = await open_account(
            session,
            command_actor(),
            display_name=name,
            role=Role.NAVIGATOR,
            kind="human",
            person_id=(await a_person(session)).person_id,
        )
    named = {"account_id": account.user_account_id}
    async with committed_database.session() as naming, committed_database.session() as session:
        lock = "SELECT FROM user_account WHERE user_account_id = :account_id FOR KEY SHARE"
        await naming.execute(text(lock), named)
        await session.execute(text("SET LOCAL lock_timeout = '1s'"))
        more = {"now": clock.now()} if work is settle else {}
        await work(session, command_actor(), **named, **more)
        await session.rollback()
        await naming.rollback()
