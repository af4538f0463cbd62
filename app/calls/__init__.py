"""
Calls: every booking and every call is a row of its own, and stays. A mistake is voided with a reason, never deleted.

A call hangs on the person, and on the patient or the lead (or both) that it was about.
"""
