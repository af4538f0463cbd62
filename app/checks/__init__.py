"""
What may be wrong with an installation, in words: `crm doctor` asks all of it, `/health/ready` a part.

A check looks and changes nothing (the one of the store for documents puts a file there and takes it away). What it says
holds numbers, names of settings and kinds of errors: no secret, no personal data, no text of another program.
"""
