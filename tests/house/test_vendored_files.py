"""Contracts over vendored files: each is the one that was taken in, and none came in unlisted."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.house.committed import ROOT, committed_files, relative

LISTS = [path for path in committed_files() if path.name == "SHA256SUMS"]
VENDOR = ROOT / "src/troth_shop/web/static/vendor"


def _listed(checksums: Path) -> dict[str, str]:
    """Return checksum by file name, as `sha256sum` writes them."""
    pairs = (line.split(maxsplit=1) for line in checksums.read_text("ascii").splitlines())
    return {name.removeprefix("*"): digest for digest, name in pairs}


@pytest.mark.parametrize("checksums", LISTS, ids=relative)
def test_vendored_files_are_the_ones_taken_in(checksums: Path):
    folder = checksums.parent
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in committed_files()
        if path.is_relative_to(folder) and path.name not in {"SHA256SUMS", "README.md"}
    }
    assert found == _listed(checksums)


def test_every_vendor_folder_has_a_checksum_list():
    folders = {
        Path(*path.parts[: path.parts.index("vendor") + 1])
        for path in committed_files()
        if "vendor" in path.relative_to(ROOT).parts
    }
    assert folders == {checksums.parent for checksums in LISTS}


def test_every_vendored_package_brings_its_licence():
    for folder in VENDOR.iterdir():
        if folder.is_dir():
            assert list(folder.glob("LICENSE*")), f"{folder.name} came without its licence"


def test_barcode_detector_and_its_webassembly_belong_together():
    wasm = hashlib.sha256((VENDOR / "zxing-wasm/zxing_reader.wasm").read_bytes()).hexdigest()
    script = (VENDOR / "barcode-detector/zxing-exported.js").read_text("utf-8")
    assert wasm in re.findall(r"\b[0-9a-f]{64}\b", script)
