"""What events are called by people: the person who reads who looked at them knows no operation ids."""

VERBS = {
    "get": "Read",
    "list": "Seen in a list",
    "create": "Entered",
    "open": "Opened",
    "update": "Changed",
    "move": "Moved to another stage",
    "convert": "Converted",
    "delete": "Deleted",
    "deactivate": "Set inactive",
    "void": "Voided",
    "reschedule": "Booked anew",
    "accept": "Decided on",
    "reject": "Decided on",
    "decide": "Decided on",
    "match": "Compared",
    "export": "Taken out as a file",
    "reveal": "Read",
    "end": "Closed",
    "review": "Reviewed",
    "show": "Read",
    "break": "Opened",
    "state": "Stated a reason",
    "set": "Changed",
    "add": "Entered",
}
RECORDS = {
    "person": "Who you are and how to reach you",
    "patient": "Patient record",
    "patient_lead": "Request for help",
    "call_history": "Call",
    "physician": "Physician record",
    "clinical_trial_journey": "Way into a clinical trial",
    "eap_journey": "Expanded-access request",
    "eap_gate": "Approval of an expanded-access request",
    "patient_physician_relationship": "Who treats you",
    "suggested_change": "Suggested change",
    "duplicate_candidate": "Possible double record",
    "audit_event": "Who looked at your data",
    "access_opening": "Access with a stated reason",
}
PURPOSES = {
    "break_glass": "Emergency access with a stated reason",
    "outside_caseload": "A stated reason, outside their own caseload",
    "reveal": "Single values, with a stated reason",
}


def did(action: str) -> str:
    """What was done, from the action's first word."""
    if action.endswith("_history"):
        return "Read with its earlier versions"
    verb = action.partition("_")[0]
    return VERBS.get(verb, verb.capitalize())


def kind_of_record(record_type: str | None) -> str:
    if record_type is None:
        return "Several records"
    return RECORDS.get(record_type, record_type.replace("_", " ").capitalize())


def why(purpose: str | None, roles: list[str]) -> str:
    """The stated purpose, else the work of these roles."""
    if purpose in PURPOSES:
        return PURPOSES[purpose]
    named = ", ".join(role.replace("_", " ") for role in roles)
    return f"Their work as {named}" if named else "The system itself"
