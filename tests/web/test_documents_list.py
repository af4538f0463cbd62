"""Documents as a list, what expires first at the front; those of one's own people that expire soon stand on Today."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import Person
from app.platform import clock
from app.platform.settings import Settings
from tests.browsing import as_user, signed_in, somebody
from tests.builders import a_document, a_lead, a_patient, a_person


async def _papers(session: AsyncSession, person: Person, **days: int | None) -> None:
    for title, away in days.items():
        expires = None if away is None else clock.today() + timedelta(days=away)
        await a_document(session, person, title=title, expires_on=expires)


def _titles(page: str) -> list[str]:
    return re.findall(
        r"\b(?:Oakpaper|Elmpaper|Ashpaper|Firpaper|Yewpaper)\b", re.sub(r"<[^>]+>", " ", page.partition("<tbody")[2])
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("?expiry=in_30_days", ["Elmpaper", "Yewpaper"]),
        ("?expiry=in_90_days", ["Elmpaper", "Yewpaper", "Oakpaper"]),
        ("?expiry=expired", ["Firpaper"]),
    ],
)
async def test_what_expires_is_listed_with_the_soonest_first(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, asked: str, found: list[str]
) -> None:
    person = await a_person(session, first_name="Femke", last_name="Bakker")
    await _papers(session, person, Oakpaper=60, Yewpaper=30, Elmpaper=0, Firpaper=-1, Ashpaper=None)
    await a_document(
        session, person, title="Voided", expires_on=clock.today(), voided_at=clock.now(), void_reason="entered twice"
    )
    await session.commit()
    await as_user(client, session, settings, "navigator")

    page = (await client.get(f"/documents{asked}")).text

    assert _titles(page) == found
    assert "Femke Bakker" in page
    assert "Voided" not in page


async def test_all_documents_are_listed_newest_first(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session)
    for title in ("Ashpaper", "Elmpaper"):
        await _papers(session, person, **{title: None})
        await session.commit()
    await as_user(client, session, settings, "navigator")
    assert _titles((await client.get("/documents")).text) == ["Elmpaper", "Ashpaper"]


async def test_the_pages_of_what_expires_follow_each_other(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    person = await a_person(session)
    for number in range(60):
        await a_document(session, person, title=f"Paper{number:02}", expires_on=clock.today() + timedelta(days=1))
    await session.commit()
    await as_user(client, session, settings, "navigator")
    first = (await client.get("/documents?expiry=in_30_days")).text
    following = re.search(r'href="(/documents\?[^"]*cursor=[^"]+)"', first)
    assert following is not None
    second = (await client.get(following[1].replace("&amp;", "&"))).text
    seen = [set(re.findall(r"Paper\d\d", page.partition("<tbody")[2])) for page in (first, second)]
    assert seen[0].isdisjoint(seen[1])
    assert len(seen[0] | seen[1]) == 60


async def test_today_shows_what_expires_soon_of_ones_own_people(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    me = await somebody(session, settings, "navigator")
    of_patient, of_lead, other = [
        await a_person(session, first_name=name, last_name="Bakker") for name in ("Femke", "Lars", "Cato")
    ]
    await a_patient(session, of_patient, owner_id=me.account_id)
    await a_lead(session, of_lead, owner_id=me.account_id)
    await _papers(session, of_patient, Elmpaper=5, Firpaper=-3)
    await _papers(session, of_lead, Yewpaper=9)
    await _papers(session, other, Oakpaper=2)
    await session.commit()
    await signed_in(client, session, me.account_id)

    page = (await client.get("/today")).text
    listed = (await client.get("/documents?expiry=in_30_days&owner=me")).text

    section = page.partition('aria-label="Documents that expire"')[2].partition("</section>")[0]
    assert re.findall(r"Elmpaper|Yewpaper|Oakpaper|Firpaper", section) == ["Elmpaper", "Yewpaper"]
    assert 'href="/documents?expiry=in_30_days&amp;owner=me"' in section
    assert _titles(listed) == ["Elmpaper", "Yewpaper"]


async def test_who_sees_health_data_masked_lists_documents_and_does_not_ask_by_it(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings
) -> None:
    await _papers(session, await a_person(session), Elmpaper=3)
    await session.commit()
    await as_user(client, session, settings, "auditor")
    page = (await client.get("/documents")).text
    asked = await client.get("/documents?expiry=in_30_days")
    assert "Elmpaper" not in page
    assert "1 document" in page
    assert "expiry=" not in page
    assert asked.status_code == 403
