"""What the gallery shows of lists and cases: rows as answers tell of them, long, short and empty."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.web.agenda import AgendaColumn, Drawn, Shade
from app.web.listing import Change, Column, Failure, Outcome
from app.web.move_needs import Need
from app.web.things import Field

ID: Final = UUID(int=2**127)
_LONG: Final = "An expanded-access programme for a very rare disease of children and of adults"


@dataclass(init=False, eq=False)
class Sample:
    """An answer of the gallery: what is not given is empty."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def cells(somebody: Any, now: datetime) -> list[tuple[str, Sample, Any, Any]]:
    """Each kind of cell: its name, its row, a value, and the empty value."""
    call = Sample(
        call_id=ID,
        patient_id=ID,
        status="scheduled",
        channel="phone",
        direction="outbound",
        unresolved_because="no_outcome",
        person=somebody,
        booking_date=now,
        booking_time_zone="America/New_York",
    )
    task = Sample(task_id=ID, title="Ask the site", status="open", due_at=now)
    trial = Sample(kind="clinical_trial_journey", status="site_review")
    code = Sample(system="ORPHA", code="586", display="Cystic fibrosis", map_type="narrower")
    person = Sample(status="withdrawn", status_group="closed", record_id=ID, patient_id=ID, person=somebody)
    double = Sample(double_id=1, city="Lisboa")
    return [
        ("text", person, _LONG, None),
        ("name", person, "Hospital de Santa Maria", "Hospital de Santa Maria"),
        ("person", person, somebody, somebody),
        ("call_person", call, somebody, somebody),
        ("patient", person, somebody, somebody),
        ("stored", Sample(field="country"), "NL", None),
        ("whose", person, somebody, somebody),
        ("colleague", person, somebody, None),
        ("owner", person, ID, None),
        ("words", person, "contact_form", None),
        ("named_words", person, "leads", "leads"),
        ("words_list", person, ["similar_name", "phone"], []),
        ("person_beside", person, somebody, somebody),
        ("list", person, ["NL", "PT"], []),
        ("country", person, "NL", None),
        ("countries", person, ["NL", "PT"], []),
        ("status", person, "on_treatment", None),
        ("in_use", person, True, False),
        ("moment", person, now, None),
        ("day", person, now.date(), None),
        ("expiry", person, now.date() - timedelta(days=3), None),
        ("day_of", person, now, None),
        ("last_contact", person, now, None),
        ("next_call", person, now + timedelta(days=1), None),
        ("clock", person, "Europe/Lisbon", None),
        ("journeys", person, [trial, trial], []),
        ("call_state", call, None, None),
        # At an hour at which the two clocks show two days: the longest text.
        ("call_when", call, now.replace(hour=23, minute=30), None),
        ("call_how", call, None, None),
        ("task", task, "Ask the site", "Ask the site"),
        ("decide", Sample(suggested_change_id=ID, field="phone", table_name="person"), "open", "accepted"),
        ("task_due", task, None, None),
        ("task_state", task, None, None),
        ("lines", person, ["Cystic fibrosis", "Mucoviscidosis"], []),
        ("codes", person, [code], []),
        ("double", double, None, None),
        ("double_of", double, None, None),
        ("faults", person, [Sample(field="ended_on", message="It lies before the beginning.")], []),
    ]


def bare() -> Sample:
    """A row that has nothing but what its cells cannot do without."""
    state = {"status": "active", "status_group": "active", "channel": "phone", "direction": "inbound"}
    return Sample(double_id=1, record_id=ID, patient_id=ID, **state)


def of_a_list(somebody: Any) -> Mapping[str, Any]:
    """What a list has while rows are selected, a saved view is shown, and something was just done."""
    view = Sample(
        saved_view_id=ID, name="Mine in Portugal", is_shared=True, is_own=True, version=2, filters={"status": "active"}
    )
    pair = Sample(name="Hospital de Santa Maria", href="/_gallery", other_name="Hosp. S. Maria", other_href="/_gallery")
    return {
        "columns": COLUMNS,
        "key": "record_id",
        "opens": ("/_gallery/{record_id}",),
        "beside": {1: pair, ID: Sample(href="/_gallery", suggested=2, person=somebody)},
        "me": ID,
        "may": {"view.share": True, "call.write": True, "task.write": True, "suggestion.decide": True},
        "changes": True,
        "picker": "leads-to",
        "moves": [("paused", "Paused")],
        "saved_name": "patients",
        "saved": [view],
        "view_id": str(ID),
        "sort": "-created_at",
        "offered": [("condition", "Condition", True), ("country", "Country", False)],
        "exports": True,
        "outcome": Outcome(
            "19 patients are yours now.",
            done=[Change(ID, 1, 2)],
            left=[Failure(Sample(person=somebody, record_id=ID), "Somebody changed it meanwhile.")],
        ),
        "csrf_token": "of-the-gallery",
    }


COLUMNS: Final = (
    Column("name", "Name", cell="patient", value="person", sort="name"),
    Column("country", "Country", 1, cell="country", value="country"),
    Column("created", "Created", 2, cell="moment", value="created_at", sort="created_at"),
)


def rows(everybody: Any, now: datetime) -> list[Sample]:
    """Rows of a list of patients."""
    return [
        Sample(
            person=one,
            record_id=ID,
            patient_id=ID,
            country="NL",
            created_at=now,
            status="active",
            status_group="active",
        )
        for one in everybody
    ]


def of_an_agenda(somebody: Any, now: datetime) -> Mapping[str, Any]:
    """An agenda of three colleagues, one of whom is absent, with calls beside each other."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)

    def call(at: int, beside: int = 1, **more: Any) -> Drawn:
        told = {"status": "scheduled", "status_group": "open", "booking_time_zone": "Europe/Lisbon", **more}
        occurs_at = midnight + timedelta(hours=8, minutes=15 * at)
        drawn: Any = Sample(call_id=ID, patient_id=ID, person=somebody, occurs_at=occurs_at, **told)
        return Drawn(drawn, at, 3, beside)

    busy = AgendaColumn(midnight.date(), midnight, "Noor Brandt", now_at=18, beside=2)
    busy.calls = [
        call(2, unresolved_because="no_outcome"),
        call(10),
        call(11, beside=2),
        call(
            18,
            unresolved_because="adverse_event_not_asked",
            status="completed",
            status_group="closed",
            outcome="reached",
        ),
        call(22, status="completed", status_group="closed", outcome="reached", booking_time_zone=None),
    ]
    busy.shades = [Shade("off", 0, 2), Shade("off", 34, 6)]
    away = AgendaColumn(midnight.date(), midnight, "Bartholomew-Maximilian Featherstonehaugh", absent=["Bartholomew"])
    away.shades = [Shade("absent", 0, 40)]
    free = AgendaColumn(midnight.date() + timedelta(days=1), midnight + timedelta(days=1))
    return {
        "agenda": {
            "columns": [busy, away, free],
            "hours": [f"{hour:02}:00" for hour in range(8, 18)],
            "quarters": 40,
            "today": midnight.date(),
        },
        "colleague": Sample(time_zone="Europe/Lisbon", hours=True),
        "weekdays": [(f"day_{number}", name) for number, name in enumerate(("Monday", "Tuesday", "Wednesday"), 1)],
        "worked": {"day_1": "9-12:30, 13-17", "day_2": "", "day_3": "nine"},
        "absences": [Sample(kind="holiday", starts_at=now, ends_at=now + timedelta(days=7), absence_id=ID)],
    }


def of_a_case(somebody: Any, other: Any, now: datetime) -> Mapping[str, Any]:
    """What stands on the pages of one person."""
    yesterday, day = now - timedelta(days=1), (now - timedelta(days=400)).date()

    def version(**more: Any) -> Sample:
        return Sample(**{"number": 1, "scan_status": "passed", **more})

    def document(title: str, *versions: Sample, **more: Any) -> Sample:
        return Sample(document_id=ID, title=title, kind="consent_form", versions=versions, **more)

    change = {"suggested_change_id": ID, "source": "contact_form", "created_at": yesterday}
    change |= {"ours_name": None, "theirs_name": None}
    ended = {"is_current": False, "end_date": day}
    lacking = [
        Need(
            blocks=True,
            says="No physician is linked to the patient now.",
            does="Link a physician",
            href="/_gallery/data",
        ),
        Need(blocks=True, says="These approvals hold it up: Ethics (pending), Contract (refused)."),
        Need(blocks=False, says="The medical review is not checked here: make sure that it is done."),
    ]
    speaks = {"relationship_type": "caregiver", "authority": "legal_guardian"}
    return {
        "documents": [
            document("Consent", version(number=3), version(), expires_on=day),
            document(_LONG, version(scan_status="waiting"), expires_on=(now + timedelta(days=90)).date()),
            document("A letter", version(scan_status="refused")),
            document("Erased", version(erased_at=yesterday)),
        ],
        "suggested": [
            Sample(table_name="person", field="phone", ours="+31 20 123 4567", theirs="+31 20 765 4321", **change),
            Sample(
                table_name="person",
                field="email",
                ours=None,
                theirs=f"{'bartholomew.' * 4}m@featherstonehaugh.example.org",
                **change,
            ),
            Sample(table_name="patient_lead", field="status", ours="new", theirs="disqualified", **change),
        ],
        "moving": Sample(
            kind="clinical_trial_journey",
            journey_id=ID,
            journey=Sample(status="site_review"),
            ways=[("next", ["site_accepted"]), ("other", ["referred"]), ("ends", ["site_rejected", "not_pursued"])],
            needs={},
            needs_reason=["site_rejected"],
            lacks={"referred": lacking},
            blocked=["referred"],
            barred=[],
            closed=["on_study", "completed"],
        ),
        "stuck": Sample(
            kind="clinical_trial_journey",
            journey_id=ID,
            ways=[("next", ["referred"])],
            needs={},
            lacks={"referred": lacking},
            blocked=["referred"],
            barred=[],
        ),
        "standing": [
            Sample(
                is_open=True,
                journey_id=ID,
                journey={"status": "site_review", **into},
                days_over=days,
            )
            for into, days in (
                ({"trial_id": "NCT90012345"}, 12),
                ({"trial_id": None, "trial_reference": "A study in Leiden"}, 0),
                ({"eap_program": {"name": _LONG}, "eap_number": "EAP-7"}, 1),
                ({"eap_number": "EAP-8"}, 0),
            )
        ],
        "tasks": [
            Sample(task_id=ID, title=_LONG, due_at=yesterday),
            Sample(task_id=ID, title="Ask the site", due_on=now.date()),
        ],
        "treating": [
            Sample(relationship_type="treating", physician=Sample(person=somebody), is_primary=True, is_current=True),
            Sample(relationship_type="referring", physician=Sample(person=other), **ended),
        ],
        "relations": [
            Sample(row=Sample(**speaks), other=other, acts=False, is_over=False),
            Sample(row=Sample(**speaks, end_date=day), other=somebody, acts=True, is_over=True),
        ],
        "had_roles": [
            Sample(contact_type=Sample(type_name="patient-lead"), valid_from=yesterday, valid_to=now),
            Sample(contact_type=Sample(type_name="physician"), valid_from=now, is_active=True, job_title="Neurologist"),
        ],
        "notified": [
            Sample(notification_id=ID, kind="assigned", record_type="patient", person=somebody, created_at=now),
            Sample(kind="came_back", record_type="came_back", person=other, created_at=yesterday, read_at=now),
        ],
        "thing": Field("city", "City", hint="As it is written there"),
        "pair": [somebody, other],
    }
