"""
What each role of the database may do: made, handed over and granted.

What may become of a table's rows stands beside the table (`Rows` in db.py); grants follow from it. `crm db roles` does
all of it; a revision that was run grants what is new.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import MetaData

from app.platform.db import Rows
from app.platform.errors import Conflict
from app.platform.roles import APPLICATION, ARCHIVE, OPERATOR, OWNER, ROLES

Connection = psycopg.Connection[Any]

_READ: Final = ("SELECT",)
_ADD: Final = (*_READ, "INSERT")
_CHANGE: Final = (*_ADD, "UPDATE")
_REMOVE: Final = (*_CHANGE, "DELETE")
_ALLOWED: Final = {
    Rows.INSERT_ONLY: _ADD,
    Rows.RECORD: _CHANGE,
    Rows.PART: _REMOVE,
    Rows.DISPOSABLE: _REMOVE,
    Rows.OWNERS: _READ,
}
_JOBS: Final = "procrastinate_"
"""The library's own tables and functions: it removes what is done."""
_WITH_THE_OWNERS_RIGHTS: Final = {
    "ensure_audit_partitions": (APPLICATION, OPERATOR),
    "close_audit_partitions": (APPLICATION, OPERATOR),
    "undo_legacy_run": (OPERATOR,),
    "keep_legacy_rows_worked_on": (OPERATOR,),
    "take_indexes_away": (OPERATOR,),
    "build_index": (OPERATOR,),
}
"""
Who may call a function that has the owner's rights (SECURITY DEFINER). One that is not named here nobody else calls.

Other functions are for everybody: they can do no more than who calls them.
"""


class Grant(NamedTuple):
    """`kind` and `name` as GRANT spells them, quoted; `role` is a role or `public`, which is everybody."""

    kind: str
    name: str
    role: str
    privilege: str


_FOUND: Final = """
    WITH ours AS (
        SELECT 'TABLE' AS kind, c.oid::regclass::text AS name, c.relowner AS owner,
               coalesce(c.relacl, acldefault('r', c.relowner)) AS acl, '' AS of_column
        FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        UNION ALL
        SELECT 'TABLE', c.oid::regclass::text, c.relowner, a.attacl, format(' (%%I)', a.attname)
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'public'::regnamespace AND a.attacl IS NOT NULL
        UNION ALL
        SELECT 'SEQUENCE', c.oid::regclass::text, c.relowner, coalesce(c.relacl, acldefault('s', c.relowner)), ''
        FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'
        UNION ALL
        SELECT 'ROUTINE', p.oid::regprocedure::text, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), ''
        FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
        UNION ALL
        SELECT 'SCHEMA', quote_ident(n.nspname), n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)), ''
        FROM pg_namespace AS n WHERE n.nspname = 'public'
        UNION ALL
        SELECT 'DATABASE', quote_ident(d.datname), d.datdba, coalesce(d.datacl, acldefault('d', d.datdba)), ''
        FROM pg_database AS d WHERE d.datname = current_database()
        UNION ALL
        SELECT CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES'
                   WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
               format('FOR ROLE %%I', r.rolname) || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), ''),
               r.oid, d.defaclacl, ''
        FROM pg_default_acl AS d JOIN pg_roles AS r ON r.oid = d.defaclrole
        LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
        WHERE r.rolname = %(owner)s
    )
    SELECT o.kind, o.name, CASE WHEN a.grantee = 0 THEN 'public' ELSE a.grantee::regrole::text END,
           a.privilege_type || o.of_column
    FROM ours AS o, aclexplode(o.acl) AS a
    WHERE a.grantee <> o.owner AND (a.grantee = 0 OR a.grantee::regrole::text = ANY (%(roles)s))
      AND NOT (a.grantee = 0 AND a.privilege_type IN ('CONNECT', 'USAGE'))
"""
"""
What our roles and everybody have been granted, the owner's own rights left out; also on single columns, and on what
the owner makes from now on (the partitions of the trail are made by day): its kind is then a plural.

Whether everybody may connect and look into the schema is the administrator's business: neither shows a row.
"""

_IS_MIGHTY: Final = (
    "(power.rolsuper OR power.rolcreaterole OR power.rolreplication OR power.rolbypassrls"
    " OR starts_with(power.rolname, 'pg_'))"
)
"""SQL: whether a role has rights that no table grants. The roles `pg_…` of PostgreSQL write or keep up every table."""

_OBJECTS: Final = """
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.relname::text,
           c.relispartition AS is_the_owners
    FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'S')
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text, p.proname::text, p.prosecdef FROM pg_proc AS p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
"""

_BELONG_TO_OTHERS: Final = """
    WITH extended AS (SELECT objid FROM pg_depend WHERE deptype = 'e'),
    ours AS (
        SELECT oid, nspname, CASE nspname WHEN 'public' THEN %(owner)s ELSE %(operator)s END AS role
        FROM pg_namespace WHERE nspname IN ('public', 'legacy', 'legacy_compat')
    )
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
           c.oid::regclass::text, n.role, c.relowner::regrole::text
    FROM pg_class AS c JOIN ours AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'S') AND c.relowner::regrole::text <> n.role AND c.oid NOT IN (TABLE extended)
      -- A sequence goes with the table whose column it fills.
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text, n.role, p.proowner::regrole::text
    FROM pg_proc AS p JOIN ours AS n ON n.oid = p.pronamespace
    WHERE p.proowner::regrole::text <> n.role AND p.oid NOT IN (TABLE extended)
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text, n.role, t.typowner::regrole::text
    FROM pg_type AS t JOIN ours AS n ON n.oid = t.typnamespace LEFT JOIN pg_class AS c ON c.oid = t.typrelid
    WHERE t.typowner::regrole::text <> n.role AND t.typelem = 0 AND (t.typrelid = 0 OR c.relkind = 'c')
      AND t.typtype IN ('e', 'd', 'c') AND t.oid NOT IN (TABLE extended)
    UNION ALL
    SELECT 'SCHEMA', quote_ident(n.nspname), ours.role, n.nspowner::regrole::text
    FROM pg_namespace AS n JOIN ours USING (oid)
    WHERE n.nspowner::regrole::text <> ours.role AND n.nspname <> 'public'
"""
"""What of this database is not its role's yet: kind, name, the role, whose it is. pg_toast, indexes and rows follow."""


def set_up(administrator: str, metadata: MetaData, *, logins: Iterable[str | None]) -> tuple[list[str], int]:
    """
    Make the roles of this database and hand everything over, in one transaction: the roles made, the changes in all.

    `logins` are the addresses of the roles, for the passwords of those that are made. Conflict says what is missing.
    """
    # As libpq reads them: the password stands before the host or behind the question mark.
    parts = [conninfo_to_dict(login) for login in logins if login is not None]
    passwords = {str(one.get("user", "")): str(one["password"]) if one.get("password") else None for one in parts}
    with psycopg.connect(administrator) as connection:
        made = make(connection, passwords)
        return made, hand_over(connection) + grant(connection, metadata)


def refuse_owner(application: str) -> None:
    """Conflict when this address logs in as somebody who may do more than the application, as the owner may."""
    with psycopg.connect(application) as connection:
        account = connection.execute(
            f"SELECT current_user WHERE EXISTS (SELECT FROM pg_roles AS power WHERE pg_has_role(power.oid, 'MEMBER')"
            f" AND ({_IS_MIGHTY} OR power.rolname = ANY (%s)))"
            " OR has_table_privilege(to_regclass('public.audit_event'), 'UPDATE, DELETE, TRUNCATE, TRIGGER')",
            ([OWNER, OPERATOR],),
        ).fetchone()
    if account:
        raise Conflict(
            f"CRM_DATABASE_URL logs in as {account[0]}, who may do more than the application: remove records, or the "
            f"audit trail. Run `crm db roles` and let the application log in as {APPLICATION} or a mere member of it.",
            code="role_too_powerful",
        )


def are_set(connection: Connection) -> bool:
    """Whether the three roles are there, this database is the owner's, and this connection may act as the owner."""
    there = _one(connection, "SELECT count(*) FROM pg_roles WHERE rolname = ANY (%s)", (list(ROLES),)) == len(ROLES)
    return there and bool(
        _one(
            connection,
            "SELECT datdba = %s::regrole AND pg_has_role(datdba, 'USAGE') FROM pg_database"
            " WHERE datname = current_database()",
            (OWNER,),
        )
    )


def make(connection: Connection, passwords: Mapping[str, str | None]) -> list[str]:
    """
    Make the roles that are missing, each with its password; their names.

    A role that is there keeps its password. Conflict tells what an administrator has to do where this account may not.
    """
    # The archive is not everywhere: it has a role where an address names it.
    wanted = (*ROLES, *[role for role in passwords if role == ARCHIVE])
    there = {
        name for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", [list(wanted)])
    }
    missing = [role for role in wanted if role not in there]
    for role in missing:
        statement = sql.SQL("CREATE ROLE {} LOGIN {}").format(
            sql.Identifier(role), sql.SQL("REPLICATION" if role == ARCHIVE else "")
        )
        if password := passwords.get(role):
            # The server keeps a verifier and never sees the password, nor does its log.
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            statement += sql.SQL(" PASSWORD {}").format(sql.Literal(verifier))
        _try(connection, statement, f"make the role {role}")
    return missing


def hand_over(connection: Connection) -> int:
    """
    Give every object of this database to its role; the number of those that changed hands.

    Conflict says what an administrator has to do where this connection may not.
    """
    _refuse_too_powerful(connection)
    _may_act_as_the_owner(connection)
    if not _one(connection, "SELECT pg_has_role(%s, %s, 'USAGE')", (OWNER, OPERATOR)):
        member = sql.SQL("GRANT {} TO {}").format(sql.Identifier(OPERATOR), sql.Identifier(OWNER))
        _try(connection, member, f"make {OWNER} a member of {OPERATOR}")
    database = _database(connection)
    of_database = _one(connection, "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()")
    if of_database != OWNER:
        change = sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.SQL(database), sql.Identifier(OWNER))
        _try(connection, change, f"give the database to {OWNER}")
    of_public = _one(connection, "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'public'")
    if of_public not in {OWNER, "pg_database_owner"}:
        _try(
            connection, sql.SQL("ALTER SCHEMA public OWNER TO pg_database_owner"), "give the schema public to the owner"
        )
    # The new owner of a schema has to be somebody who may make schemas.
    _grant(connection, {Grant("DATABASE", database, OPERATOR, "CREATE")} - _found(connection))
    others = connection.execute(_BELONG_TO_OTHERS, {"owner": OWNER, "operator": OPERATOR}).fetchall()
    for kind, name, role, whose in others:
        statement = sql.SQL("ALTER {} {} OWNER TO {}").format(sql.SQL(kind), sql.SQL(name), sql.Identifier(role))
        _try(connection, statement, f"give {kind} {name} of {whose} to {role}")
    return len(others)


def grant(connection: Connection, metadata: MetaData) -> int:
    """
    Grant what the roles need and take away what they have beyond it; the number of changes.

    `metadata` holds every table (app/models.py); one that it does not know is the owner's alone.
    """
    wanted, found = _wanted(connection, metadata), _found(connection)
    _grant(connection, wanted - found)
    to_come = {grant for grant in found - wanted if grant.name.startswith("FOR ROLE ")}
    for kind, name, role, privilege in sorted(to_come):
        connection.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES {} REVOKE {} ON {} FROM {}").format(
                sql.SQL(name), sql.SQL(privilege), sql.SQL(kind), sql.SQL(role)
            )
        )
    for (kind, role, privilege), names in _together(found - wanted - to_come).items():
        connection.execute(
            sql.SQL("REVOKE {} ON {} {} FROM {}").format(sql.SQL(privilege), sql.SQL(kind), names, sql.SQL(role))
        )
    return len(wanted ^ found)


def differences(connection: Connection, metadata: MetaData) -> set[Grant]:
    """Grants that are missing or one too many; empty when all is as this code says."""
    return _wanted(connection, metadata) ^ _found(connection)


def _wanted(connection: Connection, metadata: MetaData) -> set[Grant]:
    declared = {name: _ALLOWED[table.info["rows"]] for name, table in metadata.tables.items()}
    declared["alembic_version"] = _READ
    database = _database(connection)
    wanted = {
        *(Grant("DATABASE", database, role, "CONNECT") for role in (OPERATOR, APPLICATION)),
        # Its schemas `legacy` and `legacy_compat` are made by the first run and dropped after the last.
        Grant("DATABASE", database, OPERATOR, "CREATE"),
        *(Grant("SCHEMA", "public", role, "USAGE") for role in (OPERATOR, APPLICATION)),
    }
    for kind, name, plain, is_the_owners in connection.execute(_OBJECTS):
        is_job = plain.startswith(_JOBS)
        if kind == "SEQUENCE":
            wanted |= {Grant(kind, name, role, "USAGE") for role in (OPERATOR, APPLICATION)}
        elif kind == "ROUTINE":
            callers = _WITH_THE_OWNERS_RIGHTS.get(plain, ()) if is_the_owners else (OPERATOR, APPLICATION)
            wanted |= {Grant(kind, name, role, "EXECUTE") for role in callers}
        elif not is_the_owners:
            allowed = _REMOVE if is_job else declared.get(plain, ())
            wanted |= {Grant(kind, name, role, privilege) for role in (OPERATOR, APPLICATION) for privilege in allowed}
            if allowed == _CHANGE:
                # ANALYZE after a phase of the migration.
                wanted.add(Grant(kind, name, OPERATOR, "MAINTAIN"))
    return wanted


def _found(connection: Connection) -> set[Grant]:
    return {Grant(*row) for row in connection.execute(_FOUND, {"roles": [OPERATOR, APPLICATION], "owner": OWNER})}


def _together(grants: set[Grant]) -> dict[tuple[str, str, str], sql.Composed]:
    names: dict[tuple[str, str, str], list[str]] = {}
    for kind, name, role, privilege in sorted(grants):
        names.setdefault((kind, role, privilege), []).append(name)
    return {key: sql.SQL(", ").join(map(sql.SQL, found)) for key, found in names.items()}


def _grant(connection: Connection, grants: set[Grant]) -> None:
    for (kind, role, privilege), names in _together(grants).items():
        connection.execute(
            sql.SQL("GRANT {} ON {} {} TO {}").format(sql.SQL(privilege), sql.SQL(kind), names, sql.SQL(role))
        )


def _may_act_as_the_owner(connection: Connection) -> None:
    if not _one(connection, "SELECT pg_has_role(%s, 'SET')", (OWNER,)):
        # Who has made a role may make itself a member of it.
        me = sql.SQL("GRANT {} TO current_user WITH INHERIT TRUE, SET TRUE").format(sql.Identifier(OWNER))
        _try(connection, me, f"act as {OWNER}")


def _refuse_too_powerful(connection: Connection) -> None:
    # Members of nothing: what a group may do, or comes to may do, stands in no grant of this database.
    powerful = connection.execute(
        f"""
        SELECT account.rolname, string_agg(power.name, ', ' ORDER BY power.name)
        FROM pg_roles AS account, LATERAL (
            SELECT power.rolname FROM pg_roles AS power WHERE pg_has_role(account.oid, power.oid, 'MEMBER')
                AND (power.oid <> account.oid OR {_IS_MIGHTY})
            UNION ALL
            SELECT 'SET ' || p.parname FROM pg_parameter_acl AS p, aclexplode(p.paracl) AS a
            WHERE a.grantee IN (0, account.oid)
        ) AS power (name) WHERE account.rolname = ANY (%s) GROUP BY 1 ORDER BY 1
        """,
        ([OPERATOR, APPLICATION],),
    ).fetchall()
    if powerful:
        found = "; ".join(f"{name} (by {powers})" for name, powers in powerful)
        raise Conflict(
            f"Too powerful: {found}. Take SUPERUSER, CREATEROLE, REPLICATION, BYPASSRLS, memberships of other roles "
            "and rights on parameters away first.",
            code="role_too_powerful",
        )


def _try(connection: Connection, statement: sql.SQL | sql.Composed, what: str) -> None:
    try:
        with connection.transaction():
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege as refused:
        account = _one(connection, "SELECT current_user")
        raise Conflict(
            f"The account {account} may not {what} ({refused.diag.message_primary}). Run `crm db roles` once with "
            "CRM_ADMIN_DATABASE_URL set to an administrator of this PostgreSQL; that account is used for nothing else.",
            code="administrator_needed",
        ) from None


def _one(connection: Connection, query: str, values: tuple[object, ...] = ()) -> object:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def _database(connection: Connection) -> str:
    return str(_one(connection, "SELECT quote_ident(current_database())"))
