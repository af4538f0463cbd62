"""
What a task or a note is about: a person, and beside that one of their records, all of one person.

Tasks and notes have the same columns, fields and filters for it.
"""
