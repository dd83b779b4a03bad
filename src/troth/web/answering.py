"""Ask and answer: the question at the moment of use, and what becomes of the answer.

A visitor's refusal is recorded nowhere; a visitor's grant makes a random id that is shown on the
settings page and can be reset there. An account's answers are all recorded (practice §3).
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from troth.core.access import Reason
from troth.core.consent import Answer
from troth.core.errors import ConsentRefusedByRule, InputError, StoreUnavailable, UnknownName
from troth.core.policy import Purpose, PurposeId
from troth.core.wording import duration_seconds
from troth.web.forms import local_path, read_form
from troth.web.origin import same_origin
from troth.web.privacy import AnyRequest, Privacy
from troth.web.problems import ConsentRequired

VISITOR_COOKIE = "visitor"
SETTINGS_PATH = "/my/settings/privacy"
_SAID = {a.value: a for a in (Answer.GIVE, Answer.REFUSE, Answer.DEFER, Answer.WITHDRAW)}


def handlers(privacy: Privacy) -> list[HTTPRouteHandler]:
    """Return the handlers of this page."""
    troth, host = privacy.troth, privacy.host

    @get("/privacy/ask/{name:str}", sync_to_thread=True)
    def ask(request: AnyRequest, name: FromPath[str]) -> Response[Any]:
        purpose = _purpose(privacy, name)
        who = host.audience(request)
        next_path = local_path(request.query_params.get("next", ""), SETTINGS_PATH)
        if not purpose.visitors and (who.visitor or not who.person):
            return Redirect(host.url(request, host.login_path) + f"?next={next_path}")
        showing = troth.show(
            name, person=who.person, language=host.language(request), surface=next_path
        )
        context = {
            "notice": showing.notices[0],
            "token": showing.token,
            "purpose": purpose,
            "next": next_path,
            "decision": troth.decide(who.person, name),
            "visitor": not who.person or who.visitor,
        }
        return host.render(request, "privacy/ask.html", context, 200)

    @post("/privacy/answers", status_code=303, guards=[same_origin])
    async def answer(request: AnyRequest) -> Redirect:
        form = await read_form(request, "token", "purpose", "said", "next")
        return _record(privacy, request, _purpose(privacy, form["purpose"]), form)

    @post("/privacy/uses/{name:str}", status_code=204, sync_to_thread=True, guards=[same_origin])
    def use(request: AnyRequest, name: FromPath[str]) -> None:
        purpose = _purpose(privacy, name)
        if not purpose.device:
            raise UnknownName(f"{name!r} is no device function")
        decision = troth.count_use(host.audience(request).person, name)
        if decision.reason is Reason.LEDGER_UNREADABLE:
            raise StoreUnavailable("the database cannot be read now")
        if not decision.allowed:
            raise ConsentRequired(name, decision, privacy.ask_url(request, name))

    @post("/privacy/visitor/reset", status_code=303, sync_to_thread=True, guards=[same_origin])
    def reset(request: AnyRequest) -> Redirect:
        who = host.audience(request)
        if who.visitor:
            _withdraw_all(privacy, request, who.person)
        page = Redirect(host.url(request, SETTINGS_PATH) + "?said=reset", status_code=303)
        page.delete_cookie(VISITOR_COOKIE)
        return page

    return [ask, answer, use, reset]


def _purpose(privacy: Privacy, name: str) -> Purpose:
    purpose = privacy.troth.policy.purposes.get(PurposeId(name))
    if purpose is None or not purpose.optional:
        raise UnknownName("there is no question about this purpose")
    return purpose


def _record(
    privacy: Privacy, request: AnyRequest, purpose: Purpose, form: dict[str, str]
) -> Redirect:
    troth, host = privacy.troth, privacy.host
    said = _SAID.get(form["said"])
    if said is None:
        raise InputError(f"an answer is one of {', '.join(_SAID)}")
    who = host.audience(request)
    next_path = local_path(form["next"], SETTINGS_PATH)
    mark = f"{'&' if '?' in next_path else '?'}changed={purpose.id}&said={said.value}"
    page = Redirect(host.url(request, next_path) + mark, status_code=303)
    if not who.person or who.visitor:
        if said in (Answer.REFUSE, Answer.DEFER):
            return page  # a visitor's no is recorded nowhere
        if not purpose.visitors:
            raise ConsentRefusedByRule(f"{purpose.id} needs an account")
    if who.person:
        troth.answer(who.person, purpose.id, said, form["token"], indication_method="button")
        return page
    if said is not Answer.GIVE:
        return page
    with troth.transaction() as connection:
        person = troth.add_person(visitor=True, connection=connection)
        troth.answer(
            person,
            purpose.id,
            said,
            form["token"],
            indication_method="button",
            shown_to="",
            connection=connection,
        )
    page.set_cookie(_visitor_cookie(privacy, person))
    return page


def _visitor_cookie(privacy: Privacy, person: str) -> Cookie:
    policy = privacy.troth.policy
    category = policy.categories.get(privacy.host.visitor_category)
    period = policy.retention[category.retention].period if category is not None else "P1D"
    return Cookie(
        key=VISITOR_COOKIE,
        value=person,
        max_age=duration_seconds(period),
        path="/",
        httponly=True,
        samesite="lax",
        secure=privacy.host.secure_cookies,
    )


def _withdraw_all(privacy: Privacy, request: AnyRequest, person: str) -> None:
    troth = privacy.troth
    for purpose, decision in troth.decide_all(person).items():
        if decision.allowed:
            shown = troth.show(
                purpose,
                person=person,
                language=privacy.host.language(request),
                surface=SETTINGS_PATH,
            )
            troth.answer(
                person, purpose, Answer.WITHDRAW, shown.token, indication_method="reset_button"
            )
