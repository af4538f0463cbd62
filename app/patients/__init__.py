"""
Patients: the record of a person whom we help. One patient for one person; everything about the human is on the person.

A deleted patient keeps its status and its rows; it answers 404 until its person returns or somebody may read deleted.
"""
