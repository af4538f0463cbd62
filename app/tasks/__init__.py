"""
Tasks: what somebody has to do about a person, and by when. One is done or cancelled, never deleted.

A task may come again: when it is done, the next one is made.
"""
