"""The device permissions a policy describes, row by row, however it lays them out.

A row is a sub-heading with its paragraphs, a list item or a table row that names a device
permission and stands where the text speaks of permissions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from troth.core.lint.document import Block, Document, Kind, fold
from troth.core.lint.words import Words, either


@dataclass(frozen=True, slots=True)
class Device:
    """A permission as policies name it.

    Args:
        name: stable, English.
        words: how a row names it.
        instead: the way that needs no permission; empty where there is none.
        done_so: words that say the row already takes that way.
    """

    name: str
    words: Words
    instead: str = ""
    done_so: Words | None = None


DEVICES = (
    Device("camera", either(en=r"\bcameras?\b", zh=r"相机|摄像头|拍照|照相")),
    Device("microphone", either(en=r"\bmicrophones?\b|\brecord audio\b", zh=r"麦克风|录音")),
    Device("location", either(en=r"\blocations?\b|\bgps\b", zh=r"位置|定位")),
    Device("contacts", either(en=r"\bcontacts\b|\baddress book\b", zh=r"通讯录|联系人")),
    Device("calendar", either(en=r"\bcalendars?\b", zh=r"日历")),
    Device("sms", either(en=r"\bsms\b", zh=r"短信")),
    Device("bluetooth", either(en=r"\bbluetooth\b", zh=r"蓝牙")),
    Device("notifications", either(en=r"\bnotifications?\b", zh=r"通知权限|推送权限|消息通知")),
    Device("photo album", either(en=r"\bphoto (?:album|librar)\w*|\bgallery\b", zh=r"相册|图库")),
    Device(
        "network state",
        either(
            en=r"\b(?:mobile )?network (?:information|status|state|access)\b",
            zh=r"网络(?:信息|状态|访问)|访问网络|移动网络",
        ),
    ),
    Device(
        "phone state",
        either(
            en=r"\b(?:call|phone|telephone) (?:stat(?:us|e))\b|\bread_phone_state\b",
            zh=r"(?:通话|电话)状态|手机状态|read_phone_state",
        ),
        "network state needs no permission; ask the system's network interface for online or "
        "offline",
        either(en=r"\bnetwork (?:interface|api)\b", zh=r"网络接口"),
    ),
    Device(
        "call",
        either(
            en=r"\bmak(?:e|ing) (?:a )?(?:phone )?calls?\b|\b(?:phone|direct) calls?\b|"
            r"\bcall_phone\b|\bdial(?:ling|ing)?\b",
            zh=r"拨打电话|打电话|拨号|直接呼叫|call_phone",
        ),
        "a dial link opens the telephone with the number filled in",
        either(
            en=r"\bdial(?:ling|er)? (?:link|screen|pad)\b|\btel: ?link",
            zh=r"拨号(?:界面|盘|链接|页面)",
        ),
    ),
    Device(
        "storage",
        either(
            en=r"\b(?:memory|sd) cards?\b|\b(?:external|device|file|phone|local) storage\b|"
            r"\bstorage permission|^storage\b(?! of)|\bread(?:ing)?(?: and |/)writ\w+",
            zh=r"存储(?:卡|空间|权限)|^存储$|读写|sd卡|内存卡|文件(?:读写|访问)",
        ),
        "the system's file or photo picker hands over only what the person chooses",
        either(en=r"\bpicker\b", zh=r"(?:文件|照片|图片|相册)选择器|系统选择"),
    ),
    Device(
        "device identifier",
        either(
            en=r"\bdevice (?:information|identifiers?|ids?)\b|\bimei\b|"
            r"\bunique (?:device )?identifiers?\b|\bmac address",
            zh=r"设备(?:信息|标识|识别|id)|imei|唯一标识|mac地址|android_?id|oaid",
        ),
        "a random identifier of the application's own, which the person can reset",
        either(en=r"\b(?:resettable|random)\b", zh=r"可重置|随机"),
    ),
    Device(
        "clipboard",
        either(en=r"\bclipboards?\b|\bpasteboard\b", zh=r"剪[贴切]板|粘贴板"),
        "the paste event hands over what the person pastes",
        either(
            en=r"\bpaste (?:event|gesture|action)\b|\bwhen you (?:press|tap|click|"
            r"choose) paste\b|\bonly (?:when|after) you paste\b",
            zh=r"粘贴(?:事件|操作|手势|动作)|(?:点击|按下|选择)[“「]?粘贴",
        ),
    ),
)
"""Table of W205; the list of ways without permission is our own engineering advice [rec]."""

_ABOUT_PERMISSIONS = either(
    en=r"\b(?:device|system|app(?:lication)?|following|these|what|which|necessary|"
    r"phone) permissions?\b|\bpermissions\b",
    zh=r"权限",
)
_NAME_END = re.compile(r"[:：|\t]|\s[-–—]+\s|[(（]|[。.;；](?:\s|$)|，|,")
_LONGEST_NAME = 70


@dataclass(frozen=True, slots=True)
class PermissionRow:
    """One permission as described: its name, all its words, the sentences they stand in."""

    block: int
    name: str
    devices: tuple[Device, ...]
    words: str
    """Folded: name and description."""
    purpose: str
    """Folded: the description alone."""
    scope: frozenset[int]
    """Indexes of the sentences that speak for all rows of the section."""


def permission_rows(document: Document) -> Iterator[PermissionRow]:
    """Yield the rows in the order of the text."""
    for section in _permission_sections(document):
        scope = frozenset(
            index
            for index in document.own(section)
            if document.sentences[index].kind is Kind.PARAGRAPH
        )
        for number in document.blocks_within(section):
            row = _row(document, number, document.blocks[number], section, scope)
            if row is not None:
                yield row


def _permission_sections(document: Document) -> list[int]:
    """Return the outermost sections whose heading or own paragraphs speak of permissions."""
    found: list[int] = []
    covered: set[int] = set()
    speaking = {
        document.sentences[i].section
        for i in document.which(_ABOUT_PERMISSIONS)
        if document.sentences[i].kind in (Kind.HEADING, Kind.PARAGRAPH)
    }
    for section in document.sections:
        if section.index not in covered and section.index in speaking:
            found.append(section.index)
            covered |= document.within(section.index)
    return found


def _row(
    document: Document, number: int, block: Block, section: int, scope: frozenset[int]
) -> PermissionRow | None:
    if block.kind is Kind.PARAGRAPH or (block.kind is Kind.HEADING and block.section == section):
        return None
    name = _name_of(block)
    devices = tuple(device for device in DEVICES if name and device.words.search(fold(name)))
    if not devices:
        return None
    if block.kind is Kind.HEADING:
        under = [i for i in document.own(block.section) if document.sentences[i].block != number]
        purpose = " ".join(document.sentences[i].folded for i in under)
    else:
        purpose = fold(block.text[len(name) :])
    words = f"{fold(name)} {purpose}"
    return PermissionRow(
        block=number, name=name, devices=devices, words=words, purpose=purpose, scope=scope
    )


def _name_of(block: Block) -> str:
    if block.kind is Kind.ROW:
        return block.text[: block.name_end]
    if block.kind is Kind.HEADING:
        return block.text
    end = _NAME_END.search(block.text)
    name = block.text[: end.start()] if end else block.text
    return name if len(name) <= _LONGEST_NAME else ""
