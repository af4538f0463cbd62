"""
The database's owner alone makes exceptions: by functions with its rights, which the roles of `crm db roles` may call.

- The exception to insert-only holds where the owner's rights do: inside those functions.
- Partitions of the audit trail are made and closed with the owner's rights.
- A first migration takes indexes away and builds them again by function; without them its transaction does not commit.
- History and refusals look for their tables in the schema public, whatever the account has set.

Revision: 0018_owner
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018_owner"
down_revision: str | None = "0017_resets_apart"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_BODY_WITHOUT_OWNER = """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        IF TG_TABLE_NAME !~ '^audit_event' AND current_setting('crm.insert_only_exception', true) = 'on' THEN
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD WHEN 'UPDATE' THEN NEW END;
        END IF;
        RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
    $body$
"""

_REFUSE_CHANGE = """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $body$
    BEGIN
        -- Anybody may set the setting; it counts where the owner's rights hold, inside the owner's functions.
        IF TG_TABLE_NAME !~ '^audit_event' AND current_setting('crm.insert_only_exception', true) = 'on'
            AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
        THEN
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD WHEN 'UPDATE' THEN NEW END;
        END IF;
        RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
    $body$
"""

_TAKE_AWAY = """
    CREATE FUNCTION take_indexes_away(target text) RETURNS SETOF text LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    DECLARE
        part record;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(quote_ident(target)) AND relkind = 'r')
            OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(target)) AND tgname = 'refuse_change')
        THEN
            RAISE EXCEPTION '% keeps its indexes', target USING ERRCODE = 'insufficient_privilege';
        END IF;
        INSERT INTO index_set_aside (table_name, place, name, is_constraint, definition)
        -- A unique constraint that another table's foreign key leans on has to stay, as has the primary key.
        SELECT target, CASE c.contype WHEN 'f' THEN 2 ELSE 1 END, c.conname, true, pg_get_constraintdef(c.oid)
        FROM pg_constraint AS c
        WHERE c.conrelid = target::regclass AND c.contype IN ('f', 'u', 'x') AND c.conparentid = 0
          AND (c.contype = 'f'
               OR NOT EXISTS (SELECT FROM pg_constraint AS f WHERE f.contype = 'f' AND f.conindid = c.conindid))
        UNION ALL
        SELECT target, 3, x.relname, false, pg_get_indexdef(i.indexrelid)
        FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE i.indrelid = target::regclass
          AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid);
        FOR part IN
            SELECT * FROM index_set_aside AS s WHERE s.table_name = target ORDER BY s.place = 2 DESC, s.place, s.name
        LOOP
            IF part.is_constraint THEN
                EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', target, part.name);
            ELSE
                EXECUTE format('DROP INDEX %I', part.name);
            END IF;
        END LOOP;
        RETURN QUERY SELECT s.name FROM index_set_aside AS s WHERE s.table_name = target ORDER BY s.place, s.name;
    END
    $body$
"""

_BUILD = """
    CREATE FUNCTION build_index(target text, index_name text) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    DECLARE
        part record;
    BEGIN
        DELETE FROM index_set_aside AS s WHERE s.table_name = target AND s.name = index_name RETURNING * INTO STRICT part;
        IF part.is_constraint THEN
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', target, index_name, part.definition);
        ELSE
            EXECUTE part.definition;
        END IF;
    END
    $body$
"""

_REFUSE_MISSING = """
    CREATE FUNCTION refuse_missing_index() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    BEGIN
        IF EXISTS (SELECT FROM index_set_aside AS s WHERE s.table_name = NEW.table_name AND s.name = NEW.name) THEN
            RAISE EXCEPTION '% of % has to be built again', NEW.name, NEW.table_name
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END
    $body$
"""

_WITH_THE_OWNERS_RIGHTS = (
    "ensure_audit_partitions(integer)",
    "close_audit_partitions()",
    "undo_legacy_run(integer, integer)",
)


def upgrade() -> None:
    op.create_table(
        "index_set_aside",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("is_constraint", sa.Boolean(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "name", name=op.f("pk_index_set_aside")),
    )
    op.execute(_REFUSE_CHANGE)
    op.execute("ALTER FUNCTION keep_history() SET search_path = public, pg_temp")
    for function in (_TAKE_AWAY, _BUILD, _REFUSE_MISSING):
        op.execute(function)
    op.execute(
        "CREATE CONSTRAINT TRIGGER is_built_again AFTER INSERT ON index_set_aside DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION refuse_missing_index()"
    )
    for function in _WITH_THE_OWNERS_RIGHTS:
        op.execute(f"ALTER FUNCTION {function} SECURITY DEFINER SET search_path = public, pg_temp")


def downgrade() -> None:
    for function in _WITH_THE_OWNERS_RIGHTS:
        op.execute(f"ALTER FUNCTION {function} SECURITY INVOKER")
    for function in ("ensure_audit_partitions(integer)", "close_audit_partitions()"):
        op.execute(f"ALTER FUNCTION {function} RESET search_path")
    op.drop_table("index_set_aside")
    for function in ("refuse_missing_index()", "build_index(text, text)", "take_indexes_away(text)"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("ALTER FUNCTION keep_history() RESET search_path")
    op.execute("ALTER FUNCTION refuse_change() RESET search_path")
    op.execute(_BODY_WITHOUT_OWNER)
