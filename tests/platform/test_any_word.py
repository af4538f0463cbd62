"""Lists of names are searched by the beginning of any word, marks and spelling aside."""

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.conditions.models import ConditionSynonym, MedicalCondition
from app.hospitals.models import Hospital, Specialization
from tests.builders import a_programme, a_trial
from tests.conftest import AsRole

CASES = {
    # list: stored names, and for each of them what finds it alone
    "medical-conditions": {
        "Zzguillain-Barré syndrome": "zzguillain Barre|barré zzguil|syndrome zzguillain|ZZGUILLAIN",
        "Zzacute leukaemia": "zzacute leukemia|leukemia zzac|Zzacute Leukaemia|zzacute leukae",
        "Zzdesmoid tumor": "zzdesmoid tumour|tumour zzdes|zzdesmoid tumor",
        "Zzhaemophilia": "zzhemophilia|zzhaemo|ZZBLEEDING|zzble disease",
    },
    "hospitals": {
        "Zzunispital": "zürich zzuni|zurich zzunispital|Zuerich zz|zz zuerich",
        "Zzcentre Hospitalier": "zzcenter|hospitalier zzcentre|zzcentre lyon",
    },
    "specializations": {"Zzpaediatric neurology": "neuro zzped|zzpediatric|zzpaediatric neurology"},
    "clinical-trials": {"Zzonward in müscular dystrophy": "zzonward|dystrophy zzonw|muscular zzonward|acmé zzonward"},
    "eap-programs": {"Zzearly access": "access zzearly|zzearly atalu|zzearly acme|ZZEARLY"},
}
NAME_OF = {"clinical-trials": "title"}


@pytest.fixture
async def stored(session: AsyncSession) -> None:
    haemophilia = MedicalCondition(name="Zzhaemophilia")
    haemophilia.synonyms = [ConditionSynonym(name="Zzbleeding disease")]
    others = [MedicalCondition(name=name) for name in list(CASES["medical-conditions"])[:3]]
    session.add_all([haemophilia, *others])
    session.add_all([Hospital(name="Zzunispital", city="Zürich"), Hospital(name="Zzcentre Hospitalier", city="Lyon")])
    session.add(Specialization(name="Zzpaediatric neurology"))
    await a_trial(session, title="Zzonward in müscular dystrophy", sponsor="Acme")
    await a_programme(session, name="Zzearly access", sponsor="Acme")
    await session.flush()


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("listed", CASES)
async def test_a_name_is_found_by_any_word_in_any_spelling(
    client: httpx.AsyncClient, as_role: AsRole, listed: str
) -> None:
    headers = await as_role("navigator")
    for name, typed_ones in CASES[listed].items():
        for typed in typed_ones.split("|"):
            found = (await client.get(f"/api/v1/{listed}", params={"q": typed}, headers=headers)).json()
            assert [item[NAME_OF.get(listed, "name")] for item in found["items"]] == [name], typed
    for nothing in ("%", "'", "zz | nobody", "zzonly nobody", "\\"):
        found = (await client.get(f"/api/v1/{listed}", params={"q": nothing}, headers=headers)).json()
        assert found["items"] == [], nothing


@pytest.mark.parametrize("table", ["hospital", "clinical_trial", "medical_condition", "eap_program", "specialization"])
async def test_words_are_found_by_their_index(session: AsyncSession, table: str) -> None:
    await session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    names = await session.scalar(
        text("SELECT pg_get_expr(indexprs, indrelid) FROM pg_index WHERE indexrelid = to_regclass(:index)"),
        {"index": f"ix_{table}_words"},
    )
    driver = (await (await session.connection()).get_raw_connection()).driver_connection
    assert driver is not None
    plan = await driver.fetch(f"EXPLAIN SELECT FROM {table} WHERE {names} @@ word_query($1)", "anna")
    assert f"ix_{table}_words" in "\n".join(row[0] for row in plan)
