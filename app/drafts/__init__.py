"""
Drafts: what somebody is typing, kept for them alone until they send it, for 30 days at most.

A draft belongs to a field or form of one record. Nobody else reads it, administrators included.
"""
