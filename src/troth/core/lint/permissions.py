"""Device permissions: needed at all, one at a time, tied to a function, and really existing."""

from __future__ import annotations

from collections.abc import Iterator

from troth.core.lint.document import Document
from troth.core.lint.permission_rows import PermissionRow, permission_rows
from troth.core.lint.rule import Hit, Rule
from troth.core.lint.words import either

_NOT_ASKED = either(
    en=r"\b(?:do(?:es)? not|don't|never|no need to) (?:ask|apply|request|need|require|use|"
    r"read)\b|\bwithout (?:any |a |this )?permission",
    zh=r"不(?:会)?(?:申请|索取|请求|需要|调用|读取)|无需[^\n。]{0,6}权限|未申请",
)


def _hit(document: Document, row: PermissionRow, detail: str) -> Hit:
    block = document.blocks[row.block]
    return Hit(line=block.line_at(0), quote=row.name.strip(), detail=detail)


def _asked(document: Document) -> Iterator[PermissionRow]:
    for row in permission_rows(document):
        if not _NOT_ASKED.search(row.words):
            yield row


# W205 ------------------------------------------------------------------------------------


def _dispensable(document: Document) -> Iterator[Hit]:
    for row in _asked(document):
        for device in row.devices:
            if device.instead and not (device.done_so and device.done_so.search(row.words)):
                yield _hit(document, row, f"Permission: {device.name}. Instead: {device.instead}.")


# W206 ------------------------------------------------------------------------------------

_JOINS = either(en=r"\band\b|/|,|&|\bor\b", zh=r"[和及与、/]|以及|或")


def _mixed(document: Document) -> Iterator[Hit]:
    for row in _asked(document):
        name = row.name.lower()
        if len(row.devices) > 1 and _JOINS.search(name):
            both = " and ".join(device.name for device in row.devices)
            yield _hit(document, row, f"Mixed: {both}.")


# W207 ------------------------------------------------------------------------------------

_TIES = (
    (
        "function",
        either(
            en=r"\bused (?:to|for|when)\b|\bto \w+|\bfor\b|\bso that\b",
            zh=r"用于|以便|用来|为了|功能|为您",
        ),
    ),
    (
        "moment",
        either(
            en=r"\bwhen you\b|\bthe moment\b|\bonly (?:when|while|after)\b|\beach time you\b|"
            r"\bas soon as you\b",
            zh=r"(?:当|在)?您[^\n。，]{0,24}时|点击|触发|首次|时(?:才|申请|询问|弹)",
        ),
    ),
    (
        "frequency",
        either(
            en=r"\bonce\b|\b(?:one|single) \w+ (?:per|for each|each)\b|\beach time\b|"
            r"\bper (?:use|scan|action|session)\b|\bonly while\b|\btimes? (?:a|per)\b",
            zh=r"(?:每|仅|只)[^\n。，]{0,12}(?:次|一回)|一次|仅在[^\n。，]{0,16}(?:期间|过程中)|"
            r"频[率次]",
        ),
    ),
    (
        "effect of refusal",
        either(
            en=r"\b(?:refus\w+|declin\w+|den(?:y|ied)|turn(?:ed|ing)? (?:it |them )?off|"
            r"without (?:it|them|this)|not (?:to )?(?:enabl\w+|grant\w*|allow\w*)|"
            r"failure to (?:enable|grant)|do not (?:allow|grant|enable))\b",
            zh=r"拒绝|不(?:同意|授权|开启|允许|授予)|关闭(?:该|此|后|权限)|未(?:开启|授权)",
        ),
    ),
)


_WHEN_USING = either(
    en=r"\bwhen you use (?:our|the|this) (?:services?|products?|platform|app|website)\b",
    zh=r"(?:当|在)?您使用(?:我们的?|本)?(?:产品|服务|平台|软件|应用|app)(?:或服务|及服务)?时",
)


def _untied(document: Document) -> Iterator[Hit]:
    for row in _asked(document):
        shared = " ".join(document.sentences[i].folded for i in sorted(row.scope))
        general = _WHEN_USING.without(shared)  # names no moment
        lacking = [
            name
            for name, pattern in _TIES
            if not pattern.search(row.purpose)
            and (name == "function" or not pattern.search(general))
        ]
        if lacking:
            yield _hit(document, row, f"Not told: {', '.join(lacking)}.")


# W208 ------------------------------------------------------------------------------------

_NO_SUCH = frozenset({"clipboard"})
_CALLED_PERMISSION = either(
    en=r"\bpermissions?\b|\bapply (?:to|for)\b|\brequest access\b|\bauthori[sz]\w+",
    zh=r"权限|申请|授权",
)


def _not_a_permission(document: Document) -> Iterator[Hit]:
    for row in _asked(document):
        for device in row.devices:
            if device.name in _NO_SUCH and _CALLED_PERMISSION.search(row.words):
                detail = f"There is no runtime permission for the {device.name} to refuse."
                yield _hit(document, row, detail)


RULES = (
    Rule(
        id="W205",
        title="Permission that is not necessary",
        title_zh="非必要的权限",
        reason="The same function works without this permission.",
        repair="Take the way that needs no permission and strike the row.",
        law="PIPL 6 [L]; Rules on necessary personal information 2021 [P]",
        look=_dispensable,
    ),
    Rule(
        id="W206",
        title="Two permissions in one row",
        title_zh="一条权限混写两项",
        reason="Two permissions under one name cannot be refused one by one.",
        repair="Give each its own row, purpose and switch.",
        law="NDSR 22 [L]; App method 3 (fm)",
        look=_mixed,
    ),
    Rule(
        id="W207",
        title="Permission not tied to function, moment, frequency or refusal",
        title_zh="权限未写明功能、时机、频次或拒绝的后果",
        reason="A reader cannot tell when the permission is used, how often, or what refusing "
        "changes.",
        repair="Write for each: the function, the tap that asks for it, how often it is read, and "
        "what works without it.",
        law="PIPL 6, 16, 17 [L]; App method 2 (fm)",
        look=_untied,
    ),
    Rule(
        id="W208",
        title="Not a permission of the system",
        title_zh="系统并无此项权限",
        reason="The system has no such permission that a person could refuse, so the row promises "
        "a choice that does not exist.",
        repair="Describe it as a function of the page and say which action of the person starts "
        "it.",
        law="Android platform behaviour (fm)",
        look=_not_a_permission,
    ),
)
