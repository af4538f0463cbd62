"""
Notes: what somebody writes down about a person or a record of theirs. One is voided with a reason, never deleted.

The text is a subset of Markdown and is kept as it was typed; a page makes HTML of it when it is shown.
"""
