"""Passwords in tests cost little: the cost itself has a test of its own."""

import pytest
from argon2 import PasswordHasher

from app.access.accounts import passwords

COSTLY = passwords.HASHER


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
