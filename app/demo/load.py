"""
The demo data itself: hospitals, physicians, trials, programmes, then people with their leads, calls and journeys.

Everything is made by requests to the application, with the keys of the demo accounts, so that every rule holds and
every audit event is there. Only the time of entry is moved back (`as_of`), since nobody wants to wait for months.
"""

import random
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.calls.rules import is_night_there
from app.demo.cast import HOSPITALS, SPECIALIZATIONS, Cast
from app.demo.papers import pdf, picture

DEMO_SEED = 20_261_124
PATIENTS = 165
OPEN_LEADS = 90
LOST_LEADS = 35
PHYSICIANS = 40
SATURDAY = 6
_OF_AGE, _MIDDLE_AGED, _OLD = 18, 45, 60
_REPORTED_AFTER = timedelta(days=2)
"""A side effect that was heard of longer ago has been reported."""
CONDITIONS = (
    "Duchenne Muscular Dystrophy", "Glioblastoma", "Idiopathic Pulmonary Fibrosis", "Amyotrophic Lateral Sclerosis",
    "Acute Myeloid Leukaemia", "Cystic Fibrosis", "Huntington Disease", "Pancreatic Cancer",
    "Spinal Muscular Atrophy Type 1",
)  # fmt: skip
TRIALS = (
    ("NCT90012345", "Gene therapy in boys with Duchenne muscular dystrophy", "Phase 3", "Waterland Bio"),
    ("NCT90023456", "Vaccine after surgery in newly diagnosed glioblastoma", "Phase 2", "Spreeufer Oncology"),
    ("NCT90034567", "Inhaled antifibrotic in idiopathic pulmonary fibrosis", "Phase 3", "Belle-Rive Pharma"),
    ("NCT90045678", "Antisense treatment in sporadic ALS", "Phase 2", "Rheinpark Therapeutics"),
    ("NCT90056789", "Oral combination in relapsed AML", "Phase 1/2", "Mirador Labs"),
    ("2025-500123-12-00", "Modulator therapy in cystic fibrosis from the age of two", "Phase 3", "Moor Medicines"),
    ("ISRCTN90123456", "Slowing Huntington disease in its first stage", "Phase 2", "Thames Neuroscience"),
    ("NCT90067890", "First treatment before surgery in pancreatic cancer", "Phase 2", "Garonne Oncology"),
    ("NCT90078901", "Gene therapy in infants with spinal muscular atrophy type 1", "Phase 3", "Fjordlys Genetics"),
)
"""One for each of CONDITIONS, in their order; so are PROGRAMMES."""
PROGRAMMES = (
    ("Dystrelin early access", "Dystrelin", "Waterland Bio", ["NL", "DE", "FR", "GB", "ES"]),
    ("Glioxan compassionate use", "Glioxan", "Spreeufer Oncology", ["NL", "DE", "PL"]),
    ("Pulmavir named patients", "Pulmavir", "Belle-Rive Pharma", ["FR", "ES", "NL", "BR"]),
    ("Motorin access", "Motorin", "Rheinpark Therapeutics", ["US", "GB", "NL", "DE"]),
    ("Leukaban early access", "Leukaban", "Mirador Labs", ["ES", "FR", "DE"]),
    ("Clarifend named patients", "Clarifend", "Moor Medicines", ["GB", "NL", "PL"]),
    ("Chorelin compassionate use", "Chorelin", "Thames Neuroscience", ["GB", "US"]),
    ("Pancrelix early access", "Pancrelix", "Garonne Oncology", ["FR", "ES", "NL"]),
    ("Spinavir access", "Spinavir", "Fjordlys Genetics", ["NL", "DE", "BR"]),
)
CT_WAY = (
    "pre_screening", "pre_screen_passed", "patient_considering", "referral_ready", "referred", "site_review",
    "site_accepted", "screening_scheduled", "consented", "screening", "eligible_enrolled", "on_study",
)  # fmt: skip
EAP_WAY = (
    "eligibility_review", "request_preparation", "submitted_to_sponsor", "sponsor_review", "sponsor_approved",
    "approvals_in_progress",
)  # fmt: skip
NOTES = (
    "Wants to know about travel costs before deciding. Family supports the search.",
    "Medical records requested from the treating hospital; expected within two weeks.",
    "Prefers calls in the morning. Asked for the search report in plain language.",
    "Physician has agreed to support a referral. Next step: consent to share the file.",
    "Spoke with the daughter, who helps with forms. Authority on file.",
    "Symptoms stable since the last call. No new medication.",
    "Was told that the site decides on eligibility; understood.",
)
FAMILY_NOTES = (
    "Asks for the search report, and who decides on eligibility. Was told both.",
    "Calls on behalf of the patient, who sleeps badly since last week.",
    "Will send the last letter of the hospital this week.",
)
"""Of calls with somebody of the family."""
FURTHER_NOTES = (
    "Uses oxygen at night; leave pauses when she speaks.",
    "The son drives and asks for a parking place near the entrance.",
    "Sent the search report by post as well: reads it on paper.",
    "Speaks slowly on the phone, wants things in writing afterwards.",
    "Would travel two hours at most; after that only with an overnight stay.",
)
TASKS = (
    "Ask the site for its written answer",
    "Send the search report in plain language",
    "Ask the hospital for the last scan",
    "Renew the consent to share the file",
    "Confirm travel costs with the sponsor",
)
PAPERS = (
    ("consent", "Consent to share the medical file", ("I agree that my file is shared with the sites of trials.",)),
    ("letter", "Letter of the treating physician", ("Thank you for your question.", "I support a referral.")),
    ("lab_result", "Blood count", ("Haemoglobin 8.1 mmol/l", "Leukocytes 6.4 x 10^9/l", "Creatinine 71 umol/l")),
    ("medical_record", "Summary of the medical file", ("Diagnosis: see page two.", "Treatment so far: first line.")),
    ("identification", "Copy of the passport", ("The number is blackened.",)),
    ("prescription", "Prescription", ("Once a day, after a meal.",)),
)
"""Kinds, titles and lines of the documents of patients; a picture is a scan."""
as_of: ContextVar[datetime | None] = ContextVar("as_of", default=None)
Progress = Callable[[int, int], None]


def _enter_at(session: Session, *_: Any) -> None:
    moment = as_of.get()
    if moment is not None:
        for row in session.new:
            if hasattr(row, "created_at"):
                row.created_at = moment


class Loader:
    """
    Makes the demo data through `client`; `keys` maps a role to its API key. `scanning` is the same application where
    files are scanned: one waits for it.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        keys: dict[str, str],
        *,
        scanning: httpx.AsyncClient,
        seed: int,
        now: datetime,
    ) -> None:
        self.client, self.keys, self.now, self.scanning = client, keys, now, scanning
        self.papers = 0
        self.relatives = 0
        self.random = random.Random(seed)
        self.cast = Cast(self.random, now.date())
        self.conditions: list[str] = []
        self.trials: list[str] = []
        self.programmes: list[str] = []
        self.physicians: list[str] = []
        self.navigators: list[str] = []
        self.eap_numbers = 1000
        self.free = self._half_hours()

    async def load(self, progress: Progress) -> int:
        """Load everything; the number of people made. `progress` hears how many of how many."""
        event.listen(Session, "before_flush", _enter_at)
        try:
            return await self._load(progress)
        finally:
            event.remove(Session, "before_flush", _enter_at)
            as_of.set(None)

    async def _load(self, progress: Progress) -> int:
        users = await self._send("GET", "/users?limit=50", role="admin")
        self.navigators = [one["user_account_id"] for one in users["items"] if "navigator" in one["roles"]]
        total = PHYSICIANS + PATIENTS + OPEN_LEADS + LOST_LEADS
        await self._reference_data()
        for number in range(PHYSICIANS):
            await self._physician()
            progress(number + 1, total)
        done = PHYSICIANS
        for number in range(PATIENTS):
            await self._patient(by_lead=number % 5 != 0, comes_back=number % 8 == 1)
            done += 1
            progress(done, total)
        for number in range(OPEN_LEADS + LOST_LEADS):
            await self._lead(lost=number >= OPEN_LEADS)
            done += 1
            progress(done, total)
        return done + self.relatives

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, role: str = "navigator"
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.keys[role]}"}
        answer = await self.client.request(method, f"/api/v1{path}", json=body, headers=headers)
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            # Demo data that the rules refuse is a fault of this file; it holds nobody's data, so it may be shown.
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    async def _reference_data(self) -> None:
        for name in CONDITIONS:
            found = await self._send("GET", f"/medical-conditions?q={name}&limit=1")
            self.conditions.append(found["items"][0]["medical_condition_id"])
        self.hospitals = [
            (await self._send("POST", "/hospitals", {"name": name, "city": city, "country": country}))["hospital_id"]
            for name, city, country in HOSPITALS
        ]
        self.specializations = [
            (await self._send("POST", "/specializations", {"name": name}, role="data_steward"))["specialization_id"]
            for name in SPECIALIZATIONS
        ]
        body: dict[str, Any]
        for trial_id, title, phase, sponsor in TRIALS:
            body = {"trial_id": trial_id, "title": title, "phase": phase, "sponsor": sponsor, "status": "recruiting"}
            made = await self._send("POST", "/clinical-trials", body, role="programme_manager")
            self.trials.append(made["clinical_trial_id"])
        for name, product, sponsor, countries in PROGRAMMES:
            body = {"name": name, "product": product, "sponsor": sponsor, "countries": countries}
            made = await self._send("POST", "/eap-programs", body, role="programme_manager")
            self.programmes.append(made["eap_program_id"])

    async def _physician(self) -> None:
        body = {
            "person": self.cast.person(title="Dr", youngest=32, oldest=66),
            "hospital_id": self.random.choice(self.hospitals),
            "specialization_id": self.random.choice(self.specializations),
            "job_title": self.random.choice(
                ("Consultant", "Senior consultant", "Attending physician", "Head of department")
            ),
            "medical_license_number": f"{self.random.randrange(10**8):08d}",
            "source": "navigator",
        }
        made = await self._send("POST", "/physicians", body, role="liaison")
        self.physicians.append(made["physician_id"])

    def _moment(self, day: date) -> datetime:
        moment = datetime.combine(day, time(self.random.randrange(8, 17), self.random.choice((0, 15, 30, 45))), UTC)
        return min(moment, self.now - timedelta(minutes=5))

    def _half_hours(self) -> list[datetime]:
        """The half hours in which calls are booked, in no order: of working days, and of yesterday and today."""
        today = self.now.date()
        days = [today + timedelta(days=number) for number in range(-2, 22)]
        working = [day for day in days if day.isoweekday() < SATURDAY or abs((day - today).days) <= 1]
        found = [
            datetime.combine(day, time(hour, minute), UTC)
            for day in working
            for hour in range(8, 17)
            for minute in (0, 30)
        ]
        self.random.shuffle(found)
        return found

    def _past(self, low: int, high: int) -> datetime:
        return self._moment(self.now.date() - timedelta(days=self.random.randint(low, high)))

    async def _patient(self, *, by_lead: bool, comes_back: bool) -> None:
        first = self._past(12, 420)
        condition = self.random.choice(self.conditions)
        as_of.set(first)
        patient_id = await (self._by_lead(first, condition) if by_lead else self._directly(first, condition))
        treating = self.random.choice(self.physicians)
        body = {"physician_id": treating, "relationship_type": "treating", "is_primary": True}
        await self._send("POST", f"/patients/{patient_id}/physicians", body)
        await self._calls({"patient_id": patient_id}, after=first, count=self.random.randint(1, 3))
        await self._work(patient_id)
        await self._family(patient_id)
        if self.random.random() < 0.5:
            await self._documents(patient_id)
        if comes_back:
            await self._comes_back(patient_id)
        if self.random.random() < 0.65:
            await self._trial_journey(patient_id, treating, first, self._of_condition(self.trials, condition))
        if self.random.random() < 0.4:
            await self._eap_journey(patient_id, treating, first, self._of_condition(self.programmes, condition))

    async def _family(self, patient_id: str) -> None:
        """Who speaks for them, a parent for a child, somebody of the family for some others; a call with them."""
        person = (await self._send("GET", f"/patients/{patient_id}"))["person"]
        born = person["date_of_birth"]
        age = (self.now.date() - date.fromisoformat(born)).days // 365 if born else _MIDDLE_AGED
        if age < _OF_AGE:
            kind, authority, youngest, oldest = "parent", "parental", age + 22, age + 40
        elif self.random.random() < 0.2:
            kind, authority, youngest, oldest = (
                ("child", "power_of_attorney", 20, age - 20) if age > _OLD else ("partner", "informal", 25, 70)
            )
        else:
            return
        body = self.cast.person(youngest=youngest, oldest=oldest, relative_of=person)
        related = await self._send("POST", "/persons", body)
        self.relatives += 1
        speaks = {"related_person_id": person["person_id"], "relationship_type": kind, "authority": authority}
        await self._send("POST", f"/persons/{related['person_id']}/relationships", speaks)
        spoken = {
            "patient_id": patient_id,
            "call_date": self._past(1, 9).isoformat(),
            "outcome": "reached",
            "spoke_with_person_id": related["person_id"],
            "adverse_event_heard": False,
            "call_duration_minutes": self.random.randint(4, 30),
            "direction": "inbound",
            "notes": self.random.choice(FAMILY_NOTES),
        }
        await self._send("POST", "/call-history", spoken)

    async def _documents(self, patient_id: str) -> None:
        """
        What is in their file. The first of all has expired, the second will soon, and the third waits for its scan.
        """
        for kind, title, lines in self.random.sample(PAPERS, self.random.randint(1, 3)):
            await self._paper(patient_id, kind, title, pdf(title, lines))
        if self.random.random() < 0.4:
            await self._paper(patient_id, "imaging", "MRI, picture for the file", picture(self.random))

    async def _paper(self, patient_id: str, kind: str, title: str, content: bytes) -> None:
        self.papers += 1
        fields = {"patient_id": patient_id, "kind": kind, "title": title}
        if kind in {"consent", "identification", "prescription"} or self.papers <= 2:
            days = {1: -12, 2: 20}.get(self.papers, self.random.choice((-40, 60, 200, 400, 700)))
            fields["expires_on"] = (self.now.date() + timedelta(days=days)).isoformat()
        client = self.scanning if self.papers == 3 else self.client
        ending = "png" if content.startswith(b"\x89PNG") else "pdf"
        answer = await client.post(
            "/api/v1/documents",
            data=fields,
            files={"file": (f"{kind}.{ending}", content)},
            headers={"Authorization": f"Bearer {self.keys['navigator']}"},
        )
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise RuntimeError(f"POST /documents: {answer.status_code} {answer.text}")

    def _of_condition(self, made: Sequence[str], condition: str) -> str:
        """Of the trials or the programmes the one for this condition."""
        return made[self.conditions.index(condition)]

    async def _work(self, patient_id: str) -> None:
        """Whose patient it is, what is written down, and what is to be done."""
        about = {"patient_id": patient_id}
        if self.random.random() < 0.7:
            owner = {"owner_id": self.random.choice(self.navigators)}
            await self._send("PUT", f"/patients/{patient_id}", owner)
        if self.random.random() < 0.4:
            note = {"text": self.random.choice(FURTHER_NOTES), "is_pinned": self.random.random() < 0.3}
            await self._send("POST", "/notes", {**about, **note, "adverse_event_heard": False})
        if self.random.random() < 0.35:
            due = self.now.date() + timedelta(days=self.random.randint(-3, 14))
            task = {"title": self.random.choice(TASKS), "due_on": due.isoformat(), "due_time_zone": "Europe/Amsterdam"}
            await self._send("POST", "/tasks", {**about, **task})

    async def _comes_back(self, patient_id: str) -> None:
        """They write again by the form, with another number: it is suggested, and nothing is written over."""
        person = (await self._send("GET", f"/patients/{patient_id}"))["person"]
        if person["email"] is None:
            return
        names = {name: person[name] for name in ("first_name", "last_name", "email", "country")}
        phone = f"+31 6 {self.random.randrange(10**7, 10**8)}"
        body = {"person": {**names, "phone": phone}, "medical_condition_id": self.random.choice(self.conditions)}
        await self._send("POST", "/leads", {**body, "source": "contact_form"}, role="integration")

    async def _by_lead(self, first: datetime, condition: str) -> str:
        lead = await self._new_lead(condition)
        place = f"/leads/{lead['lead_id']}"
        await self._calls({"lead_id": lead["lead_id"]}, after=first, count=self.random.randint(1, 2))
        converted = await self._send("POST", f"{place}/convert", {})
        return str(converted["patient_id"])

    async def _directly(self, first: datetime, condition: str) -> str:
        body = {
            "person": self.cast.person(),
            "medical_condition_id": condition,
            "first_contact_date": first.date().isoformat(),
            "source": "referral",
        }
        return str((await self._send("POST", "/patients", body))["patient_id"])

    async def _new_lead(self, condition: str) -> Any:
        source = self.random.choice(("landing_page", "landing_page", "contact_form", "phone", "referral", "event"))
        person = self.cast.person()
        body = {"person": person, "medical_condition_id": condition, "source": source}
        if source == "landing_page":
            body["landing_page_url"] = "https://www.example.org/find-a-trial"
        if source == "contact_form":
            person["do_not_contact_channels"] = ["email"]
        return await self._send("POST", "/leads", body)

    async def _lead(self, *, lost: bool) -> None:
        first = self._past(35, 300) if lost else self._past(0, 30)
        as_of.set(first)
        lead = await self._new_lead(self.random.choice(self.conditions))
        move = f"/leads/{lead['lead_id']}/transitions"
        about = {"lead_id": lead["lead_id"]}
        if lost:
            await self._send("POST", move, {"to": "contacting"})
            await self._calls(about, after=first, count=1, reached=False)
            code = self.random.choice(("condition_not_supported", "outside_service_country", "no_serious_condition"))
            to = self.random.choice(({"to": "unreachable"}, {"to": "disqualified", "reason_code": code}))
            await self._send("POST", move, to)
            return
        stage = self.random.choice(("new", "new", "contacting", "call_booked", "qualified", "nurture"))
        if stage in {"contacting", "call_booked", "qualified"}:
            await self._send("POST", move, {"to": "contacting"})
        if stage == "call_booked":
            await self._booking(about)
            await self._send("POST", move, {"to": "call_booked"})
        if stage == "qualified":
            await self._calls(about, after=first, count=1)
            await self._send("POST", move, {"to": "call_completed"})
            await self._send("POST", move, {"to": "qualified"})
        if stage == "nurture":
            wake_up = self.now.date() + timedelta(days=self.random.randint(5, 60))
            await self._send("POST", move, {"to": "nurture", "wake_up_on": wake_up.isoformat()})

    async def _calls(self, about: dict[str, str], *, after: datetime, count: int, reached: bool = True) -> None:
        for _ in range(count):
            days = max((self.now - after).days, 1)
            moment = self._moment(after.date() + timedelta(days=self.random.randint(0, days)))
            body: dict[str, Any] = {**about, "call_date": moment.isoformat(), "booking_date": moment.isoformat()}
            fate = self.random.random() if reached else 1.0
            if fate < 0.78:
                minutes = self.random.randint(4, 45)
                heard = self.random.choices((False, True, None), (88, 6, 6))[0]
                body |= {"outcome": "reached", "call_duration_minutes": minutes, "adverse_event_heard": heard}
                body["notes"] = self.random.choice(NOTES)
            elif fate < 0.88:
                body |= {"no_show": True, "call_date": None}
            else:
                outcome = self.random.choice(("voicemail", "no_answer"))
                body |= {"outcome": outcome, "adverse_event_heard": False, "call_duration_minutes": 0}
            made = await self._send("POST", "/call-history", body)
            if body.get("adverse_event_heard") and self.now - moment > _REPORTED_AFTER:
                await self._report(made["call_id"], moment)
        if reached and self.random.random() < 0.35:
            await self._booking(about)

    async def _report(self, call_id: str, heard_at: datetime) -> None:
        """The side effect that was heard of in a call was reported some hours later."""
        tasks = await self._send("GET", f"/tasks?call_id={call_id}&is_report=true")
        reported_at = (heard_at + timedelta(hours=self.random.randint(1, 20))).isoformat()
        for task in tasks["items"]:
            await self._send("PUT", f"/tasks/{task['task_id']}", {"status": "done", "reported_at": reported_at})

    async def _booking(self, about: dict[str, str]) -> None:
        # One navigator has all of them: each its own half hour, of the day where they are, while there are any.
        ((_, record_id),) = about.items()
        record = await self._send("GET", f"/{'patients' if 'patient_id' in about else 'leads'}/{record_id}")
        zone = record["person"].get("time_zone") or "Europe/Amsterdam"
        moment = next((at for at in self.free if not is_night_there(at, zone)), None)
        if moment is None:
            moment = self._moment(self.now.date())
        else:
            self.free.remove(moment)
        body: dict[str, Any] = {**about, "booking_date": moment.isoformat(), "allow_overlap": True}
        body["booking_time_zone"] = zone
        await self._send("POST", "/call-history", body)

    async def _trial_journey(self, patient_id: str, physician_id: str, first: datetime, trial: str) -> None:
        body = {
            "patient_id": patient_id,
            "clinical_trial_id": trial,
            "physician_id": physician_id,
            "happened_at": first.isoformat(),
        }
        made = await self._send("POST", "/clinical-trial-journeys", body)
        move = f"/clinical-trial-journeys/{made['ct_journey_id']}/transitions"
        steps = CT_WAY[: self.random.randint(0, len(CT_WAY))]
        await self._walk(move, steps, first)
        if steps and steps[-1] == "pre_screening" and self.random.random() < 0.5:
            reason = {
                "to": "pre_screen_failed",
                "reason_code": self.random.choice(("prior_therapy", "age", "biomarker")),
            }
            await self._send("POST", move, reason)

    async def _eap_journey(self, patient_id: str, physician_id: str, first: datetime, programme: str) -> None:
        self.eap_numbers += 1
        body = {
            "patient_id": patient_id,
            "eap_program_id": programme,
            "eap_number": f"EAP-{self.eap_numbers}",
            "physician_id": physician_id,
            "happened_at": first.isoformat(),
        }
        made = await self._send("POST", "/eap-journeys", body)
        place = f"/eap-journeys/{made['eap_journey_id']}"
        steps = EAP_WAY[: self.random.randint(0, len(EAP_WAY))]
        await self._walk(f"{place}/transitions", steps, first)
        if steps == EAP_WAY:
            for gate in ("regulatory", "ethics", "informed_consent"):
                status = self.random.choice(("approved", "submitted", "pending"))
                await self._send("PUT", f"{place}/gates/{gate}", {"status": status}, role="programme_manager")

    async def _walk(self, move: str, steps: tuple[str, ...], first: datetime) -> None:
        span = max((self.now - first).days, 1)
        days = [first.date() + timedelta(days=self.random.randint(0, span)) for _ in steps]
        moments = sorted(max(self._moment(day), first) for day in days)
        for to, happened in zip(steps, moments, strict=True):
            await self._send("POST", move, {"to": to, "happened_at": happened.isoformat()})
