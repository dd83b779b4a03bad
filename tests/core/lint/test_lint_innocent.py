"""Sentences as good policies have them, near to a rule's words and yet no fault of that rule."""

from __future__ import annotations

import pytest

from troth.core.findings import Severity
from troth.core.lint import lint_text

INNOCENT = [
    ("E101", "We do this in the following ways: by post, by telephone and in our shops."),
    ("E101", "We tell you the following information\n- who we are\n- what we do"),
    ("E101", "未满14周岁以下儿童信息另有规则。"),
    ("E101", "以下简称个人信息。"),
    ("E105", "Using our services does not mean that you agree to advertising."),
    ("E105", "使用本网站不视为您同意接收广告。"),
    ("E105", "注册时，您勾选并点击“同意”，即表示您同意本政策。"),
    ("E106", "If we process your data in violation of the law, you may ask us to delete it."),
    ("E106", "如果我们违反法律收集您的信息，您可以要求我们删除。"),
    ("E106", "您随时可以撤回同意，不需要经我们同意。"),
    ("E107", "We store your address until you close your account."),
    ("E109", "If you violate our rules, we close the account; we disclose nothing to others."),
    ("E109", "您违反规则时，我们依法院的判决提供信息给对方。"),
    ("E110", "We do not share your information with affiliates or partners."),
    ("E110", "我们不会与关联公司、合作伙伴共享您的个人信息。"),
    ("E110", "经您单独同意后，我们向第三方提供您的收货地址。"),
    ("E110", "这些措施保护您、其他用户和关联公司的权益。"),
    ("E112", "我们不收集您的人脸信息和指纹。"),
    ("E112", "敏感个人信息包括生物识别、宗教信仰、医疗健康和行踪轨迹。"),
    ("E112", "We never ask for your passport or your fingerprints."),
    ("E115", "You can change this setting at any time."),
    ("E115", "您可以随时修改您的收货地址，也可以随时查看本政策。"),
    ("E115", "We may update this policy from time to time and tell you 30 days before."),
    ("E119", "我们不会向广告商提供您的手机号码。\n我们收集您的手机号码，用于登录。"),
    ("E119", "We do not share your address with sellers.\nWe share your address with the courier."),
    ("E119", "If you refuse, we do not collect your location.\nWe collect your location on a map."),
    ("W201", "我们用短信、邮件等方式通知您。"),
    ("W201", "积分等级用于计算折扣。"),
    ("W202", "我们及时答复，最迟不超过 15 个工作日。"),
    ("W202", "We answer promptly, and within 15 working days at the latest."),
    ("W203", "We believe in privacy."),
    ("W203", "您可以自行决定是否开启。"),
    ("W204", "We do not use your information for other purposes."),
    ("W204", "我们不会把您的信息用于其他用途。"),
    ("W209", "Strictly necessary cookies keep you signed in."),
    ("W209", "This does not guarantee that nothing is lost."),
    ("W209", "We use the number to prevent double orders."),
    ("W210", "Logging out does not withdraw your consent."),
    ("W210", "卸载应用不会撤回您的同意。"),
    ("W211", "我们的的确确不收集。"),
    ("W211", "The shop is run by Ann Ltd., Oxford, e.g. the one in the High Street."),
    ("W212", "A cookie is a small file."),
    ("W213", "We keep your password hashed and never see it."),
]


@pytest.mark.parametrize(("rule", "text"), INNOCENT, ids=lambda value: value[:24])
def test_innocent_words_do_not_hit_the_rule(rule: str, text: str) -> None:
    found = lint_text(file="excerpt", text=f"一、开头\n\n{text}\n")
    assert [f.quote for f in found if f.rule == rule and f.severity is not Severity.UNDECIDED] == []


def test_rules_of_the_prc_are_not_asked_of_a_policy_under_the_gdpr() -> None:
    text = "Our controller follows the GDPR. We disclose data to courts when a court orders it."
    found = lint_text(file="excerpt", text=text)
    rules = {f.rule for f in found if f.severity is not Severity.UNDECIDED}
    assert not rules & {"E111", "E113", "E114", "E120"}


def test_question_that_plain_text_cannot_decide_is_no_hit() -> None:
    found = lint_text(file="excerpt", text="Orders are kept for 3 years.")
    assert [f.severity for f in found if f.rule == "E104"] == [Severity.UNDECIDED]
