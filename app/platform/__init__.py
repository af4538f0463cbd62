"""
What every package stands on; none of it knows of patients: settings, database, errors, paging, clock, logs, text.

Nothing is made at import time: no engine, no app, no settings object.
"""
