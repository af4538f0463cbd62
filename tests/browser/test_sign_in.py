"""People sign in, set up a second step, and look after accounts, in a real browser."""

import re
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import delete, select, update

from app.access.accounts import passwords, totp, users
from app.access.accounts.models import SignInAttempt, TotpCredential, WebSession
from app.access.models import UserAccount
from app.access.service import command_actor
from app.main import create_app
from app.platform import clock
from app.platform.db import Database
from app.platform.mail import OutgoingMail
from app.platform.settings import Settings
from tests.browser.conftest import Open, Seen, Serve
from tests.browsing import PASSWORD, Somebody, somebody

pytestmark = pytest.mark.long

PAGES = (
    "/", "/account", "/account/password", "/account/app", "/account/recovery-codes", "/account/sessions", "/users",
    "/users/new", "/users?q=nobody-has-this-name", "/api-keys", "/api-keys/new", "/unlock",
)  # fmt: skip
PUBLIC_PAGES = ("/sign-in", "/forgot-password?sent", "/invitation/dead", "/reset/dead", "/mailbox")


@pytest.fixture(scope="module")
async def crm(serve: Serve, settings: Settings, committed_database: Database) -> str:
    """The application on loopback, under a name, since passkeys are bound to one."""
    base = await serve(create_app(settings, committed_database))
    return base.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
async def ravi(crm: str, settings: Settings, committed_database: Database) -> Somebody:
    """An administrator with password and app."""
    async with committed_database.session() as session:
        found = await somebody(session, settings, "admin", email="ravi@crm.example", name="Ravi Nair")
        await somebody(session, settings, "admin", "data_steward", email="signe@crm.example", name="Signe Lindqvist")
        return found


@pytest.fixture(autouse=True)
async def codes_may_be_used_again(committed_database: Database) -> None:
    """Tests of one minute share a person; that no code works twice is tested elsewhere."""
    async with committed_database.unit_of_work() as session:
        await session.execute(update(TotpCredential).values(last_step=0))
        await session.execute(delete(SignInAttempt))


async def _password(page: Page, email: str) -> None:
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def _sign_in(seen: Seen, who: Somebody) -> None:
    await _password(seen.page, who.email)
    await seen.page.get_by_label("Code from your authenticator app").fill(who.code())
    await seen.page.get_by_role("button", name="Continue").click()
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text(re.compile("Welcome|Today"))


async def _with_authenticator(page: Page) -> None:
    """A device that holds passkeys and always recognises its holder."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def _link_for(database: Database, email: str) -> str:
    async with database.session() as session:
        query = (
            select(OutgoingMail.body).where(OutgoingMail.to_address == email).order_by(OutgoingMail.created_at.desc())
        )
        body = (await session.scalars(query.limit(1))).one()
    found = re.search(r"http://\S+(/(?:invitation|reset)/\S+)", body or "")
    assert found
    return found[1]


async def _no_findings(seen: Seen) -> None:
    assert await seen.findings() == []


@pytest.mark.parametrize("path", PUBLIC_PAGES)
async def test_pages_before_the_sign_in_are_accessible_and_within_the_policy(
    crm: str, open_page: Open, path: str
) -> None:
    await _no_findings(await open_page(crm, path))


async def test_pages_of_accounts_are_accessible_and_within_the_policy(
    crm: str, ravi: Somebody, open_page: Open
) -> None:
    seen = await open_page(crm, "/sign-in")
    await _password(seen.page, ravi.email)
    await _no_findings(seen)
    await seen.page.goto(f"{crm}/sign-in/recovery")
    await _no_findings(seen)
    await seen.page.go_back()
    await seen.page.get_by_label("Code from your authenticator app").fill(ravi.code())
    await seen.page.get_by_role("button", name="Continue").click()
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text(re.compile("Welcome|Today"))
    for path in PAGES:
        await seen.page.goto(crm + path)
        await _no_findings(seen)
    await seen.page.goto(f"{crm}/users")
    await seen.page.get_by_role("link", name="Signe Lindqvist").click()
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text("Signe Lindqvist")
    await _no_findings(seen)
    await seen.page.get_by_role("link", name="Change name or e-mail").click()
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text("Name and e-mail")
    await _no_findings(seen)


async def test_invited_user_chooses_a_password_sets_up_an_app_and_signs_in_with_a_recovery_code(
    crm: str, ravi: Somebody, open_page: Open, committed_database: Database
) -> None:
    admin = await open_page(crm, "/sign-in")
    await _sign_in(admin, ravi)
    page = admin.page
    await page.get_by_role("link", name="Users").first.click()
    await page.get_by_role("link", name="Invite a user").click()
    await page.get_by_label("Name", exact=True).fill("Amber Meijer")
    await page.get_by_label("Work e-mail").fill("amber@crm.example")
    await page.get_by_label("Navigator").check()
    await page.get_by_role("button", name="Send the invitation").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Amber Meijer")
    await expect(page.locator("#flashes")).to_contain_text("The invitation is on its way")

    new = await open_page(crm, await _link_for(committed_database, "amber@crm.example"))
    page = new.page
    await _no_findings(new)
    await page.get_by_label("New password").fill("password12345678")
    await page.get_by_role("button", name="Save the password").click()
    await expect(page.locator("#field-password-error")).to_contain_text("easy to guess")
    await _no_findings(new)
    await page.get_by_label("New password").fill("eleven quiet herons at dusk")
    await page.get_by_role("button", name="Save the password").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Set up two-step sign-in")
    await _no_findings(new)
    secret = (await page.locator("#totp-key").inner_text()).replace(" ", "")
    await page.get_by_label("Code that the app shows").fill("000000")
    await page.get_by_role("button", name="Confirm the code").click()
    await expect(page.get_by_role("alert").first).to_contain_text("That code is not right")
    assert (await page.locator("#totp-key").inner_text()).replace(" ", "") == secret, "the picture stays"
    await page.get_by_label("Code that the app shows").fill(totp.code_at(secret, totp.step_of(clock.now())))
    await page.get_by_role("button", name="Confirm the code").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Keep your recovery codes")
    await _no_findings(new)
    code = await page.locator("#recovery-codes li").first.inner_text()
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Amber Meijer")

    elsewhere = await open_page(crm, "/account")
    page = elsewhere.page
    await page.get_by_label("E-mail").fill("amber@crm.example")
    await page.get_by_label("Password", exact=True).fill("eleven quiet herons at dusk")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.get_by_role("link", name="Use a recovery code").click()
    await page.get_by_label("Recovery code").fill(code.upper().replace("-", " "))
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("My account")
    await expect(page.get_by_text("9 of 10 left")).to_be_visible()


async def test_passkey_is_made_and_then_signs_in_alone_as_second_step_and_at_the_lock(
    crm: str, settings: Settings, open_page: Open, committed_database: Database
) -> None:
    async with committed_database.session() as session:
        who = await somebody(session, settings, "auditor", email="iker@crm.example", name="Iker Zabala", with_app=False)
    seen = await open_page(crm, "/sign-in")
    page = seen.page
    await _with_authenticator(page)
    await _password(page, who.email)
    await page.get_by_role("button", name="Make a passkey").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    await page.get_by_role("button", name="Make new codes").click()
    await expect(page.locator("#recovery-codes li")).to_have_count(10)
    await _no_findings(seen)

    await page.goto(f"{crm}/account")
    await expect(page.get_by_text(re.compile("Made .*"))).to_be_visible()
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_text("This device has a passkey for your account already.")).to_be_visible()
    await page.locator("summary", has_text="Remove").click()
    await page.get_by_role("button", name="Remove the passkey").click()
    await expect(page.get_by_text("This is your only second factor")).to_be_visible()

    await page.goto(f"{crm}/account/sessions")
    await page.evaluate(
        "localStorage.setItem('crm-last-seen', '0'); document.dispatchEvent(new Event('visibilitychange'))"
    )
    lock = page.get_by_role("dialog", name="Locked")
    await page.wait_for_function("typeof usePasskey === 'function'")
    await lock.get_by_role("button", name="Use a passkey").click()
    await expect(lock).to_be_hidden()

    await page.goto(f"{crm}/unlock?next=/account/sessions")
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("My sessions")

    await page.locator("summary").filter(has=page.locator(".avatar")).click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_text("You are signed out.")).to_be_visible()
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Iker Zabala")

    await page.context.clear_cookies()
    await page.goto(f"{crm}/sign-in")
    await _password(page, who.email)
    await page.get_by_role("button", name="Use a passkey").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome, Iker Zabala")
    assert await seen.violations() == []


async def test_key_is_made_with_scopes_rotated_and_revoked(crm: str, ravi: Somebody, open_page: Open) -> None:
    seen = await open_page(crm, "/sign-in")
    await _sign_in(seen, ravi)
    page = seen.page
    await page.goto(f"{crm}/api-keys/new")
    await page.get_by_label("Name of the system").fill("Website form")
    await page.get_by_text("Allow less than the role does").click()
    await page.locator("#field-scopes-lead\\.create").check()
    await page.get_by_role("button", name="Make the key").click()
    key = await page.locator("#new-key").inner_text()
    assert re.fullmatch(r"crm_[a-z2-7]{12}_[A-Za-z0-9_-]{43}", key)
    await _no_findings(seen)
    refused = await page.request.get(f"{crm}/api/v1/patients", headers={"Authorization": f"Bearer {key}"})
    assert refused.status == 403, "the role may, the scope does not"

    await page.goto(f"{crm}/api-keys")
    await page.get_by_role("link", name="Website form").click()
    await page.locator("summary", has_text="Revoke the key").click()
    await _no_findings(seen)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Make the new key").click()
    second = await page.locator("#new-key").inner_text()
    assert second != key
    await page.goto(f"{crm}/api-keys")
    await expect(page.get_by_text("Rotating")).to_be_visible()
    await _no_findings(seen)
    for _ in range(2):
        await page.goto(f"{crm}/api-keys")
        await page.get_by_role("link", name="Website form").first.click()
        await page.locator("summary", has_text="Revoke the key").click()
        await page.get_by_role("button", name="Revoke it now").click()
        await expect(page.locator("#flashes")).to_contain_text("The key is revoked.")
    for dead in (key, second):
        answer = await page.request.get(f"{crm}/api/v1/patients", headers={"Authorization": f"Bearer {dead}"})
        assert answer.status == 401


async def test_changed_roles_show_at_the_next_request_of_the_other_browser(
    crm: str, ravi: Somebody, settings: Settings, open_page: Open, committed_database: Database
) -> None:
    async with committed_database.session() as session:
        who = await somebody(session, settings, "navigator", email="lucien@crm.example", name="Lucien Fontaine")
    theirs = await open_page(crm, "/sign-in")
    await _sign_in(theirs, who)
    async with committed_database.unit_of_work() as session:
        await users.set_roles(session, command_actor(), account_id=who.account_id, roles=["liaison"], now=clock.now())
    await theirs.page.goto(f"{crm}/account")
    await expect(theirs.page.get_by_text("Your roles have changed")).to_be_visible()
    kept = {cookie["name"]: cookie["httpOnly"] for cookie in await theirs.page.context.cookies()}
    assert [name for name, is_hidden in kept.items() if not is_hidden] == ["zone"]


async def test_refusals_are_pages_with_a_way_forward(
    crm: str, settings: Settings, open_page: Open, committed_database: Database
) -> None:
    async with committed_database.session() as session:
        who = await somebody(session, settings, "navigator", email="nora@crm.example", name="Nora Plain")
    seen = await open_page(crm, "/sign-in")
    await _sign_in(seen, who)
    for path, said in (("/users", "Your role does not include this"), ("/resume/nothing", "need another look")):
        await seen.page.goto(crm + path)
        await expect(seen.page.get_by_role("heading", level=1)).to_contain_text(said)
        await _no_findings(seen)


async def test_form_sent_after_the_session_had_ended_is_kept_through_the_sign_in(
    crm: str, ravi: Somebody, open_page: Open, committed_database: Database
) -> None:
    seen = await open_page(crm, "/sign-in")
    await _sign_in(seen, ravi)
    page = seen.page
    await page.goto(f"{crm}/users/new")
    await page.get_by_label("Name", exact=True).fill("Kwame Osei")
    await page.get_by_label("Work e-mail").fill("kwame@crm.example")
    await page.get_by_label("Liaison").check()
    async with committed_database.unit_of_work() as session:
        await users.store_password(
            session,
            account_id=ravi.account_id,
            password_hash=await passwords.hash_password(PASSWORD),
            now=clock.now(),
        )
        await session.execute(update(TotpCredential).values(last_step=0))
    await page.get_by_role("button", name="Send the invitation").click()
    await expect(page.get_by_text("What you typed is kept")).to_be_visible()
    await _password(page, ravi.email)
    await page.get_by_label("Code from your authenticator app").fill(ravi.code())
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Welcome back")
    await _no_findings(seen)
    await page.get_by_role("button", name="Send it now").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Kwame Osei")
    async with committed_database.session() as session:
        assert await session.scalar(select(UserAccount).where(UserAccount.email == "kwame@crm.example"))


async def test_form_of_an_earlier_session_is_kept_and_offered(
    crm: str, ravi: Somebody, open_page: Open, committed_database: Database
) -> None:
    seen = await open_page(crm, "/sign-in")
    await _sign_in(seen, ravi)
    page = seen.page
    await page.goto(f"{crm}/users/new")
    await page.get_by_label("Name", exact=True).fill("Esi Boateng")
    await page.get_by_label("Work e-mail").fill("esi@crm.example")
    await page.get_by_label("Liaison").check()
    await page.context.clear_cookies()
    async with committed_database.unit_of_work() as session:
        await session.execute(update(TotpCredential).values(last_step=0))
    beside = await page.context.new_page()
    await beside.goto(f"{crm}/sign-in")
    await _sign_in(Seen(beside, crm), ravi)
    await page.get_by_role("button", name="Send the invitation").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This form belongs to an earlier session")
    await _no_findings(seen)
    await page.get_by_role("link", name="Look at it and send it").click()
    await page.get_by_role("button", name="Send it now").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Esi Boateng")


async def test_idle_page_is_covered_in_place_and_what_was_typed_stays(
    crm: str, ravi: Somebody, open_page: Open, committed_database: Database
) -> None:
    seen = await open_page(crm, "/sign-in")
    await _sign_in(seen, ravi)
    page = seen.page
    await page.clock.install()
    await page.goto(f"{crm}/users/new")
    await page.get_by_label("Name", exact=True).fill("Half a name")
    await page.clock.fast_forward("28:00")
    lock = page.locator("#lock")
    await expect(lock).to_be_hidden()
    await page.clock.fast_forward("02:00")
    await expect(lock).to_be_visible()
    await expect(page.get_by_label("Name", exact=True)).to_be_hidden()
    # Half opened, axe does not take it for a dialog that covers the page.
    await lock.evaluate("lock => Promise.all(lock.getAnimations({subtree: true}).map((one) => one.finished))")
    await _no_findings(seen)
    await page.keyboard.press("Escape")
    await page.mouse.click(5, 5)
    await expect(lock).to_be_visible()

    async with committed_database.unit_of_work() as session:
        await session.execute(update(WebSession).values(last_seen_at=clock.now() - timedelta(minutes=40)))
    await lock.get_by_label("Password", exact=True).fill("wrong")
    await lock.get_by_role("button", name="Unlock").click()
    await expect(lock.get_by_role("alert").first).to_contain_text("That is not the password")
    await lock.get_by_label("Password", exact=True).fill(PASSWORD)
    await lock.get_by_role("button", name="Unlock").click()
    await expect(lock).to_be_hidden()
    await expect(page.get_by_label("Name", exact=True)).to_have_value("Half a name")
    await page.get_by_label("Work e-mail").fill("half@crm.example")
    await page.get_by_label("Auditor").check()
    await page.get_by_role("button", name="Send the invitation").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Half a name")
    assert await seen.violations() == []


async def test_addresses_that_are_not_there_are_told_as_a_page(crm: str, open_page: Open) -> None:
    seen = await open_page(crm, "/nothing/here")
    await expect(seen.page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    await _no_findings(seen)


async def test_signing_in_and_changing_an_account_need_no_script(crm: str, ravi: Somebody, open_page: Open) -> None:
    seen = await open_page(crm, "/sign-in", java_script_enabled=False)
    await _sign_in(seen, ravi)
    page = seen.page
    await page.goto(f"{crm}/users")
    await page.get_by_role("link", name="Signe Lindqvist").click()
    await page.get_by_role("link", name="Change name or e-mail").click()
    await page.get_by_label("Name", exact=True).fill("Signe Lindqvist-Berg")
    await page.get_by_role("button", name="Save name and e-mail").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Signe Lindqvist-Berg")
    await expect(page.locator("#flashes")).to_contain_text("Name and e-mail saved.")
