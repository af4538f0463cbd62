"""The kinds of notifications, and the permission by which their owner sees what each record is."""

KINDS = ("assigned", "came_back", "review_due", "report_due", "call_soon", "export_asked", "export_decided")
IN_THE_APP_ONLY = ("call_soon",)
"""A mail of it would come too late."""
PERMISSION_OF = {
    "patient_lead": "lead.read",
    "patient": "patient.read",
    "task": "task.read",
    "came_back": "came_back.read",
    "access_opening": "break_glass.review",
    "call_history": "call.read",
    "export_request": "export.read",
}
RECORD_TYPES = tuple(PERMISSION_OF)
