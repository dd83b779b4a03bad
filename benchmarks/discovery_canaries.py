"""Values for the cases of `benchmarks.discovery`: planted personal data, and what looks like it.

Every value is drawn here from a seed; nobody of flesh and blood is meant. The generators share no
code with `troth.core`, so a checksum that both got wrong in the same way would be an accident.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from random import Random

Maker = Callable[[Random], str | None]


def _words_of(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英建国志华婷玉兰文博子涵雨欣浩然梓轩"
_FIRST = _words_of(
    "James Mary John Patricia Robert Linda Michael Barbara William Susan David Jessica "
    "Carlos Aisha Wei Priya Sven Olga Fatima Kenji Thomas Sarah Daniel Nancy Mark Lisa "
    "Paul Emily"
)
_LAST = _words_of(
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Okafor "
    "Nguyen Lindqvist Petrov Haddad Tanaka Moore Taylor Jackson White Harris Clark Lewis "
    "Walker"
)
_STREETS = ["Maple", "Oak", "Cedar", "Elm", "Washington", "Lake", "Hill", "Park", "Main", "Pine"]
_WAYS = ["St", "Ave", "Road", "Lane", "Drive", "Blvd", "Street", "Court"]
_CITIES_ZH = _words_of("杭州市 上海市 北京市 成都市 武汉市 南京市 苏州市 广州市 西安市 厦门市")
_DISTRICTS = _words_of("西湖区 浦东新区 海淀区 武侯区 江汉区 鼓楼区 姑苏区 天河区 雁塔区 思明区")
_ROADS = _words_of("文三路 中山路 人民路 解放街 建设大道 和平路 学院路 长江路 青年街 湖滨路")
_ESTATES = ["阳光花园", "翠苑小区", "金色家园", "万科城", "绿地公寓", "锦绣苑"]
_PREFIXES = _words_of(
    "130 131 135 136 137 138 139 150 151 152 155 157 158 159 166 173 176 177 180 182"
)
_GOODS = _words_of(
    "苹果手机壳 黄瓜 白菜 高山茶 金针菇 马铃薯 石榴 江小白 方便面 连衣裙 蓝牙耳机 洗衣液 "
    "牛奶 康师傅 保温杯 电饭煲 安踏跑鞋 龙井茶 汤圆 水蜜桃 毛巾 雷蛇鼠标 钱包 樊氏腊肠"
)
_WORDS_ZH = _words_of(
    "今天 收到 东西 很好 包装 仔细 物流 有点 慢 下次 还会 再来 颜色 喜欢 朋友 推荐"
)
_WORDS = _words_of(
    "the of house paper light about under small query green often later machine because "
    "river nothing simple table window reading always found quickly release report"
)


def _digits(random: Random, count: int) -> str:
    return "".join(random.choice(string.digits) for _ in range(count))


def _day(random: Random, first: date, last: date) -> date:
    return first + timedelta(days=random.randrange((last - first).days))


def _name_zh(random: Random) -> str:
    return random.choice(_SURNAMES) + "".join(
        random.choice(_GIVEN) for _ in range(random.choice((1, 2, 2)))
    )


def _name_en(random: Random) -> str:
    return f"{random.choice(_FIRST)} {random.choice(_LAST)}"


def _mobile(random: Random) -> str:
    return random.choice(_PREFIXES) + _digits(random, 8)


def _resident_id(random: Random) -> str:
    region = random.choice(("330106", "110108", "310115", "510107", "420103", "610113", "350203"))
    body = (
        region + f"{_day(random, date(1950, 1, 1), date(2008, 1, 1)):%Y%m%d}" + _digits(random, 3)
    )
    rest = (12 - sum(int(d) * pow(2, 17 - i, 11) for i, d in enumerate(body)) % 11) % 11
    return body + ("X" if rest == 10 else str(rest))


def _with_luhn(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return body + str(-total % 10)


def _bank_card(random: Random) -> str:
    start, length = random.choice((("622202", 19), ("621700", 19), ("622848", 19), ("436742", 16)))
    return _with_luhn(start + _digits(random, length - len(start) - 1))


def _imei(random: Random) -> str:
    return _with_luhn("86" + _digits(random, 12))


def _broken_luhn(random: Random) -> str:
    good = _with_luhn(_digits(random, 14))
    return good[:-1] + str((int(good[-1]) + random.randrange(1, 10)) % 10)


def _iban(random: Random) -> str:
    body = _digits(random, 18)
    rest = 98 - int(body + "131400") % 97  # D is 13, E is 14
    return f"DE{rest:02d}{body}"


def _uscc(random: Random) -> str:
    signs = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = "91330106" + "".join(random.choice(signs) for _ in range(9))
    total = sum(signs.index(c) * pow(3, i, 31) for i, c in enumerate(body))
    return body + signs[-total % 31]


def _plate(random: Random) -> str:
    start = random.choice("浙沪京苏粤皖") + random.choice("ABCDEF")
    signs = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    if random.random() < 0.4:
        return f"{start}D{random.choice(signs)}{_digits(random, 4)}"
    # Ordinary plates have at most two letters in their five places.
    body = [random.choice(signs) for _ in range(random.randrange(3))]
    body += _digits(random, 5 - len(body))
    random.shuffle(body)
    return start + "".join(body)


def _time(random: Random) -> datetime:
    return datetime(2024, 1, 1) + timedelta(seconds=random.randrange(60_000_000))  # noqa: DTZ001


def _company_zh(random: Random) -> str:
    return (
        random.choice(("杭州", "上海", "深圳", "江苏", "成都"))
        + random.choice(("云帆", "恒达", "金桥", "远景", "佳和", "王氏", "张记"))
        + random.choice(
            ("科技有限公司", "物业服务有限公司", "食品厂", "电梯工程有限公司", "贸易商行")
        )
    )


def _company_en(random: Random) -> str:
    return random.choice(_LAST) + random.choice((" Inc.", " Pharma LLC", " & Sons Ltd", " Medical"))


def _address_zh(random: Random) -> str:
    return (
        f"{random.choice(_ESTATES)}{random.randrange(1, 30)}幢{random.randrange(1, 4)}单元"
        f"{random.randrange(101, 2500)}室"
        if random.random() < 0.5
        else f"{random.choice(_CITIES_ZH)}{random.choice(_DISTRICTS)}{random.choice(_ROADS)}"
        f"{random.randrange(1, 900)}号{random.randrange(1, 20)}栋{random.randrange(101, 2500)}"
    )


def _address_en(random: Random) -> str:
    return f"{random.randrange(1, 9999)} {random.choice(_STREETS)} {random.choice(_WAYS)}"


def _words(random: Random, count: int) -> str:
    return " ".join(random.choice(_WORDS) for _ in range(count))


def _words_zh(random: Random, count: int) -> str:
    return "，".join("".join(random.choice(_WORDS_ZH) for _ in range(3)) for _ in range(count))


def _hex(random: Random, count: int) -> str:
    return "".join(random.choice("0123456789abcdef") for _ in range(count))


def _ip(random: Random) -> str:
    return ".".join(str(random.randrange(1, 255)) for _ in range(4))


def _one_of(*choices: str) -> Maker:
    return lambda random: random.choice(choices)


def _sparse(maker: Maker, share: float = 0.2) -> Maker:
    return lambda random: maker(random) if random.random() < share else None


def _handle(random: Random) -> str:
    return (
        random.choice(("sky", "neo", "red", "lin", "wq", "max", "zhang", "mia", "otter", "fox"))
        + random.choice(("", "_", "."))
        + random.choice(("walker", "88", "byte", "tea", "owl", "cat", "q", "river"))
        + str(random.randrange(1000))
    )


def _email(random: Random) -> str:
    return f"{_handle(random)}@{random.choice(('qq.com', 'example.org', '163.com', 'mail.test'))}"


def _base64(random: Random, count: int) -> str:
    return "".join(random.choice(string.ascii_letters + string.digits + "./") for _ in range(count))


def _number(low: int, high: int) -> Maker:
    return lambda random: str(random.randrange(low, high))


def _coded(form: str) -> Maker:
    """Return a maker that fills ``#`` with digits and ``@`` with capitals."""

    def make(random: Random) -> str:
        return "".join(
            random.choice(string.digits)
            if sign == "#"
            else random.choice(string.ascii_uppercase)
            if sign == "@"
            else sign
            for sign in form
        )

    return make


def _date_between(first: date, last: date) -> Maker:
    return lambda random: _day(random, first, last).isoformat()


MAKERS: Mapping[str, Maker] = {
    # people
    "handle": _handle,
    "email": _email,
    "name_zh": _name_zh,
    "name_en": _name_en,
    "given_en": lambda r: r.choice(_FIRST),
    "family_en": lambda r: r.choice(_LAST),
    "nick_zh": lambda r: (
        r.choice(("爱吃鱼的猫", "小太阳", "一只羊", "晚风", "奔跑的土豆", "江南", "老王不老"))
        + _digits(r, r.choice((0, 2)))
    ),
    "mobile_cn": _mobile,
    "landline_cn": lambda r: r.choice(("0571-8", "021-5", "010-6", "0512-6")) + _digits(r, 7),
    "phone_us": lambda r: f"({r.randrange(201, 989)}) {r.randrange(200, 999)}-{_digits(r, 4)}",
    "phone_e164": lambda r: r.choice(("+1", "+44", "+49", "+86")) + str(r.randrange(10**9, 10**10)),
    "resident_id": _resident_id,
    "bank_card": _bank_card,
    "ssn": lambda r: f"{r.randrange(100, 700)}-{r.randrange(10, 99)}-{r.randrange(1000, 9999)}",
    "passport": _coded("E########"),
    "birth_date": _date_between(date(1945, 1, 1), date(2008, 1, 1)),
    "birth_date_child": _date_between(date(2018, 1, 1), date(2022, 1, 1)),
    "address_zh": _address_zh,
    "address_en": _address_en,
    "unit_en": _sparse(lambda r: f"Apt {r.randrange(1, 90)}", 0.5),
    "city_en": _one_of("Springfield", "Portland", "Austin", "Dayton", "Fresno"),
    "state_us": _one_of("CA", "TX", "NY", "OR", "OH"),
    "zip_us": _coded("9####"),
    "city_zh": lambda r: r.choice(_CITIES_ZH),
    "province_zh": _one_of("浙江省", "江苏省", "四川省", "广东省", "湖北省"),
    "district_zh": lambda r: r.choice(_DISTRICTS),
    "post_code_cn": _coded("3#####"),
    "plate": _plate,
    "imei": _imei,
    "ip": _ip,
    "mac": lambda r: ":".join(_hex(r, 2) for _ in range(6)),
    "user_agent": lambda r: (
        f"Mozilla/5.0 ({r.choice(('Linux; Android 13', 'iPhone; CPU iPhone OS 16', 'X11; Linux'))})"
        f" AppleWebKit/{r.randrange(500, 700)}.{r.randrange(40)}"
    ),
    "openid": lambda r: "o" + _base64(r, 27).replace(".", "_").replace("/", "-"),
    "wechat": lambda r: "wxid_" + _hex(r, 12),
    "bcrypt": lambda r: "$2b$12$" + _base64(r, 53),
    "argon2": lambda r: f"$argon2id$v=19$m=65536,t=3,p=4${_base64(r, 22)}${_base64(r, 43)}",
    "avatar_url": lambda r: f"https://img.example.org/avatar/{_hex(r, 16)}.png",
    "face_path": lambda r: f"/face/{r.randrange(2020, 2025)}/{_hex(r, 12)}.jpg",
    "sex_mf": _one_of("M", "F"),
    "sex_12": _one_of("1", "2"),
    "sex_012": _one_of("0", "1", "2"),
    "sex_zh": _one_of("男", "女"),
    "marital_code": _one_of("S", "M", "D", "W"),
    "marital_zh": _one_of("未婚", "已婚", "离异"),
    "ethnic_zh": _one_of("汉", "汉", "回", "满", "壮"),
    "country": _one_of("US", "MX", "CN", "PH"),
    "relation_en": _one_of("spouse", "mother", "friend", "brother"),
    "relation_zh": _one_of("配偶", "父亲", "女儿", "母亲"),
    "blood": _one_of("A+", "O-", "B+", "AB+"),
    "allergy": _sparse(_one_of("penicillin", "nuts", "latex, iodine"), 0.4),
    "allergy_zh": _sparse(_one_of("花生", "青霉素", "牛奶、鸡蛋"), 0.4),
    "diagnosis": _one_of("Essential hypertension", "Type 2 diabetes", "Acute bronchitis"),
    "symptom": _one_of("chest pain since morning", "cough for two weeks", "fall on ice"),
    "sick_reason": _one_of("surgery on the knee", "child is ill", "wedding", "moving house"),
    "job_zh": _one_of("教师", "工程师", "护士", "学生", "会计"),
    "money": lambda r: f"{r.randrange(100, 900000) / 100:.2f}",
    "text_with_mobile": lambda r: (
        f"请打{_mobile(r)}，{_words_zh(r, 1)}" if r.random() < 0.3 else _words_zh(r, 2)
    ),
    "text_with_email": lambda r: (
        f"{_words(r, 8)} {_email(r)} {_words(r, 3)}" if r.random() < 0.3 else _words(r, 14)
    ),
    "company_zh_or_name": lambda r: _name_zh(r) if r.random() < 0.75 else _company_zh(r),
    "salutation": _one_of("Mr", "Ms", "Dr"),
    "pinyin_name": lambda r: r.choice(("ZHANG/WEI", "LI/NA", "WANG/FANG", "CHEN/HAO", "LIU/YANG")),
    "name_zh_sparse": _sparse(_name_zh, 0.4),
    "birth_year": _number(1945, 2010),
    "meal": _one_of("vegetarian", "halal", "none"),
    "iban": _iban,
    "json_with_email": lambda r: (
        f'{{"plan": "{r.choice(_WORDS)}", "form_value": "{_email(r)}"}}'
        if r.random() < 0.4
        else f'{{"plan": "{r.choice(_WORDS)}", "step": {r.randrange(9)}}}'
    ),
    # things, companies and decoys
    "point": lambda r: f"{120 + r.random():.6f},{30 + r.random():.6f}",
    "month": lambda r: f"2025-{r.randrange(1, 13):02d}",
    "phone_model": _one_of("Mi 13", "P60 Pro", "iPhone 14"),
    "recent_date_key": _date_between(date(2024, 1, 1), date(2026, 1, 1)),
    "pnr": lambda r: "".join(r.choice(string.ascii_uppercase + "23456789") for _ in range(6)),
    "flight": _coded("@@####"),
    "seat": lambda r: f"{r.randrange(1, 40)}{r.choice('ABCDEF')}",
    "desk_email": lambda r: (
        f"{r.choice(('info', 'support', 'sales'))}@air{r.randrange(99)}.example"
    ),
    "hotel": lambda r: (
        f"{r.choice(('Park', 'Grand', 'Lake', 'Jordan'))} {r.choice(('Hotel', 'Inn', 'Palace'))}"
    ),
    "serial": _number(1, 10**6),
    "flag": _one_of("0", "1"),
    "small_int": _number(0, 60),
    "big_int": _number(0, 10**7),
    "score": lambda r: f"{r.random() * 100:.4f}",
    "area": lambda r: f"{r.randrange(4500, 20000) / 100:.2f}",
    "lng": lambda r: f"{120 + r.random():.6f}",
    "lat": lambda r: f"{30 + r.random():.6f}",
    "recent_time": lambda r: _time(r).isoformat(" "),
    "sparse_time": _sparse(lambda r: _time(r).isoformat(" ")),
    "recent_date": lambda r: _time(r).date().isoformat(),
    "wide_date": _date_between(date(1985, 1, 1), date(2025, 1, 1)),
    "unix_time": _number(1_600_000_000, 1_760_000_000),
    "stamp11": _number(17_000_000_000, 17_600_000_000),
    "stamp11_text": _number(17_000_000_000, 18_900_000_000),
    "order18": lambda r: f"{_time(r):%Y%m%d%H%M%S}{_digits(r, 4)}",
    "barcode13": lambda r: "69" + _digits(r, 11),
    "imei_like_bad": _broken_luhn,
    "sku": lambda r: f"{r.choice(('AB', 'KX', 'E1'))}{_digits(r, 3)}-{_digits(r, 3)}",
    "emp_no": _coded("E#####"),
    "mrn": _coded("MR#######"),
    "owner_no": _coded("YZ######"),
    "house_no": _coded("F#-#-####"),
    "student_no": _coded("2023####"),
    "class_no": _coded("B##"),
    "card_no": _coded("00########"),
    "spot_no": _coded("@-###"),
    "ext4": _coded("####"),
    "code3": _coded("@@#"),
    "icd10": _coded("@##.#"),
    "loinc": _coded("####-#"),
    "ndc": _coded("#####-###-##"),
    "ein": _coded("##-#######"),
    "policy_no": _coded("PLN#########"),
    "region_code": _coded("33####"),
    "uscc": _uscc,
    "hex32": lambda r: _hex(r, 32),
    "hex64": lambda r: _hex(r, 64),
    "token": lambda r: _base64(r, 24),
    "uuid": lambda r: "-".join(_hex(r, n) for n in (8, 4, 4, 4, 12)),
    "short_code": lambda r: "".join(r.choice(string.ascii_lowercase) for _ in range(6)),
    "letter": _one_of("A", "B", "C", "D"),
    "word": lambda r: r.choice(_WORDS),
    "tag_word": lambda r: r.choice(_WORDS) + r.choice(("", "s", "ing")),
    "app_word": _one_of("files", "gallery", "calendar", "core"),
    "setting_key": lambda r: f"{r.choice(_WORDS)}_{r.choice(_WORDS)}_{r.randrange(99)}",
    "settings_json": lambda r: f'{{"{r.choice(_WORDS)}": {r.randrange(9)}}}',
    "class_name": lambda r: f"OC\\{r.choice(_WORDS).title()}\\{r.choice(_WORDS).title()}Job",
    "headline": lambda r: _words(r, 5),
    "sentence": lambda r: _words(r, 12),
    "sentence_sparse": _sparse(lambda r: _words(r, 8)),
    "sentence_zh": lambda r: _words_zh(r, 1),
    "review_zh": lambda r: _words_zh(r, 2),
    "html": lambda r: f"<p>{_words(r, 12)}</p>",
    "url": lambda r: f"https://{r.choice(_WORDS)}.example/{r.choice(_WORDS)}/{r.randrange(999)}",
    "image_url": lambda r: f"https://img.example.org/goods/{_hex(r, 10)}.jpg",
    "host": lambda r: f"{r.choice(_WORDS)}{r.randrange(999)}.example",
    "home_path": lambda r: f"/data/{_handle(r)}",
    "file_path": lambda r: f"files/{r.choice(_WORDS)}/{r.choice(_WORDS)}.odt",
    "mime": _one_of("image/png", "text/plain", "application/pdf", "video/mp4"),
    "size": _one_of("5 GB", "10 GB", "none"),
    "version4": lambda r: (
        f"{r.randrange(1, 11)}.{r.randrange(9)}.{r.randrange(9)}.{r.randrange(9)}"
    ),
    "dept_en": _one_of("Cardiology", "Radiology", "Pharmacy", "Human Resources", "Surgery"),
    "status_en": _one_of("approved", "pending", "rejected"),
    "company_en": _company_en,
    "drug_name": lambda r: r.choice(("Ator", "Metfo", "Ome", "Ampi")) + r.choice(("statin", "min")),
    "phone_tollfree": lambda r: f"1-800-{_digits(r, 3)}-{_digits(r, 4)}",
    "room": lambda r: str(r.randrange(101, 2500)),
    "product_en": _one_of("Infusion pump", "Wheelchair", "ECG monitor", "Desk lamp"),
    "unit_word": _one_of("mg/dL", "mmol/L", "g"),
    "dose": _one_of("10 mg", "500 mg twice a day", "1 tablet"),
    "product_zh": lambda r: r.choice(_GOODS) + r.choice(("", "", "500g", "（大）")),
    "brand_zh": _one_of("海尔", "安踏", "康师傅", "李宁", "方太", "张小泉", "老干妈"),
    "slogan_zh": _one_of("限时特惠", "满减进行中", "新品首发，先到先得", "老店口碑"),
    "coupon_zh": _one_of("新人券", "满百减十", "生鲜专享", "周末红包"),
    "level_zh": _one_of("普通会员", "黄金会员", "白金会员", "钻石会员"),
    "courier_zh": _one_of("顺丰速运", "圆通速递", "中通快递"),
    "bank_zh": _one_of("中国工商银行西湖支行", "招商银行杭州分行", "建设银行"),
    "refund_zh": _one_of("不想要了", "尺码不合适，穿着紧", "收到时破损"),
    "company_zh": _company_zh,
    "company_address_zh": _address_zh,
    "phone_400": lambda r: f"400-{_digits(r, 3)}-{_digits(r, 4)}",
    "dept_zh": _one_of("运营部", "财务部", "客服部"),
    "status_zh": _one_of("已处理", "处理中", "待确认", "已取消"),
    "store_zh": lambda r: (
        r.choice(("西湖", "城东", "火车站", "大学城")) + r.choice(("店", "旗舰店"))
    ),
    "hours": _one_of("09:00-21:00", "10:00-22:00"),
    "id_type_zh": _one_of("居民身份证", "护照"),
    "building": lambda r: f"{r.randrange(1, 30)}幢",
    "unit_no": lambda r: f"{r.randrange(1, 4)}单元",
    "layout_zh": _one_of("三室两厅", "两室一厅", "四室两厅"),
    "car_brand_zh": _one_of("大众", "比亚迪", "丰田", "吉利"),
    "colour_zh": _one_of("白", "黑", "灰", "红"),
    "fee_zh": _one_of("物业费", "停车费", "水费", "公摊电费"),
    "pay_way_zh": _one_of("微信", "支付宝", "现金", "刷卡"),
    "repair_zh": _one_of("水管漏水", "门禁坏了进不去", "楼道灯不亮", "马桶堵了"),
    "class_zh": _one_of("小一班", "中二班", "大三班"),
    "unit_zh": _one_of("平方米", "度", "吨"),
    "place_zh": _one_of("地下车库B区", "1幢大堂", "中心花园"),
}
