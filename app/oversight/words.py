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
    "save": "Saved",
    "remove": "Removed",
    "download": "Read",
}
# What people do with their own accounts and those of others, whose verbs alone would say nothing.
ACTIONS = {
    "sign_in_with_password": "Signed in with a password",
    "withdraw_roles": "Roles taken by your organisation's sign-in",
    "sign_in_with_passkey": "Signed in with a passkey",
    "give_second_factor": "Gave the code of the second step",
    "give_passkey": "Gave a passkey as second step",
    "give_recovery_code": "Used a recovery code",
    "come_back": "Signed in through the identity provider",
    "sign_out": "Signed out",
    "unlock": "Unlocked the session",
    "unlock_with_passkey": "Unlocked the session with a passkey",
    "enrol_app": "Set up the authenticator app",
    "set_up_app": "Set up the authenticator app",
    "remove_app": "Removed the authenticator app",
    "enrol_passkey": "Added a passkey",
    "enrol_first_passkey": "Added a passkey",
    "remove_passkey": "Removed a passkey",
    "make_recovery_codes": "Made new recovery codes",
    "change_password": "Changed the password",
    "accept_invitation": "Accepted an invitation",
    "ask_for_reset": "Asked for a new password",
    "send_reset_link": "Sent a password link",
    "reset_password": "Chose a new password",
    "show_invitation": "Followed an invitation link",
    "show_reset": "Followed a password link",
    "end_session": "Ended a session",
    "end_other_sessions": "Ended all other sessions",
    "end_user_sessions": "Ended all sessions of a user",
    "invite_user": "Invited a user",
    "invite_again": "Sent a new invitation",
    "create_user": "Added a user",
    "rename_user": "Changed name or e-mail of a user",
    "set_user_roles": "Changed the roles of a user",
    "disable_user": "Closed an account",
    "enable_user": "Opened an account again",
    "start_over": "Let a user start over",
    "create_key": "Made an API key",
    "create_api_key": "Made an API key",
    "rotate_key": "Replaced an API key",
    "revoke_key": "Revoked an API key",
    "show_held_form": "Looked at a form that was kept",
    "send_held_form": "Sent a form that was kept",
    "make_demo_users": "Made the demo users",
    "make_demo_keys": "Made the demo keys",
    "show_audit_trail": "Read the audit trail",
    "export_audit_trail": "Exported the audit trail",
    "show_access_report": "Read who looked at a person",
    "break_glass": "Broke the glass",
    "end_break_glass": "Ended a break-glass access",
    "review_break_glass": "Reviewed an access",
    "show_break_glass_list": "Seen in a list",
    "state_reason": "Stated a reason",
    "undo_departure": "Took back a death or withdrawal",
    "return_person": "Brought back after a withdrawal",
    "close_came_back": "Decided on",
    "show_came_back": "Seen in a list",
}
RECORDS = {
    "person": "Who you are and how to reach you",
    "patient": "Patient record",
    "patient_lead": "Request for help",
    "call_history": "Call",
    "task": "Task about you",
    "note": "Note about you",
    "document": "Document about you",
    "draft": "Draft of something about you",
    "physician": "Physician record",
    "clinical_trial_journey": "Way into a clinical trial",
    "eap_journey": "Expanded-access request",
    "eap_gate": "Approval of an expanded-access request",
    "patient_physician_relationship": "Who treats you",
    "suggested_change": "Suggested change",
    "duplicate_candidate": "Possible double record",
    "person_departure": "Death or withdrawal",
    "came_back": "Came back, or asked not to be contacted",
    "audit_event": "Who looked at your data",
    "access_opening": "Access with a stated reason",
}
PURPOSES = {
    "break_glass": "Emergency access with a stated reason",
    "outside_caseload": "A stated reason, outside their own caseload",
    "reveal": "Single values, with a stated reason",
}


def did(action: str, outcome: str = "done") -> str:
    """What was done, from the action's first word where it has no words of its own."""
    if outcome != "done":
        return "Was refused; the answer named you"
    if action in ACTIONS:
        return ACTIONS[action]
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
