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
    """pg_dump, pg_restore or pg_basebackup ended before its end."""

    code = "database_failed"


class ServerFailed(Unavailable):
    """A server that was to recover a base did not."""

    code = "recovery_failed"


class OutOfReach(Conflict):
    """No base and log are there for this moment."""

    code = "moment_out_of_reach"


class ArchiveBroken(Conflict):
    """The database keeps no log for the archive: a new base begins it anew."""

    code = "archive_broken"


class ArchiveRuns(Conflict):
    code = "archive_runs_already"
