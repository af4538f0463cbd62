"""
Who did or saw what, when and why; and the earlier versions of every edited row.

Both tables only grow: UPDATE, DELETE and TRUNCATE are refused by trigger, for the owner too. An event holds ids, codes
and field names, never a value. One request leaves one event, in the transaction of its effect.
"""
