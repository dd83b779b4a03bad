"""Policy files from a folder, and law profiles from the package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from troth.core.compile import COMMITMENTS, PolicySources
from troth.core.errors import InputError

LAW = "law-profile.yaml"
"""A published version keeps the profile it was published under as a file of its own."""

_PROFILE = re.compile(r"law_profile:\s*[\"']?([a-z0-9-]+)")


def read_folder(folder: Path) -> PolicySources:
    """Return the sources of the policy in ``folder``.

    Raises:
        InputError: there is no policy in the folder, or a file is not UTF-8.
    """
    if not (folder / COMMITMENTS).is_file():
        raise InputError(f"no {COMMITMENTS} in {folder}; name the folder of a policy")
    files: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".yaml", ".md"):
            files[path.name] = read_text(path)
    return with_law(files, place=str(folder))


def with_law(files: Mapping[str, str], *, place: str = "") -> PolicySources:
    """Return sources with the law profile that the commitments name, or that is among them."""
    law = files.get(LAW)
    if law is None:
        match = _PROFILE.search(files.get(COMMITMENTS, ""))
        law = read_law_profile(match.group(1) if match else "")
    return PolicySources({**files, LAW: law}, law, place)


def read_law_profile(name: str) -> str:
    """Return the text of a law profile of the package; an unknown name gives an empty text."""
    path = resources.files("troth") / "law" / f"{name}.yaml"
    return path.read_text(encoding="utf-8") if name and path.is_file() else "{}"


def read_text(path: Path) -> str:
    """Return a file as text.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
