"""What the names of columns and tables say: English, Chinese, pinyin and their abbreviations.

A name is evidence and no proof. How much it weighs depends on the row it stands in: ``name`` in a
table of customers is a person's, in a table of goods it is not. So each word has three weights:
in a row of which nothing is known, in a row about a person, and in a row about a company.
Abbreviations of pinyin mean many things (``sj`` is a mobile phone or a time) and stay weak: only
the values can decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from troth.core.discovery_kinds import About, Kind, words_of


@dataclass(frozen=True, slots=True)
class Word:
    """One entry: words that follow each other in a name, and what they speak for."""

    phrase: tuple[str, ...]
    kind: Kind
    alone: float
    person: float
    company: float

    def weight(self, about: About) -> float:
        """Return what the word weighs in a row about a person, a company or nobody known."""
        return {About.PERSON: self.person, About.COMPANY: self.company}.get(about, self.alone)


@dataclass(frozen=True, slots=True)
class NameSign:
    """What a name speaks for, and how strongly."""

    kind: Kind
    weight: float
    evidence: str


# kind | weights alone, in a person's row, in a company's row | phrases
_ENGLISH = """
person_name | .85 .95 .85 | full name, real name, first name, last name, middle name, fname, lname, given name, family name, surname, forename, fullname, realname, firstname, lastname, maiden name, person name, legal person, contact name, contact nm, contact person, rep name, receiver name, consignee, recipient name, customer name, patient name, employee name, emp name, member name, student name, guardian name, passenger name, guest name, holder name, cardholder, card holder, account holder, beneficiary name, next of kin, nok name, legal representative, linkman, applicant name, candidate name, tenant name, driver name, payee name, payer name, teacher name, doctor name, author name, sender name, buyer name, emergency contact, kin name, spouse name, mother name, father name
person_name | .6 .9 .4 | name in pinyin, pinyin name, english name, chinese name, latin name, manager name, agent name, traveller name, traveler name, requester name, assignee name, owner name, contact full name, user full name
person_name | .35 .8 .1 | name, nm, display name, displayname, contact, receiver, signatory, payee
nickname | .55 .85 .5 | nickname, nick name, nick, screen name, alias
account_name | .6 .9 .5 | username, user name, login name, loginname, user login, usr login, login, account name, userid, user account, handle, screenname
account_name | .15 .6 .1 | acct, account, uid, usr, created by name
person_number | .5 .85 .4 | employee no, emp no, employee number, staff no, member no, customer no, patient no, mrn, medical record number, student no, student number, badge no, badge number, card no, cardno, loyalty number, membership number, frequent flyer
national_id | .85 .95 .7 | id card, idcard, id card no, id number, identity card, identity no, identity number, national id, resident id, ssn, social security, nin, nino, cpf, citizen id, personal number, personnummer, id no, cert no, certificate no, cred no, government id, driving licence, driver license, drivers license, license no
passport | .3 .75 .2 | travel doc no, travel document, document number, document no, doc no, doc number
passport | .85 .95 .6 | passport, passport no, passport number
phone | .6 .9 .25 | phone, mobile, telephone, tel, cell, cellphone, msisdn, phone no, phone number, mobile no, ph, fax, home tel, desk phone, extension, whatsapp, contact no, contact number, phone1, phone2, handphone
phone | .9 .95 .85 | contact phone, contact tel, rep phone, receiver phone, receiver mobile, kin phone, nok phone, emergency phone, guardian phone, rep mobile, contact mobile
email | .75 .95 .4 | email, e mail, mail, eml, email address, mail address, emailaddress
email | .9 .95 .85 | contact email, rep email, contact mail
address | .4 .85 .15 | address, addr, street, address line, addr ln, street address, detail address, address1, address2, house number, house no, apartment, line1, line2, addr1, addr2, location text
address | .75 .95 .3 | home address, shipping address, billing address, receiver address, delivery address, residential address, mailing address, postal address, receiver detail address, permanent address
address | .1 .75 .05 | city, province, district, county, suburb, town, zip, zipcode, zip code, postcode, post code, postal code, postal cd, postal, neighborhood, neighbourhood
address | .05 .55 .02 | region, state, st, country
location | .2 .7 .05 | latitude, longitude, lat, lng, lon, geo point, gps, geolocation, coordinates, geohash
location | .7 .9 .4 | last location, current location, home lat, home lng, trajectory
bank_card | .8 .95 .25 | bank card, bankcard, card number, credit card, debit card, bank account, bank acct, account number, acct no, iban, pan, cc number, ccn, bank card no, bank account no, bank no
bank_card | .25 .8 .15 | bank name, bank, account no, bank branch, card type bank
income | .75 .9 .3 | salary, base sal, wage, income, payroll, gross pay, net pay, annual income, sal, compensation
insurance | .6 .85 .3 | insurance no, insurance number, ins policy, policy no, social insurance, medicare, insurance policy
plate | .8 .9 .5 | license plate, licence plate, plate number, plate no, plate, number plate, car no, vehicle no, registration plate, car number, vin
birth_date | .85 .95 .6 | birth date, birthdate, birthday, date of birth, dob, birth dt, birth day, birth year, born on, born, birth
birth_date | .1 .7 .05 | age
gender | .6 .9 .4 | gender, sex
gender | .3 .7 .3 | salutation, honorific, name prefix
ethnicity | .8 .9 .6 | ethnicity, ethnic, race, nation
nationality | .5 .8 .2 | nationality, natl, citizenship
religion | .8 .9 .6 | religion, faith, religious
marital_status | .8 .9 .6 | marital status, marital, marital st, marriage
family | .15 .75 .1 | relation, relationship, kinship, spouse, children, household, family
health | .45 .85 .2 | diagnosis, dx, allergy, allergies, blood type, blood grp, blood group, symptom, complaint, chief complaint, medical history, medication, disease, disability, dose, vaccination, pregnant, body height, body weight, treatment, icd, vital signs, heart rate, blood pressure, bmi, prognosis, surgery
biometric | .8 .95 .6 | fingerprint, face id, face feature, face encoding, voiceprint, iris, biometric, face vector, face embedding, palm
photo | .4 .75 .1 | sign img, signature img, signature image, sign image, sign pic
photo | .4 .8 .1 | avatar, photo, portrait, selfie, profile picture, headshot, head img, headimg, headimgurl, face photo, profile image, icon
work | .05 .55 .02 | co
work | .2 .75 .1 | job, occupation, profession, employer, job title, position, job cd, work unit, company name, workplace
education | .4 .8 .2 | education, degree, school, university, diploma, major, gpa
ip_address | .7 .9 .4 | ip, ip address, ipaddr, ip addr, client ip, remote addr, remote address, login ip, last ip, remote ip, ipaddress, last login ip, user ip, source ip
device | .5 .8 .2 | push regid, push reg id, registration id, distinct id, visitor id, anonymous id, cookie id, client uuid, installation id, ad id, browser agent, fingerprint id
device | .6 .9 .3 | imei, device id, device uuid, idfa, idfv, android id, oaid, mac address, mac, imsi, udid, device token, push token, device fingerprint, user agent, useragent, ua, browser, advertising id, gaid, device serial, workstation mac, device model, device name
password | .8 .95 .7 | password, passwd, pwd, password hash, password digest, passphrase, encrypted password, crypted password, pw, pin code, salt
credential | .1 .3 .1 | code
credential | .3 .8 .2 | token, secret, api key, access token, refresh token, session token, session id, session key, rss token, totp secret, otp, verification code, auth code, reset token, sms code, captcha, recovery codes, private key, security answer, security question, mfa, invite code, signature key
social_account | .7 .9 .4 | openid, unionid, wechat, weixin, wechat id, wx id, qq, weibo, facebook, twitter, linkedin, telegram, alipay, line id, skype, github, dingtalk, feishu, instagram
free_text | .15 .65 .1 | comment, body, message, note, notes, remark, remarks, memo, about, bio, content, feedback, review, reason, rsn, self introduction, introduction, signature, personalized signature, complaint text, chat, reply, special request, biography, query text, transcript
"""  # noqa: E501

# kind | weights | pinyin in full, matched as tokens or as the whole name
_PINYIN = """
person_name | .8 .9 .75 | xingming, zhenshixingming, lianxiren, shoujianren, shouhuoren, faren, fadingdaibiaoren, kehuxingming, yonghuxingming, huzhu, lianxirenxingming
nickname | .6 .85 .5 | nicheng
account_name | .6 .85 .4 | yonghuming, zhanghao, denglum, dengluming
national_id | .9 .95 .8 | shenfenzheng, shenfenzhenghao, shenfenzhenghaoma, sfzh, sfzhm, sfz, sfzhao, zhengjianhao, zhengjianhaoma, zjhm, zjh
passport | .8 .9 .6 | huzhao, huzhaohao
phone | .8 .9 .85 | lxrdh, lxrsj, lxrdhhm, lianxirendianhua, frdh, fzrdh, jhrdh, shrdh, shrsj, sjrdh
phone | .75 .9 .35 | shouji, shoujihao, shoujihaoma, sjhm, sjh, dianhua, lianxidianhua, lxdh, dhhm, yddh, gddh, zzdh, jtdh, lianxifangshi, lxfs, bydh
email | .7 .9 .4 | youxiang, dianziyouxiang, dzyx, yxdz, dzyj, youjian
address | .5 .85 .15 | dizhi, zhuzhi, jiatingzhuzhi, jtzz, jtdz, lxdz, xxdz, txdz, shouhuodizhi, shdz, hkszd, huji, hjdz, xzz, jzdz, zhuzhai, xiangxidizhi
address | .2 .65 .05 | lh, ldh, dyh, fjh, mph, fwdz, zdz, xqmc, loudong, menpaihao
bank_card | .75 .9 .4 | yinhangka, yinhangkahao, yhkh, yhzh, kahao, yinhangzhanghao, jfkh
bank_card | .15 .75 .1 | kaihuhang, khh, khyh, kaihuyinhang
health | .5 .8 .3 | jkz, jkzh, jiankangzheng
insurance | .5 .85 .3 | shebao, shebaohao, sbh, sbjn, ybh, ybkh, gjj, gongjijin
income | .6 .85 .3 | yfgz, sfgz, jbgz, grsds, geshui, gongzi, xinzi, shouru, xinshui, nianshouru, jbgz
plate | .85 .95 .7 | chepai, chepaihao, cph, cphm, chepaihaoma, hphm
birth_date | .7 .95 .5 | chushengriqi, csrq, csny, shengri, chusheng, chushengnianyue
gender | .6 .9 .4 | xingbie
gender | .2 .75 .1 | xb
ethnicity | .7 .9 .4 | minzu
ethnicity | .15 .7 .1 | mz
nationality | .5 .8 .3 | guoji
religion | .7 .9 .4 | zongjiao, zjxy
marital_status | .7 .9 .4 | hunyin, hunyinzhuangkuang, hyzk
family | .3 .8 .2 | guanxi, jiatingchengyuan
family | .05 .55 .05 | gx
health | .6 .85 .3 | zhenduan, guominshi, bingshi, xuexing, gms, jws, zdjg, zhengzhuang
biometric | .8 .9 .6 | zhiwen, renlian
photo | .6 .85 .3 | zhaopian, touxiang, rlzp
work | .3 .8 .2 | zhiye, gongzuodanwei, gzdw, zhiwu
education | .5 .85 .3 | xueli, xuewei, biyeyuanxiao, byyx
person_number | .5 .85 .3 | gonghao, xuehao, huiyuanhao, bingrenbianhao, jiuzhenkahao, yonghubianhao, yzbh, hybh, khbh, ygbh, hzbh, zgh
person_number | .15 .7 .1 | xh, gh, kh
password | .8 .9 .6 | mima, dlmm
social_account | .7 .9 .4 | weixin, weixinhao, wxh, qqh, weibo
free_text | .15 .65 .1 | beizhu, liuyan, pinglun, neirong, bz, yijian, bxnr, shuoming
"""  # noqa: E501

# kind | weights | last letters of an abbreviation, such as the two of yzxm (业主姓名)
_PINYIN_ENDS = """
person_name | .3 .6 .25 | xm
person_name | .3 .55 .3 | lxr, jhr, fzr, frdb, jbr, czy, skr, jsr, fkr, sqr, sjr, shr, fr
phone | .4 .6 .2 | dh, dhhm, sjhm, lxdh, sjh, lxfs
phone | .3 .5 .1 | sj
national_id | .6 .8 .5 | sfzh, sfz, sfzhm
national_id | .3 .5 .2 | zjh, zjhm
address | .3 .6 .1 | dz, zz
email | .2 .4 .1 | yx
bank_card | .3 .5 .2 | kh, yhkh, yhzh
birth_date | .3 .6 .2 | csrq, csny, sr
plate | .5 .7 .4 | cph, cphm
photo | .2 .5 .1 | zp, tx
"""

# kind | weights | Chinese words, looked for anywhere in a name or comment
_CHINESE = """
person_name | .8 .95 .8 | 姓名, 真实姓名, 联系人, 收货人, 收件人, 法人代表, 法定代表人, 监护人, 户主, 持卡人, 经办人, 紧急联系人
nickname | .6 .85 .5 | 昵称
account_name | .6 .9 .5 | 用户名, 登录名, 账号, 帐号, 登录账号
national_id | .9 .95 .8 | 身份证, 证件号, 公民身份号码, 驾驶证号, 社保号, 社会保障号
passport | .85 .95 .7 | 护照, 通行证
phone | .7 .9 .3 | 手机, 电话, 联系方式, 移动电话
phone | .9 .95 .85 | 联系人电话, 联系人手机, 收货人电话, 监护人电话
email | .75 .95 .4 | 邮箱, 电子邮件, 邮件地址
address | .4 .85 .15 | 地址, 住址, 详细地址, 门牌, 户籍, 籍贯
address | .8 .95 .4 | 家庭住址, 收货地址, 居住地
address | .1 .75 .05 | 省份, 城市, 邮编, 邮政编码, 区县
location | .5 .85 .1 | 经度, 纬度, 定位, 轨迹
bank_card | .8 .95 .45 | 银行卡, 银行账号, 卡号, 银行账户
bank_card | .2 .75 .1 | 开户行
income | .7 .9 .3 | 工资, 薪资, 收入, 薪水
plate | .85 .95 .6 | 车牌
birth_date | .8 .95 .5 | 生日, 出生
birth_date | .15 .7 .05 | 年龄
gender | .6 .9 .4 | 性别
ethnicity | .7 .9 .5 | 民族
nationality | .5 .8 .3 | 国籍
religion | .8 .9 .6 | 宗教, 信仰
marital_status | .8 .9 .6 | 婚姻
family | .3 .8 .2 | 亲属, 与户主关系, 与本人关系, 家庭成员
health | .6 .85 .3 | 诊断, 过敏, 病史, 血型, 症状, 病历, 孕
biometric | .8 .95 .6 | 指纹, 人脸, 声纹, 虹膜
photo | .5 .85 .2 | 头像, 照片
work | .3 .8 .2 | 职业, 工作单位, 职务, 职位
education | .5 .85 .3 | 学历, 学位, 毕业院校
person_number | .5 .85 .3 | 工号, 学号, 会员号, 病人编号, 就诊卡号, 员工编号
ip_address | .7 .9 .5 | IP地址, 登录IP
device | .7 .9 .4 | 设备号, 设备标识, 设备编号
password | .8 .95 .6 | 密码
credential | .5 .8 .3 | 验证码, 令牌
social_account | .7 .9 .4 | 微信, 微博, QQ号
free_text | .2 .65 .1 | 备注, 留言, 评论, 评价内容, 意见, 签名
"""  # noqa: E501

_NOT_THE_VALUE = frozenset(
    words_of(
        "is has count cnt verified confirmed type format template at on status length enabled "
        "notifications notification limit label pattern hint required show allow allowed flag "
        "flg public visible optin max min default attempts retries expires expiry changed "
        "sent version seq total rate policyid index enable kind mode"
    )
)
_OF_A_COMPANY = frozenset(
    words_of(
        "hotel airline venue restaurant clinic station airport factory facility agency "
        "library company corp vendor supplier store shop brand org mfr manufacturer hq "
        "service hotline courier product goods drug dept department hospital school bank "
        "warehouse merchant branch office item file app domain host config event tag category "
        "role group project team course generic font device table column field server class "
        "method package model plan rule"
    )
)
_COMPANY_WEAKENS = frozenset(
    {
        Kind.PERSON_NAME,
        Kind.PHONE,
        Kind.EMAIL,
        Kind.ADDRESS,
        Kind.LOCATION,
        Kind.NICKNAME,
        Kind.PHOTO,
    }
)

_PERSON_TABLES = frozenset(
    words_of(
        "user users account accounts member members customer customers client clients patient "
        "patients employee employees emp staff person people persons individual student "
        "students pupil pupils teacher teachers agent agents traveller travellers traveler "
        "travelers contact contacts subscriber subscribers applicant candidate candidates "
        "guest guests visitor visitors driver drivers passenger passengers resident residents "
        "guardian parent parents player players profile profiles buyer buyers author authors "
        "doctor doctors nurse traveler recipient recipients beneficiary donor donors citizen "
        "tenant tenants owner owners yonghu huiyuan kehu yuangong bingren xuesheng jiaoshi hz "
        "yg xs yz ry renyuan yezhu jtcy"
    )
)
_COMPANY_TABLES = frozenset(
    words_of(
        "office offices hotel hotels airline airlines venue venues restaurant restaurants "
        "clinic clinics station stations airport airports factory factories facility "
        "facilities agency agencies library libraries outlet outlets publisher publishers "
        "insurer insurers employer employers sponsor company companies vendor vendors "
        "supplier suppliers merchant merchants manufacturer brand brands organization "
        "organisation organizations org store stores shop shops branch branches hospital "
        "school warehouse partner partners carrier bank banks gongyingshang gongsi shanghu "
        "gys danwei mendian dw wbdw qiye"
    )
)
_THING_TABLES = frozenset(
    words_of(
        "product products sku category categories dept department departments role roles "
        "permission permissions tag tags level levels dict dictionary region regions area "
        "config configs drug drugs template templates migration migrations coupon "
        "coupons room rooms setting param params currency country countries city cities "
        "province goods inventory item_type type types status menu menus job jobs domain "
        "domains mimetypes keystores class classes course courses chanpin shangpin bumen "
        "zidian cs xtcs bj fl sbtz bm cp sp"
    )
)
_PERSON_TABLES_ZH = (
    "用户",
    "会员",
    "客户",
    "员工",
    "患者",
    "病人",
    "学生",
    "业主",
    "住户",
    "人员",
    "顾客",
)
_COMPANY_TABLES_ZH = ("公司", "供应商", "商家", "门店", "单位", "企业", "机构")

_ONLY_MENTIONS = frozenset(
    words_of(
        "manager mgr head approver approved appr reviewed reviewer creator created updated "
        "updater modified modifier deleted banned moderator operator assigned assignee "
        "prescriber attending doctor dr initiator invited inviter editor edited supervisor "
        "leader author_by lead agent handling verified verifier checked checker locked closed "
        "resolved salesperson rep teacher recipient receiver orderer czy shr cjr xgr spr fzr "
        "parent merged maintainer by"
    )
)

_SPLIT = re.compile(r"[^A-Za-z0-9一-鿿]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def tokens_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in small letters: split at signs and at humps of a camel."""
    return tuple(part.lower() for part in _SPLIT.split(name) if part)


def _entries(table: str) -> Iterator[Word]:
    for line in table.strip().splitlines():
        kind, weights, phrases = (part.strip() for part in line.split("|"))
        alone, person, company = (float(weight) for weight in weights.split())
        for phrase in phrases.split(","):
            yield Word(tuple(phrase.split()), Kind(kind), alone, person, company)


def _by_first(words: Iterator[Word]) -> dict[str, list[Word]]:
    table: dict[str, list[Word]] = {}
    for word in words:
        table.setdefault(word.phrase[0], []).append(word)
    return table


_TOKENS = _by_first(_entries(_ENGLISH + _PINYIN.lstrip("\n")))
_WHOLE = {"".join(w.phrase): w for w in _entries(_ENGLISH + _PINYIN.lstrip("\n"))}
_ENDS = tuple(_entries(_PINYIN_ENDS))
_SIGNS = tuple(_entries(_CHINESE))


def signs_of_name(name: str, comment: str, about: About) -> tuple[NameSign, ...]:
    """Return what a column's name and comment speak for, strongest first, one for each kind.

    Args:
        name: of the column.
        comment: of the column, may be empty.
        about: whose row it stands in, as far as is known.
    """
    tokens = tokens_of(name)
    found: dict[Kind, NameSign] = {}
    for word, rest in _matches(tokens):
        weight = word.weight(about)
        if _NOT_THE_VALUE & set(rest) or (rest and rest[-1] in ("id", "ids") and len(tokens) > 1):
            weight *= 0.15
        if word.kind is Kind.FREE_TEXT and word.phrase[-1] == "reason" and rest:
            weight *= 0.5  # Why something was done to the row, mostly chosen from a list.
        if _OF_A_COMPANY & set(rest) and word.kind in _COMPANY_WEAKENS:
            weight *= 0.25
        _keep_stronger(found, NameSign(word.kind, weight, "the name says " + " ".join(word.phrase)))
    for word in _SIGNS:
        phrase = word.phrase[0]
        for text, where, share in ((name, "name", 1.0), (comment, "comment", 0.9)):
            if phrase in text:
                # The last word is what it is: 联系人手机 is a phone, not a person.
                weight = word.weight(about) * share * (1.0 if text.endswith(phrase) else 0.85)
                _keep_stronger(found, NameSign(word.kind, weight, f"the {where} says {phrase}"))
    if comment.isascii() and comment and len(comment) < 80:
        for word, _ in _matches(tokens_of(comment)):
            weight = word.weight(about) * 0.7
            said = "the comment says " + " ".join(word.phrase)
            _keep_stronger(found, NameSign(word.kind, weight, said))
    return tuple(sorted(found.values(), key=lambda sign: -sign.weight))


def _keep_stronger(found: dict[Kind, NameSign], sign: NameSign) -> None:
    if sign.kind not in found or found[sign.kind].weight < sign.weight:
        found[sign.kind] = sign


def _matches(tokens: tuple[str, ...]) -> Iterator[tuple[Word, tuple[str, ...]]]:
    """Yield each entry that the tokens contain, with the tokens that it leaves over."""
    plain = tuple(token.rstrip("0123456789") or token for token in tokens)
    for place, token in enumerate(plain):
        for word in _TOKENS.get(token, ()):
            end = place + len(word.phrase)
            if plain[place:end] == word.phrase:
                yield word, plain[:place] + plain[end:]
    whole = "".join(plain)
    if whole in _WHOLE and len(plain) != len(_WHOLE[whole].phrase):
        yield _WHOLE[whole], ()
    last = plain[-1] if plain else ""
    if last.isascii() and not _has_english_shape(last):
        for word in _ENDS:
            if last.endswith(word.phrase[0]):
                yield word, ()


def _has_english_shape(token: str) -> bool:
    """Tell whether a token has vowels as words have; abbreviated pinyin has next to none."""
    return len(token) > 10 or sum(sign in "aeiou" for sign in token) * 4 > len(token)


def about_of_table(name: str, comment: str) -> About | None:
    """Return whom a table's name says its rows are about; None if it says nothing.

    The last word decides: ``member_level`` is no member.
    """
    tokens = [token for token in tokens_of(name) if not token.isdigit()]
    for token in reversed(tokens[-1:] or []):
        bare = token.removesuffix("xx") if len(token) > 3 else token
        for words, about in (
            (_THING_TABLES, About.NOBODY),
            (_COMPANY_TABLES, About.COMPANY),
            (_PERSON_TABLES, About.PERSON),
        ):
            if token in words or bare in words:
                return about
    if tokens[-1:] in (["info"], ["detail"], ["master"], ["base"], ["table"], ["data"], ["list"]):
        return about_of_table("_".join(tokens[:-1]), comment) if len(tokens) > 1 else None
    for text in (name, comment):
        if any(word in text for word in _COMPANY_TABLES_ZH):
            return About.COMPANY
        if any(text.removesuffix("表").removesuffix("信息").endswith(w) for w in _PERSON_TABLES_ZH):
            return About.PERSON
    return None


def says_company(column: str) -> bool:
    """Tell whether a column's name says that what it holds is a company's or a thing's."""
    return bool(_OF_A_COMPANY & set(tokens_of(column)))


def numbers_the_person(column: str, table: str) -> bool:
    """Tell whether a column is called as the number of what its table holds: ``agentCode``."""
    tokens = tokens_of(column)
    stems = {token.removesuffix("s") for token in tokens_of(table)}
    return len(tokens) == 2 and tokens[0] in stems and tokens[1] in _NUMBER_WORDS


_NUMBER_WORDS = ("no", "code", "number", "nr", "num", "ref", "sn", "bh")


def only_mentions(column: str) -> bool:
    """Tell whether a reference names a part that a person plays in another's affair."""
    return bool(_ONLY_MENTIONS & set(tokens_of(column)))
