"""The e-mail address somebody signs in with: one spelling per mailbox."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from app.platform.errors import invalid_field

MAX_LENGTH = 254


def account_address(typed: str) -> str:
    """The address as it is written to. Invalid for text that is none."""
    try:
        found = validate_email(typed.strip()[: MAX_LENGTH + 1], check_deliverability=False)
    except (EmailNotValidError, UnicodeError):
        raise invalid_field("email", "email", "Write an e-mail address such as name@example.org.") from None
    return found.normalized


def account_key(typed: str) -> str:
    """
    What an account is found by: lower case, NFC, the domain in its ASCII form. Never fails: text that is no address
    gives a key that no account has.
    """
    text = unicodedata.normalize("NFC", typed.strip()[: MAX_LENGTH + 1]).replace("\x00", "").casefold()
    local, _, domain = text.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return text.encode("utf-8", "replace").decode()
