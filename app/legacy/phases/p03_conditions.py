"""
Phase 3, conditions: one notion of condition for option sets, look-ups and misspelt labels.

Reads the table medical_condition and the labels of the contacts' option set. Writes medical_condition. A row of the
legacy table is `linked` to a condition the rules know, `created` when it is new, `merged_into_existing` when it says
the same again.
"""

from typing import Final

from app.legacy.conditions import Conditions
from app.legacy.contract import rules
from app.legacy.phases.context import Context
from app.platform.doubles import key_of_name
from app.platform.folding import fold_words

READS: Final = ("s_medical_condition", "s_contact")
WRITES: Final = ("medical_condition",)


def run(context: Context) -> None:
    """Decide every text that names a condition, and make the conditions that are not here yet."""
    conditions = Conditions(rules().conditions, context.mapping.conditions)
    abbreviation = {c.name: c.abbreviation for c in rules().conditions}
    source: dict[str, str] = {}
    used: dict[str, bool] = {}
    rows = []
    for key, record, name, short in context.all(
        "SELECT id, record, name, abbreviation FROM legacy.s_medical_condition WHERE fault IS NULL ORDER BY id"
    ):
        meaning = conditions.find(name)
        if meaning is None:
            conditions.add(name)
            abbreviation[name] = short
            outcome, condition, repaired = "created", name, False
        else:
            condition, repaired = meaning
            outcome = "merged_into_existing" if condition in used else "linked"
        used[condition] = True
        source.setdefault(condition, key)
        rows.append((key, record, condition, outcome, repaired))
    context.fill("w_condition_row", "id uuid, record integer, condition text, outcome text, repaired boolean", rows)

    labels = []
    for (text,) in context.all(
        "SELECT DISTINCT condition FROM legacy.s_contact WHERE fault IS NULL AND condition IS NOT NULL"
    ):
        found = [meaning for label in text.split("\n") if (meaning := conditions.find(label))]
        meaning = next((m for m in found if not m.repaired), next(iter(found), None))
        labels.append((text, meaning and meaning.name, bool(meaning and meaning.repaired)))
        if meaning:
            used[meaning.name] = True
    context.fill("w_label", "label text, condition text, repaired boolean", labels)

    used[rules().unknown_condition] = True
    context.fill(
        "w_condition",
        "name text, abbreviation text, source_id uuid, folded text, folded_short text, name_key text",
        [
            (
                n,
                abbreviation.get(n) or None,
                source.get(n),
                fold_words(n),
                fold_words(abbreviation.get(n) or ""),
                key_of_name(n[:200]),
            )
            for n in used
        ],
    )
    # A condition that is here already, under this name or as a synonym, is the one that is meant.
    context.table(
        "d_condition",
        f"""
        SELECT w.name, w.abbreviation, w.source_id, w.name_key,
               coalesce(m.medical_condition_id, y.medical_condition_id,
                        legacy.derived_id(:epoch, 'condition', w.folded)) AS condition_id,
               m.medical_condition_id IS NULL AND y.medical_condition_id IS NULL AS is_new,
               w.name <> '{rules().unknown_condition}' AS is_active
        FROM legacy.w_condition AS w
        LEFT JOIN LATERAL (
            SELECT x.medical_condition_id FROM public.medical_condition AS x
            WHERE x.name_key = w.name_key OR x.medical_condition_id = legacy.derived_id(:epoch, 'condition', w.folded)
            ORDER BY x.medical_condition_id = legacy.derived_id(:epoch, 'condition', w.folded) DESC,
                     lower(x.name) = lower(w.name) DESC, x.is_double, x.medical_condition_id LIMIT 1
        ) AS m ON true
        LEFT JOIN LATERAL (
            SELECT x.medical_condition_id FROM public.condition_synonym AS x WHERE x.name_key = w.name_key
            ORDER BY lower(x.name) = lower(w.name) DESC, x.is_double, x.condition_synonym_id LIMIT 1
        ) AS y ON true
        """,
    )
    context.insert(
        "medical_condition",
        "medical_condition_id, created_at, updated_at, name, name_key, abbreviation, is_active, is_double",
        "SELECT condition_id, :now, :now, left(name, 200), name_key, left(abbreviation, 50), is_active,"
        " row_number() OVER (PARTITION BY name_key ORDER BY source_id NULLS FIRST, name) > 1"
        " FROM legacy.d_condition WHERE is_new",
    )
    context.lineage(
        "conditions",
        "SELECT 'medical_condition', condition_id, 'medical_condition', source_id, NULL::text[]"
        " FROM legacy.d_condition WHERE is_new",
    )
    context.lineage(
        "condition rows",
        "SELECT 'alias:medical_condition', d.condition_id, 'medical_condition', r.id, NULL::text[]"
        " FROM legacy.w_condition_row AS r JOIN legacy.d_condition AS d ON d.name = r.condition"
        " WHERE r.id IS DISTINCT FROM d.source_id OR NOT d.is_new",
    )
    context.outcomes(
        "conditions", "SELECT 'medical_condition', record, 'row', outcome, NULL FROM legacy.w_condition_row"
    )
    context.warnings(
        "conditions",
        "SELECT 'medical_condition', record, 'CONDITION_LABEL_REPAIRED' FROM legacy.w_condition_row WHERE repaired",
    )
