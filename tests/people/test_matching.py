"""Whom of an address a submission belongs to: one person for a reason, or nobody's guess."""

from datetime import date
from uuid import UUID

import pytest

from app.people.matching import Candidate, Found, find_same_person, initials
from app.people.names import Name
from app.people.rules import Reason

BORN = date(1967, 6, 24)


def someone(number: int, given: str, family: str, born: date | None = None) -> Candidate:
    return Candidate(UUID(int=number), Name(given, family), born)


def test_nobody_has_the_address() -> None:
    assert find_same_person(Name("Jan", "Bos"), None, []).found is Found.NOBODY


def test_the_strongest_reason_wins_at_a_shared_address() -> None:
    maria, jan = someone(1, "J.", "Bos"), someone(2, "Jan", "Bos")

    decision = find_same_person(Name("Jan", "Bos"), None, [maria, jan])

    assert (decision.found, decision.person_id, decision.reasons) == (
        Found.THE_PERSON,
        jan.person_id,
        (Reason.EQUAL_NAMES,),
    )
    assert decision.others == (maria,)


def test_an_equal_birth_date_parts_father_and_son_of_one_name() -> None:
    father, son = someone(1, "Jan", "Bos", BORN), someone(2, "Jan", "Bos", date(1998, 1, 2))
    undated = someone(3, "Jan", "Bos")

    for others in ([son], [undated], [son, undated]):
        assert find_same_person(Name("Jan", "Bos"), BORN, [*others, father]).person_id == father.person_id


def test_two_who_fit_alike_are_not_guessed_between() -> None:
    decision = find_same_person(
        Name("Jan", "Bos"), None, [someone(1, "Jan", "Bos", BORN), someone(2, "Jan", "Bos", date(1998, 1, 2))]
    )

    assert (decision.found, decision.person_id) == (Found.SEVERAL_FIT, None)
    assert len(decision.others) == 2


def test_the_very_spelling_decides_when_nothing_else_does() -> None:
    as_typed, turned = someone(1, "Bos", "Anna"), someone(2, "Anna", "Bos")

    assert find_same_person(Name("Anna", "Bos"), None, [as_typed, turned]).person_id == turned.person_id


def test_someone_else_comes_with_the_reason_against_each() -> None:
    decision = find_same_person(Name("Kees", "Smit"), None, [someone(1, "Jan", "Bos"), someone(2, "Anna", "Bos")])

    assert (decision.found, decision.reasons) == (Found.SOMEONE_ELSE, (Reason.NAMES_DIFFERENT,))
    assert len(decision.others) == 2


@pytest.mark.parametrize("typed", [Name("Mr", "."), Name("Dr.", ""), Name("-", "?!"), Name("🙂", "🙂")])
@pytest.mark.parametrize(
    ("born", "found", "reason"),
    [
        (None, Found.SOMEONE_ELSE, Reason.NAMES_DOUBTFUL),
        (BORN, Found.THE_PERSON, Reason.BIRTH_DATE),
        (date(1990, 1, 9), Found.SOMEONE_ELSE, Reason.BIRTH_DATES_CONTRADICT),
    ],
)
def test_a_name_that_folds_to_nothing_is_not_an_absent_one(
    typed: Name, born: date | None, found: Found, reason: Reason
) -> None:
    decision = find_same_person(typed, born, [someone(1, "Jan", "Bos", BORN)])
    turned = find_same_person(Name("Jan", "Bos"), born, [someone(1, typed.given, typed.family, BORN)])

    assert (decision.found, decision.reasons) == (turned.found, turned.reasons) == (found, (reason,))


def test_the_very_same_name_that_folds_to_nothing_is_equal_to_itself() -> None:
    decision = find_same_person(Name("mr", "."), None, [someone(1, "Mr", ".")])

    assert decision.reasons == (Reason.EQUAL_NAMES,)


def test_no_name_at_all_leaves_the_address_to_decide() -> None:
    assert find_same_person(Name("", " "), None, [someone(1, "Jan", "Bos")]).reasons == (Reason.EMAIL_ALONE,)


@pytest.mark.parametrize(
    ("name", "shown"), [(Name("jan", "de Vries"), "J.D."), (Name("王", "伟"), "王.伟."), (Name("", "Bos"), "B.")]
)
def test_initials(name: Name, shown: str) -> None:
    assert initials(name) == shown
