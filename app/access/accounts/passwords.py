"""
Passwords by NIST SP 800-63B-4: long, of any characters, never a known one; hashed by Argon2id.

A hash takes 64 MiB and a fifth of a second, so two run at once, some more wait, and the next is told to come back:
a flood of sign-ins must not take the machine away from the people who work.
"""

import asyncio
import functools
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.access.accounts.errors import PasswordInvalid
from app.platform.errors import FieldError, Unavailable
from app.platform.locales import _

T = TypeVar("T")

ALONE_LENGTH, WITH_SECOND_FACTOR_LENGTH, MAX_LENGTH = 15, 8, 256
"""In code points after NFKC. The longest is far beyond the 64 that must be possible; it bounds the work."""
THREADS, WAITING = 2, 16
ALONE_SCORE, WITH_SECOND_FACTOR_SCORE = 3, 2
"""zxcvbn's: 10^8 guesses at least, or 10^6. It counts known words, names, dates, keyboard runs and repeats."""
_LOOKED_AT = 72
OUR_WORDS = ("mytomorrows", "my tomorrows", "crm", "patient", "navigator", "expanded access", "clinical trial")

HASHER = PasswordHasher()
"""Argon2id with the library's parameters (RFC 9106, low memory): 64 MiB, 3 passes, 4 lanes, 16 bytes of salt."""


@functools.cache
def _known() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - as in _score

    return frozenset(FREQUENCY_LISTS["passwords"])


def _score(password: str, words: list[str]) -> int:
    # Its lists of words take 12 MiB in every worker; passwords are chosen in few of them.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    return int(zxcvbn(password, user_inputs=words)["score"])


def normalise(password: str) -> str:
    """The password as it is counted and hashed: NFKC, so that one keyboard's ü is another one's."""
    return unicodedata.normalize("NFKC", password)


def check_new(password: str, *, has_second_factor: bool, context: Sequence[str] = ()) -> None:
    """
    PasswordInvalid, with the reason, for a password that is too short, too long, known, or easily guessed.

    No rule about kinds of characters. `context` holds words that belong to the person: name, address.
    Source: NIST SP 800-63B-4, 3.1.1.2.
    """
    text = normalise(password)
    least = WITH_SECOND_FACTOR_LENGTH if has_second_factor else ALONE_LENGTH
    if any("\ud800" <= letter <= "\udfff" or letter == "\x00" for letter in text):
        raise _refused("characters", "It holds characters that cannot be kept. Use any others.")
    if len(text) < least:
        raise _refused("too_short", f"Use at least {least} characters. A few unrelated words are good.")
    if len(text) > MAX_LENGTH:
        raise _refused("too_long", f"Use at most {MAX_LENGTH} characters.")
    words = _words((*OUR_WORDS, *context))
    if text.casefold() in _known() or text.casefold() in {word.casefold() for word in words}:
        raise _refused("known", "This password is on the lists that attackers try first. Choose another one.")
    least_score = WITH_SECOND_FACTOR_SCORE if has_second_factor else ALONE_SCORE
    if _score(text[:_LOOKED_AT], words) < least_score:
        raise _refused("guessable", "This is easy to guess: known words, names, dates or repeats. Add unrelated words.")


def _words(phrases: Sequence[str]) -> list[str]:
    """Each phrase whole, in its parts, and with its parts run together, forwards and backwards."""
    found: dict[str, None] = {}
    for phrase in phrases:
        parts = phrase.replace("@", " ").split()
        found |= dict.fromkeys((phrase, *parts, "".join(parts), "".join(reversed(parts))))
    return [word for word in found if word]


def _refused(code: str, message: str) -> PasswordInvalid:
    return PasswordInvalid(message, fields=[FieldError("password", code, message)])


class BoundedWork:
    """Runs slow functions in a few threads. Unavailable when too many wait already."""

    def __init__(self, threads: int = THREADS, waiting: int = WAITING) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._most = threads + waiting
        self._present = 0

    async def run(self, function: Callable[..., T], *arguments: object, **named: object) -> T:
        if self._present >= self._most:
            raise Unavailable(_("Very many people sign in at the moment. Try again in a few seconds."), code="busy")
        self._present += 1
        try:
            call = functools.partial(function, *arguments, **named)
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        finally:
            self._present -= 1


@functools.cache
def work() -> BoundedWork:
    """The process's own; its threads begin with the first use."""
    return BoundedWork()


def _encoded(password: str) -> bytes:
    return normalise(password).encode("utf-8", "replace")


def _hash(password: str) -> str:
    return HASHER.hash(_encoded(password))


@functools.cache
def _nobodys_hash(hasher: PasswordHasher) -> str:
    """A hash of the present cost that no password matches: an unknown account must cost what a known one does."""
    return hasher.hash(b"\x00 nobody has this password \x00")


def _verify(stored: str | None, password: str) -> tuple[bool, str | None]:
    try:
        HASHER.verify(stored or _nobodys_hash(HASHER), _encoded(password[: MAX_LENGTH * 4]))
    except (VerificationError, InvalidHashError):
        return False, None
    if stored is None:
        return False, None
    return True, _hash(password) if HASHER.check_needs_rehash(stored) else None


async def hash_password(password: str) -> str:
    """The Argon2id hash to store."""
    return await work().run(_hash, password)


async def verify(stored: str | None, password: str) -> tuple[bool, str | None]:
    """
    Whether the password is the one of the stored hash, and a new hash when the cost has changed since.

    Without a stored hash the same work is done, for nothing.
    """
    return await work().run(_verify, stored, password)


async def check_and_hash(password: str, *, has_second_factor: bool, context: Sequence[str] = ()) -> str:
    """The hash of a new password that passes `check_new`."""
    await work().run(check_new, password, has_second_factor=has_second_factor, context=context)
    return await hash_password(password)
