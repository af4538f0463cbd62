"""
Use cases that take two packages which do not know each other, a file each: the whole story is read in one place.

Nothing is stored here; every change is made by the package whose rows they are.
"""
