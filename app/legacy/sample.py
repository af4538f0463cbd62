"""
A synthetic export in the shape of the maker portal: people who do not exist, with the dirt that real exports have.

The same seed gives the same files. `dirt` 0 is a tidy export, 1 has every kind of fault in plenty.
"""

import csv
import json
import random
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from app.legacy.contract import rules
from app.legacy.errors import NotReady

NOW: Final = datetime(2025, 6, 30, 12, tzinfo=UTC)
_OPTION: Final = 727_000_000
_AT_A_TIME: Final = 50_000

_GIVEN: Final = (
    "Sophie", "Lars", "Maarten", "Emma", "Noah", "Zoë", "François", "Anaïs", "José", "Lucía", "Giulia", "Matteo", "Jürgen",
    "Anna", "Søren", "Ingrid", "Łukasz", "Zofia", "Ştefan", "Ioana", "Ayşe", "Mehmet", "Γιώργος", "Ольга", "伟", "Robert",
    "Bob", "Elizabeth", "Liz", "Michael", "Mike", "Alexandrina", "Gwendolina", "Christopher", "Marie-Claire", "J.",
)  # fmt: skip
_FAMILY: Final = (
    "Jansen", "de Vries", "van den Berg", "Müller", "Schäfer", "O'Neill", "Smith-Jones", "García", "Fernández", "Rossi",
    "D'Angelo", "Dupont", "Lefèvre", "Nowak", "Wiśniewski", "Popescu", "Țăranu", "Yılmaz", "Παπαδόπουλος", "Жукова", "王",
    "Nguyen", "Hansen", "Ødegård", "Kowalczyk", "Brown", "Williams", "Zidobaba", "Vizeboba", "Novák", "Černý", "Lindqvist",
)  # fmt: skip
_LABELS: Final = (
    "Duchenne Muscular Dystrophy", "Glioblastoma", "Idiopatic Pulmonary Fibrosis", "Lou Gehrig's disease",
    "Spinal Muscular Atrophy Type 2", "Fabry Disease, sample", "Rare disease, other",
)  # fmt: skip
_OUTCOMES: Final = tuple(rules().codes["ct_outcome"])
_CALLS: Final = tuple(rules().codes["call_outcome"])
_PRODUCTS: Final = ("SYN-101", "SYN-202", "SYN-303 oral")
_COUNTRIES: Final = (
    ("Netherlands", "06{:08d}", "+316{:08d}"), ("Nederland", "06-{:08d}", "00316{:08d}"), ("DE", "0151 2{:07d}", "+49 (0)1512 {:07d}"),
    ("France", "06 1{:07d}", "+3361{:07d}"), ("United Kingdom", "07100 {:06d}", "+447100{:06d}"),
)  # fmt: skip


def write_sample(
    folder: Path, *, contacts: int = 200, seed: int = 1, dirt: float = 0.3, prefix: str = "myt_", delimiter: str = ","
) -> int:
    """Write an export of about so many contacts into a folder that is new or empty; return the number of records."""
    if folder.exists() and any(folder.iterdir()):
        raise NotReady(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    return _Maker(random.Random(seed), contacts, dirt, prefix).write(folder, delimiter)  # nosec B311


class _Maker:
    """Makes the rows; every table's rows are kept as lists of cells until they are written in random order."""

    def __init__(self, chance: random.Random, contacts: int, dirt: float, prefix: str) -> None:
        self._random = chance
        self._contacts = contacts
        self._dirt = dirt
        self._p = prefix
        p = prefix
        self._columns: dict[str, list[str]] = {
            "contact": ["contactid", "firstname", "lastname", "emailaddress1", f"{p}contact_type", f"{p}medical_condition",
                        f"{p}booking_date", f"{p}reminder_date", f"{p}no_show", "jobtitle", f"{p}specialization",
                        f"{p}medical_license_number", f"{p}hospital", "statecode", "statuscode", "merged", "masterid",
                        "telephone1", "mobilephone", "birthdate", "address1_country", "donotemail", "donotphone",
                        "versionnumber"],
            f"{p}patient": [f"{p}{c}" for c in ("patientid", "firstname", "lastname", "email", "first_contact_date",
                            "initial_consult_date", "medical_condition", "trial_id", "eligible", "ineligible_reason",
                            "ct_referral_date", "eap_enrollment_date", "contact_record", "physician", "ct_outcome")]
                           + ["statecode", "versionnumber"],
            f"{p}eap_dossier": [f"{p}{c}" for c in ("eap_dossier_id", "eap_number", "patient", "product", "eap_enrollment_date")],
            f"{p}medical_condition": [f"{p}medical_conditonid", f"{p}name", f"{p}abbreviation"],
            f"{p}hospital": [f"{p}hospitalid", f"{p}name", f"{p}city"],
            f"{p}specialization": [f"{p}specializationid", f"{p}name"],
            "phonecall": ["activityid", "regardingobjecttypecode", "regardingobjectid", "scheduledstart", "actualstart",
                          "actualdurationminutes", "directioncode", "statecode", f"{p}call_outcome", "subject", "description",
                          "ownerid"],
            "appointment": ["activityid", "regardingobjecttypecode", "regardingobjectid", "scheduledstart", "scheduledend",
                            "statecode", "subject", "description", "ownerid"],
            "audit": ["auditid", "objecttypecode", "objectid", "action", "changedata", "userid", "createdon"],
            "systemuser": ["systemuserid", "fullname", "internalemailaddress", "isdisabled"],
        }  # fmt: skip
        self._rows: dict[str, list[list[Any]]] = {table: [] for table in self._columns}
        self._version = 10_000_000
        self._conditions: list[str] = []
        self._hospitals: list[str] = []
        self._specialties: list[str] = []
        self._users: list[str] = []
        self._physicians: list[str] = []
        self._last_person: tuple[str, str, str] | None = None

    def write(self, folder: Path, delimiter: str) -> int:
        """Write the files, a part of the people at a time so that a large export needs no memory."""
        total = made = 0
        with ExitStack() as files:
            writers = {}
            for table, columns in self._columns.items():
                file = files.enter_context((folder / f"{table}.csv").open("w", encoding="utf-8-sig", newline=""))
                writers[table] = csv.writer(file, delimiter=delimiter)
                writers[table].writerow(columns)
            self._reference()
            while made < self._contacts:
                wanted = min(_AT_A_TIME, self._contacts - made)
                while len(self._rows["contact"]) < wanted:
                    self._person(made + len(self._rows["contact"]))
                made += len(self._rows["contact"])
                for table, rows in self._rows.items():
                    self._random.shuffle(rows)
                    writers[table].writerows(rows)
                    total += len(rows)
                    rows.clear()
        (folder / "optionsets.json").write_text(json.dumps({"optionsets": self._options()}), encoding="utf-8")
        frame = {"exported_at": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"), "time_zone": "Europe/Amsterdam"}
        (folder / "export.json").write_text(json.dumps(frame), encoding="utf-8")
        return total

    def _options(self) -> dict[str, Any]:
        def options(labels: tuple[str, ...]) -> list[dict[str, Any]]:
            return [{"value": _OPTION + i, "label": label, "language": 1033} for i, label in enumerate(labels)]

        p = self._p
        return {
            "contact": {
                f"{p}contact_type": options(("patient - lead", "physician", "pharmacist")),
                f"{p}medical_condition": options(_LABELS),
            },
            f"{p}patient": {
                f"{p}eligible": options(("Yes", "No", "To be determined")),
                f"{p}ct_outcome": options(tuple(o.capitalize() for o in _OUTCOMES)),
            },
            f"{p}eap_dossier": {f"{p}product": options(_PRODUCTS)},
            "phonecall": {f"{p}call_outcome": options(tuple(c.capitalize() for c in _CALLS))},
        }

    def _reference(self) -> None:
        names = [(c.name, c.abbreviation) for c in rules().conditions]
        names += [
            ("Fabry Disease, sample", "FDS"),
            ("fabry  disease, SAMPLE", ""),
            ("Idiopatic Pulmonary Fibrosis", "IPF"),
        ]
        for name, short in names:
            self._conditions.append(self._guid())
            self._add("medical_condition", self._conditions[-1], name, short)
        for i in range(30):
            self._hospitals.append(self._guid())
            city = ("Utrecht", "Leeds", "Köln", "Málaga", "Bath")[i % 5]
            self._add(
                "hospital",
                self._hospitals[-1],
                f"Sample  Hospital {i // 2:03d}" if i % 2 else f"sample hospital {i // 2:03d}",
                city,
            )
        for name in ("Neurology", "Oncology", "Pulmonology", "neurology "):
            self._specialties.append(self._guid())
            self._add("specialization", self._specialties[-1], name)
        for i in range(8):
            self._users.append(self._guid())
            self._add("systemuser", self._users[-1], f"Navigator {i:02d}", f"navigator{i:02d}@example.com", "False")

    def _person(self, number: int) -> None:
        r = self._random
        kind = 0 if number > 3 and r.random() < 0.92 else 1 if r.random() < 0.7 else 2
        first, last = r.choice(_GIVEN), r.choice(_FAMILY)
        email = f"p{number:07d}.{r.randrange(1 << 20):x}@{r.choice(('example.org', 'mail.example.com', 'post.example.net'))}"
        if self._is_dirty(0.15) and self._last_person:
            # Somebody of the same house, or the same somebody once more under another spelling.
            first, last, email = self._last_person
            first = r.choice((first, first, first[:1] + ".", r.choice(_GIVEN), first.upper(), self._slip(first), ""))
        self._last_person = (first, last, email)
        country, national, international = r.choice(_COUNTRIES)
        phone = r.choice((national, international)).format(r.randrange(10**6)) if r.random() < 0.5 else ""
        birth = date(1940, 1, 1) + timedelta(days=r.randrange(27_000)) if r.random() < 0.5 else None
        copies = 1 + (r.random() < 0.25) + self._is_dirty(0.1)
        created: list[str] = []
        master: str | None = None
        for copy in range(copies):
            key = self._guid()
            merged = bool(copy) and self._is_dirty(0.3)
            booked = self._moment() if kind == 0 and r.random() < 0.55 else None
            self._contact(
                key=key,
                kind=kind,
                first=first,
                last=last,
                email=email,
                phone=phone,
                birth=birth,
                country=country,
                booked=booked,
                master=master if merged else None,
                merged=merged,
            )
            created.append(key)
            master = master or key
            if booked and r.random() < 0.35:
                self._audit_of_booking(key, booked)
            if kind == 0 and r.random() < 0.25:
                self._activities("contact", key, booked)
        if kind == 1:
            self._physicians.append(created[0])
        if (kind == 0 and r.random() < 0.45) or (kind and self._is_dirty(0.2)):
            for _ in range(1 + (r.random() < 0.15)):
                self._patient(r.choice(created), first, last, email)

    def _contact(
        self, *, key: str, kind: int, first: str, last: str, email: str, phone: str, birth: date | None, country: str,
        booked: datetime | None, master: str | None, merged: bool,
    ) -> None:  # fmt: skip
        r = self._random
        self._version += r.randrange(1, 9)
        if self._is_dirty(0.03):
            master = r.choice((self._guid(), key, ""))
            merged = True
        licence = f"LIC{r.randrange(10**6):07d}" if kind == 1 else ""
        option: Any = _OPTION + r.randrange(len(_LABELS)) if kind == 0 else ""
        cells = [
            self._key(key),
            self._name(first),
            self._name(last),
            self._email(email),
            self._spoilt(_OPTION + kind, ("", _OPTION + 77, ("patient - lead", "physician", "Pharmacist")[kind]), 0.05),
            self._spoilt(option, ("", _OPTION + 99, r.choice(_LABELS)), 0.1) if kind == 0 else "",
            self._written(booked),
            self._written(booked - timedelta(days=1)) if booked and r.random() < 0.6 else "",
            self._spoilt("True" if r.random() < 0.2 else "False", ("Yes", "1", "", "N/A"), 0.05),
            "Consultant" if kind == 1 and r.random() < 0.5 else "",
            self._spoilt(r.choice(self._specialties), (self._guid(), "", "x"), 0.1) if kind else "",
            self._spoilt(licence, (f" lic {licence[3:]}", f"LIC{len(self._physicians) // 3:07d}"), 0.2)
            if kind == 1
            else "",
            self._spoilt(self._key(r.choice(self._hospitals)), (self._guid(), ""), 0.1) if kind else "",
            1 if merged or r.random() < 0.03 else 0,
            2 if merged else 1,
            "True" if merged else "False",
            (master or "") if merged else "",
            phone if r.random() < 0.6 else "",
            self._spoilt("", ("ask daughter", "0000000000", "3.16123E+10", phone), 0.1),
            self._day(birth)
            if birth and r.random() < 0.8
            else self._spoilt("", ("1900-01-01", "1850-05-05", "soon", "2050-01-01"), 0.05),
            country,
            "True" if r.random() < 0.1 else "False",
            "True" if r.random() < 0.1 else "False",
            self._version,
        ]
        if self._is_dirty(0.01):
            cells[1:4] = ["", "", ""]
            cells[17:20] = ["", "", ""]
        self._append("contact", cells)

    def _patient(self, contact: str, first: str, last: str, email: str) -> None:
        r = self._random
        key = self._guid()
        self._version += r.randrange(1, 9)
        met = self._moment()
        referred = met + timedelta(days=r.randrange(5, 400)) if r.random() < 0.6 else None
        enrolled = met + timedelta(days=r.randrange(30, 300)) if r.random() < 0.25 else None
        trial = self._trial() if r.random() < 0.6 else ""
        if self._is_dirty(0.08):
            first, last = r.choice(_GIVEN), r.choice(_FAMILY)
        cells = [
            self._key(key), self._name(first), self._name(last), self._email(email),
            self._day(met.date()) if r.random() < 0.7 else self._written(met), self._day(met.date() + timedelta(days=9)),
            self._spoilt(r.choice(self._conditions), (self._guid(), "", "none"), 0.15),
            trial, self._spoilt(r.choice((_OPTION, _OPTION + 1, _OPTION + 2, "")), (_OPTION + 44, "yes"), 0.05),
            r.choice(("", "", "labs", "too far")), self._written(referred), self._written(enrolled),
            self._spoilt(self._key(contact), (self._guid(), "", contact.upper()), 0.15),
            self._spoilt(r.choice(self._physicians), (self._guid(), contact), 0.1) if self._physicians and r.random() < 0.6 else "",
            self._spoilt(_OPTION + r.randrange(len(_OUTCOMES)) if r.random() < 0.5 else "", (_OPTION + 55,), 0.03),
            1 if r.random() < 0.05 else 0, self._version,
        ]  # fmt: skip
        if self._is_dirty(0.01):
            cells[1:4] = ["", "", ""]
        self._append(f"{self._p}patient", cells)
        if trial and r.random() < 0.25:
            self._audit_of_trial(key, trial, referred)
        if r.random() < 0.3:
            self._activities(f"{self._p}patient", key, None)
        for _ in range((r.random() < 0.2) + (r.random() < 0.05)):
            self._dossier(key, enrolled)

    def _dossier(self, patient: str, enrolled: datetime | None) -> None:
        r = self._random
        number = self._spoilt(
            f"EAP-{r.randrange(2018, 2025)}-{r.randrange(10**7):07d}", ("", "EAP-DUP-1", " eap-dup-2 "), 0.15
        )
        day = enrolled if enrolled and r.random() < 0.6 else self._moment() if r.random() < 0.7 else None
        self._append(
            f"{self._p}eap_dossier",
            [self._key(self._guid()), number, self._spoilt(patient, (self._guid(),), 0.03),
             self._spoilt(_OPTION + r.randrange(3), (_OPTION + 9, "", "syn-101"), 0.05), self._written(day)],
        )  # fmt: skip

    def _activities(self, table: str, key: str, booked: datetime | None) -> None:
        r = self._random
        at = booked if booked and r.random() < 0.6 else self._moment()
        about = [table if not self._is_dirty(0.02) else "lead", self._spoilt(key, (self._guid(),), 0.02)]
        if r.random() < 0.6:
            self._append(
                "phonecall",
                [self._guid(), *about, self._written(at) if r.random() < 0.9 else "",
                 self._written(at + timedelta(minutes=3)) if r.random() < 0.8 else self._spoilt("", ("soon",), 0.2),
                 r.randrange(60) if r.random() < 0.7 else "", r.choice(("True", "False", "")), r.choice((0, 1, 1, 2)),
                 self._spoilt(_OPTION + r.randrange(len(_CALLS)), (_OPTION + 66, ""), 0.1), "Call",
                 r.choice(("", "Wants information.\nIn two lines; with “quotes”.", "=cmd", "none")), r.choice(self._users)],
            )  # fmt: skip
        else:
            self._append(
                "appointment",
                [self._guid(), *about, self._written(at), "", r.choice((0, 1, 2, 3)), "Call", r.choice(("", "Réponse attendue")),
                 r.choice(self._users)],
            )  # fmt: skip

    def _audit_of_booking(self, contact: str, booked: datetime) -> None:
        r = self._random
        new = booked
        for _ in range(r.randrange(1, 4)):
            old = new - timedelta(days=r.randrange(1, 60), minutes=r.randrange(600))
            changed: list[dict[str, Any]] = [
                {
                    "logicalName": f"{self._p}booking_date",
                    "oldValue": self._written(old),
                    "newValue": self._written(new),
                },
            ]
            if r.random() < 0.5:
                changed.append(
                    {"logicalName": f"{self._p}no_show", "oldValue": r.choice(("True", "False")), "newValue": "False"}
                )
            if r.random() < 0.5:
                changed.append(
                    {"logicalName": f"{self._p}reminder_date", "oldValue": None, "newValue": self._written(new)}
                )
            if not self._is_dirty(0.1):  # else the change is missing: a gap
                at = old + timedelta(hours=r.choice((-5, 6)))
                self._audit("contact", contact, json.dumps({"changedAttributes": changed}), at)
            new = old

    def _audit_of_trial(self, patient: str, trial: str, referred: datetime | None) -> None:
        r = self._random
        before = (referred or self._moment()) - timedelta(days=120)
        changed = [
            {"logicalName": f"{self._p}trial_id", "oldValue": self._trial(), "newValue": trial},
            {
                "logicalName": f"{self._p}ct_referral_date",
                "oldValue": self._written(before),
                "newValue": self._written(referred) or None,
            },
        ]
        if r.random() < 0.5:
            changed.append({"logicalName": f"{self._p}ct_outcome", "oldValue": str(_OPTION + 3), "newValue": None})
        self._audit(
            f"{self._p}patient", patient, json.dumps({"changedAttributes": changed}), before + timedelta(days=60)
        )

    def _audit(self, table: str, key: str, changedata: str, at: datetime) -> None:
        r = self._random
        if self._is_dirty(0.03):
            changedata = r.choice(
                ('{"changedAttributes": [', "", '{"changedAttributes": [{"logicalName": "jobtitle"}]}', "[]")
            )
        key = self._spoilt(key, (self._guid(),), 0.02)
        table = self._spoilt(table, ("account",), 0.02)
        self._append(
            "audit", [self._guid(), table, key, 2, changedata, r.choice(self._users), at.strftime("%Y-%m-%dT%H:%M:%SZ")]
        )

    def _append(self, table: str, cells: list[Any]) -> None:
        """Add a row, now and then with a fault of the record as a whole, or twice."""
        rows = self._rows[table]
        if self._is_dirty(0.01):
            rows.append([*cells, "stray", "cells"] if self._random.random() < 0.5 else cells[:3])
        if self._is_dirty(0.01):
            rows.append([self._random.choice(("", "not-a-guid", "{12345}")), *cells[1:]])
        if self._is_dirty(0.02):
            rows.append(list(cells))
        if self._is_dirty(0.01) and isinstance(cells[-1], int):
            rows.append([*cells[:-1], cells[-1] - 1])
        rows.append(cells)

    def _add(self, table: str, *cells: Any) -> None:
        self._rows[table if table in self._rows else f"{self._p}{table}"].append(list(cells))

    def _is_dirty(self, share: float) -> bool:
        return self._random.random() < share * self._dirt * 2

    def _spoilt(self, value: Any, instead: tuple[Any, ...], share: float) -> Any:
        return self._random.choice(instead) if self._is_dirty(share) else value

    def _text(self, value: str, instead: tuple[str, ...], share: float) -> str:
        return self._random.choice(instead) if self._is_dirty(share) else value

    def _guid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _key(self, guid: str) -> str:
        return self._text(guid, (guid.upper(), "{" + guid + "}"), 0.05)

    def _moment(self) -> datetime:
        return datetime(2018, 1, 1, tzinfo=UTC) + timedelta(minutes=self._random.randrange(60 * 24 * 365 * 8))

    def _written(self, moment: datetime | None) -> str:
        if moment is None:
            return self._text("", ("N/A", "9999-12-31", "soon"), 0.03)
        if not self._is_dirty(0.3):
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        days = (moment - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
        ways: tuple[Callable[[], str], ...] = (
            lambda: moment.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
            lambda: moment.strftime("%Y-%m-%d %H:%M:%S"),
            lambda: moment.strftime("%d/%m/%Y %H:%M"),
            lambda: moment.strftime("%m/%d/%Y %I:%M %p").lstrip("0"),
            lambda: f"{days:.6f}",
            lambda: moment.strftime("%Y-%m-%dT%H:%M:%S+01:00"),
        )
        return self._random.choice(ways)()

    def _day(self, day: date) -> str:
        if not self._is_dirty(0.3):
            return day.isoformat()
        ways = ("%d/%m/%Y", "%d.%m.%Y", "%d %B %Y", "%Y%m%d", "%m/%d/%Y")
        return day.strftime(self._random.choice(ways))

    def _email(self, email: str) -> str:
        return self._text(
            email,
            (f"  {email}", email.upper(), f"mailto:{email}", f"<{email}>;", email.replace("@", "+crm@"), "test@test.com",
             f"{email}; second.{email}", "no email", "a@b@c", "", f"{email}."),
            0.3,
        )  # fmt: skip

    def _name(self, name: str) -> str:
        def mistaken() -> str:
            try:
                return name.encode().decode("cp1252")
            except UnicodeDecodeError:
                return name

        return self._text(
            name,
            (f"Dr. {name}", name.upper(), f" {name}\u200b", mistaken(), self._slip(name), f"{name}\x07", "N/A"),
            0.15,
        )

    def _slip(self, name: str) -> str:
        if len(name) < 4:
            return name
        at = self._random.randrange(1, len(name) - 2)
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]

    def _trial(self) -> str:
        r = self._random
        nct = f"NCT99{r.randrange(10**6):06d}"
        eu = f"{r.randrange(2022, 2026)}-5{r.randrange(10**5):05d}-{r.randrange(100):02d}-00"
        tidy = r.choice((nct, nct, eu, f"20{r.randrange(5, 22):02d}-0{r.randrange(10**5):05d}-{r.randrange(100):02d}"))
        ways = (
            nct.lower(),
            f"NCT 99 {nct[5:]}",
            f"trial {nct} (site 4)",
            eu.replace("-", "–"),
            eu[:-3],
            "ask PI",
            "-",
            f" {nct}",
        )
        return str(self._spoilt(tidy, ways, 0.4))
