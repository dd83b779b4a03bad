"""What the text says twice, and what it says both ways.

Contradiction is looked for in three shapes only, each on statements about the same action and
the same class of information; anything looser would fault honest exceptions:

1. *Always asked* against *implied*: one sentence promises express consent in every case, another
   reads consent out of use.
2. *We do it* against *we never do it*: the denial must be bare, without condition, recipient or
   purpose, for "we do not share your number with sellers" denies nothing about couriers.
3. *We will, in these cases* against an item of that very list that says *we will not*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.core.lint.consent import implied_consents
from troth.core.lint.document import Document, Kind, Sentence
from troth.core.lint.permission_rows import permission_rows
from troth.core.lint.rule import Hit, Rule, said, statements
from troth.core.lint.words import Words, either

# E118 ------------------------------------------------------------------------------------

_NOT_WORDS = re.compile(r"[^\w\u4e00-\u9fff]+")
_SHORTEST_ITEM = 12


def _normalised(text: str) -> str:
    return _NOT_WORDS.sub("", text)


def _said_twice(document: Document) -> Iterator[Hit]:
    first_line: dict[str, int] = {}
    reported: set[int] = set()
    for row in permission_rows(document):
        key = _normalised(row.words)
        line = document.blocks[row.block].line_at(0)
        if key in first_line:
            reported.add(row.block)
            yield Hit(line=line, quote=row.name, detail=f"First said at line {first_line[key]}.")
        first_line.setdefault(key, line)
    items: dict[tuple[int, str], int] = {}
    for sentence in document.sentences:
        if sentence.kind is not Kind.ITEM or sentence.block in reported or sentence.start:
            continue
        text = _normalised(document.blocks[sentence.block].text).lower()
        if len(text) < _SHORTEST_ITEM:
            continue
        place = (sentence.section, text)
        if place in items:
            yield said(document, sentence, detail=f"First said at line {items[place]}.")
        items.setdefault(place, sentence.line)


# E119 ------------------------------------------------------------------------------------

_ALWAYS_EXPRESS = either(
    en=r"\b(?:only (?:after|with|if|when)|in (?:all|every) (?:situations?|cases?)|"
    r"always)\b[^\n.]{0,80}\b"
    r"(?:explicit|express)\w* (?:authori[sz]ation|consent|permission|agreement)|"
    r"\b(?:explicit|express)\w* (?:authori[sz]ation|consent|permission)\b[^\n.]{0,40}\b(?:always|"
    r"in (?:all|every) cases?)",
    zh=r"(?:仅|只有?|均|都|一律|任何情况下)[^\n。]{0,24}(?:明示|明确)(?:的)?(?:同意|授权)|"
    r"(?:明示|明确)(?:的)?(?:同意|授权)[^\n。]{0,6}(?:后)?(?:才|方)",
)

_CLASSES = (
    ("clipboard", either(en=r"\bclipboards?\b", zh=r"剪[贴切]板")),
    ("location", either(en=r"\b(?:geo)?locations?\b", zh=r"位置|定位")),
    ("contacts", either(en=r"\baddress book\b|\bcontacts\b", zh=r"通讯录")),
    ("photos", either(en=r"\bphotos?\b|\bpictures\b", zh=r"照片|相片")),
    (
        "telephone number",
        either(en=r"\b(?:phone|mobile|telephone) numbers?\b", zh=r"手机号码?|电话号码"),
    ),
    ("address", either(en=r"\b(?:delivery|postal|home) address(?:es)?\b", zh=r"收货地址|住址")),
    ("e-mail address", either(en=r"\be-?mail address(?:es)?\b", zh=r"电子邮[箱件]地址|邮箱地址")),
    (
        "order",
        either(en=r"\border (?:numbers?|history|records?|details)\b", zh=r"订单(?:号|信息|记录)"),
    ),
    ("voice", either(en=r"\b(?:voice|audio) recordings?\b", zh=r"录音")),
    (
        "payment information",
        either(
            en=r"\b(?:bank card|payment) (?:details|information|numbers?)\b|\bpayment vouchers?\b",
            zh=r"支付(?:信息|凭证)|银行卡号",
        ),
    ),
    ("face", either(en=r"\bfac(?:e|ial) (?:data|images?)\b", zh=r"人脸")),
    ("personal information", either(en=r"\bpersonal (?:information|data)\b", zh=r"个人信息")),
)
_ACTIONS = (
    ("collect", "collect|gather|upload", "收集|采集|上传"),
    ("store", "store|keep|retain|save", "存储|保存|留存|保留"),
    ("share", "share|disclose", "共享|分享|披露"),
    ("sell", "sell", "出售|售卖"),
)
_CONDITION = either(
    en=r"\b(?:if|when|where|unless|until|before|after|once|while|without|as long as)\b",
    zh=r"如|若|当|除非|未经|之前|之后|时|后，|情况下",
)
_BEFORE_CLASS = either(
    en=r"^(?:\s*\b(?:your|any|the|this|that|of|a|an|users?'?)\b)*\s*$",
    zh=r"^(?:任何|您的?|你的?|用户的?)*$",
)
_AFTER_CLASS = either(
    en=r"^s?\s*(?:at all|to anyone|with anyone|(?:to|with) any(?: other)? third part(?:y|"
    r"ies))?\W*$",
    zh=r"^(?:信息|数据)?\W*$",
)
_ON_DEVICE = either(
    en=r"\bonly\b[^\n.]{0,24}\b(?:on|in|within) your (?:device|phone|browser)|\b(?:never|"
    r"not) leaves? (?:your|the) (?:device|phone|browser)",
    zh=r"(?:仅|只)(?:会)?在(?:您的?)?(?:设备|本地|手机|终端|浏览器)[^\n。]{0,8}(?:处理|使用|存储|"
    r"进行)|不会离开您的?(?:设备|手机)",
)


def _positive(en: str, zh: str) -> Words:
    return either(
        en=rf"\b(?:we|us|platform|company|app)\b(?:(?!\b(?:not|never)\b|"
        rf"n't)[^\n.;]){{0,90}}?\b(?:{en})(?:s|d|ed|ing)?\b(?P<rest>[^\n.;]{{0,80}})",
        zh=rf"(?:我们|本公司|平台)(?:(?!不|未|"
        rf"禁止)[^\n。；]){{0,30}}?(?:{zh})(?P<rest>[^\n。；]{{0,30}})",
    )


def _negative(en: str, zh: str) -> Words:
    return either(
        en=rf"\bwe (?:(?:do|will|shall) not|never|don't|won't|"
        rf"will never)(?: \w+){{0,2}}? (?:{en})\b(?P<rest>[^\n.;]{{0,80}})",
        zh=rf"(?:我们|本公司|平台)(?:绝|从)?(?:不会|不|从不|"
        rf"绝不)(?:会)?(?:{zh})(?P<rest>[^\n。；]{{0,30}})",
    )


_POSITIVE = {name: _positive(en, zh) for name, en, zh in _ACTIONS}
_NEGATIVE = {name: _negative(en, zh) for name, en, zh in _ACTIONS}
_WE_WILL = either(
    en=r"\bwe (?:will|may|shall|can) (?!not\b|never\b)(?:\w+ ){0,3}?(?:share|disclose|provide|"
    r"collect|use|sell|transfer)\b",
    zh=r"我们(?:会|将|可能|可以|需要)(?!不)[^\n。，]{0,12}(?:共享|披露|提供|收集|使用|转让|公开)",
)
_WE_WILL_NOT = either(
    en=r"(?m:^)we (?:will|do|shall|may) (?:not|never) (?:\w+ )?(?:share|disclose|provide|collect|"
    r"use|sell|transfer)\b|(?m:^)we never ",
    zh=r"(?m:^)我们(?:绝)?不(?:会|得)?[^\n。，]{0,16}(?:共享|披露|提供|收集|使用|转让|公开)",
)


def _contradictions(document: Document) -> Iterator[Hit]:
    yield from _express_against_implied(document)
    yield from _done_against_denied(document)
    yield from _list_against_item(document)


def _express_against_implied(document: Document) -> Iterator[Hit]:
    for promise in statements(document, _ALWAYS_EXPRESS):
        for index, _ in implied_consents(document):
            other = document.sentences[index]
            yield said(document, promise, detail=f"Line {other.line} reads consent out of use.")
        return


def _done_against_denied(document: Document) -> Iterator[Hit]:
    for name, _, _ in _ACTIONS:
        denials = {
            label: sentence
            for sentence, label in _about(document, _NEGATIVE[name])
            if _is_bare(_NEGATIVE[name], sentence, label)
        }
        local = {
            label: sentence
            for sentence in (statements(document, _ON_DEVICE) if name == "collect" else ())
            for label, words in _CLASSES[:-1]
            if words.search(sentence.folded)
        }
        done: set[str] = set()
        for sentence, label in _about(document, _POSITIVE[name]):
            against = denials.get(label) or local.get(label)
            if against is not None and against.index != sentence.index and label not in done:
                done.add(label)
                detail = f"Line {against.line} denies it: {name}, {label}."
                yield said(document, sentence, detail=detail)


def _is_bare(pattern: Words, sentence: Sentence, label: str) -> bool:
    """Return whether the denial names the class and nothing that would limit it."""
    denial = pattern.search(sentence.folded)
    if denial is None or _CONDITION.search(sentence.folded, 0, denial.start()):
        return False
    rest = denial["rest"]
    match = next(words for name, words in _CLASSES if name == label).search(rest)
    if match is None:
        return False
    before, after = rest[: match.start()], rest[match.end() :]
    return bool(_BEFORE_CLASS.search(before) and _AFTER_CLASS.search(after))


def _about(document: Document, pattern: Words) -> Iterator[tuple[Sentence, str]]:
    """Yield each sentence of the pattern with the class that its verb is about."""
    for sentence, match in document.said(pattern):
        rest = match["rest"]
        named = [(m.start(), label) for label, words in _CLASSES if (m := words.search(rest))]
        if named:
            yield sentence, min(named)[1]


def _list_against_item(document: Document) -> Iterator[Hit]:
    for sentence in statements(document, _WE_WILL_NOT):
        if sentence.lead is not None and _WE_WILL.search(document.lead_of(sentence)):
            line = document.sentences[sentence.lead].line
            yield said(document, sentence, detail=f"The list at line {line} says that we will.")


RULES = (
    Rule(
        id="E118",
        title="Said twice",
        title_zh="重复条款",
        reason="The same permission and purpose, or the same item, stands here a second time; "
        "two copies drift apart, and a second permission may hide behind the name.",
        repair="Strike one, or say what differs.",
        law="PIPL 7, 17(1) [L]",
        look=_said_twice,
    ),
    Rule(
        id="E119",
        title="Contradiction",
        title_zh="前后矛盾",
        reason="The text promises and denies the same thing, so a reader cannot know which holds.",
        repair="Keep the reading that binds the controller more and strike the other.",
        law="PIPL 7, 17(1) [L]",
        look=_contradictions,
    ),
)
