"""
The table of roles and their permissions, as data. Everything not named here is denied.

Source: DESIGN, "Rights of the core". docs/PERMISSIONS.md is printed from it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    NAVIGATOR = "navigator"
    LIAISON = "liaison"
    PROGRAMME_MANAGER = "programme_manager"
    DATA_STEWARD = "data_steward"
    PRIVACY_OFFICER = "privacy_officer"
    AUDITOR = "auditor"
    ADMIN = "admin"
    INTEGRATION = "integration"


ROLE_DESCRIPTIONS: dict[Role, str] = {
    Role.NAVIGATOR: "Talks to patients, decides on leads, moves journeys forward.",
    Role.LIAISON: "Works with physicians and hospitals.",
    Role.PROGRAMME_MANAGER: "Runs expanded-access programmes and trials: programmes, gates, what is stuck where.",
    Role.DATA_STEWARD: "Keeps the data right: conditions, duplicates, the legacy migration.",
    Role.PRIVACY_OFFICER: "Sees who saw or changed what; consent, access and erasure requests.",
    Role.AUDITOR: "Inspects, changes nothing, sees people masked.",
    Role.ADMIN: "Accounts, keys and settings; no personal data.",
    Role.INTEGRATION: "A machine that brings and reads persons, leads, patients and calls.",
}


@dataclass(frozen=True)
class Permission:
    """`personal`: using it shows or changes data of people, so every use leaves an audit event."""

    code: str
    description: str
    personal: bool = True


_ALL = [
    Permission("condition.read", "Read medical conditions.", personal=False),
    Permission("condition.write", "Add and change medical conditions.", personal=False),
    Permission("hospital.read", "Read hospitals.", personal=False),
    Permission("hospital.write", "Add and change hospitals.", personal=False),
    Permission("specialization.read", "Read specializations.", personal=False),
    Permission("specialization.write", "Add and change specializations.", personal=False),
    Permission("physician.read", "Read physicians."),
    Permission("physician.write", "Add and change physicians."),
    Permission("person.read", "Find and read persons, their contact points and roles."),
    Permission("person.search", "Search people by name, e-mail, phone or birth date."),
    Permission("person.write", "Add and change persons, their contact points, roles and relationships."),
    Permission("lead.read", "Read leads."),
    Permission("lead.write", "Add leads and move them."),
    Permission("lead.convert", "Convert a lead into a patient."),
    Permission("patient.read", "Read patients and their timeline."),
    Permission("patient.write", "Add and change patients."),
    Permission("patient.delete", "Delete a patient (it can be brought back)."),
    Permission("patient.read_deleted", "Read deleted patients."),
    Permission("call.read", "Read calls."),
    Permission("call.write", "Book, log and correct calls."),
    Permission("call.void_own", "Void calls of one's own."),
    Permission("call.void_any", "Void any call."),
    Permission("call.read_voided", "Read voided calls."),
    Permission("relationship.read", "Read who treats a patient."),
    Permission("relationship.write", "Link patients and physicians."),
    Permission("trial.read", "Read clinical trials.", personal=False),
    Permission("trial.write", "Add and change clinical trials.", personal=False),
    Permission("programme.read", "Read expanded-access programmes.", personal=False),
    Permission("programme.write", "Add and change expanded-access programmes.", personal=False),
    Permission("journey.read", "Read clinical-trial and expanded-access journeys."),
    Permission("journey.write", "Open journeys and move them."),
    Permission("gate.write", "Change the gates of expanded-access journeys."),
    Permission("suggestion.read", "Read suggested changes and duplicate candidates."),
    Permission("suggestion.decide", "Accept or reject suggested changes; decide on duplicate candidates."),
    Permission("key.manage", "Create and revoke API keys.", personal=False),
    Permission("user.manage", "Create, change and disable accounts.", personal=False),
    Permission("settings.manage", "Read and change settings.", personal=False),
    Permission("audit.read", "Read the audit trail and earlier versions of records."),
    Permission("legacy.run", "Run the legacy migration."),
]
PERMISSIONS: dict[str, Permission] = {permission.code: permission for permission in _ALL}

_REFERENCE_READ = {"condition.read", "hospital.read", "specialization.read", "trial.read", "programme.read"}
_PEOPLE_READ = {
    "physician.read",
    "person.read",
    "lead.read",
    "patient.read",
    "call.read",
    "relationship.read",
    "journey.read",
    "suggestion.read",
}
_CARE_WRITE = {
    "person.write",
    "lead.write",
    "lead.convert",
    "patient.write",
    "patient.delete",
    "call.write",
    "call.void_own",
    "relationship.write",
    "journey.write",
    "physician.write",
    "hospital.write",
    "suggestion.decide",
}

GRANTS: dict[Role, frozenset[str]] = {
    Role.NAVIGATOR: frozenset(_REFERENCE_READ | _PEOPLE_READ | _CARE_WRITE | {"person.search"}),
    Role.LIAISON: frozenset(_REFERENCE_READ | _PEOPLE_READ | _CARE_WRITE | {"person.search"}),
    Role.PROGRAMME_MANAGER: frozenset(
        _REFERENCE_READ | {"programme.write", "trial.write", "gate.write", "journey.read"}
    ),
    Role.DATA_STEWARD: frozenset(
        _REFERENCE_READ
        | _PEOPLE_READ
        | {
            "person.search",
            "person.write",
            "physician.write",
            "hospital.write",
            "specialization.write",
            "condition.write",
            "suggestion.decide",
            "call.void_own",
            "call.void_any",
            "call.read_voided",
            "patient.read_deleted",
            "legacy.run",
        }
    ),
    Role.PRIVACY_OFFICER: frozenset(
        _REFERENCE_READ | _PEOPLE_READ | {"audit.read", "patient.read_deleted", "call.read_voided"}
    ),
    Role.AUDITOR: frozenset(
        _REFERENCE_READ | _PEOPLE_READ | {"audit.read", "patient.read_deleted", "call.read_voided"}
    ),
    Role.ADMIN: frozenset({"key.manage", "user.manage", "settings.manage"}),
    Role.INTEGRATION: frozenset(
        {
            "condition.read",
            "person.read",
            "person.search",
            "person.write",
            "lead.read",
            "lead.write",
            "patient.read",
            "patient.write",
            "call.read",
            "call.write",
        }
    ),
}

MASKED_CLASSES: dict[Role, frozenset[str]] = {
    Role.PRIVACY_OFFICER: frozenset({"personal", "health"}),
    Role.AUDITOR: frozenset({"personal", "health"}),
    Role.PROGRAMME_MANAGER: frozenset({"personal"}),
}
"""Privacy classes (platform/db.py) that a role sees masked, wherever a value would be shown."""


_KNOWN = frozenset(role.value for role in Role)


def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    """The union of what these roles allow; an unknown role allows nothing."""
    known = [GRANTS[Role(role)] for role in roles if role in _KNOWN]
    return frozenset().union(*known)


def masked_classes_of(roles: frozenset[str]) -> frozenset[str]:
    """The classes that are masked for somebody with all these roles: those that every one of them masks."""
    masks = [MASKED_CLASSES.get(Role(role), frozenset()) for role in roles if role in _KNOWN]
    return frozenset.intersection(*masks) if masks else frozenset({"personal", "health"})


def roles_allowing(permission: str, *, unmasked: bool = False) -> tuple[str, ...]:
    """The roles with `permission`; with `unmasked`, only those that see every field as it is."""
    return tuple(
        role.value for role in Role if permission in GRANTS[role] and not (unmasked and MASKED_CLASSES.get(role))
    )
