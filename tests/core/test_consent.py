"""The rules of an answer: tokens that nobody can bend, bundles, bases, children."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, PURPOSES, draft
from troth.core.consent import (
    SNAPSHOT_LIFE_MICROSECONDS,
    STATE_OF,
    VALID_STATES,
    Answer,
    EntityRole,
    EventState,
    EventType,
    PersonFlag,
    Snapshot,
    barring_flags,
    check_answer,
    check_showing,
    check_snapshot,
    read_snapshot,
    record_id_of,
    refuse_barred,
    sign_snapshot,
)
from troth.core.errors import (
    ConsentRefusedByRule,
    InputError,
    SnapshotExpired,
    SnapshotForged,
    SnapshotSuperseded,
)
from troth.core.policy import PurposeId

POLICY = draft().policy()
KEY = bytes(range(32))
SHOWN = Snapshot(
    token_id="5e" * 16,
    pii_principal_id="ab" * 16,
    notices={PurposeId("send_news"): "cd" * 32},
    language="zh-CN",
    policy_digest=POLICY.digest,
    surface="/scan",
    shown_at=NOW,
)
TOKEN = sign_snapshot(SHOWN, KEY)


def test_a_token_says_what_was_shown() -> None:
    assert read_snapshot(TOKEN, KEY) == SHOWN


@pytest.mark.control("shown_text_proved")
def test_a_token_with_any_character_changed_dropped_or_added_is_forged() -> None:
    alphabet = "AFaf019-_=.+/~ é\x00"
    for place in range(len(TOKEN)):
        cut = TOKEN[:place] + TOKEN[place + 1 :]
        forms = {TOKEN[:place] + other + TOKEN[place + 1 :] for other in alphabet} - {TOKEN}
        forms |= {TOKEN[:place] + other + TOKEN[place:] for other in "A~.\n!"}
        for form in {cut, *forms}:
            with pytest.raises(SnapshotForged):
                read_snapshot(form, KEY)


def test_a_token_of_another_key_or_of_none_is_forged() -> None:
    text, mac = TOKEN.rsplit("~", 1)
    for token in (
        sign_snapshot(SHOWN, b"\0" * 32),
        "",
        "~",
        "~~~~~~~",
        text,
        f"~{mac}",
        f"{TOKEN}~{TOKEN}",
        f"{text}~{mac.upper()}",
        TOKEN + "\n",
        " " + TOKEN,
    ):
        with pytest.raises(SnapshotForged):
            read_snapshot(token, KEY)


def test_a_token_with_other_contents_under_the_old_mac_is_forged() -> None:
    *fields, mac = TOKEN.split("~")
    for place in range(len(fields)):
        for bent in (
            [*fields[:place], "x", *fields[place + 1 :]],
            [*fields[:place], *fields[place + 1 :]],
            [*fields[:place], fields[place], *fields[place:]],
        ):
            with pytest.raises(SnapshotForged):
                read_snapshot("~".join([*bent, mac]), KEY)


@given(st.text(max_size=120))
def test_no_text_that_is_not_a_token_passes_or_crashes(text: str) -> None:
    with pytest.raises(SnapshotForged):
        read_snapshot(text, KEY)


FIELD = st.text(st.characters(min_codepoint=32, max_codepoint=125), max_size=20)


@given(FIELD, FIELD, st.dictionaries(FIELD, FIELD, max_size=4), st.text(), st.integers(0, 2**62))
def test_every_showing_survives_its_token(
    token_id: str, person: str, notices: dict[str, str], surface: str, shown_at: int
) -> None:
    shown = SHOWN._replace(
        token_id=token_id,
        pii_principal_id=person,
        notices=notices,
        surface=surface,
        shown_at=shown_at,
    )
    assert read_snapshot(sign_snapshot(shown, KEY), KEY) == shown


@pytest.mark.parametrize("bad", ["a~b", "扫", "a\nb", "\x7f"])
@pytest.mark.parametrize("field", ["token_id", "pii_principal_id", "language"])
def test_a_field_that_could_be_read_as_two_gets_no_token(field: str, bad: str) -> None:
    with pytest.raises(InputError, match="printable ASCII"):
        sign_snapshot(SHOWN._replace(**{field: bad}), KEY)


def test_a_showing_holds_for_its_person_its_text_and_thirty_minutes() -> None:
    life = SNAPSHOT_LIFE_MICROSECONDS
    for now in (NOW, NOW + life):
        check_snapshot(SHOWN, person=SHOWN.pii_principal_id, policy=POLICY, now=now)
    for now in (NOW - 1, NOW + life + 1):
        with pytest.raises(SnapshotExpired):
            check_snapshot(SHOWN, person=SHOWN.pii_principal_id, policy=POLICY, now=now)
    for person in ("", "another"):
        with pytest.raises(SnapshotForged):
            check_snapshot(SHOWN, person=person, policy=POLICY, now=NOW)
    other = draft().version("1.1").policy()
    with pytest.raises(SnapshotSuperseded):
        check_snapshot(SHOWN, person=SHOWN.pii_principal_id, policy=other, now=NOW)


@pytest.mark.promise("S-05")
@pytest.mark.control("ask_per_purpose")
def test_a_separate_consent_is_shown_alone_or_not_at_all() -> None:
    purposes = {str(k): v for k, v in POLICY.purposes.items()}
    for name, other in product(("ship_parcel", "check_proof"), PURPOSES):
        check_showing((purposes[name],))
        with pytest.raises(ConsentRefusedByRule, match="separate consent"):
            check_showing((purposes[name], purposes[other]))
        with pytest.raises(ConsentRefusedByRule):
            check_showing((purposes[other], purposes[name]))
    check_showing((purposes["send_news"], purposes["scan_code"], purposes["keep_account"]))


def accepted(purpose: str, answer: Answer, flags: PersonFlag, role: EntityRole) -> EventType | None:
    asked = POLICY.purposes[PurposeId(purpose)]
    try:
        refuse_barred(asked, int(flags), barring_flags(asked, answer, role))
        return check_answer(asked, answer, role)
    except ConsentRefusedByRule:
        return None


def test_an_answer_fits_the_basis_of_its_purpose() -> None:
    acts = {Answer.ACT, Answer.END_ACT}
    for purpose, answer in product(PURPOSES, Answer):
        optional = POLICY.purposes[PurposeId(purpose)].optional
        got = accepted(purpose, answer, PersonFlag.NONE, EntityRole.PII_PRINCIPAL)
        assert (got is not None) is (optional != (answer in acts)), (purpose, answer)


def test_the_type_of_an_event_tells_how_express_it_was() -> None:
    mine = PersonFlag.NONE, EntityRole.PII_PRINCIPAL
    assert accepted("send_news", Answer.GIVE, *mine) is EventType.EXPRESSED
    assert accepted("ship_parcel", Answer.GIVE, *mine) is EventType.EXPLICITLY_EXPRESSED
    assert accepted("keep_account", Answer.ACT, *mine) is EventType.EXPLICIT_ACT


@pytest.mark.promise("S-06")
@pytest.mark.control("under_14_refused")
def test_a_child_opens_nothing_without_the_guardian_and_may_always_refuse() -> None:
    child = PersonFlag.UNDER_14
    for purpose, answer in product(PURPOSES, Answer):
        optional = POLICY.purposes[PurposeId(purpose)].optional
        if optional == (answer in (Answer.ACT, Answer.END_ACT)):
            continue
        opens = answer in (Answer.GIVE, Answer.ACT)
        assert (accepted(purpose, answer, child, EntityRole.PII_PRINCIPAL) is None) is opens
        assert accepted(purpose, answer, child, EntityRole.GUARDIAN) is not None


def test_nobody_of_ours_consents_for_a_person_but_a_withdrawal_may_be_taken_down() -> None:
    for role in (EntityRole.STAFF, EntityRole.SYSTEM):
        assert accepted("send_news", Answer.GIVE, PersonFlag.NONE, role) is None
        assert accepted("send_news", Answer.WITHDRAW, PersonFlag.NONE, role) is not None


def test_a_visitor_is_asked_only_for_what_visitors_may_be_asked() -> None:
    visitor = PersonFlag.VISITOR, EntityRole.PII_PRINCIPAL
    open_to = {p for p in PURPOSES if accepted(p, Answer.GIVE, *visitor)}
    assert open_to == {"scan_code"}


@pytest.mark.promise("S-02")
def test_no_answer_and_no_state_stands_for_mere_use() -> None:
    assert {answer.value for answer in Answer} == {
        "give", "refuse", "defer", "withdraw", "act", "end_act",
    }  # fmt: skip
    assert {STATE_OF[answer] for answer in Answer} & VALID_STATES == {
        EventState.GIVEN,
        EventState.ACT_RECORDED,
    }


def test_a_record_is_of_one_person_and_one_purpose() -> None:
    pairs = list(product(("a", "b", "ab"), ("x", "y", "bx")))
    assert len({record_id_of(*pair) for pair in pairs}) == len(pairs)
    assert record_id_of("a", "x") == record_id_of("a", "x")
