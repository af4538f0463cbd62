"""
The three roles of the database.

- `crm_owner` owns the schema and moves it: `crm db`. No process that serves logs in as it.
- `crm_operator` migrates and undoes: `crm legacy`. The schemas `legacy` and `legacy_compat` belong to it.
- `crm_application` serves, and works on what is due.

A fourth is there where the log is archived: `crm_archive` receives the log and copies the files of the whole
server, and owns and changes nothing. It is made where CRM_ARCHIVE_DATABASE_URL names it.

Accounts of your own become members: `GRANT crm_application TO "svc-crm"`.
"""

from typing import Final

OWNER: Final = "crm_owner"
OPERATOR: Final = "crm_operator"
APPLICATION: Final = "crm_application"
ROLES: Final = (OWNER, OPERATOR, APPLICATION)
ARCHIVE: Final = "crm_archive"
