"""A small sound policy to bend, and a deployment of it to work with.

The policy is text, as people write it, so that a test changes one line of it and sees which line a
finding names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.conftest import TestDatabase
from troth import Answer, Troth
from troth.adapters.clock import SetClock
from troth.adapters.ids import CountedIds
from troth.adapters.keys import MemoryKeys
from troth.adapters.sources import LAW, with_law
from troth.core.compile import COMMITMENTS, CONTROLS, Compiled, PolicySources, compile_policy
from troth.core.diff import PolicyDiff, compare
from troth.core.policy import Policy
from troth.store.db import Database
from troth.store.migrate import migrate

ZH, EN = "zh-CN.md", "en.md"
NOW = 1_800_000_000_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
LOG = "test.example/log"

LAW_TEXT = """\
name: test-law
jurisdiction: CN
provisions:
  under_14: {value: 14, unit: age, source: a test, mark: rec}
  answer: {value: 15, unit: working_days, source: a test, mark: rec}
  quick_answer: {value: 2, unit: days, source: a test, mark: rec}
  records: {value: 3, unit: years, source: a test, mark: rec}
"""

_HEAD = """\
# A comment that changes nothing.
policy:
  id: tiny
  version: "1.0"
  published: 2026-01-01
  effective: 2026-01-02
  binding_language: zh-CN
  languages: [zh-CN, en]
  law_profile: test-law
  jurisdiction: CN
  minimum_age: under_14
  summary: {zh-CN: 摘要, en: A summary}
controller:
  name: {zh-CN: 测试公司, en: Test Company}
  address: {zh-CN: 某市某路 1 号, en: 1 Some Road}
  registration: "913300"
  phone: 0571-0000-0001
  email: privacy@tiny.example
  officer: {zh-CN: 负责人, en: The officer}
  hotline_hours: {zh-CN: 每天, en: every day}
storage:
  shop_db:
    entity: {zh-CN: 测试公司, en: Test Company}
    region: CN
    place: {zh-CN: 机房, en: The server room}
  phone_only:
    entity: {zh-CN: 你自己, en: You}
    region: device
    place: {zh-CN: 你的设备, en: Your device}
retention:
  life:
    period: P2Y
    starts: {zh-CN: 最后一次登录, en: your last log-in}
    at_end: delete
    words: {zh-CN: "登录后 {period}", en: "{period} after your last log-in"}
    law: ""
  short:
    period: P30D
    starts: {zh-CN: 核对完成, en: the end of the check}
    at_end: delete
    words: {zh-CN: "核对后 {period}", en: "{period} after the check"}
    law: ""
  never:
    period: PT0S
    starts: {zh-CN: 用完, en: the end of the use}
    at_end: delete
    words: {zh-CN: 不保存, en: not kept}
    law: ""
"""

ASSESSMENTS = """\
assessments:
  proof_check:
    purposes: [check_proof]
    grounds: [sensitive]
    categories: [proof]
    made: 2025-12-30
    valid_for: P2Y
    outcome: may_start
    signed_by: desk
    necessity: {zh-CN: 对上付款, en: It matches the payment}
    risks:
      fraud:
        risk: {zh-CN: 有人冒充, en: Somebody poses as you}
        measures: {zh-CN: 加密保存, en: It is encrypted}
        controls: [kept]
  parcel:
    purposes: [ship_parcel]
    grounds: [given_to_others]
    recipients: [carrier]
    made: 2025-12-31
    review_by: 2027-12-31
    outcome: may_start
    signed_by: desk
    necessity: {zh-CN: 没有地址送不到, en: No parcel arrives without it}
    risks:
      other_use:
        risk: {zh-CN: 用于推销, en: It serves selling}
        measures: {zh-CN: 合同限定用途, en: The contract limits it}
        controls: []
"""

_TAIL = """\
recipients:
  carrier:
    name: {zh-CN: 快递公司, en: The Carrier}
    contact: 0571-0000-0002
    role: third_party
    fields: [street]
    way: {zh-CN: 发一次, en: sent once}
    region: CN
    contract_end: 2028-01-01
permissions:
  camera:
    title: {zh-CN: 相机, en: Camera}
    why: {zh-CN: 扫码, en: To scan}
    stays: {zh-CN: 只在设备上, en: On the device}
    if_refused: {zh-CN: 手动输入, en: Type it}
    how_in_browser: {zh-CN: 网站设置, en: The site settings}
    browser_feature: camera
    purposes: [scan_code]
    clause: scanning
roles:
  desk:
    title: {zh-CN: 前台, en: Desk}
    sees:
      mobile: [keep_account]
      street: [ship_parcel]
      proof: [check_proof]
      orders: [keep_books]
  nobody:
    title: {zh-CN: 没有人, en: Nobody}
    sees:
      frames: [scan_code]
"""

_CHANNELS = """\
channels:
  page:
    kind: complaint
    title: {zh-CN: 投诉页, en: Complaint page}
    address: /help
    clock: answer
  inbox:
    kind: notice
    title: {zh-CN: 收件箱, en: Inbox}
    address: /inbox
    clock: ""
  board:
    kind: notice
    title: {zh-CN: 公告, en: Notice board}
    address: /notices
    clock: ""
  office:
    kind: authority
    title: {zh-CN: 主管部门, en: The authority}
    address: "12377"
    clock: ""
"""

_RIGHTS = [
    "access",
    "copy",
    "transfer",
    "correct",
    "delete",
    "restrict",
    "withdraw",
    "explain",
    "automated_decisions",
    "deceased",
    "cancel_account",
    "complain",
]

_CATEGORIES = {  # id: (sensitive, sealed, retention, storage)
    "mobile": ("false", "true", "life", "shop_db"),
    "street": ("false", "true", "life", "shop_db"),
    "proof": ("true", "true", "short", "shop_db"),
    "orders": ("false", "false", "life", "shop_db"),
    "frames": ("false", "false", "never", "phone_only"),
}

PURPOSES: Mapping[str, str] = {  # id: what differs from the other purposes
    "keep_account": "contract; act: register; categories: {mobile: necessary}; clause: account",
    "keep_books": (
        "legal_obligation; act: order; categories: {orders: necessary}; "
        "under_restriction: true; clause: books"
    ),
    "scan_code": (
        "consent; categories: {frames: necessary}; device: camera; valid_for: P1Y; "
        "visitors: true; clause: scanning"
    ),
    "send_news": "consent; categories: {mobile: necessary}; clause: news",
    "ship_parcel": (
        "consent; consent: separate; categories: {street: necessary}; recipients: [carrier]; "
        "impact: {zh-CN: 快递会知道地址, en: The carrier learns it}; clause: shipping"
    ),
    "check_proof": (
        "consent; consent: separate; categories: {proof: necessary}; "
        "impact: {zh-CN: 含账号, en: It shows an account}; clause: proving"
    ),
}

CLAUSES = ("policy", "account", "books", "scanning", "news", "shipping", "proving", "tables")


def _words(name: str) -> str:
    spoken = name.replace("_", " ")
    return f"{{zh-CN: 关于{name}的话, en: Words about {spoken}}}"


def _categories() -> Iterator[str]:
    yield "categories:"
    for name, (sensitive, sealed, retention, storage) in _CATEGORIES.items():
        yield f"  {name}:"
        yield f"    title: {_words(name)}"
        yield f"    pii_type: dpv-pd:{name.title()}"
        yield f"    sensitive: {sensitive}"
        yield f"    sealed: {sealed}"
        yield f"    retention: {retention}"
        yield f"    storage: [{storage}]"


def _purposes() -> Iterator[str]:
    yield "purposes:"
    for name, differing in PURPOSES.items():
        basis, *rest = differing.split("; ")
        yield f"  {name}:"
        yield f"    title: {_words(name)}"
        yield f"    why: {{zh-CN: 为了{name}, en: Because of {name}}}"
        yield f"    lawful_basis: {basis}"
        yield '    basis_source: "PIPL 13 [L]"'
        yield f"    collection_method: {{zh-CN: 你填写{name}, en: You type {name}}}"
        if "recipients:" not in differing:
            yield "    recipients: []"
        yield f"    if_refused: {{zh-CN: 不影响其他{name}, en: Nothing else changes for {name}}}"
        yield f"    frequency: {{zh-CN: 每次一回{name}, en: Once per use of {name}}}"
        yield from (f"    {line}" for line in rest)


def _rights() -> Iterator[str]:
    yield "rights:"
    for name in _RIGHTS:
        yield f"  {name}:"
        yield f"    title: {_words(name)}"
        yield f"    path: /my/{name}"
        yield f"    how: {_words(name)}"
        yield "    clock: answer"
        yield "    control: kept"


def _bindings() -> Iterator[str]:
    yield "clauses:"
    for name in CLAUSES:
        yield f"  {name}:"
        yield "    promises: []"
        yield "    controls: [kept]"


_CONTROLS_TEXT = """\
kept:
  status: built
  summary: Kept by the compiler.
  kept_by: troth.core.compile.compile_policy
planned:
  status: pending
  summary: Not built yet.
  issue: later
attitude:
  status: not_testable
  summary: An attitude.
"""


def _prose(language: str) -> str:
    said = {"zh-CN": "这一条说的是{}。", "en": "This clause is about {}."}[language]
    lines: list[str] = []
    for name in CLAUSES:
        lines += [f"## {name} {{#{name}}}", "", said.format(name), ""]
    tables = ("permissions", "purposes", "categories", "retention", "recipients", "rights")
    lines += [
        f"{{{{table:{name}}}}}\n"
        for name in (*tables, "storage", "roles", "channels", "assessments", "risks")
    ]
    return "\n".join([*lines, "{{law:answer}} {{controller:name}} {{policy:version}}", ""])


def _commitments() -> str:
    parts = (_categories, _purposes, _rights, _bindings)
    categories, purposes, rights, bindings = ("\n".join(part()) + "\n" for part in parts)
    return _HEAD + categories + purposes + ASSESSMENTS + _TAIL + rights + _CHANNELS + bindings


@dataclass(frozen=True)
class Draft:
    """Policy files as text; each change returns another draft."""

    files: Mapping[str, str]
    law: str = LAW_TEXT

    def change(self, old: str, new: str, *, file: str = COMMITMENTS, at: str = "") -> Draft:
        """Replace the first ``old`` after the text ``at``; it must be there."""
        text = self.files[file]
        start = text.index(at) if at else 0
        place = text.index(old, start)
        changed = text[:place] + new + text[place + len(old) :]
        assert changed != text
        return replace(self, files={**self.files, file: changed})

    def of(self, section: str, name: str, old: str, new: str) -> Draft:
        """Replace ``old`` inside the entry ``name`` of a section of the commitments."""
        text = self.files[COMMITMENTS]
        start = text.index(f"\n  {name}:\n", text.index(f"\n{section}:\n") + 1)
        return self.change(old, new, at=text[start : start + 400])

    def says(self, clause: str, text: str, *, file: str = EN) -> Draft:
        """Replace the sentence of one clause."""
        whole = self.files[file]
        start = whole.index(f"{{#{clause}}}") + len(f"{{#{clause}}}")
        end = whole.find("\n## ", start)
        end = len(whole) if end < 0 else end
        return replace(
            self, files={**self.files, file: f"{whole[:start]}\n\n{text}\n{whole[end:]}"}
        )

    def without(self, file: str) -> Draft:
        """Leave out a file."""
        return replace(self, files={k: v for k, v in self.files.items() if k != file})

    def version(self, version: str) -> Draft:
        """Give the draft another version number."""
        return self.change('version: "1.0"', f'version: "{version}"')

    def line_of(self, words: str, *, file: str = COMMITMENTS, at: str = "") -> int:
        """Return the number of the first line that holds ``words`` after the text ``at``."""
        text = self.files[file]
        place = text.index(words, text.index(at) if at else 0)
        return text.count("\n", 0, place) + 1

    @property
    def sources(self) -> PolicySources:
        return PolicySources(self.files, self.law, "tiny")

    def compiled(self) -> Compiled:
        return compile_policy(self.sources)

    def policy(self) -> Policy:
        return self.compiled().require()

    def write(self, folder: Path) -> Path:
        """Write the files, and the law profile that they are under, into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in {**self.files, LAW: self.law}.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder


def draft() -> Draft:
    """Return the small sound policy: two purposes on an act, two on consent, two on separate."""
    prose = {ZH: _prose("zh-CN"), EN: _prose("en")}
    return Draft({COMMITMENTS: _commitments(), CONTROLS: _CONTROLS_TEXT, **prose})


NEW_RECIPIENT = """\
  insurer:
    name: {zh-CN: 保险公司, en: The Insurer}
    contact: 0571-0000-0003
    role: third_party
    fields: [street]
    way: {zh-CN: 发一次, en: sent once}
    region: CN
    contract_end: 2028-01-01
permissions:
"""


def with_insurer(base: Draft) -> Draft:
    """Return ``base`` with a second recipient of ``ship_parcel``."""
    return base.change("recipients: [carrier]", "recipients: [carrier, insurer]").change(
        "permissions:\n", NEW_RECIPIENT
    )


def difference(old: Draft, new: Draft) -> PolicyDiff:
    """Return what changed between two drafts."""
    return compare(old.policy(), new.policy())


@dataclass
class Deployment:
    """One `Troth` on a database, with its clock in hand and its policy published."""

    troth: Troth
    clock: SetClock
    database: TestDatabase
    folder: Path

    def person(self, **facts: bool) -> str:
        return self.troth.add_person(**facts)

    def say(self, person: str, purpose: str, answer: Answer, **how: object) -> str:
        """Show one purpose to a person and record the answer; return the event id."""
        token = self.troth.show(purpose, person=person, surface="/test").token
        return self.troth.answer(person, purpose, answer, token, **how)  # type: ignore[arg-type]

    def give(self, person: str, *purposes: str) -> None:
        """Answer yes, or do the act, for each purpose."""
        for purpose in purposes:
            optional = self.troth.policy.purposes[purpose].optional  # type: ignore[index]
            self.say(person, purpose, Answer.GIVE if optional else Answer.ACT)

    def reasons(self, person: str) -> dict[str, str]:
        """Return {purpose: reason} for one person."""
        return {p: self.troth.decide(person, p).reason.value for p in PURPOSES}

    def publish(self, made: Draft) -> None:
        self.troth.publish(made.write(self.folder / "policy"))

    def counts(self) -> dict[str, int]:
        return count_rows(self.troth)


TABLES = (
    "troth_person",
    "troth_consent_event",
    "troth_consent_state",
    "troth_outbox",
    "troth_policy_version",
    "troth_policy_head",
    "troth_use",
    "troth_leaf",
    "troth_checkpoint",
)


def count_rows(troth: Troth) -> dict[str, int]:
    """Return how many rows each table has, as the application sees them."""
    with troth.reading() as connection:
        return {
            name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
            for name in TABLES
        }


def set_up(database: TestDatabase) -> None:
    """Migrate the database as its owner."""
    migrate(database.owner_url, app_role=database.app_role)


def open_troth(database: TestDatabase, clock: SetClock, *, seed: str = "test") -> Troth:
    """Open a `Troth` on a migrated database; another seed gives other ids."""
    return Troth(
        Database(database.app_url),
        MemoryKeys(LOG),
        clock=clock,
        ids=CountedIds(seed),
        log=database.folder / "log",
        checkpoints=database.folder / "outside" / "checkpoints.log",
    )


@contextmanager
def deployed(database: TestDatabase, made: Draft | None = None) -> Iterator[Deployment]:
    """Migrate unless that was done, open and publish; close at the end."""
    if not database.migrated:
        set_up(database)
    clock = SetClock(NOW)
    troth = open_troth(database, clock)
    try:
        here = Deployment(troth, clock, database, database.folder)
        here.publish(made or draft())
        yield here
    finally:
        troth.close()


def recompile(files: Mapping[str, str]) -> Compiled:
    """Compile the files of a stored version, as the application does."""
    return compile_policy(with_law(files))
