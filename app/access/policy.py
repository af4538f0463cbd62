"""
The table of roles and their permissions, as data. Everything not named here is denied.

A right to create is not a right to change: where a machine brings records, `….create` is a permission of its own.
docs/PERMISSIONS.md is printed from this table.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.platform.locales import _


class Role(StrEnum):
    NAVIGATOR = "navigator"
    LIAISON = "liaison"
    PROGRAMME_MANAGER = "programme_manager"
    DATA_STEWARD = "data_steward"
    PRIVACY_OFFICER = "privacy_officer"
    AUDITOR = "auditor"
    ADMIN = "admin"
    INTEGRATION = "integration"


HUMAN_ROLES = tuple(role for role in Role if role is not Role.INTEGRATION)
"""A machine's role is for keys, not for people."""

ROLE_DESCRIPTIONS: dict[Role, str] = {
    Role.NAVIGATOR: _("Talks to patients, decides on leads, moves journeys forward."),
    Role.LIAISON: _("Works with physicians and hospitals."),
    Role.PROGRAMME_MANAGER: _("Runs expanded-access programmes and trials: programmes, gates, what is stuck where."),
    Role.DATA_STEWARD: _("Keeps the data right: conditions, duplicates, the legacy migration."),
    Role.PRIVACY_OFFICER: _("Sees who saw or changed what; consent, access and erasure requests."),
    Role.AUDITOR: _("Inspects, changes nothing, sees people masked."),
    Role.ADMIN: _("Accounts, keys and settings; no personal data."),
    Role.INTEGRATION: _("A machine that brings and reads persons, leads, patients and calls, and changes none."),
}


@dataclass(frozen=True)
class Permission:
    """`personal`: using it shows or changes data of people, colleagues too, so every use leaves an audit event."""

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
    Permission("person.create", "Add persons."),
    Permission(
        "person.write", "Change and deactivate persons; add and change their contact points, roles and relationships."
    ),
    Permission("lead.read", "Read leads."),
    Permission("lead.create", "Add leads."),
    Permission("lead.write", "Change leads and move them."),
    Permission("lead.convert", "Convert a lead into a patient."),
    Permission("patient.read", "Read patients and their timeline."),
    Permission("patient.create", "Add patients."),
    Permission("patient.write", "Change patients."),
    Permission("patient.delete", "Delete a patient (it can be brought back)."),
    Permission("patient.read_deleted", "Read deleted patients."),
    Permission("call.read", "Read calls."),
    Permission("call.create", "Book and log calls."),
    Permission("call.write", "Correct and reschedule calls."),
    Permission("call.void_own", "Void calls of one's own."),
    Permission("call.void_any", "Void any call."),
    Permission("call.read_voided", "Read voided calls."),
    Permission("availability.read", "Read when colleagues work and when they are absent."),
    Permission("availability.write_own", "Say when one works and when one is absent."),
    Permission("availability.write_any", "Say it of any colleague."),
    Permission("work.count", "See how much open work a colleague has, by kind."),
    Permission("work.hand_over", "Hand the open work of a colleague to others."),
    Permission("task.read", "Read tasks."),
    Permission("task.write", "Make, change, hand over and close tasks."),
    Permission("note.read", "Read notes."),
    Permission("note.write", "Write and correct notes."),
    Permission("note.void_own", "Void notes of one's own."),
    Permission("note.void_any", "Void any note."),
    Permission("note.read_voided", "Read voided notes."),
    Permission("document.read", "List documents, and read them as far as one sees the person unmasked."),
    Permission("document.write", "Add documents and versions of them, change what is said of them."),
    Permission("document.void_own", "Void documents of one's own."),
    Permission("document.void_any", "Void any document."),
    Permission("document.read_voided", "See voided documents in lists."),
    Permission("relationship.read", "Read who treats a patient."),
    Permission("relationship.write", "Link patients and physicians."),
    Permission("draft.own", "Keep, read and remove what one is typing oneself."),
    Permission("preferences.own", "Read and change how one sees one's own pages.", personal=False),
    Permission("view.own", "Keep views of the lists that one may read, and use the shared ones.", personal=False),
    Permission("view.share", "Share views of lists with everybody, change and remove shared ones.", personal=False),
    Permission("calendar_feed.own", "Have one's own booked calls in a calendar program, where the settings allow it."),
    Permission("notification.own", "Read one's own notifications, and choose where they are told."),
    Permission("trial.read", "Read clinical trials.", personal=False),
    Permission("trial.write", "Add and change clinical trials.", personal=False),
    Permission("programme.read", "Read expanded-access programmes.", personal=False),
    Permission("programme.write", "Add and change expanded-access programmes.", personal=False),
    Permission("journey.read", "Read clinical-trial and expanded-access journeys."),
    Permission("journey.write", "Open journeys and move them."),
    Permission("norm.read", "Read how many days a stage takes as a rule.", personal=False),
    Permission("norm.write", "Change how many days a stage takes as a rule.", personal=False),
    Permission("gate.write", "Change the gates of expanded-access journeys."),
    Permission("suggestion.read", "Read suggested changes and duplicate candidates."),
    Permission("suggestion.decide", "Accept or reject suggested changes; decide on duplicate candidates."),
    Permission("fault.read", "See in which records something does not fit together, and which are doubles of others."),
    Permission(
        "came_back.read",
        "Read who came back after a death or a withdrawal, or opted out: one's own, and without an owner.",
    ),
    Permission("came_back.read_all", "Read all who came back after a death or a withdrawal, or opted out."),
    Permission("came_back.close", "Say what was decided about somebody who came back."),
    Permission("list.export", "Take what a list shows out as a file, with a stated reason."),
    Permission("export.read", "Read what was asked of a second person to take out: one's own."),
    Permission("export.decide", "Agree to such an export of somebody else, or refuse it; read all of them."),
    Permission("key.manage", "Read and revoke API keys."),
    Permission("key.make", "Make and rotate API keys.", personal=False),
    Permission("user.manage", "Create, change and disable accounts."),
    Permission("metrics.read", "Read the metrics of the installation: counts without data of people.", personal=False),
    Permission("audit.read", "Read the audit trail, and who looked at a person and why."),
    Permission("audit.export", "Take the audit trail out as CSV."),
    Permission("reveal.use", "See single masked values once, with a stated reason."),
    Permission("break_glass.use", "Open one person's masked data for an hour, with a stated reason."),
    Permission("break_glass.review", "Judge whether a break-glass was justified."),
]
PERMISSIONS: dict[str, Permission] = {permission.code: permission for permission in _ALL}

NAMED_ONLY = frozenset({"break_glass.use", "key.make"})
"""
What asks a person for a fresh proof of who they are. A key, which cannot give one, may do it only when it was made for
it: its scopes name the permission, whatever its role allows.
"""

_REFERENCE_READ = {
    "condition.read",
    "hospital.read",
    "specialization.read",
    "trial.read",
    "programme.read",
    "norm.read",
}
_PEOPLE_READ = {
    "availability.read",
    "physician.read",
    "person.read",
    "lead.read",
    "patient.read",
    "call.read",
    "task.read",
    "note.read",
    "document.read",
    "relationship.read",
    "journey.read",
    "suggestion.read",
}
_CREATE = {"person.create", "lead.create", "patient.create", "call.create"}
_CAME_BACK = {"came_back.read", "came_back.close"}
_CARE_WRITE = _CREATE | {
    "person.write",
    "lead.write",
    "lead.convert",
    "patient.write",
    "patient.delete",
    "call.write",
    "call.void_own",
    "availability.write_own",
    "task.write",
    "note.write",
    "note.void_own",
    "document.write",
    "document.void_own",
    "relationship.write",
    "journey.write",
    "physician.write",
    "hospital.write",
    "suggestion.decide",
    *_CAME_BACK,
}
_OWN = {"preferences.own", "notification.own", "view.own"}
_TYPING = {"draft.own"}
"""Of those who see what is typed of people as it is: a masked draft could not be gone on with."""
_OPENING = {"reveal.use", "break_glass.use"}
_INSPECTION = {
    "audit.read",
    "audit.export",
    "export.read",
    "patient.read_deleted",
    "call.read_voided",
    "note.read_voided",
    "document.read_voided",
}

GRANTS: dict[Role, frozenset[str]] = {
    Role.NAVIGATOR: frozenset(
        _REFERENCE_READ | _PEOPLE_READ | _CARE_WRITE | _TYPING | _OWN | {"person.search", "calendar_feed.own"}
    ),
    Role.LIAISON: frozenset(_REFERENCE_READ | _PEOPLE_READ | _CARE_WRITE | _TYPING | _OWN | {"person.search"}),
    Role.PROGRAMME_MANAGER: frozenset(
        # Who may open a person by break-glass may read people: masked, until one is opened (SIGHT_BY_PERMISSION).
        _REFERENCE_READ
        | _PEOPLE_READ
        | _OPENING
        | _TYPING
        | _OWN
        | {"programme.write", "trial.write", "gate.write", "norm.write", "list.export", "export.read", "view.share"}
        | {"availability.write_own", "availability.write_any", "work.count", "work.hand_over"}
    ),
    Role.DATA_STEWARD: frozenset(
        _REFERENCE_READ
        | _PEOPLE_READ
        | _TYPING
        | _OWN
        | {
            "person.search",
            "person.create",
            "person.write",
            "physician.write",
            "hospital.write",
            "specialization.write",
            "condition.write",
            "suggestion.decide",
            "fault.read",
            "call.void_own",
            "call.void_any",
            "call.read_voided",
            "note.void_own",
            "note.void_any",
            "note.read_voided",
            "document.void_own",
            "document.void_any",
            "document.read_voided",
            "patient.read_deleted",
            "list.export",
            "export.read",
            "export.decide",
            "view.share",
        }
    ),
    Role.PRIVACY_OFFICER: frozenset(
        _REFERENCE_READ
        | _PEOPLE_READ
        | _OPENING
        | _INSPECTION
        | _CAME_BACK
        | _OWN
        | {"break_glass.review", "came_back.read_all", "export.decide"}
    ),
    Role.AUDITOR: frozenset(_REFERENCE_READ | _PEOPLE_READ | _OPENING | _INSPECTION | _OWN | {"fault.read"}),
    Role.ADMIN: frozenset({"key.manage", "key.make", "user.manage", "work.count", "metrics.read"} | _OWN),
    Role.INTEGRATION: frozenset(
        _CREATE | {"condition.read", "person.read", "person.search", "lead.read", "patient.read", "call.read"}
    ),
}


class Sight(StrEnum):
    """How a role sees the values of a privacy class."""

    CLEAR = "clear"
    MASKED = "masked"
    """Shown as masked; a reveal or a break-glass opens it for one person."""
    HIDDEN = "hidden"
    """Shown as masked, and nothing opens it."""


FIELD_CLASSES = ("public", "internal", "personal", "health", "secret")
"""The privacy classes of platform/db.py."""


def _sight(personal: Sight, health: Sight) -> dict[str, Sight]:
    return {
        "public": Sight.CLEAR,
        "internal": Sight.CLEAR,
        "personal": personal,
        "health": health,
        "secret": Sight.HIDDEN,
    }


SIGHT: dict[Role, dict[str, Sight]] = {
    Role.NAVIGATOR: _sight(Sight.CLEAR, Sight.CLEAR),
    Role.LIAISON: _sight(Sight.CLEAR, Sight.CLEAR),
    Role.PROGRAMME_MANAGER: _sight(Sight.MASKED, Sight.CLEAR),
    Role.DATA_STEWARD: _sight(Sight.CLEAR, Sight.CLEAR),
    Role.PRIVACY_OFFICER: _sight(Sight.MASKED, Sight.MASKED),
    Role.AUDITOR: _sight(Sight.MASKED, Sight.MASKED),
    Role.ADMIN: _sight(Sight.HIDDEN, Sight.HIDDEN),
    Role.INTEGRATION: _sight(Sight.CLEAR, Sight.CLEAR),
}
"""How each role sees each class, on every surface alike: get, list, search, filter, sort, history, export, error."""

SIGHT_BY_PERMISSION: dict[tuple[Role, str], dict[str, Sight]] = {
    (Role.PROGRAMME_MANAGER, permission): _sight(Sight.MASKED, Sight.MASKED)
    for permission in _PEOPLE_READ - {"journey.read"}
}
"""
Where a role sees less than SIGHT says. A programme manager works with journeys; of the people in them they see, beyond
the journey, whom they have opened.
"""

CASELOAD_ROLES = frozenset({Role.NAVIGATOR, Role.LIAISON})
"""Roles that, with CRM_CASELOAD=assigned, state a reason for case detail of people who are not theirs."""

_KNOWN = frozenset(role.value for role in Role)
_BEST_FIRST = (Sight.CLEAR, Sight.MASKED, Sight.HIDDEN)


def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    """The union of what these roles allow; an unknown role allows nothing."""
    known = [GRANTS[Role(role)] for role in roles if role in _KNOWN]
    return frozenset().union(*known)


def role_sight(role: Role, permission: str) -> dict[str, Sight]:
    """How a role sees each class where `permission` lets it in."""
    return SIGHT_BY_PERMISSION.get((role, permission), SIGHT[role])


def _granting(roles: frozenset[str], permission: str) -> list[Role]:
    return [Role(role) for role in roles if role in _KNOWN and permission in GRANTS[Role(role)]]


def sight_of(roles: frozenset[str], permission: str) -> dict[str, Sight]:
    """
    How somebody with these roles sees each class where `permission` let them in.

    Only the roles that grant the permission count, the best of them: anyone who is auditor and admin reads people as an
    auditor, since an admin reads none.
    """
    tables = [role_sight(role, permission) for role in _granting(roles, permission)]
    return {
        field_class: next((s for s in _BEST_FIRST if any(t[field_class] is s for t in tables)), Sight.HIDDEN)
        for field_class in FIELD_CLASSES
    }


def masked_classes_of(roles: frozenset[str], permission: str) -> frozenset[str]:
    """
    The classes of people's data that are not clear to somebody with these roles where `permission` let them in.

    Secrets are left out: they stand in no answer, so nobody's answer has to be masked for them.
    """
    sight = sight_of(roles, permission)
    return frozenset(name for name in ("personal", "health") if sight[name] is not Sight.CLEAR)


def is_bound_to_caseload(roles: frozenset[str], permission: str) -> bool:
    """
    Whether case detail is clear to these roles by CASELOAD_ROLES alone.

    A role that sees it masked does not count: anyone who is navigator and auditor reads clear as a navigator, and so is
    bound as one.
    """
    clear = [role for role in _granting(roles, permission) if role_sight(role, permission)["health"] is Sight.CLEAR]
    return bool(clear) and CASELOAD_ROLES.issuperset(clear)


def is_from_outside(roles: frozenset[str]) -> bool:
    """Whether these are the roles of a machine that brings what people send in, and of no colleague."""
    return bool(roles) and roles <= {Role.INTEGRATION.value}


def roles_allowing(permission: str, *, unmasked: bool = False) -> tuple[str, ...]:
    """The roles with `permission`; with `unmasked`, only those that see every field as it is."""
    allowed = [role for role in Role if permission in GRANTS[role]]
    if unmasked:
        allowed = [role for role in allowed if not masked_classes_of(frozenset({role.value}), permission)]
    return tuple(role.value for role in allowed)
