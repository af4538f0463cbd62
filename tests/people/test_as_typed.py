# ruff: noqa: RUF001  look-alike and invisible characters are what is tested
"""As typed, as meant: what is invisible, countries, time zones, and what is no difference."""

import gettext
from typing import Any

import httpx
import pytest
from email_validator import EmailNotValidError, validate_email
from pydantic_core import PydanticCustomError

from app.people import countries
from app.people.alike import alike_keys
from app.people.countries import country_code
from app.people.differences import differing_fields
from app.people.fields import email_address
from app.people.keys import email_key
from app.people.names import PEOPLE, Grade, Name, clean_name, compare_names
from app.people.time_zones import canonical_zone
from tests.conftest import AsRole

PERSONS = "/api/v1/persons"
BLANK = [
    "\u3164",
    "\u2800",
    "\u115f\u1160",
    "\uffa0",
    "\u200b\u200d",
    "\ufe0f",
    "\u034f",
    " \u2800 \u00a0",
    "\u0301",
    "\U000e0020",
]
MARKED = "\u202a{}\u202c"
ISOLATED = "\u2068{}\u2069"


@pytest.mark.parametrize("typed", ["می\u200cخواهم", "क्\u200dष", "علی\u200cرضا"])
def test_a_joiner_between_letters_stays_in_the_name_and_not_in_its_keys(typed: str) -> None:
    plain = typed.replace("\u200c", "").replace("\u200d", "")

    assert clean_name(typed) == typed
    assert alike_keys(Name(typed, "Bos")) == alike_keys(Name(plain, "Bos"))
    assert compare_names(Name(typed, "Bos"), Name(plain, "Bos"), PEOPLE).grade is Grade.EQUAL


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("\u200dAnna\u200c", "Anna"),
        ("Anna \u200dMaria", "Anna Maria"),
        ("An\u200bna", "Anna"),
        ("\u2066Anna\u2069", "Anna"),
        ("Anna\u3164Maria", "Anna Maria"),
        ("\u2800Anna", "Anna"),
    ],
)
def test_what_else_is_invisible_goes(typed: str, stored: str) -> None:
    assert clean_name(typed) == stored


@pytest.mark.parametrize("blank", BLANK)
async def test_a_name_of_blank_looking_characters_is_blank(
    client: httpx.AsyncClient, as_role: AsRole, blank: str
) -> None:
    answer = await client.post(PERSONS, json={"first_name": blank}, headers=await as_role("navigator"))

    assert (answer.status_code, [error["code"] for error in answer.json()["errors"]]) == (422, ["blank"])


@pytest.mark.parametrize("around", [MARKED, ISOLATED, "\u200e{}\u200f", "\u202d{}\u202c"])
async def test_direction_marks_of_what_is_pasted_are_dropped(
    client: httpx.AsyncClient, as_role: AsRole, around: str
) -> None:
    navigator = await as_role("navigator")
    body = {
        "first_name": around.format("Anna"),
        "phone": around.format("+31 6 12345678"),
        "email": around.format("anna@example.org"),
    }

    made = await client.post(PERSONS, json=body, headers=navigator)
    points = f"{PERSONS}/{made.json()['person_id']}/contact-points"
    point = await client.post(
        points, json={"kind": "phone", "value": around.format("+31 6 87654321")}, headers=navigator
    )
    found = await client.get(PERSONS, params={"phone": around.format("+31612345678")}, headers=navigator)

    assert made.status_code == 201, made.text
    assert [made.json()[name] for name in body] == ["Anna", "+31 6 12345678", "anna@example.org"]
    assert made.json()["phone_e164"] == "+31612345678"
    assert (point.status_code, point.json()["value"]) == (201, "+31 6 87654321")
    assert len(found.json()["items"]) == 1


@pytest.mark.parametrize("apostrophe", ["\u2019", "\u2018", "\u02bc", "\u2032", "\uff07", "\u201b", "\u00b4"])
async def test_a_curly_apostrophe_in_an_e_mail_is_an_apostrophe(
    client: httpx.AsyncClient, as_role: AsRole, apostrophe: str
) -> None:
    navigator = await as_role("navigator")
    person = {"first_name": "Siobhán", "last_name": "O’Brien"}

    made = await client.post(PERSONS, json=person | {"email": f"s.o{apostrophe}brien@example.org"}, headers=navigator)
    again = await client.post(PERSONS, json=person | {"email": "s.o'brien@example.org"}, headers=navigator)
    points = f"{PERSONS}/{made.json()['person_id']}/contact-points"
    point = await client.post(points, json={"kind": "email", "value": f"o{apostrophe}b@example.org"}, headers=navigator)

    assert (made.status_code, made.json()["email"]) == (201, "s.o'brien@example.org")
    assert again.json()["person_id"] == made.json()["person_id"]
    assert point.json()["value"] == "o'b@example.org"
    assert email_key(f"O{apostrophe}Brien@example.org") == "o'brien@example.org"


@pytest.mark.parametrize(
    ("field", "ours", "theirs"),
    [
        ("last_name", "Işık", "IŞIK"),
        ("last_name", "İnan", "inan"),
        ("last_name", "INAN", "ınan"),
        ("first_name", "İBRAHİM", "ibrahim"),
        ("last_name", "STRASSE", "Straße"),
        ("first_name", "Zoe\u0308", "ZOË"),
        ("first_name", "علی\u200cرضا", "علیرضا"),
        ("time_zone", "Europe/Kiev", "Europe/Kyiv"),
        ("time_zone", "Asia/Kolkata", "Asia/Calcutta"),
        ("time_zone", "America/New_York", "US/Eastern"),
        ("time_zone", "UTC", "Etc/UTC"),
        ("language", "pt-BR", "pt-br"),
    ],
)
def test_letter_case_and_renamed_zones_are_no_difference(field: str, ours: str, theirs: str) -> None:
    known = {"first_name": "Anna", "last_name": "Bos", "country": None} | {field: ours}

    assert differing_fields(known, {field: theirs}) == {}
    assert differing_fields(known | {field: theirs}, {field: ours}) == {}


def test_another_zone_is_a_difference_though_its_clock_is_the_same() -> None:
    known = {"first_name": "Anna", "last_name": "Bos", "time_zone": "Europe/Amsterdam"}

    assert list(differing_fields(known, {"time_zone": "Europe/Brussels"})) == ["time_zone"]
    assert canonical_zone("Europe/Amsterdam") == "Europe/Amsterdam"


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "Europe/Kiev", "Asia/Calcutta", "UTC", "Etc/GMT+5", "US/Eastern"])
async def test_zones_and_their_aliases_are_taken(client: httpx.AsyncClient, as_role: AsRole, zone: str) -> None:
    body = {"first_name": "Anna", "time_zone": zone}

    assert (await client.post(PERSONS, json=body, headers=await as_role("navigator"))).json()["time_zone"] == zone


@pytest.mark.parametrize(
    "zone",
    ["localtime", "Factory", "posix/Europe/Amsterdam", "right/UTC", "posixrules", "europe/amsterdam", "GMT+1", "CET+1"],
)
async def test_what_is_no_zone_is_refused(client: httpx.AsyncClient, as_role: AsRole, zone: str) -> None:
    answer = await client.post(
        PERSONS, json={"first_name": "Anna", "time_zone": zone}, headers=await as_role("navigator")
    )

    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("time_zone", "time_zone")]


@pytest.mark.parametrize(
    "typed",
    ["ｊａｎ@example.org", "jan＠example.org", "ＪＡＮ＠example．ｏｒｇ", "jan@example。org"],
)
async def test_full_width_letters_of_an_e_mail_are_usual_ones(
    client: httpx.AsyncClient, as_role: AsRole, typed: str
) -> None:
    navigator = await as_role("navigator")
    made = await client.post(PERSONS, json={"first_name": "Jan", "email": "jan@example.org"}, headers=navigator)

    again = await client.post(PERSONS, json={"first_name": "Jan", "email": typed}, headers=navigator)

    assert (again.status_code, again.json().get("person_id")) == (200, made.json()["person_id"]), again.text


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("NL", "NL"), ("nl", "NL"), ("NLD", "NL"), ("Nederland", "NL"), ("The Netherlands", "NL"), ("UK", "GB"),
        ("uk", "GB"), ("Great Britain", "GB"), ("USA", "US"), ("XK", "XK"), ("Kosovo", "XK"), ("Kosova", "XK"),
        ("EL", "GR"), ("Türkiye", "TR"), ("日本", "JP"), ("Ivory Coast", "CI"), ("Burma", "MM"),
        ("Duitsland", "DE"), ("Allemagne", "DE"), ("Almanya", "DE"), ("Германия", "DE"), ("Reino Unido", "GB"),
        ("Groot-Brittannië", "GB"), ("Países Bajos", "NL"), ("Niederlande", "NL"), ("EE.UU.", "US"),
        ("États-Unis", "US"),
        ("Oekraïne", "UA"), ("Zuid-Afrika", "ZA"), ("KSA", "SA"), ("Congo-Kinshasa", "CD"), ("Turquía", "TR"),
        ("The Gambia", "GM"), ("Brunei", "BN"), ("Micronesia", "FM"), ("the United Kingdom", "GB"),
    ],
)  # fmt: skip
async def test_a_country_is_taken_by_what_people_call_it(
    client: httpx.AsyncClient, as_role: AsRole, typed: str, code: str
) -> None:
    navigator = await as_role("navigator")

    made = await client.post(PERSONS, json={"first_name": "Anna", "country": typed}, headers=navigator)
    hospital = await client.post("/api/v1/hospitals", json={"name": "Noord", "country": typed}, headers=navigator)

    assert (made.status_code, made.json().get("country")) == (201, code), made.text
    assert hospital.status_code in {201, 403}
    assert hospital.json().get("country", code) == code


def test_a_country_s_code_reads_no_names_and_names_leave_no_catalogue_behind() -> None:
    """The names and their catalogues took 11 MiB of a server process that was sent nothing but codes."""
    by_name = countries._codes_by_name
    for remembered in (by_name, countries.country_code, countries.country_meant):
        remembered.cache_clear()

    assert countries.country_meant("NL") == "NL"
    assert by_name.cache_info().currsize == 0

    assert countries.country_meant("Nederland") == "NL"
    kept = [place for _, place in gettext._translations if "iso3166" in place]  # type: ignore[attr-defined]
    assert (by_name.cache_info().currsize, kept) == (1, [])


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("EN", "GB"),
        ("en", "GB"),
        ("JA", "JP"),
        ("DA", "DK"),
        ("ZZ", None),
        ("XX", None),
        ("Atlantis", None),
        ("Q", None),
        ("AN", None),
    ],
)
async def test_what_is_no_country_is_refused_with_the_one_that_may_be_meant(
    client: httpx.AsyncClient, as_role: AsRole, typed: str, named: str | None
) -> None:
    answer = await client.post(
        PERSONS, json={"first_name": "Anna", "country": typed}, headers=await as_role("navigator")
    )

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["field"], error["code"]) == ("country", "country")
    assert named is None or named in error["message"]


def test_kosovo_has_a_code() -> None:
    assert country_code("XK") == country_code("XKX") == country_code("Kosovo") == "XK"


async def test_opt_outs_grow_at_once_by_what_arrives_and_only_a_change_takes_one_back(
    client: httpx.AsyncClient, as_role: AsRole
) -> None:
    navigator = await as_role("navigator")
    body: dict[str, Any] = {"first_name": "Anna", "last_name": "Bos", "email": "anna@bos.example"}
    made = await client.post(PERSONS, json=body | {"do_not_contact_channels": ["email"]}, headers=navigator)
    place = f"{PERSONS}/{made.json()['person_id']}"

    async def arrives(channels: list[str]) -> httpx.Response:
        return await client.post(PERSONS, json=body | {"do_not_contact_channels": channels}, headers=navigator)

    more = await arrives(["phone", "email"])
    none = await arrives([])
    fewer = await arrives(["phone"])
    stands = (await client.get(place, headers=navigator)).json()
    taken_back = await client.put(place, json={"do_not_contact_channels": ["email"]}, headers=navigator)

    for answer in (more, none, fewer):
        assert (answer.status_code, answer.json()["do_not_contact_channels"]) == (200, ["email", "phone"])
        assert answer.json()["match"]["suggested_changes"] == []
    assert stands["do_not_contact_channels"] == ["email", "phone"]
    assert taken_back.json()["do_not_contact_channels"] == ["email"]


@pytest.mark.parametrize(
    "domain", ["example.org", "EXAMPLE.org", "xn--mller-kva.de", "müller.de", "a", "a.b_c.de", "-a.de", "[1.2.3.4]", ""]
)
@pytest.mark.parametrize(
    "local",
    ["anna", "Anna.B+tag", "o'brien", "a..b", ".a", "a.", "a b", '"a b"', "müller", "a@b", "", "a" * 64, "a" * 250],
)
def test_an_address_is_one_by_the_rules_of_all_addresses(local: str, domain: str) -> None:
    """Plain addresses of a known domain are not taken apart again: they are taken and refused all the same."""
    address = f"{local}@{domain}"
    try:
        validate_email(address, check_deliverability=False)
        is_one = email_key(address) is not None
    except EmailNotValidError:
        is_one = False
    for _ in range(2):
        if is_one:
            assert email_address(address) == address
        else:
            with pytest.raises(PydanticCustomError):
                email_address(address)
