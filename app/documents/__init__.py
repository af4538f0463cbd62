"""
Documents: files about a person or a record of theirs, in versions. One is voided with a reason, never deleted.

The content lies outside the database, each version encrypted under a key of its own, which is wrapped by a master key.
Without its row in `document_key` a version cannot be read by anybody, wherever a copy of the file lies. Nobody reads a
version before the scan has passed it, where there is one.
"""
