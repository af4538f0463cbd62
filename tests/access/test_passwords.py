"""Passwords: every SHALL of NIST SP 800-63B-4, section 3.1.1, has its test here, named by what it demands."""

import asyncio
import inspect
import threading
import unicodedata

import argon2
import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.accounts import links, passwords, sign_in, users
from app.access.accounts.errors import PasswordInvalid
from app.access.accounts.models import PasswordCredential
from app.access.service import command_actor
from app.platform import clock
from app.platform.errors import Unavailable
from app.platform.settings import Settings
from app.web.render import TEMPLATES
from tests.browsing import ORIGIN, PASSWORD, as_user, somebody, token_in
from tests.conftest import COSTLY, BoundDatabase

UNRELATED = "tundra velvet cobalt"


def _code(password: str, *, second: bool = False, context: tuple[str, ...] = ()) -> str | None:
    try:
        passwords.check_new(password, has_second_factor=second, context=context)
    except PasswordInvalid as error:
        return error.fields[0].code
    return None


def test_alone_it_has_at_least_15_characters_with_a_second_factor_8() -> None:
    assert _code("kV9#qLw2zRt0!x") == "too_short", "14"
    assert _code("kV9#qLw2zRt0!xP") is None, "15"
    assert _code("kV9#qLw", second=True) == "too_short", "7"
    assert _code("kV9#qLw2", second=True) is None, "8"


def test_at_least_64_characters_are_permitted() -> None:
    for length in (64, passwords.MAX_LENGTH):
        long = (UNRELATED + " ") * 20
        assert _code(long[:length]) is None, length
    assert _code("x" * (passwords.MAX_LENGTH + 1)) == "too_long"


@pytest.mark.parametrize(
    "password",
    [
        "".join(chr(0x21 + number * 37 % 94) for number in range(94)),
        "blanks are characters too",
        "пароль з українських слів",
        "三つの山と静かな湖と青い空と白い雲",
        "🦉🌋🧭🎻🪁🧶🦔🪵🫖🧊🪐🌵🧿🪅🐙",
    ],
)
def test_all_printing_ascii_the_blank_and_unicode_are_accepted(password: str) -> None:
    assert _code(password) is None


def test_each_code_point_counts_as_one_character() -> None:
    owls = "🦉🌋🧭🎻🪁🧶🦔🪵🫖🧊🪐🌵🧿🪅"
    assert (len(owls), len(owls.encode())) == (14, 56)
    assert _code(owls) == "too_short"
    assert _code(owls + "🐙") is None


async def test_one_password_typed_on_two_keyboards_is_one_password() -> None:
    composed = "Žluťoučký kůň úpěl ďábelské"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    stored = await passwords.hash_password(composed)
    assert (await passwords.verify(stored, decomposed))[0]


@pytest.mark.parametrize("password", ["onlylowercaseletters without order", "8264 9153 7082 6619 4", UNRELATED])
def test_no_rule_about_kinds_of_characters(password: str) -> None:
    assert _code(password) is None


@pytest.mark.parametrize(
    ("password", "second", "context"),
    [
        ("password", True, ()),
        ("1234567890123456", False, ()),
        ("aaaaaaaaaaaaaaaaaaaa", False, ()),
        ("qwertyuiopasdfghjkl", False, ()),
        ("passwordpassword", False, ()),
        ("myTomorrows", True, ()),
        ("ines.mueller@crm.example", False, ("ines.mueller@crm.example",)),
        ("InesMueller1", True, ("Ines Mueller",)),
    ],
)
def test_known_expected_and_guessable_passwords_are_refused(
    password: str,
    second: bool,  # noqa: FBT001 - a column of the table above
    context: tuple[str, ...],
) -> None:
    assert _code(password, second=second, context=context) in {"known", "guessable"}


def test_the_block_list_is_compared_with_the_whole_password_not_with_its_parts() -> None:
    assert _code("dragon tundra velvet cobalt") is None, "dragon stands on the list"


async def test_a_refused_password_is_answered_with_the_reason_and_guidance(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    answer = await client.post("/account/password", data={"csrf_token": token, "password": "password"})
    assert answer.status_code == 422
    assert "is on the lists that attackers try first" in answer.text
    assert "At least 8 characters" in answer.text


def test_nothing_asks_for_a_change_on_a_schedule() -> None:
    columns = set(PasswordCredential.__table__.columns.keys())
    assert columns == {"user_account_id", "created_at", "hash", "changed_at"}, "no date of expiry"
    signing_in = (sign_in.check_password, sign_in.lacking)
    assert not any("changed_at" in inspect.getsource(step) for step in signing_in), "its age plays no part"


async def test_a_password_that_is_out_must_be_changed(session: AsyncSession, settings: Settings) -> None:
    who = await somebody(session, settings, "navigator")
    await users.start_over(session, command_actor(), account_id=who.account_id, base_url="http://test", now=clock.now())
    assert await session.get(PasswordCredential, who.account_id, populate_existing=True) is None


def test_no_hints_and_no_questions_about_mothers() -> None:
    forms = "".join(path.read_text() for path in (TEMPLATES / "sign_in").glob("*.html"))
    for word in ("reminder", "security question", "maiden", "first pet"):
        assert word not in forms.lower()


async def test_the_whole_password_is_verified_not_its_beginning() -> None:
    long = (UNRELATED + " ") * 12
    stored = await passwords.hash_password(long)
    assert (await passwords.verify(stored, long))[0]
    assert not (await passwords.verify(stored, long[:-1] + "x"))[0]
    assert not (await passwords.verify(stored, long[:72]))[0]


async def test_password_managers_and_pasting_are_allowed(client: httpx.AsyncClient) -> None:
    form = (await client.get("/sign-in")).text
    assert 'autocomplete="current-password"' in form
    assert 'autocomplete="username' in form
    for sheet in TEMPLATES.rglob("*.html"):
        assert "onpaste" not in sheet.read_text()


def test_it_is_stored_salted_by_a_costly_hash() -> None:
    assert COSTLY.type is argon2.Type.ID
    assert (COSTLY.time_cost, COSTLY.memory_cost, COSTLY.salt_len) == (3, 65_536, 16)
    hashed = {passwords._hash(PASSWORD), passwords._hash(PASSWORD)}
    assert len(hashed) == 2, "each with a salt of its own"
    assert all(text.startswith("$argon2id$") for text in hashed)


async def test_a_hash_of_an_earlier_cost_is_made_anew_at_the_sign_in(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await somebody(session, settings, "navigator")
    before = (await session.scalars(select(PasswordCredential.hash))).one()
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=2, memory_cost=128, parallelism=1))

    form = {"csrf_token": token_in(await client.get("/sign-in")), "email": who.email, "password": who.password}
    assert (await client.post("/sign-in", data=form, headers=ORIGIN)).status_code == 303

    session.expire_all()
    after = (await session.scalars(select(PasswordCredential.hash))).one()
    assert "m=128,t=2" in after
    assert after != before
    assert (await passwords.verify(after, who.password)) == (True, None)


async def test_a_new_hash_does_not_bring_an_earlier_password_back(
    session: AsyncSession, settings: Settings, bound: BoundDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await somebody(session, settings, "navigator")
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=2, memory_cost=128, parallelism=1))
    verified = await sign_in.check_password(
        bound, email=who.email, password=who.password, device=None, source="x", settings=settings, now=clock.now()
    )
    changed = await passwords.hash_password("another lantern by the sea")
    await users.store_password(session, account_id=who.account_id, password_hash=changed, now=clock.now())

    await sign_in.store_rehash(session, verified)

    assert (await session.scalars(select(PasswordCredential.hash))).one() == changed


async def test_two_hashes_run_at_once_some_wait_and_the_next_is_told_to_come_back() -> None:
    work = passwords.BoundedWork(threads=2, waiting=1)
    gate = threading.Event()
    running = [asyncio.create_task(work.run(gate.wait, 10)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await work.run(gate.wait, 10)
    gate.set()
    assert await asyncio.gather(*running) == [True, True, True]
    assert await work.run(lambda: 7) == 7, "there is room again"


async def test_unknown_account_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
            tried.append(str(hash).rsplit("$", 2)[0])
            return bool(super().verify(hash, password))

    monkeypatch.setattr(passwords, "HASHER", Counting(time_cost=1, memory_cost=64, parallelism=1))
    stored = await passwords.hash_password(PASSWORD)
    assert await passwords.verify(None, "x") == (False, None)
    assert await passwords.verify(stored, "x") == (False, None)
    assert len(tried) == 2
    assert len(set(tried)) == 1, "one set of parameters"


async def test_links_are_good_once_and_not_for_long(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    who = await somebody(session, settings, "navigator")
    token = await links.make_link(session, account_id=who.account_id, purpose="reset", now=clock.now())
    await session.commit()
    shown = await client.get(f"/reset/{token}")
    form = {"csrf_token": token_in(shown), "password": UNRELATED}
    assert (await client.get(f"/reset/{token}")).status_code == 200, "looking uses nothing up"
    assert (await client.get(f"/invitation/{token}")).status_code == 404, "a link is for one purpose"
    used = await client.post(f"/reset/{token}", data=form, headers=ORIGIN)
    assert used.headers["location"] == "/sign-in/second-factor", "a new password does not stand for the second factor"
    again = await client.get(f"/reset/{token}")
    assert again.status_code == 404
    assert "Ask for a new link" in again.text
