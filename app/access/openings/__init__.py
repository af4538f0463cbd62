"""
Access to one person's data that is opened by a stated reason: break-glass for roles that see people masked, and what
lies outside one's caseload.

An opening belongs to one account and one person, ends by itself after an hour, and its reason is on record. Every use
leaves an audit event that says by which purpose it was; a break-glass is reviewed by somebody else.
"""
