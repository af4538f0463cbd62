"""
Lists that are taken out as files: each on record with its reason, and one of more rows than one person alone may take
after a second person has agreed. Nobody decides about their own.
"""
