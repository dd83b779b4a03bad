"""To whom information goes: on what ground, to which named recipient, to whose authority."""

from __future__ import annotations

from collections.abc import Iterator

from troth.core.lint.document import Document, Kind, Sentence
from troth.core.lint.rule import Hit, Rule, missing, said, statements
from troth.core.lint.topics import (
    AGENCY,
    BREACH_OF_RULES,
    CONSENT_ASKED,
    GIVEN_TO_OTHERS,
    SHARE,
    under_eu_law,
    under_prc_law,
)
from troth.core.lint.words import either

# ``we will not share``, ``不会向…提供``: the verb itself is denied.
NOT_SHARED = either(
    en=r"\b(?:not|never|n't|nor|neither|no longer|without)\b[^\n.;]{0,40}\b(?:shar|disclos|"
    r"provid|pass|"
    r"transfer|sell|give|hand|send)\w*|\bno\b[^\n.;]{0,40}\b(?:shared|disclosed)\b|"
    r"\b(?:shares?|discloses?|gives?) nothing\b",
    zh=r"(?:不|未|禁止|绝不|从不|不得|不会)[^\n。；，]{0,40}(?:共享|分享|披露|转让|提供|公开|"
    r"出售|传输)",
)


def disclosures(document: Document) -> Iterator[Sentence]:
    """Yield the statements that something is shared: said outright, or as an item under
    "in the following cases we share"; denials left out."""
    sharing = document.which(SHARE)
    for sentence in document.sentences:
        if sentence.kind is Kind.HEADING:
            continue
        led = sentence.lead in sharing and not NOT_SHARED.search(document.lead_of(sentence))
        if (sentence.index in sharing or led) and not NOT_SHARED.search(sentence.folded):
            yield sentence


# E109 ------------------------------------------------------------------------------------

_LEGAL_GROUND = either(
    en=r"\b(?:by|under) (?:applicable |the )?law\b|\blegal (?:obligation|duty|basis)\b|\bcourts?\b|"
    r"\bstatut\w+|\blegal claims?\b",
    zh=r"依法|依据法律|法律(?:明确)?(?:规定|要求)|法定(?:职责|义务)|法院|诉讼",
)


def _disclosed_for_breach(document: Document) -> Iterator[Hit]:
    breaching = {sentence.index: match for sentence, match in document.said(BREACH_OF_RULES)}
    for sentence in disclosures(document):
        match = breaching.get(sentence.index)
        if match and not _LEGAL_GROUND.search(sentence.folded):
            yield said(document, sentence, match)


# E110 ------------------------------------------------------------------------------------

_GROUP = either(
    en=r"\baffiliates?\b|\baffiliated (?:compan|entit)\w+|\b(?:business |commercial )?partners?\b|"
    r"\bgroup companies\b",
    zh=r"关联(?:公司|方|企业|实体)|合作(?:伙伴|方|商|机构)|集团(?:内)?(?:公司|成员)",
)
_THIRD_PARTY = either(en=r"\bthird part(?:y|ies)\b", zh=r"第三方(?!\s?sdk)|他人")
_STORED_BY = either(
    en=r"\b(?:stored|kept|held|hosted)\b[^\n.]{0,40}\b(?:by|with|on)\b",
    zh=r"(?:存储|储存|保存)(?:在|于|到)",
)
_NAMED = either(
    en=r"\b(?:lists?|listed|named|names|table|register|directory|below|namely)\b|"
    r"\b(?:ltd|limited|inc|llc|gmbh|corp|co\.)\b|following|:",
    zh=r"清单|列表|名单|目录|名称|有限公司|下表|以下|下列|如下|附件|附录|：",
)
_POSSESSES = either(
    en=r"\b(?:rights?|interests?|safety|property)\b[^\n.]{0,60}\b(?:affiliates?|partners?|"
    r"third part\w+)",
    zh=r"(?:关联(?:公司|方)|合作(?:伙伴|方)|第三方|他人)[^\n。，；]{0,10}(?:权益|利益|安全|财产)",
)


def _unnamed_recipients(document: Document) -> Iterator[Hit]:
    eu_only = under_eu_law(document) and not under_prc_law(document)
    held = {sentence.index for sentence in statements(document, _STORED_BY, _GROUP)}
    giving = {sentence.index for sentence in disclosures(document)}
    for sentence in document.sentences:
        if sentence.kind is Kind.HEADING or sentence.index not in held | giving:
            continue
        text = sentence.folded
        match = _GROUP.search(text)
        if match is None and sentence.index in giving:
            match = _THIRD_PARTY.search(text) or None
        if match is None or _POSSESSES.search(text) or _NAMED.search(text):
            continue
        if CONSENT_ASKED.search(text) or NOT_SHARED.search(text):
            continue
        hit = said(document, sentence)
        detail = (
            "The GDPR lets categories stand for names; whether these are precise enough cannot "
            "be read from plain text."
            if eu_only
            else f"Unnamed: {match.group()}."
        )
        yield Hit(line=hit.line, quote=hit.quote, detail=detail, undecided=eu_only)
        if eu_only:
            return  # one question about the whole text, not one for each sentence


# E111 ------------------------------------------------------------------------------------

_OF_THE_PRC = either(
    en=r"\bchin(?:a|ese)\b|people's republic|\bp\.?r\.?c\b|\bdomestic\b",
    zh=r"中国|中华人民共和国|我国|国家机关|境内|内地",
)
_FOREIGN = either(
    en=r"\b(?:foreign|overseas|abroad)\b[^\n]{0,80}\b(?:agenc|authorit|bod(?:y|ies)|court|"
    r"request)\w*",
    zh=r"(?:境外|外国|国外)[^\n。]{0,24}(?:机关|机构|法院|要求|请求)",
)


def _whose_agencies(document: Document) -> Iterator[Hit]:
    if not under_prc_law(document) or document.says(_FOREIGN):
        return
    asked = document.which(AGENCY)
    for sentence in disclosures(document):
        if sentence.index in asked and not _OF_THE_PRC.search(sentence.folded):
            yield said(document, sentence, AGENCY.search(document.folded, sentence.offset))


# E116 ------------------------------------------------------------------------------------

_LIST = either(
    en=r"\b(?:list|table|register|directory) of (?:[\w-]+ ){0,4}?(?:recipients|processors|sdks|"
    r"providers|"
    r"third parties|partners|sharing)\b|\b(?:recipients?|sharing|third[- ]part(?:y|ies)|sdk|"
    r"processors?|"
    r"providers?)(?: information)?(?: sharing)? (?:list|table|register)\b|\bwe use no (?:third|"
    r"sdk)",
    zh=r"(?:第三方|sdk|共享|接收方|合作方|受托方|受托人|对外提供)[^\n。，；]{0,16}?(?:清单|目录|"
    r"列表|名单|明细)|"
    r"(?:没有|未)(?:接入|使用)[^\n。]{0,8}(?:第三方|sdk)",
)
_LEGAL_FORM = either(
    en=r"\b(?:ltd|limited|inc|llc|gmbh|corp|corporation|b\.v|plc)\b",
    zh=r"有限公司|有限责任公司|股份公司",
)


def _no_list(document: Document) -> Iterator[Hit]:
    for sentence in document.sentences:
        if sentence.kind in (Kind.ITEM, Kind.ROW) and (
            _LEGAL_FORM.search(sentence.folded)
            and GIVEN_TO_OTHERS.search(
                document.heading_of(sentence.section) + document.lead_of(sentence)
            )
        ):
            return  # the list itself stands in the text
    if document.says(_LIST):
        index = min(document.which(_LIST))
        yield said(
            document,
            document.sentences[index],
            detail="A list is named, but stands elsewhere: what it holds cannot be read here.",
            undecided=True,
        )
        return
    if under_eu_law(document) and not under_prc_law(document):
        for sentence in disclosures(document):
            if sentence.kind in (Kind.ITEM, Kind.ROW):
                return  # categories of recipients, GDPR 13(1)(e)
    yield missing(document, "a list of recipients, processors or SDKs, or items that name them")


RULES = (
    Rule(
        id="E109",
        title="Disclosure for breach of rules",
        title_zh="以违反规则为由对外提供",
        reason="Breaking the controller's own terms is no legal basis for handing a person's "
        "information to others.",
        repair="Strike it, or name the basis of law and what is given to whom.",
        law="PIPL 13, 23 [L]",
        look=_disclosed_for_breach,
    ),
    Rule(
        id="E110",
        title="Recipients are not named",
        title_zh="接收方没有写明",
        reason="Affiliates, partners and third parties are other handlers; the person must be "
        "told who they are before agreeing.",
        repair="Name each recipient with contact, purpose, way and kinds of information, or point "
        "to the list that does.",
        law="PIPL 20, 21, 23 [L]; NDSR 21 [L]; GDPR 13(1)(e) (fm)",
        look=_unnamed_recipients,
    ),
    Rule(
        id="E111",
        title="Disclosure to agencies of any state",
        title_zh="未限定为中国主管机关",
        reason="It is not said whose agencies: information stored in the PRC may go to foreign "
        "courts and agencies only with approval.",
        repair="Limit it to competent PRC authorities acting under law, and say that foreign "
        "requests need approval first.",
        law="PIPL 41 [L]; DSL 36 [L]",
        look=_whose_agencies,
    ),
    Rule(
        id="E116",
        title="No list of third parties and SDKs",
        title_zh="缺少第三方与 SDK 清单",
        reason="What is given to others has to be told as a list.",
        repair="Add a list: recipient, contact, purpose, way, kinds of information.",
        law="NDSR 21 [L]; MIIT 2021/292 [P]",
        look=_no_list,
    ),
)
