# ruff: noqa: RUF001  names in other scripts are what is tested
"""One box finds a person by whatever is known of them, in every list, whichever path made them."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import ContactPoint
from app.people.search import queries, walk
from app.platform import clock
from app.platform.fast_path import Rows, Statement
from tests.both_paths import BothPaths
from tests.builders import (
    a_call,
    a_colleague,
    a_condition,
    a_lead,
    a_patient,
    a_person,
    a_physician,
    a_programme,
    a_trial,
    a_trial_journey,
    an_eap_journey,
)
from tests.conftest import AsRole

PERSONS, PATIENTS, LEADS, PHYSICIANS = (f"/api/v1/{name}" for name in ("persons", "patients", "leads", "physicians"))

Names = Callable[..., Awaitable[list[str]]]

PEOPLE: dict[str, tuple[dict[str, Any], str]] = {
    # who: what is sent, and what finds them and nobody else here (separated by |)
    "dupont": ({"first_name": "Anne", "last_name": "Dupont"}, "Dupont Anne|Anne Dupont|dup|Dupnot|dupond|anne dup"),
    "annemarie": (
        {"first_name": "Anne-Marie", "last_name": "Zwart"},
        "Annemarie|anne marie|anne-marie zwart|ANNE‑MARIE|annemarie zw|Annemrie",
    ),
    "obrien": ({"first_name": "Sean", "last_name": "O'Brien"}, "OBrien|O’Brien|o brien|sean obrien|obrein"),
    "vries": ({"first_name": "Piet", "last_name": "de Vries"}, "devries|de vries|Vries, Piet|de-vries|pietdevries"),
    "muller": ({"first_name": "Jörg", "last_name": "Müller"}, "Müller|Muller|Mueller|joerg muller|Mullr"),
    "thordis": ({"first_name": "Þórdís", "last_name": "Jónsdóttir"}, "Thordis|Þórdís|thordis jonsdottir|jonsd"),
    "dorde": ({"first_name": "Đorđe", "last_name": "Petrović"}, "Djordje|Dorde|Đorđe|petrovic dorde"),
    "ng": ({"first_name": "Wai", "last_name": "Ng"}, "Ng|ng wai"),
    "li": ({"first_name": "Xue", "last_name": "Li"}, "li xue|xue li"),
    "o": ({"first_name": "Yoko", "last_name": "O"}, "yoko o|o yoko"),
    "wang": ({"first_name": "伟", "last_name": "王"}, "王伟|伟 王|王 伟|wang wei|wangwei"),
    "zhukova": ({"first_name": "Анна", "last_name": "Жукова"}, "Жукова|zhukova|анна жукова|Жукова Анна"),
    "papas": ({"first_name": "Νίκος", "last_name": "Παππάς"}, "Παππας|pappas|νικος|nikos pappas"),
    "preferred": ({"first_name": "Wilhelmina", "last_name": "Kok", "preferred_name": "Mientje"}, "Mientje|mientje kok"),
    "middle": ({"first_name": "Karel", "last_name": "Prins", "middle_name": "Theodoor"}, "Theodoor|prins theodoor"),
    "email": (
        {"first_name": "Quinten", "last_name": "Abel", "email": "Q.Uniek+trial@Voorbeeld.example.org"},
        "q.uniek@voorbeeld.example.org|Q.UNIEK@Voorbeeld.example.org|q.uniek@voor|q.uniek|q.uni|q.uniek+x@voorbeeld.example.org",
    ),
    "phone": (
        {"first_name": "Rosa", "last_name": "Bell", "phone": "06 34567891", "country": "NL"},
        (
            "06 34567891|+31 6 34567891|0031634567891|(06) 345-678-91|+31 (0)6 34567891|34567891|7891"
            "|\u202a+31634567891|٠٦٣٤٥٦٧٨٩١|０６３４５６７８９１"
            "|tel. 06 34567891|06 34567891 ext. 5|+31634567891 x12"
            "|+31 06 34567891|+31634567891;|06 34567891 / 020 7654321|06-34567891 (toestel 12)"
        ),
    ),
    "foreign": (
        {"first_name": "Ivan", "last_name": "Petersen", "phone": "+7 912 345-67-88"},
        "8 (912) 345-67-88|+79123456788|9123456788|8 912 345 67 88 доб. 3|011 7 912 345 67 88",
    ),
    "year": ({"first_name": "Toos", "last_name": "Fikman", "date_of_birth": "1931"}, "1931|fikman 1931|*1931"),
    "phone_as_typed": ({"first_name": "Tess", "last_name": "Cort", "phone": "55 0042"}, "55 0042|550042|0042"),
    "born": (
        {"first_name": "Vera", "last_name": "Dijkman", "date_of_birth": "1967-03-14"},
        (
            "1967-03-14|14-03-1967|14.3.1967|03/14/1967|14 March 1967|14 mrt 1967|19670314|14-03-67|1967-03"
            "|dijkman 1967|14 de marzo de 1967|14 de março 1967"
            "|14. März 1967|14 marca 1967|14 марта 1967|14 березня 1967"
            "|14 Mart 1967|14 Μαρτίου 1967|14 března 1967|1967. március 14.|1967年3月14日|1967년 3월 14일|١٤/٣/١٩٦٧"
            "|14mar1967|14-MAR-1967|14-mar-67|14 mrt '67|14th of March 1967|14º de marzo de 1967|1967 March 14"
            "|dijkman geb. 14-3-1967|dijkman *1967|maart 1967|March 1967|březen 1967"
        ),
    ),
    "born_too": (
        {"first_name": "Vera", "last_name": "Eikman", "date_of_birth": "1968-03-14"},
        "vera 14-03-1968|1968-03-14 Eik|vera eikman 1968|March 14, 1968",
    ),
}  # fmt: skip


@pytest.fixture
async def headers(as_role: AsRole) -> dict[str, str]:
    return await as_role("navigator")


@pytest.fixture
def names(client: httpx.AsyncClient, headers: dict[str, str]) -> Names:
    """The last names found, in order, in a list of persons unless `url` is another."""

    async def found(typed: str, url: str = PERSONS, **more: str) -> list[str]:
        answer = await client.get(url, params={"q": typed, **more}, headers=headers)
        assert answer.status_code == 200, answer.text
        return [(item.get("person") or item)["last_name"] for item in answer.json()["items"]]

    return found


@pytest.mark.parametrize("path", ["fast", "ordinary"])
async def test_a_person_is_found_in_every_writing(
    paths: BothPaths, headers: dict[str, str], session: AsyncSession, path: str
) -> None:
    await paths.greet(headers)
    condition = str((await a_condition(session)).medical_condition_id)
    way = getattr(paths, path)
    made = {}
    for number, (who, (person, _)) in enumerate(PEOPLE.items()):
        # The fast path is for people with an address.
        body = {"person": {"email": f"number{number}@example.com"} | person, "medical_condition_id": condition}
        answer = await way.post(PATIENTS, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        made[who] = answer.json()
    wrong = []
    for who, (_, typed_ones) in PEOPLE.items():
        for typed in (
            *typed_ones.split("|"),
            made[who]["person"]["reference"],
            made[who]["person"]["reference"].lower(),
        ):
            for url in (PERSONS, PATIENTS):
                answer = (await way.get(url, params={"q": typed}, headers=headers)).json()
                found = [item["person_id"] for item in answer["items"]]
                if found[:1] != [made[who]["person_id"]] or answer["total"] != len(found):
                    wrong.append((who, typed, url, len(found)))
    assert wrong == [], wrong


async def test_who_is_not_found_is_offered_as_a_new_caller(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession
) -> None:
    await a_person(session, first_name="Anna", last_name="Bos")
    nobody = {"first_name": None, "last_name": None, "email": None, "phone": None, "date_of_birth": None}
    for typed, offered in {
        "Xerxes van Quadt": {"first_name": "Xerxes", "last_name": "van Quadt"},
        "Quadtje": {"last_name": "Quadtje"},
        "Xerxes Quadt 14-03-1967": {"first_name": "Xerxes", "last_name": "Quadt", "date_of_birth": "1967-03-14"},
        "x.quadt@example.org": {"email": "x.quadt@example.org"},
        "+31 6 99999999": {"phone": "+31 6 99999999"},
    }.items():
        answer = (await client.get(PERSONS, params={"q": typed}, headers=headers)).json()
        assert answer["items"] == [], typed
        assert answer["search"] == {"read_as": None, "similar": 0, "new_caller": nobody | offered}, typed
        probe = {name: value for name, value in offered.items() if value}
        assert (await client.post(f"{PERSONS}/match", json=probe, headers=headers)).status_code == 200

    found = (await client.get(PERSONS, params={"q": "Anna Bos"}, headers=headers)).json()
    assert found["search"] == {"read_as": "name", "similar": 0, "new_caller": None}
    similar = (await client.get(PERSONS, params={"q": "Anna Bsos"}, headers=headers)).json()
    assert similar["search"] == {"read_as": "name", "similar": 1, "new_caller": None}
    assert (await client.get(PERSONS, headers=headers)).json()["search"] is None


async def test_a_name_that_begins_like_a_month_is_a_name(names: Names, session: AsyncSession) -> None:
    await a_person(session, first_name="Vera", last_name="Dijkman", date_of_birth=date(1967, 3, 14))
    assert await names("maart 1967") == ["Dijkman"]
    assert await names("marlene 1967") == []
    await a_person(session, first_name="Maarten", last_name="Mei", date_of_birth=date(1967, 9, 1))
    await a_person(session, first_name="Karin", last_name="Kok", date_of_birth=date(1967, 5, 1))
    assert await names("mei 1967") == ["Mei"]


async def test_earlier_names_and_further_addresses_find_their_person(
    client: httpx.AsyncClient, headers: dict[str, str], names: Names, session: AsyncSession
) -> None:
    person = await a_person(
        session, first_name="Tilly", last_name="Before", email="tilly@old.example.org", phone="+31612340001"
    )
    url = f"{PERSONS}/{person.person_id}"
    change = {"last_name": "Afterwards", "email": "tilly@new.example.org", "phone": "+31612340002", "was": "former"}
    assert (await client.put(url, json=change, headers=headers)).status_code == 200
    for kind, value in (("email", "third@example.org"), ("phone", "+31 20 555 0123")):
        point = {"kind": kind, "value": value}
        assert (await client.post(f"{url}/contact-points", json=point, headers=headers)).status_code == 201

    for typed in (
        *("Before", "tilly before", "Afterwards", "tilly@old.example.org", "tilly@new.example.org", "third@ex"),
        *("0612340001", "0612340002", "020 555 0123", "0123"),
    ):
        assert await names(typed) == ["Afterwards"], typed

    wrong = {"phone": "+31612340003", "was": "wrong"}
    assert (await client.put(url, json=wrong, headers=headers)).status_code == 200
    assert await names("0612340002") == []


async def test_a_birth_date_that_is_partly_known_is_met_by_the_whole_one_beside_a_name(
    client: httpx.AsyncClient, headers: dict[str, str], names: Names
) -> None:
    for last_name, born in (("Yearly", "1967"), ("Monthly", "1967-03"), ("Other", "1968")):
        person = {"first_name": "Vera", "last_name": last_name, "date_of_birth": born}
        assert (await client.post(PERSONS, json=person, headers=headers)).status_code == 201

    assert sorted(await names("vera 14-03-1967")) == ["Monthly", "Yearly"]
    assert sorted(await names("vera 1967")) == ["Monthly", "Yearly"]
    assert await names("14-03-1967") == []


async def test_a_person_with_one_name_is_found(
    names: Names, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await client.post(PERSONS, json={"last_name": "Suharto"}, headers=headers)).status_code == 201

    assert await names("suharto") == ["Suharto"]


async def test_filters_stand_inside_the_search(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession
) -> None:
    """A patient among 520 namesakes: no cap may come before the filter."""
    account, _ = await a_colleague(session)
    ipf = await a_condition(session, "IPF")
    oldest = await a_patient(
        session,
        await a_person(session, first_name="Maria", last_name="Jansen"),
        owner_id=account.user_account_id,
        medical_condition_id=ipf.medical_condition_id,
        status="paused",
    )
    here = await a_person(session, first_name="Maria", last_name="Jansen", country="XK")
    for _ in range(519):
        await a_person(session, first_name="Maria", last_name="Jansen")
    abroad = await a_lead(session, here)
    await a_lead(session, await a_person(session, first_name="Maria", last_name="Jansen", country="BE"))
    other = await a_patient(session, await a_person(session, first_name="Maria", last_name="Jansen"))

    for more in (
        {"owner_id": str(account.user_account_id)},
        {"medical_condition_id": str(ipf.medical_condition_id)},
        {"status": "paused"},
        {"created_to": (clock.now() + timedelta(days=1)).isoformat(), "status": "paused"},
    ):
        found = (await client.get(PATIENTS, params={"q": "maria jansen", **more}, headers=headers)).json()
        assert [item["patient_id"] for item in found["items"]] == [str(oldest.patient_id)], more
        assert (found["total"], found["total_is_capped"]) == (1, False)
    both = (await client.get(PATIENTS, params={"q": "maria jansen"}, headers=headers)).json()
    assert {item["patient_id"] for item in both["items"]} == {str(oldest.patient_id), str(other.patient_id)}
    for url, key, one in ((PERSONS, "person_id", here.person_id), (LEADS, "lead_id", abroad.lead_id)):
        for q in ({"q": "maria jansen"}, {}):
            found = (await client.get(url, params={**q, "country": "kosovo"}, headers=headers)).json()
            assert [item[key] for item in found["items"]] == [str(one)], (url, q)
            assert (found["total"], found["total_is_capped"]) == (1, False)
    for q in ({"q": "maria jansen"}, {}):
        assert (await client.get(PATIENTS, params={**q, "country": "XK"}, headers=headers)).json()["items"] == []
    everybody = (await client.get(PERSONS, params={"q": "maria jansen"}, headers=headers)).json()
    # They are the newest: whether they are counted depends on how many numbers were given before, by other tests.
    assert (everybody["total"], everybody["total_is_capped"]) in {(523, False), (200, True)}
    reached = await _all_pages(client, PERSONS, headers, q="maria jansen")
    assert len(set(reached)) == len(reached) == 523


async def _all_pages(client: httpx.AsyncClient, url: str, headers: dict[str, str], **params: str) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(200):
        page = (await client.get(url, params={**params, **cursor}, headers=headers)).json()
        found += [item["person_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("pages without end")


@pytest.mark.parametrize("in_hand", [walk.IN_HAND, 10])
async def test_pages_reach_everybody_once_in_one_order(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    session: AsyncSession,
    monkeypatch: pytest.MonkeyPatch,
    in_hand: int,
) -> None:
    """Also where there are more than are read at once: buckets are gone through then, rank by rank."""
    monkeypatch.setattr(walk, "IN_HAND", in_hand)
    monkeypatch.setattr(queries, "IN_HAND", in_hand)
    monkeypatch.setattr(walk, "SORTED_AT_ONCE", 3 * in_hand)
    monkeypatch.setattr(walk, "_PROBE", 8)
    monkeypatch.setattr(walk, "_LEAST", 4)
    expected: dict[str, tuple[int, bool, int]] = {}
    for number in range(150):
        last_name = ("Bergman", "Berg", "van den Bergh")[number % 3]
        person = await a_person(session, first_name="Jan", last_name=last_name, is_active=number % 7 != 0)
        rank = 0 if last_name == "Berg" else 1
        expected[str(person.person_id)] = (rank, not person.is_active, -number)
    in_order = sorted(expected, key=expected.__getitem__)

    for limit in ("7", "50", "200"):
        assert await _all_pages(client, PERSONS, headers, q="jan berg", limit=limit) == in_order
    active = [key for key in in_order if not expected[key][1]]
    assert await _all_pages(client, PERSONS, headers, q="jan berg", limit="9", is_active="true") == active


async def test_those_few_whose_names_are_as_typed_come_first_and_cost_one_statement(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is among the newest who are looked at first: the rest was read for active and for inactive people."""
    for name, rows in (("IN_HAND", 10), ("SORTED_AT_ONCE", 30), ("_PROBE", 8), ("_LEAST", 4)):
        monkeypatch.setattr(walk, name, rows)
    monkeypatch.setattr(queries, "IN_HAND", 10)
    expected: dict[str, tuple[bool, bool, int]] = {}
    for number in range(90):
        is_begun, is_active = number > 4, number % 3 != 0
        person = await a_person(session, last_name="Bergman" if is_begun else "Berg", is_active=is_active)
        expected[str(person.person_id)] = (is_begun, not is_active, -number)
    in_order = sorted(expected, key=expected.__getitem__)

    for limit in ("2", "7", "50"):
        assert await _all_pages(client, PERSONS, headers, q="berg", limit=limit) == in_order

    read, sent = walk.Walk.read, []

    async def noted(self: walk.Walk, statement: Any, values: Any) -> Any:
        sent.append(values)
        return await read(self, statement, values)

    monkeypatch.setattr(walk.Walk, "read", noted)
    first = (await client.get(PERSONS, params={"q": "berg", "limit": "7"}, headers=headers)).json()
    assert [item["person_id"] for item in first["items"]] == in_order[:7]
    assert len([values for values in sent if values["query"].startswith("((('=berg'))")]) == 1


async def test_who_is_found_among_more_people_than_a_guess_reaches_need_not_be_among_the_newest(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From six million people on, none among the newest does not say that there are few."""
    for name, rows in (("SORTED_AT_ONCE", 3), ("_PROBE", 2), ("_LEAST", 2)):
        monkeypatch.setattr(walk, name, rows)
    # The statements hold these numbers, and others have made them before.
    monkeypatch.setattr(walk, "_kept", walk._kept.__wrapped__)
    rare = await a_person(session, last_name="Quistgaard")
    for _ in range(9):
        await a_person(session, last_name="Bergman")

    found = (await client.get(PERSONS, params={"q": "quistgaard"}, headers=headers)).json()

    assert [item["person_id"] for item in found["items"]] == [str(rare.person_id)]


async def test_very_many_addresses_that_begin_alike_are_never_sorted_whole(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, rows in (("IN_HAND", 5), ("SORTED_AT_ONCE", 12), ("_PROBE", 4), ("_LEAST", 2)):
        monkeypatch.setattr(walk, name, rows)
    monkeypatch.setattr(queries, "IN_HAND", 5)
    expected: dict[str, tuple[bool, int]] = {}
    for number in range(30):
        is_active, of_address = number % 7 != 0, number % 3 != 0
        email = f"q.shared{number}@example.org"
        person = await a_person(session, is_active=is_active, **({"email": email} if of_address else {}))
        if not of_address:
            was = (None, "former", "wrong")[number // 3 % 3]
            session.add(ContactPoint(person_id=person.person_id, kind="email", value=email, value_key=email, was=was))
            await session.flush()
            if was == "wrong":
                continue
        expected[str(person.person_id)] = (not is_active, -number)
    in_order = sorted(expected, key=expected.__getitem__)
    monkeypatch.setattr(walk.Walk, "among", None)

    for q in ("q.s", "q.share", "q.shared"):
        assert await _all_pages(client, PERSONS, headers, q=q, limit="4") == in_order
    active = [key for key in in_order if not expected[key][0]]
    assert await _all_pages(client, PERSONS, headers, q="q.s", limit="4", is_active="true") == active


async def test_of_many_similar_names_those_are_shown_that_were_read_first(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading them a second time, step by step, made the slowest searches twice as slow."""
    for module in (walk, queries):
        monkeypatch.setattr(module, "IN_HAND", 5)
    people = [await a_person(session, first_name="Zoltan", last_name="Aggelopoulos") for _ in range(9)]
    monkeypatch.setattr(walk.Walk, "newest_of", None)

    found = (await client.get(PERSONS, params={"q": "zolten aggelopoulos", "limit": "4"}, headers=headers)).json()

    assert [item["person_id"] for item in found["items"]] == [str(one.person_id) for one in reversed(people[5:])]
    assert found["search"]["similar"] == 4


async def test_every_filter_that_few_meet_is_asked_in_the_index(
    client: httpx.AsyncClient, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read = walk.Walk.read

    async def noted(self: walk.Walk, statement: Statement, values: Mapping[str, Any]) -> Rows:
        asked.extend([values["query"]] if "query" in values else [])
        return await read(self, statement, values)

    monkeypatch.setattr(walk.Walk, "read", noted)
    key, end = str(uuid4()), ""
    end = key[-8:]
    for url, name, value, terms in (
        (PERSONS, "country", "IS", "('@nIS')"),
        (PERSONS, "is_active", "false", "('@off')"),
        (PATIENTS, "country", "IS", "('@p') & ('@nIS')"),
        (PATIENTS, "status", "paused", "('@pspaused')"),
        (PATIENTS, "medical_condition_id", key, f"('@pc{end}')"),
        (PATIENTS, "owner_id", key, f"('@po{end}')"),
        (LEADS, "country", "IS", "('@l') & ('@nIS')"),
        (LEADS, "source", "event", "('@lrevent')"),
        (LEADS, "status", "open", "('@lscontacting' | '@lscall_booked' | "),
        (LEADS, "owner_id", key, f"('@lo{end}')"),
        (PHYSICIANS, "hospital_id", key, f"('@h') & ('@hh{end}')"),
        (PHYSICIANS, "specialization_id", key, f"('@hs{end}')"),
    ):
        asked.clear()
        answer = await client.get(url, params={"q": "jan jansen", name: value}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert asked
        assert all(terms in query for query in asked if not query.startswith("('=")), (url, name, asked)


async def test_leads_of_one_person_are_all_reached(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "IN_HAND", 5)
    monkeypatch.setattr(queries, "IN_HAND", 5)
    monkeypatch.setattr(walk, "SORTED_AT_ONCE", 10)
    monkeypatch.setattr(walk, "_PROBE", 4)
    monkeypatch.setattr(walk, "_LEAST", 2)
    people = [await a_person(session, first_name="Lea", last_name="Lead") for _ in range(6)]
    leads = [(await a_lead(session, person, status="contacting")).lead_id for person in people for _ in range(4)]
    await a_lead(session, people[0])

    found: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(10):
        params = {"q": "lea", "limit": "5", "status": "contacting", **cursor}
        page = (await client.get(LEADS, params=params, headers=headers)).json()
        found += [item["lead_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(found) == sorted(map(str, leads))


async def test_order_is_whole_words_then_active_then_the_last_activity(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession
) -> None:
    called = await a_patient(session, await a_person(session, first_name="Called", last_name="Visser"))
    await a_person(session, first_name="Newer", last_name="Visser")
    await a_person(session, first_name="Begun", last_name="Visserman")
    await a_person(session, first_name="Gone", last_name="Visser", is_active=False)

    async def found() -> list[str]:
        items = (await client.get(PERSONS, params={"q": "visser"}, headers=headers)).json()["items"]
        return [item["first_name"] for item in items]

    assert await found() == ["Newer", "Called", "Gone", "Begun"]
    await a_call(session, called, call_date=clock.now(), status="completed")
    assert await found() == ["Called", "Newer", "Gone", "Begun"]


async def test_an_unfinished_word_with_an_error_finds_who_is_meant(names: Names, session: AsyncSession) -> None:
    await a_person(session, first_name="Elizabeth", last_name="Miholer")
    await a_person(session, first_name="Søren", last_name="Dekeski")
    await a_person(session, first_name="Elizabeth", last_name="Other")

    # A letter missing, two changed places, one wrong, one too many.
    for typed in ("Elizabeth ihol", "elizabeth imhol", "Elizabeth mibol", "mihhol eli"):
        assert await names(typed) == ["Miholer"], typed
    assert await names("Soren ekes") == ["Dekeski"]


async def test_the_likelier_slip_comes_first(names: Names, session: AsyncSession) -> None:
    for last_name in ("Lemaer", "Temaez", "Lemaering"):
        await a_person(session, first_name="Ada", last_name=last_name)

    # All are one error away, but a first letter is seldom mistyped, and a word is rather whole than not.
    assert await names("lemaez") == ["Lemaer", "Lemaering", "Temaez"]


async def test_numbers_of_trials_and_programmes_and_leads_find_their_people(
    names: Names, client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession
) -> None:
    in_trial = await a_patient(session, await a_person(session, first_name="Tria", last_name="Listed"))
    trial = await a_trial(session, trial_id="NCT04567891")
    await a_trial_journey(session, in_trial, clinical_trial_id=trial.clinical_trial_id)
    treated = await a_patient(session, await a_person(session, first_name="Eap", last_name="Treated"))
    await an_eap_journey(
        session, treated, eap_number="EAP-2026/17", eap_program_id=(await a_programme(session)).eap_program_id
    )
    asked = await a_person(session, first_name="Lea", last_name="Asked")
    lead = await a_lead(session, asked)
    await a_lead(session, asked)
    await session.refresh(lead)

    for typed in ("NCT04567891", "nct 04567891"):
        assert await names(typed) == ["Listed"], typed
    assert await names("eap-2026/17", PATIENTS) == ["Treated"]
    assert await names(lead.reference) == ["Asked"]
    assert await names(lead.reference, PATIENTS) == []
    leads = (await client.get(LEADS, params={"q": lead.reference}, headers=headers)).json()
    assert [item["reference"] for item in leads["items"]] == [lead.reference]
    assert leads["search"]["read_as"] == "number"


async def test_physicians_are_found_like_everybody(names: Names, session: AsyncSession) -> None:
    await a_physician(session, await a_person(session, first_name="Miriam", last_name="Öztürk"))
    await a_person(session, first_name="Miriam", last_name="Smit")

    for typed in ("ozturk", "Oeztuerk", "miriam", "Öztürk Miriam", "Dr. Öztürk", "ozt"):
        assert await names(typed, PHYSICIANS) == ["Öztürk"], typed


async def test_a_filter_by_phone_reads_every_writing_and_refuses_what_is_none(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession
) -> None:
    await a_person(session, last_name="Bell", phone="06 34567891", country="NL")
    for phone in ("06 34567891", "+31634567891", "0031 6 34567891", "34567891"):
        found = (await client.get(PERSONS, params={"phone": phone}, headers=headers)).json()
        assert [item["last_name"] for item in found["items"]] == ["Bell"], phone

    refused = await client.get(PERSONS, params={"phone": "no number"}, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "phone"


async def test_who_may_not_look_for_people_may_not_search(
    client: httpx.AsyncClient, as_role: AsRole, session: AsyncSession
) -> None:
    person = await a_person(session)
    await session.commit()
    for role in ("auditor", "programme_manager", "privacy_officer"):
        refused = await client.get(PERSONS, params={"q": person.reference}, headers=await as_role(role))
        assert refused.status_code == 403, role


async def test_a_search_notes_whom_it_showed(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession
) -> None:
    shown = [await a_person(session, first_name="Noted", last_name=name) for name in ("One", "Two")]
    answer = await client.get(PERSONS, params={"q": "noted"}, headers=headers)

    noted = await session.scalar(
        text("SELECT person_ids FROM audit_event WHERE request_id = :id"), {"id": answer.headers["x-request-id"]}
    )
    assert sorted(noted or []) == sorted(person.person_id for person in shown)


async def test_what_was_typed_is_no_operator(names: Names, session: AsyncSession) -> None:
    await a_person(session, first_name="Anna", last_name="Bos")
    for typed in ("'", "a' | 'b", "\\", "!anna", "@off", "=anna & bos", "%", "_", "a:*", "''''", "(", "@b0:0"):
        await names(typed)
    assert await names("!bos") == ["Bos"]
    assert await names("%") == []


async def test_a_cursor_of_another_search_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str], session: AsyncSession
) -> None:
    for _ in range(3):
        await a_person(session, first_name="Cur", last_name="Sor")
    cursor = (await client.get(PERSONS, params={"q": "cur", "limit": "1"}, headers=headers)).json()["next_cursor"]
    for params in ({"q": "sor", "cursor": cursor}, {"cursor": cursor}, {"q": "cur", "cursor": "x"}):
        assert (await client.get(PERSONS, params=params, headers=headers)).status_code == 422, params
