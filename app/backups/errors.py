from app.platform.errors import Conflict, NotFound, Unavailable


class BackupNotFound(NotFound):
    code = "backup_not_found"


class BackupDamaged(Conflict):
    code = "backup_damaged"


class WrongIdentity(Conflict):
    code = "backup_wrong_identity"


class SchemaTooNew(Conflict):
    code = "backup_too_new"


class NotEmpty(Conflict):
    code = "restore_place_not_empty"


class NotAsItWas(Conflict):
    """What was restored is not what the manifest says, or cannot be read."""

    code = "restored_incompletely"


class DocumentsMissing(Conflict):
    """The backup is made, and documents that can be read had no file."""

    code = "documents_missing"


class BackupStoreFailed(Unavailable):
    code = "backup_store_failed"


class DocumentStoreFailed(Unavailable):
    code = "files_unavailable"


class DatabaseFailed(Unavailable):
    """pg_dump or pg_restore ended before its end."""

    code = "database_failed"
