"""Every error of the shop's domain, in one tree.

    ShopError
    ├── NotPermitted         a purpose is not open for this person; carries the decision
    ├── NotFound             no such thing, or not this person's (the two look the same)
    ├── BadInput             a field is malformed; nothing was stored
    │   └── UnderAge         under 14: nothing was stored
    ├── WrongCode            a one-time code is wrong, expired, used or spent
    ├── LogInRefused         phone and password do not belong together
    ├── Throttled            too many tries; says how long to wait
    ├── AccountExists        the phone, proved to be theirs, already has an account
    ├── WrongState           the order or case is past the point where this can be done
    ├── FileRefused          a voucher file is not accepted; nothing was stored
    │   ├── FileTooLarge
    │   ├── FileNotAnImage
    │   ├── ImageTooManyPixels
    │   └── ImageBroken
    ├── RoleRefused          this member of staff may not do or see that
    ├── MessageNotSent       the port to the phone did not take the message
    └── CourierUnreachable   the courier did not answer; it is tried again

``code`` is stable. ``msgid`` is the English sentence with ``%(name)s`` places, for translation;
``values`` fills them. No message ever holds personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from troth import Decision


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "translate later"
    """Mark ``text`` for translation; it is translated where it is shown."""
    return text


class ShopError(Exception):
    """Root of the tree."""

    code: str = "shop_error"
    msgid: ClassVar[str] = N_("This could not be done.")

    def __init__(self, **values: str | int) -> None:
        self.values: Mapping[str, str | int] = values
        super().__init__(self.msgid % values)


class NotPermitted(ShopError):
    """A purpose is not open for this person now; nothing was read and nothing stored."""

    code = "not_permitted"
    msgid = N_("This needs your permission for “%(purpose)s”, which does not stand.")

    def __init__(self, purpose: str, decision: Decision) -> None:
        self.purpose = purpose
        self.decision = decision
        super().__init__(purpose=purpose)


class NotFound(ShopError):
    """No such thing for this person."""

    code = "not_found"
    msgid = N_("There is no such entry.")


_BAD_INPUT = {
    "phone_invalid": N_("Enter a mainland mobile number with 11 digits."),
    "password_short": N_("A password needs at least 10 characters."),
    "password_long": N_("A password may have at most 128 characters."),
    "choice_invalid": N_("Choose one of the options."),
    "text_missing": N_("Fill in this field."),
    "text_long": N_("This text is too long: at most %(most)s characters."),
    "key_invalid": N_("This form is out of date. Open the page again."),
    "reason_invalid": N_(
        "Say in 8 to 300 characters why you must look now, without numbers or addresses of people."
    ),
    "cart_empty": N_("Your cart is empty."),
    "cart_invalid": N_("Your cart holds something that we do not sell. Look at it again."),
    "reference_invalid": N_("A transfer reference has 6 to 64 letters, digits or dashes."),
    "courier_needs_transfer": N_(
        "The courier does not learn the amount, so pay by transfer or choose another delivery."
    ),
}


class BadInput(ShopError):
    """A field is malformed; nothing was stored.

    Args:
        code: which rule, one of the stable names above.
        field: name of the field.
    """

    def __init__(self, code: str, field: str, **values: str | int) -> None:
        self.code = code
        self.field = field
        self.msgid = _BAD_INPUT[code]  # type: ignore[misc]
        super().__init__(**values)


class UnderAge(BadInput):
    """The person said to be under 14; nothing of what was typed is kept (PIPL 31)."""

    def __init__(self) -> None:
        ShopError.__init__(self)
        self.code = "under_age"
        self.field = "fourteen"

    msgid = N_("Accounts are for people of 14 years or older. Nothing you typed was kept.")


class WrongCode(ShopError):
    """The one-time code is wrong, expired, used or spent; which of them is not told."""

    code = "code_wrong"
    msgid = N_("This code is wrong or no longer valid. Ask for a new one.")


class LogInRefused(ShopError):
    """Phone and password do not belong together; whether the phone is known is not told."""

    code = "log_in_refused"
    msgid = N_("Phone number and password do not match.")


class Throttled(ShopError):
    """Too many tries; ``wait_seconds`` says how long to wait."""

    code = "throttled"
    msgid = N_("Too many tries. Wait %(minutes)s minutes and try again.")

    def __init__(self, wait_seconds: int) -> None:
        self.wait_seconds = wait_seconds
        super().__init__(minutes=-(-wait_seconds // 60))


class AccountExists(ShopError):
    """Told only after the phone was proved to be theirs."""

    code = "account_exists"
    msgid = N_("This phone number already has an account. Log in instead.")


class WrongState(ShopError):
    """The order or case is past the point where this can be done."""

    code = "wrong_state"
    msgid = N_("This can no longer be done at this stage.")

    def __init__(self, state: str) -> None:
        self.state = state
        super().__init__(state=state)


class FileRefused(ShopError):
    """A voucher file is not accepted; nothing was stored."""

    code = "file_refused"
    msgid = N_("This file is not accepted.")


class FileTooLarge(FileRefused):
    """More bytes than a voucher may have."""

    code = "file_too_large"
    msgid = N_("The picture is too large: at most %(megabytes)s MB.")


class FileNotAnImage(FileRefused):
    """The content is not JPEG, PNG or WebP, whatever its name says."""

    code = "file_not_an_image"
    msgid = N_("Only JPEG, PNG and WebP pictures are accepted.")


class ImageTooManyPixels(FileRefused):
    """The picture would unfold to more pixels than we decode."""

    code = "image_too_many_pixels"
    msgid = N_("The picture has too many pixels: at most %(megapixels)s million.")


class ImageBroken(FileRefused):
    """The picture cannot be decoded to its end."""

    code = "image_broken"
    msgid = N_("The picture is damaged and cannot be read.")


class RoleRefused(ShopError):
    """The role of this member of staff, as the policy has it, does not allow that."""

    code = "role_refused"
    msgid = N_("Your role does not allow this.")


class MessageNotSent(ShopError):
    """The port to the phone did not take the message."""

    code = "message_not_sent"
    msgid = N_("We could not send a message to this phone now. Try again later.")


class CourierUnreachable(ShopError):
    """The courier did not answer or refused; the parcel waits and is tried again."""

    code = "courier_unreachable"
    msgid = N_("The courier cannot be reached now.")
