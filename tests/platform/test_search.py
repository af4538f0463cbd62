"""What was typed is matched to the letter, by an index range that a plan made once can use."""

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import literal, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import Person
from app.platform.search import begins_with, behind_prefix

# Without surrogates and NUL, as text from outside is.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4)


@given(typed=TEXTS.filter(bool), held=TEXTS, tail=TEXTS)
def test_range_holds_exactly_the_texts_that_begin_so(typed: str, held: str, tail: str) -> None:
    end = behind_prefix(typed)
    for candidate in (held, typed, typed + tail, typed[:-1] + held):
        # Python compares texts by code points, as PostgreSQL's ~<~ does.
        inside = candidate >= typed and (end is None or candidate < end)
        assert inside == candidate.startswith(typed), (typed, candidate)


async def test_database_agrees(session: AsyncSession) -> None:
    for held, typed, answer in (
        ("st. elisabeth", "st.", True),
        ("st. elisabeth", "", False),
        ("a%b", "a%", True),
        ("axb", "a%", False),
        ("a_b", "a_", True),
        ("axb", "a_", False),
        ("Öst", "Ös", True),
        ("\ud7ff\U0001f600", "\ud7ff", True),
        ("\ue000", "\ud7ff", False),
        ("\U0010ffffx", "\U0010ffff", True),
        ("x", "\U0010ffff", False),
    ):
        assert await session.scalar(select(begins_with(literal(held), typed))) is answer, (held, typed)


async def test_plan_made_once_uses_the_index(session: AsyncSession) -> None:
    await session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    query = select(Person.person_id).where(begins_with(Person.email_key, "anna.de"))
    compiled = query.compile(dialect=session.get_bind().dialect)
    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None
    plan = await driver.fetch(f"EXPLAIN {compiled}", *compiled.params.values())
    assert "Index Cond: ((email_key ~>=~ " in " ".join(row[0] for row in plan)
