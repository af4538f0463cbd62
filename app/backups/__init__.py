"""
Backups of the database and of the documents of one moment, encrypted to keys whose private halves are elsewhere.

A backup is files of one name with a number each, and a manifest, which comes last and goes last: without it there is no
backup. Neither the manifest nor a file's name tells anything of a person. The plain content is never on a disk.
"""
