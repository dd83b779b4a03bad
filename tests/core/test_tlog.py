"""The published forms against the examples of their specifications."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.logs import Ed25519Signer
from troth.core.canonical import canonical_json, read_strict_json
from troth.core.errors import InputError, LedgerError
from troth.core.ledger import LeafEntry, PendingEvent, commit_to, consent_event_bytes
from troth.core.signed_note import VerifierKey, open_note, parse_note, parse_vkey
from troth.core.tlog import (
    ENTRIES,
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    read_bundle,
    sign_checkpoint,
    split_notes,
    tile_path,
    write_bundle,
    write_proof,
)

# The example of C2SP signed-note, "Verifier keys".
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ON"
    "ncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The keys and signatures of Go's sumdb/note examples. The private halves are public, made for it.
GO_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp"
    "RZb6KE6RyyBwJnAM=\n"
)
SECOND_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox"
    "33WWd1RvMc+QQ=\n"
)
# The example of C2SP tlog-checkpoint; its key is not published.
SPEC_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcy"
    "v2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
ROOT = bytes(range(32))


def test_the_example_of_the_signed_note_specification_opens() -> None:
    key = parse_vkey(SPEC_VKEY)
    assert open_note(SPEC_NOTE, [key]) == ("This is an example message.\n", key)
    assert key.vkey == SPEC_VKEY


def test_the_signature_of_gos_example_is_made_again_byte_for_byte() -> None:
    private = Ed25519PrivateKey.from_private_bytes(GO_SEED)
    key = VerifierKey("PeterNeumann", private.public_key().public_bytes_raw())
    assert key.vkey == GO_VKEY
    signed = base64.b64encode(key.key_id + private.sign(GO_TEXT.encode())).decode()
    assert f"— PeterNeumann {signed}\n" == GO_LINE


@pytest.mark.parametrize("lines", [GO_LINE + SECOND_LINE, SECOND_LINE + GO_LINE])
def test_a_note_with_an_unknown_signature_is_believed_for_the_known_one(lines: str) -> None:
    assert open_note(f"{GO_TEXT}\n{lines}", [parse_vkey(GO_VKEY)])[0] == GO_TEXT


def test_a_note_of_unknown_keys_only_is_not_believed() -> None:
    with pytest.raises(LedgerError, match="no key that you trust"):
        open_note(f"{GO_TEXT}\n{SECOND_LINE}", [parse_vkey(GO_VKEY)])


def test_one_failing_signature_of_a_known_key_spoils_a_note() -> None:
    spoilt = GO_LINE.replace("x08go/ZJ", "x08go/AJ")
    for lines in (spoilt, GO_LINE + spoilt):
        with pytest.raises(LedgerError, match="altered or forged"):
            open_note(f"{GO_TEXT}\n{lines}", [parse_vkey(GO_VKEY)])


def test_a_note_with_one_letter_changed_is_not_believed() -> None:
    with pytest.raises(LedgerError, match="altered or forged"):
        open_note(f"{GO_TEXT}\n{GO_LINE}".replace("think", "thick"), [parse_vkey(GO_VKEY)])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        f"{GO_TEXT}{GO_LINE}",
        f"{GO_TEXT}\n{GO_LINE}".rstrip("\n"),
        f"{GO_TEXT}\t\n{GO_LINE}",
        f"{GO_TEXT}\n{GO_LINE.replace('—', '-')}",
        f"{GO_TEXT}\n— PeterNeumann x08g\n",
        f"{GO_TEXT}\n— Peter Neumann {GO_LINE.rsplit(maxsplit=1)[-1]}\n",
        f"{GO_TEXT}\n{GO_LINE * 65}",
        f"{GO_TEXT}\n{GO_LINE.replace('nAM=', 'nAN=')}",
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(LedgerError):
        parse_note(note)


def test_a_text_may_hold_empty_lines() -> None:
    assert parse_note(f"one\n\ntwo\n\n{GO_LINE}").text == "one\n\ntwo\n"


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        GO_VKEY.replace("c74f20a3", "c74f20a4"),
        GO_VKEY.replace("PeterNeumann", "PeterNewmann"),
        GO_VKEY.replace("+AR", "+AU"),
        GO_VKEY + "A",
        "+" + GO_VKEY,
        GO_VKEY.replace("PeterNeumann", "Peter Neumann"),
    ],
)
def test_a_retyped_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(LedgerError):
        parse_vkey(vkey)


def test_the_example_of_the_checkpoint_specification_is_read_and_written_again() -> None:
    checkpoint = parse_checkpoint(SPEC_CHECKPOINT)
    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.tree_size == 20852163
    assert checkpoint.text == SPEC_CHECKPOINT.partition("\n\n")[0] + "\n"


def test_a_signed_checkpoint_opens_with_its_key_and_with_no_other() -> None:
    signer, other = Ed25519Signer("shop.example/log"), Ed25519Signer("shop.example/log", seed=2)
    checkpoint = Checkpoint("shop.example/log", 7, ROOT)
    note = sign_checkpoint(checkpoint, signer)
    assert open_checkpoint(note, [parse_vkey(signer.vkey)])[0] == checkpoint
    with pytest.raises(LedgerError, match="no key that you trust"):
        open_checkpoint(note, [parse_vkey(other.vkey)])
    with pytest.raises(LedgerError, match=r"expected 'another\.example/log'"):
        open_checkpoint(note, [parse_vkey(signer.vkey)], origin="another.example/log")


def test_a_log_never_signs_under_another_name() -> None:
    with pytest.raises(LedgerError, match="its own name"):
        sign_checkpoint(Checkpoint("a.example", 0, ROOT), Ed25519Signer("b.example"))


def test_a_key_store_that_answers_with_the_wrong_key_signs_nothing() -> None:
    class Confused(Ed25519Signer):
        def sign(self, message: bytes) -> bytes:
            return Ed25519Signer("a.example", seed=9).sign(message)

    with pytest.raises(LedgerError, match="does not verify under its own"):
        sign_checkpoint(Checkpoint("a.example", 0, ROOT), Confused("a.example"))


@pytest.mark.parametrize(
    "text",
    [
        "o\n01\n" + base64.b64encode(ROOT).decode() + "\n",
        "o\n+1\n" + base64.b64encode(ROOT).decode() + "\n",
        "o\n١\n" + base64.b64encode(ROOT).decode() + "\n",
        "o\n9999999999999999999\n" + base64.b64encode(ROOT).decode() + "\n",
        "o\n1\n" + base64.b64encode(ROOT[:31]).decode() + "\n",
        "o\n1\nnot base64\n",
        "o\n1\n",
        "\n1\n" + base64.b64encode(ROOT).decode() + "\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(LedgerError):
        parse_checkpoint(f"{text}\n{GO_LINE}")


def test_extension_lines_of_other_logs_are_read_past() -> None:
    text = f"o\n1\n{base64.b64encode(ROOT).decode()}\nTimestamp: 17\n"
    assert parse_checkpoint(f"{text}\n{GO_LINE}") == Checkpoint("o", 1, ROOT)


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (1, 67, 256, "tile/1/067"),
        (0, 273, 112, "tile/0/273.p/112"),
        (0, 1000, 256, "tile/0/x001/000"),
        (2, 1234067, 1, "tile/2/x001/x234/067.p/1"),
        (ENTRIES, 1234, 9, "tile/entries/x001/234.p/9"),
        (63, 999_999, 256, "tile/63/x999/999"),
    ],
)
def test_paths_are_spelt_as_tlog_tiles_spells_them(
    level: int | str, index: int, width: int, path: str
) -> None:
    assert tile_path(level, index, width) == path


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_a_bundle_gives_back_its_entries(entries: list[bytes]) -> None:
    assert read_bundle(write_bundle(entries)) == entries


def test_a_bundle_spells_the_length_in_two_bytes_big_end_first() -> None:
    assert write_bundle([b"", b"a" * 258]) == b"\x00\x00\x01\x02" + b"a" * 258
    with pytest.raises(InputError):
        write_bundle([b"a" * 65_536])


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_bundle_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(LedgerError):
        read_bundle(write_bundle([b"abc"])[:-cut])
    with pytest.raises(LedgerError):
        read_bundle(write_bundle([b"abc"]) + b"\x00")


def test_a_proof_is_spelt_as_tlog_proof_spells_it() -> None:
    note = f"{GO_TEXT}\n{GO_LINE}"
    hashed = base64.b64encode(ROOT).decode()
    assert write_proof(5, [ROOT], note) == (f"c2sp.org/tlog-proof@v1\nindex 5\n{hashed}\n\n{note}")


def test_a_file_of_notes_splits_and_shows_the_write_that_was_cut_short() -> None:
    signer = Ed25519Signer("a.example")
    notes = [sign_checkpoint(Checkpoint("a.example", size, ROOT), signer) for size in (1, 2, 300)]
    text = "".join(note + "\n" for note in notes)
    assert split_notes(text) == (notes, "")
    last = len(text) - len(notes[2]) - 1
    for cut in range(last, len(text)):
        assert split_notes(text[:cut]) == (notes[:2], text[last:cut])


def test_a_leaf_is_the_canonical_bytes_that_the_log_promises() -> None:
    entry = LeafEntry("consent_event", "0197-a", "ab" * 32)
    spelt = b'{"commitment":"%s","event_id":"0197-a","kind":"consent_event"}' % (b"ab" * 32)
    assert entry.canonical == spelt
    assert PendingEvent((0, 1), "0197-a", "consent_event", "ab" * 32).entry == spelt


def test_a_commitment_needs_its_sixteen_bytes_of_salt() -> None:
    assert commit_to(b"\0" * 16, b"{}") != commit_to(b"\1" * 16, b"{}")
    with pytest.raises(InputError, match="16 random bytes, got 15"):
        commit_to(b"\0" * 15, b"{}")


def test_event_bytes_do_not_depend_on_the_order_of_the_fields() -> None:
    one = consent_event_bytes({"b": 1, "a": "扫码", "c": None})
    assert one == consent_event_bytes({"c": None, "a": "扫码", "b": 1})
    assert one == '{"a":"扫码","b":1,"c":null}'.encode()


@pytest.mark.parametrize("value", [True, 1.5, [], {}, b"a", 2**53])
def test_event_fields_are_text_whole_numbers_or_nothing(value: object) -> None:
    with pytest.raises(InputError):
        consent_event_bytes({"a": value})  # type: ignore[dict-item]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_our_canonical_json_equals_an_independent_one(value: object) -> None:
    rfc8785 = pytest.importorskip("rfc8785")
    assert canonical_json(value) == rfc8785.dumps(value)
    assert read_strict_json(canonical_json(value).decode()) == value


def test_canonical_json_spells_the_strings_of_the_rfc() -> None:
    # RFC 8785 §3.2.2, without its numbers, which are fractions.
    value = {"string": '€$\x0f\nA\'B"\\\\"/', "literals": [None, True, False]}
    assert canonical_json(value) == (
        b'{"literals":[null,true,false],"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        "1.0",
        "1e3",
        "NaN",
        "9007199254740992",
        "1" * 5000,
        '{"é":1}',
        "{",
        '"\\ud800"',
        "[" * 40 + "]" * 40,
        "[" * 100_000,
    ],
)
def test_json_with_two_readings_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        canonical_json(read_strict_json(text))


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_leaf_is_spelt_the_same_whichever_way_it_is_written(event_id: str, kind: str) -> None:
    commitment = "0123456789abcdef" * 4
    entry = LeafEntry(kind, event_id, commitment)
    whole = {"commitment": commitment, "event_id": event_id, "kind": kind}
    assert entry.canonical == canonical_json(whole)


@pytest.mark.parametrize("commitment", ["", "AB" * 32, "ab" * 31, 'ab"' + "0" * 61, 7])
def test_a_leaf_takes_no_other_commitment(commitment: str) -> None:
    with pytest.raises(LedgerError):
        LeafEntry("consent_event", "a", commitment)
