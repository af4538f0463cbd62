# ruff: noqa: RUF001  letters that look alike are what is tested
"""One row for one thing: hospitals, specializations, conditions, programmes, trials, EAP numbers."""

import asyncio
import importlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Any, get_args

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.policy import Role
from app.access.service import command_actor, create_service_key
from app.audit.models import AuditEvent
from app.commands.preparing import move_to_head
from app.conditions.models import ConditionSynonym, MedicalCondition
from app.hospitals.models import Hospital, Specialization
from app.journeys.eap.models import EapJourney, EapProgram
from app.main import create_app
from app.oversight.doubles import KINDS
from app.oversight.schemas import DoubleRecord
from app.people.models import DuplicateCandidate
from app.physicians.models import Physician
from app.platform import clock, schema
from app.platform.db import Base, Database, create_engine
from app.platform.doubles import Keyed, key_of_name, key_of_number
from app.platform.folding import fold_words
from app.platform.settings import Settings
from tests import builders
from tests.conftest import AsRole

HOSPITALS = "/api/v1/hospitals"
SPECIALIZATIONS = "/api/v1/specializations"
CONDITIONS = "/api/v1/medical-conditions"
PROGRAMMES = "/api/v1/eap-programs"
TRIALS = "/api/v1/clinical-trials"
EAP_JOURNEYS = "/api/v1/eap-journeys"
DOUBLES = "/api/v1/doubles"
BEFORE: str = importlib.import_module("app.revisions.versions.2026_11_27_one_row_for_one_thing").down_revision
HERE = {"name": "Academisch Ziekenhuis Maastricht", "city": "Maastricht"}

ADDED_BY: dict[str, tuple[str, dict[str, Any], str, str]] = {
    HOSPITALS: ("data_steward", {}, "hospital_exists", "hospital_id"),
    SPECIALIZATIONS: ("data_steward", {}, "specialization_exists", "specialization_id"),
    CONDITIONS: ("data_steward", {}, "condition_exists", "medical_condition_id"),
    PROGRAMMES: ("programme_manager", {"product": "Ataluren"}, "eap_program_exists", "eap_program_id"),
}
"""Who adds to a list, what else is needed, the code of a double, its key."""
WRITINGS = (
    ("Köln Zentrum", "koeln  zentrum"),
    ("Köln Zentrum", "KOLN ZENTRUM."),
    ("Hôpital Necker-Enfants", "Hopital Necker Enfants"),
    ("Clínica São José", "Cli\u0301nica Sa\u0303o Jose\u0301"),
    ("St. Mary's", "St Mary’s"),
    ("Ørsted Åse", "Oersted Aase"),
    ("ＡＢＣ Centre", "abc\u00a0centre"),
    ("Straße Nord", "STRASSE NORD"),
    ("Областная больница", "ОБЛАСТНАЯ  БОЛЬНИЦА"),
    ("東京病院", "東京病院\u200b"),
    ("!!!", " !!! "),
)


@pytest.mark.parametrize("url", ADDED_BY)
@pytest.mark.parametrize(("stored", "typed"), WRITINGS)
async def test_what_is_here_in_another_writing_is_shown_and_not_added(
    client: httpx.AsyncClient, as_role: AsRole, url: str, stored: str, typed: str
) -> None:
    role, further, code, key = ADDED_BY[url]
    headers = await as_role(role)
    first = await client.post(url, json={"name": stored, **further}, headers=headers)
    assert first.status_code == 201, first.text

    again = await client.post(url, json={"name": typed, **further}, headers=headers)

    assert (again.status_code, again.json()["code"]) == (409, code), again.text
    assert (again.json()["existing"][key], again.json()["existing"]["name"]) == (first.json()[key], stored)


@pytest.mark.parametrize("url", ADDED_BY)
async def test_a_name_that_is_another_one_is_added(client: httpx.AsyncClient, as_role: AsRole, url: str) -> None:
    role, further, _, _ = ADDED_BY[url]
    headers = await as_role(role)
    for name in ("Type 1", "Type 2", "Doe", "Do", "Noe Centre", "No Centre", "!!!", "???", "Жук", "Zhuk"):
        made = await client.post(url, json={"name": name, **further}, headers=headers)
        assert made.status_code == 201, (name, made.text)


@pytest.mark.parametrize("url", ADDED_BY)
async def test_a_name_is_changed_into_no_other_ones(client: httpx.AsyncClient, as_role: AsRole, url: str) -> None:
    role, further, code, key = ADDED_BY[url]
    headers = await as_role(role)
    first, second = [
        (await client.post(url, json={"name": name, **further}, headers=headers)).json()
        for name in ("Zuid Één", "Zuid Twee")
    ]
    place = f"{url}/{second[key]}"

    refused = await client.put(place, json={"name": "ZUID EEN"}, headers=headers)
    own = await client.put(place, json={"name": "zuid twée"}, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (409, code)
    assert refused.json()["existing"][key] == first[key]
    assert (own.status_code, own.json()["name"]) == (200, "zuid twée")


async def test_a_hospital_is_told_by_name_and_city_and_by_countries_that_differ(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    headers = await as_role("navigator")
    for city, country, status in (
        ("Maastricht", None, 201),
        ("MAASTRICHT", None, 409),
        ("maastricht ", "NL", 409),
        (None, None, 201),
        (None, "NL", 409),
        ("Utrecht", "NL", 201),
        ("Utrecht", "BE", 201),
        ("Utrecht", None, 409),
        ("utrecht", "BE", 409),
    ):
        new = {"name": "academisch  ziekenhuis maastricht", "city": city, "country": country}
        made = await client.post(HOSPITALS, json=new, headers=headers)
        assert made.status_code == status, (city, country, made.text)
    listed = await client.get(HOSPITALS, params={"q": "academisch", "country": "BE"}, headers=headers)
    place = f"{HOSPITALS}/{listed.json()['items'][0]['hospital_id']}"
    for change in ({"country": None}, {"country": "NL"}, {"city": None}):
        refused = await client.put(place, json=change, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (409, "hospital_exists"), change


async def test_an_inactive_one_is_shown_as_such_with_the_way_on(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = await as_role("navigator")
    place = (await client.post(HOSPITALS, json=HERE, headers=headers)).headers["location"]
    await client.delete(place, headers=headers)

    again = (await client.post(HOSPITALS, json=HERE, headers=headers)).json()

    assert again["existing"]["is_active"] is False
    assert "set it active again" in again["detail"]
    assert (await client.put(place, json={"is_active": True}, headers=headers)).status_code == 200
    assert "inactive" not in (await client.post(HOSPITALS, json=HERE, headers=headers)).json()["detail"]


async def test_who_may_not_read_hospitals_is_not_shown_the_one_that_is_here(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    await client.post(HOSPITALS, json=HERE, headers=await as_role("navigator"))
    key = await create_service_key(
        session, command_actor(), role=Role.NAVIGATOR, name="writes only", scopes=["hospital.write"]
    )
    await session.commit()

    again = await client.post(HOSPITALS, json=HERE, headers={"Authorization": f"Bearer {key}"})

    assert (again.status_code, again.json()["code"], "existing" in again.json()) == (409, "hospital_exists", False)


async def test_a_word_means_one_condition_as_its_name_or_a_synonym(client: httpx.AsyncClient, as_role: AsRole) -> None:
    headers = await as_role("data_steward")
    new = {"name": "Alkaptonuria", "synonyms": ["Black urine disease", "Ochronose-Krankheit"]}
    made = await client.post(CONDITIONS, json=new, headers=headers)
    other = await client.post(CONDITIONS, json={"name": "Ochronosis"}, headers=headers)
    place = other.headers["location"]

    for status, code, sent in (
        (409, "condition_exists", client.post(CONDITIONS, json={"name": "BLACK  urine-disease"}, headers=headers)),
        (409, "condition_exists", client.put(place, json={"name": "Black Urine Disease"}, headers=headers)),
        (
            409,
            "synonym_taken",
            client.post(CONDITIONS, json={"name": "New", "synonyms": ["alkaptonúria"]}, headers=headers),
        ),
        (409, "synonym_taken", client.put(place, json={"synonyms": ["ochronose krankheit"]}, headers=headers)),
        (200, None, client.put(place, json={"synonyms": ["ochronosis", "Ochronösis"]}, headers=headers)),
        (200, None, client.put(made.headers["location"], json={"synonyms": ["ochronose krankheit"]}, headers=headers)),
    ):
        answer = await sent
        assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
        if status == 409:
            assert answer.json()["existing"]["name"] == "Alkaptonuria"
    assert (await client.get(place, headers=headers)).json()["synonyms"] == ["Ochronösis"]


async def test_a_number_is_one_journeys_in_whatever_writing(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    headers = await as_role("navigator")
    patient, other = await builders.a_patient(session), await builders.a_patient(session)
    programme = str((await builders.a_programme(session)).eap_program_id)
    await session.commit()
    taken: dict[str, Any] = {}
    for status, said in (
        (201, {"eap_number": "EAP-12 a"}),
        (409, {"eap_number": "eap12A"}),
        (201, {"eap_number": "eap12A", "product": "Givinostat"}),
        (409, {"eap_number": "EAP\u201112a", "product": "GIVINOSTAT"}),
        (201, {"eap_number": "eap12A", "eap_program_id": programme}),
        (409, {"eap_number": "EAP 12A", "eap_program_id": programme, "product": "Givinostat"}),
        (201, {"eap_number": "EAP/12A"}),
    ):
        of = patient if status == 201 else other
        sent = await client.post(EAP_JOURNEYS, json={"patient_id": str(of.patient_id), **said}, headers=headers)
        assert sent.status_code == status, (said, sent.text)
        if status == 201:
            taken = sent.json()
            continue
        existing = {"eap_journey_id": taken["eap_journey_id"], "patient_id": str(patient.patient_id)}
        assert (sent.json()["code"], sent.json()["existing"]) == ("eap_number_taken", existing)
    place = f"{EAP_JOURNEYS}/{taken['eap_journey_id']}"

    refused = await client.put(place, json={"eap_number": "eap12a"}, headers=headers)
    own = await client.put(place, json={"eap_number": "eap/12a"}, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (409, "eap_number_taken")
    assert own.status_code == 200
    events = await session.scalars(select(AuditEvent).where(AuditEvent.code == "eap_number_taken"))
    assert {person for event in events for person in event.person_ids or ()} == {patient.person_id}


async def _a_double(session: AsyncSession) -> tuple[Hospital, Hospital]:
    """Two hospitals of one name and city, as they stood before the rule."""
    older = Hospital(**HERE)
    session.add(older)
    await session.flush()
    double = Hospital(**HERE, is_double=True)
    session.add(double)
    await session.commit()
    return older, double


async def _listed(client: httpx.AsyncClient, headers: dict[str, str], **asked: str) -> list[dict[str, Any]]:
    answer = await client.get(DOUBLES, params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_doubles_are_listed_for_a_data_steward_until_they_are_told_apart(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    older, double = await _a_double(session)
    steward = await as_role("data_steward")
    place = f"{HOSPITALS}/{double.hospital_id}"
    assert await _listed(client, steward) == [
        {
            "double_id": str(double.hospital_id),
            "record_type": "hospital",
            "record_id": str(double.hospital_id),
            "same_as_id": str(older.hospital_id),
            **HERE,
            "person_id": None,
        }
    ]
    assert await _listed(client, steward, record_type="specialization") == []
    assert (await client.get(DOUBLES, headers=await as_role("navigator"))).status_code == 403

    untouched = await client.put(place, json={"address": "P. Debyelaan 25", "name": HERE["name"]}, headers=steward)
    same_words = await client.put(place, json={"name": HERE["name"].upper()}, headers=steward)
    another = await client.post(HOSPITALS, json=HERE, headers=steward)
    assert (untouched.status_code, same_words.status_code, another.status_code) == (200, 200, 409)
    assert len(await _listed(client, steward)) == 1

    renamed = await client.put(place, json={"name": "MUMC"}, headers=steward)
    back = await client.put(place, json={"name": HERE["name"]}, headers=steward)
    third = await client.post(HOSPITALS, json={**HERE, "name": "mumc"}, headers=steward)
    assert (renamed.status_code, back.status_code, third.status_code) == (200, 409, 409)
    assert await _listed(client, steward) == []


async def test_nothing_new_comes_beside_a_double_whose_older_one_has_left(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    older, double = await _a_double(session)
    steward = await as_role("data_steward")

    left = await client.put(f"{HOSPITALS}/{older.hospital_id}", json={"city": "Sittard"}, headers=steward)
    new = await client.post(HOSPITALS, json=HERE, headers=steward)
    back = await client.put(f"{HOSPITALS}/{older.hospital_id}", json={"city": HERE["city"]}, headers=steward)

    assert left.status_code == 200
    assert (new.status_code, new.json()["existing"]["hospital_id"]) == (409, str(double.hospital_id))
    assert back.status_code == 409
    assert await _listed(client, steward) == []


async def test_every_kind_of_double_is_listed(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    patient = await builders.a_patient(session)
    condition = MedicalCondition(name="Zz disease", synonyms=[ConditionSynonym(name="Yy disease")])
    another = MedicalCondition(
        name="Xx disease",
        synonyms=[ConditionSynonym(name=name, is_double=True) for name in ("YY disease", "zz-disease")],
    )
    pairs: list[list[Any]] = [
        [Specialization(name=name, is_double=name.isupper()) for name in ("Zoology", "ZOOLOGY")],
        [MedicalCondition(name=name, is_double=name.isupper()) for name in ("Ww disease", "WW DISEASE")],
        [EapProgram(name=name, product="A", is_double=name.isupper()) for name in ("Early", "EARLY")],
        [
            EapJourney(patient_id=patient.patient_id, eap_number=number, is_double=number.isupper())
            for number in ("a-1", "A 1")
        ],
    ]
    for row in (condition, another, *(row for pair in pairs for row in pair)):
        session.add(row)
        await session.flush()
    await session.commit()

    listed = await _listed(client, await as_role("data_steward"))

    same: dict[str, list[tuple[str, str]]] = {}
    for item in listed:
        same.setdefault(item["record_type"], []).append((item["record_id"], item["same_as_id"]))
    ids = [[str(inspect(row).identity[0]) for row in reversed(pair)] for pair in pairs]
    assert same == {
        **{pair[0].__tablename__: [tuple(of)] for pair, of in zip(pairs, ids, strict=True)},
        "condition_synonym": [(str(another.medical_condition_id), str(condition.medical_condition_id))] * 2,
    }
    people = {item["record_type"]: item["person_id"] for item in listed if item["person_id"]}
    assert people == {"eap_journey": str(patient.person_id)}
    assert sorted(item["name"] for item in listed if item["name"]) == [
        "EARLY",
        "WW DISEASE",
        "YY disease",
        "ZOOLOGY",
        "zz-disease",
    ]


async def test_physicians_of_one_licence_are_listed_until_somebody_has_decided(
    client: httpx.AsyncClient, session: AsyncSession, as_role: AsRole
) -> None:
    """Also those who stood so before licences had a key: nobody was told of them when they were made."""
    names = (
        ("Kite", "NL-1904 12a", "NL"),
        ("Lark", "nl190412A", None),
        ("Loon", "NL190412A", "BE"),
        ("Swan", "7", "NL"),
    )
    physicians = [
        await builders.a_physician(
            session, await builders.a_person(session, last_name=name, country=country), medical_license_number=number
        )
        for name, number, country in names
    ]
    await session.commit()
    kite, lark, loon, _ = physicians
    steward = await as_role("data_steward")

    listed = await _listed(client, steward, record_type="physician")

    pairs = [(item["record_id"], item["same_as_id"], item["person_id"]) for item in listed]
    assert sorted(pairs) == sorted(
        (str(one.physician_id), str(other.physician_id), str(one.person_id))
        for one, other in ((lark, kite), (loon, lark))
    )
    assert {(item["name"], item["city"]) for item in listed} == {(None, None)}
    for one, other in ((lark, kite), (loon, lark)):
        first, second = sorted((one.person_id, other.person_id))
        session.add(
            DuplicateCandidate(
                person_id=first,
                other_person_id=second,
                reasons=["licence"],
                decision="different_people",
                decided_at=clock.now(),
            )
        )
        await session.commit()
        assert (str(one.physician_id), str(other.physician_id)) not in {
            (item["record_id"], item["same_as_id"]) for item in await _listed(client, steward)
        }
    assert await _listed(client, steward, record_type="physician") == []


def test_every_table_of_things_has_its_doubles_listed() -> None:
    tables = {mapper.class_ for mapper in Base.registry.mappers if issubclass(mapper.class_, Keyed)}
    assert {kind.model for kind in KINDS} == tables | {Physician}
    assert set(get_args(DoubleRecord)) == {kind.record_type for kind in KINDS}


@pytest.fixture
async def racers(
    committed_database: Database, committed_url: str, settings: Settings
) -> AsyncIterator[httpx.AsyncClient]:
    """A data steward's client whose requests have connections of their own."""
    async with committed_database.unit_of_work() as session:
        key = await create_service_key(session, command_actor(), role=Role.DATA_STEWARD, name="races of doubles")
    own = Database(create_engine(settings, committed_url))
    transport = httpx.ASGITransport(app=create_app(settings, own), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers, timeout=60) as client:
        yield client
    await own.close()


async def test_of_two_at_once_one_is_added(racers: httpx.AsyncClient) -> None:
    for number in range(10):
        pairs = (
            (HOSPITALS, {"name": f"Köln Süd {number}"}, {"name": f"koeln sued {number}", "country": "DE"}),
            (CONDITIONS, {"name": f"Qq {number}"}, {"name": f"Rr {number}", "synonyms": [f"QQ-{number}"]}),
        )
        for url, one, other in pairs:
            answers = await asyncio.gather(racers.post(url, json=one), racers.post(url, json=other))
            assert sorted(answer.status_code for answer in answers) == [201, 409], [a.text for a in answers]
            refused = next(answer.json() for answer in answers if answer.status_code == 409)
            assert refused["existing"]["name"] in {one["name"], other["name"]}
    places = [
        (await racers.post(HOSPITALS, json={"name": f"Moves {letter}"})).headers["location"] for letter in ("a", "b")
    ]
    moved = await asyncio.gather(*(racers.put(place, json={"name": "Moves here"}) for place in places))
    assert sorted(answer.status_code for answer in moved) == [200, 409]


def test_doubles_that_are_here_stay_and_are_marked_when_the_rule_comes(
    another_database: Callable[[str], str], settings: Settings
) -> None:
    url = another_database(f"doubles_{os.getpid()}")
    schema.downgrade(url, BEFORE)
    then = "timestamptz '2026-01-0{} 09:00Z'"
    engine = schema.sync_engine(url)
    with engine.begin() as connection:
        for place, (name, city, country) in enumerate(
            (
                ("Azm", "Maastricht", None),
                ("AZM.", "MAASTRICHT", "NL"),
                ("Köln", None, "DE"),
                ("koeln", None, "AT"),
                ("azm", None, None),
            )
        ):
            connection.execute(
                sa.text(
                    "INSERT INTO hospital (created_at, name, city, country)"
                    f" VALUES ({then.format(9 - place)}, :name, :city, :country)"
                ),
                {"name": name, "city": city, "country": country},
            )
        connection.execute(sa.text("INSERT INTO medical_condition (name) VALUES ('Zzaucher'), ('ZZAUCHER.')"))
        connection.execute(
            sa.text(
                "INSERT INTO condition_synonym (medical_condition_id, name)"
                " SELECT medical_condition_id, 'zzaucher' FROM medical_condition WHERE name = 'ZZAUCHER.'"
            )
        )
    move_to_head(settings, url)
    with engine.begin() as connection:
        found = connection.execute(sa.text("SELECT name, name_key, city_key, is_double, version FROM hospital")).all()
        conditions = connection.execute(
            sa.text("SELECT name, is_double FROM medical_condition WHERE name ILIKE 'zzau%'")
        ).all()
        synonyms = connection.execute(
            sa.text("SELECT name, is_double FROM condition_synonym WHERE name ILIKE 'zzau%'")
        ).all()
        history = connection.execute(sa.text("SELECT count(*) FROM row_history")).scalar_one()
    assert sorted(tuple(row) for row in found) == [
        ("AZM.", "azm", "mastricht", False, 1),
        ("Azm", "azm", "mastricht", True, 1),
        ("Köln", "koln", "", False, 1),
        ("azm", "azm", "", False, 1),
        ("koeln", "koln", "", False, 1),
    ]
    assert sorted(tuple(row) for row in conditions) == [("ZZAUCHER.", True), ("Zzaucher", False)]
    assert [tuple(row) for row in synonyms] == [("zzaucher", True)]
    assert history == 0
    schema.downgrade(url, BEFORE)
    engine.dispose()


def test_a_number_of_dashes_alone_is_its_own_key() -> None:
    assert [key_of_number(text) for text in (None, "", "--", "12-3 a", "１２ 3\u2212A", "a\u00adb")] == [
        "",
        "",
        "--",
        "123A",
        "123A",
        "AB",
    ]


@given(st.text(max_size=30), st.text(max_size=30))
def test_what_the_migration_holds_for_one_has_one_key(one: str, other: str) -> None:
    if fold_words(one) and fold_words(one) == fold_words(other):
        assert key_of_name(one) == key_of_name(other)
    assert key_of_name(fold_words(one)) == key_of_name(one) or not fold_words(one)
    assert bool(key_of_name(one)) == bool("".join(one.split()))
