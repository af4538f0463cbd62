"""What can go wrong when somebody signs in or manages accounts. No sentence tells whether an account exists."""

from app.platform.db import ConstraintErrors
from app.platform.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from app.platform.locales import _


class SignInRefused(Unauthenticated):
    code = "sign_in_refused"
    detail = _("The e-mail or the password is not right. Check both, or set a new password.")


class CodeRefused(Unauthenticated):
    code = "code_refused"
    detail = _("That code is not right. A code of the app works once and for half a minute; wait for the next one.")


class ClockIsOff(Unauthenticated):
    code = "clock_is_off"
    detail = _(
        "That code belongs to another minute: the clock of your phone or computer is wrong. "
        "Set it to automatic, then use the next code."
    )


class PasskeyRefused(Unauthenticated):
    code = "passkey_refused"
    detail = _("This passkey was not recognised. Try again, or use another way to sign in.")


class LinkIsDead(NotFound):
    code = "link_is_dead"
    detail = _("This link has expired or was used before. Ask for a new one.")


class OutsideRefused(Unauthenticated):
    code = "outside_sign_in_refused"
    detail = _("The sign-in at your organisation could not be used. Start again from the sign-in page.")


class NoRoleOutside(Forbidden):
    code = "no_role"
    detail = _("Your organisation knows you, but has given you no role in this CRM. Ask your administrator.")


class AccountExists(Conflict):
    code = "account_exists"
    detail = _("There is an account with this e-mail.")


class PersonHasAccount(Conflict):
    code = "person_has_account"
    detail = _("This person already has an account under another e-mail. Change that one.")


class LastAdministrator(Conflict):
    code = "last_administrator"
    detail = _("This is the last active administrator: make another one first.")


class OwnAccount(Forbidden):
    code = "own_account"
    detail = _("Nobody changes the rights of their own account: ask another administrator.")


class LastSecondFactor(Conflict):
    code = "last_second_factor"
    detail = _("This is your only second factor: add another one first.")


class AlreadyEnrolled(Conflict):
    code = "already_enrolled"
    detail = _("This passkey is on your account already.")


class PasswordInvalid(Invalid):
    code = "password_refused"
    detail = _("Choose another password.")


CONSTRAINTS: ConstraintErrors = {
    "uq_user_account_email_key": AccountExists,
    "uq_user_account_person_id": PersonHasAccount,
    "uq_passkey_credential_id": AlreadyEnrolled,
}
