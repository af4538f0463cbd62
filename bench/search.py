"""
Measure the search over people: how long each class of input takes, and how often who is meant is among the first ten.

    python -m bench.search

BENCH_SEARCH_SIZE (1M), BENCH_SEARCH_QUERIES (2000: corrupted queries), BENCH_SEARCH_RESULT (bench-search.json).
One client, database and folding together, no HTTP: the function that every list calls. CRM_DATABASE_URL or CRM_DATA_DIR
say where; the database bench_search_… is made and dropped.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import psycopg
from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import setup
from app.access.policy import Role, permissions_of
from app.people.keys import email_key
from app.people.models import Person
from app.people.schemas import PersonFilter
from app.people.search.folding import roman, words_of
from app.people.search.queries import search
from app.people.search.rows import count_words
from app.people.search.walk import Hits, Searched
from app.platform.actor import Actor
from app.platform.db import Database, create_engine
from app.platform.settings import Settings
from bench import data
from bench import people as synthetic
from bench.__main__ import read_size
from bench.operations import create
from bench.runner import load, postgres, prepare
from bench.server import serving

FIRST = 10
HITS = Hits(Searched(Person.person_id, Person.person_id, {}))
ROWS = select(Person)
CLASSES = {
    "one letter": "a s o j m",
    "two letters": "ma de li ng an",
    "a frequent word": "maria van doe jan mari anna",
    "particles": "van der|de la|van den berg|de",
    "two frequent words": "jan jansen|maria de|john doe|a doe|ma ga|a b|j d",
    "another script": "王伟|Жукова|Παπαδόπουλος|김",
}
"""The worst that can be typed: what very many have. A blank parts inputs, unless | does."""
_CREATE_SECONDS, _CREATE_ROUNDS = 2.0, 3


class Tried(NamedTuple):
    """A corrupted query: its milliseconds, whether who is meant was found, and whether somebody called as was typed."""

    took: float
    is_met: bool
    is_as_typed: bool


def actor() -> Actor:
    return Actor(None, "bench", frozenset({"navigator"}), permissions_of(frozenset({Role.NAVIGATOR.value})))


def fill(connection: psycopg.Connection, count: int, tell: Callable[[str], None]) -> None:
    """So many people with what they are searched by; their number is the last part of their id."""
    tell(f"{count:,} people")
    restore = data.without_indexes(connection, (*data.RECORDS, *data.SEARCHED))
    columns = (
        "person_id, first_name, last_name, preferred_name, email, email_key, phone, phone_e164, phone_valid,"
        " date_of_birth, country, is_active, created_at"
    )
    with connection.cursor() as cursor, cursor.copy(f"COPY person ({columns}) FROM STDIN".encode()) as copy:
        for number, person in enumerate(synthetic.people(count), start=1):
            keys = (person.email, email_key(person.email))
            phone = (f"0{person.phone}", f"+31{person.phone}", True)
            further = (person.born, "NL", person.is_active, data.moment_of(number, count))
            copy.write_row(
                (data.person_id(number), person.first, person.last, person.preferred, *keys, *phone, *further)
            )
    tell("search rows")
    data.fill_search(connection)
    tell("indexes")
    restore()
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")


# What people type wrong: each gives what was typed, or None where a name has nothing of the kind.


def _letters(word: str, chance: random.Random, errors: int = 1, *, from_place: int = 0) -> str | None:
    if len(word) < 4 or not word.isascii():
        return None
    for _ in range(errors):
        at = chance.randrange(from_place, len(word) - 1)
        kind = chance.choice(("swap", "drop", "double", "other"))
        other = chance.choice("abcdefghijklmnopqrstuvwxyz")
        word = {
            "swap": word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            "drop": word[:at] + word[at + 1 :],
            "double": word[:at] + word[at] + word[at:],
            "other": word[:at] + other + word[at + 1 :],
        }[kind]
    return word


def _last_word(person: synthetic.Person) -> str:
    return words_of(person.last)[-1].text.lower()


def _plain(text: str) -> str:
    return " ".join(roman(word.text) for word in words_of(text))


def _without_particle(person: synthetic.Person) -> str | None:
    return f"{person.first} {person.last.split()[-1]}" if " " in person.last else None


def _one_error(person: synthetic.Person, chance: random.Random) -> str | None:
    wrong = _letters(_last_word(person), chance)
    return None if wrong is None or wrong == _last_word(person) else f"{person.first} {wrong}"


def _one_error_last_only(person: synthetic.Person, chance: random.Random) -> str | None:
    return _letters(_last_word(person), chance)


def _errors_in_both(person: synthetic.Person, chance: random.Random) -> str | None:
    first, last = _letters(person.first.lower(), chance), _letters(_last_word(person), chance)
    return f"{first} {last}" if first and last else None


def _two_errors(person: synthetic.Person, chance: random.Random) -> str | None:
    word = _last_word(person)
    wrong = _letters(word, chance, 2) if len(word) >= 7 else None
    return f"{person.first} {wrong}" if wrong else None


def _error_and_unfinished(person: synthetic.Person, chance: random.Random) -> str | None:
    word = _last_word(person)
    wrong = _letters(word[:-2], chance) if len(word) >= 7 else None
    return f"{person.first} {wrong}" if wrong else None


def _cjk(person: synthetic.Person) -> bool:
    return any(word.is_cjk for word in words_of(person.last))


NO_ERRORS: dict[str, Callable[[synthetic.Person, random.Random], str | None]] = {
    "full": lambda p, _: f"{p.first} {p.last}",
    "reversed": lambda p, _: f"{p.last} {p.first}",
    "preferred and last": lambda p, _: f"{p.preferred} {p.last}" if p.preferred else None,
    "beginnings of both": lambda p, _: None if _cjk(p) else f"{p.first[:3]} {_last_word(p)[:4]}",
    "last and two letters": lambda p, _: None if _cjk(p) else f"{p.last} {p.first[:2]}",
    "without accents": lambda p, _: None if _cjk(p) or p.last.isascii() else _plain(f"{p.first} {p.last}"),
    "hyphen, apostrophe, blank away": lambda p, _: (
        f"{p.first} {p.last.replace('-', '').replace(' ', '').replace(chr(39), '')}"
        if set(p.last) & set("- '") else None
    ),
    "particle left out": lambda p, _: _without_particle(p),
    "CJK together": lambda p, _: f"{p.last}{p.first}" if _cjk(p) else None,
    "other script in Latin": lambda p, _: _plain(f"{p.first} {p.last}") if ord(p.last[0]) > 0x36F else None,
    "phone, national": lambda p, _: f"0{p.phone[0]} {p.phone[1:]}",
    "phone, last six": lambda p, _: p.phone[-6:],
    "e-mail": lambda p, _: p.email.upper(),
    "birth date and last": lambda p, _: f"{p.last} {p.born:%d-%m-%Y}",
}  # fmt: skip
ONE_ERROR: dict[str, Callable[[synthetic.Person, random.Random], str | None]] = {
    "one error in the last": _one_error,
    "first and last without a blank": lambda p, _: (
        f"{p.first}{p.last}".lower() if p.first.isalpha() and p.last.isalpha() and p.last.isascii() else None
    ),
    "last only, one error": _one_error_last_only,
}  # fmt: skip
MORE_ERRORS: dict[str, Callable[[synthetic.Person, random.Random], str | None]] = {
    "an error in each of two": _errors_in_both,
    "two errors in one": _two_errors,
    "an error and unfinished": _error_and_unfinished,
}
GROUPS = {"no errors": NO_ERRORS, "one error": ONE_ERROR, "more errors": MORE_ERRORS}


def corrupted(count: int, queries: int) -> list[tuple[str, str, int, synthetic.Person]]:
    """Group and class, what is typed, and who is meant; each class has as many."""
    chance = random.Random(synthetic.SEED + 1)
    wanted = set(chance.sample(range(1, count + 1), min(count, queries * 20)))
    sample = [(number, person) for number, person in enumerate(synthetic.people(count), start=1) if number in wanted]
    classes = [(f"{group}: {name}", make) for group, made in GROUPS.items() for name, make in made.items()]
    each = queries // len(classes) + 1
    found = []
    for name, make in classes:
        chance.shuffle(sample)
        typed = ((number, person, make(person, chance)) for number, person in sample)
        kept = [(name, text, number, person) for number, person, text in typed if text][:each]
        found += [(name, text, number, person) for name, text, number, person in kept]
    return found


async def _first_ten(session: AsyncSession, typed: str) -> tuple[float, list[Person], int]:
    started = time.perf_counter()
    query = PersonFilter(q=typed[:200], limit=FIRST)
    found = await search(session, actor(), typed=typed[:200], query=query, hits=HITS, rows=ROWS)
    return (time.perf_counter() - started) * 1000, found.rows, found.total


def _is_met(person: synthetic.Person, number: int, rows: list[Person]) -> bool:
    """The row itself, or one with all the first and last names of the one who is meant."""
    return any(str(row.person_id) == data.person_id(number) for row in rows) or _has(
        rows, f"{person.first} {person.last}"
    )


def _is_as_typed(name: str, person: synthetic.Person, number: int, rows: list[Person]) -> bool:
    """The same, or a row with every name that was typed, as it was before it was corrupted: a namesake."""
    typed = {
        "last only, one error": _last_word(person),
        "preferred and last": f"{person.preferred} {person.last}",
        "particle left out": f"{person.first} {person.last.split()[-1]}",
    }.get(name.partition(": ")[2], f"{person.first} {person.last}")
    return _is_met(person, number, rows) or _has(rows, typed)


def _has(rows: list[Person], names: str) -> bool:
    wanted = {word.text.casefold() for word in words_of(names)}
    for row in rows:
        has = " ".join(filter(None, (row.first_name, row.last_name, row.preferred_name)))
        if wanted <= {word.text.casefold() for word in words_of(has)}:
            return True
    return False


async def measure(url: str, count: int, queries: int, tell: Callable[[str], None]) -> dict[str, Any]:
    database = Database(create_engine(Settings.model_validate({"database_url": url}), url))
    tell("words counted")
    await count_words(database)
    asked = corrupted(count, queries)
    tell(f"{len(asked):,} corrupted queries")
    result: dict[str, Any] = {"people": count, "classes": {}, "recall": {}}
    async with database.session() as session:
        for _ in range(3):
            await _first_ten(session, "jan jansen")
        all_times: list[float] = []
        for name, inputs in CLASSES.items():
            times = []
            for typed in inputs.split("|" if "|" in inputs else " "):
                times += [(await _first_ten(session, typed))[0] for _ in range(20)]
            result["classes"][name] = _figures(times)
            all_times += times
        result["classes"]["all of these"] = _figures(all_times)
        missed: list[tuple[str, str]] = []
        tried: dict[str, list[Tried]] = {}
        for name, typed, number, person in asked:
            took, rows, _ = await _first_ten(session, typed)
            one = Tried(took, _is_met(person, number, rows), _is_as_typed(name, person, number, rows))
            tried.setdefault(name, []).append(one)
            if not one.is_met:
                missed.append((name, f"{typed} <- {person.first} {person.last}"))
        for name, found in tried.items():
            result["recall"][name] = _recall(found)
        for group in (*GROUPS, ""):
            found = [one for name, every in tried.items() if name.startswith(group) for one in every]
            result["recall"][f"all: {group or 'together'}"] = _recall(found)
        result["missed"] = missed
    await database.close()
    return result


def _recall(tried: list[Tried]) -> dict[str, float]:
    return {
        "queries": len(tried),
        "recall": sum(one.is_met for one in tried) / len(tried),
        "as_typed": sum(one.is_as_typed for one in tried) / len(tried),
        **_figures([one.took for one in tried]),
    }


def _figures(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return {"p50_ms": round(median(ordered), 2), "p99_ms": round(p99, 2), "max_ms": round(ordered[-1], 2)}


def creates(url: str, count: int) -> dict[str, dict[str, float]]:
    """
    What a patient costs who is made by HTTP, one client, with what they are searched by and without: then nothing
    follows by trigger, and the row goes into a table without an index.
    """
    key = asyncio.run(prepare(url))
    found: dict[str, list[dict[str, Any]]] = {}
    with psycopg.connect(url, autocommit=True) as connection, serving(url, fast_paths=True) as server:
        row = connection.execute("SELECT medical_condition_id FROM medical_condition ORDER BY name LIMIT 1").fetchone()
        operation = create(key, str(row[0]) if row else "")
        for number in range(_CREATE_ROUNDS + 1):
            for name, statements in (("with the search", ()), ("without", _WITHOUT)):
                for statement in statements:
                    connection.execute(statement.encode())
                seed = 2 * number + bool(statements) + 1
                # The first request behind a change of the tables may find its plan made for the tables before.
                with suppress(RuntimeError):
                    load(server, operation, 20, _WARM_SECONDS, seed=1_000 + seed, connections=1)
                part = load(server, operation, count, _CREATE_SECONDS, seed=seed, connections=1)
                if number:
                    found.setdefault(name, []).append(part)
                for statement in _AS_BEFORE if statements else ():
                    connection.execute(statement.encode())
    return {
        name: {
            figure: round(median(part[figure] for part in parts), 2) for figure in ("p50_ms", "p99_ms", "per_second")
        }
        for name, parts in found.items()
    }


_WARM_SECONDS = 0.3
_WITHOUT = (
    "ALTER TABLE person_search RENAME TO kept",
    "CREATE TABLE person_search (LIKE kept INCLUDING DEFAULTS INCLUDING IDENTITY)",
    "ALTER TABLE patient DISABLE TRIGGER keep_search_marks_insert",
)
_AS_BEFORE = (
    "ALTER TABLE patient ENABLE TRIGGER keep_search_marks_insert",
    "DROP TABLE person_search",
    "ALTER TABLE kept RENAME TO person_search",
)


def show(console: Console, result: dict[str, Any]) -> None:
    for title, part in (("Search", "classes"), ("Found among the first ten", "recall")):
        table = Table(title=f"{title}, {result['people']:,} people", title_justify="left")
        for heading in ("class", "queries", "recall", "as typed", "p50 ms", "p99 ms", "slowest"):
            table.add_column(heading, justify="left" if heading == "class" else "right")
        for name, figures in result[part].items():
            shares = (f"{figures[key]:.3f}" if key in figures else "" for key in ("recall", "as_typed"))
            times = (f"{figures[key]:.1f}" for key in ("p50_ms", "p99_ms", "max_ms"))
            table.add_row(name, str(figures.get("queries", "")), *shares, *times)
        console.print(table)
    table = Table(title="A create by HTTP, one client", title_justify="left")
    for heading in ("", "p50 ms", "p99 ms", "a second"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, figures in result["creates"].items():
        table.add_row(name, *(f"{figures[key]:,.2f}" for key in ("p50_ms", "p99_ms", "per_second")))
    console.print(table)
    pays, bare = (result["creates"][name]["p50_ms"] for name in ("with the search", "without"))
    console.print(f"The search is {(pays - bare) / pays:.0%} of a create's p50.")


def main() -> None:
    settings = Settings.from_environment()
    size = read_size(os.environ.get("BENCH_SEARCH_SIZE", "1M"))
    queries = int(os.environ.get("BENCH_SEARCH_QUERIES", "2000"))
    console, say, started = Console(width=120), Console(stderr=True, highlight=False), time.monotonic()

    def tell(what: str) -> None:
        say.print(f"[{time.monotonic() - started:6.1f} s] {what}", markup=False)

    with postgres(settings) as place:
        name = f"bench_search_{size}"
        with psycopg.connect(place.url("postgres"), autocommit=True) as connection:
            data.drop_database(connection, name)
            data.create_database(connection, name)
        try:
            setup.move_to_head(place.url(name))
            with psycopg.connect(place.url(name)) as connection:
                fill(connection, size, tell)
            result = asyncio.run(measure(place.url(name), size, queries, tell))
            tell("creates")
            result["creates"] = creates(place.url(name), size)
        finally:
            if not os.environ.get("BENCH_SEARCH_KEEP"):
                with psycopg.connect(place.url("postgres"), autocommit=True) as connection:
                    data.drop_database(connection, name)
    show(console, result)
    written = Path(os.environ.get("BENCH_SEARCH_RESULT", "bench-search.json"))
    written.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    tell(f"all figures: {written}")


if __name__ == "__main__":
    main()
