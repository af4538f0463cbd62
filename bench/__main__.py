"""
Measure the fast operations beside pgbench; the table goes to stdout, all figures to bench-result.json.

BENCH_SIZES (10k,1M), BENCH_SECONDS (3: length of a slice), BENCH_ROUNDS (3), BENCH_RESULT (bench-result.json).
CRM_DATABASE_URL or CRM_DATA_DIR say where; the databases bench_… are made and dropped.
"""

import json
import logging
import os
import time
from pathlib import Path

import structlog
from rich.console import Console

from app.platform.embedded import exit_on_sigterm, refuse_in_production
from app.platform.settings import Settings
from bench import machine, report
from bench.runner import CONNECTIONS, Plan, measure, postgres

_UNITS = {"k": 1_000, "M": 1_000_000}


def read_size(text: str) -> int:
    """`10k`, `1M` or a plain number; ValueError for less than a thousand."""
    unit = _UNITS.get(text[-1:])
    size = int(text[:-1]) * unit if unit else int(text)
    if size < 1_000:
        raise ValueError(f"BENCH_SIZES: {text} is less than 1k, too few patients for a page of a filter")
    return size


def read_plan() -> Plan:
    return Plan(
        sizes=tuple(read_size(text.strip()) for text in os.environ.get("BENCH_SIZES", "10k,1M").split(",")),
        seconds=float(os.environ.get("BENCH_SECONDS", "3")),
        rounds=int(os.environ.get("BENCH_ROUNDS", "3")),
    )


def main() -> None:
    settings = Settings.from_environment()
    refuse_in_production(settings.environment)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    exit_on_sigterm()
    plan = read_plan()
    console, say = Console(width=140), Console(stderr=True, highlight=False)
    started = time.monotonic()

    def tell(what: str) -> None:
        say.print(f"[{time.monotonic() - started:6.1f} s] {what}", markup=False)

    results = []
    with postgres(settings) as place:
        for size in plan.sizes:
            results.append(measure(place, size, plan, tell))
            report.print_size(console, results[-1])
    if len(results) > 1:
        report.print_growth(console, results)
    written = Path(os.environ.get("BENCH_RESULT", "bench-result.json"))
    figures = {
        "machine": machine.description(),
        "connections": CONNECTIONS,
        "slice_seconds": plan.seconds,
        "rounds": plan.rounds,
        "sizes": results,
    }
    written.write_text(json.dumps(figures, indent=2) + "\n")
    tell(f"all figures: {written}")


if __name__ == "__main__":
    main()
