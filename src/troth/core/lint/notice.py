"""What a policy must tell: the lists it announces, who speaks, since when, how long, which law."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.core.lint.document import Document, Kind, Sentence
from troth.core.lint.rule import Hit, Rule, has, missing, said, statements
from troth.core.lint.topics import (
    DATE,
    EMAIL,
    GIVEN_TO_OTHERS,
    PERIOD,
    PHONE,
    RETENTION,
    SHARE,
    under_eu_law,
    under_prc_law,
)
from troth.core.lint.words import either

# E101 ------------------------------------------------------------------------------------

_ANNOUNCED = either(
    en=r"\bfollowing (?:[\w-]+ ){0,3}?(?:purposes?|uses|ways|situations?|circumstances?|cases|"
    r"reasons|categories|types|kinds|information|data|permissions?|principles?|rights?|measures?|"
    r"parties|recipients?|methods?|means|channels?|conditions?|steps|contents?|matters|items|"
    r"scenarios?|functions?|aspects?)\b|\bas follows\b",
    zh=r"(?<![岁龄度元级])(?:以下|下列|如下)(?!简称|统称|称|合称)[\u4e00-\u9fff]{0,6}?(?:目的|用途|"
    r"情形|情况|场景|方式|信息|权限|原则|权利|措施|条件|途径|渠道|内容|事项|功能|类型|类别|主体)|"
    r"如下[:：]",
)
_REFERS_BACK = either(en=r"\b(?:beyond|outside|other than|except)\b", zh=r"超出|之外|以外")
_ENUMERATES = re.compile(
    r"[:：][^\n]{8,}|[（(]\s?(?:\d|[a-z]|[一二三])\s?[)）]|[①②]|\bfirst(?:ly)?,|一是|第一[，、]",
    re.ASCII,
)


def _dangling_list(document: Document) -> Iterator[Hit]:
    """Yield the first announcement of each section that no list follows."""
    done: set[int] = set()
    announcements = sorted(
        document.said(_ANNOUNCED), key=lambda pair: bool(_REFERS_BACK.search(pair[0].folded))
    )
    for sentence, match in announcements:
        if sentence.section not in done and not _list_follows(document, sentence, match):
            done.add(sentence.section)
            yield said(document, sentence, match)


def _list_follows(document: Document, sentence: Sentence, match: re.Match[str]) -> bool:
    block = document.blocks[sentence.block]
    rest = block.text[sentence.start + match.end() - sentence.offset :]
    if _ENUMERATES.search(rest):
        return True
    for index in range(sentence.block + 1, document.blocks_within(sentence.section).stop):
        if document.blocks[index].kind is not Kind.PARAGRAPH:
            return True
        if rest.endswith((":", "：")):
            return True  # an unmarked list, its bullets lost in copying
    return False


# E102 ------------------------------------------------------------------------------------

_NAME = re.compile(
    r"(?<!\w)(?!(?:The|Our|This|Your|A) )[A-Z0-9][\w&.'-]*(?: [\w&.'()-]+){0,6}?,? "
    r"(?:Co\.?,? ?)?(?:Ltd|Limited|Inc|LLC|L\.L\.C|GmbH|Corp|Corporation|PLC|plc|B\.V|AG|SE|S\.A|"
    r"Pty|Foundation|University)\b"
    r"|(?:[Cc]ontroller (?:is|of [^\n.]{0,40} is)|[Oo]perated by|[Pp]ublished by) (?:the )?[A-Z]\w+"
    r"|[\u4e00-\u9fffA-Za-z0-9（）()]{2,30}(?:有限公司|有限责任公司|股份公司|合伙企业|工作室|"
    r"事务所|"
    r"研究院|基金会|大学)|(?:运营者|经营者|处理者|开发者)(?:名称)?(?:为|是|"
    r"[:：])\s?[\u4e00-\u9fffA-Z]{2}"
)
_CONTACT = either(
    en=EMAIL + "|" + PHONE + r"|\bcontact (?:form|us)\b[^\n]{0,40}https?://"
    r"|\b(?:postal |registered )?(?:address|office)\b\s?[:：]\s?\w",
    zh=r"(?:地址|住所)\s?[:：为]\s?\w*[\u4e00-\u9fff]|电话\s?[:：为]\s?[\d+]|邮箱\s?[:：为]\s?\w",
)
_CONTACT_LINK = either(en=r"\bcontact\w*", zh=r"联系")


def _controller_missing(document: Document) -> Iterator[Hit]:
    lacking = []
    named = (s for s in document.sentences if not _names_a_recipient(document, s))
    if not any(_NAME.search(sentence.text) for sentence in named):
        lacking.append("the controller's name (a legal form such as Ltd, GmbH, 有限公司)")
    linked = any(
        document.blocks[document.sentences[index].block].linked
        for index in document.which(_CONTACT_LINK)
    )
    if not linked and not document.says(_CONTACT):
        lacking.append("a contact (e-mail, telephone, postal address)")
    if lacking:
        yield missing(document, " and ".join(lacking))


def _names_a_recipient(document: Document, sentence: Sentence) -> bool:
    """Return whether a company named here would be one that information is given to."""
    around = document.heading_of(sentence.section) + document.lead_of(sentence)
    listed = sentence.kind in (Kind.ITEM, Kind.ROW) and GIVEN_TO_OTHERS.search(around)
    return bool(listed) or SHARE.search(sentence.folded) is not None


# E103 ------------------------------------------------------------------------------------

_PUBLISHED = either(
    en=r"\b(?:publish\w*|posted|issued?|updated?|revis\w+|modified|version|dated?)\b(?:.|\n){0,30}?"
    + DATE,
    zh=r"(?:发布|公布|更新|修订|版本)(?:.|\n){0,16}?"
    + DATE
    + r"|"
    + DATE
    + r"[^\n]{0,8}(?:发布|更新|修订)",
)
_EFFECTIVE = either(
    en=r"\b(?:effective|in force|takes? effect|appl(?:y|ies) from|valid from)\b(?:.|\n){0,30}?"
    + DATE,
    zh=r"(?:生效|施行)(?:.|\n){0,16}?" + DATE + r"|" + DATE + r"[^\n]{0,8}(?:起)?(?:生效|施行)",
)


def _dates_missing(document: Document) -> Iterator[Hit]:
    published, effective = document.says(_PUBLISHED), document.says(_EFFECTIVE)
    if published and effective:
        return
    if under_eu_law(document) and not under_prc_law(document) and (published or effective):
        return  # the GDPR asks for no date; one is enough to tell versions apart
    lacking = [
        *([] if published else ["a version with its date of publication"]),
        *([] if effective else ["an effective date"]),
    ]
    yield missing(document, " and ".join(lacking))


# E104 ------------------------------------------------------------------------------------

_FORMULA = either(
    en=r"\buntil\b|\bas long as (?:your|you have|you keep|the) (?:\w+ )?(?:account|contract|order|"
    r"subscription)|\bcriteria\b|\b(?:end|expiry|closure|completion) of\b",
    zh=r"直至|直到|至[^\n。，]{1,20}(?:为止|时止|后)|(?:注销|删除|终止|完成|结束|"
    r"届满)(?:之)?(?:后|前|时|为止)",
)
_OF_CHANGES = either(en=r"\bchang\w+\b", zh=r"变[更化]|提前")
_VAGUE_PERIOD = either(
    en=r"\b(?:minimum|shortest|necessary|reasonable|appropriate) (?:retention |"
    r"storage )?(?:period|time)|"
    r"\b(?:as|so) long as (?:is |it is )?(?:necessary|needed|required)|\bno longer than\b",
    zh=r"最短|最低期限|(?:必要|必需|合理|所需)的?(?:期限|期间|时间|时限)",
)


def _no_period(document: Document) -> Iterator[Hit]:
    stated = statements(document, RETENTION, PERIOD), statements(document, RETENTION, _FORMULA)
    under_heading = (
        sentence
        for sentence in statements(document, PERIOD)
        if RETENTION.search(document.heading_of(sentence.section))
    )
    for source in (*stated, under_heading):
        for sentence in source:
            if _OF_CHANGES.search(sentence.folded):
                continue  # "when the retention changes we tell you 7 days before"
            yield said(
                document,
                sentence,
                detail="A period is stated; whether every class of information has one cannot "
                "be read from plain text.",
                undecided=True,
            )
            return
    looked = "a period or an end (days, months, years, until …; 天, 个月, 年, 直至 …) of retention"
    for sentence in statements(document, RETENTION, _VAGUE_PERIOD):
        yield said(document, sentence, detail=f"Searched {document.measure()} for {looked}.")
        return
    yield missing(document, looked)


# E120 ------------------------------------------------------------------------------------

_PIPL = either(en=r"personal information protection law|\bpipl\b", zh=r"个人信息保护法")
_OLD_PRC = either(en=r"cyber ?security law", zh=r"网络安全法")
_GDPR = either(en=r"\bgdpr\b|general data protection regulation", zh=r"通用数据保护条例")
_OLD_EU = either(
    en=r"directive 95/46|data protection act,? 1998|\bsafe harbou?r (?:framework|principles|"
    r"program)|"
    r"\bprivacy shield\b",
    zh=r"隐私盾|安全港协议",
)
_ANY_ACT = either(
    en=r"\b(?:ccpa|cpra|lgpd|pipeda|appi|hipaa|coppa)\b|\bprivacy act\b|data protection act",
    zh=r"个人资料(?:保护法|（私隐）条例)",
)


def _outdated_law(document: Document) -> Iterator[Hit]:
    for sentence in statements(document, _OLD_EU):
        yield said(document, sentence, detail="That instrument is no longer in force.")
        return
    if document.says(_PIPL) or document.says(_GDPR):
        return
    if under_prc_law(document):
        detail = "The Personal Information Protection Law (in force since 2021-11-01) is not named."
        for sentence in statements(document, _OLD_PRC):
            yield said(document, sentence, detail=detail)
            return
        yield missing(document, "the name of the law (个人信息保护法, PIPL)", detail=detail)
    elif has(document, _ANY_ACT, range(len(document.sentences))):
        index = min(document.which(_ANY_ACT))
        yield said(
            document,
            document.sentences[index],
            detail="The text follows a law that these rules do not know.",
            undecided=True,
        )
    else:
        yield Hit(
            searched=f"{document.measure()} for the name of a data protection law",
            detail="No law and no country is named, so its date cannot be judged.",
            undecided=True,
        )


RULES = (
    Rule(
        id="E101",
        title="Announced list is missing",
        title_zh="预告了清单却没有清单",
        reason="The text announces a list and none follows before the next heading, so what was "
        "announced is not told.",
        repair="Write the list out, one item each, or strike the announcement.",
        law="PIPL 7, 17(1) [L]; NDSR 21 [L]",
        look=_dangling_list,
    ),
    Rule(
        id="E102",
        title="Controller's name or contact is missing",
        title_zh="缺少个人信息处理者的名称或联系方式",
        reason="A reader cannot tell who answers for the information or how to reach them.",
        repair="Name the legal entity as registered, with postal address, telephone and e-mail.",
        law="PIPL 17(1) [L]; NDSR 21(1) [L]; GDPR 13(1)(a) (fm)",
        look=_controller_missing,
    ),
    Rule(
        id="E103",
        title="Publication or effective date is missing",
        title_zh="缺少发布日期或生效日期",
        reason="Without version and dates nobody can say which text a person agreed to.",
        repair="State version, date of publication and effective date at the top.",
        law="PIPL 17 [L]; App method 1 (fm)",
        look=_dates_missing,
    ),
    Rule(
        id="E104",
        title="Retention without a period",
        title_zh="保存期限没有期间或算法",
        reason="Retention is promised without a period or a rule from which it follows, so it "
        "can be neither kept nor checked.",
        repair="State for each class a period and from when it runs, or the event that ends it.",
        law="PIPL 17(1), 19 [L]; NDSR 21(3) [L]; GDPR 13(2)(a) (fm)",
        look=_no_period,
    ),
    Rule(
        id="E120",
        title="Outdated or missing law",
        title_zh="所引法律过时或缺失",
        reason="The text rests on law that has been superseded, or names none.",
        repair="Name the law in force: in the PRC the Personal Information Protection Law and the "
        "Network Data Security Regulations.",
        law="PIPL 74 [L]; NDSR 64 (fm)",
        look=_outdated_law,
    ),
)
