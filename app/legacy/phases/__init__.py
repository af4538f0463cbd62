"""
The ten phases, in order: the listing is the plan.

Each module has the same four parts: what it reads (READS), what it writes (WRITES), how a record becomes an outcome
(`run`, in named SQL stages over staged tables, with the pure rules of identity.py, bookings.py, trials.py and eap.py
where a library or a sequence is needed), and how it is undone (the rows that it added, by `undo_legacy_run`).
"""
