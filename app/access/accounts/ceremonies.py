"""
The two ceremonies of WebAuthn, making a passkey and answering with one: what is asked, and how the answer is checked.

Apart from passkeys.py, which imports it where it is needed: its library takes 13 MiB in every worker, and passkeys are
used in few of them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app.access.accounts.errors import PasskeyRefused
from app.access.accounts.models import Passkey
from app.platform.locales import _

RP_NAME = "myTomorrows CRM"
_TRANSPORTS = frozenset(known.value for known in AuthenticatorTransport)
_MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError)


class Asked(NamedTuple):
    """What the browser is asked, in WebAuthn's JSON form, and the challenge in it."""

    options: dict[str, Any]
    challenge: bytes


class Made(NamedTuple):
    """A passkey as its device tells it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]


def ask_to_make(*, host: str, account_id: UUID, user_name: str, display_name: str, known: Sequence[Passkey]) -> Asked:
    """Ask for a new passkey on a device that holds none of those that are known."""
    options = webauthn.generate_registration_options(
        rp_id=host,
        rp_name=RP_NAME,
        user_id=account_id.bytes,
        user_name=user_name,
        user_display_name=display_name,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=key.credential_id) for key in known],
    )
    return Asked(orjson.loads(webauthn.options_to_json(options)), options.challenge)


def check_made(credential: dict[str, Any], *, challenge: bytes, host: str, origin: str) -> Made:
    """The passkey that the browser has made; PasskeyRefused when its answer does not hold."""
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise PasskeyRefused(_("The new passkey could not be checked. Try again.")) from None
    said = credential.get("response", {}).get("transports") or []
    transports = [way for way in said if isinstance(way, str) and way in _TRANSPORTS]
    return Made(made.credential_id, made.credential_public_key, made.sign_count, transports)


def ask_to_use(*, host: str, known: Sequence[Passkey]) -> Asked:
    """Ask for one of the known passkeys, or for any of this site where none is named."""
    options = webauthn.generate_authentication_options(
        rp_id=host,
        allow_credentials=[
            PublicKeyCredentialDescriptor(
                id=key.credential_id, transports=[AuthenticatorTransport(way) for way in key.transports]
            )
            for key in known
        ],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Asked(orjson.loads(webauthn.options_to_json(options)), options.challenge)


def credential_id_of(credential: dict[str, Any]) -> bytes:
    """Which passkey answers; PasskeyRefused when the answer does not say."""
    try:
        return base64url_to_bytes(credential["rawId"])
    except _MALFORMED:
        raise PasskeyRefused from None


def check_used(credential: dict[str, Any], *, passkey: Passkey, challenge: bytes, host: str, origin: str) -> int:
    """The passkey's new counter; PasskeyRefused when its answer does not hold, or the counter went back."""
    try:
        done = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _MALFORMED:
        raise PasskeyRefused from None
    return done.new_sign_count
