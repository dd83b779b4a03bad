"""The compiler: one fault in a sound policy gives exactly its finding, at its file and line."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.assessments import without_assessments
from tests.builders import CLAUSES, EN, PURPOSES, ZH, Draft, draft
from troth.core.compile import COMMITMENTS, CONTROLS, PolicySources, compile_policy
from troth.core.errors import PolicyError
from troth.core.findings import Finding, Severity
from troth.core.frequency import Limit
from troth.core.notice import notice_for
from troth.core.policy import ControlStatus

Bend = Callable[[Draft], Draft]

SOUND = draft()


def findings(made: Draft) -> list[Finding]:
    return list(made.compiled().findings)


def drop_line(made: Draft, words: str, *, file: str = COMMITMENTS, at: str = "") -> Draft:
    """Remove the whole line that holds ``words``."""
    line = made.line_of(words, file=file, at=at)
    lines = made.files[file].split("\n")
    return replace(made, files={**made.files, file: "\n".join(lines[: line - 1] + lines[line:])})


def test_the_sound_policy_has_no_finding() -> None:
    compiled = SOUND.compiled()
    assert compiled.findings == ()
    assert set(compiled.require().clauses) == set(CLAUSES)
    assert all(c.status is ControlStatus.BUILT for c in compiled.require().clauses.values())


def of_head(old: str, new: str) -> Bend:
    return lambda made: made.change(old, new)


def of_assessments(old: str, new: str) -> Bend:
    return lambda made: made.change(old, new, at="\nassessments:\n")


def limited(at_most: str, zh: str = "{at_most}。", en: str = "News are sent {at_most}.") -> Bend:
    """Put a limit and its words into ``send_news``."""

    def bend(made: Draft) -> Draft:
        text = made.files[COMMITMENTS]
        start = text.index("    frequency:", text.index("\n  send_news:\n"))
        end = text.index("\n", start)
        words = f'    frequency: {{zh-CN: "{zh}", en: "{en}"}}\n    at_most: {at_most}'
        if not at_most:
            words = words[: words.index("\n")]
        return replace(made, files={**made.files, COMMITMENTS: text[:start] + words + text[end:]})

    return bend


def of(section: str, name: str, old: str, new: str) -> Bend:
    return lambda made: made.of(section, name, old, new)


# rule, what is bent, file and words of the line that the finding names (in the bent draft),
# words of its reason, words of its repair.
FAULTS: list[tuple[str, Bend, str, str, str, str]] = [
    (
        "C001",
        of_head("  phone: 0571-0000-0001", "\tphone: 0571-0000-0001"),
        COMMITMENTS,
        "\tphone:",
        "the YAML cannot be read",
        "mend the syntax",
    ),
    (
        "C001",
        lambda d: d.change("  issue: later", " issue: later", file=CONTROLS),
        CONTROLS,
        " issue: later",
        "the YAML cannot be read",
        "mend the syntax",
    ),
    (
        "C002",
        of("purposes", "send_news", "    recipients: []", "    sold_to: x\n    recipients: []"),
        COMMITMENTS,
        "sold_to",
        "purposes.send_news.sold_to is not a known key",
        "known here: act, basis_source",
    ),
    (
        "C002",
        of_head("controller:\n", "nonsense: 1\ncontroller:\n"),
        COMMITMENTS,
        "nonsense",
        "nonsense is not a known key",
        "known here:",
    ),
    (
        "C002",
        of_head("officer: {zh-CN: 负责人, en: The officer}", "officer: {zh-CN: 甲, en: A, fr: B}"),
        COMMITMENTS,
        "officer:",
        "controller.officer has an unknown language 'fr'",
        "use one of zh-CN, en",
    ),
    (
        "C003",
        lambda d: drop_line(d, "    frequency:", at="\n  send_news:\n"),
        COMMITMENTS,
        "    title: {zh-CN: 关于send_news",
        "purposes.send_news.frequency is missing",
        "add `frequency:`",
    ),
    (
        "C004",
        of("categories", "mobile", "sensitive: false", "sensitive: perhaps"),
        COMMITMENTS,
        "perhaps",
        "must be true or false, got 'perhaps'",
        "write true or false",
    ),
    (
        "C004",
        of_head("published: 2026-01-01", "published: 1 January"),
        COMMITMENTS,
        "1 January",
        "must be a date, got '1 January'",
        "write YYYY-MM-DD",
    ),
    (
        "C004",
        of("purposes", "send_news", "lawful_basis: consent", "lawful_basis: legitimate_interest"),
        COMMITMENTS,
        "legitimate_interest",
        "must be one of consent, contract, legal_obligation",
        "write one of",
    ),
    (
        "C004",
        of("categories", "mobile", "storage: [shop_db]", "storage: [shop_db, {a: b}]"),
        COMMITMENTS,
        "{a: b}",
        "categories.mobile.storage must list texts only",
        "write [a, b]",
    ),
    (
        "C004",
        of("categories", "mobile", "pii_type: dpv-pd:Mobile", "pii_type: [x]"),
        COMMITMENTS,
        "pii_type: [x]",
        "categories.mobile.pii_type must be a text",
        "write one value",
    ),
    (
        "C005",
        of("purposes", "send_news", "    recipients: []", "    recipients: []\n    recipients: []"),
        COMMITMENTS,
        "    recipients: []\n    if_refused: {zh-CN: 不影响其他send_news",
        "purposes.send_news.recipients stands twice",
        "keep one of the two",
    ),
    (
        "C006",
        of_head("officer: {zh-CN: 负责人, en: The officer}", "officer: {zh-CN: 负责人}"),
        COMMITMENTS,
        "officer:",
        "controller.officer has no en text",
        "add `en:`",
    ),
    (
        "C006",
        of_head("officer: {zh-CN: 负责人, en: The officer}", "officer: {zh-CN: ' ', en: X}"),
        COMMITMENTS,
        "officer:",
        "controller.officer has no zh-CN text",
        "add `zh-CN:`",
    ),
    (
        "C101",
        of("clauses", "news", "controls: [kept]", "controls: []"),
        COMMITMENTS,
        "    promises: []\n    controls: []",
        "the clause news is bound to no control",
        "declare one as pending",
    ),
    (
        "C102",
        of("clauses", "news", "controls: [kept]", "controls: [kept, invented]"),
        COMMITMENTS,
        "invented",
        "names the control 'invented', which nobody knows",
        "declare it in controls.yaml",
    ),
    (
        "C103",
        of("purposes", "send_news", "categories: {mobile: necessary}", "categories: {}"),
        COMMITMENTS,
        "categories: {}",
        "the purpose send_news names no category of data",
        "list what it uses",
    ),
    (
        "C104",
        lambda d: d.change("## news {#news}\n\nThis clause is about news.\n", "", file=EN),
        EN,
        "## policy",
        "the en text misses the clause news",
        "add the clause under the same id",
    ),
    (
        "C104",
        lambda d: d.change(
            "## tables {#tables}", "## Extra {#extra}\n\nMore.\n\n## tables {#tables}", file=EN
        ).change("clauses:\n", "clauses:\n  extra: {promises: [], controls: [kept]}\n"),
        ZH,
        "## policy",
        "the zh-CN text misses the clause extra",
        "add the clause",
    ),
    (
        "C106",
        of("purposes", "send_news", "{mobile: necessary}", "{mobile: necessary, shoe: optional}"),
        COMMITMENTS,
        "    title: {zh-CN: 关于send_news",
        "purposes.send_news names 'shoe', which is not defined there",
        "define it, or use one of",
    ),
    (
        "C106",
        of("categories", "mobile", "retention: life", "retention: eternal"),
        COMMITMENTS,
        "    title: {zh-CN: 关于mobile",
        "categories.mobile names 'eternal'",
        "use one of life, never, short",
    ),
    (
        "C106",
        of("rights", "access", "clock: answer", "clock: whenever"),
        COMMITMENTS,
        "    title: {zh-CN: 关于access",
        "rights.access names 'whenever'",
        "use one of answer, at_once",
    ),
    (
        "C106",
        of("permissions", "camera", "clause: scanning", "clause: filming"),
        COMMITMENTS,
        "clause: filming",
        "permissions.camera names the clause 'filming', which is not there",
        "name the clause of the prose",
    ),
    (
        "C106",
        of_head("clauses:\n", "clauses:\n  ghost: {promises: [], controls: [kept]}\n"),
        COMMITMENTS,
        "  ghost:",
        "the clause ghost stands in no prose file",
        "write the clause, or remove its binding",
    ),
    (
        "C106",
        of_head("binding_language: zh-CN", "binding_language: fr"),
        COMMITMENTS,
        "binding_language",
        "the binding language 'fr' is none of the policy's languages",
        "use one of zh-CN, en",
    ),
    (
        "C106",
        of_head("law_profile: test-law", "law_profile: cn-1926"),
        COMMITMENTS,
        "law_profile",
        "the law profile is 'test-law'",
        "name that profile",
    ),
    (
        "C107",
        lambda d: d.change(
            "kept_by: troth.core.compile.compile_policy", "kept_by: goodwill", file=CONTROLS
        ),
        CONTROLS,
        "  status: built",
        "the control kept is built but names no code",
        "write kept_by",
    ),
    (
        "C108",
        of("retention", "short", "period: P30D", "period: a month"),
        COMMITMENTS,
        "a month",
        "the period of short is no ISO 8601 duration",
        "write it like P3Y",
    ),
    (
        "C108",
        of("retention", "short", "at_end: delete", "at_end: archive"),
        COMMITMENTS,
        "archive",
        "at_end of short must be delete or anonymise",
        "choose one",
    ),
    (
        "C108",
        of("purposes", "scan_code", "valid_for: P1Y", "valid_for: 1 year"),
        COMMITMENTS,
        "1 year",
        "valid_for of scan_code is no ISO 8601 duration",
        "write it like P1Y",
    ),
    (
        "C108",
        of("purposes", "scan_code", "valid_for: P1Y", "valid_for: P0D"),
        COMMITMENTS,
        "P0D",
        "consent to scan_code would expire at once",
        "write a longer valid_for",
    ),
    (
        "C108",
        of("purposes", "keep_account", "    act: register\n", ""),
        COMMITMENTS,
        "    title: {zh-CN: 关于keep_account",
        "stands on contract but its act is ''",
        "every other basis names one",
    ),
    (
        "C108",
        of("recipients", "carrier", "role: third_party", "role: friend"),
        COMMITMENTS,
        "friend",
        "the role of carrier must be processor, joint or third_party",
        "choose one",
    ),
    (
        "C108",
        of("categories", "mobile", "storage: [shop_db]", "storage: []"),
        COMMITMENTS,
        "storage: []",
        "mobile has no place of storage",
        "name it (S-44)",
    ),
    (
        "C108",
        lambda d: replace(d, law=d.law.replace("unit: days", "unit: moons")),
        "law profile",
        "moons",
        "no wording for the unit 'moons' of quick_answer",
        "use one of working_days",
    ),
    (
        "C109",
        lambda d: d.change("\n  tables:\n    promises: []\n    controls: [kept]", ""),
        ZH,
        "## tables",
        "the clause tables is bound to nothing",
        "add it under clauses: in policy.yaml",
    ),
    (
        "C110",
        of("roles", "nobody", "      frames: [scan_code]", "      mobile: [scan_code]"),
        COMMITMENTS,
        "    title: {zh-CN: 关于frames",
        "no role is named that may see frames",
        "list it under the role nobody",
    ),
    (
        "C111",
        of("storage", "shop_db", "region: CN", "region: US"),
        COMMITMENTS,
        "region: US",
        "shop_db lies in US, the policy promises CN",
        "keep it at home",
    ),
    (
        "C120",
        lambda d: d.change("## policy {#policy}", "Words.\n\n## policy {#policy}", file=EN),
        EN,
        "Words.",
        "these words stand before the first heading",
        "put them under a heading",
    ),
    (
        "C121",
        lambda d: d.change(
            "## tables {#tables}", "## again {#news}\n\nx\n\n## tables {#tables}", file=EN
        ),
        EN,
        "## again",
        "the clause id news stands twice",
        "ids never change",
    ),
    (
        "C122",
        lambda d: d.says("news", "One.\n\nTwo {{law:nothing}}."),
        EN,
        "Two {{law:nothing}}",
        "{{law:nothing}} names nothing in the policy files",
        "use a table or a value",
    ),
    (
        "C122",
        lambda d: d.change("## news {", "## news {{purpose:nobody}} {", file=EN),
        EN,
        "## news {{purpose:nobody}}",
        "{{purpose:nobody}} names nothing",
        "use a table or a value",
    ),
    (
        "C111",
        of("recipients", "carrier", "region: CN", "region: US"),
        COMMITMENTS,
        "region: US",
        "carrier receives data in US, the policy promises CN",
        "give nothing abroad",
    ),
    (
        "E102",
        of_head("phone: 0571-0000-0001", 'phone: ""'),
        COMMITMENTS,
        "controller:",
        "the controller has no phone",
        "fill it in",
    ),
    (
        "E103",
        of_head("effective: 2026-01-02", "effective: 2025-12-31"),
        COMMITMENTS,
        "policy:",
        "missing or out of order",
        "takes effect on or after",
    ),
    (
        "E107",
        of("rights", "access", "path: /my/access", "path: by letter"),
        COMMITMENTS,
        "by letter",
        "the right access has no path",
        "write path: /my/",
    ),
    (
        "E110",
        of("purposes", "ship_parcel", "consent: separate", "consent: general"),
        COMMITMENTS,
        "recipients: [carrier]",
        "ship_parcel gives data to carrier without separate consent",
        "write consent: separate",
    ),
    (
        "E110",
        of("recipients", "carrier", "fields: [street]", "fields: [street, mobile]"),
        COMMITMENTS,
        "fields: [street, mobile]",
        "carrier receives mobile, which no purpose that names it uses",
        "give only what the purpose uses",
    ),
    (
        "E110",
        of("purposes", "ship_parcel", "recipients: [carrier]", "recipients: []"),
        COMMITMENTS,
        "    name: {zh-CN: 快递公司",
        "no purpose gives data to carrier",
        "name it under the purpose it serves, or remove it",
    ),
    (
        "E112",
        of("purposes", "check_proof", "    consent: separate\n", ""),
        COMMITMENTS,
        "    title: {zh-CN: 关于check_proof",
        "check_proof uses the sensitive proof without separate consent",
        "write consent: separate with impact:",
    ),
    (
        "E112",
        lambda d: drop_line(d, "    impact:", at="\n  check_proof:\n"),
        COMMITMENTS,
        "    title: {zh-CN: 关于check_proof",
        "check_proof asks for separate consent without its impact",
        "add impact:",
    ),
    (
        "E113",
        of_head("minimum_age: under_14", 'minimum_age: ""'),
        COMMITMENTS,
        "policy:",
        "no rule for children under 14",
        "write minimum_age: under_14",
    ),
    (
        "E114",
        of("channels", "board", "kind: notice", "kind: poster"),
        COMMITMENTS,
        "channels:",
        "notices have fewer than two channels",
        "push alone reaches nobody who refused it",
    ),
    (
        "E117",
        of("channels", "page", "clock: answer", 'clock: ""'),
        COMMITMENTS,
        "channels:",
        "complaints have no time limit or no outside route",
        "name a complaint channel with a clock",
    ),
    (
        "E117",
        of("channels", "office", "kind: authority", "kind: club"),
        COMMITMENTS,
        "channels:",
        "complaints have no time limit or no outside route",
        "and an authority",
    ),
    (
        "C004",
        of_assessments("grounds: [sensitive]", "grounds: [sensitive, fun]"),
        COMMITMENTS,
        "fun]",
        "assessments.proof_check.grounds must be of sensitive, automated_decisions",
        "write some of sensitive",
    ),
    (
        "C004",
        of_assessments("outcome: may_start", "outcome: perhaps"),
        COMMITMENTS,
        "outcome: perhaps",
        "must be one of may_start, must_not_start, got 'perhaps'",
        "write one of",
    ),
    (
        "C006",
        of_assessments("risk: {zh-CN: 有人冒充, en: Somebody poses as you}", "risk: {zh-CN: 有}"),
        COMMITMENTS,
        "risk: {zh-CN: 有}",
        "assessments.proof_check.risks.fraud.risk has no en text",
        "add `en:`",
    ),
    (
        "C106",
        of_assessments("purposes: [check_proof]", "purposes: [check_proof, fly]"),
        COMMITMENTS,
        "    purposes: [check_proof, fly]",
        "assessments.proof_check names 'fly', which is not defined there",
        "define it, or use one of",
    ),
    (
        "C106",
        of_assessments("signed_by: desk", "signed_by: stranger"),
        COMMITMENTS,
        "    purposes: [check_proof]",
        "assessments.proof_check names 'stranger'",
        "use one of desk, nobody",
    ),
    (
        "C106",
        of_assessments("controls: [kept]", "controls: [hope]"),
        COMMITMENTS,
        "    purposes: [check_proof]",
        "assessments.proof_check names 'hope'",
        "use one of attitude, kept, planned",
    ),
    (
        "C108",
        of_assessments("grounds: [sensitive]", "grounds: []"),
        COMMITMENTS,
        "grounds: []",
        "the assessment proof_check names no grounds",
        "list them",
    ),
    (
        "C108",
        of_assessments("valid_for: P2Y", "valid_for: two years"),
        COMMITMENTS,
        "valid_for: two years",
        "the assessment proof_check does not stand for a single day",
        "write review_by: a later day, or valid_for like P1Y",
    ),
    (
        "C108",
        of_assessments("valid_for: P2Y", "valid_for: P99999Y"),
        COMMITMENTS,
        "valid_for: P99999Y",
        "the assessment proof_check does not stand for a single day",
        "write review_by: a later day",
    ),
    (
        "C108",
        of_assessments("review_by: 2027-12-31", "review_by: 2025-12-31"),
        COMMITMENTS,
        "review_by: 2025-12-31",
        "the assessment parcel does not stand for a single day",
        "write review_by: a later day",
    ),
    (
        "C108",
        of_assessments("valid_for: P2Y", "valid_for: P2Y\n    review_by: 2027-01-01"),
        COMMITMENTS,
        "valid_for: P2Y",
        "proof_check ends twice",
        "keep valid_for or review_by",
    ),
    (
        "C003",
        of_assessments("    valid_for: P2Y\n", ""),
        COMMITMENTS,
        "    purposes: [check_proof]",
        "assessments.proof_check.valid_for is missing",
        "add `valid_for:`",
    ),
    (
        "C112",
        of_assessments("purposes: [check_proof]", "purposes: [check_proof, send_news]"),
        COMMITMENTS,
        "purposes: [check_proof, send_news]",
        "proof_check: send_news is not due on its grounds (sensitive)",
        "assess what is due",
    ),
    (
        "C112",
        of_assessments("grounds: [sensitive]", "grounds: [sensitive, abroad]"),
        COMMITMENTS,
        "grounds: [sensitive, abroad]",
        "proof_check: none of its purposes is due on abroad",
        "assess what is due",
    ),
    (
        "C112",
        of_assessments("categories: [proof]", "categories: [proof, street]"),
        COMMITMENTS,
        "categories: [proof, street]",
        "proof_check: none of its purposes is due for street",
        "name it as the purpose does",
    ),
    (
        "C112",
        of_assessments("categories: [proof]", "categories: [proof]\n    recipients: [carrier]"),
        COMMITMENTS,
        "recipients: [carrier]\n    made: 2025-12-30",
        "proof_check: none of its purposes is due for carrier",
        "name it as the purpose does",
    ),
    (
        "C108",
        limited("{times: 0, per: PT1H}"),
        COMMITMENTS,
        "times: 0",
        "a limit is at least once per duration, got 0 per 'PT1H'",
        "write it like {times: 3, per: PT1H}",
    ),
    (
        "C004",
        limited("{times: often, per: PT1H}"),
        COMMITMENTS,
        "often",
        "purposes.send_news.at_most.times must be a whole number",
        "write digits",
    ),
    (
        "C002",
        limited("{times: 3, per: PT1H, of: mercy}"),
        COMMITMENTS,
        "mercy",
        "purposes.send_news.at_most.of is not a known key",
        "known here: per, times",
    ),
    (
        "C113",
        limited("{times: 3, per: PT1H}", en="News are sent now and then."),
        COMMITMENTS,
        "News are sent now",
        "the en words of purposes.send_news.frequency do not say the limit",
        "write {at_most} where the limit stands",
    ),
    (
        "C113",
        limited("{times: 3, per: PT1H}", zh="{at_most}，每天 2 次。"),
        COMMITMENTS,
        "每天 2 次",
        "the zh-CN words of purposes.send_news.frequency do not say the limit",
        "and no other number",
    ),
    (
        "C113",
        limited("", zh="看情况。"),
        COMMITMENTS,
        "News are sent {at_most}",
        "the en words of purposes.send_news.frequency do not say the limit",
        "write {at_most}",
    ),
]


@pytest.mark.control("policy_compiles")
@pytest.mark.parametrize(
    ("rule", "bend", "file", "words", "reason", "repair"),
    FAULTS,
    ids=[f"{fault[0]}-{number}" for number, fault in enumerate(FAULTS)],
)
def test_one_fault_gives_exactly_its_finding(  # noqa: PLR0917 - the columns of FAULTS
    rule: str, bend: Bend, file: str, words: str, reason: str, repair: str
) -> None:
    bent = bend(SOUND)
    found = findings(bent)
    assert [f.rule for f in found] == [rule], [f.line_of_text() for f in found]
    (finding,) = found
    assert finding.severity is Severity.ERROR
    assert reason in finding.reason
    assert repair in finding.repair
    if file == "law profile":
        text = bent.law
        assert finding.file == file
        assert finding.line == text.count("\n", 0, text.index(words)) + 1
    else:
        assert finding.file == f"tiny/{file}"
        assert finding.line == bent.line_of(words, file=file)
    with pytest.raises(PolicyError) as refused:
        bent.compiled().require()
    assert refused.value.findings == (finding,)


def test_a_heading_without_id_is_named_with_its_line() -> None:
    bent = SOUND.change("## news {#news}", "## news", file=EN)
    found = findings(bent)
    line = bent.line_of("## news", file=EN)
    assert (f"tiny/{EN}", line, "C120") in [(f.file, f.line, f.rule) for f in found]
    assert {f.rule for f in found} == {"C120", "C104", "C109"}


def test_a_category_that_no_purpose_uses_is_faulted() -> None:
    bent = SOUND.of("purposes", "keep_books", "{orders: necessary}", "{mobile: necessary}")
    assert [f.reason for f in findings(bent)] == ["no purpose uses the category orders"]
    assert findings(bent)[0].rule == "C103"


def test_every_missing_right_is_named() -> None:
    text = SOUND.files[COMMITMENTS]
    for right in ("access", "deceased"):
        bent = SOUND.change(f"\n  {right}:\n", f"\n  {right}_again:\n", at="\nrights:\n")
        (finding,) = findings(bent)
        assert (finding.rule, finding.reason) == ("E108", f"no way is named to {right}")
        assert finding.line == text[: text.index("\nrights:\n")].count("\n") + 2


def test_a_permission_that_serves_no_purpose_is_faulted() -> None:
    bent = SOUND.of("permissions", "camera", "purposes: [scan_code]", "purposes: []")
    (finding,) = findings(bent)
    assert (finding.rule, finding.line) == ("W207", bent.line_of("purposes: []"))


def test_a_policy_without_any_purpose_is_faulted() -> None:
    text = SOUND.files[COMMITMENTS]
    start, end = text.index("\npurposes:\n"), text.index("\nrecipients:\n")
    bent = replace(
        SOUND, files={**SOUND.files, COMMITMENTS: f"{text[:start]}\npurposes: {{}}{text[end:]}"}
    )
    found = [f for f in findings(bent) if f.rule == "E101"]
    assert [(f.line, f.reason) for f in found] == [
        (bent.line_of("purposes: {}"), "the policy lists no purpose")
    ]


@pytest.mark.parametrize("name", [COMMITMENTS, CONTROLS])
def test_a_missing_file_is_named(name: str) -> None:
    (finding,) = findings(SOUND.without(name))
    assert (finding.file, finding.line, finding.rule) == (f"tiny/{name}", 1, "C003")


def test_a_language_without_a_file_is_named() -> None:
    found = findings(SOUND.without(EN))
    assert [(f.file, f.rule) for f in found] == [(f"tiny/{EN}", "C104")]
    assert found[0].reason == "the document policy has no en text"


def test_every_document_must_speak_every_language() -> None:
    files = {**SOUND.files, "agreement.zh-CN.md": "## 协议 {#agreed}\n\n一句话。\n"}
    bent = replace(SOUND, files=files).change(
        "clauses:\n", "clauses:\n  agreed: {promises: [], controls: [kept]}\n"
    )
    (finding,) = findings(bent)
    assert (finding.file, finding.rule) == ("tiny/agreement.en.md", "C104")


def test_all_findings_come_at_once_and_in_order() -> None:
    bent = SOUND
    wanted = []
    for number in (2, 8, 14, 18, 26, 31, 39, 43):
        rule, bend, *_ = FAULTS[number]
        bent = bend(bent)
        wanted.append(rule)
    found = findings(bent)
    assert sorted(f.rule for f in found) == sorted(wanted)
    assert found == sorted(found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n- b\n",
        "words",
        "a: &a [*a]",
        "? {a: b}\n: c",
        "{[1]: 2}",
        "null",
        "a: \x07",
        "x: " + "[" * 3000 + "]" * 3000,
    ],
)
@pytest.mark.parametrize("name", [COMMITMENTS, CONTROLS])
def test_whatever_stands_in_the_yaml_is_a_finding_and_never_a_crash(name: str, text: str) -> None:
    compiled = compile_policy(replace(SOUND, files={**SOUND.files, name: text}).sources)
    assert compiled.policy is None
    assert compiled.findings


@given(st.text(alphabet="ab: -[]{}#&*?!|>'\"\n\t{}%@`0", max_size=60), st.integers(0, 4000))
def test_no_text_anywhere_in_the_commitments_crashes_the_compiler(junk: str, place: int) -> None:
    text = SOUND.files[COMMITMENTS]
    bent = replace(
        SOUND, files={**SOUND.files, COMMITMENTS: text[:place] + junk + text[place + 3 :]}
    )
    compiled = compile_policy(bent.sources)
    assert (compiled.policy is None) == any(f.severity is Severity.ERROR for f in compiled.findings)


@given(st.text(max_size=80))
def test_no_prose_crashes_the_compiler(text: str) -> None:
    compile_policy(replace(SOUND, files={**SOUND.files, EN: text}).sources)


def test_numbers_of_the_law_are_digits_and_nothing_that_looks_like_them() -> None:
    for odd in ("²", "--5", "five", "1.5"):
        bent = replace(SOUND, law=SOUND.law.replace("value: 14", f"value: '{odd}'"))
        assert "C004" in [f.rule for f in findings(bent)], odd


# --- pending and status --------------------------------------------------------------------------


def test_a_pending_control_is_counted_and_its_clause_shown_as_not_yet_kept() -> None:
    bent = SOUND.of("clauses", "news", "controls: [kept]", "controls: [kept, planned]")
    compiled = bent.compiled()
    (finding,) = compiled.findings
    assert (finding.rule, finding.severity) == ("W301", Severity.WARNING)
    assert finding.line == bent.line_of("controls: [kept, planned]")
    assert finding.clause == "news"
    policy = compiled.require()
    assert policy.clauses["news"].status is ControlStatus.PENDING  # type: ignore[index]
    kept = [c.id for c in policy.clauses.values() if c.status is ControlStatus.BUILT]
    assert len(kept) == len(CLAUSES) - 1


def test_an_attitude_alone_is_not_testable_and_beside_a_control_counts_for_nothing() -> None:
    bent = SOUND.of("clauses", "news", "[kept]", "[attitude]")
    bent = bent.of("clauses", "books", "[kept]", "[attitude, kept]")
    bent = bent.of("clauses", "shipping", "[kept]", "[attitude, planned]")
    clauses = bent.policy().clauses
    status = {str(k): clauses[k].status for k in clauses}
    assert status["news"] is ControlStatus.NOT_TESTABLE
    assert status["books"] is ControlStatus.BUILT
    assert status["shipping"] is ControlStatus.PENDING


# --- the digest ----------------------------------------------------------------------------------


def scalars(node: yaml.Node, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return [
            found for key, value in node.value for found in scalars(value, (*path, str(key.value)))
        ]
    if isinstance(node, yaml.SequenceNode):
        return [
            found for i, item in enumerate(node.value) for found in scalars(item, (*path, str(i)))
        ]
    return [(path, node)]


def test_every_commitment_of_the_file_is_in_the_digest() -> None:
    """Each value of the file, changed alone, changes the digest; bindings of clauses do not."""
    text = SOUND.files[COMMITMENTS]
    before = SOUND.policy().content["commitments"]
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    found = scalars(root)
    assert len(found) > 250
    for path, node in found:
        if path[0] == "clauses" or (path[0], path[-2]) == ("assessments", "controls"):
            continue
        value = before
        for key in path:
            value = value[int(key)] if isinstance(value, list) else value[key]
        assert value == node.value, path
    digests = {SOUND.policy().digest}
    for old, new in (
        ('version: "1.0"', 'version: "1.1"'),
        ("phone: 0571-0000-0001", "phone: 0571-0000-0009"),
        ("period: P30D", "period: P31D"),
        ("sealed: true", "sealed: false"),
        ("valid_for: P1Y", "valid_for: P2Y"),
        ("contract_end: 2028-01-01", "contract_end: 2028-01-02"),
        ("en: On the device", "en: On the device."),
    ):
        digests.add(SOUND.change(old, new).policy().digest)
    assert len(digests) == 8


def test_prose_and_the_numbers_of_the_law_are_in_the_digest() -> None:
    digests = {SOUND.policy().digest}
    for file in (ZH, EN):
        digests.add(SOUND.says("news", "x", file=file).policy().digest)
        digests.add(SOUND.change("## news {", "## news. {", file=file).policy().digest)
    law = SOUND.law.replace("value: 15", "value: 16")
    digests.add(replace(SOUND, law=law).policy().digest)
    assert len(digests) == 6


def test_comments_controls_bindings_and_the_order_of_keys_are_not_in_the_digest() -> None:
    digest = SOUND.policy().digest
    same = [
        SOUND.change("# A comment that changes nothing.", "# Another."),
        SOUND.change("summary: Kept by the compiler.", "summary: Otherwise.", file=CONTROLS),
        SOUND.of("clauses", "news", "[kept]", "[kept, planned]"),
        SOUND.of("clauses", "news", "promises: []", "promises: [S-01]"),
        SOUND.change("controls: [kept]", "controls: []", at="\nassessments:\n"),
        SOUND.of("storage", "shop_db", "    region: CN\n", "").of(
            "storage", "shop_db", "    entity:", "    region: CN\n    entity:"
        ),
        SOUND.change("phone: 0571-0000-0001", "phone: '0571-0000-0001'"),
        replace(SOUND, files=dict(reversed(SOUND.files.items()))),
    ]
    assert [made.policy().digest for made in same] == [digest] * len(same)


def test_the_digest_is_that_of_the_canonical_content() -> None:
    import hashlib

    policy = SOUND.policy()
    text = json.dumps(
        dict(policy.content), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    assert policy.digest == hashlib.sha256(text.encode()).hexdigest()


# --- what the compiler puts into the prose -------------------------------------------------------


def test_tables_and_values_of_the_prose_come_from_the_commitments() -> None:
    policy = SOUND.policy()
    for language in policy.languages:
        shown = policy.clauses["tables"].text[language]  # type: ignore[index]
        assert "{{" not in shown
        for purpose in policy.purposes.values():
            assert purpose.title[language] in shown
        for permission in policy.permissions.values():
            assert permission.title[language] in shown
        assert policy.recipients["carrier"].name[language] in shown
        assert policy.controller.name[language] in shown
    later = SOUND.change("period: P30D", "period: P45D").policy()
    assert "45 days after the check" in later.clauses["tables"].text["en"]  # type: ignore[index]
    assert "核对后 45 天" in later.clauses["tables"].text["zh-CN"]  # type: ignore[index]


def test_a_compiled_policy_cannot_be_changed() -> None:
    policy = SOUND.policy()
    for frozen in (policy.purposes, policy.clauses, policy.content, policy.controls):
        with pytest.raises(TypeError):
            frozen["x"] = None  # type: ignore[index]


def test_findings_name_files_as_the_caller_gave_them() -> None:
    files = {**SOUND.files, COMMITMENTS: "a: ["}
    compiled = compile_policy(PolicySources(files, SOUND.law))
    assert {f.file for f in compiled.findings} == {COMMITMENTS}


def test_purposes_of_the_builder_cover_every_basis_and_kind() -> None:
    policy = SOUND.policy()
    assert {str(p) for p in policy.purposes} == set(PURPOSES)
    assert {p.lawful_basis.value for p in policy.purposes.values()} == {
        "consent",
        "contract",
        "legal_obligation",
    }


# --- limits and assessments ----------------------------------------------------------------------


@pytest.mark.promise("S-08")
def test_a_limit_is_a_value_and_its_numbers_stand_in_the_words() -> None:
    policy = limited("{times: 3, per: PT1H}")(SOUND).policy()
    news = policy.purposes["send_news"]  # type: ignore[index]
    assert news.at_most == Limit(3, 3600)
    assert news.frequency == {
        "zh-CN": "1 小时内最多 3 次。",
        "en": "News are sent at most 3 times within 1 hour.",
    }
    for language, words in news.frequency.items():
        assert words in policy.clauses["tables"].text[language]  # type: ignore[index]
        assert any(words in line for line in notice_for(policy, "send_news", language).lines)
    others = [p for p in policy.purposes.values() if p.id != "send_news"]
    assert {p.at_most for p in others} == {None}
    again = limited("{times: 4, per: PT1H}")(SOUND).policy()
    assert again.digest != policy.digest


def test_a_policy_from_before_there_were_assessments_compiles_and_is_warned_of() -> None:
    compiled = without_assessments(SOUND).compiled()
    assert not compiled.require().assessments
    assert [(f.rule, f.severity) for f in compiled.findings] == [("W302", Severity.WARNING)] * 2
    said = {f.reason for f in compiled.findings}
    assert said == {
        "the purpose check_proof was not assessed (sensitive proof), so it stays closed",
        "the purpose ship_parcel was not assessed (given_to_others carrier), so it stays closed",
    }
    lines = without_assessments(SOUND).files[COMMITMENTS].split("\n")
    assert {lines[f.line - 2] for f in compiled.findings} == {"  check_proof:", "  ship_parcel:"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("outcome: may_start", "outcome: must_not_start", "was assessed and must not start"),
        ("valid_for: P2Y", "valid_for: P1D", "has an assessment whose time is over"),
        ("made: 2025-12-30", "made: 2026-01-03", "was not assessed"),  # after it took effect
    ],
)
def test_a_policy_with_a_closed_purpose_compiles_and_says_why(
    old: str, new: str, said: str
) -> None:
    compiled = of_assessments(old, new)(SOUND).compiled()
    (finding,) = compiled.findings
    assert (finding.rule, finding.severity) == ("W302", Severity.WARNING)
    assert finding.reason.startswith(f"the purpose check_proof {said}")
    compiled.require()


def test_an_assessment_that_rests_on_what_is_not_built_is_counted() -> None:
    bent = of_assessments("controls: [kept]", "controls: [kept, planned]")(SOUND)
    (finding,) = bent.compiled().findings
    assert (finding.rule, finding.severity) == ("W301", Severity.WARNING)
    assert finding.reason.startswith("the assessment proof_check rests on the control planned")
    assert finding.line == bent.line_of("risks:", at="\n  proof_check:\n")


def test_the_prose_shows_what_was_assessed_and_what_is_done_about_it() -> None:
    policy = SOUND.policy()
    assert policy.assessments["proof_check"].review_by == date(2027, 12, 30)
    shown = {k: policy.clauses["tables"].text[k] for k in policy.languages}  # type: ignore[index]
    for words in (
        "| 关于check_proof的话 | 用到敏感个人信息（关于proof的话） | 对上付款 | 2025-12-30 | "
        "2027-12-30 | 可以开始 | 前台 |",
        "| 关于ship_parcel的话 | 用于推销 | 合同限定用途 |",
    ):
        assert words in shown["zh-CN"]
    for words in (
        "| Words about ship parcel | entrusted or given to others, or published (The Carrier) |",
        "| Words about check proof | Somebody poses as you | It is encrypted |",
    ):
        assert words in shown["en"]
    closed = of_assessments("outcome: may_start", "outcome: must_not_start")(SOUND).policy()
    assert "| must not start |" in closed.clauses["tables"].text["en"]  # type: ignore[index]
