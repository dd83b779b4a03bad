"""For every rule an edit of the clean policy that makes exactly that fault, in both languages.

An edit is ``(words of the clean policy, words instead)``; the repair is the edit undone. Some
rules have several edits, because they look for several shapes of one fault.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

TEXTS = Path(__file__).parent / "texts"
CLEAN = {
    language: (TEXTS / f"shop.{language}.txt").read_text(encoding="utf-8")
    for language in ("zh", "en")
}


class Fault(NamedTuple):
    """One edit of the clean policy; `says` is what the finding must quote or have searched."""

    rule: str
    language: str
    old: str
    new: str
    says: str

    @property
    def faulty(self) -> str:
        clean = CLEAN[self.language]
        assert self.old in clean, f"{self.rule}: the clean policy has no {self.old!r}"
        return clean.replace(self.old, self.new)

    @property
    def name(self) -> str:
        return f"{self.rule}-{self.language}-{self.says[:18]}"


def _between(language: str, first: str, last: str) -> str:
    """Return the part of the clean policy from the first words to the last ones."""
    clean = CLEAN[language]
    start = clean.index(first)
    return clean[start : clean.index(last, start) + len(last)]


ZH_END = "您也可以向网信部门投诉，或者向人民法院起诉。\n"
EN_END = "You can also complain to the Cyberspace Administration or go to the people's court.\n"
ZH_PURPOSE = "增加新的目的之前，我们会再次向您说明，并请您另行选择。\n"
EN_PURPOSE = "Before we add a purpose we explain it to you and ask you to choose again.\n"
ZH_RECIPIENT = "应用里的软件开发工具包（SDK）也在清单之内。\n"
EN_RECIPIENT = "Every software development kit (SDK) in the application is on that list too.\n"
ZH_STORED = "您的信息存储在中国境内。\n"
EN_STORED = "Your information is stored in mainland China.\n"
ZH_CHANGED = "您不同意新的内容，原来的服务不受影响。\n"
EN_CHANGED = "If you say no, the services you had stay as they were.\n"
ZH_ROWS = "图片由系统的照片选择器"
EN_ROWS = "Pictures come to us"
ZH_CAMERA = _between("zh", "- 相机", "手动输入条码。\n")
EN_CAMERA = _between("en", "- Camera", "type the barcode.\n")


def _added(rule: str, language: str, after: str, words: str, says: str = "") -> Fault:
    return Fault(rule, language, after, f"{after}{words}\n", says or words)


def _row(rule: str, language: str, words: str, says: str) -> Fault:
    before = ZH_ROWS if language == "zh" else EN_ROWS
    return Fault(rule, language, before, f"- {words}\n{before}", says)


ZH = (
    Fault(
        "E101",
        "zh",
        _between("zh", "我们把信息用于以下目的：", "退货原因。\n"),
        "我们把信息用于以下目的。\n",
        "用于以下目的",
    ),
    Fault(
        "E101",
        "zh",
        _between("zh", "我们把信息用于以下目的：", "另行选择。\n"),
        "我们把信息用于以下目的：\n",
        "用于以下目的",
    ),
    Fault("E102", "zh", "澄溪（杭州）图书有限公司", "澄溪书店", "name"),
    Fault("E103", "zh", "生效日期：2026年4月1日\n", "", "effective date"),
    Fault("E103", "zh", "版本：2.3\n发布日期：2026年3月1日\n", "", "publication"),
    Fault(
        "E104",
        "zh",
        _between("zh", "订单信息自交易", "30 日删除。\n"),
        "我们只在实现目的所必需的期限内保存您的信息。\n",
        "所必需的期限内保存",
    ),
    Fault("E104", "zh", _between("zh", "订单信息自交易", "30 日删除。\n"), "", "years"),
    _added(
        "E105", "zh", "也可以浏览全部图书。\n", "您继续使用本网站，即视为您已阅读并同意本政策。"
    ),
    _added(
        "E105", "zh", "也可以浏览全部图书。\n", "一旦您注册成为会员，便表示您接受本政策的全部内容。"
    ),
    Fault(
        "E106",
        "zh",
        "您可以随时在“我的 > 设置 > 隐私设置”撤回同意，不需要说明原因",
        "如果我们违反约定处理信息，您可以在“我的 > 设置 > 隐私设置”撤回同意",
        "如果我们违反约定",
    ),
    _added("E106", "zh", ZH_CHANGED, "在“我的”页面注销账号，须先经我们同意。"),
    Fault(
        "E107",
        "zh",
        "您可以在“我的 > 设置 > 我的信息”更正、补充您的个人信息",
        "您可以更正、补充您的个人信息",
        "更正、补充您的个人信息",
    ),
    Fault(
        "E107",
        "zh",
        "您可以在“我的 > 设置 > 注销账号”自行注销账号，信息在",
        "您可以自行注销账号，信息在",
        "自行注销账号",
    ),
    Fault("E108", "zh", _between("zh", "- 逝者的信息", "其信息。\n"), "", "deceased"),
    Fault("E108", "zh", _between("zh", "- 转移", "同一页面。\n"), "", "transfer"),
    _added("E109", "zh", ZH_RECIPIENT, "用户违反服务协议的，我们会向受害的一方披露其联系方式。"),
    _added("E110", "zh", ZH_RECIPIENT, "我们会与关联公司共享您的收货地址。"),
    _added("E110", "zh", ZH_STORED, "这些信息保存在我们和关联公司的服务器上。"),
    Fault(
        "E111",
        "zh",
        _between("zh", "只有中国的司法机关", "批准。\n"),
        "应司法机关、行政机关的要求，我们会披露所涉及的信息。\n",
        "应司法机关、行政机关的要求",
    ),
    Fault("E112", "zh", _between("zh", "付款凭证上有银行账号", "财产安全。\n"), "", "上传付款凭证"),
    _added("E112", "zh", ZH_PURPOSE, "您申请企业会员时，我们收集您的身份证照片。"),
    Fault(
        "E113",
        "zh",
        _between("zh", "不满十四周岁", "孩子的信息。\n"),
        "本书店面向成年人。\n",
        "十四周岁",
    ),
    Fault("E114", "zh", "我们会立即告知网信部门和您", "我们会立即告知您", "the authority"),
    Fault("E114", "zh", "告知用短信和邮件发出", "告知用弹窗发出", "a way other than push"),
    Fault("E114", "zh", "；我们采取的补救措施和您可以采取的措施", "", "measures"),
    _added("E115", "zh", ZH_CHANGED, "我们可以随时修改本政策。"),
    _added("E115", "zh", ZH_CHANGED, "请您经常查看本页面。"),
    Fault(
        "E116",
        "zh",
        _between("zh", "除下表所列", "清单之内。\n"),
        "承运人只收到送货所需的信息。\n",
        "list of recipients",
    ),
    Fault("E117", "zh", "投诉，我们在 15 个工作日内答复。", "投诉。", "time limit"),
    Fault("E117", "zh", ZH_END, "", "route outside"),
    Fault("E118", "zh", ZH_CAMERA, ZH_CAMERA * 2, "相机"),
    Fault(
        "E118",
        "zh",
        "（4）处理退货",
        "（4）送货：收货人姓名、收货地址、手机号码。\n（5）处理退货",
        "收货人姓名",
    ),
    _added("E119", "zh", ZH_PURPOSE, "我们不会收集您的手机号码。", "我们收集您的手机号码"),
    _added(
        "E119",
        "zh",
        ZH_PURPOSE,
        "我们上传您的通讯录，帮您找到朋友。\n通讯录只在您的设备上处理。",
        "上传您的通讯录",
    ),
    Fault(
        "E119",
        "zh",
        ZH_END,
        ZH_END + "\n十一、公开\n\n在以下情形中，我们会公开您的评价：\n"
        "（1）我们不会公开您的评价。\n（2）您点击“公开”的评价。\n",
        "我们不会公开您的评价",
    ),
    Fault("E120", "zh", "个人信息保护法", "网络安全法", "网络安全法"),
    Fault("E120", "zh", "，依据《中华人民共和国个人信息保护法》写成", "", "the name of the law"),
    Fault("W201", "zh", "（4）处理退货和换货：", "（4）处理退货、换货等业务：", "换货等业务"),
    _added("W202", "zh", ZH_END, "我们会及时回复您的来信。"),
    _added("W203", "zh", ZH_END, "我们有理由相信订单存在欺诈时，会暂停发货。"),
    _added("W204", "zh", ZH_STORED, "我们不会保存您的照片用于其他用途。"),
    _added("W204", "zh", ZH_STORED, "我们不会把信息交给与服务无关的第三方。"),
    _row(
        "W205",
        "zh",
        "存储空间：用于挑选头像。您点击“更换头像”时才询问，每次只读取一张；拒绝后可以用默认头像。",
        "存储空间",
    ),
    _row(
        "W206",
        "zh",
        "位置和蓝牙：用于在门店找书。您点击“找书”时才询问，每次只读取一次；拒绝后可以询问店员。",
        "位置和蓝牙",
    ),
    Fault("W207", "zh", "，每次扫码只调用一次", "", "相机"),
    Fault("W207", "zh", "您点击“扫一扫”时才询问，每次", "每次", "相机"),
    _row(
        "W208",
        "zh",
        "剪贴板权限：用于填写兑换码。您点击“粘贴”时才读取，每次只读取一次；拒绝后可以手动输入。",
        "剪贴板权限",
    ),
    _added("W209", "zh", ZH_STORED, "我们采用加密技术，防止您的信息泄露。"),
    _added("W209", "zh", ZH_STORED, "我们在任何情况下都守住您的信息。"),
    Fault(
        "W210", "zh", "退出登录不等于撤回同意", "您也可以通过退出登录撤回同意", "退出登录撤回同意"
    ),
    _added("W211", "zh", ZH_END, "如果您发现我们的密码泄露，请拨打上面的电话。"),
    _added("W211", "zh", ZH_END, "本店由XX公司供货。"),
    Fault("W212", "zh", "软件开发工具包（SDK）", "SDK ", "SDK"),
    _added("W212", "zh", ZH_END, "我们" + "把每一本书放进纸箱并交给承运人，" * 12 + "再送到您家。"),
    _added("W213", "zh", ZH_END, "请您保管好自己的账号和密码。"),
)

EN = (
    Fault(
        "E101",
        "en",
        _between("en", "We use information for the following", "return.\n"),
        "We use information for the following purposes.\n",
        "for the following purposes",
    ),
    Fault(
        "E101",
        "en",
        _between("en", "We use information for the following", "choose again.\n"),
        "We use information for the following purposes:\n",
        "for the following purposes",
    ),
    Fault("E102", "en", "Clearbrook (Hangzhou) Books Co., Ltd.", "the bookshop", "name"),
    Fault("E103", "en", "Effective: 2026-04-01\n", "", "effective date"),
    Fault("E103", "en", "Version: 2.3\nPublished: 2026-03-01\n", "", "publication"),
    Fault(
        "E104",
        "en",
        _between("en", "Order records are kept", "money is found.\n"),
        "We keep information for the shortest period needed.\n",
        "shortest period",
    ),
    Fault("E104", "en", _between("en", "Order records are kept", "money is found.\n"), "", "years"),
    _added("E105", "en", '"Agree".\n', "If you keep visiting this site, you accept this policy."),
    _added("E105", "en", '"Agree".\n', "By using our site you consent to this policy."),
    Fault(
        "E106",
        "en",
        'you can withdraw your consent at any time under "My > Settings > Privacy"',
        'if we process in breach of the law, you may withdraw your consent under "My > Settings '
        '> Privacy"',
        "in breach of the law",
    ),
    _added("E106", "en", EN_CHANGED, 'Under "My > Settings" you may only withdraw on Mondays.'),
    Fault(
        "E107",
        "en",
        'you can correct your personal information under "My > Settings > My information"',
        "you can correct your personal information",
        "correct your personal",
    ),
    Fault(
        "E107",
        "en",
        'cancel your account yourself under "My > Settings > Close account"',
        "cancel your account yourself",
        "cancel your account",
    ),
    Fault("E108", "en", _between("en", "- The deceased", "information.\n"), "", "deceased"),
    Fault("E108", "en", _between("en", "- Transfer", "same page.\n"), "", "transfer"),
    _added(
        "E109",
        "en",
        EN_RECIPIENT,
        "If a user breaches our terms, we disclose the name to the other side.",
    ),
    _added("E110", "en", EN_RECIPIENT, "We share delivery addresses with our affiliates."),
    _added("E110", "en", EN_STORED, "It is kept on our servers and those of our affiliates."),
    Fault(
        "E111",
        "en",
        _between("en", "We disclose information to judicial", "approval.\n"),
        "We disclose information when judicial authorities ask for it.\n",
        "when judicial authorities ask",
    ),
    Fault(
        "E112",
        "en",
        _between("en", "A payment voucher shows", "at risk.\n"),
        "",
        "upload a payment voucher",
    ),
    _added(
        "E112", "en", EN_PURPOSE, "For business members we collect a photo of the identity card."
    ),
    Fault(
        "E113",
        "en",
        _between("en", "A child under 14", 'Child".\n'),
        "The shop is for adults.\n",
        "under 14",
    ),
    Fault(
        "E114", "en", "inform the Cyberspace Administration and you", "inform you", "the authority"
    ),
    Fault(
        "E114",
        "en",
        "It is sent by text message and e-mail",
        "It is sent as a push message",
        "a way other than push",
    ),
    Fault("E114", "en", "the measures we took and what you can do, ", "", "measures"),
    _added("E115", "en", EN_CHANGED, "We may change this policy at any time."),
    _added("E115", "en", EN_CHANGED, "Please check back from time to time."),
    Fault(
        "E116",
        "en",
        _between("en", "We give your information to nobody", "list too.\n"),
        "A carrier receives what it needs for delivery.\n",
        "list of recipients",
    ),
    Fault("E117", "en", ", and we answer within 15 working days", "", "time limit"),
    Fault("E117", "en", EN_END, "", "route outside"),
    Fault("E118", "en", EN_CAMERA, EN_CAMERA * 2, "Camera"),
    Fault(
        "E118",
        "en",
        "(4) Returns",
        "(4) Payment: time, amount and channel of payment.\n(5) Returns",
        "amount and channel",
    ),
    _added(
        "E119",
        "en",
        EN_PURPOSE,
        "We never collect your mobile number.",
        "We collect your mobile number",
    ),
    _added(
        "E119",
        "en",
        EN_PURPOSE,
        "We upload your contacts to find friends.\nContacts are handled only on your device.",
        "We upload your contacts",
    ),
    Fault(
        "E119",
        "en",
        EN_END,
        EN_END + "\n11. Reviews\n\nIn the following cases we will share "
        "your review:\n(1) We will not share your review.\n(2) You marked it public.\n",
        "We will not share your review",
    ),
    Fault(
        "E120",
        "en",
        "Personal Information Protection Law",
        "Cybersecurity Law",
        "Cybersecurity Law",
    ),
    Fault(
        "E120",
        "en",
        " under the Personal Information Protection Law of the People's Republic of China",
        "",
        "the name of the law",
    ),
    Fault(
        "W201",
        "en",
        "(4) Returns and exchanges:",
        "(4) Returns and other services:",
        "and other services",
    ),
    _added("W202", "en", EN_END, "We will answer your letters promptly."),
    _added("W203", "en", EN_END, "We stop an order when we have reason to believe in fraud."),
    _added("W204", "en", EN_STORED, "We do not store your pictures for other purposes."),
    _added("W204", "en", EN_STORED, "We do not show it to companies that are not related to us."),
    _row(
        "W205",
        "en",
        "Phone storage: used to choose a portrait. We ask when you tap it, and it "
        "is read once per choice; if you refuse there is a default portrait.",
        "Phone storage",
    ),
    _row(
        "W206",
        "en",
        "Location and Bluetooth: used to find a shelf. We ask when you tap "
        '"Find", and it is read once per search; if you refuse you can ask our staff.',
        "Location and Bluetooth",
    ),
    Fault("W207", "en", ", and the camera is read once per scan", "", "Camera"),
    Fault("W207", "en", 'We ask when you tap "Scan", and the camera', "The camera", "Camera"),
    _row(
        "W208",
        "en",
        "Clipboard permission: used to fill in a gift code. It is read only when "
        "you paste, once per paste; if you refuse you can type.",
        "Clipboard permission",
    ),
    _added("W209", "en", EN_STORED, "Encryption prevents any leak."),
    _added("W209", "en", EN_STORED, "We guard it in all circumstances."),
    Fault(
        "W210",
        "en",
        "logging out does not withdraw it",
        "you can also withdraw by logging out",
        "withdraw by logging out",
    ),
    _added("W211", "en", EN_END, "Call the number above if our password has leaked."),
    _added("W211", "en", EN_END, "Goods are supplied by [Company Name]."),
    Fault("W212", "en", "software development kit (SDK)", "SDK", "SDK"),
    _added("W212", "en", EN_END, "We put " + "each book into a box and hand it on, " * 8 + "home."),
    _added("W213", "en", EN_END, "You should keep your password to yourself."),
)

FAULTS = (*ZH, *EN)
