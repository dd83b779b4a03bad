"""The ``troth`` command as people run it: what it says, how it ends, and never a traceback."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from tests.builders import EN, draft, with_insurer
from troth import Answer, Settings, Troth
from troth.cli import main

ROOT = Path(__file__).parents[2]
SHOP_POLICY = ROOT / "src" / "troth_shop" / "policy"


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def start(*words: str | Path) -> Ended:
    """Run the command in a process of its own; whatever it says, it never shows a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "troth.cli", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith("TROTH_")},
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def run(*words: str | Path, **environment: str) -> Ended:
    """Run the command in this process, where an error that nobody caught fails the test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TROTH_")}
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, {**kept, **environment}, clear=True),
        mock.patch.object(sys, "argv", ["troth", *map(str, words)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def one_line(done: Ended, code: int = 2) -> str:
    """Hold that the command ended with ``code`` and one line of error; return the line."""
    assert done.returncode == code, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("troth: ")
    return line


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draft().write(tmp_path_factory.mktemp("policy") / "sound")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    made = draft().change("retention: life", "retention: gone").without(EN)
    return made.write(tmp_path / "broken")


class Used:
    """A deployment with people, answers and a sequenced log, closed again."""

    def __init__(self, data: Path, vkey: str) -> None:
        self.data = data
        self.vkey = vkey
        self.file = data / "troth.db"
        self.receipt = data / "receipt.json"
        self.outside = data / "outside.log"

    @classmethod
    def make(cls, data: Path, policy: Path) -> Used:
        """Publish, answer and sequence in a new deployment."""
        troth = Troth.open(Settings.of(data, {}))
        troth.publish(policy)
        for number in range(6):
            person = troth.add_person()
            for said in (Answer.GIVE, Answer.WITHDRAW)[: 1 + number % 2]:
                token = troth.show("send_news", person=person).token
                event_id = troth.answer(person, "send_news", said, token)
            if number in (1, 3):
                troth.sequence()
        troth.sequence()
        made = cls(data, troth.vkey)
        made.receipt.write_text(troth.receipt(person, event_id), encoding="utf-8")
        troth.close()
        made.outside.write_bytes((data / "checkpoints.log").read_bytes())
        return made

    def tamper(self, *statements: str) -> None:
        """Do what the owner of the file could: drop the triggers, then anything."""
        with closing(sqlite3.connect(self.file)) as owner, owner:
            triggers = owner.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in triggers.fetchall():
                owner.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                owner.execute(statement)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, sound: Path) -> Used:
    return Used.make(tmp_path_factory.mktemp("used") / "data", sound)


@pytest.fixture
def used(tmp_path: Path, made_once: Used) -> Used:
    """A copy of the deployment that was made once, for one test to do anything with."""
    return Used(Path(shutil.copytree(made_once.data, tmp_path / "data")), made_once.vkey)


# --- lint ----------------------------------------------------------------------------------------


@pytest.mark.control("policy_readable")
def test_lint_finds_no_error_in_our_own_policy() -> None:
    done = start("lint", SHOP_POLICY)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("0 error(s)")


def test_lint_names_every_fault_with_file_and_line_and_ends_with_1(broken: Path) -> None:
    done = run("lint", broken)
    assert done.returncode == 1
    assert f"{broken}/policy.yaml:" in done.stdout
    assert "C106" in done.stdout
    assert f"{broken}/{EN}:1: error C104" in done.stdout
    assert "repair: " in done.stdout


def test_lint_writes_json_that_other_programs_read(broken: Path) -> None:
    done = run("lint", broken, "--format", "json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert {"C104", "C106"} <= {f["rule"] for f in found}
    for finding in found:
        assert set(finding) == {
            "file",
            "line",
            "rule",
            "severity",
            "reason",
            "repair",
            "quote",
            "searched",
            "law",
            "clause",
        }
        assert finding["line"] >= 1
        assert finding["severity"] in ("error", "warning", "undecided")


def test_lint_writes_sarif_that_code_review_reads(broken: Path) -> None:
    done = start("lint", broken, "--format", "sarif")
    assert done.returncode == 1
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (made,) = log["runs"]
    driver = made["tool"]["driver"]
    assert driver["name"] == "troth"
    assert driver["version"]
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(rules) == len(set(rules))
    assert made["results"]
    for result in made["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"]["uri"]
        assert physical["region"]["startLine"] >= 1


def test_lint_without_findings_writes_empty_but_whole_documents(sound: Path) -> None:
    (sound.parent / "empty.txt").write_text("\n", encoding="utf-8")
    for form in ("json", "sarif"):
        done = run("lint", sound.parent / "empty.txt", "--format", form)
        assert json.loads(done.stdout) is not None


@pytest.mark.parametrize("name", ["nowhere", "nowhere/policy.md"])
def test_lint_of_nothing_is_one_clear_line(tmp_path: Path, name: str) -> None:
    assert name in one_line(run("lint", tmp_path / name))


def test_lint_of_a_file_that_is_no_text_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "picture.md").write_bytes(b"\x89PNG\xff\xfe")
    assert "is not UTF-8" in one_line(run("lint", tmp_path / "picture.md"))


# --- policy --------------------------------------------------------------------------------------


@pytest.mark.control("policy_compiles")
def test_compile_says_what_came_out(sound: Path) -> None:
    done = run("policy", "compile", sound)
    assert done.returncode == 0, done.stderr
    assert draft().policy().digest in done.stdout
    assert "8 clauses: 8 kept, 0 not yet kept, 0 not testable" in done.stdout
    assert "6 purposes, 1 permissions, 5 categories, 1 recipient(s)" in done.stdout


def test_compile_counts_what_is_not_yet_kept() -> None:
    done = run("policy", "compile", SHOP_POLICY)
    assert done.returncode == 0, done.stderr
    assert " not yet kept, " in done.stdout
    assert "0 error(s)" in done.stdout


def test_compile_shows_every_error_at_once_and_ends_with_1(broken: Path) -> None:
    done = start("policy", "compile", broken)
    assert done.returncode == 1
    assert "C104" in done.stderr
    assert "C106" in done.stderr


def test_compile_of_a_folder_without_policy_is_one_clear_line(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere", Path(__file__)):
        assert "no policy.yaml in" in one_line(run("policy", "compile", place))


@pytest.mark.control("change_classified")
def test_diff_says_who_is_told_and_who_is_asked(sound: Path, tmp_path: Path) -> None:
    later = with_insurer(draft().version("1.1")).write(tmp_path / "later")
    done = run("policy", "diff", sound, later)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "material  purposes.ship_parcel.recipients.insurer" in lines
    assert lines[-4:] == [
        "class: material",
        "required action: reconsent",
        "tell the people of: ship_parcel",
        "ask again for: ship_parcel",
    ]
    same = run("policy", "diff", sound, sound)
    assert same.stdout.splitlines() == [
        "class: editorial",
        "required action: none",
        "tell the people of: nobody",
        "ask again for: nothing",
    ]


def test_diff_with_a_broken_policy_ends_with_1(sound: Path, broken: Path) -> None:
    assert run("policy", "diff", sound, broken).returncode == 1


@pytest.mark.control("policy_archive")
def test_publish_puts_a_version_in_force_once(sound: Path, tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    for command in (start, run):
        done = command("policy", "publish", sound, "--data", data)
        assert (done.returncode, done.stdout) == (0, "1.0 is in force, number 1\n")
    assert (data / "keys").stat().st_mode & 0o777 == 0o700
    changed = draft().change("period: P30D", "period: P31D").write(tmp_path / "changed")
    line = one_line(run("policy", "publish", changed, "--data", data))
    assert "give the changed policy a new version" in line
    later = draft().version("1.1").write(tmp_path / "later")
    done = run("policy", "publish", later, "--data", data)
    assert done.stdout == "1.1 is in force, number 2\n"


def test_publish_of_a_broken_policy_puts_nothing_in_force(broken: Path, tmp_path: Path) -> None:
    done = run("policy", "publish", broken, "--data", tmp_path / "data")
    assert done.returncode == 1
    assert "C106" in done.stderr


def test_a_data_folder_that_is_a_file_is_one_clear_line(sound: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    one_line(run("policy", "publish", sound, "--data", tmp_path / "file"))


def test_keys_that_others_can_read_are_refused(used: Used, sound: Path) -> None:
    (used.data / "keys" / "log.key").chmod(0o644)
    line = one_line(run("policy", "publish", sound, "--data", used.data))
    assert "chmod 600" in line


# --- the ledger ----------------------------------------------------------------------------------


@pytest.mark.promise("S-13")
@pytest.mark.control("tamper_evident_log")
def test_the_ledger_verifies_with_its_own_checkpoints_and_with_those_outside(used: Used) -> None:
    for command, words in ((run, ()), (start, ("--checkpoint", used.outside))):
        done = command("ledger", "verify", "--data", used.data, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1] == "the log holds"
        assert "10 leaves, 10 under a checkpoint, 3 checkpoint(s), 3 from outside" in done.stdout


TAMPERING = {
    "an answer is turned around": (
        "UPDATE troth_consent_event SET event_state = 'consent_given' WHERE seq = 3",
    ),
    "an answer is dated back": ("UPDATE troth_consent_event SET event_time = 1 WHERE seq = 3",),
    "an answer gets another person": (
        "UPDATE troth_consent_event SET pii_principal_id = (SELECT max(p.pii_principal_id) "
        "FROM troth_person p WHERE p.pii_principal_id != troth_consent_event.pii_principal_id) "
        "WHERE seq = 1",
    ),
    "an answer is deleted": ("DELETE FROM troth_consent_event WHERE seq = 3",),
    "an answer is deleted with its leaf": (
        "DELETE FROM troth_leaf WHERE event_id = (SELECT event_id FROM troth_consent_event "
        "WHERE seq = 3)",
        "DELETE FROM troth_consent_event WHERE seq = 3",
    ),
    "an answer is slipped in behind the outbox": (
        "INSERT INTO troth_consent_event SELECT 99, 'forged', record_id, pii_principal_id, "
        "purpose_id, event_type, event_state, event_time, recorded_at, valid_until, entity_id, "
        "entity_role, indication_method, surface, privacy_notice, notice_ordinal, notice_digest, "
        "language, NULL, NULL, salt FROM troth_consent_event WHERE seq = 1",
    ),
    "two leaves change places": (
        "UPDATE troth_leaf SET leaf_index = -1 WHERE leaf_index = 2",
        "UPDATE troth_leaf SET leaf_index = 2 WHERE leaf_index = 5",
        "UPDATE troth_leaf SET leaf_index = 5 WHERE leaf_index = -1",
    ),
    "the policy that was shown is altered": (
        "UPDATE troth_policy_version SET sources = replace(sources, 'P30D', 'P99Y')",
    ),
    "the end is cut off, checkpoints and all": (
        "DELETE FROM troth_consent_event WHERE event_id IN "
        "(SELECT event_id FROM troth_leaf WHERE leaf_index >= 6)",
        "DELETE FROM troth_outbox WHERE event_id IN "
        "(SELECT event_id FROM troth_leaf WHERE leaf_index >= 6)",
        "DELETE FROM troth_checkpoint WHERE tree_size > 6",
        "DELETE FROM troth_leaf WHERE leaf_index >= 6",
    ),
    "a checkpoint is altered": (
        "UPDATE troth_checkpoint SET note = replace(note, 'a', 'b') WHERE tree_size = 10",
    ),
}


@pytest.mark.promise("S-13")
@pytest.mark.control("tamper_evident_log")
@pytest.mark.parametrize("what", TAMPERING)
def test_whatever_was_tampered_with_ends_the_check_with_1(used: Used, what: str) -> None:
    used.tamper(*TAMPERING[what])
    done = (start if "cut off" in what else run)(
        "ledger", "verify", "--data", used.data, "--checkpoint", used.outside
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith("fault(s)")
    assert len(done.stdout.splitlines()) > 2


def test_a_file_without_checkpoints_is_no_check(used: Used, tmp_path: Path) -> None:
    """A mistyped name must not read as: the log holds."""
    (tmp_path / "empty.log").touch()
    for name in ("nowhere.log", "empty.log"):
        done = run("ledger", "verify", "--data", used.data, "--checkpoint", tmp_path / name)
        assert "holds no checkpoint" in one_line(done)
    (used.data / "checkpoints.log").unlink()
    assert "holds no checkpoint" in one_line(run("ledger", "verify", "--data", used.data))


def test_verifying_a_mistyped_deployment_makes_none(tmp_path: Path) -> None:
    line = one_line(run("ledger", "verify", "--data", tmp_path / "nowhere"))
    assert "there is no deployment in" in line
    assert not (tmp_path / "nowhere").exists()


def test_verifying_without_a_database_makes_none(used: Used) -> None:
    for file in used.data.glob("troth.db*"):
        file.unlink()
    one_line(run("ledger", "verify", "--data", used.data))
    assert not used.file.exists()


def test_sequence_adds_what_waits_once(used: Used) -> None:
    troth = Troth.open(Settings.of(used.data, {}))
    troth.add_person()
    person = troth.add_person()
    token = troth.show("send_news", person=person).token
    troth.answer(person, "send_news", Answer.GIVE, token)
    troth.close()
    verified = run("ledger", "verify", "--data", used.data)
    assert "1 event(s) waiting for a leaf" in verified.stdout
    assert run("ledger", "sequence", "--data", used.data).stdout == "1 leaves added\n"
    assert run("ledger", "sequence", "--data", used.data).stdout == "0 leaves added\n"


# --- receipts ------------------------------------------------------------------------------------


@pytest.mark.promise("S-56")
@pytest.mark.control("receipts")
def test_a_receipt_verifies_without_the_database(used: Used, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "receipt.json"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(used.receipt.read_bytes())
    for file in used.data.glob("troth.db*"):
        file.unlink()
    key_file = tmp_path / "log.vkey"
    key_file.write_text(used.vkey + "\n", encoding="ascii")
    for command, key in ((run, used.vkey), (start, key_file)):
        done = command("receipt", "verify", elsewhere, "--key", key)
        assert done.returncode == 0, done.stdout
        assert done.stdout.splitlines()[-1] == "the receipt holds"


@pytest.mark.control("receipts")
def test_an_altered_receipt_does_not_hold(used: Used) -> None:
    whole = used.receipt.read_text(encoding="utf-8")
    for old, new in (
        ("send_news", "sell_news"),
        ("consent_withdrawn", "consent_given"),
        ("zh-CN", "en"),
    ):
        assert old in whole
        used.receipt.write_text(whole.replace(old, new), encoding="utf-8")
        done = run("receipt", "verify", used.receipt, "--key", used.vkey)
        assert done.returncode == 1, (old, done.stdout, done.stderr)
        assert done.stdout.splitlines()[-1] == "the receipt does not hold"


def test_a_receipt_of_another_log_does_not_hold(used: Used, tmp_path: Path, sound: Path) -> None:
    other = Used.make(tmp_path / "other", sound)
    done = run("receipt", "verify", used.receipt, "--key", other.vkey)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "the receipt does not hold"


@pytest.mark.parametrize("content", ["", "{}", "[]", "not json", "null", '{"@context": 1}'])
def test_what_is_no_receipt_does_not_hold(tmp_path: Path, content: str) -> None:
    file = tmp_path / "receipt.json"
    file.write_text(content, encoding="utf-8")
    done = run("receipt", "verify", file)
    assert done.returncode in (1, 2)
    assert "the receipt holds" not in done.stdout


def test_a_receipt_file_or_key_that_is_not_there_is_one_clear_line(
    used: Used, tmp_path: Path
) -> None:
    one_line(start("receipt", "verify", tmp_path / "nowhere.json"))
    one_line(run("receipt", "verify", used.receipt, "--key", "no-key-at-all"))


# --- backup --------------------------------------------------------------------------------------


@pytest.mark.control("backup_command")
def test_backup_writes_a_copy_that_verifies_and_never_overwrites(
    used: Used, tmp_path: Path
) -> None:
    to = tmp_path / "copy.db"
    done = start("backup", "--data", used.data, "--to", to)
    assert done.returncode == 0, done.stderr
    assert f"{to}: {to.stat().st_size} bytes, sha256 " in done.stdout
    assert "never overwrites" in one_line(run("backup", "--data", used.data, "--to", to))
    used.file.write_bytes(to.read_bytes())
    for leftover in used.data.glob("troth.db-*"):
        leftover.unlink()
    again = run("ledger", "verify", "--data", used.data, "--checkpoint", used.outside)
    assert again.returncode == 0, again.stdout


def test_backup_of_what_is_not_there_is_one_clear_line(used: Used, tmp_path: Path) -> None:
    one_line(run("backup", "--data", tmp_path / "nowhere", "--to", tmp_path / "copy.db"))
    one_line(run("backup", "--data", used.data, "--to", tmp_path / "no" / "folder.db"))
    assert not (tmp_path / "copy.db").exists()


# --- the command itself --------------------------------------------------------------------------


def test_the_installed_command_is_the_same_program() -> None:
    command = Path(sys.executable).with_name("troth")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for name in ("lint", "policy", "map", "ledger", "receipt", "keys", "backup"):
        assert name in done.stdout


def test_an_unknown_command_or_option_ends_with_2() -> None:
    for words in (
        ("forget",),
        ("lint",),
        ("policy", "publish", "x"),
        ("lint", "x", "--format", "y"),
    ):
        assert run(*words).returncode == 2


def test_a_database_on_which_the_promises_do_not_hold_is_one_clear_line(
    sound: Path, tmp_path: Path
) -> None:
    done = run(
        "policy",
        "publish",
        sound,
        "--data",
        tmp_path / "data",
        TROTH_DATABASE_URL="mysql+pymysql://a@b/c",
    )
    assert "SQLite or PostgreSQL" in one_line(done)


# --- the data map -------------------------------------------------------------------------------


@pytest.fixture
def shop_database(tmp_path: Path) -> str:
    """A fresh database of the shop, as its own migrations make it."""
    from troth_shop.migrate import migrate

    settings = Settings.of(tmp_path, {})
    Troth.open(settings).close()
    migrate(settings.owner_url)
    return settings.database_url


def check_map(url: str) -> Ended:
    """Compare the shop's map with a database."""
    datamap = ROOT / "src" / "troth_shop" / "datamap.yaml"
    return start("map", "check", "--map", datamap, "--policy", SHOP_POLICY, url)


def test_map_and_database_of_the_shop_say_the_same(shop_database: str) -> None:
    done = check_map(shop_database)
    assert done.returncode == 0, done.stdout
    assert "0 error(s)" in done.stdout


def test_a_column_and_a_table_that_nobody_mapped_fail_the_check_by_name(
    shop_database: str, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "troth.db")) as owner:
        owner.execute("ALTER TABLE shop_customer ADD COLUMN id_card TEXT")
        owner.execute("CREATE TABLE newsletter (email TEXT PRIMARY KEY, topic TEXT)")
    done = check_map(shop_database)
    assert done.returncode == 1
    assert "id_card" in done.stdout
    assert "newsletter" in done.stdout


def test_a_drafted_map_names_every_table_and_column_and_shows_no_value(
    shop_database: str, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "troth.db")) as owner:
        owner.execute("INSERT INTO shop_customer VALUES ('p', '13812345678', 'i1.x', 'x', 1)")
        owner.commit()
        tables = [
            row[0] for row in owner.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
    done = start("map", "init", shop_database)
    assert done.returncode == 0
    missing = [t for t in tables if t.startswith("shop_") and f"{t}:" not in done.stdout]
    assert missing == []
    assert "phone" in done.stdout
    assert "13812345678" not in done.stdout
