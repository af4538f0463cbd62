"""The words of the code and its documents: the field's own terms, and no reference to a paper from outside."""

import re

import pytest

from tests.printed import ROOT

OUTSIDE = re.compile(
    r"\b(?:DOMAIN \d|DESIGN(?: section|,| \"|\.md)|SEED\.md|RELIABILITY|HOT-PATH|STYLE\.md|WORKSPACE\.md)"
    r"|\.\./shared\b"
)
METAPHORS = re.compile(r"\b(?:roads?|doors?|lanes?|shall)\b", re.IGNORECASE)
NOT_MEANT = ("4 lanes", "SHALL of NIST", "stage = 'door'")
"""A parameter of Argon2, a quotation, and a word that the database refuses."""
WRITTEN = ("app/**/*.py", "app/**/*.html", "bench/*.py", "tools/*.py", "tests/**/*.py", "docs/**/*.md", "README.md")
LEFT_OUT = {"vendor", "node_modules", "versions", "demo", "test_words.py"}
"""What others wrote, revisions, which stay as they were made, and addresses of made-up people."""


@pytest.mark.parametrize("words", [OUTSIDE, METAPHORS], ids=["outside", "metaphors"])
def test_words_are_plain_and_papers_are_our_own(words: re.Pattern[str]) -> None:
    paths = {path for pattern in WRITTEN for path in ROOT.glob(pattern) if LEFT_OUT.isdisjoint(path.parts)}
    assert len(paths) > 300
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted(paths)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if words.search(line) and not any(word in line for word in NOT_MEANT)
    ]
    assert found == []
