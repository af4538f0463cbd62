"""
Jobs wait in the database: the tables and functions of procrastinate, as the locked release brings them.

Revision: 0006_jobs, after: 0005_oversight
"""

from collections.abc import Sequence

from alembic import op
from procrastinate.schema import SchemaManager

revision: str = "0006_jobs"
down_revision: str | None = "0005_oversight"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

DROP_FUNCTIONS = r"""
DO $body$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'procrastinate_')
    LOOP
        EXECUTE 'DROP FUNCTION ' || found.name;
    END LOOP;
END
$body$
"""


def upgrade() -> None:
    # By the driver and not as SQLAlchemy text: the library's functions hold colons.
    op.get_bind().connection.cursor().execute(SchemaManager.get_schema())


def downgrade() -> None:
    tables = ("events", "periodic_defers", "jobs", "workers")
    op.execute("DROP TABLE " + ", ".join(f"procrastinate_{table}" for table in tables) + " CASCADE")
    op.execute(DROP_FUNCTIONS)
    op.execute("DROP TYPE procrastinate_job_to_defer_v1, procrastinate_job_event_type, procrastinate_job_status")
