"""The entry points of persons, suggested changes and duplicate candidates: who may, which shapes, which errors."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.models import AuditEvent
from app.people.models import DuplicateCandidate, IntakeSubmission, Person, SuggestedChange
from tests.builders import a_person
from tests.conftest import AsRole

NOBODY = "01970000-0000-7000-8000-000000000000"
URL = "/api/v1/persons"
JAN = {"first_name": "Jan", "last_name": "de Vries", "email": "jan@example.org", "date_of_birth": "1967-06-24"}
CANARY = "zebra7"


async def put(client: httpx.AsyncClient, who: dict[str, str], place: str, **values: Any) -> httpx.Response:
    return await client.put(place, json=values, headers=who)


async def test_a_person_is_made_found_and_read(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")

    made = await client.post(URL, json=JAN | {"source": "contact_form"}, headers=navigator)
    again = await client.post(URL, json=JAN | {"email": "JAN@Example.org"}, headers=navigator)
    found = await client.get(made.headers["location"], headers=navigator)

    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["match"] == {
        "outcome": "new_person",
        "reasons": ["email_unknown"],
        "suggested_changes": [],
        "probable_duplicates": [],
        "reactivated": False,
    }
    assert again.json()["match"]["reasons"] == ["email_and_equal_names"]
    assert again.json()["person_id"] == made.json()["person_id"] == found.json()["person_id"]
    assert found.headers["etag"] == made.headers["etag"] == '"1"'
    shown = found.json()
    assert (shown.pop("departures"), shown.pop("opt_outs")) == ([], [])
    assert shown.items() <= made.json().items()


async def test_a_stranger_at_the_address_is_told_apart_by_initials(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator, machine = await as_role("navigator"), await as_role("integration")
    owner = (await client.post(URL, json=JAN, headers=navigator)).json()
    maria = JAN | {"first_name": "Maria", "date_of_birth": None}

    refused = await client.post(URL, json=maria, headers=navigator)
    to_machine = await client.post(URL, json=maria, headers=machine)
    shared = await client.post(URL, json=maria | {"shared_email": True}, headers=machine)

    assert (refused.status_code, refused.json()["code"]) == (409, "email_belongs_to_someone_else")
    assert refused.json()["candidate"] == {"person_id": owner["person_id"], "initials": "J.D.", "birth_year": 1967}
    assert "candidate" not in to_machine.json()
    assert (shared.status_code, shared.json()["email"]) == (201, None)
    assert shared.json()["match"]["outcome"] == "shared_email_person"
    points = await client.get(f"{URL}/{shared.json()['person_id']}/contact-points", headers=navigator)
    assert [(p["kind"], p["value"], p["is_shared"]) for p in points.json()["items"]] == [
        ("email", "jan@example.org", True)
    ]
    told = await session.scalar(select(AuditEvent.person_ids).where(AuditEvent.code == refused.json()["code"]).limit(1))
    assert [str(person_id) for person_id in told or ()] == [owner["person_id"]]


async def test_the_dry_run_answers_as_the_create_would_and_writes_nothing(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    person = await a_person(session, email="jan@example.org", first_name="Jan", phone="+31612345678")
    await session.commit()

    async def ask(**values: Any) -> dict[str, Any]:
        answer = await client.post(f"{URL}/match", json=values, headers=navigator)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    jan = await ask(first_name="Jan", last_name="de Vries", email=" Jan+x@example.org")
    maria = await ask(first_name="Maria", last_name="de Vries", email="jan@example.org")
    shared = await ask(first_name="Maria", last_name="de Vries", email="jan@example.org", shared_email=True)
    new = await ask(first_name="Jan", last_name="de Vries", email="new@example.org")

    assert (jan["outcome"], jan["person_id"]) == ("existing_person", str(person.person_id))
    assert (maria["outcome"], [c["initials"] for c in maria["candidates"]]) == (
        "email_belongs_to_someone_else",
        ["J.D."],
    )
    assert shared["outcome"] == "shared_email_person"
    assert (new["outcome"], new["person_id"]) == ("new_person", None)
    for table in (IntakeSubmission, SuggestedChange, DuplicateCandidate):
        assert await session.scalar(select(func.count()).select_from(table)) == 0
    assert await session.scalar(select(func.count()).select_from(Person)) == 1
    assert await session.scalar(select(func.count()).where(AuditEvent.action == "match_person")) == 4


async def test_put_changes_the_fields_given_and_keeps_the_keys_beside_them(
    session: AsyncSession, client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    made = await client.post(URL, json=JAN | {"phone": "06 12345678"}, headers=navigator)
    place = made.headers["location"]

    changed = await client.put(place, json={"country": "NL", "email": None}, headers={**navigator, "If-Match": '"1"'})
    stale = await client.put(place, json={"phone": None}, headers={**navigator, "If-Match": '"1"'})
    nothing = await put(client, navigator, place)

    assert (made.json()["phone_valid"], changed.json()["phone_valid"]) == (False, True)
    assert (changed.json()["phone_e164"], changed.json()["email"]) == ("+31612345678", None)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert nothing.headers["etag"] == changed.headers["etag"] == '"2"'


async def test_an_address_of_another_person_is_refused_in_a_put(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    await client.post(URL, json=JAN, headers=navigator)
    other = await client.post(URL, json=JAN | {"email": "piet@example.org", "first_name": "Piet"}, headers=navigator)

    refused = await put(client, navigator, other.headers["location"], email="JAN@example.org")

    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")


async def test_a_deactivated_person_is_kept_and_found(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    place = (await client.post(URL, json=JAN, headers=navigator)).headers["location"]

    assert [(await client.delete(place, headers=navigator)).status_code for _ in range(2)] == [204, 204]

    assert (await client.get(place, headers=navigator)).json()["is_active"] is False
    inactive = await client.get(URL, params={"is_active": "false"}, headers=navigator)
    assert [person["email"] for person in inactive.json()["items"]] == ["jan@example.org"]
    assert (await client.post(URL, json=JAN, headers=navigator)).json()["match"]["reactivated"] is True


async def test_persons_are_found_by_name_address_number_and_birth_date(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    await client.post(URL, json=JAN | {"phone": "+31 6 12345678"}, headers=navigator)
    zoe = {"first_name": "Zoë", "last_name": "Ødegård", "email": "zoe@example.org"}
    made = (await client.post(URL, json=zoe, headers=navigator)).json()
    await client.post(
        f"{URL}/{made['person_id']}/contact-points",
        json={"kind": "phone", "value": "+47 22 12 34 56"},
        headers=navigator,
    )

    for filters, expected in {
        (("q", "ZOE od"),): ["Zoë"],
        (("q", "degar"),): ["Zoë"],
        (("q", "%"),): [],
        (("q", "vries"),): ["Jan"],
        (("email", "Jan+tag@EXAMPLE.org"),): ["Jan"],
        (("phone", "+31612345678"),): ["Jan"],
        (("phone", "+4722123456"),): ["Zoë"],
        (("date_of_birth", "1967-06-24"),): ["Jan"],
        (("created_from", "2020-01-01T00:00:00Z"),): ["Zoë", "Jan"],
        (("created_to", "2020-01-01T00:00:00Z"),): [],
    }.items():
        answer = await client.get(URL, params=dict(filters), headers=navigator)
        assert [person["first_name"] for person in answer.json()["items"]] == expected, filters


async def test_who_may_read_but_not_search_is_refused_a_search_and_sees_people_masked(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    auditor = await as_role("auditor")
    made = (await client.post(URL, json=JAN, headers=await as_role("navigator"))).json()

    for query in ({"q": "jan"}, {"email": "jan@example.org"}, {"date_of_birth": "1967-06-24"}):
        assert (await client.get(URL, params=query, headers=auditor)).status_code == 403
    assert (await client.post(f"{URL}/match", json={"email": JAN["email"]}, headers=auditor)).status_code == 403
    seen = (await client.get(f"{URL}/{made['person_id']}", headers=auditor)).json()
    assert (seen["person_id"], seen["is_active"]) == (made["person_id"], True)
    assert (seen["first_name"], seen["email"], seen["date_of_birth"]) == ("•••", "•••", None)
    for part in ("roles", "contact-points", "relationships", "submissions"):
        answer = await client.get(f"{URL}/{made['person_id']}/{part}", headers=auditor)
        assert answer.status_code == 200, answer.text
        assert "jan@" not in answer.text


async def test_roles_over_time_do_not_overlap(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    person = (await client.post(URL, json=JAN, headers=navigator)).headers["location"]
    role = {"type_name": "caregiver", "valid_from": "2026-01-01T00:00:00Z"}

    first = await client.post(f"{person}/roles", json=role, headers=navigator)
    twice = await client.post(f"{person}/roles", json=role | {"valid_from": "2026-02-01T00:00:00Z"}, headers=navigator)
    place = f"{person}/roles/{first.json()['person_contact_type_id']}"
    backwards = await put(client, navigator, place, valid_to="2025-01-01T00:00:00Z")
    ended = await put(client, navigator, place, valid_to="2026-03-01T00:00:00Z")
    next_one = await client.post(
        f"{person}/roles", json=role | {"valid_from": "2026-03-01T00:00:00Z"}, headers=navigator
    )

    assert (first.status_code, first.json()["contact_type"]["type_name"]) == (201, "caregiver")
    assert (twice.status_code, twice.json()["code"]) == (409, "roles_overlap")
    assert (backwards.status_code, backwards.json()["errors"][0]["field"]) == (422, "valid_to")
    assert (ended.json()["is_active"], ended.headers["etag"]) == (False, '"2"')
    assert next_one.status_code == 201
    listed = (await client.get(f"{person}/roles", headers=navigator)).json()["items"]
    assert [role["is_active"] for role in listed] == [True, False]
    for wrong in ({"type_name": "wizard"}, {"type_name": "physician", "hospital_id": str(uuid4())}):
        answer = await client.post(f"{person}/roles", json=wrong, headers=navigator)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "unknown_reference")


async def test_the_contact_types_are_listed(client: httpx.AsyncClient, as_role: AsRole) -> None:
    listed = (await client.get("/api/v1/contact-types", headers=await as_role("navigator"))).json()["items"]

    assert [kind["type_name"] for kind in listed] == [
        "caregiver",
        "patient",
        "patient-lead",
        "patient-navigator",
        "pharmacist",
        "physician",
    ]


async def test_contact_points_are_of_their_kind_and_kept_once(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    await client.post(URL, json=JAN | {"email": "owner@example.org", "first_name": "Piet"}, headers=navigator)
    person = (await client.post(URL, json=JAN, headers=navigator)).headers["location"]

    async def add(**values: Any) -> tuple[int, str]:
        answer = await client.post(f"{person}/contact-points", json=values, headers=navigator)
        return answer.status_code, answer.json().get("code", "")

    assert await add(kind="email", value="jan.work@example.org") == (201, "")
    assert await add(kind="email", value="Jan.Work@example.org") == (409, "contact_point_exists")
    assert await add(kind="email", value="owner@example.org") == (409, "email_taken")
    assert await add(kind="email", value="owner@example.org", is_shared=True) == (201, "")
    assert await add(kind="email", value="no address") == (422, "invalid")
    assert await add(kind="phone", value="extension 12, mornings") == (201, "")
    found = await client.post(URL, json=JAN | {"email": "jan.work@example.org"}, headers=navigator)
    assert (found.status_code, found.headers["location"]) == (200, person)
    assert found.json()["match"]["suggested_changes"] == []


async def test_relationships_are_seen_from_both_sides(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    mother = (await client.post(URL, json=JAN, headers=navigator)).json()
    child = (await client.post(URL, json=JAN | {"email": None, "first_name": "Bo"}, headers=navigator)).json()
    new = {"related_person_id": child["person_id"], "relationship_type": "parent", "authority": "parental"}
    place = f"{URL}/{mother['person_id']}/relationships"

    made = await client.post(place, json=new, headers=navigator)
    seen = await client.get(f"{URL}/{child['person_id']}/relationships", headers=navigator)
    ended = await put(client, navigator, f"{place}/{made.json()['person_relationship_id']}", end_date="2026-05-01")
    of_oneself = await client.post(place, json=new | {"related_person_id": mother["person_id"]}, headers=navigator)
    of_nobody = await client.post(place, json=new | {"related_person_id": str(uuid4())}, headers=navigator)
    backwards = await client.post(
        place, json=new | {"start_date": "2026-05-01", "end_date": "2026-04-01"}, headers=navigator
    )

    assert made.status_code == 201
    assert [row["person_id"] for row in seen.json()["items"]] == [mother["person_id"]]
    assert (ended.json()["end_date"], ended.headers["etag"]) == ("2026-05-01", '"2"')
    assert [a.json()["errors"][0]["code"] for a in (of_oneself, of_nobody, backwards)] == [
        "not_of_oneself",
        "unknown_reference",
        "dates_not_in_order",
    ]


async def test_submissions_are_shown_as_they_came(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    sent = JAN | {"email": " JAN@example.org", "source": "landing_page", "consent_text_version": "2026-03"}
    place = (await client.post(URL, json=sent, headers=navigator)).headers["location"]

    [kept] = (await client.get(f"{place}/submissions", headers=navigator)).json()["items"]

    assert kept["payload"] == sent
    assert (kept["source"], kept["consent_text_version"], kept["match_outcome"]) == (
        "landing_page",
        "2026-03",
        "new_person",
    )


async def test_a_suggestion_is_listed_accepted_or_rejected(client: httpx.AsyncClient, as_role: AsRole) -> None:
    navigator = await as_role("navigator")
    place = (await client.post(URL, json=JAN, headers=navigator)).headers["location"]
    again = await client.post(
        URL, json=JAN | {"last_name": "de Vries-Bos", "gender": "female", "phone": "+31612345678"}, headers=navigator
    )
    changes = "/api/v1/suggested-changes"
    by_field = {change["field"]: change for change in again.json()["match"]["suggested_changes"]}

    async def decide(field: str, how: str) -> httpx.Response:
        place = f"{changes}/{by_field[field]['suggested_change_id']}/{how}"
        return await client.post(place, json={"reason": "asked by phone"}, headers=navigator)

    open_ones = await client.get(
        changes, params={"decision": "open", "person_id": again.json()["person_id"]}, headers=navigator
    )
    accepted = await decide("last_name", "accept")
    rejected = await decide("gender", "reject")
    other_way = await decide("gender", "accept")
    await put(client, navigator, place, phone="+31687654321")
    too_late = await decide("phone", "accept")

    assert {item["field"] for item in open_ones.json()["items"]} == {"last_name", "gender", "phone"}
    assert (accepted.status_code, accepted.json()["decision"]) == (200, "accepted")
    assert (await client.get(place, headers=navigator)).json()["last_name"] == "de Vries-Bos"
    assert (rejected.json()["decision"], rejected.json()["reason"]) == ("rejected", "asked by phone")
    assert (other_way.status_code, other_way.json()["code"]) == (409, "already_decided")
    assert (too_late.status_code, too_late.json()["code"]) == (409, "our_value_changed")
    single = await client.get(f"{changes}/{by_field['gender']['suggested_change_id']}", headers=navigator)
    assert single.json() == rejected.json()


async def test_an_auditor_sees_suggestions_without_values_and_decides_nothing(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator, auditor = await as_role("navigator"), await as_role("auditor")
    await client.post(URL, json=JAN, headers=navigator)
    again = await client.post(URL, json=JAN | {"last_name": "de Vries-Bos"}, headers=navigator)
    [change] = again.json()["match"]["suggested_changes"]

    listed = await client.get("/api/v1/suggested-changes", headers=auditor)
    place = f"/api/v1/suggested-changes/{change['suggested_change_id']}/accept"

    assert [(item["ours"], item["theirs"]) for item in listed.json()["items"]] == [("•••", "•••")]
    assert (await client.post(place, json={}, headers=auditor)).status_code == 403


async def test_a_pair_is_decided_once(client: httpx.AsyncClient, as_role: AsRole) -> None:
    steward = await as_role("data_steward")
    first = (await client.post(URL, json=JAN, headers=steward)).json()
    second = (await client.post(URL, json=JAN | {"email": None}, headers=steward)).json()
    pairs = "/api/v1/duplicate-candidates"

    [pair] = (await client.get(pairs, params={"decision": "open"}, headers=steward)).json()["items"]
    place = f"{pairs}/{pair['duplicate_candidate_id']}"
    decided = [
        await client.post(f"{place}/decide", json={"decision": word}, headers=steward)
        for word in ("different_people", "different_people", "same_person")
    ]

    assert {pair["person_id"], pair["other_person_id"]} == {first["person_id"], second["person_id"]}
    assert pair["person"]["person_id"] == pair["person_id"]
    assert second["match"]["probable_duplicates"][0]["person_id"] == first["person_id"]
    assert [answer.status_code for answer in decided] == [200, 200, 409]
    assert (await client.get(place, headers=steward)).json() == decided[1].json()
    of_person = await client.get(pairs, params={"person_id": second["person_id"]}, headers=steward)
    assert len(of_person.json()["items"]) == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("email", f"{CANARY} at example.org", "email"),
        ("email", f"<{CANARY}@example.org>", "email"),
        ("first_name", "\u200b\u200b", "blank"),
        ("first_name", "   ", "blank"),
        ("last_name", CANARY * 20, "string_too_long"),
        ("last_name", f"{CANARY}\x00", "invalid_characters"),
        ("date_of_birth", "2999-01-01", "in_the_future"),
        ("date_of_birth", f"{CANARY}-01-01", "day"),
        ("date_of_birth", 0, "day"),
        ("gender", CANARY, "literal_error"),
        ("country", CANARY, "country"),
        ("language", f"{CANARY}!", "string_pattern_mismatch"),
        ("time_zone", f"Europe/{CANARY}", "time_zone"),
        ("phone", CANARY * 20, "string_too_long"),
        ("do_not_contact_channels", [CANARY], "literal_error"),
        ("shared_email", "true", "bool_type"),
        (CANARY, 1, "unknown_field"),
    ],
)
async def test_bad_input_is_named_and_never_repeated(
    client: httpx.AsyncClient, as_role: AsRole, field: str, value: object, code: str
) -> None:
    answer = await client.post(URL, json=JAN | {field: value}, headers=await as_role("navigator"))

    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == [code]
    assert CANARY not in answer.text


@pytest.mark.parametrize(
    ("method", "place", "code"),
    [
        ("GET", f"{URL}/{NOBODY}", "person_not_found"),
        ("GET", f"{URL}/{NOBODY}/roles", "person_not_found"),
        ("PUT", f"{URL}/{NOBODY}", "person_not_found"),
        ("DELETE", f"{URL}/{NOBODY}", "person_not_found"),
        ("PUT", f"{URL}/{NOBODY}/roles/{NOBODY}", "role_not_found"),
        ("PUT", f"{URL}/{NOBODY}/relationships/{NOBODY}", "relationship_not_found"),
        ("POST", f"/api/v1/suggested-changes/{NOBODY}/accept", "suggested_change_not_found"),
        ("GET", f"/api/v1/duplicate-candidates/{NOBODY}", "duplicate_candidate_not_found"),
    ],
)
async def test_what_is_not_there_is_not_found(
    client: httpx.AsyncClient, as_role: AsRole, method: str, place: str, code: str
) -> None:
    body: dict[str, Any] | None = {} if method in {"PUT", "POST"} else None

    answer = await client.request(method, place, json=body, headers=await as_role("navigator"))

    assert (answer.status_code, answer.json()["code"]) == (404, code)
