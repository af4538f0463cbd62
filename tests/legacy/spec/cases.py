"""The cases, by rule of the contract."""

import json

from tests.legacy.spec import Case, contact, patient, row


def changes(**changed: tuple[str | None, str | None]) -> str:
    """The changedata of an audit record: column -> (old, new)."""
    return json.dumps(
        {
            "changedAttributes": [
                {"logicalName": f"new_{c}", "oldValue": o, "newValue": n} for c, (o, n) in changed.items()
            ]
        }
    )


READING = [
    Case(
        "reading", "days and moments in the writings people use",
        {"a": contact("Ada", "Reading", "ada@~", booking_date="3/14/2024 6:05 PM", reminder_date="14/03/2024 09:00", birthdate="14.03.1980"),
         "p": patient("Ada", "Reading", "ada@~", contact_record="a", first_contact_date="2024-03-14T23:00:00Z", initial_consult_date="45366")},
        facts={"calls": {"a": [{"booking_date": "2024-03-14T22:05:00Z", "reminder_date": "2024-03-14T08:00:00Z"}]},
               "patients": {"a": [{"first_contact_date": "2024-03-15", "initial_consult_date": "2024-03-15"}]},
               "persons": {"a": [{"date_of_birth": "1980-03-14"}]}},
    ),
    Case(
        "reading", "what is no value, cannot be read, or is a placeholder",
        {"a": contact("Bea", "Reading", "N/A", booking_date="soon", reminder_date="1900-01-01", birthdate="1850-05-05", telephone1="06 1234 5678", address1_country="Nederland"),
         "b": contact("Cas", "Reading", "test@test.com; cas@~", telephone1="ask daughter")},
        outcomes={"a.person": "created"},
        warnings={"a": {"INVALID_DATE", "PLACEHOLDER_DATE", "IMPLAUSIBLE_BIRTHDATE"}, "b": {"EMAIL_SEVERAL", "PLACEHOLDER_EMAIL", "INVALID_PHONE"}},
        facts={"contact_points": {"a": [{"kind": "phone", "value": "+31612345678", "is_shared": "false"}], "b": [{"kind": "email", "value": "cas@~"}]}},
    ),
    Case(
        "reading", "addresses are compared without case, noise and tag; names lose damage, not letters",
        {"a": contact("RenÃ©e", "Reading", " MAILTO:Renee+crm@~. "), "b": contact("Dr. Renée", "READING", "<renee@~>;")},
        persons="a+b", warnings={"a": {"MOJIBAKE_REPAIRED"}},
        facts={"contact_points": {"a": [{"kind": "email", "value": "renee@~"}]}},
    ),
]  # fmt: skip

WHOLE = [
    Case(
        "outcomes", "of rows with one GUID the newest counts",
        {"a": contact("Old", "Whole", "eva@~", versionnumber=5), "b": contact("Eva", "Whole", "eva@~", versionnumber=7, contactid="a"),
         "c": contact("Eva", "Whole", "eva@~", versionnumber=7, contactid="a")},
        outcomes={"a.person": "rejected DUPLICATE_ID", "b.person": "created", "c.person": "skipped_by_rule DUPLICATE_ROW"},
    ),
    Case(
        "outcomes", "records that cannot stand",
        {"a": contact("No", "Id", "noid@~", contactid=""), "b": contact("Bad", "Id", "badid@~", contactid="{12345}"),
         "c": contact("", "", ""), "p": patient("", "", "", contact_record="@gone", trial_id="NCT99123456"),
         "d": row("eap_dossier", eap_number="E-1", patient="@gone"),
         "k": row("phonecall", regardingobjecttypecode="contact", regardingobjectid="@gone", actualstart="2024-01-01T10:00:00Z"),
         "x": row("audit", objecttypecode="contact", objectid="@gone", changedata=changes(no_show=("True", "False")), createdon="2024-01-01T10:00:00Z"),
         "y": row("audit", objecttypecode="contact", objectid="@gone", changedata="{", createdon="2024-01-01T10:00:00Z"),
         "z": row("audit", objecttypecode="account", objectid="@gone", changedata=changes(name=("a", "b")), createdon="2024-01-01T10:00:00Z"),
         "h": row("hospital", name="", city="Leeds")},
        outcomes={"a.person": "rejected MISSING_ID", "b.person": "rejected INVALID_ID", "c.person": "rejected NO_IDENTITY",
                  "p.patient": "rejected NO_IDENTITY", "d.eap_journey": "rejected ORPHAN_DOSSIER", "k.call": "rejected ORPHAN_CALL",
                  "x.change": "rejected ORPHAN_AUDIT", "y.change": "rejected UNREADABLE_AUDIT", "z.change": "skipped_by_rule NOT_TRACKED",
                  "h.row": "rejected MISSING_NAME"},
    ),
    Case(
        "outcomes", "calls of somebody who is neither lead nor patient",
        {"a": contact("Pia", "Pharma", "pia@~", contact_type="pharmacist", booking_date="2024-02-01T10:00:00Z"),
         "k": row("phonecall", regardingobjecttypecode="contact", regardingobjectid="a", actualstart="2024-01-01T10:00:00Z"),
         "n": row("appointment", regardingobjecttypecode="contact", regardingobjectid="a", scheduledstart="soon")},
        outcomes={"a.booking": "skipped_by_rule NO_LEAD_OR_PATIENT", "k.call": "skipped_by_rule NO_LEAD_OR_PATIENT", "n.call": "rejected CALL_WITHOUT_DATE"},
    ),
]  # fmt: skip

IDENTITY = [
    Case("identity", "same address, equal names in either order", {"a": contact("Anna", "Berg", "ab@~"), "b": contact("BERG", "Anna", "AB@~")}, persons="a+b"),
    Case("identity", "same address, other people: separate without review", {"a": contact("Anna", "Bosch", "hs@~"), "b": contact("Karel", "Bosch", "hs@~")}, persons="a b", review=set(),
         facts={"persons": {"a": [{"email": ""}]}, "contact_points": {"a": [{"is_shared": "true"}]}}),
    Case("identity", "same address, compatible names: a nickname, an initial, a slip inside",
         {"a": contact("Robert", "Adder", "r@~"), "b": contact("Bob", "Adder", "r@~"), "c": contact("Gwendolina", "Asp", "g@~"), "d": contact("Gwnedolina", "Asp", "g@~"),
          "e": contact("Willem", "Boa", "w@~"), "f": contact("W.", "Boa", "w@~")}, persons="a+b c+d e+f",
         facts={"suggested_changes": {"c": [{"field": "name", "value": "Gwnedolina Asp"}]}}),
    Case("identity", "same address, doubtful names: a beginning, another script, another family name",
         {"a": contact("Alex", "Cobra", "x@~"), "b": contact("Alexandrina", "Cobra", "x@~"), "c": contact("Olga", "Zhukova", "o@~"), "d": contact("Ольга", "Жукова", "o@~"),
          "e": contact("Mina", "Wang", "m@~"), "f": contact("Mina", "Yang", "m@~")}, persons="a b c d e f", review={"ab", "cd", "ef"}),
    Case("identity", "Maria and Marie, Paul and Paula are not one", {"a": contact("Maria", "Drake", "d@~"), "b": contact("Marie", "Drake", "d@~")}, persons="a b", review={"ab"}),
    Case("identity", "two generations are two people; a generation on one side only is for a person to look at",
         {"a": contact("Ger", "Dove Sr.", "gd@~"), "b": contact("Ger", "Dove, Junior", "gd@~"), "c": contact("Hal", "Dunlin III", "hd@~"), "d": contact("Dunlin", "Hal", "hd@~"),
          "e": contact("Ike", "Dotterel jr", "id@~"), "f": contact("I.", "Dotterel JNR", "id@~")}, persons="a b c d e+f", review={"cd"}),
    Case("identity", "twins: a letter in another's place is no slip", {"a": contact("Jordan", "Diver", "jd@~"), "b": contact("Jordyn", "Diver", "jd@~"), "c": contact("Catalin", "Dipper", "cd@~"), "d": contact("Catelin", "Dipper", "cd@~")},
         persons="a b c d", review={"ab", "cd"}),
    Case("identity", "`J.` beside two fitting people joins neither",
         {"a": contact("Jan", "Egret", "j@~"), "b": contact("Joost", "Egret", "j@~"), "c": contact("J.", "Egret", "j@~")}, persons="a b c", review={"ac", "bc"}),
    Case("identity", "equal name and day of birth: one where an address is missing, to review where both have one",
         {"a": contact("Ina", "Finch", "ina@~", birthdate="1971-02-03"), "b": contact("Ina", "Finch", "", birthdate="1971-02-03"),
          "c": contact("Ole", "Gull", "ole@~", birthdate="1972-02-03"), "d": contact("Ole", "Gull", "other@~", birthdate="1972-02-03")},
         persons="a+b c d", review={"cd"}),
    Case("identity", "day of birth and phone agree: one in spite of different addresses",
         {"a": contact("Uma", "Heron", "uma@~", birthdate="1973-02-03", telephone1="+31612000001"), "b": contact("Uma", "Heron", "uh@~", birthdate="1973-02-03", mobilephone="0031 612000001")}, persons="a+b"),
    Case("identity", "same address and names, but days of birth that contradict", {"a": contact("Eli", "Ibis", "eli@~", birthdate="1974-02-03"), "b": contact("Eli", "Ibis", "eli@~", birthdate="1999-02-03")}, persons="a b", review={"ab"}),
    Case("identity", "namesakes without anything in common", {"a": contact("Jo", "Jay", "jo1@~"), "b": contact("Jo", "Jay", "jo2@~")}, persons="a b", review=set()),
    Case("identity", "equal licence and name join; one licence on two names does not",
         {"a": contact("Kim", "Kite", "k1@~", contact_type="physician", medical_license_number="KITE 1"), "b": contact("Kim", "Kite", "k2@~", contact_type="physician", medical_license_number="kite1"),
          "c": contact("Lea", "Lark", "l1@~", contact_type="physician", medical_license_number="LARK1"), "d": contact("Max", "Loon", "l2@~", contact_type="physician", medical_license_number="LARK1")},
         persons="a+b c d", review={"cd"}, warnings={"c": {"DUPLICATE_LICENSE"}, "d": {"DUPLICATE_LICENSE"}}),
    Case("identity", "merged copies follow their chain; a broken chain stands alone",
         {"a": contact("Mia", "Merle", "mia@~"), "b": contact("Mia M", "Merle", "mm@~", merged="True", masterid="a", statecode="1"), "c": contact("M", "M", "m3@~", merged="True", masterid="b", statecode="1"),
          "d": contact("Nia", "Nandu", "nia@~", merged="True", masterid="@gone", statecode="1")},
         persons="a+b+c d", outcomes={"b.person": "linked", "b.role": "linked", "d.person": "created"}, warnings={"d": {"MASTER_CHAIN_BROKEN"}}),
    Case("identity", "a patient row of another name: two persons, the contact is a caregiver",
         {"a": contact("Ria", "Owl", "ria@~"), "p": patient("Tom", "Owl", "ria@~", contact_record="a")}, persons="a p", review={"ap"},
         outcomes={"p.person": "created"}, warnings={"p": {"PATIENT_NAME_DIFFERS"}}, facts={"roles": {"a": [{"role": "caregiver"}]}, "leads": {"a": [{"status": "converted"}]}}),
    Case("identity", "a patient row that points to a physician of another name",
         {"a": contact("Dr. Sam", "Pike", "sam@~", contact_type="physician"), "p": patient("Una", "Quail", "una@~", contact_record="a"), "q": patient("Vic", "Rail", "vic@~", contact_record="@gone")},
         persons="a p q", review=set(), warnings={"p": {"CONTACT_NOT_A_LEAD", "CONDITION_MISSING"}, "q": {"PATIENT_WITHOUT_CONTACT", "CONDITION_MISSING"}}),
]  # fmt: skip

VALUES = [
    Case("survivorship", "active rows first, patient rows before contacts; any row's do-not flag and activity count",
         {"a": contact("Wim", "Sandpiper", "wim@~", birthdate="1980-01-01", versionnumber=9), "b": contact("Willem", "Sandpiper", "wim@~", versionnumber=99, statecode="1", donotemail="True"),
          "p": patient("Willem", "Sandpiper", "wim@~", contact_record="b")}, persons="a b+p", review=set(),
         facts={"persons": {"p": [{"first_name": "Willem", "do_not_email": "true", "is_active": "true"}]}}),
    Case("survivorship", "a part of a name that is missing", {"a": contact("Xia", "", "xia@~")}, warnings={"a": {"NAME_INCOMPLETE"}}, facts={"persons": {"a": [{"first_name": "Xia", "last_name": "Unknown"}]}}),
    Case("survivorship", "the e-mail of a person is one that nobody else uses",
         {"a": contact("Yan", "Teal", "clinic@~; yan@~"), "b": contact("Zoe", "Umber", "clinic@~")},
         facts={"persons": {"a": [{"email": "yan@~"}], "b": [{"email": ""}]}}),
]  # fmt: skip

CONDITIONS = [
    Case("conditions", "by name, by another name, by a slip of the pen, unknown, missing",
         {"a": contact("A", "Vireo", "a@~", medical_condition="Lou Gehrig’s disease"), "b": contact("B", "Vireo", "b@~", medical_condition="Idiopatic Pulmonary Fibrosis"),
          "c": contact("C", "Vireo", "c@~", medical_condition="Rare disease, other"), "d": contact("D", "Vireo", "d@~", medical_condition=""), "e": contact("E", "Vireo", "e@~", medical_condition="727000099")},
         warnings={"a": set(), "b": {"CONDITION_LABEL_REPAIRED"}, "c": {"CONDITION_UNKNOWN"}, "d": {"CONDITION_MISSING"}, "e": {"CONDITION_UNKNOWN"}},
         facts={"leads": {"a": [{"condition": "Amyotrophic Lateral Sclerosis"}], "b": [{"condition": "Idiopathic Pulmonary Fibrosis"}], "c": [{"condition": "Unknown (legacy)"}], "d": [{"condition": "Unknown (legacy)"}]}}),
    Case("conditions", "the look-up counts, the option fills in, what differs is suggested",
         {"a": contact("F", "Wren", "f@~"), "m": row("medical_condition", name="Huntington's chorea", abbreviation="HD"), "p": patient("F", "Wren", "f@~", contact_record="a", medical_condition="m"),
          "b": contact("G", "Wren", "g@~"), "q": patient("G", "Wren", "g@~", contact_record="b", medical_condition="@gone")},
         outcomes={"m.row": "linked"}, warnings={"p": {"CONDITION_MISMATCH"}, "q": {"ORPHAN_CONDITION_LOOKUP"}},
         facts={"patients": {"a": [{"condition": "Huntington Disease"}], "b": [{"condition": "Glioblastoma"}]}, "suggested_changes": {"a": [{"field": "medical_condition", "value": "Glioblastoma"}]}}),
    Case("conditions", "rows of the legacy table: new, and the same again", {"m": row("medical_condition", name="Fabry Sample Disease"), "n": row("medical_condition", name="fabry  sample disease")},
         outcomes={"m.row": "created", "n.row": "merged_into_existing"}),
]  # fmt: skip

LEADS = [
    Case("leads", "new, lost, converted; a lead is never created at a booking",
         {"a": contact("H", "Xenops", "h@~", booking_date="2024-05-01T10:00:00Z"), "b": contact("I", "Xenops", "i@~", statecode="1"), "c": contact("K", "Xenops", "k@~"),
          "p": patient("K", "Xenops", "k@~", contact_record="c", first_contact_date="2023-02-01", initial_consult_date="2023-03-01")},
         facts={"leads": {"a": [{"status": "new", "created_at": "2025-06-30T12:00:00Z", "converted_at": ""}], "b": [{"status": "lost"}], "c": [{"status": "converted", "created_at": "2023-01-31T23:00:00Z", "converted_at": "2023-02-28T23:00:00Z"}]},
                "roles": {"c": [{"role": "patient-lead", "valid_from": "2023-01-31T23:00:00Z", "valid_to": "2023-02-28T23:00:00Z"}, {"role": "patient", "valid_from": "2023-01-31T23:00:00Z"}]}}),
    Case("leads", "a type that is empty or unknown is a lead", {"a": contact("L", "Yuhina", "l@~", contact_type="")}, warnings={"a": {"CONTACT_TYPE_UNKNOWN"}}, facts={"leads": {"a": [{"status": "new"}]}}),
    Case("leads", "the further physician contacts of a person give no role, nor do those of a pharmacist",
         {"a": contact("M", "Yellowhammer", "m@~", contact_type="physician", versionnumber=9), "b": contact("M", "Yellowhammer", "m@~", contact_type="physician", versionnumber=3),
          "c": contact("M", "Yellowhammer", "m@~", contact_type="pharmacist"), "d": contact("M", "Yellowhammer", "m@~", contact_type="pharmacist", statecode="1"), "e": contact("M", "Yellowhammer", "m@~")},
         persons="a+b+c+d+e", outcomes={"a.role": "created", "b.role": "merged_into_existing", "c.role": "created", "d.role": "merged_into_existing", "e.role": "created"}),
    Case("physicians", "one a person, first value of its rows; the first of a patient is primary",
         {"h": row("hospital", name="Zeta Clinic", city="Bath"), "a": contact("Mo", "Zosterops", "mo@~", contact_type="physician", hospital="h", medical_license_number="ZOS1", specialization="@gone"),
          "b": contact("N", "Zosterops", "n@~"), "p": patient("N", "Zosterops", "n@~", contact_record="b", physician="a"), "q": patient("N", "Zosterops", "n@~", contact_record="b", physician="a"),
          "r": patient("N", "Zosterops", "n@~", contact_record="b", physician="b"), "c": contact("Q", "Zosterops", "q@~"), "s": patient("N", "Zosterops", "n@~", contact_record="b", physician="c"), "t": patient("N", "Zosterops", "n@~", contact_record="b", physician="@gone")},
         outcomes={"p.physician": "created", "q.physician": "merged_into_existing", "r.physician": "rejected SELF_PHYSICIAN", "s.physician": "rejected NOT_A_PHYSICIAN", "t.physician": "rejected ORPHAN_PHYSICIAN"},
         warnings={"a": {"ORPHAN_LOOKUP"}}, facts={"physicians": {"a": [{"medical_license_number": "ZOS1", "hospital": "Zeta Clinic|Bath", "specialization": ""}]}}),
]  # fmt: skip

CALLS = [
    Case("calls", "one minute is one call: each field from the first that has it, the status from the first that is settled",
         {"a": contact("R", "Accentor", "r@~", booking_date="2024-05-01T10:00:00Z", no_show="True"),
          "k": row("phonecall", regardingobjecttypecode="contact", regardingobjectid="a", scheduledstart="2024-05-01T10:00:30Z", actualstart="2024-05-01T10:03:00Z", actualdurationminutes="7", directioncode="True", statecode="1", call_outcome="Reached", description="Spoke.")},
         outcomes={"k.call": "created", "a.booking": "merged_into_existing"}, warnings={"a": {"CALL_STATUS_CONFLICT"}},
         facts={"calls": {"a": [{"status": "completed", "outcome": "reached", "duration_minutes": "7", "direction": "outbound", "on": "lead"}]}}),
    Case("calls", "a no-show in the future is scheduled; a cancelled call has no outcome",
         {"a": contact("S", "Bulbul", "s@~", booking_date="2025-08-01T10:00:00Z", no_show="1"), "k": row("phonecall", regardingobjecttypecode="contact", regardingobjectid="a", scheduledstart="2024-01-01T10:00:00Z", statecode="2", call_outcome="Voicemail")},
         warnings={"a": {"FUTURE_NO_SHOW"}}, facts={"calls": {"a": [{"status": "scheduled", "booking_date": "2025-08-01T10:00:00Z"}, {"status": "cancelled", "outcome": ""}]}}),
    Case("calls", "the audit gives lost bookings back",
         {"a": contact("T", "Cuckoo", "t@~", booking_date="2024-03-03T10:00:00Z"),
          "x": row("audit", objecttypecode="contact", objectid="a", createdon="2024-02-01T10:00:00Z", changedata=changes(booking_date=("2024-02-02T10:00:00Z", "2024-03-03T10:00:00Z"))),
          "y": row("audit", objecttypecode="contact", objectid="a", createdon="2024-01-09T10:00:00Z", changedata=changes(booking_date=("2024-01-05T10:00:00Z", "2024-02-02T10:00:00Z"), no_show=("True", "False")))},
         outcomes={"x.change": "created", "y.change": "created"},
         facts={"calls": {"a": [{"booking_date": "2024-03-03T10:00:00Z", "status": "scheduled"}, {"booking_date": "2024-02-02T10:00:00Z", "status": "rescheduled"}, {"booking_date": "2024-01-05T10:00:00Z", "status": "no_show"}]}}),
    Case("calls", "a change is missing: the new booking is a call too",
         {"a": contact("U", "Dunnock", "u@~", booking_date="2024-06-06T10:00:00Z", reminder_date="2024-06-05T10:00:00Z"),
          "x": row("audit", objecttypecode="contact", objectid="a", createdon="2024-02-01T10:00:00Z", changedata=changes(booking_date=("2024-02-02T10:00:00Z", "2024-03-03T10:00:00Z")))},
         facts={"calls": {"a": [{"booking_date": "2024-06-06T10:00:00Z"}, {"booking_date": "2024-03-03T10:00:00Z", "status": "scheduled", "reminder_date": ""}, {"booking_date": "2024-02-02T10:00:00Z", "status": "rescheduled", "reminder_date": ""}]}}),
]  # fmt: skip

JOURNEYS = [
    Case("journeys", "trial references in any writing, and none",
         {"p": patient("V", "Eider", "v@~", trial_id="trial nct 9912-3456 (site 4)", eligible="No", ineligible_reason="labs"), "q": patient("W", "Eider", "w@~", trial_id="2023 512345–12", ct_referral_date="2024-01-01"),
          "r": patient("X", "Eider", "x@~", trial_id="ask PI", ct_outcome="In screening"), "s": patient("Y", "Eider", "y@~", eligible="To be determined")},
         warnings={"p": {"TRIAL_ID_REPAIRED", "PATIENT_WITHOUT_CONTACT", "CONDITION_MISSING"}, "r": {"TRIAL_ID_FREE_TEXT", "PATIENT_WITHOUT_CONTACT", "CONDITION_MISSING"}},
         facts={"ct_journeys": {"p": [{"trial_ref": "NCT99123456", "eligible": "no", "ineligible_reason": "labs", "status": "pre_screen_failed"}], "q": [{"trial_ref": "2023-512345-12-00", "status": "referred"}],
                                "r": [{"trial_ref": "ask PI", "status": "screening"}], "s": [{"trial_ref": "", "eligible": "", "status": "identified"}]}}),
    Case("journeys", "the audit gives an earlier trial back; the same journey told twice is one",
         {"p": patient("Z", "Fulmar", "z@~", trial_id="NCT99000002", ct_referral_date="2024-06-01", ct_outcome="Referred"),
          "x": row("audit", objecttypecode="new_patient", objectid="p", createdon="2024-05-01T10:00:00Z", changedata=changes(trial_id=("NCT99000001", "NCT99000002"), ct_referral_date=("2024-01-01", "2024-06-01"), ct_outcome=("Rejected by site", "Referred"))),
          "y": row("audit", objecttypecode="new_patient", objectid="p", createdon="2023-05-01T10:00:00Z", changedata=changes(ct_outcome=("Referred", "Rejected by site")))},
         outcomes={"x.change": "created", "y.change": "linked"},
         facts={"ct_journeys": {"p": [{"trial_ref": "NCT99000002", "status": "referred"}, {"trial_ref": "NCT99000001", "referral_date": "2024-01-01", "status": "site_rejected"}]}}),
    Case("journeys", "expanded access: one per product and number; the row's date equals, fills, conflicts, or stands alone",
         {"p": patient("A", "Gannet", "ga@~", eap_enrollment_date="2024-01-01"), "d": row("eap_dossier", eap_number=" e-77 ", patient="p", product="SYN-101", eap_enrollment_date=""),
          "q": patient("B", "Gannet", "gb@~", eap_enrollment_date="2024-02-02"), "e": row("eap_dossier", eap_number="E-77", patient="q", product="SYN-101", eap_enrollment_date="2024-03-03"),
          "r": patient("C", "Gannet", "gc@~", eap_enrollment_date="2024-04-04"), "s": patient("D", "Gannet", "gd@~"), "f": row("eap_dossier", eap_number="", patient="s", product="SYN-9", eap_enrollment_date="2024-05-05")},
         outcomes={"p.eap_journey": "linked", "q.eap_journey": "linked", "r.eap_journey": "created"},
         warnings={"e": {"DUPLICATE_EAP_NUMBER"}, "f": {"MISSING_EAP_NUMBER", "OPTION_UNKNOWN"}},
         facts={"eap_journeys": {"p": [{"eap_number": "E-77", "enrollment_date": "2024-01-01", "status": "active"}], "q": [{"eap_number": "E-77#2", "enrollment_date": "2024-03-03"}],
                                 "r": [{"eap_number": "", "product": "", "enrollment_date": "2024-04-04", "source": "patient"}], "s": [{"eap_number": "", "product": ""}]},
                "suggested_changes": {"q": [{"field": "eap_enrollment_date", "value": "2024-02-02"}]}}),
]  # fmt: skip

CASES = [*READING, *WHOLE, *IDENTITY, *VALUES, *CONDITIONS, *LEADS, *CALLS, *JOURNEYS]
