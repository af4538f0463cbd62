"""
Looking up what happened: the audit trail, who looked at a person, earlier versions of every record, single reveals.

It reads what all other packages write, so it stands to their left. Anyone who may read a record may read its history; a
field that is masked in the record is masked in its history.
"""
