"""Every component in every state, in a real browser: both themes, wide and narrow."""

import pytest
from fastapi import FastAPI
from playwright.async_api import expect

from app.platform.middleware import RequestFrame
from app.platform.request_metrics import RequestMetrics
from app.web.error_pages import ERRORS
from app.web.gallery import PAGES, mount_gallery
from app.web.render import mount_pages
from tests.browser.conftest import BOTH_THEMES, Open, Serve

pytestmark = pytest.mark.long

ADDRESSES = [f"/_gallery/{name}" for name in PAGES] + ["/_gallery/overview?banner", "/_gallery/errors/404?alone"]


@pytest.fixture(scope="session")
async def gallery(serve: Serve) -> str:
    app = FastAPI(title="myTomorrows CRM")
    mount_pages(app, development=True)
    mount_gallery(app)
    app.add_middleware(RequestFrame, RequestMetrics())
    return await serve(app)


@pytest.mark.parametrize("address", ADDRESSES)
async def test_page_is_accessible_in_both_themes_and_within_the_policy(
    gallery: str, open_page: Open, address: str
) -> None:
    seen = await open_page(gallery, address)
    assert await seen.findings(BOTH_THEMES) == []
    assert [line for line in seen.console if "status of 4" not in line] == []


ADD_BUTTON = """(isDisabled) => {
    const button = document.createElement("button");
    Object.assign(button, {textContent: "Hardly to be read", disabled: isDisabled, className: "planted"});
    document.querySelector("main").append(button);
}"""
ADD_RULES = """(rules) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(rules);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""


async def test_a_fault_of_contrast_is_found_where_every_look_of_the_page_was_judged_before(
    gallery: str, open_page: Open
) -> None:
    seen = await open_page(gallery, "/_gallery/agenda")
    await seen.page.evaluate(
        ADD_RULES, ".planted { color: #bbb; background: #fff } @media (width < 500px) { h1 { color: #aaa } }"
    )
    await seen.page.evaluate(ADD_BUTTON, True)
    assert await seen.axe() == []
    await seen.page.evaluate(ADD_BUTTON, False)
    assert [finding.split(":")[0] for finding in await seen.axe()] == ["color-contrast at ['.planted"]
    await seen.resize(390)
    assert any(finding.startswith("color-contrast at ['h1']") for finding in await seen.axe())
    await seen.page.evaluate(ADD_RULES, "main { background: #777 }")
    assert any("background color: #777" in finding for finding in await seen.axe())


@pytest.mark.parametrize("status", ERRORS)
async def test_error_page_says_what_happened_and_shows_a_way_forward(
    gallery: str, open_page: Open, status: int
) -> None:
    seen = await open_page(gallery, f"/_gallery/errors/{status}")
    words = ERRORS[status]
    assert await seen.page.get_by_role("heading", level=1).inner_text() == words.title
    assert await seen.page.get_by_role("link", name=words.actions[0][0]).get_attribute("href") == words.actions[0][1]
    assert await seen.axe() == []


async def test_every_control_is_reached_by_keyboard_and_shows_it(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/controls")
    wanted = await seen.page.evaluate(
        """() => [...document.querySelectorAll("a[href], button:not(:disabled), input, select, textarea, summary")]
             .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".visually-hidden")).length"""
    )
    reached, unseen = 0, []
    for _ in range(wanted + 5):
        await seen.page.keyboard.press("Tab")
        look = await seen.page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
                 if (e === document.body || e.dataset.reached) return null;
                 e.dataset.reached = "1";
                 return [e.outerHTML.slice(0, 80), s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2]; }"""
        )
        if look:
            reached += 1
            unseen += [look[0]] if not look[1] else []
    assert unseen == []
    assert reached >= wanted


async def test_icons_and_letters_come_from_our_own_files(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/data")
    assert await seen.page.evaluate("document.querySelector('.nav-link .icon').getBBox().width") > 10
    fonts = "[...document.fonts].filter((face) => face.status === 'loaded').map((face) => face.unicodeRange).length"
    # Latin, Latin Extended, Greek, Cyrillic and Vietnamese names stand on this page.
    assert await seen.page.evaluate(f"document.fonts.ready.then(() => {fonts})") >= 5


async def test_skip_link_is_first_and_leads_to_the_content(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/data")
    await seen.page.keyboard.press("Tab")
    assert await seen.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await seen.page.keyboard.press("Enter")
    assert await seen.page.evaluate("document.activeElement.id") == "content"


async def test_theme_is_chosen_kept_and_sent_with_the_next_page(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/data", theme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await seen.page.evaluate(ground)
    await seen.page.locator("summary[aria-label*='account']").click()
    await seen.page.get_by_role("button", name="Dark").click()
    dark = await seen.page.evaluate(ground)
    assert dark != light
    await seen.page.goto(gallery + "/_gallery/record")
    assert await seen.page.locator("html").get_attribute("data-theme") == "dark"
    assert await seen.page.evaluate(ground) == dark
    assert await seen.violations() == []


async def test_menu_closes_by_escape_and_by_a_click_elsewhere(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/controls")
    menu = seen.page.locator("details[data-menu]", has=seen.page.get_by_text("Change status"))
    await menu.locator("summary").click()
    assert await menu.evaluate("e => e.open")
    assert await seen.axe() == []
    await seen.page.keyboard.press("Escape")
    assert not await menu.evaluate("e => e.open")
    await menu.locator("summary").click()
    await seen.page.get_by_role("heading", level=1).click()
    assert not await menu.evaluate("e => e.open")


async def test_a_step_that_cannot_be_undone_asks_once_more_by_keyboard_too(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/controls")
    opener = seen.page.locator("summary", has_text="Revoke the key")
    await opener.focus()
    await seen.page.keyboard.press("Enter")
    assert await seen.findings() == []
    await seen.page.keyboard.press("Tab")
    assert await seen.page.evaluate("document.activeElement.innerText") == "Revoke it now"
    await seen.page.keyboard.press("Escape")
    assert await seen.page.evaluate("document.activeElement.innerText") == "Revoke the key"
    assert not await seen.page.get_by_role("button", name="Revoke it now").is_visible()


async def test_dialog_opens_traps_and_closes(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/feedback")
    await seen.page.get_by_role("button", name="Void this call …").click()
    dialog = seen.page.get_by_role("dialog", name="Void the call of 4 November?")
    assert await dialog.is_visible()
    assert await seen.axe() == []
    await seen.page.keyboard.press("Escape")
    assert not await dialog.is_visible()


async def test_form_by_htmx_shows_the_error_at_the_field_and_then_a_message(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/feedback")
    form = seen.page.locator("#reason-form")
    await form.get_by_label("Reason for looking").fill("   ")
    await form.get_by_role("button", name="Reveal").click()
    await form.get_by_text("Say why you need to see it").wait_for()
    field = form.get_by_label("Reason for looking")
    assert await field.get_attribute("aria-invalid") == "true"
    assert "field-reason-error" in (await field.get_attribute("aria-describedby") or "")
    await field.fill("Call back promised")
    await form.get_by_role("button", name="Reveal").click()
    await seen.page.locator(".flash", has_text="Saved").wait_for()
    assert seen.page.url.endswith("/_gallery/feedback")
    assert await seen.violations() == []


async def test_error_by_htmx_is_told_above_and_leaves_what_was_typed(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/feedback")
    field = seen.page.locator("#reason-form").get_by_label("Reason for looking")
    await field.fill("half a sentence")
    await seen.page.get_by_role("button", name="Meet a conflict").click()
    alert = seen.page.locator("#alerts").get_by_role("alert")
    await alert.wait_for()
    assert ERRORS[409].title in await alert.inner_text()
    assert await field.input_value() == "half a sentence"
    assert await seen.axe() == []


async def test_a_message_with_undo_stays_for_a_minute_in_which_nobody_is_in_it(gallery: str, open_page: Open) -> None:
    page = (await open_page(gallery, "/_gallery/feedback")).page
    await page.clock.install()
    await page.reload()
    await page.evaluate("showFlash('Done', 'success', '/_gallery/undo'); showFlash('Only told')")
    await page.clock.run_for(8_000)
    await expect(page.locator("#flashes").get_by_text("Only told")).to_have_count(0)
    undo = page.locator("#flashes [data-undo]")
    await undo.focus()
    await page.clock.run_for(120_000)
    await expect(undo).to_be_visible()
    await undo.blur()
    await page.clock.run_for(45_000)
    await expect(undo).to_be_visible()
    await page.clock.run_for(15_000)
    await expect(undo).to_have_count(0)


async def test_pages_work_without_scripts(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/feedback", java_script_enabled=False)
    await seen.page.locator("#reason-form").get_by_role("button", name="Reveal").click()
    assert seen.page.url.endswith("/_gallery/feedback")
    assert await seen.page.get_by_role("button", name="Copy the key").count() == 0
    await seen.page.goto(gallery + "/_gallery/controls")
    await seen.page.get_by_text("Change status").click()
    assert await seen.page.get_by_role("link", name="Move to screening").is_visible()


async def test_phone_has_a_bar_and_a_drawer(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/data", width=390)
    assert not await seen.page.locator(".sidebar").is_visible()
    await seen.page.get_by_role("button", name="Menu", exact=True).click()
    drawer = seen.page.locator("#drawer")
    assert await drawer.get_by_role("link", name="Hospitals").is_visible()
    assert await seen.axe() == []
    await seen.page.keyboard.press("Escape")
    assert not await drawer.is_visible()


async def test_one_time_key_is_copied(gallery: str, open_page: Open) -> None:
    permissions = ["clipboard-read", "clipboard-write"]
    seen = await open_page(gallery, "/_gallery/feedback", permissions=permissions)
    await seen.page.get_by_role("button", name="Copy the key").click()
    await seen.page.locator(".flash", has_text="Copied").wait_for()
    copied = await seen.page.evaluate("navigator.clipboard.readText()")
    assert copied == await seen.page.locator("#new-key").inner_text()


async def test_paper_shows_the_record_alone(gallery: str, open_page: Open) -> None:
    seen = await open_page(gallery, "/_gallery/record", theme="dark")
    await seen.page.emulate_media(media="print")
    for hidden in (".sidebar", ".topbar", ".phone-bar", ".page-header-actions"):
        assert not await seen.page.locator(hidden).first.is_visible()
    assert await seen.page.get_by_role("heading", level=1).is_visible()
    assert await seen.page.evaluate("getComputedStyle(document.body).color") != "rgb(230, 238, 237)"


def test_what_fails_in_a_browser_is_run_once_more_and_nothing_else(request: pytest.FixtureRequest) -> None:
    again = {item.path.parent.name for item in request.session.items if item.get_closest_marker("flaky")}
    assert again == {"browser"}
