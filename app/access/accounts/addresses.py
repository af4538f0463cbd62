"""The e-mail address somebody signs in with: one spelling per mailbox."""

from typing import Final

from email_validator import EmailNotValidError, validate_email

from app.platform.emails import clean_email, email_key
from app.platform.errors import invalid_field

MAX_LENGTH = 254
NO_ADDRESS: Final = "Write an e-mail address such as name@example.org."


def account_address(typed: str) -> str:
    """The address as it is written to. Invalid for text that is none."""
    try:
        found = validate_email(typed.strip()[: MAX_LENGTH + 1], check_deliverability=False)
    except (EmailNotValidError, UnicodeError):
        raise invalid_field("email", "email", NO_ADDRESS) from None
    return found.normalized


def account_key(typed: str) -> str:
    """
    What an account is found by: the key of the mailbox. Never fails: text that is no address gives a key that no
    account has.
    """
    return email_key(typed[: MAX_LENGTH + 1]) or ""


def is_same_address(one: str, other: str) -> bool:
    """Whether two texts are one address, its `+tag` included: a tag parts mailboxes where a provider says so."""
    cleaned = clean_email(one)
    return cleaned is not None and cleaned == clean_email(other)
