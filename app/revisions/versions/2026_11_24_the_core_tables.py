"""
The core tables, with the triggers that keep history and refuse changes.

Revision: 0001_core, the first.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001_core"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


EDITED = {
    "clinical_trial": ("clinical_trial_id",),
    "eap_program": ("eap_program_id",),
    "hospital": ("hospital_id",),
    "medical_condition": ("medical_condition_id",),
    "person": ("person_id",),
    "specialization": ("specialization_id",),
    "duplicate_candidate": ("duplicate_candidate_id",),
    "person_contact_type": ("person_contact_type_id",),
    "person_relationship": ("person_relationship_id",),
    "physician": ("physician_id",),
    "user_account": ("user_account_id",),
    "api_key": ("api_key_id", "secret_sha256"),
    "patient": ("patient_id",),
    "suggested_change": ("suggested_change_id",),
    "clinical_trial_journey": ("ct_journey_id",),
    "eap_journey": ("eap_journey_id",),
    "patient_lead": ("lead_id",),
    "patient_physician_relationship": ("patient_physician_id",),
    "call_history": ("call_id",),
    "eap_gate": ("eap_gate_id",),
}
"""Tables with earlier versions in row_history: the key's column, then columns that history leaves out."""

INSERT_ONLY = ("audit_event", "row_history", "intake_submission", "journey_event")

HAVE_GENERATED_COLUMNS = ("call_history", "person_contact_type")
"""PostgreSQL lets no WHEN look at a whole new row that has them: there every UPDATE makes a version."""

FUNCTIONS = (
    # Files the earlier version of a row and counts its version up. Arguments: the key's column, then columns to leave out.
    """
    CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $body$
    DECLARE
        earlier jsonb := to_jsonb(OLD);
        key_column text := TG_ARGV[0];
    BEGIN
        FOR place IN 1 .. TG_NARGS - 1 LOOP
            earlier := earlier - TG_ARGV[place];
        END LOOP;
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
        INSERT INTO row_history (table_name, record_id, version, "row", replaced_by, reason)
        VALUES (TG_TABLE_NAME, (earlier ->> key_column)::uuid, OLD.version, earlier, NEW.updated_by,
                nullif(current_setting('crm.reason', true), ''));
        RETURN NEW;
    END
    $body$
    """,
    # Insert only. The two functions that may change such rows carry the setting as their own SET clause;
    # audit_event knows no exception.
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        IF TG_TABLE_NAME !~ '^audit_event' AND current_setting('crm.insert_only_exception', true) = 'on' THEN
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD WHEN 'UPDATE' THEN NEW END;
        END IF;
        RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
    $body$
    """,
    """
    CREATE FUNCTION ensure_audit_partitions(months_ahead integer) RETURNS integer LANGUAGE plpgsql AS $body$
    DECLARE
        first_day timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
        partition_name text;
        made integer := 0;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('ensure_audit_partitions'));
        FOR month IN 0 .. months_ahead LOOP
            partition_name := format('audit_event_%s', to_char(first_day + make_interval(months => month), 'YYYY_MM'));
            IF to_regclass(partition_name) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)',
                    partition_name,
                    (first_day + make_interval(months => month)) AT TIME ZONE 'UTC',
                    (first_day + make_interval(months => month + 1)) AT TIME ZONE 'UTC');
                EXECUTE format(
                    'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I '
                    'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition_name);
                made := made + 1;
            END IF;
        END LOOP;
        RETURN made;
    END
    $body$
    """,
)


def _triggers() -> list[str]:
    made = []
    for table, arguments in EDITED.items():
        quoted = ", ".join(f"'{argument}'" for argument in arguments)
        changed = "" if table in HAVE_GENERATED_COLUMNS else "WHEN (OLD.* IS DISTINCT FROM NEW.*) "
        made.append(
            f"CREATE TRIGGER keep_history BEFORE UPDATE ON {table} FOR EACH ROW "
            f"{changed}EXECUTE FUNCTION keep_history({quoted})"
        )
    for table in INSERT_ONLY:
        made.append(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        made.append(
            f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    return made


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.create_table(
        "audit_event",
        sa.Column("audit_event_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("api_key_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("record_type", sa.Text(), nullable=True),
        sa.Column("record_id", sa.Uuid(), nullable=True),
        sa.Column("person_ids", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("field_names", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('done', 'refused', 'absent', 'invalid', 'conflict', 'failed')",
            name=op.f("ck_audit_event_outcome_known"),
        ),
        sa.PrimaryKeyConstraint("audit_event_id", "at", name=op.f("pk_audit_event")),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_audit_event_actor_id_at", "audit_event", ["actor_id", "at"], unique=False)
    op.create_index("ix_audit_event_record_id_at", "audit_event", ["record_id", "at"], unique=False)
    op.create_table(
        "clinical_trial",
        sa.Column("clinical_trial_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("trial_id", sa.String(length=100), nullable=False),
        sa.Column("registry_code", sa.Text(), nullable=False),
        sa.Column("title", sa.String(length=500), nullable=True),
        sa.Column("phase", sa.String(length=30), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'unverified'"), nullable=False),
        sa.Column("sponsor", sa.String(length=200), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("btrim(trial_id) <> ''", name=op.f("ck_clinical_trial_trial_id_not_blank")),
        sa.CheckConstraint(
            "registry_code IN ('NCT', 'EUCT', 'EudraCT', 'ISRCTN', 'jRCT', 'other')",
            name=op.f("ck_clinical_trial_registry_known"),
        ),
        sa.CheckConstraint(
            "status IN ('unverified', 'not_yet_recruiting', 'recruiting', 'enrolling_by_invitation', 'active_not_recruiting', 'suspended', 'terminated', 'completed', 'withdrawn')",
            name=op.f("ck_clinical_trial_status_known"),
        ),
        sa.PrimaryKeyConstraint("clinical_trial_id", name=op.f("pk_clinical_trial")),
    )
    op.create_index(
        "ix_clinical_trial_created_at",
        "clinical_trial",
        [sa.literal_column("created_at DESC"), sa.literal_column("clinical_trial_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_clinical_trial_status_created_at",
        "clinical_trial",
        ["status", sa.literal_column("created_at DESC"), sa.literal_column("clinical_trial_id DESC")],
        unique=False,
    )
    op.create_index("uq_clinical_trial_trial_id", "clinical_trial", ["trial_id"], unique=True)
    op.create_table(
        "contact_type",
        sa.Column("contact_type_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("type_name", sa.String(length=50), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("contact_type_id", name=op.f("pk_contact_type")),
        sa.UniqueConstraint("type_name", name=op.f("uq_contact_type_type_name")),
    )
    op.create_table(
        "eap_program",
        sa.Column("eap_program_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("product", sa.String(length=200), nullable=False),
        sa.Column("sponsor", sa.String(length=200), nullable=True),
        sa.Column("countries", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("btrim(product) <> ''", name=op.f("ck_eap_program_product_not_blank")),
        sa.CheckConstraint(
            "status IN ('planned', 'open', 'paused', 'closed')", name=op.f("ck_eap_program_status_known")
        ),
        sa.PrimaryKeyConstraint("eap_program_id", name=op.f("pk_eap_program")),
    )
    op.create_index(
        "ix_eap_program_created_at",
        "eap_program",
        [sa.literal_column("created_at DESC"), sa.literal_column("eap_program_id DESC")],
        unique=False,
    )
    op.create_index("uq_eap_program_name", "eap_program", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "hospital",
        sa.Column("hospital_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("address", sa.String(length=500), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_hospital_name_not_blank")),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_hospital_country_iso")),
        sa.PrimaryKeyConstraint("hospital_id", name=op.f("pk_hospital")),
    )
    op.create_index("ix_hospital_name", "hospital", [sa.literal_column("lower(name)"), "hospital_id"], unique=False)
    op.create_table(
        "medical_condition",
        sa.Column("medical_condition_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("abbreviation", sa.String(length=50), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_medical_condition_name_not_blank")),
        sa.PrimaryKeyConstraint("medical_condition_id", name=op.f("pk_medical_condition")),
    )
    op.create_index(
        "ix_medical_condition_active_name",
        "medical_condition",
        ["is_active", sa.literal_column("lower(name)"), "medical_condition_id"],
        unique=False,
    )
    op.create_index("uq_medical_condition_name", "medical_condition", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "person",
        sa.Column("person_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=False),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("middle_name", sa.String(length=100), nullable=True),
        sa.Column("preferred_name", sa.String(length=100), nullable=True),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("email_key", sa.Text(), nullable=True),
        sa.Column("phone", sa.String(length=64), nullable=True),
        sa.Column("phone_e164", sa.String(length=20), nullable=True),
        sa.Column("phone_valid", sa.Boolean(), nullable=True),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("gender", sa.Text(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("do_not_contact_channels", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("btrim(first_name) <> ''", name=op.f("ck_person_first_name_not_blank")),
        sa.CheckConstraint("btrim(last_name) <> ''", name=op.f("ck_person_last_name_not_blank")),
        sa.CheckConstraint("country ~ '^[A-Z]{2}$'", name=op.f("ck_person_country_iso")),
        sa.CheckConstraint("gender IN ('male', 'female', 'other', 'unknown')", name=op.f("ck_person_gender_known")),
        sa.CheckConstraint("(email IS NULL) = (email_key IS NULL)", name=op.f("ck_person_email_has_key")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person")),
    )
    op.create_index(
        "ix_person_created_at",
        "person",
        [sa.literal_column("created_at DESC"), sa.literal_column("person_id DESC")],
        unique=False,
    )
    op.create_index("ix_person_last_name_first_name", "person", ["last_name", "first_name"], unique=False)
    op.create_index(
        "ix_person_name_key_date_of_birth",
        "person",
        ["name_key", "date_of_birth"],
        unique=False,
        postgresql_where=sa.text("date_of_birth IS NOT NULL"),
    )
    op.create_index(
        "ix_person_name_key_prefix",
        "person",
        ["name_key", "person_id"],
        unique=False,
        postgresql_ops={"name_key": "text_pattern_ops"},
    )
    op.create_index(
        "ix_person_name_key_trigram",
        "person",
        ["name_key"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_key": "gin_trgm_ops"},
    )
    op.create_index(
        "ix_person_phone_e164",
        "person",
        ["phone_e164"],
        unique=False,
        postgresql_where=sa.text("phone_e164 IS NOT NULL"),
    )
    op.create_index(
        "uq_person_email_key",
        "person",
        ["email_key"],
        unique=True,
        postgresql_where=sa.text("email_key IS NOT NULL"),
    )
    op.create_table(
        "row_history",
        sa.Column("row_history_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("row", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "replaced_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("row_history_id", name=op.f("pk_row_history")),
    )
    op.create_index("ix_row_history_record_id_version", "row_history", ["record_id", "version"], unique=False)
    op.create_table(
        "specialization",
        sa.Column("specialization_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_specialization_name_not_blank")),
        sa.PrimaryKeyConstraint("specialization_id", name=op.f("pk_specialization")),
    )
    op.create_index("uq_specialization_name", "specialization", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "condition_code",
        sa.Column("condition_code_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("medical_condition_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("display", sa.String(length=300), nullable=True),
        sa.Column("map_type", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "map_type IN ('exact', 'narrower', 'broader')", name=op.f("ck_condition_code_map_type_known")
        ),
        sa.ForeignKeyConstraint(
            ["medical_condition_id"],
            ["medical_condition.medical_condition_id"],
            name=op.f("fk_condition_code_medical_condition_id"),
        ),
        sa.PrimaryKeyConstraint("condition_code_id", name=op.f("pk_condition_code")),
    )
    op.create_index("ix_condition_code_system_code", "condition_code", ["system", "code"], unique=False)
    op.create_index("uq_condition_code", "condition_code", ["medical_condition_id", "system", "code"], unique=True)
    op.create_table(
        "condition_synonym",
        sa.Column("condition_synonym_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("medical_condition_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.CheckConstraint("btrim(name) <> ''", name=op.f("ck_condition_synonym_name_not_blank")),
        sa.ForeignKeyConstraint(
            ["medical_condition_id"],
            ["medical_condition.medical_condition_id"],
            name=op.f("fk_condition_synonym_medical_condition_id"),
        ),
        sa.PrimaryKeyConstraint("condition_synonym_id", name=op.f("pk_condition_synonym")),
    )
    op.create_index(
        "ix_condition_synonym_medical_condition_id",
        "condition_synonym",
        ["medical_condition_id"],
        unique=False,
    )
    op.create_index("uq_condition_synonym_name", "condition_synonym", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "contact_point",
        sa.Column("contact_point_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("value_key", sa.Text(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("btrim(value) <> ''", name=op.f("ck_contact_point_value_not_blank")),
        sa.CheckConstraint("kind IN ('email', 'phone')", name=op.f("ck_contact_point_kind_known")),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_contact_point_person_id")),
        sa.PrimaryKeyConstraint("contact_point_id", name=op.f("pk_contact_point")),
        sa.UniqueConstraint("person_id", "kind", "value_key", name=op.f("uq_contact_point_person_id_kind_value_key")),
    )
    op.create_index("ix_contact_point_value_key", "contact_point", ["value_key", "kind"], unique=False)
    op.create_table(
        "duplicate_candidate",
        sa.Column("duplicate_candidate_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("other_person_id", sa.Uuid(), nullable=False),
        sa.Column("reasons", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("decision", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(decision = 'open') = (decided_at IS NULL)",
            name=op.f("ck_duplicate_candidate_decided_when_not_open"),
        ),
        sa.CheckConstraint(
            "decision IN ('open', 'different_people', 'same_person')",
            name=op.f("ck_duplicate_candidate_decision_known"),
        ),
        sa.CheckConstraint("person_id < other_person_id", name=op.f("ck_duplicate_candidate_pair_in_order")),
        sa.ForeignKeyConstraint(
            ["other_person_id"], ["person.person_id"], name=op.f("fk_duplicate_candidate_other_person_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_duplicate_candidate_person_id")),
        sa.PrimaryKeyConstraint("duplicate_candidate_id", name=op.f("pk_duplicate_candidate")),
        sa.UniqueConstraint(
            "person_id", "other_person_id", name=op.f("uq_duplicate_candidate_person_id_other_person_id")
        ),
    )
    op.create_index(
        "ix_duplicate_candidate_decision_created_at",
        "duplicate_candidate",
        ["decision", sa.literal_column("created_at DESC"), sa.literal_column("duplicate_candidate_id DESC")],
        unique=False,
    )
    op.create_index("ix_duplicate_candidate_other_person_id", "duplicate_candidate", ["other_person_id"], unique=False)
    op.create_table(
        "intake_submission",
        sa.Column("intake_submission_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("consent_text_version", sa.String(length=50), nullable=True),
        sa.Column("received_by", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("match_outcome", sa.String(length=30), nullable=False),
        sa.Column("match_reasons", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint(
            "source IN ('landing_page', 'contact_form', 'phone', 'referral', 'event', 'import', 'api', 'navigator')",
            name=op.f("ck_intake_submission_source_known"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_intake_submission_person_id")),
        sa.PrimaryKeyConstraint("intake_submission_id", name=op.f("pk_intake_submission")),
    )
    op.create_index(
        "ix_intake_submission_person_id",
        "intake_submission",
        ["person_id", sa.literal_column("created_at DESC"), sa.literal_column("intake_submission_id DESC")],
        unique=False,
    )
    op.create_table(
        "person_contact_type",
        sa.Column("person_contact_type_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("contact_type_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "period",
            postgresql.TSTZRANGE(),
            sa.Computed("tstzrange(valid_from, valid_to)", persisted=True),
            nullable=False,
        ),
        sa.Column("is_active", sa.Boolean(), sa.Computed("valid_to IS NULL", persisted=True), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=True),
        sa.Column("job_title", sa.String(length=200), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("person_id"), "="),
            (sa.column("contact_type_id"), "="),
            (sa.column("period"), "&&"),
            using="gist",
            name="ex_person_contact_type_no_overlap",
        ),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_person_contact_type_period_in_order")),
        sa.ForeignKeyConstraint(
            ["contact_type_id"],
            ["contact_type.contact_type_id"],
            name=op.f("fk_person_contact_type_contact_type_id"),
        ),
        sa.ForeignKeyConstraint(
            ["hospital_id"], ["hospital.hospital_id"], name=op.f("fk_person_contact_type_hospital_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_person_contact_type_person_id")),
        sa.PrimaryKeyConstraint("person_contact_type_id", name=op.f("pk_person_contact_type")),
    )
    op.create_index(
        "ix_person_contact_type_person_id", "person_contact_type", ["person_id", "valid_from"], unique=False
    )
    op.create_table(
        "person_relationship",
        sa.Column("person_relationship_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("related_person_id", sa.Uuid(), nullable=False),
        sa.Column("relationship_type", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), server_default=sa.text("'none'"), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "authority IN ('none', 'informal', 'parental', 'power_of_attorney', 'court_order')",
            name=op.f("ck_person_relationship_authority_known"),
        ),
        sa.CheckConstraint(
            "relationship_type IN ('parent', 'child', 'partner', 'sibling', 'guardian', 'caregiver', 'legal_representative', 'other')",
            name=op.f("ck_person_relationship_type_known"),
        ),
        sa.CheckConstraint("end_date >= start_date", name=op.f("ck_person_relationship_dates_in_order")),
        sa.CheckConstraint("person_id <> related_person_id", name=op.f("ck_person_relationship_not_of_oneself")),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_person_relationship_person_id")),
        sa.ForeignKeyConstraint(
            ["related_person_id"], ["person.person_id"], name=op.f("fk_person_relationship_related_person_id")
        ),
        sa.PrimaryKeyConstraint("person_relationship_id", name=op.f("pk_person_relationship")),
    )
    op.create_index("ix_person_relationship_person_id", "person_relationship", ["person_id"], unique=False)
    op.create_index(
        "ix_person_relationship_related_person_id", "person_relationship", ["related_person_id"], unique=False
    )
    op.create_table(
        "physician",
        sa.Column("physician_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("hospital_id", sa.Uuid(), nullable=True),
        sa.Column("job_title", sa.String(length=200), nullable=True),
        sa.Column("specialization_id", sa.Uuid(), nullable=True),
        sa.Column("medical_license_number", sa.String(length=100), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["hospital_id"], ["hospital.hospital_id"], name=op.f("fk_physician_hospital_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_physician_person_id")),
        sa.ForeignKeyConstraint(
            ["specialization_id"],
            ["specialization.specialization_id"],
            name=op.f("fk_physician_specialization_id"),
        ),
        sa.PrimaryKeyConstraint("physician_id", name=op.f("pk_physician")),
        sa.UniqueConstraint("person_id", name=op.f("uq_physician_person_id")),
    )
    op.create_index(
        "ix_physician_created_at",
        "physician",
        [sa.literal_column("created_at DESC"), sa.literal_column("physician_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_physician_hospital_id",
        "physician",
        ["hospital_id", sa.literal_column("created_at DESC"), sa.literal_column("physician_id DESC")],
        unique=False,
    )
    op.create_index("ix_physician_medical_license_number", "physician", ["medical_license_number"], unique=False)
    op.create_index(
        "ix_physician_specialization_id",
        "physician",
        ["specialization_id", sa.literal_column("created_at DESC"), sa.literal_column("physician_id DESC")],
        unique=False,
    )
    op.create_table(
        "user_account",
        sa.Column("user_account_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("email_key", sa.Text(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("btrim(display_name) <> ''", name=op.f("ck_user_account_display_name_not_blank")),
        sa.CheckConstraint("kind IN ('human', 'service')", name=op.f("ck_user_account_kind_known")),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_user_account_person_id")),
        sa.PrimaryKeyConstraint("user_account_id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("person_id", name=op.f("uq_user_account_person_id")),
    )
    op.create_index(
        "uq_user_account_email_key",
        "user_account",
        ["email_key"],
        unique=True,
        postgresql_where=sa.text("email_key IS NOT NULL"),
    )
    op.create_table(
        "api_key",
        sa.Column("api_key_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("octet_length(secret_sha256) = 32", name=op.f("ck_api_key_secret_is_sha256")),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_api_key_user_account_id")
        ),
        sa.PrimaryKeyConstraint("api_key_id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_key_prefix")),
    )
    op.create_index("ix_api_key_user_account_id", "api_key", ["user_account_id"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.user_account_id"], name=op.f("fk_idempotency_key_owner_id")
        ),
        sa.PrimaryKeyConstraint("owner_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_table(
        "patient",
        sa.Column("patient_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("medical_condition_id", sa.Uuid(), nullable=False),
        sa.Column("first_contact_date", sa.Date(), nullable=True),
        sa.Column("initial_consult_date", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.Uuid(), nullable=True),
        sa.Column("deleted_reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'paused', 'inactive', 'deceased', 'withdrawn', 'erased')",
            name=op.f("ck_patient_status_known"),
        ),
        sa.CheckConstraint("(deleted_at IS NULL) = (deleted_by IS NULL)", name=op.f("ck_patient_deleted_by_somebody")),
        sa.ForeignKeyConstraint(
            ["medical_condition_id"],
            ["medical_condition.medical_condition_id"],
            name=op.f("fk_patient_medical_condition_id"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user_account.user_account_id"], name=op.f("fk_patient_owner_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_patient_person_id")),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_patient")),
        sa.UniqueConstraint("patient_id", "person_id", name=op.f("uq_patient_patient_id_person_id")),
        sa.UniqueConstraint("person_id", name=op.f("uq_patient_person_id")),
    )
    op.create_index(
        "ix_patient_created_at",
        "patient",
        [sa.literal_column("created_at DESC"), sa.literal_column("patient_id DESC")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_patient_medical_condition_id_created_at",
        "patient",
        ["medical_condition_id", sa.literal_column("created_at DESC"), sa.literal_column("patient_id DESC")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_patient_owner_id_created_at",
        "patient",
        ["owner_id", sa.literal_column("created_at DESC"), sa.literal_column("patient_id DESC")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_patient_status_created_at",
        "patient",
        ["status", sa.literal_column("created_at DESC"), sa.literal_column("patient_id DESC")],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "ix_patient_status_medical_condition_id_created_at",
        "patient",
        [
            "status",
            "medical_condition_id",
            sa.literal_column("created_at DESC"),
            sa.literal_column("patient_id DESC"),
        ],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "role_grant",
        sa.Column("role_grant_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("user_account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "role IN ('navigator', 'liaison', 'programme_manager', 'data_steward', 'privacy_officer', 'auditor', 'admin', 'integration')",
            name=op.f("ck_role_grant_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.user_account_id"], name=op.f("fk_role_grant_user_account_id")
        ),
        sa.PrimaryKeyConstraint("role_grant_id", name=op.f("pk_role_grant")),
    )
    op.create_index(
        "uq_role_grant_current",
        "role_grant",
        ["user_account_id", "role"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "suggested_change",
        sa.Column("suggested_change_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("table_name", sa.String(length=63), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("field", sa.String(length=63), nullable=False),
        sa.Column("ours", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("ours_version", sa.Integer(), nullable=False),
        sa.Column("theirs", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
        sa.Column("value_hash", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=30), nullable=False),
        sa.Column("intake_submission_id", sa.Uuid(), nullable=True),
        sa.Column("decision", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(decision = 'open') = (decided_at IS NULL)",
            name=op.f("ck_suggested_change_decided_when_not_open"),
        ),
        sa.CheckConstraint(
            "decision IN ('open', 'accepted', 'rejected', 'superseded')",
            name=op.f("ck_suggested_change_decision_known"),
        ),
        sa.ForeignKeyConstraint(
            ["intake_submission_id"],
            ["intake_submission.intake_submission_id"],
            name=op.f("fk_suggested_change_intake_submission_id"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_suggested_change_person_id")),
        sa.PrimaryKeyConstraint("suggested_change_id", name=op.f("pk_suggested_change")),
        sa.UniqueConstraint("record_id", "field", "value_hash", name="uq_suggested_change_value"),
    )
    op.create_index(
        "ix_suggested_change_decision_created_at",
        "suggested_change",
        ["decision", sa.literal_column("created_at DESC"), sa.literal_column("suggested_change_id DESC")],
        unique=False,
    )
    op.create_index("ix_suggested_change_person_id", "suggested_change", ["person_id", "decision"], unique=False)
    op.create_table(
        "clinical_trial_journey",
        sa.Column("ct_journey_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("physician_id", sa.Uuid(), nullable=True),
        sa.Column("clinical_trial_id", sa.Uuid(), nullable=True),
        sa.Column("trial_reference", sa.String(length=500), nullable=True),
        sa.Column("medical_condition_id", sa.Uuid(), nullable=True),
        sa.Column("referral_date", sa.Date(), nullable=True),
        sa.Column("eligible", sa.Boolean(), nullable=True),
        sa.Column("eligibility_assessment_date", sa.Date(), nullable=True),
        sa.Column("ineligible_reason", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(length=100), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'identified'"), nullable=False),
        sa.Column("on_hold_reason", sa.Text(), nullable=True),
        sa.Column("on_hold_until", sa.Date(), nullable=True),
        sa.Column("enrollment_date", sa.Date(), nullable=True),
        sa.Column("completion_date", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("status_changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status IN ('identified', 'pre_screening', 'pre_screen_passed', 'patient_considering', 'referral_ready', 'referred', 'site_review', 'site_accepted', 'screening_scheduled', 'consented', 'screening', 'eligible_enrolled', 'on_study', 'follow_up', 'not_pursued', 'pre_screen_failed', 'declined_by_patient', 'referral_withdrawn', 'site_rejected', 'screen_failed', 'withdrew_consent', 'completed', 'discontinued', 'lost_to_follow_up', 'trial_closed', 'deceased', 'entered_in_error')",
            name=op.f("ck_clinical_trial_journey_status_known"),
        ),
        sa.CheckConstraint(
            "completion_date >= enrollment_date",
            name=op.f("ck_clinical_trial_journey_completed_after_enrolled"),
        ),
        sa.CheckConstraint(
            "eligible IS DISTINCT FROM true OR ineligible_reason IS NULL",
            name=op.f("ck_clinical_trial_journey_reason_when_not_eligible"),
        ),
        sa.CheckConstraint(
            "enrollment_date >= referral_date", name=op.f("ck_clinical_trial_journey_enrolled_after_referred")
        ),
        sa.ForeignKeyConstraint(
            ["clinical_trial_id"],
            ["clinical_trial.clinical_trial_id"],
            name=op.f("fk_clinical_trial_journey_clinical_trial_id"),
        ),
        sa.ForeignKeyConstraint(
            ["medical_condition_id"],
            ["medical_condition.medical_condition_id"],
            name=op.f("fk_clinical_trial_journey_medical_condition_id"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.patient_id"], name=op.f("fk_clinical_trial_journey_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["physician_id"], ["physician.physician_id"], name=op.f("fk_clinical_trial_journey_physician_id")
        ),
        sa.PrimaryKeyConstraint("ct_journey_id", name=op.f("pk_clinical_trial_journey")),
    )
    op.create_index(
        "ix_ct_journey_clinical_trial_id",
        "clinical_trial_journey",
        ["clinical_trial_id", sa.literal_column("created_at DESC"), sa.literal_column("ct_journey_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_ct_journey_created_at",
        "clinical_trial_journey",
        [sa.literal_column("created_at DESC"), sa.literal_column("ct_journey_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_ct_journey_patient_id",
        "clinical_trial_journey",
        ["patient_id", sa.literal_column("created_at DESC"), sa.literal_column("ct_journey_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_ct_journey_physician_id",
        "clinical_trial_journey",
        ["physician_id", sa.literal_column("created_at DESC"), sa.literal_column("ct_journey_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_ct_journey_status_created_at",
        "clinical_trial_journey",
        ["status", sa.literal_column("created_at DESC"), sa.literal_column("ct_journey_id DESC")],
        unique=False,
    )
    op.create_table(
        "eap_journey",
        sa.Column("eap_journey_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("physician_id", sa.Uuid(), nullable=True),
        sa.Column("eap_program_id", sa.Uuid(), nullable=True),
        sa.Column("eap_number", sa.String(length=100), nullable=False),
        sa.Column("product", sa.String(length=200), nullable=True),
        sa.Column("medical_condition_id", sa.Uuid(), nullable=True),
        sa.Column("enrollment_date", sa.Date(), nullable=True),
        sa.Column("approval_date", sa.Date(), nullable=True),
        sa.Column("completion_date", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'inquiry'"), nullable=False),
        sa.Column("on_hold_reason", sa.Text(), nullable=True),
        sa.Column("on_hold_until", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("status_changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status IN ('inquiry', 'eligibility_review', 'request_preparation', 'submitted_to_sponsor', 'sponsor_review', 'sponsor_approved', 'approvals_in_progress', 'supply_authorised', 'shipped', 'shipment_failed', 'received', 'on_treatment', 'treatment_ended', 'reporting', 'closed', 'not_pursued', 'not_eligible', 'redirect_to_trial', 'refused', 'sponsor_declined', 'withdrawn', 'deceased', 'programme_closed', 'transitioned_to_commercial')",
            name=op.f("ck_eap_journey_status_known"),
        ),
        sa.CheckConstraint("completion_date >= enrollment_date", name=op.f("ck_eap_journey_completed_after_enrolled")),
        sa.ForeignKeyConstraint(
            ["eap_program_id"], ["eap_program.eap_program_id"], name=op.f("fk_eap_journey_eap_program_id")
        ),
        sa.ForeignKeyConstraint(
            ["medical_condition_id"],
            ["medical_condition.medical_condition_id"],
            name=op.f("fk_eap_journey_medical_condition_id"),
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.patient_id"], name=op.f("fk_eap_journey_patient_id")),
        sa.ForeignKeyConstraint(["physician_id"], ["physician.physician_id"], name=op.f("fk_eap_journey_physician_id")),
        sa.PrimaryKeyConstraint("eap_journey_id", name=op.f("pk_eap_journey")),
        sa.UniqueConstraint(
            "eap_program_id",
            "eap_number",
            "product",
            name="uq_eap_journey_number",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_eap_journey_created_at",
        "eap_journey",
        [sa.literal_column("created_at DESC"), sa.literal_column("eap_journey_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_eap_journey_eap_program_id",
        "eap_journey",
        ["eap_program_id", sa.literal_column("created_at DESC"), sa.literal_column("eap_journey_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_eap_journey_patient_id",
        "eap_journey",
        ["patient_id", sa.literal_column("created_at DESC"), sa.literal_column("eap_journey_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_eap_journey_physician_id",
        "eap_journey",
        ["physician_id", sa.literal_column("created_at DESC"), sa.literal_column("eap_journey_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_eap_journey_status_created_at",
        "eap_journey",
        ["status", sa.literal_column("created_at DESC"), sa.literal_column("eap_journey_id DESC")],
        unique=False,
    )
    op.create_table(
        "patient_lead",
        sa.Column("lead_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("medical_condition_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("landing_page_url", sa.String(length=2000), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("wake_up_on", sa.Date(), nullable=True),
        sa.Column("converted_to_patient_id", sa.Uuid(), nullable=True),
        sa.Column("converted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_code", sa.String(length=50), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("duplicate_of_person_id", sa.Uuid(), nullable=True),
        sa.Column("intake_submission_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'converted') = (converted_to_patient_id IS NOT NULL) AND (status = 'converted') = (converted_at IS NOT NULL)",
            name=op.f("ck_patient_lead_converted_has_patient_and_time"),
        ),
        sa.CheckConstraint(
            "duplicate_of_person_id IS NULL OR status = 'duplicate'",
            name=op.f("ck_patient_lead_duplicate_points_when_closed_so"),
        ),
        sa.CheckConstraint(
            "source IN ('landing_page', 'contact_form', 'phone', 'referral', 'event', 'import', 'api', 'navigator')",
            name=op.f("ck_patient_lead_source_known"),
        ),
        sa.CheckConstraint(
            "status IN ('new', 'contacting', 'call_booked', 'call_completed', 'qualified', 'nurture', 'converted', 'unreachable', 'disqualified', 'duplicate', 'withdrawn')",
            name=op.f("ck_patient_lead_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["converted_to_patient_id", "person_id"],
            ["patient.patient_id", "patient.person_id"],
            name="fk_patient_lead_patient_of_person",
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_of_person_id"],
            ["person.person_id"],
            name=op.f("fk_patient_lead_duplicate_of_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["intake_submission_id"],
            ["intake_submission.intake_submission_id"],
            name=op.f("fk_patient_lead_intake_submission_id"),
        ),
        sa.ForeignKeyConstraint(
            ["medical_condition_id"],
            ["medical_condition.medical_condition_id"],
            name=op.f("fk_patient_lead_medical_condition_id"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["user_account.user_account_id"], name=op.f("fk_patient_lead_owner_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_patient_lead_person_id")),
        sa.PrimaryKeyConstraint("lead_id", name=op.f("pk_patient_lead")),
        sa.UniqueConstraint("lead_id", "person_id", name=op.f("uq_patient_lead_lead_id_person_id")),
    )
    op.create_index(
        "ix_patient_lead_created_at",
        "patient_lead",
        [sa.literal_column("created_at DESC"), sa.literal_column("lead_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_patient_lead_medical_condition_id_created_at",
        "patient_lead",
        ["medical_condition_id", sa.literal_column("created_at DESC"), sa.literal_column("lead_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_patient_lead_owner_id_created_at",
        "patient_lead",
        ["owner_id", sa.literal_column("created_at DESC"), sa.literal_column("lead_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_patient_lead_person_id",
        "patient_lead",
        ["person_id", sa.literal_column("created_at DESC"), sa.literal_column("lead_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_patient_lead_status_created_at",
        "patient_lead",
        ["status", sa.literal_column("created_at DESC"), sa.literal_column("lead_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_patient_lead_status_medical_condition_id_created_at",
        "patient_lead",
        [
            "status",
            "medical_condition_id",
            sa.literal_column("created_at DESC"),
            sa.literal_column("lead_id DESC"),
        ],
        unique=False,
    )
    op.create_table(
        "patient_physician_relationship",
        sa.Column("patient_physician_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("physician_id", sa.Uuid(), nullable=False),
        sa.Column("relationship_type", sa.Text(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "relationship_type IN ('primary_care', 'referring', 'treating', 'specialist', 'second_opinion', 'other')",
            name=op.f("ck_patient_physician_relationship_type_known"),
        ),
        sa.CheckConstraint(
            "NOT is_primary OR end_date IS NULL",
            name=op.f("ck_patient_physician_relationship_primary_is_current"),
        ),
        sa.CheckConstraint("end_date >= start_date", name=op.f("ck_patient_physician_relationship_dates_in_order")),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.patient_id"], name=op.f("fk_patient_physician_relationship_patient_id")
        ),
        sa.ForeignKeyConstraint(
            ["physician_id"],
            ["physician.physician_id"],
            name=op.f("fk_patient_physician_relationship_physician_id"),
        ),
        sa.PrimaryKeyConstraint("patient_physician_id", name=op.f("pk_patient_physician_relationship")),
    )
    op.create_index(
        "ix_patient_physician_relationship_physician_id",
        "patient_physician_relationship",
        [
            "physician_id",
            sa.literal_column("created_at DESC"),
            sa.literal_column("patient_physician_id DESC"),
        ],
        unique=False,
    )
    op.create_index(
        "uq_patient_physician_relationship_current",
        "patient_physician_relationship",
        ["patient_id", "physician_id", "relationship_type"],
        unique=True,
        postgresql_where=sa.text("end_date IS NULL"),
    )
    op.create_index(
        "uq_patient_physician_relationship_primary",
        "patient_physician_relationship",
        ["patient_id"],
        unique=True,
        postgresql_where=sa.text("is_primary"),
    )
    op.create_table(
        "call_history",
        sa.Column("call_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("pn_id", sa.Uuid(), nullable=True),
        sa.Column("booking_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("booking_time_zone", sa.String(length=64), nullable=True),
        sa.Column("call_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminder_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "occurs_at",
            sa.DateTime(timezone=True),
            sa.Computed("COALESCE(call_date, booking_date, reminder_date)", persisted=True),
            nullable=True,
        ),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("no_show", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("direction", sa.Text(), server_default=sa.text("'outbound'"), nullable=False),
        sa.Column("channel", sa.Text(), server_default=sa.text("'phone'"), nullable=False),
        sa.Column("call_duration_minutes", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=100), nullable=True),
        sa.Column("adverse_event_heard", sa.Boolean(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("rescheduled_to", sa.Uuid(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_by", sa.Uuid(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('phone', 'video', 'in_person', 'messaging', 'email')",
            name=op.f("ck_call_history_channel_known"),
        ),
        sa.CheckConstraint("direction IN ('inbound', 'outbound')", name=op.f("ck_call_history_direction_known")),
        sa.CheckConstraint("no_show = (status = 'no_show')", name=op.f("ck_call_history_no_show_is_a_status")),
        sa.CheckConstraint(
            "status <> 'cancelled' OR outcome IS NULL", name=op.f("ck_call_history_cancelled_has_no_outcome")
        ),
        sa.CheckConstraint(
            "status IN ('scheduled', 'confirmed', 'completed', 'no_show', 'cancelled', 'rescheduled')",
            name=op.f("ck_call_history_status_known"),
        ),
        sa.CheckConstraint("call_duration_minutes >= 0", name=op.f("ck_call_history_duration_not_negative")),
        sa.CheckConstraint(
            "num_nonnulls(call_date, booking_date) >= 1 OR reminder_date IS NOT NULL OR no_show",
            name=op.f("ck_call_history_has_a_moment"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(patient_id, lead_id) >= 1", name=op.f("ck_call_history_about_patient_or_lead")
        ),
        sa.CheckConstraint("num_nonnulls(voided_at, void_reason) <> 1", name=op.f("ck_call_history_void_has_a_reason")),
        sa.ForeignKeyConstraint(
            ["lead_id", "person_id"],
            ["patient_lead.lead_id", "patient_lead.person_id"],
            name="fk_call_history_lead_of_person",
        ),
        sa.ForeignKeyConstraint(
            ["patient_id", "person_id"],
            ["patient.patient_id", "patient.person_id"],
            name="fk_call_history_patient_of_person",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.person_id"], name=op.f("fk_call_history_person_id")),
        sa.ForeignKeyConstraint(["pn_id"], ["person.person_id"], name=op.f("fk_call_history_pn_id")),
        sa.ForeignKeyConstraint(
            ["rescheduled_to"], ["call_history.call_id"], name=op.f("fk_call_history_rescheduled_to")
        ),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call_history")),
    )
    op.create_index(
        "ix_call_history_lead_id_occurs_at",
        "call_history",
        ["lead_id", sa.literal_column("occurs_at DESC"), sa.literal_column("call_id DESC")],
        unique=False,
        postgresql_where=sa.text("lead_id IS NOT NULL"),
    )
    op.create_index(
        "ix_call_history_occurs_at",
        "call_history",
        [sa.literal_column("occurs_at DESC"), sa.literal_column("call_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_call_history_patient_id_occurs_at",
        "call_history",
        ["patient_id", sa.literal_column("occurs_at DESC"), sa.literal_column("call_id DESC")],
        unique=False,
        postgresql_where=sa.text("patient_id IS NOT NULL"),
    )
    op.create_index(
        "ix_call_history_person_id_occurs_at",
        "call_history",
        ["person_id", sa.literal_column("occurs_at DESC"), sa.literal_column("call_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_call_history_pn_id_occurs_at",
        "call_history",
        ["pn_id", sa.literal_column("occurs_at DESC"), sa.literal_column("call_id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_call_history_status_occurs_at",
        "call_history",
        ["status", sa.literal_column("occurs_at DESC"), sa.literal_column("call_id DESC")],
        unique=False,
    )
    op.create_table(
        "eap_gate",
        sa.Column("eap_gate_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("eap_journey_id", sa.Uuid(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("reference_number", sa.String(length=100), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "gate IN ('regulatory', 'ethics', 'informed_consent', 'physician_credentials', 'contract', 'import_licence', 'qp_release', 'data_privacy', 'pharmacy_readiness', 'pv_training')",
            name=op.f("ck_eap_gate_gate_known"),
        ),
        sa.CheckConstraint(
            "status IN ('not_required', 'pending', 'submitted', 'approved', 'refused', 'expired')",
            name=op.f("ck_eap_gate_status_known"),
        ),
        sa.CheckConstraint("expires_on >= decided_on", name=op.f("ck_eap_gate_expires_after_decided")),
        sa.ForeignKeyConstraint(
            ["eap_journey_id"], ["eap_journey.eap_journey_id"], name=op.f("fk_eap_gate_eap_journey_id")
        ),
        sa.PrimaryKeyConstraint("eap_gate_id", name=op.f("pk_eap_gate")),
        sa.UniqueConstraint("eap_journey_id", "gate", name=op.f("uq_eap_gate_eap_journey_id_gate")),
    )
    op.create_table(
        "journey_event",
        sa.Column("journey_event_id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("ct_journey_id", sa.Uuid(), nullable=True),
        sa.Column("eap_journey_id", sa.Uuid(), nullable=True),
        sa.Column("from_status", sa.String(length=30), nullable=True),
        sa.Column("to_status", sa.String(length=30), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=True),
        sa.Column("via", sa.String(length=30), nullable=True),
        sa.Column("reason_code", sa.String(length=50), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("guards", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(lead_id, patient_id, ct_journey_id, eap_journey_id) = 1",
            name=op.f("ck_journey_event_of_one_record"),
        ),
        sa.ForeignKeyConstraint(
            ["ct_journey_id"],
            ["clinical_trial_journey.ct_journey_id"],
            name=op.f("fk_journey_event_ct_journey_id"),
        ),
        sa.ForeignKeyConstraint(
            ["eap_journey_id"], ["eap_journey.eap_journey_id"], name=op.f("fk_journey_event_eap_journey_id")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["patient_lead.lead_id"], name=op.f("fk_journey_event_lead_id")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.patient_id"], name=op.f("fk_journey_event_patient_id")),
        sa.PrimaryKeyConstraint("journey_event_id", name=op.f("pk_journey_event")),
    )
    op.create_index(
        "ix_journey_event_ct_journey_id",
        "journey_event",
        ["ct_journey_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("ct_journey_id IS NOT NULL"),
    )
    op.create_index(
        "ix_journey_event_eap_journey_id",
        "journey_event",
        ["eap_journey_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("eap_journey_id IS NOT NULL"),
    )
    op.create_index(
        "ix_journey_event_lead_id",
        "journey_event",
        ["lead_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("lead_id IS NOT NULL"),
    )
    op.create_index(
        "ix_journey_event_patient_id",
        "journey_event",
        ["patient_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("patient_id IS NOT NULL"),
    )
    for function in FUNCTIONS:
        op.execute(function)
    for trigger in _triggers():
        op.execute(trigger)


def downgrade() -> None:
    op.drop_index(
        "ix_journey_event_patient_id",
        table_name="journey_event",
        postgresql_where=sa.text("patient_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_journey_event_lead_id",
        table_name="journey_event",
        postgresql_where=sa.text("lead_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_journey_event_eap_journey_id",
        table_name="journey_event",
        postgresql_where=sa.text("eap_journey_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_journey_event_ct_journey_id",
        table_name="journey_event",
        postgresql_where=sa.text("ct_journey_id IS NOT NULL"),
    )
    op.drop_table("journey_event")
    op.drop_table("eap_gate")
    op.drop_index("ix_call_history_status_occurs_at", table_name="call_history")
    op.drop_index("ix_call_history_pn_id_occurs_at", table_name="call_history")
    op.drop_index("ix_call_history_person_id_occurs_at", table_name="call_history")
    op.drop_index(
        "ix_call_history_patient_id_occurs_at",
        table_name="call_history",
        postgresql_where=sa.text("patient_id IS NOT NULL"),
    )
    op.drop_index("ix_call_history_occurs_at", table_name="call_history")
    op.drop_index(
        "ix_call_history_lead_id_occurs_at",
        table_name="call_history",
        postgresql_where=sa.text("lead_id IS NOT NULL"),
    )
    op.drop_table("call_history")
    op.drop_index(
        "uq_patient_physician_relationship_primary",
        table_name="patient_physician_relationship",
        postgresql_where=sa.text("is_primary"),
    )
    op.drop_index(
        "uq_patient_physician_relationship_current",
        table_name="patient_physician_relationship",
        postgresql_where=sa.text("end_date IS NULL"),
    )
    op.drop_index("ix_patient_physician_relationship_physician_id", table_name="patient_physician_relationship")
    op.drop_table("patient_physician_relationship")
    op.drop_index("ix_patient_lead_status_medical_condition_id_created_at", table_name="patient_lead")
    op.drop_index("ix_patient_lead_status_created_at", table_name="patient_lead")
    op.drop_index("ix_patient_lead_person_id", table_name="patient_lead")
    op.drop_index("ix_patient_lead_owner_id_created_at", table_name="patient_lead")
    op.drop_index("ix_patient_lead_medical_condition_id_created_at", table_name="patient_lead")
    op.drop_index("ix_patient_lead_created_at", table_name="patient_lead")
    op.drop_table("patient_lead")
    op.drop_index("ix_eap_journey_status_created_at", table_name="eap_journey")
    op.drop_index("ix_eap_journey_physician_id", table_name="eap_journey")
    op.drop_index("ix_eap_journey_patient_id", table_name="eap_journey")
    op.drop_index("ix_eap_journey_eap_program_id", table_name="eap_journey")
    op.drop_index("ix_eap_journey_created_at", table_name="eap_journey")
    op.drop_table("eap_journey")
    op.drop_index("ix_ct_journey_status_created_at", table_name="clinical_trial_journey")
    op.drop_index("ix_ct_journey_physician_id", table_name="clinical_trial_journey")
    op.drop_index("ix_ct_journey_patient_id", table_name="clinical_trial_journey")
    op.drop_index("ix_ct_journey_created_at", table_name="clinical_trial_journey")
    op.drop_index("ix_ct_journey_clinical_trial_id", table_name="clinical_trial_journey")
    op.drop_table("clinical_trial_journey")
    op.drop_index("ix_suggested_change_person_id", table_name="suggested_change")
    op.drop_index("ix_suggested_change_decision_created_at", table_name="suggested_change")
    op.drop_table("suggested_change")
    op.drop_index("uq_role_grant_current", table_name="role_grant", postgresql_where=sa.text("revoked_at IS NULL"))
    op.drop_table("role_grant")
    op.drop_index(
        "ix_patient_status_medical_condition_id_created_at",
        table_name="patient",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_index("ix_patient_status_created_at", table_name="patient", postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_index(
        "ix_patient_owner_id_created_at", table_name="patient", postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.drop_index(
        "ix_patient_medical_condition_id_created_at",
        table_name="patient",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_index("ix_patient_created_at", table_name="patient", postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_table("patient")
    op.drop_table("idempotency_key")
    op.drop_index("ix_api_key_user_account_id", table_name="api_key")
    op.drop_table("api_key")
    op.drop_index(
        "uq_user_account_email_key",
        table_name="user_account",
        postgresql_where=sa.text("email_key IS NOT NULL"),
    )
    op.drop_table("user_account")
    op.drop_index("ix_physician_specialization_id", table_name="physician")
    op.drop_index("ix_physician_medical_license_number", table_name="physician")
    op.drop_index("ix_physician_hospital_id", table_name="physician")
    op.drop_index("ix_physician_created_at", table_name="physician")
    op.drop_table("physician")
    op.drop_index("ix_person_relationship_related_person_id", table_name="person_relationship")
    op.drop_index("ix_person_relationship_person_id", table_name="person_relationship")
    op.drop_table("person_relationship")
    op.drop_index("ix_person_contact_type_person_id", table_name="person_contact_type")
    op.drop_table("person_contact_type")
    op.drop_index("ix_intake_submission_person_id", table_name="intake_submission")
    op.drop_table("intake_submission")
    op.drop_index("ix_duplicate_candidate_other_person_id", table_name="duplicate_candidate")
    op.drop_index("ix_duplicate_candidate_decision_created_at", table_name="duplicate_candidate")
    op.drop_table("duplicate_candidate")
    op.drop_index("ix_contact_point_value_key", table_name="contact_point")
    op.drop_table("contact_point")
    op.drop_index("uq_condition_synonym_name", table_name="condition_synonym")
    op.drop_index("ix_condition_synonym_medical_condition_id", table_name="condition_synonym")
    op.drop_table("condition_synonym")
    op.drop_index("uq_condition_code", table_name="condition_code")
    op.drop_index("ix_condition_code_system_code", table_name="condition_code")
    op.drop_table("condition_code")
    op.drop_index("uq_specialization_name", table_name="specialization")
    op.drop_table("specialization")
    op.drop_index("ix_row_history_record_id_version", table_name="row_history")
    op.drop_table("row_history")
    op.drop_index("uq_person_email_key", table_name="person", postgresql_where=sa.text("email_key IS NOT NULL"))
    op.drop_index("ix_person_phone_e164", table_name="person", postgresql_where=sa.text("phone_e164 IS NOT NULL"))
    op.drop_index(
        "ix_person_name_key_trigram",
        table_name="person",
        postgresql_using="gin",
        postgresql_ops={"name_key": "gin_trgm_ops"},
    )
    op.drop_index("ix_person_name_key_prefix", table_name="person", postgresql_ops={"name_key": "text_pattern_ops"})
    op.drop_index(
        "ix_person_name_key_date_of_birth",
        table_name="person",
        postgresql_where=sa.text("date_of_birth IS NOT NULL"),
    )
    op.drop_index("ix_person_last_name_first_name", table_name="person")
    op.drop_index("ix_person_created_at", table_name="person")
    op.drop_table("person")
    op.drop_index("uq_medical_condition_name", table_name="medical_condition")
    op.drop_index("ix_medical_condition_active_name", table_name="medical_condition")
    op.drop_table("medical_condition")
    op.drop_index("ix_hospital_name", table_name="hospital")
    op.drop_table("hospital")
    op.drop_index("uq_eap_program_name", table_name="eap_program")
    op.drop_index("ix_eap_program_created_at", table_name="eap_program")
    op.drop_table("eap_program")
    op.drop_table("contact_type")
    op.drop_index("uq_clinical_trial_trial_id", table_name="clinical_trial")
    op.drop_index("ix_clinical_trial_status_created_at", table_name="clinical_trial")
    op.drop_index("ix_clinical_trial_created_at", table_name="clinical_trial")
    op.drop_table("clinical_trial")
    op.drop_index("ix_audit_event_record_id_at", table_name="audit_event")
    op.drop_index("ix_audit_event_actor_id_at", table_name="audit_event")
    op.drop_table("audit_event")
    for function in ("keep_history", "refuse_change", "ensure_audit_partitions"):
        op.execute(f"DROP FUNCTION {function}")
    # The extensions stay: they may have been there before us.
