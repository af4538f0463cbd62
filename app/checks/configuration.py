"""Settings that are missing, unreadable, unsafe, misspelled, or contradict each other."""

import difflib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from app.checks.findings import Finding, Installation, ok, warning, wrong
from app.platform.settings import EXAMPLES, Caseload, Settings, variables

_NEARLY = 0.87
"""From here on two names are taken for one that is misspelled."""


async def settings(at: Installation) -> Finding:
    if at.unusable is not None:
        return wrong(
            f"A setting cannot be used: {at.unusable}.",
            "Set it anew; until then everything below is looked at with the defaults.",
        )
    if at.unsafe:
        return wrong(
            f"Production does not start with these settings: {'; '.join(at.unsafe)}.",
            "Set each of them and start anew.",
        )
    if faults := list(_contradictions(at.settings)):
        return wrong(f"Settings contradict each other: {'; '.join(faults)}.", "Change one of each pair.")
    if doubts := [*_misspelled(at.environ), *_useless(at)]:
        return warning(f"Settings have no effect: {'; '.join(doubts)}.", "Correct their names, or take them away.")
    return ok(f"The settings can be used, as {at.settings.environment}.")


def _contradictions(settings: Settings) -> Iterator[str]:
    host = urlsplit(settings.base_url).hostname or ""
    if settings.allowed_hosts and host.lower() not in {name.lower() for name in settings.allowed_hosts}:
        yield (
            "CRM_ALLOWED_HOSTS does not have the host of CRM_BASE_URL, so that users are refused "
            f"(CRM_ALLOWED_HOSTS={EXAMPLES['CRM_ALLOWED_HOSTS']})"
        )
    needed = {
        "CRM_SMTP_PASSWORD": settings.smtp_user and not settings.smtp_password,
        "CRM_SMTP_USER": settings.smtp_password and not settings.smtp_user,
        "CRM_OIDC_CLIENT_ID": settings.oidc_issuer and not settings.oidc_client_id,
        "CRM_OIDC_CLIENT_SECRET": settings.oidc_issuer and not settings.oidc_client_secret,
        "CRM_OIDC_ISSUER": settings.oidc_client_id and not settings.oidc_issuer,
    }
    for name, is_missing in needed.items():
        if is_missing:
            yield f"{name} is not set, which what is set needs ({name}={EXAMPLES[name]})"


def _useless(at: Installation) -> Iterator[str]:
    settings, given = at.settings, at.environ
    pairs = {
        "CRM_CALL_FEED_INITIALS without CRM_CALL_FEEDS": settings.call_feed_initials and not settings.call_feeds,
        "CRM_PG_BIN with CRM_DATABASE_URL": settings.pg_bin is not None and settings.database_url is not None,
        "CRM_OIDC_ROLES without CRM_OIDC_ISSUER": settings.oidc_roles and settings.oidc_issuer is None,
        "CRM_SCAN_TIMEOUT without CRM_SCAN_COMMAND": given.get("CRM_SCAN_TIMEOUT") and not settings.scan_command,
        "CRM_FAST_PATHS with CRM_CASELOAD=assigned": given.get("CRM_FAST_PATHS")
        and settings.fast_paths
        and settings.caseload is Caseload.ASSIGNED,
        "CRM_SMTP_USER without CRM_SMTP_HOST": settings.smtp_user and settings.smtp_host is None,
    }
    yield from (name for name, is_so in pairs.items() if is_so)


def _misspelled(environ: Mapping[str, str]) -> Iterator[str]:
    known = sorted(variables())
    for name in sorted(environ):
        if name.startswith("CRM_") and name not in known:
            for meant in difflib.get_close_matches(name, known, n=1, cutoff=_NEARLY):
                yield f"{name} is none of ours, {meant} is"
