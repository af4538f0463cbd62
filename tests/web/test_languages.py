"""In which language a page is: as the account has chosen, else as the browser asks, else as the settings say."""

import httpx
from fastapi import FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.locales import read_in
from app.platform.settings import Settings
from app.web.render import language_of, mount_pages
from app.web.words import countries_by_name
from tests.browsing import as_user
from tests.canaries import a_world


def _language(answer: httpx.Response) -> str:
    return answer.text.partition('<html lang="')[2].partition('"')[0]


async def test_a_page_is_as_the_browser_asks_until_the_account_has_chosen(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    token = await as_user(client, session, settings, "navigator")
    dutch = {"accept-language": "nl-NL,nl;q=0.9,en;q=0.5"}
    asked = await client.get("/account/preferences", headers=dutch)
    plain = await client.get("/account/preferences")
    await client.post("/account/preferences", data={"csrf_token": token, "language": "nl"})
    chosen = await client.get("/account/preferences")
    unknown = await client.get("/nowhere", headers={"accept": "text/html"})

    assert [_language(answer) for answer in (plain, asked, chosen, unknown)] == ["en", "nl", "nl", "nl"]
    assert "Accept-Language" in plain.headers["vary"]
    # Scripts find their words in the page; English stands in the scripts.
    assert '<template id="words">' in asked.text
    assert '<template id="words">' not in plain.text


async def test_a_stranger_gets_the_sign_in_in_the_language_of_the_browser(client: httpx.AsyncClient) -> None:
    assert _language(await client.get("/sign-in", headers={"accept-language": "nl"})) == "nl"
    assert _language(await client.get("/sign-in", headers={"accept-language": "ja"})) == "en"


def test_the_pseudo_language_is_for_development_alone() -> None:
    shown = {}
    for development in (True, False):
        app = FastAPI()
        mount_pages(app, development=development)
        request = Request({"type": "http", "app": app, "headers": [(b"accept-language", b"en-XA")]})
        shown[development] = language_of(request)
    assert shown == {True: "en-XA", False: "en"}


def test_countries_stand_in_the_order_of_their_names_in_the_language_of_the_reader() -> None:
    codes = ["AT", "DE", "NO", "PL", "ES", None, "", "DE"]
    shown = {}
    for reader in ("en", "nl", "de"):
        with read_in(reader):
            shown[reader] = [code for code, _ in countries_by_name(codes)]

    assert shown == {
        "en": ["AT", "DE", "NO", "PL", "ES"],
        # Duitsland, Noorwegen, Oostenrijk, Polen, Spanje; Deutschland, Norwegen, Österreich, Polen, Spanien.
        "nl": ["DE", "NO", "AT", "PL", "ES"],
        "de": ["DE", "NO", "AT", "PL", "ES"],
    }


async def test_what_the_trail_and_the_faults_say_is_in_the_language_of_their_reader(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    dutch = {"accept-language": "nl"}
    world = await a_world(session)
    await as_user(client, session, settings, "navigator", "privacy_officer", "data_steward")
    await client.get(f"/patients/{world.ids['patient_id']}")
    await client.get("/availability")
    trail = (await client.get("/audit", headers=dutch)).text
    report = (await client.get(f"/audit/persons/{world.person_id}", headers=dutch)).text
    faults = (await client.get("/standing-faults", headers=dutch)).text

    assert ("Beschikbaarheid" in trail, "Availability" in trail) == (True, False)
    assert ("Patiëntdossier" in report, "Gelezen" in report, "Hun werk als gegevensbeheerder" in report) == (True,) * 3
    assert ("Patient record" in report, "Their work" in report) == (False, False)
    assert "De huidige status van de aanmelding heeft hier geen gebruik voor." in faults
    assert ("Mag niet vóór" in faults, "Must not lie" in faults) == (True, False)
