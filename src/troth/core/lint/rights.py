"""The person's rights: all of them named, each with a way to use it, complaints with a clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from troth.core.lint.document import Document
from troth.core.lint.rule import Hit, Rule, has, missing, said, statements
from troth.core.lint.topics import EMAIL, PERIOD, PHONE, under_eu_law, under_prc_law
from troth.core.lint.words import Words, either

# E107 ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Right:
    name: str
    named: Words
    """A sentence that gives the right."""
    titled: Words
    """A heading under which any way to use it counts."""


_WHO_EN = r"\b(?:you|your|yourself|ask us|request\w*|right|users?)\b[^\n.]{0,90}?"
_ABOUT_EN = r"\b[^\n.]{0,70}?\b(?:information|data|details|consent|account)\b"
_WHO_ZH = r"(?:您|你|用户|有权)[^\n。]{0,40}?"
_RIGHTS = (
    _Right(
        "access",
        either(
            en=_WHO_EN + r"\b(?:inquire|enquire|access|view|see|consult)" + _ABOUT_EN,
            zh=_WHO_ZH
            + r"(?:查询|查阅|查看|访问(?!日期|时间|记录|量))[^\n。，；]{0,30}?(?:信息|数据|资料)",
        ),
        either(en=r"\b(?:access|inquir\w+|enquir\w+|view)\b", zh=r"查询|查阅|查看|访问"),
    ),
    _Right(
        "correction",
        either(
            en=_WHO_EN + r"\b(?:correct(?!ly|ness)|rectif\w+|update)" + _ABOUT_EN,
            zh=_WHO_ZH + r"(?:更正|修改|补充)[^\n。，；]{0,30}?(?:信息|数据|资料)",
        ),
        either(en=r"\b(?:correct\w*|rectif\w+|update)\b", zh=r"更正|修改|补充"),
    ),
    _Right(
        "deletion",
        either(
            en=_WHO_EN + r"\b(?:delete|deletion of|erase|erasure of)" + _ABOUT_EN,
            zh=_WHO_ZH + r"删除[^\n。，；]{0,30}?(?:信息|数据|资料)",
        ),
        either(en=r"\b(?:delet\w+|eras\w+)\b", zh=r"删除"),
    ),
    _Right(
        "withdrawal of consent",
        either(
            en=_WHO_EN + r"\b(?:withdraw\w*|revoke)" + _ABOUT_EN,
            zh=_WHO_ZH + r"(?:撤回|撤销)[^\n。，；]{0,20}?(?:同意|授权)",
        ),
        either(en=r"\b(?:withdraw\w*|revok\w+|consent)\b", zh=r"撤回|撤销|同意|授权"),
    ),
    _Right(
        "closing the account",
        either(
            en=_WHO_EN + r"\b(?:cancel\w*|close|delete|deactivate)\b[^\n.]{0,20}?\baccounts?\b|"
            r"\bcancel+(?:ing|ation)\b[^\n.]{0,24}\baccount\b",
            zh=_WHO_ZH + r"注销[^\n。，；]{0,10}?(?:账[号户]|帐[号户])",
        ),
        either(en=r"\b(?:cancel\w*|clos(?:e|ing)|delet\w+)\b[^\\n]{0,20}\baccount", zh=r"注销"),
    ),
)
_PATH = either(
    en=EMAIL
    + "|"
    + PHONE
    + r"|https?://|\bwww\.|[›→»]|\w ?> ?\w|\b(?:click|tap|toggle|switch|button|menu)\b|"
    r"\bprivacy (?:cent(?:er|re)|settings|dashboard|portal)\b|"
    r"\b(?:in|under|on|through|via|open|at|with) (?:the |your |"
    r"our )?[\"“']?(?:[\w&›-]+ ){0,4}?[\"”']?"
    r"(?:page|settings|profile|form|link)\b|"
    r"\bcontact (?:us|details|information)\b[^\n.]{0,40}\b(?:section|below|above|at the (?:end|"
    r"top)|set out)\b",
    zh=r"[›→»>]|设置|点击|点选|入口|按钮|开关|页面|隐私中心|个人中心|我的\s?[-—–]|邮箱|邮件|"
    r"(?:本政策|本章|下文|文末|第[一二三四五六七八九十\d]+[条章节部分])[^\n。]{0,12}(?:联系|方式)",
)
_GIVEN = either(
    en=r"\b(?:can|may|able to|rights?|ask|entitled|wish|want|functions?|options?|allow\w*|"
    r"request)\b",
    zh=r"可以|可(?=[查更删撤注])|有权|能够|(?<![可功性智])能|请求|要求|申请|功能|自行|权利",
)
# A guardian's or a relative's right, or "we use it to answer requests", gives the reader none.
_FOR_OTHERS = either(
    en=r"\b(?:guardians?|relatives?|child|parents?)\b|\brespond(?:ing)? to (?:your )?requests\b",
    zh=r"监护人|近亲属|家长|(?:回应|响应)您的?请求",
)
_ALL_RIGHTS = either(
    en=r"\b(?:these|those|above|following|any|your|all)\b[^\n.]{0,30}\b(?:rights?|requests?)\b|"
    r"\bexercis\w+\b",
    zh=r"(?:上述|以上|以下|下列|这些|前述|各项|相关)[^\n。，]{0,8}(?:权利|请求|操作|要求)|行使",
)


def _no_path(document: Document) -> Iterator[Hit]:
    for right in _RIGHTS:
        naming = [
            (sentence, match)
            for sentence, match in document.said(right.named)
            if _GIVEN.search(sentence.folded) and not _FOR_OTHERS.search(sentence.folded)
        ]
        places = {(sentence.block, sentence.section) for sentence, _ in naming}
        if not naming or _path_in_section(document, right, {section for _, section in places}):
            continue
        if any(_path_in_block(document, block) for block, _ in places):
            continue
        sentence, match = naming[0]
        hit = said(document, sentence, match)
        yield Hit(
            line=hit.line,
            quote=hit.quote,
            searched=f"the {len(naming)} sentence(s) that name it, their paragraphs and sections, "
            "for a page, menu, switch, link, e-mail or telephone",
            detail=f"Right: {right.name}.",
        )


def _path_in_block(document: Document, block: int) -> bool:
    return document.blocks[block].linked or has(document, _PATH, document.of_block(block))


def _path_in_section(document: Document, right: _Right, sections: set[int]) -> bool:
    """Return whether a way stands under a heading of this right, or in a sentence that opens a
    way for all the rights at once."""
    leading, for_all = document.which(_PATH), document.which(_ALL_RIGHTS)
    for section in sections:
        titled = right.titled.search(document.heading_of(section)) is not None
        for index in document.own(section):
            linked = document.blocks[document.sentences[index].block].linked
            if (linked or index in leading) and (titled or index in for_all):
                return True
    return False


# E108 ------------------------------------------------------------------------------------

_COPY = either(
    en=r"\bright to[^\n.]{0,30}\bcopy\b|\bcop(?:y|ies) of (?:your|the|it|them|all|what|this)\b|"
    r"\b(?:obtain|receive|download|get|request|export) (?:a |your )?cop(?:y|ies)\b|"
    r"\bcopy (?:your|it|them)\b",
    zh=r"复制(?!\s?[/、和或与]?\s?粘贴)|副本",
)
_TRANSFER = either(
    en=r"\bportab\w+|\btransfer(?:red)? (?:your|it|them|the|to)\b[^\n.]{0,60}\b(?:another|"
    r"handler|controller|"
    r"you (?:name|choose|designate))|machine[- ]readable",
    zh=r"可携|转移[^\n。]{0,24}(?:权|指定|其他|另一)|(?:有权|可以?|请求|要求)[^\n。]{0,30}转移",
)
_RESTRICT = either(
    en=r"\brestrict\w*[^\n.]{0,40}\b(?:process|us(?:e|ing))\w*|\b(?:limit|object to|"
    r"refuse)\b[^\n.]{0,30}\b(?:process\w*|us(?:e|ing))\b|"
    r"\bright to (?:restrict|object|limit)",
    zh=r"(?:限制|拒绝|反对)[^\n。，]{0,20}(?:处理|使用)",
)
_EXPLAIN = either(
    en=r"\b(?:ask|request|right|entitled|require)\b[^\n.]{0,60}\bexpla\w+|\bexplanation of\b",
    zh=r"(?:要求|请求|有权)[^\n。]{0,40}(?:解释|说明)|解释说明",
)
_AUTOMATED = either(
    en=r"\bautomat\w+[^\n.]{0,30}\bdecision|\bdecisions?\b[^\n.]{0,40}\bautomat\w+|\bprofiling\b",
    zh=r"自动化决策|自动决策|个性化推荐",
)
_DECEASED = either(
    en=r"\b(?:deceased|dies|died|death|passed away)\b", zh=r"去世|死亡|近亲属|身故|离世|逝世"
)
_ACCESS = either(en=r"\baccess\b", zh=r"访问|查阅|查询")
# GDPR 15 gives the copy with access; 13(2)(f) asks for automated decisions only if there are any.
_EU_RIGHTS = (
    ("access or a copy", _ACCESS),
    ("transfer (portability)", _TRANSFER),
    ("restriction or objection", _RESTRICT),
)
_PRC_RIGHTS = (
    ("a copy", _COPY),
    ("transfer (portability)", _TRANSFER),
    ("restriction or objection", _RESTRICT),
    ("automated decisions", _AUTOMATED),
    ("an explanation of the rules", _EXPLAIN),
    ("the information of the deceased", _DECEASED),
)


def _rights_missing(document: Document) -> Iterator[Hit]:
    eu_only = under_eu_law(document) and not under_prc_law(document)
    wanted = _EU_RIGHTS if eu_only else _PRC_RIGHTS
    lacking = [name for name, pattern in wanted if not document.says(pattern)]
    if lacking:
        named = ", ".join(lacking)
        yield missing(document, f"the right to or about: {named}", detail=f"Missing: {named}.")


# E117 ------------------------------------------------------------------------------------

_COMPLAINT = either(en=r"\bcomplain\w*", zh=r"投诉|举报")
_ANSWER = either(
    en=r"\b(?:repl(?:y|ies)|respon[ds]\w*|answer\w*|resolv\w*|acknowledg\w+|handl\w+|settle\w*)\b",
    zh=r"回复|答复|处理|反馈|响应|办结|受理",
)
_OUTSIDE = either(
    en=r"\b(?:supervisory|data protection|regulatory|competent|information) (?:authorit|"
    r"commissioner)\w*|"
    r"\bregulators?\b|\bcourts?\b|\bcyberspace administration\b|\bombuds\w+|"
    r"\bconsumer association\b",
    zh=r"网信|监管(?:部门|机构)|保护(?:机构|当局|部门)|主管(?:部门|机关)|法院|消费者(?:协会|"
    r"组织)|12315|12321|12377|"
    r"履行个人信息保护职责的部门|仲裁",
)


def _complaint_without_clock(document: Document) -> Iterator[Hit]:
    complaints = list(statements(document, _COMPLAINT))
    if not complaints:
        yield missing(document, "a way to complain (complain, 投诉, 举报)")
        return
    sections = {sentence.section for sentence in complaints}
    places = {index for section in sections for index in document.own(section)}
    lacking = []
    # GDPR 13(2)(d) asks a notice for the authority only; the month of 12(3) need not be told.
    eu_only = under_eu_law(document) and not under_prc_law(document)
    if not eu_only and not (document.which(_ANSWER) & document.which(PERIOD) & places):
        lacking.append("a time limit for the answer")
    if not has(document, _OUTSIDE, places):
        lacking.append("a route outside (regulator, court)")
    if lacking:
        hit = said(document, complaints[-1])
        yield Hit(
            line=hit.line,
            quote=hit.quote,
            searched=f"the sections of {len(complaints)} sentence(s) about complaints for "
            + " and ".join(lacking),
            detail=f"Missing: {', '.join(lacking)}.",
        )


RULES = (
    Rule(
        id="E107",
        title="Right named without a way to use it",
        title_zh="写了权利却没有行使途径",
        reason="A right is named, but no page, switch or address where it is used.",
        repair="Say beside the right where it is used: the page and the taps to it, or the "
        "address, and how soon an answer comes.",
        law="PIPL 50(1) [L]; NDSR 21(4) [L]; GDPR 12(2) (fm)",
        look=_no_path,
    ),
    Rule(
        id="E108",
        title="Rights are missing",
        title_zh="缺少法定权利",
        reason="Rights that the law gives are not told.",
        repair="Name copy, transfer, restriction or refusal, explanation, automated decisions and "
        "the deceased, each with its way.",
        law="PIPL 24, 44, 45, 48, 49 [L]; NDSR 21(4), 23, 25 [L]; GDPR 15–22 (fm)",
        look=_rights_missing,
    ),
    Rule(
        id="E117",
        title="Complaint without time limit or outside route",
        title_zh="投诉没有时限或外部途径",
        reason="A complaint that nobody must answer by a day, and that can go nowhere else, is "
        "no remedy.",
        repair="State the channel, the answer within at most 15 working days, and the regulator "
        "and court that may be turned to.",
        law="PIPL 50, 65 [L]; NDSR 20 [L]; App method 6.5 (fm); GDPR 13(2)(d) (fm)",
        look=_complaint_without_clock,
    ),
)
