LIST_NAMES = (
    *("leads", "patients", "calls", "tasks", "physicians", "hospitals", "specializations"),
    *("trials", "programmes", "conditions"),
    *("standing-faults", "doubles", "suggestions", "exports", "documents", "duplicates"),
)
"""The lists that have views, by the last part of their pages' addresses."""
