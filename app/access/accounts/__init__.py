"""
How people who work here prove who they are: passwords, second factors, passkeys, sessions, and links sent by mail.

A secret that only needs recognising is kept as a hash, one that must be read again (a TOTP seed) encrypted. A cookie
is a random reference: the session it stands for lives in the database and is looked up at every request, so an ended
session, a disabled account or a changed role is dead at the next one.
"""
