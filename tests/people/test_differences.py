"""What counts as another value, and the hash by which a value is suggested once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.people.differences import differing_fields
from app.people.suggestions import value_hash

OURS: dict[str, Any] = {
    "first_name": "Anna",
    "last_name": "Bos",
    "middle_name": None,
    "email": "anna@example.org",
    "phone": "06 12345678",
    "phone_e164": "+31612345678",
    "country": "NL",
    "gender": None,
    "do_not_contact_channels": [],
}
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def test_what_differs_and_what_fills_an_empty_field() -> None:
    assert differing_fields(OURS, {"last_name": "Bos-Smit", "middle_name": "Maria", "gender": None}) == {
        "last_name": ("Bos", "Bos-Smit"),
        "middle_name": (None, "Maria"),
    }


def test_letter_case_empty_values_and_the_address_are_no_difference() -> None:
    theirs = {"first_name": "ANNA", "last_name": "bos", "email": "x@example.org", "do_not_contact_channels": []}

    assert differing_fields(OURS, theirs) == {}


def test_given_and_family_name_changed_round_are_no_difference() -> None:
    assert differing_fields(OURS, {"first_name": "Bos", "last_name": "Anna"}) == {}


def test_a_number_in_another_spelling_or_known_already_is_no_difference() -> None:
    assert differing_fields(OURS, {"phone": "+31 (0)6-12345678"}) == {}
    assert differing_fields(OURS, {"phone": "+31 6 87654321"}, known_phones={"+31687654321"}) == {}
    assert "phone" in differing_fields(OURS, {"phone": "+31 6 87654321"})


@given(st.fixed_dictionaries({}, optional={"first_name": TEXT, "last_name": TEXT, "gender": TEXT, "country": TEXT}))
def test_a_difference_always_tells_both_values_and_taking_it_over_ends_it(theirs: dict[str, Any]) -> None:
    theirs = {"first_name": OURS["first_name"], "last_name": OURS["last_name"]} | theirs
    found = differing_fields(OURS, theirs)

    assert all(pair == (OURS[field], theirs[field]) for field, pair in found.items())
    assert differing_fields(OURS | theirs, theirs) == {}


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_the_hash_of_a_value_does_not_depend_on_the_order_of_its_keys(value: dict[str, Any]) -> None:
    assert value_hash(value) == value_hash(dict(reversed(value.items())))


@given(JSON, JSON)
def test_two_values_of_one_hash_are_one_value(a: Any, b: Any) -> None:
    assert (value_hash(a) == value_hash(b)) == (repr(_sorted(a)) == repr(_sorted(b)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
