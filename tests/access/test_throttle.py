"""Guessing is slow, and nobody is kept out of their account by somebody else's guesses."""

from datetime import datetime, timedelta
from typing import Literal

import httpx
import pytest
import time_machine
from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access import rate_limits
from app.access.accounts import passwords, sessions, users
from app.access.accounts.models import SignInAttempt
from app.access.rate_limits import Try, account_digest
from app.access.service import command_actor
from app.platform import clock
from app.platform.errors import TooMany
from app.platform.mail import OutgoingMail
from app.platform.settings import Settings, SettingsError
from tests.browsing import ORIGIN, Somebody, give_cookie, somebody, token_in

START = datetime.fromisoformat("2026-11-24T08:00:00+00:00")
LIMITS = Settings()


async def count_try(session: AsyncSession, tried: Try, *, now: datetime) -> None:
    await rate_limits.count_try(session, tried, settings=LIMITS, now=now)


async def _give(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    form = {"csrf_token": token_in(await client.get("/sign-in")), "email": email, "password": password}
    return await client.post("/sign-in", data=form, headers=ORIGIN)


async def test_ten_wrong_passwords_from_one_place_and_then_a_wait_that_is_told(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    with time_machine.travel(START, tick=False) as hand:
        for _ in range(LIMITS.sign_in_limit):
            assert (await _give(client, who.email, "no")).status_code == 401
        held = await _give(client, who.email, who.password)
        assert held.status_code == 429, "the right password is held up too, or it could be told from wrong ones"
        assert held.headers["retry-after"] == "901"
        assert "Nothing is locked" in held.text
        hand.move_to(START + timedelta(minutes=16))
        assert (await _give(client, who.email, who.password)).status_code == 303


async def test_an_account_sees_at_most_a_hundred_wrong_tries_an_hour_from_wherever(session: AsyncSession) -> None:
    account, done = account_digest("ines@crm.example"), 0
    for number in range(1_000):
        known = number % 2 == 0
        try:
            await count_try(session, Try(account, f"10.0.{number // 5}.1", known), now=START)
        except TooMany:
            continue
        done += 1
    assert done == 100


async def test_a_list_of_accounts_is_not_run_through_from_one_place(session: AsyncSession) -> None:
    for number in range(LIMITS.sign_in_address_limit):
        await count_try(session, Try(account_digest(str(number)), "10.0.0.1", known_device=False), now=START)
    with pytest.raises(TooMany):
        await count_try(session, Try(account_digest("next"), "10.0.0.1", known_device=False), now=START)
    await count_try(session, Try(account_digest("next"), "10.0.0.2", known_device=False), now=START)


async def test_a_flood_from_elsewhere_does_not_keep_the_owner_with_a_known_browser_out(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    now = clock.now()
    device = await sessions.remember_device(session, account_id=who.account_id, reference=None, now=now)
    for number in range(LIMITS.sign_in_account_limit):
        await count_try(session, Try(account_digest(who.email), f"10.0.{number // 5}.1", known_device=False), now=now)
    await session.commit()

    assert (await _give(client, who.email, who.password)).status_code == 429, "a browser nobody knows waits"
    give_cookie(client, "crm_device", device)
    assert (await _give(client, who.email, who.password)).status_code == 303


async def test_a_known_browser_of_somebody_else_is_not_known_for_this_account(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    other = await somebody(session, settings, "navigator", email="other@crm.example")
    now = clock.now()
    device = await sessions.remember_device(session, account_id=other.account_id, reference=None, now=now)
    for number in range(LIMITS.sign_in_account_limit):
        await count_try(session, Try(account_digest(who.email), f"10.0.{number // 5}.1", known_device=False), now=now)
    await session.commit()
    give_cookie(client, "crm_device", device)
    assert (await _give(client, who.email, who.password)).status_code == 429


async def test_right_passwords_are_not_counted(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    for _ in range(LIMITS.sign_in_limit + 2):
        assert (await _give(client, who.email, who.password)).status_code == 303


@pytest.mark.parametrize("kind", ["unknown", "wrong", "disabled", "no_password"])
async def test_every_refusal_reads_alike(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, kind: str
) -> None:
    who = await somebody(session, settings, "navigator")
    email, password = who.email, who.password
    if kind == "unknown":
        email = "nobody@crm.example"
    elif kind == "wrong":
        password = "something else"
    elif kind == "disabled":
        await users.disable(session, command_actor(), account_id=who.account_id, now=clock.now())
    else:
        made = await users.open_user(
            session, command_actor(), email="new@crm.example", display_name="New", roles=["navigator"]
        )
        email = made.email or ""
    await session.commit()

    answer = await _give(client, email, password)
    assert answer.status_code == 401
    assert "The e-mail or the password is not right" in answer.text
    assert set(answer.headers) >= {"content-security-policy", "x-request-id"}
    assert "location" not in answer.headers


async def test_asking_for_a_new_password_is_answered_alike_for_known_and_unknown(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    answers = []
    for email in (who.email, "nobody@crm.example", "not an address"):
        form = {"csrf_token": token_in(await client.get("/forgot-password")), "email": email}
        answer = await client.post("/forgot-password", data=form, headers=ORIGIN)
        answers.append((answer.status_code, answer.headers["location"]))
    assert set(answers) == {(303, "/forgot-password?sent")}
    mails = (await session.scalars(select(OutgoingMail.to_address))).all()
    assert mails == [who.email]


class CountingHasher(PasswordHasher):
    """Counts its work, with the cost of each hash it was asked to compare with."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8_192, parallelism=1)
        self.compared: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - argon2's own name
        self.compared.append(str(hash).rsplit("$", 2)[0])
        return super().verify(hash, password)


async def test_known_and_unknown_accounts_cost_the_same_work(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time lies in the hash, so the hash is counted: a clock would tell of this machine's other work."""
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "HASHER", hasher)
    who = await somebody(session, settings, "navigator")
    token = token_in(await client.get("/sign-in"))
    answers, work = [], []
    for email in (who.email, "nobody@crm.example"):
        hasher.compared.clear()
        form = {"csrf_token": token, "email": email, "password": "no"}
        answer = await client.post("/sign-in", data=form, headers=ORIGIN)
        # The token of a form is another text in each answer.
        shown = answer.text.replace(email, "").replace(token_in(answer), "")
        answers.append((answer.status_code, shown))
        work.append(list(hasher.compared))
    assert work[0] == work[1]
    assert len(work[0]) == 1
    assert answers[0] == answers[1]


async def test_codes_are_slow_to_guess_and_a_flood_of_them_ends(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who: Somebody = await somebody(session, settings, "navigator")
    with time_machine.travel(START, tick=False):
        await _give(client, who.email, who.password)
        token = token_in(await client.get("/sign-in/second-factor"))
        wrong = "000000" if who.code() != "000000" else "000001"
        statuses = []
        for _ in range(LIMITS.sign_in_browser_limit + 2):
            form = {"csrf_token": token, "code": wrong}
            statuses.append((await client.post("/sign-in/second-factor", data=form, headers=ORIGIN)).status_code)
        assert statuses == [401] * LIMITS.sign_in_browser_limit + [429] * 2


async def test_old_tries_are_forgotten(session: AsyncSession) -> None:
    await count_try(session, Try(account_digest("x"), "10.0.0.1", known_device=False), now=START)
    await rate_limits.forget_old_tries(session, now=START + timedelta(days=3))
    assert (await session.execute(select(func.count()).select_from(SignInAttempt))).scalar_one() == 0


async def test_requests_for_a_new_password_are_counted_apart_from_sign_ins(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    now = clock.now()
    for number in range(LIMITS.reset_address_limit):
        asked = Try(account_digest(str(number)), "127.0.0.1", known_device=False, purpose="reset")
        await count_try(session, asked, now=now)
    await session.commit()
    form = {"csrf_token": token_in(await client.get("/forgot-password")), "email": "next@crm.example"}
    refused = await client.post("/forgot-password", data=form, headers=ORIGIN)
    assert refused.status_code == 429
    assert "passkey" not in refused.text
    assert (await _give(client, who.email, who.password)).status_code == 303


async def test_sign_ins_do_not_keep_anybody_from_asking_for_a_new_password(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    for number in range(LIMITS.sign_in_address_limit):
        await count_try(session, Try(account_digest(str(number)), "127.0.0.1", known_device=False), now=clock.now())
    await session.commit()
    assert (await _give(client, who.email, who.password)).status_code == 429
    form = {"csrf_token": token_in(await client.get("/forgot-password")), "email": who.email}
    assert (await client.post("/forgot-password", data=form, headers=ORIGIN)).status_code == 303


async def test_limits_of_signing_in_are_settings(session: AsyncSession) -> None:
    narrow = Settings.from_environment({"CRM_SIGN_IN_LIMIT": "2", "CRM_RESET_ADDRESS_LIMIT": "1"})
    tried = Try(account_digest("x"), "10.0.0.1", known_device=False)
    for _ in range(2):
        await rate_limits.count_try(session, tried, settings=narrow, now=START)
    with pytest.raises(TooMany):
        await rate_limits.count_try(session, tried, settings=narrow, now=START)
    reset = Try(account_digest("x"), "10.0.0.1", known_device=False, purpose="reset")
    await rate_limits.count_try(session, reset, settings=narrow, now=START)
    with pytest.raises(TooMany):
        await rate_limits.count_try(session, reset, settings=narrow, now=START)


@pytest.mark.parametrize(("name", "value"), [("CRM_SIGN_IN_ACCOUNT_LIMIT", "81"), ("CRM_SIGN_IN_BROWSER_LIMIT", "21")])
def test_an_account_is_never_tried_more_than_a_hundred_times_an_hour(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})
