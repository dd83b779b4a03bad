"""Accounts: register, log in, set a new password. A phone, a digest of a password, nothing more.

Whether a phone has an account is never told to someone who has not proved that the phone is
theirs: asking for a code answers the same either way, and the phone itself gets the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from troth import Answer, Reason, Troth
from troth_shop import codes, fields, passwords, queries, sessions
from troth_shop.codes import Challenge, CodeUse
from troth_shop.errors import (
    AccountExists,
    BadInput,
    LogInRefused,
    NotFound,
    NotPermitted,
    UnderAge,
)
from troth_shop.fields import Form
from troth_shop.gate import now, permit
from troth_shop.messages import Messages

REGISTER_PURPOSES = ("register_account", "secure_account")
"""What registering opens; their notices stand on the page, shown to nobody in particular yet."""

_TEXTS = {
    "zh-CN": {
        CodeUse.REGISTER: "【知禾】注册验证码 {code}，5 分钟内有效。不是你本人操作，请忽略。",
        CodeUse.RESET: "【知禾】重设密码的验证码 {code}，5 分钟内有效。"
        "不要告诉任何人，客服也不会问。",
        "known": "【知禾】有人用这个手机号注册，但它已经有账号了。"
        "如果是你，请直接登录，忘了密码可以重设。",
    },
    "en": {
        CodeUse.REGISTER: "[Zhihe] Your code to register is {code}, valid for 5 minutes. "
        "If this was not you, ignore it.",
        CodeUse.RESET: "[Zhihe] Your code to set a new password is {code}, valid for 5 minutes. "
        "Tell it to nobody; we never ask for it.",
        "known": "[Zhihe] Somebody tried to register with this number, which already has an "
        "account. If it was you, log in, or set a new password.",
    },
}


@dataclass(frozen=True, slots=True)
class StartRegistration:
    """The first page of registering: a phone and a declaration of age."""

    phone: str

    @classmethod
    def of(cls, form: Form) -> StartRegistration:
        """Read ``phone`` and ``fourteen``.

        Raises:
            UnderAge: the declaration is missing or says no; nothing is kept.
            BadInput: the phone is none.
        """
        _declared(form)
        return cls(fields.phone(form, "phone"))


@dataclass(frozen=True, slots=True)
class Registration:
    """The second page of registering."""

    challenge_id: str
    code: str
    password: str

    @classmethod
    def of(cls, form: Form) -> Registration:
        """Read ``challenge_id``, ``code``, ``password`` and ``fourteen``.

        Raises:
            UnderAge, BadInput: see `StartRegistration.of`; the password is too short or long.
        """
        _declared(form)
        return cls(
            fields.key(form, "challenge_id"),
            fields.code(form, "code"),
            fields.password(form, "password"),
        )


@dataclass(frozen=True, slots=True)
class LogIn:
    """A phone and a password as typed; a phone that is none is simply unknown."""

    phone: str
    password: str

    @classmethod
    def of(cls, form: Form) -> LogIn:
        """Read ``phone`` and ``password``.

        Raises:
            BadInput: the phone is none.
        """
        return cls(fields.phone(form, "phone"), fields.typed_password(form, "password"))


@dataclass(frozen=True, slots=True)
class Reset:
    """The second page of setting a new password."""

    challenge_id: str
    code: str
    password: str

    @classmethod
    def of(cls, form: Form) -> Reset:
        """Read ``challenge_id``, ``code`` and ``password``.

        Raises:
            BadInput: a field is malformed.
        """
        return cls(
            fields.key(form, "challenge_id"),
            fields.code(form, "code"),
            fields.password(form, "password"),
        )


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The password that stands and the one to be."""

    password_now: str
    password: str

    @classmethod
    def of(cls, form: Form) -> PasswordChange:
        """Read ``password_now`` and ``password``.

        Raises:
            BadInput: the new one is too short or long.
        """
        return cls(fields.typed_password(form, "password_now"), fields.password(form, "password"))


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A person who just logged in; ``session_token`` goes into the cookie and nowhere else."""

    person: str
    session_id: str
    session_token: str


@dataclass(frozen=True, slots=True)
class Account:
    """What the shop holds of an account; ``created_at`` in microseconds."""

    person: str
    phone: str
    created_at: int

    @property
    def masked_phone(self) -> str:
        """Return the phone with its middle hidden."""
        return f"{self.phone[:3]}****{self.phone[-4:]}"


def start_registration(
    t: Troth, messages: Messages, start: StartRegistration, language: str
) -> Challenge:
    """Send a code to a phone that wants an account.

    A phone that has one already gets a message that says so; the page cannot tell the difference.

    Raises:
        Throttled: too many codes.
        MessageNotSent: the port did not take the message.
    """
    texts = _TEXTS["en" if language == "en" else "zh-CN"]
    with t.reading() as c:
        known = queries.customer_of_phone(c, start.phone) is not None
    return codes.send_code(
        t,
        messages,
        phone=start.phone,
        use=CodeUse.REGISTER,
        text=texts["known"] if known else texts[CodeUse.REGISTER],
        genuine=not known,
    )


def register(t: Troth, registration: Registration, token: str) -> LoggedIn:
    """Make an account and log in: person, account, session and both acts in one commit.

    Args:
        t: the engine.
        registration: the form.
        token: of ``t.show(*REGISTER_PURPOSES, person="")``.

    Raises:
        WrongCode: the phone is not proved.
        AccountExists: the proved phone got an account meanwhile.
        SnapshotError: the notices were not shown, or too long ago; nothing was stored.
    """
    phone = codes.check_code(t, registration.challenge_id, registration.code, CodeUse.REGISTER)
    password_hash = passwords.digest(registration.password)
    try:
        with t.transaction() as c:
            codes.use_code(t, c, registration.challenge_id)
            person = add_customer(t, c, phone, password_hash, token)
            session_id, session_token = sessions.add_session(t, c, person)
    except IntegrityError:
        raise AccountExists from None
    return LoggedIn(person, session_id, session_token)


def add_customer(t: Troth, c: Connection, phone: str, password_hash: str, token: str) -> str:
    """Add a person, their account and the acts that open it, in the caller's transaction.

    Raises:
        IntegrityError: the phone has an account.
    """
    person = t.add_person(connection=c)
    _record_acts(t, c, person, token)
    queries.add_customer(
        c,
        pii_principal_id=person,
        phone=phone,
        password_hash=password_hash,
        created_at=now(t),
    )
    return person


def log_in(t: Troth, log_in: LogIn, token: str = "") -> LoggedIn:
    """Log in.

    Args:
        t: the engine.
        log_in: the form.
        token: of ``t.show(*REGISTER_PURPOSES, person="")``: only needed when the rules of the
            account changed since the last act, which `NotPermitted` says; the page then shows
            the new ones and logging in under them is the act.

    Raises:
        LogInRefused: phone and password do not belong together.
        Throttled: too many failed tries.
        NotPermitted: the account may not be used now.
    """
    attempt_id = passwords.knock(t, "customer", log_in.phone)
    with t.reading() as c:
        row = queries.customer_of_phone(c, log_in.phone)
    stored = "" if row is None else row.password_hash
    if not passwords.matches(log_in.password, stored) or row is None:
        raise LogInRefused
    person: str = row.pii_principal_id
    passwords.let_in(t, attempt_id)
    renewed = _renewable(t, person) if token else False
    if not renewed:
        permit(t, person, "secure_account")
    with t.transaction() as c:
        if renewed:
            _record_acts(t, c, person, token)
        session_id, session_token = sessions.add_session(t, c, person)
    return LoggedIn(person, session_id, session_token)


def start_reset(t: Troth, messages: Messages, phone_typed: str, language: str) -> Challenge:
    """Send a code for a new password; a phone without account gets nothing, and nobody is told.

    Raises:
        BadInput: the phone is none.
        Throttled: too many codes.
        MessageNotSent: the port did not take the message.
    """
    phone = fields.phone({"phone": phone_typed}, "phone")
    texts = _TEXTS["en" if language == "en" else "zh-CN"]
    with t.reading() as c:
        row = queries.customer_of_phone(c, phone)
    genuine = row is not None and bool(t.decide(row.pii_principal_id, "secure_account"))
    return codes.send_code(
        t,
        messages,
        phone=phone,
        use=CodeUse.RESET,
        text=texts[CodeUse.RESET] if genuine else "",
        genuine=genuine,
    )


def reset_password(t: Troth, reset: Reset) -> None:
    """Set a new password for a proved phone and end every session.

    Raises:
        WrongCode: the phone is not proved.
        NotPermitted: the account may not be used now.
    """
    phone = codes.check_code(t, reset.challenge_id, reset.code, CodeUse.RESET)
    with t.reading() as c:
        row = queries.customer_of_phone(c, phone)
    if row is None:
        raise NotFound
    person: str = row.pii_principal_id
    permit(t, person, "secure_account")
    password_hash = passwords.digest(reset.password)
    with t.transaction() as c:
        codes.use_code(t, c, reset.challenge_id)
        _replace_password(t, c, person, password_hash, keep="")


def change_password(t: Troth, person: str, change: PasswordChange, keep: str) -> None:
    """Set a new password and end every session but ``keep``.

    Raises:
        LogInRefused: the password that stands was not given.
        Throttled: too many failed tries.
    """
    permit(t, person, "secure_account")
    with t.reading() as c:
        row = queries.customer_of(c, person)
    if row is None:
        raise NotFound
    attempt_id = passwords.knock(t, "customer", row.phone)
    if not passwords.matches(change.password_now, row.password_hash):
        raise LogInRefused
    passwords.let_in(t, attempt_id)
    password_hash = passwords.digest(change.password)
    with t.transaction() as c:
        _replace_password(t, c, person, password_hash, keep=keep)


def account(t: Troth, person: str) -> Account:
    """Return the account of a person.

    Raises:
        NotFound: there is none.
        NotPermitted: it may not be used now.
    """
    permit(t, person, "register_account")
    with t.reading() as c:
        row = queries.customer_of(c, person)
    if row is None:
        raise NotFound
    return Account(row.pii_principal_id, row.phone, row.created_at)


def _replace_password(
    t: Troth, c: Connection, person: str, password_hash: str, *, keep: str
) -> None:
    queries.set_password(c, person, password_hash)
    for row in queries.open_sessions(c, person):
        if row.session_id != keep:
            queries.set_session(c, person, row.session_id, ended_at=now(t))


def _declared(form: Form) -> None:
    said = form.get("fourteen", "")
    if said == "no":
        raise UnderAge
    if said != "yes":
        raise BadInput("choice_invalid", "fourteen")


def _renewable(t: Troth, person: str) -> bool:
    """Tell whether the account is closed only because its rules changed or its act expired."""
    decisions = [t.decide(person, purpose) for purpose in REGISTER_PURPOSES]
    reasons = {d.reason for d in decisions if not d}
    for purpose, decision in zip(REGISTER_PURPOSES, decisions, strict=True):
        if not decision and decision.reason not in (Reason.SUPERSEDED, Reason.EXPIRED):
            raise NotPermitted(purpose, decision)
    return bool(reasons)


def _record_acts(t: Troth, c: Connection, person: str, token: str) -> None:
    for purpose in REGISTER_PURPOSES:
        t.answer(
            person,
            purpose,
            Answer.ACT,
            token,
            indication_method="submitted_form",
            shown_to="",
            connection=c,
        )
