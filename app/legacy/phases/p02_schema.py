"""
Phase 2, schema: the tables that will be written are there, as this code knows them.

Reads the database's revision, its tables and the contact types. Writes nothing of the product but a contact type that is
missing.
"""

from typing import Final

from app.legacy.errors import PhaseFailed
from app.legacy.phases.context import Context

READS: Final = ("alembic_version",)
WRITES: Final = ("contact_type",)

TARGETS: Final = {
    "eap_journey": "eap_journey_id",
    "clinical_trial_journey": "ct_journey_id",
    "clinical_trial": "clinical_trial_id",
    "call_history": "call_id",
    "patient_physician_relationship": "patient_physician_id",
    "suggested_change": "suggested_change_id",
    "duplicate_candidate": "duplicate_candidate_id",
    "patient_lead": "lead_id",
    "patient": "patient_id",
    "physician": "physician_id",
    "hospital": "hospital_id",
    "specialization": "specialization_id",
    "person_contact_type": "person_contact_type_id",
    "contact_point": "contact_point_id",
    "person": "person_id",
    "medical_condition": "medical_condition_id",
    "contact_type": "contact_type_id",
}
"""The tables a migration writes into, with their keys. The database function `legacy_targets` knows the same."""

_ROLES: Final = ("patient-lead", "patient", "physician", "pharmacist", "caregiver", "patient-navigator")


def run(context: Context) -> None:
    """Check the tables; make the contact types that are missing."""
    here = {
        (table, column)
        for table, column in context.all(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        )
    }
    missing = [f"{table}.{key}" for table, key in TARGETS.items() if (table, key) not in here]
    if missing:
        raise PhaseFailed(f"not in this database: {', '.join(missing)}; run `crm db upgrade` first")
    context.fill("w_contact_type", "name text", [(name,) for name in _ROLES])
    context.table(
        "d_contact_type",
        "SELECT w.name, legacy.derived_id(:epoch, 'contact_type', w.name) AS id FROM legacy.w_contact_type AS w"
        " WHERE NOT EXISTS (SELECT FROM public.contact_type AS t WHERE t.type_name = w.name)",
    )
    context.insert(
        "contact_type",
        "contact_type_id, created_at, type_name",
        "SELECT id, :now, name FROM legacy.d_contact_type",
    )
    context.lineage(
        "contact types", "SELECT 'contact_type', id, 'systemuser', NULL::uuid, NULL::text[] FROM legacy.d_contact_type"
    )
