"""How consent is taken, withdrawn and left alone when the text changes."""

from __future__ import annotations

from collections.abc import Iterator

from troth.core.lint.document import Document
from troth.core.lint.rule import Hit, Rule, said
from troth.core.lint.words import either

# E105 ------------------------------------------------------------------------------------

IMPLIED_CONSENT = either(
    en=r"\b(?:continu\w+ (?:to )?(?:us\w+|access\w*|brows\w+)|continued (?:use|access)|"
    r"by (?:using|accessing|visiting|browsing|registering|continuing)|"
    r"(?:your )?(?:use|access) of (?:the|our|this)|if you (?:continue|keep|use|access|go on))\b"
    r"[^\n]{0,140}?\b(?:means? (?:that|you|your)|indicat\w+|constitut\w+|signif\w+|deemed|"
    r"regarded as|treated as|considered|you (?:have |hereby |are )?(?:fully |also |thereby )?"
    r"(?:agree|agreed|accept|accepted|consent|consented|acknowledge)\b)",
    zh=r"(?:继续|开始|一旦|只要|一经)?(?:使用|注册|访问|登录|浏览|下载)[^\n。]{0,40}?(?:视为|视同|"
    r"表示|表明|意味着|代表|推定)[^\n。]{0,16}?(?:同意|接受|认可|授权)",
)
_DENIED = either(
    en=r"\b(?:not|never|nor|no)\b|n't\b",
    zh=r"(?:不|并非|绝非|不会|不得|不应|不能)(?:被|将|会|当然)?(?:视为|视同|表示|表明|意味着|"
    r"代表|推定)|不等于",
)
_EXPRESS_ACT = either(
    en=r"\b(?:click\w*|tick\w*|check(?:ing)? the box|press\w*|tap\w*|sign(?:ing)? below)\b",
    zh=r"点击|勾选|点选|签署|按下",
)
_OR_USE = either(
    en=r"\bor\b[^\n]{0,20}\b(?:us(?:e|ing)|continu\w+)\b", zh=r"(?:或|或者)[^\n。]{0,8}使用"
)


def implied_consents(document: Document) -> Iterator[tuple[int, Hit]]:
    """Yield the sentences, by index, that read consent out of mere use."""
    for index, match in document.matches(IMPLIED_CONSENT):
        words = match.group()
        if _DENIED.search(words):
            continue
        acts = list(_EXPRESS_ACT.finditer(words))
        if not acts or _OR_USE.search(words, acts[-1].end()):
            yield index, said(document, document.sentences[index], match)


def _implied(document: Document) -> Iterator[Hit]:
    for _, hit in implied_consents(document):
        yield hit


# E106 ------------------------------------------------------------------------------------

# Deletion on violation is the law's own wording (PIPL 47) and therefore not in these lists.
_ONLY_ON_VIOLATION = either(
    en=r"\b(?:if|where|when|in case|should) (?:that )?we\b[^\n]{0,400}?\b(?:violat\w+|breach\w*|"
    r"unlawful\w*|contrary to|beyond the scope)\b[^\n]{0,260}?\byou (?:may|can|are entitled to|"
    r"have the right to)"
    r"(?: \w+){0,3}? (?:withdraw|revoke|access|inquire|correct|cancel|copy)\b",
    zh=r"(?:如果?|若|当|因)(?:我们|本公司|平台)[^\n。]{0,80}?(?:违反|违法|违约|超出)[^\n。]{0,80}?"
    r"您(?:才)?(?:可以?|有权|方可|能)[^\n。，]{0,40}(?:撤回|撤销|查询|查阅|更正|注销|复制)",
)
_ONLY_BY_LEAVE = either(
    en=r"\b(?:may|can) only (?:withdraw|access|correct|cancel)\b|"
    r"\b(?:withdraw\w*|cancel\w*|correct\w*|access)\b[^\n.]{0,60}\b(?<!not )(?:subject to (?:our|"
    r"the) "
    r"(?:prior )?(?:approval|consent|discretion)|with our (?:prior )?approval|(?:once|after|"
    r"if) we approve)",
    zh=r"(?:撤回|撤销|注销|查询|查阅|更正)[^\n。]{0,24}?(?<!不)(?<!无)(?:须|需|应当?|必须)(?:先|"
    r"事先)?(?:经|"
    r"获得|取得|得到|征得)?(?:我们|本公司|平台)[^\n。]{0,6}(?:同意|批准|许可)|"
    r"(?:仅|只有?)在[^\n。]{0,40}(?:才能|才可|方可|方能)[^\n。]{0,10}(?:撤回|注销|查询|查阅|更正)",
)


def _conditional_right(document: Document) -> Iterator[Hit]:
    for pattern in (_ONLY_ON_VIOLATION, _ONLY_BY_LEAVE):
        for sentence, match in document.said(pattern):
            yield said(document, sentence, match)


# E115 ------------------------------------------------------------------------------------

_AT_WILL = either(
    en=r"\b(?:modify|change|amend|update|revise|alter)\b[^\n.]{0,50}\bat any time\b|"
    r"\bat any time\b[^\n.]{0,50}\b(?:modify|change|amend|revise|alter)\b",
    zh=r"(?:随时|不经通知|单方)[^\n。，]{0,8}(?:修改|变更|修订|调整|更改)",
)
_POLICY = either(en=r"\b(?:policy|notice|statement|terms)\b", zh=r"政策|声明|条款|本协议|隐私指引")
_YOURS = either(
    en=r"\byou (?:can|may)\b[^\n.]{0,20}\b(?:change|modify|update)\b",
    zh=r"您(?:可以?|有权|能)[^\n。]{0,6}随时",
)
_CHECK_BACK = either(
    en=r"\bcheck (?:back|this (?:page|policy|notice)|for (?:updates|changes))\b|"
    r"\b(?:review|revisit|visit|read) (?:this|the|our) (?:privacy )?(?:policy|page|notice|"
    r"statement)"
    r"[^\n.]{0,20}\b(?:regularly|periodically|frequently|often|from time to time)\b",
    zh=r"(?:请|应|须|需要?|务必|建议)您?(?:自行)?(?:经常|定期|不时|不定期|时常)[^\n。，]{0,10}"
    r"(?:查看|查阅|关注|访问|留意|浏览)",
)


def _at_will(document: Document) -> Iterator[Hit]:
    for sentence, match in document.said(_AT_WILL):
        if _POLICY.search(sentence.folded) and not _YOURS.search(sentence.folded):
            yield said(document, sentence, match)
    already = document.which(_AT_WILL)
    for index, match in document.matches(_CHECK_BACK):
        if index not in already:
            yield said(document, document.sentences[index], match)


# W210 ------------------------------------------------------------------------------------

_LEAVING = either(
    en=r"\b(?:log(?:ging)?[ -]?(?:out|off)|sign(?:ing)? (?:out|off)|uninstall\w*|"
    r"stop(?:ping)? using|"
    r"ceas\w+ (?:to use|using))\b",
    zh=r"退出登录|登出|退出账[号户]|卸载|停止使用|停用",
)
_WITHDRAWING = either(
    en=r"\b(?:withdraw\w*|revok\w+|opt(?:ing)? out)\b", zh=r"撤回|撤销|取消(?:授权|同意)"
)
_BY_LEAVING = either(
    en=r"\b(?:by|through|via)\b[^\n.]{0,24}\b(?:log(?:ging)?[ -]?(?:out|off)|sign(?:ing)? (?:out|"
    r"off)|"
    r"uninstall\w*|stop(?:ping)? using|ceas\w+)|\b(?:log(?:ging)?[ -]?out|"
    r"uninstall\w*)\b[^\n.]{0,20}"
    r"\b(?:to|will|counts as|withdraws?|means)\b",
    zh=r"(?:通过|以|可|用)[^\n。，]{0,8}(?:退出登录|登出|退出账[号户]|卸载|停止使用|停用)|"
    r"(?:退出登录|登出|卸载|停止使用|停用)[^\n。]{0,12}(?:方式|即|视为|表示|来)",
)
_LEAVING_IS_NOT = either(
    en=r"\b(?:not|never)\b|n't\b", zh=r"不等于|不(?:会|是|视为|代表|影响|构成)|并非|无需|无须"
)


def _logout_as_withdrawal(document: Document) -> Iterator[Hit]:
    withdrawing = document.which(_WITHDRAWING)
    for sentence, match in document.said(_BY_LEAVING):
        nearby = {sentence.index, sentence.index - 1} & set(document.of_block(sentence.block))
        if not nearby.isdisjoint(withdrawing) and not _LEAVING_IS_NOT.search(sentence.folded):
            yield said(document, sentence, match)


RULES = (
    Rule(
        id="E105",
        title="Consent implied from use",
        title_zh="以继续使用推定同意",
        reason="Using a service is no consent: consent must be given by an express act, after "
        "being told.",
        repair="Ask with a choice that is not preselected, and let browsing go on without it.",
        law="PIPL 14 [L]; GDPR 4(11), 7 (fm)",
        look=_implied,
    ),
    Rule(
        id="E106",
        title="Right made conditional",
        title_zh="给权利附加了条件",
        reason="Withdrawing, seeing, correcting and closing an account hang on no fault and no "
        "leave of the controller.",
        repair="Say that it can be done at any time, without giving a reason, and where.",
        law="PIPL 15, 44–46 [L]; NDSR 23 [L]; GDPR 7(3) (fm)",
        look=_conditional_right,
    ),
    Rule(
        id="E115",
        title="Changed at will, the reader must check back",
        title_zh="单方随时变更，由用户自行查看",
        reason="A change of purpose, method or kind of information needs notice and fresh "
        "consent; the duty cannot be shifted to the reader.",
        repair="Say which changes are announced, how, how long before, and that old consent is "
        "not stretched.",
        law="PIPL 14(2), 17(2) [L]; NDSR 22 [L]",
        look=_at_will,
    ),
    Rule(
        id="W210",
        title="Logging out offered as withdrawal",
        title_zh="把退出登录当作撤回同意",
        reason="Logging out or uninstalling ends a session; the information already held goes on "
        "being used.",
        repair="Offer a switch for each purpose, and say what logging out does not do.",
        law="PIPL 15 [L]",
        look=_logout_as_withdrawal,
    ),
)
