"""What processes cost: CPU seconds and memory of a process with its children, on Linux and macOS."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil


def cpu_seconds(pid: int) -> float:
    """User and system CPU so far of a process, its children, and those of its children that have ended."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += sum(_times(process))
    return total


def _times(process: Any) -> tuple[float, ...]:
    times = process.cpu_times()
    # PostgreSQL's backends end with their clients: what they cost is then with the postmaster.
    return (times.user, times.system, getattr(times, "children_user", 0.0), getattr(times, "children_system", 0.0))


def cpu_of(pids: dict[str, int | None], work: Callable[[], Any]) -> tuple[Any, dict[str, float | None]]:
    """What `work` gives, and the CPU seconds that each of these process trees has used meanwhile."""
    before = {name: cpu_seconds(pid) if pid else 0.0 for name, pid in pids.items()}
    result = work()
    return result, {name: cpu_seconds(pid) - before[name] if pid else None for name, pid in pids.items()}


def worker_mib(pid: int) -> float:
    """The resident memory of the largest child of a server: its worker."""
    sizes = [0]
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            sizes.append(process.memory_info().rss)
    return max(sizes) / (1 << 20)


def description() -> dict[str, Any]:
    """The machine, as far as it matters for the figures."""
    return {
        "cpus": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30), 1),
        "load_average": [round(value, 2) for value in psutil.getloadavg()],
    }
