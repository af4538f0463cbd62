"""
What fast means, measured: `python -m bench` (or `make bench`).

data.py fills a database of its own by COPY; load.py sends HTTP from a process of its own; pgbench.py runs PostgreSQL's
own load generator on the very same statements; operations.py holds what is asked; runner.py takes turns between the
targets; report.py prints the table and writes bench-result.json. docs/BENCHMARK.md explains how to read it.
"""
