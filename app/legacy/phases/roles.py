"""Roles: each phase decides those of its kind, phase 8 writes them all at once."""

from typing import Final

from app.legacy.phases.bulk import indexes_at_the_end
from app.legacy.phases.context import Context

_ROLES: Final = ("patient-navigator", "patient-lead", "caregiver", "patient", "physician", "pharmacist")


def role(context: Context, name: str, query: str) -> None:
    """Decide one period of a role for each person the query gives (person_id, valid_from, valid_to, tbl, source_id)."""
    context.table(
        f"d_role_{name.replace('-', '_')}",
        f"""
        SELECT q.*, legacy.derived_id(:epoch, 'role', q.person_id || '{name}') AS id
        FROM ({query}) AS q
        """,
    )


def write_roles(context: Context) -> None:
    """Write the roles decided on; somebody who has one here already at that time keeps it as it is."""
    decided = " UNION ALL ".join(
        f"SELECT '{name}' AS role, d.* FROM legacy.d_role_{name.replace('-', '_')} AS d" for name in _ROLES
    )
    taken = (
        ""
        if context.is_first
        else """
            AND NOT EXISTS (
                SELECT FROM public.person_contact_type AS x WHERE x.person_id = d.person_id
                AND x.contact_type_id = t.contact_type_id AND x.period && tstzrange(d.valid_from, d.valid_to))
        """
    )
    context.table(
        "w_new_role",
        f"""
        SELECT d.*, t.contact_type_id FROM ({decided}) AS d JOIN public.contact_type AS t ON t.type_name = d.role
        WHERE {context.is_new("person_contact_type", "person_contact_type_id", "d.id")} {taken}
        """,
    )
    with indexes_at_the_end(context, "person_contact_type", context.count("w_new_role")):
        context.insert(
            "person_contact_type",
            "person_contact_type_id, created_at, updated_at, person_id, contact_type_id, valid_from, valid_to",
            "SELECT id, :now, :now, person_id, contact_type_id, valid_from, valid_to FROM legacy.w_new_role",
        )
    context.lineage("roles", "SELECT 'person_contact_type', id, tbl, source_id, NULL::text[] FROM legacy.w_new_role")
