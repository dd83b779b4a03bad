"""Who looked, what was collected, and the staff's pages that mask and raise alarms: for eyes,
keyboards, screen readers and fingers, in both languages, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.looked_at import LookedAt, looked_at
from tests.browser.test_pages_for_everybody import PHONE, WIDE, Looked
from troth_shop import accounts

OpenAs = Callable[..., Page]

PERSON = (
    "/my",
    "/my/privacy/looks",
    "/my/privacy/looks?role=self",
    "/my/privacy/looks?purpose=deliver_order&period=30d",
    "/my/privacy/looks?period=never",
    "/my/privacy/collected",
    "/my/privacy/collected?period=7d",
    "/privacy/collected",
    "/my/settings/privacy",
    "/my/data",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAt]:
    """One shop for this module; the tests that write use what only they look at."""
    with looked_at(tmp_path_factory.mktemp("looked")) as made:
        yield made


@pytest.fixture
def open_as(chromium: Browser, world: LookedAt) -> Iterator[OpenAs]:
    """Open a browser in which somebody of the world is logged in."""
    with ExitStack() as opened:

        def open_one(who: str, *, width: int = PHONE, scripts: bool = True) -> Page:
            context = chromium.new_context(
                base_url=world.address,
                locale="zh-CN",
                viewport={"width": width, "height": 844},
                reduced_motion="reduce",
                java_script_enabled=scripts,
            )
            opened.callback(context.close)
            context.add_cookies([world.cookie(who)])  # type: ignore[list-item]
            return context.new_page()

        yield open_one


@pytest.mark.promise("S-15", "S-57")
@pytest.mark.parametrize("width", [PHONE, WIDE])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_lists_have_no_fault_that_can_be_measured(
    open_as: OpenAs, language: str, width: int
) -> None:
    reader = Looked(open_as("person", width=width), language, "person")
    reader.at(PERSON, width)
    stranger = Looked(open_as("stranger", width=width), language, "stranger")
    stranger.at(("/my/privacy/looks", "/my/privacy/collected"), width)
    faults = reader.faults + stranger.faults
    assert faults == [], "\n".join(faults)


@pytest.mark.promise("S-15", "S-57")
@pytest.mark.parametrize("width", [PHONE, WIDE])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_staffs_pages_have_no_fault_that_can_be_measured(
    world: LookedAt, open_as: OpenAs, language: str, width: int
) -> None:
    case, order = f"/staff/cases/{world.case}", f"/staff/orders/{world.order}"
    pages = {
        "packer": ("/staff/orders",),
        "cashier": ("/staff/orders", f"/staff/orders/{world.awaiting}"),
        "agent": ("/staff/orders", case),
        "support": (case, order, "/staff/emergency"),
        "officer": ("/staff/alarms",),
    }
    faults: list[str] = []
    for who, paths in pages.items():
        looked = Looked(open_as(who, width=width), language, who)
        looked.at(paths, width)
        faults += looked.faults
    assert faults == [], "\n".join(faults)


@pytest.mark.promise("S-57")
def test_what_a_role_does_not_see_is_one_mark_that_a_screen_reader_explains(
    world: LookedAt, open_as: OpenAs
) -> None:
    packer, agent = open_as("packer"), open_as("agent")
    packer.goto("/staff/orders")
    masked = packer.locator("main .masked")
    expect(masked.first).to_have_text("●●●●●●此岗位不可见")
    assert len(set(masked.all_inner_texts())) == 1
    assert packer.locator(".masked [aria-hidden=true]").count() == masked.count()
    agent.goto(f"/staff/cases/{world.case}")
    cashier = open_as("cashier")
    cashier.goto(f"/staff/orders/{world.awaiting}")
    expect(cashier.locator("main .masked")).to_have_count(3)
    phone = accounts.account(world.t, world.person).phone
    expect(agent.locator(".facts")).to_contain_text(f"{phone[:3]}****{phone[-4:]}")
    assert phone not in agent.content()


@pytest.mark.promise("S-57")
def test_an_entry_is_questioned_without_javascript_and_reaches_the_officer(
    world: LookedAt, open_as: OpenAs
) -> None:
    page = open_as("person", scripts=False)
    page.goto("/my/privacy/looks?purpose=answer_support")
    entry = page.locator("li.look").last
    entry.locator("summary").click()
    entry.get_by_label("看起来没有必要").check()
    entry.get_by_role("button", name="提交疑问").click()
    expect(page.get_by_role("status")).to_contain_text("你的疑问已记录")
    expect(page.locator("li.look").last).to_contain_text("你已提出疑问")
    assert "purpose=answer_support" in page.url
    officer = open_as("officer")
    officer.goto("/staff/alarms")
    row = officer.locator("[id^=report-]").first
    expect(row).to_contain_text("顾客认为这次查看没有必要")
    expect(row).to_contain_text("客服答复")


@pytest.mark.promise("S-57")
def test_a_broken_glass_is_marked_for_the_person_and_tells_no_name(
    world: LookedAt, open_as: OpenAs
) -> None:
    page = open_as("person")
    page.goto("/my")
    expect(page.get_by_role("status")).to_contain_text("有店员紧急查看过你的信息")
    page.get_by_role("link", name="查看详情，也可以提出疑问").click()
    glass = page.locator("li.look-glass")
    expect(glass).to_have_count(1)
    expect(glass).to_contain_text("紧急查看")
    shown = page.content()
    assert not [name for name in ("孙悦", "赵云", "李静", "过敏原") if name in shown]
    stranger = open_as("stranger")
    stranger.goto("/my")
    expect(stranger.get_by_role("status")).to_have_count(0)


@pytest.mark.promise("S-57")
def test_an_emergency_is_asked_for_looked_at_and_alarmed(world: LookedAt, open_as: OpenAs) -> None:
    page = open_as("support")
    page.goto(f"/staff/orders/{world.order}")
    page.get_by_role("link", name="紧急查看").last.click()
    expect(page.get_by_label("工单号或订单号")).to_have_value(world.order)
    page.get_by_label("为什么必须现在查看").fill("打电话给 13700000000 说清楚情况")
    page.get_by_role("button", name="查看并报警").click()
    expect(page.get_by_text("不要写任何人的号码或地址").first).to_be_visible()
    assert len(world.t.alarms()) == 1
    page.get_by_label("为什么必须现在查看").fill("配送车起火，要马上通知收货人不要等候")
    page.get_by_role("button", name="查看并报警").click()
    expect(page.locator("main")).to_contain_text("杭州市西湖区某路")
    page.set_viewport_size({"width": WIDE, "height": 844})
    Looked(page, "zh-CN", "support")._picture("/staff/emergency/seen", WIDE)
    page.set_viewport_size({"width": PHONE, "height": 844})
    Looked(page, "zh-CN", "support")._picture("/staff/emergency/seen", PHONE)
    assert [alarm.look.case_id for alarm in world.t.alarms()] == [world.order, world.case]
    officer = open_as("officer")
    officer.goto("/staff/alarms")
    expect(officer.locator(".alarm").first).to_contain_text("配送车起火")
    expect(officer.locator(".alarm").first).to_contain_text("孙悦")


@pytest.mark.promise("S-57")
@pytest.mark.parametrize("who", ["packer", "cashier"])
def test_who_may_not_break_the_glass_is_not_offered_it(
    world: LookedAt, open_as: OpenAs, who: str
) -> None:
    page = open_as(who)
    before = len(world.t.alarms())
    for path in ("/staff/emergency", "/staff/alarms", f"/staff/cases/{world.case}"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("link", name="紧急查看")).to_have_count(0)
    assert len(world.t.alarms()) == before


def test_a_list_is_printed_without_its_controls(open_as: OpenAs) -> None:
    page = open_as("person", width=WIDE)
    page.emulate_media(media="print")
    for path in ("/my/privacy/looks", "/my/privacy/collected", "/privacy/collected"):
        page.goto(path)
        for control in (".filter", ".tabs", ".periods", ".question", ".top nav", ".foot"):
            assert page.locator(control).locator("visible=true").count() == 0, (path, control)
        assert page.locator(".card").locator("visible=true").count() > 0
