"""What needs more care than the rest: sensitive classes, children, and the day it leaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from troth.core.lint.document import Document, Kind, Sentence
from troth.core.lint.rule import Hit, Rule, has, missing, said, statements
from troth.core.lint.topics import (
    NEGATION,
    SEPARATE_CONSENT,
    under_eu_law,
    under_prc_law,
)
from troth.core.lint.words import Words, either

# E112 ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SensitiveClass:
    """A class of information that law calls sensitive; `eu` where GDPR 9 does so too."""

    name: str
    words: Words
    eu: bool = False


SENSITIVE = (
    SensitiveClass(
        "payment voucher",
        either(
            en=r"\b(?:payment|transfer|remittance|bank) (?:vouchers?|receipts?|slips?)\b|"
            r"\bproofs? of payment\b",
            zh=r"(?:支付|付款|转账|汇款)(?:凭证|凭据|截图|回单)",
        ),
    ),
    SensitiveClass(
        "bank account or card",
        either(
            en=r"\b(?:bank|credit|debit)[- ](?:account|card)s?\b(?: (?:numbers?|details?|"
            r"information))?",
            zh=r"银行(?:卡|账[号户]|帐[号户])|信用卡|借记卡",
        ),
    ),
    SensitiveClass(
        "precise location",
        either(
            en=r"\bprecise (?:geo-?)?location\b|\bgeolocation\b|\bgps\b|\bwhereabouts\b",
            zh=r"精[确准](?:地理)?(?:位置|定位)|行踪轨迹|gps",
        ),
    ),
    SensitiveClass(
        "identity document",
        either(
            en=r"\b(?:resident )?(?:identity|id) (?:cards?|documents?|photos?)\b|\bpassports?\b|"
            r"\bidentity card numbers?",
            zh=r"身份证|护照|证件(?:照片|影像|号码)",
        ),
    ),
    SensitiveClass(
        "biometrics",
        either(
            en=r"\bbiometric\w*|\bfac(?:e|ial) (?:data|recognition|features?|images?)\b|"
            r"(?<!device )(?<!browser )(?<!digital )\bfingerprints?\b(?! of)|\bvoiceprints?\b",
            zh=r"生物识别|人脸|面部(?:识别|特征)|(?<!设备)(?<!浏览器)(?<!数字)指纹|声纹|虹膜",
        ),
        eu=True,
    ),
    SensitiveClass(
        "health",
        either(
            en=r"\bmedical\b|\bhealth (?:data|information|records?|conditions?)\b",
            zh=r"医疗|健康(?:信息|状况|数据)|病历",
        ),
        eu=True,
    ),
    SensitiveClass(
        "belief",
        either(
            en=r"\breligio\w+ belief|\breligion\b|\bpolitical opinions?\b|\bsexual orientation\b",
            zh=r"宗教信仰|性取向",
        ),
        eu=True,
    ),
)
_NEEDED = either(
    en=r"\bnecess\w+|\bneed(?:s|ed)?\b|\bcannot\b[^\n.]{0,30}\bwithout\b", zh=r"必要|必需|必须|无法"
)
_IMPACT = either(
    en=r"\bimpacts?\b|\baffect\w*|\bconsequences?\b|\brisks?\b|\bharm\w*|\bif it (?:is )?leak\w*",
    zh=r"影响|危害|后果|风险|损害|(?:一旦|如果|若)[^\n。]{0,8}泄[露漏]",
)
_ASKED_FOR = either(
    en=r"\b(?:collect\w*|upload\w*|provid\w+|submit\w*|us(?:e|es|ed|ing)|process\w*|obtain\w*|"
    r"read|scan|take|gather\w*|enter|need)\b",
    zh=r"收集|上传|提供|提交|使用|处理|获取|读取|拍摄|填写|采集|录入",
)


_DEFINES = either(
    en=r"\bsensitive\b[^\n.]{0,40}\b(?:means?|includes?|refers? to)\b",
    zh=r"敏感(?:个人)?信息[”」]?[^\n。]{0,6}(?:指|包括|是指)",
)


def _sensitive_unguarded(document: Document) -> Iterator[Hit]:
    eu_only = under_eu_law(document) and not under_prc_law(document)
    everywhere = range(len(document.sentences))
    for kind in SENSITIVE:
        if eu_only and not kind.eu:
            continue
        asked = [s for s in statements(document, kind.words) if _is_asked_for(document, s, kind)]
        if not asked:
            continue
        near_by = {i for section in {s.section for s in asked} for i in document.own(section)}
        wanted = [("separate consent", SEPARATE_CONSENT)]
        if not eu_only:
            wanted += [("why it is necessary", _NEEDED), ("what it means for the person", _IMPACT)]
        lacking = [name for name, pattern in wanted if not has(document, pattern, near_by)]
        if not lacking:
            continue
        elsewhere = all(has(document, pattern, everywhere) for _, pattern in wanted) and has(
            document, kind.words, document.which(SEPARATE_CONSENT)
        )
        match = kind.words.search(document.folded, asked[0].offset)
        hit = said(document, asked[0], match)
        yield Hit(
            line=hit.line,
            quote=hit.quote,
            searched=f"its section and paragraph for {', '.join(lacking)}",
            detail=f"Class: {kind.name}; not told there: {', '.join(lacking)}.",
            undecided=elsewhere,
        )


def _is_asked_for(document: Document, sentence: Sentence, kind: SensitiveClass) -> bool:
    """Return whether the class is taken, not merely named in a denial or a definition."""
    match = kind.words.search(sentence.folded)
    if _DEFINES.search(sentence.folded):
        return False
    if match is None or NEGATION.search(sentence.folded, 0, match.start()):
        return False
    listed = sentence.kind is not Kind.PARAGRAPH
    return listed or _ASKED_FOR.search(sentence.folded) is not None


# E113 ------------------------------------------------------------------------------------

_UNDER_14 = either(
    en=r"\b(?:14|fourteen)\b[^\n]{0,120}\b(?:guardian|parent)|\b(?:guardian|"
    r"parent)\w*[^\n]{0,120}\b(?:14|fourteen)\b",
    zh=r"(?:14|十四)\s?(?:周)?岁[^\n]{0,80}(?:监护人|父母|家长)|(?:监护人|父母|"
    r"家长)[^\n]{0,80}(?:14|十四)\s?(?:周)?岁",
)
_CHILDREN = either(
    en=r"\bchild(?:ren)?\b|\bminors?\b|\bunder (?:the age of )?1[3-8]\b", zh=r"儿童|未成年人"
)


def _no_child_rule(document: Document) -> Iterator[Hit]:
    if under_eu_law(document) and not under_prc_law(document):
        if not document.says(_CHILDREN):
            looked = "children (child, minor, under 13 to 18)"
            yield Hit(
                searched=f"{document.measure()} for {looked}",
                detail="The GDPR asks for such a rule only where a service is offered to "
                "children; plain text does not tell.",
                undecided=True,
            )
        return
    if document.says(_UNDER_14) or (
        document.says(either(en=r"\bunder (?:14|fourteen)\b", zh=r"(?:14|十四)\s?(?:周)?岁"))
        and document.says(either(en=r"\bguardians?\b", zh=r"监护人"))
    ):
        return
    yield missing(
        document, "children under 14 and their guardian's consent (under 14, 不满十四周岁, 监护人)"
    )


# E114 ------------------------------------------------------------------------------------

_INCIDENT = either(
    en=r"\b(?:data|security|personal information) (?:breach|incident|leak)\w*|\bleak(?:age|"
    r"ed)\b[^\n.]{0,30}\bincident|\bpersonal data breach",
    zh=r"(?:安全|泄[露漏])[^\n。，]{0,6}事[件故]|泄[露漏][^\n。]{0,16}(?:时|的)[，,]|(?:发生|"
    r"出现|导致)[^\n。]{0,16}(?:泄[露漏]|篡改|丢失)",
)
_WE_TELL = either(
    en=r"\b(?:inform|notif|tell|report|announce|alert)\w*", zh=r"告知|通知|报告|公告|上报"
)
_AUTHORITY = either(
    en=r"\bauthorit(?:y|ies)\b|\bregulators?\b|\bcommissioner\b|\bcyberspace administration\b",
    zh=r"主管(?:部门|机关)|监管(?:部门|机构)|网信|职责的部门|公安",
)
_BREACH_CONTENTS = (
    (
        "what happened, why and the harm",
        either(
            en=r"\bcauses?\b|\bhow it happened\b|\bharm\w*|\bimpacts?\b|\bconsequences?\b",
            zh=r"原因|危害|影响|基本情况",
        ),
    ),
    (
        "measures taken and what one can do",
        either(
            en=r"\bmeasures?\b|\bsteps\b|\bwhat you can do\b|\bmitigat\w+", zh=r"措施|建议|补救"
        ),
    ),
    (
        "whom to contact",
        either(
            en=r"\bcontact\b|\bwhom to (?:ask|call)\b|\breach us\b",
            zh=r"联系方式|联系人|联系电话|联系我们",
        ),
    ),
)
_NOT_PUSH = either(
    en=r"\be-?mails?\b|\b(?:sms|text messages?|letters?|telephone|phone|calls?|by post)\b",
    zh=r"邮件|短信|电话|信函|来电",
)


def _breach_notice(document: Document) -> Iterator[Hit]:
    notices = [
        sentence
        for sentence in statements(document, _INCIDENT)
        if has(document, _WE_TELL, _from_here(document, sentence))
    ]
    eu_only = under_eu_law(document) and not under_prc_law(document)
    if not notices:
        if not eu_only:
            yield missing(
                document, "a notice when information leaks (breach, incident, 泄露, 安全事件)"
            )
        return
    around = {i for sentence in notices for i in _from_here(document, sentence)}
    wanted = [("the authority", _AUTHORITY)]
    if not eu_only:
        wanted += [*_BREACH_CONTENTS, ("a way other than push and announcement", _NOT_PUSH)]
    lacking = [name for name, pattern in wanted if not has(document, pattern, around)]
    if lacking:
        hit = said(document, notices[0])
        yield Hit(
            line=hit.line,
            quote=hit.quote,
            searched="its paragraph, list and the next sentences for " + "; ".join(lacking),
            detail=f"Missing: {'; '.join(lacking)}.",
        )


def _from_here(document: Document, sentence: Sentence) -> list[int]:
    """Return the sentence and up to eight after it in the same section."""
    end = min(sentence.index + 9, len(document.sentences))
    return [
        index
        for index in range(sentence.index, end)
        if document.sentences[index].section == sentence.section
    ]


RULES = (
    Rule(
        id="E112",
        title="Sensitive information without separate consent",
        title_zh="敏感个人信息未取得单独同意",
        reason="This class is sensitive: it needs a separate consent, and the person must be told "
        "why it is necessary and what it means for them.",
        repair="Ask for it on a screen of its own, beside the reason and the effect, or do not "
        "take it.",
        law="PIPL 28–30, 55 [L]; NDSR 22(2) [L]; GDPR 9 (fm)",
        look=_sensitive_unguarded,
    ),
    Rule(
        id="E113",
        title="No rule for children",
        title_zh="缺少未满十四周岁未成年人的规则",
        reason="Information about children under 14 is sensitive and needs a guardian's consent "
        "and rules of its own.",
        repair="Say how age is asked, how a guardian consents, sees, corrects and deletes.",
        law="PIPL 28, 31 [L]; NDSR 22(3) [L]; GDPR 8 (fm)",
        look=_no_child_rule,
    ),
    Rule(
        id="E114",
        title="Incomplete breach notice",
        title_zh="泄露通知不完整",
        reason="When information leaks, the authority and the people are told at once, with what "
        "the law lists, in a way that also reaches those who refused push.",
        repair="Name the authority; what leaked, why and the harm; the measures and what one can "
        "do; a contact; and e-mail, SMS or telephone as the way.",
        law="PIPL 57 [L]; GDPR 33–34 (fm)",
        look=_breach_notice,
    ),
)
