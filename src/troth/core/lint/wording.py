"""Words that promise too much, too little or nothing that could be checked. All are warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troth.core.lint.document import Document, Kind
from troth.core.lint.rule import Hit, Rule, missing, said
from troth.core.lint.topics import PERIOD
from troth.core.lint.words import Words, either

# W201 ------------------------------------------------------------------------------------

_OPEN_TAIL = either(
    en=r"\betc\b|\band so (?:on|forth)\b|\b(?:and|or) (?:other|"
    r"any other) (?:\w+ ){0,2}?(?:operations?|purposes?|services?|"
    r"information|activities|data|functions?|uses|matters|things)\b|"
    r"\bincluding,? (?:but )?(?:not limited to|without limitation)\b|"
    r"\bamong other (?:things|purposes)\b",
    zh=r"包括但不限于|诸如此类|等等|等(?=相关|其他|业务|目的|用途|信息|数据|功能|内容|服务|操作|"
    r"资料|场景|[，。；、\n）)]|$)(?!级)",
)
_PURPOSE_OR_CLASS = either(
    en=r"\b(?:collect\w*|used? (?:to|for|by)|purposes?|stor(?:e|es|ing)|read|obtain\w*|"
    r"process\w*|shar(?:e|es|ing)|record\w*)\b",
    zh=r"收集|用于|目的|用途|获取|读取|采集|记录|共享|处理您",
)
_CLOSED = re.compile(r"等(?:[两二三四五六七八九十\d]+)|etc\.?\)? \(see")


def _open_tail(document: Document) -> Iterator[Hit]:
    tied = document.which(_PURPOSE_OR_CLASS)
    for sentence, match in document.said(_OPEN_TAIL):
        if not tied.isdisjoint({sentence.index, sentence.lead}) and not _CLOSED.search(
            sentence.folded
        ):
            yield said(document, sentence, match)


# W202, W203 ------------------------------------------------------------------------------

_VAGUE = either(
    en=r"\breasonabl[ey]\b|\bappropriate(?:ly)?\b|\bpromptly\b|\btimely\b|"
    r"\bas soon as (?:possible|practicable)\b|"
    r"\bwithout undue delay\b|\b(?:do|try|use) our (?:very )?best\b|\bbest efforts?\b|\bstrive\b|"
    r"\bendeavou?r\w*",
    zh=r"合理(?!性)|适当|及时|尽快|尽早|尽力|尽最大努力|竭力|努力|妥善",
)
_OURS = either(en=r"\b(?:we|our|us|company|platform)\b", zh=r"我们|本公司|本平台|平台|公司")
_YOUR_DUTY = either(en=r"\b(?:you (?:should|must)|please)\b", zh=r"请您?|您应|您须|您需")


def _vague_duty(document: Document) -> Iterator[Hit]:
    numbered = document.which(PERIOD)
    for sentence, match in document.said(_VAGUE):
        words = document.lead_of(sentence) + sentence.folded
        ours = _OURS.search(words) and not (
            _YOUR_DUTY.search(sentence.folded) and not re.search(r"\bwe\b|我们", sentence.folded)
        )
        if ours and sentence.index not in numbered:
            yield said(document, sentence, match)


_SUBJECTIVE = either(
    en=r"\breason(?:able grounds?)? to believe\b|\bgood[- ]faith belief\b|"
    r"\bbelieve in good faith\b|"
    r"\b(?:our|its) (?:sole |own |absolute )+discretion\b|"
    r"\bwe (?:reasonably )?believe (?:that )?(?:it|this|disclosure|such)\b|"
    r"\bwe (?:consider|find) (?:it )?necessary\b",
    zh=r"有(?:合理|充分)?(?:的)?理由(?:相信|认为)|我们(?:合理)?(?:认为|判断)(?:有?必要|需要)|"
    r"我们[^\n。，]{0,6}(?:自行|单方)(?:判断|决定|认定)|善意(?:地)?(?:相信|认为)",
)


def _subjective(document: Document) -> Iterator[Hit]:
    for sentence, match in document.said(_SUBJECTIVE):
        yield said(document, sentence, match)


# W204 ------------------------------------------------------------------------------------

_RESIDUAL = either(
    en=r"\b(?:not|never|n't)\b[^\n.]{0,20}\b(?:stor|keep|kept|sav|retain|collect|"
    r"record)\w*[^\n.]{0,60}\bfor (?:any )?other purposes?\b|"
    r"\b(?:may|will|can)(?! not\b| never\b)[^\n.,]{0,60}\bfor (?:any )?other purposes?\b|"
    r"\b(?:not|never|n't|no)\b[^\n.]{0,60}\b(?:third part(?:y|ies)|compan(?:y|ies)|persons?|"
    r"parties)\b[^\n.]{0,20}\b(?:not |un)related\b|"
    r"\b(?:not|never|n't|no)\b[^\n.]{0,30}\bunrelated (?:third )?(?:part|compan)\w*|"
    r"\b(?:not|never|n't|no)\b[^\n]{0,140}\b(?:sell|share|disclose|provide|"
    r"disseminate)\b[^\n.]{0,60}\bfor free\b",
    zh=r"不(?:会|得)?[^\n。，]{0,6}(?:存储|保存|留存|收集|记录)[^\n。，]{0,24}(?:用于|"
    r"作)其他(?:目的|用途)|"
    r"(?:可能|可以|会|将)(?:被)?用于其他(?:目的|用途)|(?:不|未|"
    r"禁止)[^\n。]{0,40}无关(?:的)?(?:第三方|公司|机构|组织|个人)|"
    r"(?:不|禁止)[^\n。]{0,60}(?:无偿|免费)(?:地)?(?:传播|提供|共享|分享|披露)",
)


def _residual(document: Document) -> Iterator[Hit]:
    for sentence, match in document.said(_RESIDUAL):
        yield said(document, sentence, match)


# W209 ------------------------------------------------------------------------------------

_OVERCLAIM = either(
    en=r"\bin (?:all|every) (?:situations?|circumstances?|aspects?|cases?)\b|\bin every aspect\b|"
    r"\bstrictly\b(?! necessary| speaking)|"
    r"\b(?<!help )(?<!helps )(?<!designed to )(?<!meant to )prevent(?:s|"
    r"ing)?\b[^\n.]{0,70}\b(?:leak|los[st]|tamper|unauthori[sz]ed|misuse|"
    r"improper|disclos|damage|access|expand|breach)\w*|\b(?<!not )(?<!cannot )guarantee[sd]?\b|"
    r"\b(?:absolute(?:ly)?|completely|fully|100 ?%) (?:safe|secure|protect\w*)\b|"
    r"\bensure\b[^\n.]{0,40}\b(?:security|safety|confidentiality)\b|\bat no time\b",
    zh=r"(?:所有|任何|一切)情况下|(?<!旨在)(?<!尽量)(?<!帮助)防止[^\n。]{0,24}(?:泄[露漏]|丢失|"
    r"篡改|毁损|滥用|扩大|访问)|杜绝|绝对(?:安全|保密)|"
    r"万无一失|(?:确保|保证|保障)[^\n。，]{0,16}(?:安全|保密|不(?:会|被))|百分之百|严格(?!必要)",
)


def _overclaim(document: Document) -> Iterator[Hit]:
    for sentence, match in document.said(_OVERCLAIM):
        yield said(document, sentence, match)


# W211 ------------------------------------------------------------------------------------

_NOISE = either(
    en=r"\bour (?:user ?names?|passwords?|login password)\b|\b(?:sell|"
    r"sold)\b[^\n.]{0,60}\b(?:for free|free of charge)\b|"
    r"\b(?:the the|of of|to to|and and|is is|in in|for for|we we|you you)\b|"
    r"\b(?<!\.)[a-z]{2,}\. ,|\[(?:company|your|insert|date|name|e-?mail)[^\]\n]{0,30}\]|"
    r"\blorem ipsum\b|&(?:nbsp|amp|quot|lt|gt);|\ufffd",
    zh=r"我们的(?:用户名|密码|账[号户]密码)|(?:免费|无偿)(?:地)?(?:出售|售卖)|的的(?!确)|"
    r"我们我们|您您|[，、；][，、；]|[。！？][，、；]|。。(?!。)(?<!。。。)|"
    r"x{2,}(?:公司|有限公司|平台|科技|年|月)|【[^】\n]{0,4}(?:公司名|填写|请填|插入|"
    r"待定)[^】\n]{0,10}】|锟斤拷",
)


def _noise(document: Document) -> Iterator[Hit]:
    for sentence, match in document.said(_NOISE):
        yield said(document, sentence, match, detail=f"Words: {match.group()[:60]!r}.")


# W212 ------------------------------------------------------------------------------------

_LONG_EN, _LONG_ZH = 60, 160
_TERMS = (
    ("SDK", r"sdks?"),
    ("API", r"apis?"),
    ("cookie", r"cookies?"),
    ("IMEI", r"imei"),
    ("web beacon", r"web beacons?|pixel tags?"),
    ("hash", r"hash(?:ed|es)?"),
    ("pseudonymisation", r"pseudonymi[sz](?:ed|ation)"),
)
_ZH_TERMS = (("去标识化", "去标识化"), ("同态加密", "同态加密"), ("哈希", "哈希"))
_PLAIN_WORDS = re.compile(r"[a-z0-9'-]+")
_CJK = re.compile(r"[\u4e00-\u9fff]")
_SUMMARY = either(
    en=r"\b(?:summary|at a glance|in short|key points|overview|highlights)\b",
    zh=r"摘要|概要|概述|要点|一图|速读|简明版",
)
_LONG_TEXT_EN, _LONG_TEXT_ZH = 2500, 5000


_NEVER = "(?!)"


def _term(words: str) -> tuple[Words, Words]:
    """Return what uses a term and what explains it; a term stands in one script only."""
    used = rf"(?<![a-z]){words}(?![a-z])"
    told = (
        rf"(?<![a-z]){words}[\"”’」]?\s?(?:[(（]|(?:, which )?\b(?:is|are|means?|refers? to)\b|"
        rf"[,，]? ?(?:that is|i\.e\.)|，?是|，?(?:是)?指|即)|[(（]\s?[\"“]?{words}[\"”]?\s?[)）]"
    )
    if words.isascii():
        return either(en=used, zh=_NEVER), either(en=told, zh=_NEVER)
    return either(en=_NEVER, zh=used), either(en=_NEVER, zh=told)


_COMPILED_TERMS = tuple((name, *_term(words)) for name, words in (*_TERMS, *_ZH_TERMS))


def _hard_to_read(document: Document) -> Iterator[Hit]:
    english = chinese = 0
    for sentence in document.sentences:
        words, characters = _length(sentence.folded)
        english += words
        chinese += characters
        longest = max(map(_length, re.split(r"[;；]", sentence.folded)))
        if sentence.kind is not Kind.ROW and (longest[0] > _LONG_EN or longest[1] > _LONG_ZH):
            count = f"{longest[0]} words" if longest[0] > _LONG_EN else f"{longest[1]} characters"
            yield said(document, sentence, detail=f"Sentence of {count}.")
    for name, used, told in _COMPILED_TERMS:
        if document.says(used) and not document.says(told):
            index = min(document.which(used))
            match = used.search(document.folded, document.sentences[index].offset)
            yield said(document, document.sentences[index], match, detail=f"Not explained: {name}.")
    if (english > _LONG_TEXT_EN or chinese > _LONG_TEXT_ZH) and not document.says(_SUMMARY):
        size = f"{english} words, {chinese} Chinese characters"
        yield missing(document, f"a summary ({size})", detail="A long text has no summary.")


def _length(text: str) -> tuple[int, int]:
    return len(_PLAIN_WORDS.findall(text)), len(_CJK.findall(text))


# W213 ------------------------------------------------------------------------------------

_USER_DUTY = either(
    en=r"\b(?:please|you (?:should|must|shall|need to|agree to)|"
    r"you are (?:solely )?responsible for)\b[^\n.]{0,40}\b(?:protect\w*|keep\w*|"
    r"safeguard\w*|maintain\w*|provide it to others|guard\w*)\b[^\n.]{0,50}\b(?:password|account|"
    r"personal information|personal data|credentials|username)\w*|"
    r"\bprovide (?:it|them) to others only when\b",
    zh=r"(?:请您?|您(?:应当?|须|需要?|有(?:义务|责任)))(?:务必)?[^\n。，；]{0,10}(?:妥善|谨慎|"
    r"注意|小心)?(?:保管|保护|保密|保存)[^\n。，；]{0,16}(?:密码|账[号户]|帐[号户]|个人信息|"
    r"验证码)|"
    r"仅?在必要(?:的)?(?:时|情形下|情况下)[^\n。]{0,6}(?:才)?向(?:他人|别人)提供",
)


def _user_duty(document: Document) -> Iterator[Hit]:
    for sentence, match in document.said(_USER_DUTY):
        yield said(document, sentence, match)


RULES = (
    Rule(
        id="W201",
        title="Open end",
        title_zh="兜底的“等”字",
        reason="A purpose or class that ends in “etc.” has no limit, so nothing can be refused.",
        repair="List all of them and stop.",
        law="PIPL 6, 17(1) [L]; NDSR 21 [L]",
        look=_open_tail,
    ),
    Rule(
        id="W202",
        title="Vague duty",
        title_zh="义务用语含糊",
        reason="The duty has no measure: nobody can tell whether it was kept.",
        repair="Give a number, a date or a named measure.",
        law="PIPL 7, 17(1) [L]",
        look=_vague_duty,
    ),
    Rule(
        id="W203",
        title="Subjective condition",
        title_zh="以主观判断为条件",
        reason="What happens to the information hangs on what the controller believes.",
        repair="Name the fact or the law that decides, and who records it.",
        law="PIPL 5, 7 [L]",
        look=_subjective,
    ),
    Rule(
        id="W204",
        title="Residual permission",
        title_zh="留有余地的禁止",
        reason="The limit in this denial leaves a way open: what is not “other”, not “unrelated” "
        "or not “free” stays allowed.",
        repair="Deny it without the limit, or name what is allowed.",
        law="PIPL 6 [L]",
        look=_residual,
    ),
    Rule(
        id="W209",
        title="Overclaim",
        title_zh="过度承诺",
        reason="This promises a result that nobody can keep in every case.",
        repair="Say what is done and how it is checked, or use a softer verb.",
        law="",
        look=_overclaim,
    ),
    Rule(
        id="W211",
        title="Slip of writing or translation",
        title_zh="笔误或翻译错误",
        reason="The words do not say what was meant.",
        repair="Correct the words.",
        law="PIPL 17(1) [L]",
        look=_noise,
    ),
    Rule(
        id="W212",
        title="Hard to read",
        title_zh="不易读懂",
        reason="The law asks for clear and plain language.",
        repair="Split the sentence, explain the term where it is first used, put a summary on top.",
        law="PIPL 17(1) [L]; GDPR 12(1) (fm)",
        look=_hard_to_read,
    ),
    Rule(
        id="W213",
        title="User's duty dressed as policy",
        title_zh="把用户义务写成政策",
        reason="The sentence tells the person what to do; it promises nothing.",
        repair="Move it to the help pages, or say what the controller does.",
        law="",
        look=_user_duty,
    ),
)
