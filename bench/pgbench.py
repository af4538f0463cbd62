"""pgbench with the very statements that the CRM sends, prepared, ids drawn at random: what PostgreSQL alone can do."""

import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Script:
    """Lines for pgbench, and the variables they name."""

    text: str
    variables: Mapping[str, str] = field(default_factory=dict)


def script(statement: str, arguments: Sequence[str], *, draw: str = "", variables: Mapping[str, str]) -> Script:
    """
    A script that sends `statement` with `arguments`: SQL expressions of pgbench variables, in the order of $1, $2, …

    `draw` is what comes before it: meta-commands that set variables.
    """
    text = re.sub(r"\$(\d+)", lambda found: arguments[int(found[1]) - 1], statement)
    return Script(f"{draw}\n{text};\n", variables)


def run(program: Path, database_url: str, scripts: Sequence[Script], *, seconds: float, clients: int) -> dict[str, Any]:
    """Transactions per second, latencies in milliseconds, and pgbench's own CPU per transaction."""
    with tempfile.TemporaryDirectory() as folder:
        command: list[str | Path] = [program, "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-l"]
        command += ["--log-prefix", str(Path(folder, "log")), "-T", str(max(1, round(seconds)))]
        for number, made in enumerate(scripts):
            place = Path(folder, f"{number}.sql")
            # Variables are of the whole run, so each script's get its number.
            place.write_text(re.sub(r"(?<!:):([a-z_]\w*)", rf":s{number}_\1", made.text))
            command += ["-f", place]
            for name, value in made.variables.items():
                command += ["-D", f"s{number}_{name}={value}"]
        environment = os.environ | {"PGOPTIONS": "-c plan_cache_mode=force_generic_plan"}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
            [*command, database_url], env=environment, capture_output=True, text=True, check=False
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise RuntimeError(f"pgbench: {done.stderr[-2000:]}")
        took = sorted(
            int(line.split()[2]) for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()
        )
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if rate is None or not took:
        raise RuntimeError(f"pgbench told nothing: {done.stdout[-2000:]}")
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "requests": len(took),
        "per_second": float(rate[1]),
        "p50_ms": took[len(took) // 2] / 1000,
        "p99_ms": took[min(len(took) - 1, int(len(took) * 0.99))] / 1000,
        "generator_cpu_us": own / len(took) * 1e6,
    }
