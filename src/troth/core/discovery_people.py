"""Names and postal addresses in Chinese and English, decided for a column rather than a value.

One value says little: 白菜 begins with a surname, and 江门 is a city. Many values together say
much, because surnames and given names are few and are spread as they are among people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from troth.core.discovery_kinds import words_of

# The hundred most frequent surnames of the census, most frequent first.
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
    "苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史"
    "顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文肖闫尤鲁葛倪严殷詹申欧耿关兰焦俞左柳甘祝"
)
_TWO_SIGN_SURNAMES = (
    "欧阳",
    "司马",
    "上官",
    "诸葛",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "司徒",
    "夏侯",
    "令狐",
)
_COMMON_SURNAMES = frozenset(_SURNAMES[:40])
_ALL_SURNAMES = frozenset(_SURNAMES)
# Characters that given names are made of; few of them stand in the names of goods or offices.
_GIVEN = frozenset(
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰文博子涵雨欣浩然梓轩建国志婷红"
    "梅琳云莲真环雪荣爱妹香月莺媛瑞凡佳嘉琼勤珍贞莉娣叶璧璐娅琦晶妍茜秋珊莎锦黛青倩"
    "怡婵雁蓓纨仪荷丹蓉眉君琴蕊薇菁梦岚苑婕馨瑗琰韵融园艺咏卿聪澜纯毓悦昭冰爽琬茗羽希"
    "宁飘育滢馥筠柔竹霭凝晓欢霄枫芸菲寒伊亚宜可姬舒影荔枝思丽辉光天达安岩中茂进林有坚"
    "和彪诚先敬震振壮会思群豪心邦承乐绍功松善厚庆民友裕河哲江浩亮政谦亨奇固之轮翰朗伯"
    "宏言若鸣朋斌梁栋维启克伦翔旭鹏泽晨辰士以家致树炎德行时泰盛雄琛钧冠策腾楠榕风航弘"
    "峰东海春龙凤鑫宇诗琪俊凯雯萍燕慧颖洁欣彤依萱睿佑宸皓煜一诺沐阳晴睿语桐"
)
_ZH_NAME = re.compile(r"[㐀-鿿]{2,4}(?:·[㐀-鿿]{1,8})?")
_NOT_IN_NAMES = re.compile(
    "公司|有限|中心|集团|银行|医院|学校|大学|超市|商店|部门|店|厂|费|券|卡$|会员|优惠|产品|"
    "状态|处理|确认|取消|通知|活动|[市县区省镇乡路]$|未知|测试|系统|管理员"
)

_FIRST_NAMES = frozenset(
    words_of(
        "james mary john patricia robert jennifer michael linda william elizabeth david "
        "barbara richard susan joseph jessica thomas sarah charles karen christopher nancy "
        "daniel lisa matthew betty anthony margaret mark sandra donald ashley steven kimberly "
        "paul emily andrew donna joshua michelle kenneth carol kevin amanda brian melissa "
        "george deborah edward stephanie ronald rebecca timothy sharon jason laura jeffrey "
        "cynthia ryan kathleen jacob amy gary angela nicholas shirley eric anna jonathan ruth "
        "stephen brenda larry pamela justin nicole scott katherine brandon samantha benjamin "
        "christine samuel emma gregory catherine frank virginia alexander debra raymond "
        "rachel patrick janet jack carolyn dennis maria jerry heather tyler diane aaron julie "
        "jose joyce adam victoria nathan kelly henry christina douglas lauren zachary joan "
        "peter evelyn kyle olivia walter judith ethan megan jeremy cheryl harold martha keith "
        "andrea christian hannah roger jacqueline noah gloria gerald teresa carl ann terry "
        "sara sean madison arthur janice austin kathryn lawrence jean jesse alice dylan bryan "
        "doris joe abigail jordan julia billy grace bruce bob tom jim alan ben sam max leo "
        "lucas oliver liam mia sophie charlotte amelia isabella lily chloe ella lucy zoe "
        "carlos juan luis miguel pedro sofia ana carmen pablo jorge diego fernando lucia "
        "marta hans klaus stefan anja petra jan sven lars ingrid olga ivan dmitri sergei "
        "natalia tatiana elena pierre jacques marie claire luc camille giulia marco luca "
        "paolo francesca mohammed ahmed ali omar fatima aisha hassan youssef leila ibrahim "
        "kenji hiroshi yuki akira sakura haruto wei li ming jing hui fang lei yan hong xin "
        "min priya raj amit anil sunita rahul arjun deepa sanjay kim park minh thi nguyen "
        "kwame chinedu amara adaeze nia sipho"
    )
)
_FAMILY_NAMES = frozenset(
    words_of(
        "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez "
        "lopez gonzalez wilson anderson thomas taylor moore jackson martin lee perez thompson "
        "white harris sanchez clark ramirez lewis robinson walker young allen king wright "
        "scott torres nguyen hill flores green adams nelson baker hall rivera campbell "
        "mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins "
        "reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan cooper "
        "peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez "
        "wood james bennett gray mendoza ruiz hughes price alvarez castillo sanders patel "
        "myers long ross foster jimenez powell jenkins perry russell sullivan bell coleman "
        "butler henderson barnes fisher vasquez simmons romero jordan patterson alexander "
        "hamilton graham reynolds griffin wallace west cole hayes bryant singh sharma kumar "
        "gupta khan ali ahmed hassan wang li zhang liu chen yang huang zhao wu zhou xu sun ma "
        "zhu hu guo he lin gao luo tanaka suzuki sato watanabe yamamoto nakamura kobayashi "
        "muller schmidt schneider fischer weber meyer wagner becker hoffmann ivanov petrov "
        "smirnov kowalski nowak rossi russo ferrari silva santos oliveira souza andersson "
        "johansson lindqvist hansen nielsen jensen okafor mensah haddad cohen levy dubois "
        "moreau laurent"
    )
)
_EN_NAME = re.compile(r"[A-Z][\w'’.-]*(?:(?:,? |/)[A-Z][\w'’.-]*){0,4}")
_EN_COMPANY = re.compile(
    r"\b(?:inc|llc|ltd|limited|corp|corporation|company|gmbh|group|hotel|inn|palace|resort|airlines?|airport|school|restaurant|bank|university|hospital|clinic|"
    r"pharma|labs?|medical|solutions|systems|foundation|s\.?a|plc|& sons|partners|holdings)\b",
    re.IGNORECASE,
)
_ZH_COMPANY = re.compile(
    "公司|集团|商行|事务所|合作社|经营部|工厂|[厂社所行店院局]$|中心$|大学$|学校$"
)

_ZH_REGION = re.compile("省|市|自治区|[一-鿿]{1,4}[区县镇乡旗]")
_ZH_SPOT = re.compile(
    "[路街巷弄道村组里园苑城庄寓厦区广场][一-鿿]{0,6}[0-9０-９一二三四五六七八九十]|"
    "[0-9０-９一二三四五六七八九十]+ ?(?:号|幢|栋|弄|楼|室|单元|组|座|层|#)"
)
_EN_WAY = re.compile(
    r"^(?:(?:apt|unit|flat|suite|#)\.? ?\w+,? )?[0-9]+[A-Za-z]?(?:[-/][0-9]+)? .*\b(?:street|st|"
    r"road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|way|terrace|square|sq|highway|"
    r"hwy|crescent|close|parkway|pkwy)\b|\bP\.? ?O\.? Box [0-9]+|"
    r"^[\w .-]+(?:stra(?:ß|ss)e|weg|gasse|platz) [0-9]+",
    re.IGNORECASE,
)


def is_name_zh(value: str) -> bool:
    """Tell whether a value could be the name of a Chinese person by its surname and length."""
    if not _ZH_NAME.fullmatch(value) or _NOT_IN_NAMES.search(value):
        return False
    if value[:2] in _TWO_SIGN_SURNAMES:
        return 3 <= len(value) <= 4
    return value[0] in _ALL_SURNAMES and len(value) <= 3


def is_name_en(value: str) -> bool:
    """Tell whether a value could be the name of a person in Latin letters, whole or in part."""
    if not _EN_NAME.fullmatch(value) or is_company_name(value):
        return False
    words = [word.strip(".,").lower() for word in re.split(r"[ ,/]+", value)]
    if len(words) == 1:
        return words[0] in _FIRST_NAMES or words[0] in _FAMILY_NAMES
    return any(w in _FIRST_NAMES for w in words) or words[-1] in _FAMILY_NAMES


def is_company_name(value: str) -> bool:
    """Tell whether a value names a company or an office."""
    return bool(_EN_COMPANY.search(value) or _ZH_COMPANY.search(value))


def is_street_address(value: str) -> bool:
    """Tell whether a value says where a house or a flat is, in Chinese or in English."""
    if _EN_WAY.search(value):
        return True
    spots = len(_ZH_SPOT.findall(value))
    return spots >= 2 or (spots == 1 and bool(_ZH_REGION.search(value)))


def share_of_names(values: Sequence[str]) -> float:
    """Return which share of a column's values are names of people, 0 if the whole speaks against.

    Chinese names must be spread as names are: among the frequent surnames, with given names made
    of their characters, and of more than one surname; goods such as 金针菇 fail that.
    """
    values = [value.strip() for value in values]
    if not values:
        return 0.0
    chinese = [value for value in values if is_name_zh(value)]
    if len(chinese) * 2 > len(values):
        distinct = set(chinese)
        common = sum(value[0] in _COMMON_SURNAMES for value in distinct) / len(distinct)
        signs = [sign for value in distinct for sign in value[1:]]
        given = sum(sign in _GIVEN for sign in signs) / len(signs)
        surnames = len({value[0] for value in distinct})
        if common < 0.5 or given < 0.6 or (len(distinct) >= 5 and surnames < 3):
            return 0.0
        return len(chinese) / len(values)
    english = [value for value in values if is_name_en(value)]
    return (len(chinese) + len(english)) / len(values)
