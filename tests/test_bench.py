"""The benchmark sends the statements of the product: built here, so that a changed one is noticed without a run."""

import pkgutil
from importlib import import_module
from uuid import uuid4

import bench
from app.access.keys import new_key
from bench import operations


def test_every_module_of_the_benchmark_is_there() -> None:
    for module in pkgutil.iter_modules(bench.__path__, "bench."):
        if module.name != "bench.__main__":
            import_module(module.name)


def test_every_parameter_of_a_measured_statement_has_a_value() -> None:
    (key, _), condition = new_key(), str(uuid4())
    made = [
        operations._get(key, 1_000),
        operations._list(key, [condition]),
        operations.create(key, condition),
        operations._log_call(key, 1_000),
    ]
    assert all(operation.scripts for operation in made)
