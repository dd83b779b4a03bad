"""The diff: a typo asks nobody, a change that matters asks those it touches and no one else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.assessments import without_assessments
from tests.builders import ASSESSMENTS, EN, PURPOSES, ZH, Draft, difference, draft, with_insurer
from troth.core.diff import Change
from troth.core.word_change import ChangeClass, word_change

SOUND = draft()
LATER = SOUND.version("1.1")
OPTIONAL = {"scan_code", "send_news", "ship_parcel", "check_proof"}
BY_MOBILE = {"keep_account", "send_news"}
BY_LIFE = {"keep_account", "send_news", "ship_parcel", "keep_books"}

EDITORIAL, MINOR, MATERIAL = ChangeClass


def only(old: Draft, new: Draft) -> Change:
    (change,) = difference(old, new).changes
    return change


def test_a_new_version_number_alone_changes_nothing() -> None:
    diff = difference(SOUND, LATER.change("published: 2026-01-01", "published: 2026-01-02"))
    assert diff.changes == ()
    assert (diff.change_class, diff.required_action) == (EDITORIAL, "none")


@pytest.mark.promise("S-58")
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (EN, "This clause is about news.", "This claus is about news."),
        (EN, "This clause is about news.", "This clauze is about news."),
        (EN, "This clause is about news.", "This clause is about news"),
        (EN, "This clause is about news.", "This  clause is about\nnews."),
        (EN, "This clause is about news.", "The clause is about news."),
        (ZH, "这一条说的是news。", "这一条说的是news！"),
        (ZH, "这一条说的是news。", "这一条说地是news。"),
    ],
)
def test_a_typo_asks_nobody_and_tells_nobody(file: str, old: str, new: str) -> None:
    diff = difference(SOUND, SOUND.change(old, new, file=file))
    if new.startswith("The clause"):  # another determiner is more than a typo
        assert (diff.change_class, diff.asked) == (MINOR, ())
        return
    assert diff.change_class is EDITORIAL
    assert (diff.told, diff.asked, diff.required_action) == ((), (), "none")
    assert len(diff.changes) == 1


@pytest.mark.promise("S-58")
@pytest.mark.parametrize(
    ("section", "name", "old", "new"),
    [
        ("purposes", "send_news", "en: Because of send_news", "en: Becuase of send_news"),
        ("purposes", "send_news", "en: You type send_news", "en: You typpe send_news"),
        (
            "recipients",
            "carrier",
            "way: {zh-CN: 发一次, en: sent once}",
            "way: {zh-CN: 发一次, en: sent once.}",
        ),
        ("retention", "short", "en: the end of the check", "en: end of the check"),
    ],
)
def test_a_typo_in_the_commitments_asks_nobody(section: str, name: str, old: str, new: str) -> None:
    diff = difference(SOUND, SOUND.of(section, name, old, new))
    assert (diff.change_class, diff.told, diff.asked) == (EDITORIAL, (), ())


@pytest.mark.promise("S-37", "S-58")
@pytest.mark.control("change_classified")
def test_a_new_recipient_asks_those_it_touches_and_no_one_else() -> None:
    diff = difference(SOUND, with_insurer(LATER))
    assert diff.change_class is MATERIAL
    assert diff.asked == ("ship_parcel",)
    assert diff.told == ("ship_parcel",)
    assert diff.required_action == "reconsent"


# S-58 names: purpose, method, category, recipient, retention, region, right, controller.
MATERIAL_CHANGES = [
    (
        "purpose",
        "purposes",
        "send_news",
        "en: Because of send_news",
        "en: To sell you to others",
        {"send_news"},
    ),
    (
        "purpose",
        "purposes",
        "send_news",
        "en: Words about send news",
        "en: Share your habits",
        {"send_news"},
    ),
    (
        "purpose",
        "purposes",
        "send_news",
        "lawful_basis: consent",
        "lawful_basis: contract\n    act: register",
        set(),
    ),
    (
        "method",
        "purposes",
        "send_news",
        "en: You type send_news",
        "en: Bought from a broker",
        {"send_news"},
    ),
    (
        "category",
        "purposes",
        "send_news",
        "{mobile: necessary}",
        "{mobile: necessary, orders: optional}",
        {"send_news"},
    ),
    ("category", "categories", "orders", "sensitive: false", "sensitive: true", set()),
    (
        "recipient",
        "recipients",
        "carrier",
        "en: The Carrier",
        "en: Another Company",
        {"ship_parcel"},
    ),
    ("recipient", "recipients", "carrier", "role: third_party", "role: joint", {"ship_parcel"}),
    ("retention", "retention", "short", "period: P30D", "period: P60D", {"check_proof"}),
    (
        "retention",
        "retention",
        "short",
        "en: the end of the check",
        "en: cancellation of the account",
        {"check_proof"},
    ),
    ("retention", "retention", "short", "at_end: delete", "at_end: anonymise", {"check_proof"}),
    ("retention", "categories", "frames", "retention: never", "retention: life", {"scan_code"}),
    ("region", "storage", "phone_only", "region: device", "region: CN", {"scan_code"}),
    (
        "region",
        "categories",
        "frames",
        "storage: [phone_only]",
        "storage: [phone_only, shop_db]",
        {"scan_code"},
    ),
    ("right", "rights", "access", "clock: answer", "clock: records", OPTIONAL),
    ("validity", "purposes", "scan_code", "valid_for: P1Y", "valid_for: P2Y", {"scan_code"}),
    ("validity", "purposes", "scan_code", "    valid_for: P1Y\n", "", {"scan_code"}),
    (
        "kind",
        "purposes",
        "send_news",
        "    recipients: []",
        "    consent: separate\n    impact: {zh-CN: 有, en: Some}\n    recipients: []",
        {"send_news"},
    ),
]


@pytest.mark.promise("S-58")
@pytest.mark.parametrize(
    ("field", "section", "name", "old", "new", "asked"),
    MATERIAL_CHANGES,
    ids=[f"{c[0]}-{number}" for number, c in enumerate(MATERIAL_CHANGES)],
)
def test_each_field_of_the_promise_is_material_and_asks_whom_it_touches(  # noqa: PLR0917
    field: str, section: str, name: str, old: str, new: str, asked: set[str]
) -> None:
    diff = difference(SOUND, SOUND.of(section, name, old, new))
    assert diff.change_class is MATERIAL, field
    assert set(diff.asked) == asked
    assert set(diff.told) >= asked
    assert diff.told


@pytest.mark.promise("S-58")
def test_a_new_controller_is_material_and_asks_everybody_who_can_be_asked() -> None:
    diff = difference(SOUND, SOUND.change("en: Test Company", "en: Another Company"))
    assert diff.change_class is MATERIAL
    assert set(diff.asked) == OPTIONAL
    assert set(diff.told) == set(PURPOSES)


@pytest.mark.promise("S-58")
def test_a_right_that_goes_is_material_and_a_faster_answer_asks_nobody() -> None:
    """A right that goes does not compile here, so it is measured on one that is beyond the law."""
    extra = (
        "rights:\n  wish:\n    title: {zh-CN: 愿望, en: A wish}\n    path: /my/wish\n"
        "    how: {zh-CN: 说, en: Say it}\n    clock: answer\n    control: kept\n"
    )
    more = SOUND.change("rights:\n", extra)
    gone = difference(more, SOUND)
    assert gone.change_class is MATERIAL
    assert set(gone.asked) == OPTIONAL
    came = difference(SOUND, more)
    assert came.change_class is MATERIAL
    assert (set(came.told), came.asked) == (set(PURPOSES), ())
    faster = difference(SOUND, SOUND.of("rights", "access", "clock: answer", "clock: quick_answer"))
    assert (faster.change_class, faster.asked) == (MATERIAL, ())
    assert set(faster.told) == set(PURPOSES)


@pytest.mark.parametrize(
    ("section", "name", "old", "new", "told"),
    [
        ("purposes", "ship_parcel", "recipients: [carrier]", "recipients: []", {"ship_parcel"}),
        ("retention", "life", "period: P2Y", "period: P1Y", BY_LIFE),
        ("categories", "mobile", "retention: life", "retention: short", BY_MOBILE),
        ("purposes", "scan_code", "valid_for: P1Y", "valid_for: P6M", {"scan_code"}),
        ("purposes", "send_news", "    why:", "    valid_for: P1Y\n    why:", {"send_news"}),
        ("retention", "short", "at_end: delete", "at_end: delete", None),
    ],
)
def test_narrowing_is_told_and_asks_nobody(
    section: str, name: str, old: str, new: str, told: set[str] | None
) -> None:
    if told is None:
        assert difference(SOUND, SOUND).changes == ()
        return
    before = without_assessments(SOUND)
    made = before.of(section, name, old, new)
    if "recipients: []" in new:  # the recipient goes with its last purpose
        text = made.files["policy.yaml"]
        start, end = text.index("\nrecipients:\n"), text.index("\npermissions:\n")
        made = replace(
            made,
            files={**made.files, "policy.yaml": f"{text[:start]}\nrecipients: {{}}{text[end:]}"},
        )
    diff = difference(before, made)
    assert diff.change_class is MATERIAL
    assert set(diff.told) == told
    assert diff.asked == ()
    assert diff.required_action == "inform"


def limited(times: int, per: str) -> Draft:
    """Return the sound policy with a limit on how often news are sent."""
    words = "{zh-CN: '{at_most}。', en: 'News are sent {at_most}.'}"
    made = SOUND.of("purposes", "send_news", "frequency: ", f"frequency: {words}\n    x: ")
    start = made.files["policy.yaml"].index("    x: ")
    end = made.files["policy.yaml"].index("\n", start)
    text = made.files["policy.yaml"]
    line = f"    at_most: {{times: {times}, per: {per}}}"
    return replace(made, files={**made.files, "policy.yaml": text[:start] + line + text[end:]})


@pytest.mark.promise("S-08", "S-58")
@pytest.mark.parametrize(
    ("old", "new", "weight", "asked"),
    [
        ((2, "PT1H"), (3, "PT1H"), MATERIAL, ("send_news",)),
        ((2, "PT1H"), (2, "PT30M"), MATERIAL, ("send_news",)),
        ((2, "PT1H"), (48, "P1D"), MATERIAL, ("send_news",)),  # the same rate, in one burst
        ((48, "P1D"), (2, "PT1H"), MINOR, ()),
        ((3, "PT1H"), (2, "PT1H"), MINOR, ()),
        ((2, "PT30M"), (2, "PT1H"), MINOR, ()),
        ((2, "PT60M"), (2, "PT1H"), EDITORIAL, ()),
    ],
)
def test_a_limit_raised_asks_again_and_one_lowered_is_told(
    old: tuple[int, str], new: tuple[int, str], weight: ChangeClass, asked: tuple[str, ...]
) -> None:
    diff = difference(limited(*old), limited(*new))
    (change,) = diff.changes
    assert (change.where, change.weight) == ("purposes.send_news.at_most", weight)
    assert change.asked == asked
    assert change.told == (() if weight is EDITORIAL else ("send_news",))


@pytest.mark.promise("S-08", "S-58")
def test_a_limit_dropped_asks_again_and_a_new_one_asks_nobody() -> None:
    dropped = difference(limited(2, "PT1H"), SOUND)
    assert (dropped.change_class, dropped.asked) == (MATERIAL, ("send_news",))
    came = difference(SOUND, limited(2, "PT1H"))
    assert (came.change_class, came.told, came.asked) == (MINOR, ("send_news",), ())


@pytest.mark.promise("S-58")
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("outcome: may_start", "outcome: must_not_start", {"check_proof"}),
        ("made: 2025-12-30", "made: 2025-12-29", {"check_proof"}),
        ("en: It is encrypted", "en: It is not encrypted", {"check_proof"}),
        ("review_by: 2027-12-31", "review_by: 2028-12-31", {"ship_parcel"}),
        ("en: It is encrypted", "en: It is encyrpted", set[str]()),
    ],
)
def test_a_new_assessment_is_told_to_those_it_covers_and_asks_nobody(
    old: str, new: str, told: set[str]
) -> None:
    change = only(SOUND, SOUND.change(old, new, at="\nassessments:\n"))
    assert change.weight is (MINOR if told else EDITORIAL)
    assert (set(change.told), change.asked) == (told, ())


def test_the_first_assessments_are_told_to_all_whom_they_cover() -> None:
    change = only(without_assessments(SOUND), SOUND)
    assert (change.where, change.weight, change.asked) == ("assessments", MINOR, ())
    assert set(change.told) == {"check_proof", "ship_parcel"}
    more = ASSESSMENTS.replace("  parcel:\n", "  parcel_again:\n").split("  parcel_again:")[1]
    twice = SOUND.change("\nrecipients:\n", f"\n  parcel_again:{more}recipients:\n")
    assert only(SOUND, twice).told == ("ship_parcel",)


def test_a_category_dropped_asks_nobody_and_one_that_becomes_necessary_asks() -> None:
    two = SOUND.of(
        "purposes", "send_news", "{mobile: necessary}", "{mobile: necessary, orders: optional}"
    )
    three = SOUND.of(
        "purposes", "send_news", "{mobile: necessary}", "{mobile: necessary, orders: necessary}"
    )
    assert difference(two, SOUND).asked == ()
    assert difference(two, SOUND).told == ("send_news",)
    assert difference(two, three).asked == ("send_news",)
    assert difference(three, two).asked == ()


def test_a_role_that_sees_more_concerns_only_the_purposes_it_sees_for() -> None:
    more = SOUND.of(
        "roles", "desk", "      orders: [keep_books]", "      orders: [keep_books, send_news]"
    )
    assert difference(SOUND, more).asked == ("send_news",)
    fresh = SOUND.change(
        "  nobody:\n    title",
        "  helper:\n    title: {zh-CN: 帮手, en: Helper}\n    sees: {mobile: [send_news]}\n"
        "  nobody:\n    title",
    )
    assert difference(SOUND, fresh).asked == ("send_news",)
    assert difference(fresh, SOUND).asked == ()


def test_a_new_purpose_concerns_itself_and_a_removed_one_asks_nobody() -> None:
    text = SOUND.files["policy.yaml"]
    start = text.index("\n  send_news:\n")
    end = text.index("\n  ship_parcel:\n")
    bare = replace(SOUND, files={**SOUND.files, "policy.yaml": text[:start] + text[end:]})
    came, gone = difference(bare, SOUND), difference(SOUND, bare)
    assert (came.change_class, came.asked) == (MATERIAL, ("send_news",))
    assert (gone.change_class, gone.told, gone.asked) == (MATERIAL, ("send_news",), ())


def test_purposes_that_rest_on_an_act_are_told_and_never_asked() -> None:
    diff = difference(
        SOUND,
        SOUND.of(
            "purposes",
            "keep_account",
            "{mobile: necessary}",
            "{mobile: necessary, orders: necessary}",
        ),
    )
    assert (diff.told, diff.asked, diff.required_action) == (("keep_account",), (), "inform")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("contract_end: 2028-01-01", "contract_end: 2029-01-01", {"ship_parcel"}),
        ("phone: 0571-0000-0001", "phone: 0571-0000-0007", set(PURPOSES)),
        ("en: On the device", "en: On our servers", {"scan_code"}),
        ("address: /inbox", "address: /letters", set(PURPOSES)),
    ],
)
def test_small_facts_are_minor_told_and_ask_nobody(old: str, new: str, told: set[str]) -> None:
    change = only(SOUND, SOUND.change(old, new))
    assert (change.weight, set(change.told), change.asked) == (MINOR, told, ())


def test_what_is_left_out_means_the_same_as_its_default_written_down() -> None:
    spelled = SOUND.of(
        "purposes",
        "send_news",
        "    recipients: []",
        "    consent: general\n    visitors: false\n    device: ''",
    )
    assert difference(SOUND, spelled).changes == ()
    assert difference(spelled, SOUND).changes == ()


def test_a_law_that_changes_its_numbers_is_told_and_asks_nobody() -> None:
    diff = difference(SOUND, replace(SOUND, law=SOUND.law.replace("value: 15", "value: 30")))
    assert (diff.change_class, set(diff.told), diff.asked) == (MINOR, set(PURPOSES), ())


def test_controls_and_bindings_are_no_change_of_the_policy() -> None:
    rebound = SOUND.of("clauses", "news", "[kept]", "[kept, planned]")
    assert difference(SOUND, rebound).changes == ()


@pytest.mark.promise("S-58")
@pytest.mark.parametrize("file", [EN, ZH])
def test_a_sentence_hidden_in_a_long_clause_is_not_editorial(file: str) -> None:
    long = {EN: "We keep what you typed. ", ZH: "我们保存你填写的内容。"}[file] * 60
    extra = {EN: "Partners get a copy. ", ZH: "合作方得到一份副本。"}[file]
    before = SOUND.says("news", long.strip(), file=file)
    after = SOUND.says(
        "news", (long[: len(long) // 2] + extra + long[len(long) // 2 :]).strip(), file=file
    )
    change = only(before, after)
    assert change.weight is MINOR
    assert set(change.told) == set(PURPOSES)


LONG = "the shop keeps what you typed for as long as the order needs it and then removes it " * 8
LONG_ZH = "小铺保存你填写的内容直到订单办完为止然后清掉" * 8


@pytest.mark.promise("S-58")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kept for 30 days", "kept for 60 days"),
        ("kept for 3 days", "kept for 3 years"),
        ("version 1.5", "version 15"),
        ("we do not sell it", "we do sell it"),
        ("we do not sell and we delete", "we do sell and we do not delete"),
        ("we may keep it", "we must keep it"),
        ("lawful use", "unlawful use"),
        ("we store it", "we restore it"),
        ("we sell it", "we tell it"),
        ("only you see it", "you see it"),
        ("you are not able", "you are notable"),
        ("5% of it", "5 of it"),
        ("保存 30 天", "保存 60 天"),
        ("保存三年", "保存五年"),
        ("保存 3 天", "保存 3 年"),
        ("不提供给他人", "提供给他人"),
        ("我们不会出售", "我们会出售"),
        ("可以删除", "必须删除"),
        ("仅你可见", "你可见"),
        ("收集电话", "收集地址和电话"),
    ],
)
def test_a_number_unit_negation_or_modal_verb_is_never_editorial(before: str, after: str) -> None:
    padding = LONG if before.isascii() else LONG_ZH
    for left, right in ((before, after), (after, before)):
        assert word_change(left, right) is MINOR
        assert word_change(f"{padding} {left}", f"{padding} {right}") is MINOR


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("we recieve it", "we receive it"),
        ("your adress", "your address"),
        ("the phone number", "phone number"),
        ("an e-mail", "an email"),
        ("delete it, please", "Delete it please!"),
        ("重置帐号", "重置账号"),
        ("其他办法。", "其它办法"),
    ],
)
def test_slips_of_the_pen_are_editorial_both_ways(before: str, after: str) -> None:
    assert word_change(before, after) is EDITORIAL
    assert word_change(after, before) is EDITORIAL


@given(
    st.text(max_size=60), st.integers(0, 60), st.sampled_from(["7", " not", "不", "三", " may "])
)
def test_adding_a_weighty_word_anywhere_is_never_editorial(text: str, at: int, added: str) -> None:
    assert word_change(text, f"{text[:at]} {added} {text[at:]}") is MINOR


@given(st.text(max_size=60))
def test_spaces_and_letter_case_are_editorial(text: str) -> None:
    assert word_change(text, f" {text}\n") is EDITORIAL
