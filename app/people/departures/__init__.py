"""
Who has died, and who wants nothing from us any more: one step that closes or lists what is open, and how it is undone.

The packages whose records are closed stand to the left of this one; each registers how it does so.
"""
