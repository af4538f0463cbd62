"""The pure rules of a trial journey."""

from datetime import date

import pytest

from app.journeys.trial.states import date_meant

DAY = date(2026, 3, 2)
NONE: dict[str, date | None] = {"referral_date": None, "enrollment_date": None, "completion_date": None}


@pytest.mark.parametrize(
    ("to", "dates", "meant"),
    [
        ("referred", {}, ("referral_date", DAY)),
        ("eligible_enrolled", {"referral_date": date(2026, 1, 1)}, ("enrollment_date", DAY)),
        ("completed", {}, ("completion_date", DAY)),
        ("screening", {}, None),
        ("eligible_enrolled", {"enrollment_date": date(2026, 2, 2)}, None),
        ("eligible_enrolled", {"referral_date": date(2026, 3, 3)}, None),
        ("referred", {"enrollment_date": date(2026, 3, 1)}, None),
    ],
)
def test_state_fills_the_date_it_means_unless_that_would_contradict_a_typed_one(
    to: str, dates: dict[str, date | None], meant: tuple[str, date] | None
) -> None:
    assert date_meant(to, DAY, {**NONE, **dates}) == meant
