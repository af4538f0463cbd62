"""
No revision keeps others waiting, and none takes away what the program of before uses: each is read by squawk.

The rules stand in docs/CHANGING.md ("A revision"). What squawk does not see, that no row is written anew, is looked at
in tests/test_revisions.py.
"""

import io
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from app.platform import schema

SQUAWK = Path(sys.executable).parent / "squawk"
NOT_ASKED = (
    "prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity", "prefer-robust-stmts",
    "prefer-text-field", "prefer-timestamptz", "ban-char-field",  # how a column is best written is said elsewhere
    "require-lock-timeout", "require-statement-timeout",  # schema.upgrade limits every wait
    "ban-drop-constraint",  # more is taken than before: the program of before works on
)  # fmt: skip
CONTRACTS = (
    "adding-required-field", "ban-drop-column", "ban-drop-default", "ban-drop-function", "ban-drop-not-null",
    "ban-drop-schema", "ban-drop-sequence", "ban-drop-table", "ban-drop-type", "ban-drop-view", "ban-set-schema",
    "renaming-column", "renaming-object", "renaming-table",
)  # fmt: skip
"""What the program of before may stumble over: only where the revision names its `earliest_program`."""
UNSEEN = {
    "rewrites-rows": re.compile(r"(UPDATE|DELETE|MERGE|TRUNCATE|CLUSTER|VACUUM|REINDEX|LOCK)\b", re.IGNORECASE),
    "cannot-be-read": re.compile(r"DO\b", re.IGNORECASE),
    "constraint-in-a-column": re.compile(r"ALTER TABLE [^;]*ADD COLUMN[^;]*\bCHECK\b", re.IGNORECASE),
    "rewrites-table": re.compile(r"ALTER TABLE [^;]*\bSET (UNLOGGED|LOGGED|TABLESPACE|ACCESS)", re.IGNORECASE),
}
"""What squawk has no rule for, by the beginning of a statement."""
RENAMED_INDEX = re.compile(r"ALTER INDEX \w+ RENAME TO", re.IGNORECASE)
"""Nobody names an index but the revisions."""
BODY = re.compile(r"(\$\w*\$).*?\1", re.DOTALL)

LAST_BEFORE_THE_RULE = "0072_undone_suggestions"
BEFORE_THE_RULE = frozenset((
    "0002_calls", "0003_sign_in", "0004_legacy", "0005_oversight", "0006_jobs", "0007_timeline",
    "0008_people_lists", "0009_own_patients", "0011_flat_lists", "0015_create_apart", "0017_resets_apart",
    "0020_plain_lineage", "0020_current", "0021_was", "0022_two_years", "0023_faulty_rows", "0024_migrated_rows",
    "0027_alike", "0027_alike_indexes", "0028_search", "0028_search_indexes", "0029_references", "0030_partial",
    "0033_any_word", "0035_no_name_key", "0044_opt_outs", "0047_one_row", "0048_filled_keys",
    "0060_patient_order", "0061_suggestions_list", "0064_specializations_list", "0066_undone_opt_outs",
    "0067_reports", "0065_second_person", "0068_last_contact", "0069_documents_list", "0070_pairs_list",
    "0071_quick_undo", "0072_undone_suggestions",
))  # fmt: skip
"""Revisions that would be refused today. No more are added: what comes after the last of them keeps the rules."""


def _scripts() -> list[Script]:
    """Every revision, the newest first."""
    return list(ScriptDirectory.from_config(schema._config()).walk_revisions())


def _printed(upgrade: Callable[[], None]) -> str:
    """The revision as SQL, with BEGIN and COMMIT where its transactions are."""
    out = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": out, "transactional_ddl": True}
    )
    with Operations.context(context), context.begin_transaction():
        upgrade()
    return out.getvalue()


def _faults(module: ModuleType) -> list[str]:
    """What is wrong with a revision, each as rule and statement."""
    try:
        printed = _printed(module.upgrade)
    except AttributeError as error:
        return [f"cannot-be-read: it asks the database, so it has no SQL of its own ({error})"]
    statements = [" ".join(one.split()) for one in BODY.sub("''", printed).split(";")]
    own = [f"{rule}: {one}" for one in statements for rule, form in UNSEEN.items() if form.match(one)]
    read = subprocess.run(
        [
            SQUAWK,
            "--no-assume-in-transaction",
            "--pg-version=18",
            "--reporter=json",
            f"--exclude={','.join(NOT_ASKED)}",
        ],
        input=printed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode in (0, 1), read.stderr
    lines = printed.splitlines()
    found = [
        (one["rule_name"], " ".join(" ".join(lines[one["line"] :]).split())[:100]) for one in json.loads(read.stdout)
    ]
    contracts = CONTRACTS if hasattr(module, "earliest_program") else ()
    return own + [
        f"{rule}: {statement}" for rule, statement in found
        if rule not in contracts and not (rule == "renaming-object" and RENAMED_INDEX.match(statement))
    ]  # fmt: skip


def _made(upgrade: str, *, contracts: bool = False) -> ModuleType:
    """A revision with this body."""
    module = ModuleType("planted")
    module.__dict__.update(op=op, sa=sa)
    if contracts:
        module.__dict__["earliest_program"] = "0070_pairs_list"
    exec(f"def upgrade():\n{textwrap.indent(textwrap.dedent(upgrade), '    ')}", module.__dict__)  # noqa: S102 - stands below
    return module


@pytest.mark.parametrize("script", _scripts(), ids=lambda script: str(script.revision))
def test_no_revision_keeps_others_waiting_or_takes_away_what_is_used(script: Script) -> None:
    faults = _faults(script.module)
    if script.revision in BEFORE_THE_RULE:
        assert faults, "it keeps the rules: take it off the list"
    else:
        assert faults == [], "docs/CHANGING.md, A revision"


def test_no_revision_joins_those_of_before_the_rule() -> None:
    names = [script.revision for script in _scripts()]
    before = names[names.index(LAST_BEFORE_THE_RULE) :]
    assert len(before) == 73
    assert set(before) >= BEFORE_THE_RULE


LOCKING = (
    ("require-concurrent-index-creation", "op.create_index('ix_a', 'person', ['city'])"),
    ("require-concurrent-index-creation", "op.create_index('uq_a', 'saved_view', ['name'], unique=True)"),
    ("require-concurrent-index-deletion", "op.drop_index('ix_person_created_at', 'person')"),
    ("ban-concurrent-index-creation-in-transaction", "op.execute('CREATE INDEX CONCURRENTLY ix_a ON person (city)')"),
    ("adding-not-nullable-field", "op.alter_column('person', 'city', nullable=False)"),
    ("changing-column-type", "op.alter_column('person', 'phone', type_=sa.Integer())"),
    ("constraint-missing-not-valid", "op.create_check_constraint('a', 'person', \"city <> ''\")"),
    ("adding-foreign-key-constraint", "op.create_foreign_key('a', 'person', 'hospital', ['a'], ['hospital_id'])"),
    ("disallowed-unique-constraint", "op.create_unique_constraint('a', 'person', ['city'])"),
    (
        "adding-foreign-key-constraint",
        "op.execute('ALTER TABLE task ADD COLUMN a uuid REFERENCES hospital (hospital_id)')",
    ),
    ("constraint-in-a-column", "op.execute('ALTER TABLE task ADD COLUMN a int CHECK (a > 1)')"),
    (
        "adding-field-with-default",
        "op.add_column('person', sa.Column('a', sa.Uuid(), server_default=sa.text('uuidv7()')))",
    ),
    (
        "adding-field-with-default",
        "op.add_column('person', sa.Column('a', sa.DateTime(), server_default=sa.text('clock_timestamp()')))",
    ),
    ("adding-field-with-default", "op.add_column('person', sa.Column('a', sa.Text(), sa.Computed('lower(city)')))"),
    ("rewrites-rows", "op.execute(\"UPDATE person SET language = 'nl'\")"),
    ("rewrites-rows", "op.execute('LOCK TABLE person')"),
    ("rewrites-table", "op.execute('ALTER TABLE draft SET UNLOGGED')"),
    ("cannot-be-read", "op.execute(\"DO $$ BEGIN EXECUTE 'CREATE INDEX ix_a ON person (city)'; END $$\")"),
    ("cannot-be-read", "op.get_bind().exec_driver_sql('SELECT 1').scalar_one()"),
    ("syntax-error", "op.execute('ALTER TABLE person ADDD a text')"),
)
CONTRACTING = (
    ("adding-required-field", "op.add_column('person', sa.Column('a', sa.Text(), nullable=False))"),
    ("ban-drop-column", "op.drop_column('person', 'city')"),
    ("ban-drop-table", "op.drop_table('draft')"),
    ("ban-drop-function", "op.execute('DROP FUNCTION search_marks()')"),
    ("renaming-column", "op.alter_column('person', 'city', new_column_name='town')"),
    ("renaming-table", "op.rename_table('person', 'human')"),
    ("ban-drop-not-null", "op.alter_column('task', 'status', nullable=True)"),
    ("ban-drop-default", "op.alter_column('task', 'status', server_default=None)"),
)
ALLOWED = (
    "op.add_column('person', sa.Column('a', sa.Text()))",
    "op.add_column('person', sa.Column('a', sa.Text(), server_default='x', nullable=False))",
    "op.add_column('person', sa.Column('a', sa.DateTime(), server_default=sa.func.now(), nullable=False))",
    "op.create_check_constraint('a', 'person', \"city <> ''\", postgresql_not_valid=True)",
    "op.create_foreign_key('a', 'person', 'hospital', ['a'], ['hospital_id'], postgresql_not_valid=True)",
    "op.execute('ALTER TABLE person ADD CONSTRAINT person_city_not_null NOT NULL city NOT VALID')",
    "op.create_table('a', sa.Column('b', sa.Text(), nullable=False)); op.create_index('ix_a', 'a', ['b'])",
    "op.drop_constraint('ck_task_rule_known', 'task')",
    "op.execute('CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE person SET city = 1; END $$')",
    """
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_a_new")
        op.execute("CREATE INDEX CONCURRENTLY ix_a_new ON person (city)")
        op.execute("ALTER INDEX ix_a_new RENAME TO ix_a")
    """,
)


def _rules(faults: list[str]) -> set[str]:
    return {fault.partition(":")[0] for fault in faults}


@pytest.mark.parametrize(("rule", "upgrade"), LOCKING)
@pytest.mark.parametrize("contracts", [False, True])
def test_what_keeps_others_waiting_is_refused(rule: str, upgrade: str, contracts: bool) -> None:  # noqa: FBT001 - a parameter
    assert rule in _rules(_faults(_made(upgrade, contracts=contracts)))


@pytest.mark.parametrize(("rule", "upgrade"), CONTRACTING)
def test_what_the_program_of_before_may_use_goes_in_a_contraction_alone(rule: str, upgrade: str) -> None:
    assert _rules(_faults(_made(upgrade))) == {rule}
    assert _faults(_made(upgrade, contracts=True)) == []


@pytest.mark.parametrize("upgrade", ALLOWED)
def test_what_harms_nobody_is_allowed(upgrade: str) -> None:
    assert _faults(_made(upgrade)) == []
