"""The words of the code and its documents: the field's own terms, and no reference to a paper from outside."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.printed import ROOT

OUTSIDE = re.compile(
    r"\b(?:DOMAIN \d|DESIGN(?: section|,| \"|\.md)|SEED\.md|RELIABILITY(?!\.md)|HOT-PATH|STYLE\.md|WORKSPACE\.md)"
    r"|\.\./shared\b"
)
METAPHORS = re.compile(r"(?<![a-z])(?:roads?|doors?|lanes?|shall|whoever)(?![a-z])", re.IGNORECASE)
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


def _docstrings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield node.body[0].lineno, text


def test_docstrings_have_one_style() -> None:
    """The first line says what one gets, without "Returns"; a docstring of several lines opens on a line of its own."""
    paths = [path for folder in ("app", "tests", "bench", "tools") for path in (ROOT / folder).rglob("*.py")]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {text.strip().splitlines()[0]}"
        for path in paths
        if LEFT_OUT.isdisjoint(path.parts)
        for line, text in _docstrings(path)
        if text.split(maxsplit=1)[0] in {"Return", "Returns", "Yield", "Yields"}
        or ("\n" in text and not text.startswith("\n"))
    ]
    assert wrong == []


UNCLEAR = {"who", "asked"}
"""Names that leave open what they hold: an account, a filter, a request."""


@pytest.mark.parametrize("place", ["app/audit", "app/oversight", "app/web/oversight.py", "app/web/templates/oversight"])
def test_audit_and_oversight_name_what_they_hold(place: str) -> None:
    paths = (
        [ROOT / place] if place.endswith(".py") else [*(ROOT / place).rglob("*.py"), *(ROOT / place).rglob("*.html")]
    )
    assert paths
    used = {f"{path.relative_to(ROOT)}: {name}" for path in paths for name in UNCLEAR & set(_names(path))}
    assert used == set()


def _names(path: Path) -> Iterator[str]:
    """The names that a module or a template uses, without what it says in words."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        yield from re.findall(r"[?&](\w+)=", text)
        for part in re.findall(r"{[{%](.*?)[%}]}", text, re.DOTALL):
            yield from re.findall(r"\w+", re.sub(r'"[^"]*"', lambda found: "" if " " in found[0] else found[0], part))
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword) and node.arg is not None:
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
