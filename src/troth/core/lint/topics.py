"""Words that several families of rules share: who, what is done, under whose law.

Patterns meet folded text (see `rule.either`). Each says what it must not match, for that is
where a lexicon goes wrong.
"""

from __future__ import annotations

from troth.core.lint.document import Document, Language
from troth.core.lint.words import either

_PRC = either(
    en=r"people's republic of china|\bp\.?r\.?c\b|\bpipl\b|\bmainland china\b|\bchinese laws?\b",
    zh=r"中华人民共和国|个人信息保护法|网络安全法|中国大陆|中国境内|国家网信",
)
_EU = either(
    en=r"\bgdpr\b|general data protection regulation|\beea\b|european economic area|"
    r"\bdata protection act\b|\bsupervisory authority\b|\bdirective 95/46",
    zh=r"通用数据保护条例|欧洲经济区",
)


def under_prc_law(document: Document) -> bool:
    """Return whether the text speaks of PRC law, or is Chinese and speaks of no other."""
    return document.says(_PRC) or (document.language is Language.ZH and not document.says(_EU))


def under_eu_law(document: Document) -> bool:
    """Return whether the text speaks of the GDPR or its British twin."""
    return document.says(_EU)


EMAIL = r"@[\w-]+\.\w|[\[(]at[\])]"
PHONE = r"(?:tel(?:ephone)?|phone|hotline|call|电话|热线|致电|拨打)\D{0,16}\+?\d[\d ()-]{4,}\d"
DATE = (
    r"(?:\d{4}\s?[-/.年]\s?\d{1,2}|\d{1,2}(?:st|nd|rd|th)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|"
    r"oct|nov|dec)[a-z]* \d{4}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? "
    r"\d{1,2}(?:st|nd|rd|th)?,? \d{4}|\d{1,2}/\d{1,2}/\d{2,4})"
)

PERIOD = either(
    en=r"\b(?:\d+|one|two|three|four|five|six|seven|ten|twelve|fifteen|thirty|ninety)[ -]?"
    r"(?:\(\d+\) )?(?:calendar |working |business )?(?:hours?|days?|weeks?|months?|years?)\b",
    zh=r"(?:\d+|[一二三四五六七八九十两半]+)\s?个?(?:自然|工作)?(?:小时|日|天|周(?!岁)|月|"
    r"年)(?!龄)",
)

SHARE = either(
    en=r"\b(?:shar(?:e|es|ed|ing)\b(?! (?:capital|price))|disclos\w+|"
    r"(?:provide|pass|hand|give|send|transfer)(?:s|ed|d|ing)? "
    r"(?:it|them|(?:over |on )?(?:your|the|this|that|such|any|personal) "
    r"(?:\w+ ){0,4}?(?:information|data|details|number|address|"
    r"name))\b(?:\s+\w+){0,8}? to\b(?! you\b)|"
    r"entrust\w*)",
    zh=r"共享|分享|披露|转让|(?:向|给)(?!您|你|用户|我们)[^\n，。；]{1,24}?(?:提供|公开|传输)|"
    r"对外提供|"
    r"提供给(?!您|你)|委托[^\n，。；]{0,12}(?:处理|配送)",
)

GIVEN_TO_OTHERS = either(
    en=r"\b(?:shar\w+|recipients?|disclos\w+|third part\w+|processors?|providers?|sdks?)\b",
    zh=r"共享|提供|接收方|第三方|披露|委托|sdk",
)
"""Headings and leads under which others are listed that receive information."""

CONSENT_ASKED = either(
    en=r"\b(?:with|without|unless|until|after|obtain\w*|give|gives|given|ask\w*(?: you)? for)\b"
    r"[^\n.]{0,40}\b(?:consent|agree\w*|permission|authori[sz]ation)\b",
    zh=r"(?:征得|取得|获得|经过?|未经|事先)[^\n。]{0,12}(?:同意|授权|许可)|单独同意|明示同意",
)

NEGATION = either(
    en=r"\b(?:not|never|no|nor|neither|cannot|without)\b|n't\b",
    zh=r"不(?!同|仅|断|时|限于)|未|无(?!论)|没有|禁止|绝不|从不",
)

SEPARATE_CONSENT = either(
    en=r"\b(?:separate|explicit|specific)(?:ly)? (?:and explicit )?(?:consent|agree\w*)",
    zh=r"单独(?:的)?(?:同意|授权)|明示同意|单独征(?:得|求)",
)

BREACH_OF_RULES = either(
    en=r"\b(?:you|users?|members?|customers?)(?: \w+){0,3} (?:violat|breach|infring|break|"
    r"fail to comply)"
    r"\w*[^\n]{0,90}?\b(?:agreements?|terms|rules|polic(?:y|ies)|guidelines)\b",
    zh=r"(?:您|用户|会员)[^\n。；]{0,10}违反[^\n。；]{0,40}?(?:协议|规则|约定|条款|规范|公约)",
)

AGENCY = either(
    en=r"\b(?:administrative|judicial|government\w*|law[- ]enforcement|regulat\w+|public|state|"
    r"police|"
    r"prosecut\w+)\b[^\n.]{0,24}\b(?:agenc(?:y|ies)|authorit(?:y|ies)|bod(?:y|ies)|organs?|"
    r"departments?|offic(?:e|es|ials))\b|\bcourts?\b|\bpolice\b",
    zh=r"(?:行政|司法|执法|监管|政府|公安|检察|国家|有权)[^\n。，；]{0,8}(?:机关|机构|部门)|法院|"
    r"公安",
)

RETENTION = either(
    en=r"\b(?:retain\w*|retention|kept|keeps?|keeping|stor(?:e|es|ed|ing|age)|preserv\w+)\b",
    zh=r"保存|保留|存储|留存|储存|保管期",
)
