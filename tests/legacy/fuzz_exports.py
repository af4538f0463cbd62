"""Exports of one old system as it goes on: people who change, split, join and go, and what people edit here meanwhile."""

import random
from pathlib import Path
from typing import Any

import psycopg

from app.legacy import runner
from app.legacy.undo import undo
from tests.legacy.conftest import checksum
from tests.legacy.exports import Row, guid, write_export

Rows = dict[str, list[dict[str, str]]]

_GIVEN = ("Jan", "J.", "Jana", "Robert", "Bob", "Ria", "")
_FAMILY = ("Berg", "Bergh", "Bosch", "Berg Jr.", "Berg Sr.")
_DAYS = ("2024-01-01T10:00:00Z", "2024-02-02T11:00:00Z", "2026-03-03T12:00:00Z", "")
_BIRTHS = ("1980-01-01", "1990-02-02", "")
_TYPES = ("patient - lead", "patient - lead", "physician", "pharmacist", "")


class World:
    """What the old system holds at a time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._last = 0
        self.rows: Rows = {
            "contact": [],
            "patient": [],
            "eap_dossier": [],
            "phonecall": [],
            "hospital": [],
            "audit": [],
        }
        for table in (
            "hospital",
            "hospital",
            *["contact"] * 9,
            *["patient"] * 5,
            *["eap_dossier"] * 2,
            *["phonecall"] * 4,
        ):
            self.add(table)

    def add(self, table: str) -> None:
        """One more record."""
        self._last += 1
        self.rows[table].append(self._made(table, guid(self._last)))

    def go_on(self) -> None:
        """Some months later."""
        for _ in range(self._random.randint(3, 12)):
            table = self._random.choice([name for name, rows in self.rows.items() if rows])
            rows = self.rows[table]
            row = self._random.choice(rows)
            what = self._random.random()
            if what < 0.15:
                self.add(table)
            elif what < 0.25 and len(rows) > 1:
                rows.remove(row)
            elif what < 0.35 and table == "contact":
                row |= {"masterid": self._one("contact"), "merged": "True", "statecode": "1"}
            elif what < 0.4:
                rows.append(dict(row))
            else:
                new = self._made(table, row[next(iter(row))])
                for column in self._random.sample(sorted(new), self._random.randint(1, min(4, len(new)))):
                    row[column] = new[column]
        self._random.shuffle(self.rows["contact"])

    def _one(self, table: str) -> str:
        return next(iter(self._random.choice(self.rows[table]).values())) if self.rows[table] else guid(0xDEAD)

    def _made(self, table: str, key: str) -> dict[str, str]:
        pick = self._random.choice
        name = {"firstname": pick(_GIVEN), "lastname": pick(_FAMILY)}
        email = f"{pick('abc')}@example.org" if self._random.random() < 0.8 else ""
        match table:
            case "contact":
                return {
                    "contactid": key, **name, "emailaddress1": email, "contact_type": pick(_TYPES), "booking_date": pick(_DAYS),
                    "no_show": pick(("True", "")), "hospital": self._one("hospital"), "birthdate": pick(_BIRTHS),
                    "medical_license_number": pick(("L1", "L2", "")), "statecode": pick(("0", "0", "1")),
                    "donotemail": pick(("True", "", "")), "donotphone": pick(("True", "", "")),
                    "address1_country": pick(("NL", "Belgium", "")), "versionnumber": str(self._random.randint(1, 99)),
                    "telephone1": pick(("+31612345678", "06 87654321", "ask", "")),
                }  # fmt: skip
            case "patient":
                return {
                    "patientid": key, **name, "email": email, "contact_record": self._one("contact"),
                    "physician": self._one("contact"), "trial_id": pick(("NCT99000001", "NCT99000002", "")),
                    "eligible": pick(("Yes", "No", "")), "ct_referral_date": pick(("2024-01-05", "2024-02-05", "")),
                    "eap_enrollment_date": pick(("2024-03-05", "2024-04-05", "")), "ct_outcome": pick(("Referred", "In screening", "")),
                    "first_contact_date": pick(("2023-01-05", "")), "statecode": pick(("0", "1")),
                }  # fmt: skip
            case "eap_dossier":
                return {
                    "eap_dossier_id": key, "eap_number": pick(("E-1", "E-2", "")), "patient": self._one("patient"),
                    "product": pick(("SYN-101", "SYN-202")), "eap_enrollment_date": pick(("2024-03-05", "2024-05-05", "")),
                }  # fmt: skip
            case "phonecall":
                of = pick(("contact", "patient"))
                return {
                    "activityid": key, "regardingobjecttypecode": of, "regardingobjectid": self._one(of),
                    "scheduledstart": pick(_DAYS), "actualstart": pick(_DAYS), "statecode": pick(("0", "1", "2")),
                    "description": pick(("Spoke.", "Asked.", "")),
                }  # fmt: skip
            case _:
                return {"hospitalid": key, "name": pick(("Alpha", "Beta")), "city": "Bath"}

    def write(self, folder: Path) -> Path:
        """The export of this time."""
        rows: dict[str, list[Row]] = {table: list(found) for table, found in self.rows.items() if found}
        return write_export(folder, at_front=False, **rows)


_EDITS = (
    "UPDATE person SET preferred_name = 'Here', first_name = 'Here' WHERE person_id = {person}",
    "UPDATE person SET date_of_birth = '1977-07-07' WHERE person_id = {person}",
    "UPDATE patient_lead SET status = 'contacting' WHERE person_id = {person} AND status = 'new'",
    "UPDATE patient SET initial_consult_date = '2024-12-24' WHERE person_id = {person}",
    """
    INSERT INTO call_history (person_id, patient_id, call_date, status)
    SELECT person_id, patient_id, '2024-01-01T10:00:30Z', 'completed' FROM patient WHERE person_id = {person}
    """,
    "UPDATE call_history SET notes = 'Here' WHERE person_id = {person}",
)


def edit(url: str, chance: random.Random) -> None:
    """What people do here: some edits of migrated records."""
    with psycopg.connect(url, autocommit=True) as connection:
        people = [row[0] for row in connection.execute("SELECT person_id FROM person ORDER BY person_id")]
        for statement in chance.sample(_EDITS, 3):
            connection.execute(statement.format(person=f"'{chance.choice(people)}'").encode())


def edited(url: str) -> dict[tuple[str, str], Any]:
    """Every row that was edited here by people, as it is."""
    with psycopg.connect(url) as connection:
        return {
            (table, str(key)): row
            for table, column in (("person", "person_id"), ("patient_lead", "lead_id"), ("patient", "patient_id"),
                                  ("call_history", "call_id"))
            for key, row in connection.execute(
                f"SELECT {column}, to_jsonb(t) - 'do_not_contact_channels' - 'version' - 'updated_at' FROM {table} AS t WHERE EXISTS (SELECT FROM"
                f" row_history AS h WHERE h.record_id = t.{column} AND coalesce(h.reason, '') !~ '^(legacy run|undone)')"
                f" OR NOT EXISTS (SELECT FROM migrated_row AS m WHERE m.record_id = t.{column})".encode()
            )
        }  # fmt: skip


def unaccounted(url: str, run_id: int) -> list[Any]:
    """The records that have changed there or are missing, of which the run has neither written, suggested nor listed anything."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            SELECT s.source, s.source_id FROM (SELECT DISTINCT source, source_id FROM legacy.seen WHERE run_id < %(run)s) AS s
            LEFT JOIN legacy.seen AS n ON n.run_id = %(run)s AND (n.source, n.source_id) = (s.source, s.source_id)
            WHERE (n.run_id IS NOT NULL OR NOT EXISTS (SELECT FROM (
                      SELECT 'contact' AS source, id FROM legacy.s_contact UNION ALL SELECT 'patient', id FROM legacy.s_patient
                      UNION ALL SELECT 'eap_dossier', id FROM legacy.s_eap_dossier
                      UNION ALL SELECT 'phonecall', id FROM legacy.s_phonecall) AS e WHERE (e.source, e.id) = (s.source, s.source_id)))
                AND s.source IN ('contact', 'patient', 'eap_dossier', 'phonecall')
                AND NOT EXISTS (SELECT FROM legacy.notice AS w WHERE w.run_id = %(run)s AND w.source_id = s.source_id)
                AND NOT EXISTS (SELECT FROM legacy.lineage AS l WHERE l.run_id = %(run)s AND l.source_id = s.source_id)
            """,
            {"run": run_id},
        ).fetchall()


def live_beside(url: str, folder: Path, seed: int) -> None:
    """Three exports with edits between them, each run twice; then all taken back. Asserts what must hold."""
    chance = random.Random(seed)
    world = World(seed)
    before = checksum(url)
    assert runner.run(url, world.write(folder / "0")).finished
    first = checksum(url)
    assert runner.run(url, folder / "0").rows_written == 0
    assert checksum(url) == first
    for number in (1, 2):
        edit(url, chance)
        world.go_on()
        kept, before_run = edited(url), checksum(url)
        done = runner.run(url, world.write(folder / str(number)))
        assert done.finished
        assert unaccounted(url, done.run_id) == [], "no change goes by without a word"
        now = edited(url)
        assert {key: now[key] for key in kept} == kept, "nothing that was edited here is overwritten"
        after = checksum(url)
        assert runner.run(url, folder / str(number)).rows_written == 0
        assert checksum(url) == after
    if done.rows_written:
        assert undo(url).removed
        assert checksum(url) == before_run
    for _ in range(3):
        if checksum(url) == before or not _runs(url):
            break
        undo(url, rest=True)
    now = edited(url)
    assert {key for key in kept if key not in now} == set(), "who was worked on stays"


def _runs(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM legacy.run WHERE status <> 'undone'").fetchone()
    return row[0] if row else 0
