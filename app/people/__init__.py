"""
People: one human is one `person` row, however many roles, addresses and enquiries they bring.

Owns names and how they are compared, contact points and the keys people are found by, contact types (roles)
over time, relationships between people, submissions as they came, suggested changes, possible duplicates.

Always true:

- A person's values are never overwritten by what arrives; a value that differs becomes a suggested change.
- `email_key` and `phone_e164` are written by the functions of `keys.py` alone, `family_key` and `given_key` by
  alike.py, from every entry point.
- Who is the same person is decided by `names.py` and `rules.py`, with a reason, for the API and for
  the legacy data alike.
"""
