"""The figures as tables on the terminal and as bench-result.json."""

from typing import Any

from rich.console import Console
from rich.table import Table

AIMS = {"get": 50, "list": 35, "create": 60, "log a call": 50}
"""Requests a second as a share of pgbench sending the very same statement, in percent."""
MOST_GROWTH = 2.0
MOST_WORKER_MIB = 120


def share(operation: dict[str, Any]) -> float:
    return float(operation["crm"]["per_second"] / operation["pgbench"]["per_second"] * 100)


def gain(operation: dict[str, Any]) -> float | None:
    """How many times as many requests the fast path answers; None for an operation without one."""
    if "ordinary" not in operation:
        return None
    return float(operation["crm"]["per_second"] / operation["ordinary"]["per_second"])


def growth(small: dict[str, Any], large: dict[str, Any], name: str) -> float:
    """How many times the median latency of an operation is at the larger size."""
    return float(large["operations"][name]["crm"]["p50_ms"] / small["operations"][name]["crm"]["p50_ms"])


def print_size(console: Console, result: dict[str, Any]) -> None:
    table = Table(title=f"{result['patients']:,} patients", title_justify="left")
    for heading in (
        "operation",
        "req/s",
        "p50 ms",
        "p99 ms",
        "pgbench /s",
        "share",
        "aim",
        "ordinary /s",
        "gain",
        "CPU µs app + pg",
        "ordinary CPU µs",
    ):
        table.add_column(heading, justify="left" if heading == "operation" else "right")
    for name, operation in result["operations"].items():
        crm, ordinary, times = operation["crm"], operation.get("ordinary"), gain(operation)
        table.add_row(
            name,
            f"{crm['per_second']:,.0f}",
            f"{crm['p50_ms']:.1f}",
            f"{crm['p99_ms']:.1f}",
            f"{operation['pgbench']['per_second']:,.0f}",
            f"{share(operation):.0f} %",
            f"{AIMS[name]} %" if name in AIMS else "",
            f"{ordinary['per_second']:,.0f}" if ordinary else "",
            f"{times:.1f} x" if times else "",
            _cpu(crm),
            _cpu(ordinary) if ordinary else "",
        )
    console.print(table)
    memory = result["worker_mib"]
    console.print(
        f"Filled in {sum(result['fill_seconds'].values()):.0f} s. Memory of the worker: {memory['crm']:.0f} MiB "
        f"(aim: at most {MOST_WORKER_MIB}; by the ordinary path {memory['ordinary']:.0f} MiB)."
    )


def print_growth(console: Console, results: list[dict[str, Any]]) -> None:
    small, large = results[0], results[-1]
    table = Table(
        title=f"Median latency, {small['patients']:,} -> {large['patients']:,} patients", title_justify="left"
    )
    for heading in ("operation", "p50 ms", "growth", f"aim: at most {MOST_GROWTH:g}"):
        table.add_column(heading, justify="left" if heading == "operation" else "right")
    for name in small["operations"]:
        before, after = (size["operations"][name]["crm"]["p50_ms"] for size in (small, large))
        times = growth(small, large, name)
        table.add_row(name, f"{before:.1f} -> {after:.1f}", f"{times:.2f}", "yes" if times <= MOST_GROWTH else "no")
    console.print(table)


def _cpu(figures: dict[str, Any]) -> str:
    parts = [figures["app_cpu_us"], figures["postgres_cpu_us"]]
    return " + ".join("?" if part is None else f"{part:.0f}" for part in parts)
