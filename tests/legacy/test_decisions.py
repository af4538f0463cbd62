"""The pure rules: conditions, components and clashes, lost bookings and trials, expanded access."""

from app.legacy.bookings import Booking, Change, lost_bookings
from app.legacy.conditions import Conditions, Meaning
from app.legacy.contract import assign_columns, rules, table_of, table_of_entity_set
from app.legacy.eap import Dossier, PatientDate, journeys_of
from app.legacy.identity import Group, clash, components, folded
from app.legacy.trials import Trial, lost_trials
from app.platform.folding import fold_words


def test_prefixes_are_taken_off_unless_the_name_is_known_as_it_is() -> None:
    assert table_of("cr1a2_eap_dossier") == table_of("eap_dossier") == "eap_dossier"
    assert table_of("medical_condition") == "medical_condition"
    assert table_of("account") is None
    assert table_of_entity_set("new_hospitals") == "hospital"
    assert assign_columns("contact", ["x_email", "emailaddress1", "Email", "extra"])["email"] == 2
    assert assign_columns("medical_condition", ["myt_medical_conditionid"]) == {"medical_conditonid": 0}


def test_a_condition_is_found_by_any_of_its_names_or_a_slip() -> None:
    known = Conditions(rules().conditions)
    assert known.find("als") == Meaning("Amyotrophic Lateral Sclerosis")
    assert known.find("Lou Gehrig’s disease") == Meaning("Amyotrophic Lateral Sclerosis")
    assert known.find("Idiopatic Pulmonary Fibrosis") == Meaning("Idiopathic Pulmonary Fibrosis", repaired=True)
    assert known.find("Spinal Muscular Atrophy Type 3") is None
    assert known.find("Spinal Muscular Atrophy") is None
    assert known.find("") is None
    known.add("Sjögren Syndrome")
    assert known.find("Sjogren syndrome") == Meaning("Sjögren Syndrome")
    assert fold_words("Huntington’s  Choréa") == "huntingtons chorea"


def test_components_name_their_smallest_member() -> None:
    assert components([(5, 3), (3, 9), (2, 8)]) == {5: 3, 3: 3, 9: 3, 2: 2, 8: 2}


def test_groups_clash_by_name_or_by_birth() -> None:
    jan, joost, initial = (Group(i, (folded(n, "Egret"),), frozenset()) for i, n in enumerate(("Jan", "Joost", "J.")))
    assert clash([jan, joost, initial])
    assert not clash([jan, initial])
    assert clash(
        [jan._replace(births=frozenset({"1970-01-01"})), jan._replace(number=9, births=frozenset({"1971-01-01"}))]
    )


def test_bookings_come_back_and_a_gap_keeps_only_what_is_named() -> None:
    present = Booking("2024-03-03T10:00:00Z", "2024-03-02T10:00:00Z", flagged=False)
    told = list(
        lost_bookings(
            present,
            [
                Change(1, "2024-02-01T10:00:00Z", {"booking_date": ["2024-02-02T10:00:00Z", "2024-03-03T10:00:00Z"]}),
                Change(2, "2024-01-09T10:00:00Z", {"reminder_date": ["2024-01-01T10:00:00Z", None]}),
                Change(3, "2024-01-01T10:00:00Z", {"booking_date": ["2023-12-01T10:00:00Z", "2024-01-01T09:00:00Z"]}),
            ],
        )
    )
    assert [(y.record, y.booking, y.reminder, y.status) for y in told] == [
        (1, "2024-02-02T10:00:00Z", "2024-03-02T10:00:00Z", "rescheduled"),
        (3, "2024-01-01T09:00:00Z", None, "scheduled"),
        (3, "2023-12-01T10:00:00Z", None, "scheduled"),
    ]


def test_a_trial_is_another_only_where_both_are_known_and_differ() -> None:
    present = Trial("NCT2", "2024-06-01", None, None, "referred")
    told = list(
        lost_trials(
            present,
            [
                Change(1, "2024-05-01", {"trial_id": [None, "NCT2"], "ct_outcome": [None, "referred"]}),
                Change(
                    2,
                    "2024-04-01",
                    {"ct_referral_date": ["2024-01-01", "2024-06-01"], "ct_outcome": ["screen_failed", None]},
                ),
            ],
        )
    )
    assert told == [(2, Trial(None, "2024-01-01", None, None, "screen_failed"))]


def test_dossiers_and_dates_of_one_patient() -> None:
    decided = journeys_of(
        [
            Dossier(1, "a", "E-1", "X", None),
            Dossier(2, "b", "E-1", "X", "2024-01-01"),
            Dossier(3, "c", None, "X", None),
        ],
        [PatientDate(1, "p", "2024-01-01"), PatientDate(2, "q", "2024-02-02"), PatientDate(3, "r", "2024-03-03")],
    )
    assert [(j.number, j.enrolled) for j in decided.journeys] == [("E-1", "2024-01-01"), (None, "2024-02-02")]
    assert decided.dossiers == [(1, "created"), (2, "merged_into_existing"), (3, "created")]
    assert [outcome for _, outcome in decided.dates] == ["linked", "linked", "linked"]
    assert [date.record for date in decided.conflicts] == [3]
