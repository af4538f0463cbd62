"""
A check beside schemathesis' own: a request that keeps to the description is refused by 422 for a known reason only.

schemathesis can allow a status, not a reason; so its positive_data_acceptance lets 422 pass and this check does not.
"""

from typing import Any

import schemathesis

BEYOND_A_SCHEMA = {
    # Earlier requests, other records
    "idempotency_key_reused": "a schema knows nothing of earlier requests",
    "cursor_mismatch": "a cursor is opaque and bound to its filter",
    "invalid_cursor": "a cursor is opaque: what the last page gave, or nothing",
    "unknown_reference": "whether a record is there",
    "of_another_person": "whose the other record is",
    "guard_not_met": "what the journey's record must hold before this state",
    # What a pattern does not decode
    "reason": "whether the percent-encoded bytes of a header are UTF-8 and one line of text",
    # Two fields of one body
    "name_needed": "one of two fields, as `missing`",
    "missing": "fields that a state or another field asks for: `anyOf` of `required` breaks generated clients",
    "not_of_this_status": "fields that a state does not know, and reasons of other states",
    "reason_needed": "states that are entered with a reason",
    "reason_when_not_eligible": "a reason only for who is not eligible",
    "only_with_a_move": "a reason belongs to a change of status",
    "contradicts_status": "status and no_show say the same thing",
    "cancelled_has_no_outcome": "an outcome only of a call that took place",
    "registry_mismatch": "the number tells its registry",
    "primary_is_current": "a primary physician is a present one",
    "dates_not_in_order": "the later date after the earlier one",
    "not_of_oneself": "two ids that differ",
    "nothing_masked": "whether the asked fields are masked for the key's roles",
    "not_of_the_role": "a role's permissions",
    "proof_needed": "what only people may have done",
    # Today
    "too_long": "a year or a day from now",
    "in_the_future": "a schema has no today",
    "in_the_past": "a schema has no today",
    # Words of other lists and spellings
    "search_has_an_order": "a list that is searched is not sorted as well",
    "about_several": "one of several fields at most, as `name_needed`",
    "int_type": "to JSON Schema 1.0 is a whole number; a program that sends it means something else",
    "day": "a pattern does not know the calendar",
    "country": "a code or a name of a country, in several languages",
    "phone": "whether there are digits enough to look for",
    "time_zone": "one of 600 names, which change with the tz database",
    "trial_id_not_recognised": "registries' numbers are read in many spellings; numbers of our own have none",
    "email": "`format: email` takes addresses that no mail reaches, such as those of reserved domains",
    "unknown_record_type": "the kinds of records are named in the answer; a kind brings its own fields",
    "unknown_field": "the fields of the record's kind",
}
"""The codes of such refusals, each with what a schema cannot say."""


@schemathesis.check
def refused_for_a_known_reason(_ctx: Any, response: Any, case: Any) -> None:
    if response.status_code != 422 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    codes = {error["code"] for error in problem["errors"]} or {problem["code"]}
    unknown = codes - BEYOND_A_SCHEMA.keys()
    if case.media_type == "multipart/form-data":
        # A form has no null: the word for it is sent as a text, and a field that may be left out is none of that text.
        unknown -= {"uuid"}
    if unknown:
        raise AssertionError(f"Refused though it keeps to the description: {sorted(unknown)}")
