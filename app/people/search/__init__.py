"""
Search over people: one box for names in every spelling, addresses, numbers, birth dates and references.

Owns how a name is spelt in the index (folding.py), what somebody means by what they typed (typed.py), the rows that are
searched (models.py, rows.py) and the query (walk.py, near.py, queries.py).

Always true:

- A person's row is written in the transaction that writes their names; what else it holds of them follows by trigger.
- Filters stand inside the search: no cap acts before one.
- Equal input, equal order; pages go on until everything is shown.
"""
