"""What events are called by people: the person who reads who looked at them knows no operation ids."""

from app.platform.locales import Message, _

VERBS = {
    "get": _("Read"),
    "list": _("Seen in a list"),
    "create": _("Entered"),
    "open": _("Opened"),
    "update": _("Changed"),
    "move": _("Moved to another stage"),
    "convert": _("Converted"),
    "delete": _("Deleted"),
    "deactivate": _("Set inactive"),
    "void": _("Voided"),
    "reschedule": _("Booked anew"),
    "accept": _("Decided on"),
    "reject": _("Decided on"),
    "decide": _("Decided on"),
    "match": _("Compared"),
    "prepare": _("Opened the form of a file"),
    "request": _("Asked a second person for a file"),
    "export": _("Taken out as a file"),
    "reveal": _("Read"),
    "end": _("Closed"),
    "review": _("Reviewed"),
    "show": _("Read"),
    "pick": _("Seen in a list"),
    "break": _("Opened"),
    "state": _("Stated a reason"),
    "set": _("Changed"),
    "add": _("Entered"),
    "save": _("Saved"),
    "remove": _("Removed"),
    "download": _("Read"),
}
# What people do with their own accounts and those of others, whose verbs alone would say nothing.
ACTIONS = {
    "sign_in_with_password": _("Signed in with a password"),
    "withdraw_roles": _("Roles taken by your organisation's sign-in"),
    "sign_in_with_passkey": _("Signed in with a passkey"),
    "give_second_factor": _("Gave the code of the second step"),
    "give_passkey": _("Gave a passkey as second step"),
    "give_recovery_code": _("Used a recovery code"),
    "come_back": _("Signed in through the identity provider"),
    "sign_out": _("Signed out"),
    "unlock": _("Unlocked the session"),
    "unlock_with_passkey": _("Unlocked the session with a passkey"),
    "enrol_app": _("Set up the authenticator app"),
    "set_up_app": _("Set up the authenticator app"),
    "remove_app": _("Removed the authenticator app"),
    "enrol_passkey": _("Added a passkey"),
    "enrol_first_passkey": _("Added a passkey"),
    "remove_passkey": _("Removed a passkey"),
    "make_recovery_codes": _("Made new recovery codes"),
    "change_password": _("Changed the password"),
    "accept_invitation": _("Accepted an invitation"),
    "ask_for_reset": _("Asked for a new password"),
    "send_reset_link": _("Sent a password link"),
    "reset_password": _("Chose a new password"),
    "show_invitation": _("Followed an invitation link"),
    "show_reset": _("Followed a password link"),
    "end_session": _("Ended a session"),
    "end_other_sessions": _("Ended all other sessions"),
    "end_user_sessions": _("Ended all sessions of a user"),
    "invite_user": _("Invited a user"),
    "invite_again": _("Sent a new invitation"),
    "create_user": _("Added a user"),
    "rename_user": _("Changed name or e-mail of a user"),
    "set_user_roles": _("Changed the roles of a user"),
    "disable_user": _("Closed an account"),
    "enable_user": _("Opened an account again"),
    "start_over": _("Let a user start over"),
    "create_key": _("Made an API key"),
    "create_api_key": _("Made an API key"),
    "rotate_key": _("Replaced an API key"),
    "revoke_key": _("Revoked an API key"),
    "show_held_form": _("Looked at a form that was kept"),
    "send_held_form": _("Sent a form that was kept"),
    "make_demo_users": _("Made the demo users"),
    "make_demo_keys": _("Made the demo keys"),
    "show_audit_trail": _("Read the audit trail"),
    "export_audit_trail": _("Exported the audit trail"),
    "show_access_report": _("Read who looked at a person"),
    "break_glass": _("Broke the glass"),
    "end_break_glass": _("Ended a break-glass access"),
    "review_break_glass": _("Reviewed an access"),
    "show_break_glass_list": _("Seen in a list"),
    "state_reason": _("Stated a reason"),
    "undo_departure": _("Took back a death or withdrawal"),
    "return_person": _("Brought back after a withdrawal"),
    "close_came_back": _("Decided on"),
    "show_came_back": _("Seen in a list"),
}
RECORDS = {
    "person": _("Who you are and how to reach you"),
    "patient": _("Patient record"),
    "patient_lead": _("Request for help"),
    "call_history": _("Call"),
    "task": _("Task about you"),
    "note": _("Note about you"),
    "document": _("Document about you"),
    "draft": _("Draft of something about you"),
    "physician": _("Physician record"),
    "clinical_trial_journey": _("Way into a clinical trial"),
    "clinical-trial-journeys": _("Way into a clinical trial"),
    "eap_journey": _("Expanded-access request"),
    "eap_gate": _("Approval of an expanded-access request"),
    "patient_physician_relationship": _("Who treats you"),
    "suggested_change": _("Suggested change"),
    "duplicate_candidate": _("Possible double record"),
    "person_departure": _("Death or withdrawal"),
    "came_back": _("Came back, or asked not to be contacted"),
    "audit_event": _("Who looked at your data"),
    "access_opening": _("Access with a stated reason"),
    "audit": _("Who looked at your data"),
    "audit-events": _("Who looked at your data"),
    "break-glass": _("Access with a stated reason"),
    "call-history": _("Call"),
    "eap-journeys": _("Expanded-access request"),
    "journey_event": _("Moves"),
    "person_contact_type": _("Role"),
    "person_relationship": _("Relationship"),
    "persons": _("Who you are and how to reach you"),
    "reveals": _("Revealed values"),
    "user_account": _("User"),
}
PURPOSES = {
    "break_glass": _("Emergency access with a stated reason"),
    "outside_caseload": _("A stated reason, outside their own caseload"),
    "reveal": _("Single values, with a stated reason"),
}


def did(action: str, outcome: str = "done") -> str:
    """What was done, from the action's first word where it has no words of its own."""
    if outcome != "done":
        return _("Was refused; the answer named you")
    if action in ACTIONS:
        return ACTIONS[action]
    if action.endswith("_history"):
        return _("Read with its earlier versions")
    verb = action.partition("_")[0]
    return VERBS.get(verb, verb.capitalize())


def kind_of_record(record_type: str | None) -> str:
    if record_type is None:
        return _("Several records")
    return RECORDS.get(record_type) or Message(record_type.replace("_", " ").replace("-", " ").capitalize())


def why(purpose: str | None, roles: list[str]) -> str:
    """The stated purpose, else the work of these roles."""
    if purpose in PURPOSES:
        return PURPOSES[purpose]
    named = ", ".join(str(Message(role.replace("_", " ").capitalize())).lower() for role in roles)
    return _("Their work as %(roles)s", roles=named) if named else _("The system itself")
