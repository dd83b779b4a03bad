"""The fixed words that the compiler itself puts into tables and values, per language.

Everything else a reader sees comes from the policy files. Another language is another entry in
each map here; a test holds that every map has every language that a policy may use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

LANGUAGES = ("zh-CN", "en")

UNITS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "zh-CN": {
        "working_days": ("{n} 个工作日", "{n} 个工作日"),
        "days": ("{n} 天", "{n} 天"),
        "hours": ("{n} 小时", "{n} 小时"),
        "minutes": ("{n} 分钟", "{n} 分钟"),
        "seconds": ("{n} 秒", "{n} 秒"),
        "months": ("{n} 个月", "{n} 个月"),
        "years": ("{n} 年", "{n} 年"),
        "age": ("{n} 周岁", "{n} 周岁"),
        "persons": ("{n} 人", "{n} 人"),
        "clicks": ("{n} 次点击", "{n} 次点击"),
        "times": ("{n} 次", "{n} 次"),
    },
    "en": {
        "working_days": ("{n} working day", "{n} working days"),
        "days": ("{n} day", "{n} days"),
        "hours": ("{n} hour", "{n} hours"),
        "minutes": ("{n} minute", "{n} minutes"),
        "seconds": ("{n} second", "{n} seconds"),
        "months": ("{n} month", "{n} months"),
        "years": ("{n} year", "{n} years"),
        "age": ("{n}", "{n}"),
        "persons": ("{n} person", "{n} people"),
        "clicks": ("{n} click", "{n} clicks"),
        "times": ("{n} time", "{n} times"),
    },
}

HEADS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "zh-CN": {
        "permissions": ("权限", "用来做什么", "信息留在哪里", "不允许时怎么办"),
        "purposes": (
            "目的",
            "为什么需要",
            "依据",
            "用到的信息",
            "频次",
            "提供给谁",
            "不同意时怎么办",
        ),
        "categories": ("信息种类", "是否敏感个人信息", "用于哪些目的", "保存多久"),
        "retention": ("信息种类", "保存期限", "从何时算起", "到期后"),
        "recipients": (
            "接收方",
            "联系方式",
            "身份",
            "提供的信息",
            "目的",
            "方式",
            "所在地区",
            "合同到期日",
        ),
        "rights": ("你可以", "在哪里办", "怎么办", "多久办完"),
        "storage": ("存放位置", "运营主体", "所在地区"),
        "roles": ("岗位", "可以看到的信息", "为了什么目的"),
        "channels": ("渠道", "地址", "多久答复"),
        "assessments": (
            "目的",
            "为什么要评估",
            "是否必要",
            "评估日期",
            "有效期至",
            "结论",
            "签署岗位",
        ),
        "risks": ("目的", "可能的风险", "我们怎么做"),
    },
    "en": {
        "permissions": (
            "Permission",
            "What it is for",
            "Where the data stays",
            "If you don't allow it",
        ),
        "purposes": (
            "Purpose",
            "Why",
            "Basis",
            "Information used",
            "How often",
            "Given to",
            "If you don't agree",
        ),
        "categories": ("Kind of information", "Sensitive", "Used for", "Kept for"),
        "retention": ("Kind of information", "Period", "Counted from", "At the end"),
        "recipients": (
            "Recipient",
            "Contact",
            "Role",
            "Information given",
            "Purpose",
            "How",
            "Region",
            "Contract ends",
        ),
        "rights": ("You can", "Where", "How", "Done within"),
        "storage": ("Where", "Run by", "Region"),
        "roles": ("Role", "Information it may see", "For which purpose"),
        "channels": ("Channel", "Address", "Answered within"),
        "assessments": (
            "Purpose",
            "Why it is assessed",
            "Whether it is needed",
            "Assessed on",
            "Stands until",
            "Outcome",
            "Signed by",
        ),
        "risks": ("Purpose", "Possible risk", "What we do"),
    },
}

PHRASES: Mapping[str, Mapping[str, str]] = {
    "zh-CN": {
        "basis.contract": "为订立、履行你作为一方当事人的合同所必需",
        "basis.legal_obligation": "为履行法定义务所必需",
        "basis.consent": "你的同意",
        "basis.separate": "你的单独同意",
        "optional": "非必需",
        "yes": "是",
        "no": "否",
        "nobody": "不提供给任何人",
        "delete": "删除",
        "anonymise": "匿名化",
        "at_once": "立即",
        "not_kept": "不保存",
        "role.processor": "受托处理者",
        "role.joint": "共同处理者",
        "role.third_party": "独立的第三方",
        "region.CN": "中华人民共和国境内",
        "region.device": "在你自己手里",
        "none": "无",
        "list": "、",
        "open": "（",
        "close": "）",
        "notice.data": "用到的信息：{data}。",
        "notice.kept": "保存期限：{kept}。",
        "notice.given": "提供给：{given}。",
        "notice.frequency": "频次：{frequency}",
        "notice.impact": "对你的影响：{impact}",
        "notice.refused": "如果不允许：{refused}",
        "notice.basis": "依据：{basis}。",
        "at_most": "{per}内最多 {times}",
        "ground.sensitive": "用到敏感个人信息",
        "ground.automated_decisions": "由程序自动作出决定",
        "ground.given_to_others": "委托、提供给别人或者公开",
        "ground.abroad": "提供到境外",
        "ground.major_influence": "对个人有其他重大影响",
        "outcome.may_start": "可以开始",
        "outcome.must_not_start": "不得开始",
    },
    "en": {
        "basis.contract": "needed for a contract that you enter into",
        "basis.legal_obligation": "needed for a duty that the law sets",
        "basis.consent": "your consent",
        "basis.separate": "your separate consent",
        "optional": "optional",
        "yes": "yes",
        "no": "no",
        "nobody": "nobody",
        "delete": "deleted",
        "anonymise": "anonymised",
        "at_once": "at once",
        "not_kept": "not kept",
        "role.processor": "processes on our behalf",
        "role.joint": "decides jointly with us",
        "role.third_party": "independent third party",
        "region.CN": "mainland China",
        "region.device": "in your own hands",
        "none": "none",
        "list": ", ",
        "open": " (",
        "close": ")",
        "notice.data": "Information used: {data}.",
        "notice.kept": "Kept for: {kept}.",
        "notice.given": "Given to: {given}.",
        "notice.frequency": "How often: {frequency}",
        "notice.impact": "What it means for you: {impact}",
        "notice.refused": "If you don't allow it: {refused}",
        "notice.basis": "Basis: {basis}.",
        "at_most": "at most {times} within {per}",
        "ground.sensitive": "uses sensitive information",
        "ground.automated_decisions": "a program decides by itself",
        "ground.given_to_others": "entrusted or given to others, or published",
        "ground.abroad": "given abroad",
        "ground.major_influence": "another major influence on people",
        "outcome.may_start": "may start",
        "outcome.must_not_start": "must not start",
    },
}

_DURATION = re.compile(
    r"^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$"
)
_DURATION_UNITS = ("years", "months", "days", "hours", "minutes", "seconds")

UNIT_SECONDS: Mapping[str, int] = {
    "years": 365 * 86_400,
    "months": 30 * 86_400,
    "working_days": 86_400 * 7 // 5,
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
}
"""Years and months by their usual days: how long consent stands must not turn on a calendar."""


def amount(value: int, unit: str, language: str) -> str:
    """Return a number with its unit, e.g. ``15 working days``."""
    one, many = UNITS[language][unit]
    return (one if value == 1 else many).format(n=value)


@lru_cache(maxsize=256)
def duration_parts(period: str) -> tuple[tuple[int, str], ...] | None:
    """Return an ISO 8601 duration as (number, unit) pairs without zeros; None if malformed."""
    match = _DURATION.match(period)
    if match is None or not any(match.groups()):
        return None
    pairs = zip(match.groups(), _DURATION_UNITS, strict=True)
    return tuple((int(n), unit) for n, unit in pairs if n and int(n))


def duration_seconds(period: str) -> int:
    """Return how long an ISO 8601 duration is; 0 if malformed, so that nothing lasts by mistake."""
    return sum(n * UNIT_SECONDS[unit] for n, unit in duration_parts(period) or ())


def period_words(period: str, language: str) -> str:
    """Return an ISO 8601 duration in words; a zero duration is *not kept*."""
    parts = duration_parts(period) or ()
    if not parts:
        return PHRASES[language]["not_kept"]
    return " ".join(amount(n, unit, language) for n, unit in parts)


def at_most_words(times: int, per: str, language: str) -> str:
    """Return a limit in words, e.g. ``at most 3 times within 1 hour``; ``per`` is ISO 8601."""
    words = PHRASES[language]["at_most"]
    return words.format(times=amount(times, "times", language), per=period_words(per, language))
