"""
Medical conditions: one list, each condition with its abbreviation, synonyms and codes.

A condition is named in one place only. Its name is unique without regard to case; an inactive condition stays where it
is used and is not offered any more.
"""
