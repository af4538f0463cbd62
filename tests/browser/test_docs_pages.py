"""The API's description as developers meet it: complete, without the internet, within the pages' policy."""

import pytest

from tests.browser.conftest import Open


@pytest.mark.parametrize(("address", "shows"), [("/docs", "/api/v1/patients"), ("/redoc", "Response samples")])
async def test_api_docs_render_without_the_internet_and_within_the_policy(
    crm: str, open_page: Open, address: str, shows: str
) -> None:
    seen = await open_page(crm, address)
    await seen.page.get_by_text(shows).first.wait_for()
    if address == "/docs":
        await seen.page.locator(".opblock-summary-control").first.click()
        await seen.page.get_by_role("button", name="Execute").first.wait_for()
    assert await seen.violations() == []
    assert seen.elsewhere == []
    assert seen.console == []
    assert await seen.sideways() == 0
