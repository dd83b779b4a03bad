"""Accounts: register, log in, set a new password. A phone, a digest of a password, nothing more.

Whether a phone has an account is never told to someone who has not proved that the phone is
theirs: asking for a code answers the same either way, and the phone itself gets the truth.

Who an account belongs to is found by the blind index of the phone, before any lens; the data map
says what is told besides. The rows of an account are read and written through a lens.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from troth import Answer, Found, Reason, Said, Troth
from troth_shop import codes, fields, passwords, queries, sessions
from troth_shop.codes import Challenge, CodeUse
from troth_shop.errors import (
    AccountExists,
    BadInput,
    LogInRefused,
    NotFound,
    NotPermitted,
    UnderAge,
    WrongCode,
)
from troth_shop.fields import Form
from troth_shop.gate import REGISTERING, finds_one, now, permit, taken, use
from troth_shop.messages import Messages

REGISTER_PURPOSES = REGISTERING
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
    """The second page of registering; it carries the phone, which no row of the code holds."""

    challenge_id: str
    phone: str
    code: str
    password: str

    @classmethod
    def of(cls, form: Form) -> Registration:
        """Read ``challenge_id``, ``phone``, ``code``, ``password`` and ``fourteen``.

        Raises:
            UnderAge, BadInput: see `StartRegistration.of`; the password is too short or long.
            WrongCode: the phone that the page carried was tampered with.
        """
        _declared(form)
        return cls(
            fields.key(form, "challenge_id"),
            _carried_phone(form),
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
    """The second page of setting a new password; it carries the phone as registering does."""

    challenge_id: str
    phone: str
    code: str
    password: str

    @classmethod
    def of(cls, form: Form) -> Reset:
        """Read ``challenge_id``, ``phone``, ``code`` and ``password``.

        Raises:
            BadInput: a field is malformed.
            WrongCode: the phone that the page carried was tampered with.
        """
        return cls(
            fields.key(form, "challenge_id"),
            _carried_phone(form),
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
    known = _owner(t, start.phone) is not None
    return codes.send_code(
        t,
        messages,
        phone=start.phone,
        use=CodeUse.REGISTER,
        text=texts["known"] if known else texts[CodeUse.REGISTER],
        genuine=not known,
    )


def register(t: Troth, registration: Registration, token: str, *, browser: str = "") -> LoggedIn:
    """Make an account and log in.

    The code is used up with the acts that open the account, in one commit; account and session
    follow in their block. After a crash in between there is a random id that nothing belongs to,
    and the phone is free: its owner asks for another code.

    Args:
        t: the engine.
        registration: the form.
        token: of ``t.show(*REGISTER_PURPOSES, person="")``.
        browser: the kind of browser, as the session is called until the person names it.

    Raises:
        WrongCode: the phone is not proved.
        AccountExists: the proved phone has an account meanwhile.
        SnapshotError: the notices were not shown, or too long ago; nothing was stored.
    """
    phone = registration.phone
    codes.check_code(t, registration.challenge_id, phone, registration.code, CodeUse.REGISTER)
    password_hash = passwords.digest(registration.password)
    if _owner(t, phone) is not None:
        raise AccountExists
    with t.transaction() as c:
        codes.use_code(t, c, registration.challenge_id)
        person = _add_person(t, c, token)
    try:
        with use(t, person, *REGISTERING, writes=True) as c:
            _write_account(t, c, person, phone, password_hash)
            session_id, session_token = sessions.add_session(t, c, person, browser)
    except IntegrityError as error:
        if not taken(error):
            raise
        raise AccountExists from None
    return LoggedIn(person, session_id, session_token)


def add_customer(t: Troth, phone: str, password_hash: str, token: str) -> str:
    """Add a person, the acts that open their account, and the account; return the random id.

    Raises:
        AccountExists: the phone has an account.
        SnapshotError: the notices were not shown, or too long ago; nothing was stored.
    """
    if _owner(t, phone) is not None:
        raise AccountExists
    with t.transaction() as c:
        person = _add_person(t, c, token)
    try:
        with use(t, person, "register_account", writes=True) as c:
            _write_account(t, c, person, phone, password_hash)
    except IntegrityError as error:
        if not taken(error):
            raise
        raise AccountExists from None
    return person


def log_in(t: Troth, log_in: LogIn, token: str = "", *, browser: str = "") -> LoggedIn:
    """Log in.

    Args:
        t: the engine.
        log_in: the form.
        token: of ``t.show(*REGISTER_PURPOSES, person="")``: only needed when the rules of the
            account changed since the last act, which `NotPermitted` says; the page then shows
            the new ones and logging in under them is the act.
        browser: the kind of browser, as the session is called until the person names it.

    Raises:
        LogInRefused: phone and password do not belong together.
        Throttled: too many failed tries.
        NotPermitted: the account may not be used now.
    """
    attempt_id = passwords.knock(t, "customer", phone_index(t, log_in.phone))
    found = _owner(t, log_in.phone)
    # The digest is told before any purpose is asked: until it was compared nobody may learn
    # whether the account can be used, and whoever must read new rules first logs in to do so.
    stored = "" if found is None else str(found.told["password_hash"])
    if not passwords.matches(log_in.password, stored) or found is None:
        raise LogInRefused
    person = found.person
    passwords.let_in(t, attempt_id)
    renewed = _renewable(t, person) if token else False
    if renewed:
        t.answer_many(_acts(person, token))
    with use(t, person, "secure_account", writes=True) as c:
        if renewed:
            # Whoever logged out while the rules had changed could not be written down as gone.
            sessions.end_all(t, c, person, but="")
        session_id, session_token = sessions.add_session(t, c, person, browser)
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
    found = _owner(t, phone)
    genuine = found is not None and bool(t.decide(found.person, "secure_account"))
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
    codes.check_code(t, reset.challenge_id, reset.phone, reset.code, CodeUse.RESET)
    found = _owner(t, reset.phone)
    if found is None:
        raise NotFound
    permit(t, found.person, "secure_account")
    password_hash = passwords.digest(reset.password)
    with t.transaction() as c:
        codes.use_code(t, c, reset.challenge_id)
    _replace_password(t, found.person, password_hash, keep="")


def change_password(t: Troth, person: str, change: PasswordChange, keep: str) -> None:
    """Set a new password and end every session but ``keep``.

    Raises:
        LogInRefused: the password that stands was not given.
        Throttled: too many failed tries.
    """
    with use(t, person, "secure_account") as c:
        row = queries.proof_of(c, person)
    if row is None:
        raise NotFound
    attempt_id = passwords.knock(t, "customer", phone_index(t, row.phone))
    if not passwords.matches(change.password_now, row.password_hash):
        raise LogInRefused
    passwords.let_in(t, attempt_id)
    _replace_password(t, person, passwords.digest(change.password), keep=keep)


def account(t: Troth, person: str) -> Account:
    """Return the account of a person.

    Raises:
        NotFound: there is none.
        NotPermitted: it may not be used now.
    """
    with use(t, person, "register_account") as c:
        row = queries.customer_of(c, person)
    if row is None:
        raise NotFound
    return Account(row.pii_principal_id, row.phone, row.created_at)


def phone_index(t: Troth, phone: str) -> str:
    """Return what stands for a phone where no lens can: codes and failed tries."""
    return t.index("shop_customer.phone", phone)


def _owner(t: Troth, phone: str) -> Found | None:
    return finds_one(t, "shop_customer", "phone_index", phone)


def _write_account(t: Troth, c: Connection, person: str, phone: str, password_hash: str) -> None:
    queries.add_customer(
        c,
        pii_principal_id=person,
        phone=phone,
        phone_index=phone,
        password_hash=password_hash,
        created_at=now(t),
    )


def _replace_password(t: Troth, person: str, password_hash: str, *, keep: str) -> None:
    with use(t, person, "secure_account", writes=True) as c:
        queries.set_password(c, person, password_hash)
        sessions.end_all(t, c, person, but=keep)


def _carried_phone(form: Form) -> str:
    """Return the phone that a page carries unseen; nobody can mend it there."""
    try:
        return fields.phone(form, "phone")
    except BadInput:
        raise WrongCode from None


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


def _add_person(t: Troth, c: Connection, token: str) -> str:
    person = t.add_person(connection=c)
    t.answer_many(_acts(person, token), connection=c)
    return person


def _acts(person: str, token: str) -> list[Said]:
    return [
        Said(person, purpose, Answer.ACT, token, indication_method="submitted_form", shown_to="")
        for purpose in REGISTER_PURPOSES
    ]
