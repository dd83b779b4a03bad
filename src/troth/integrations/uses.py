"""How a use is named, whichever door it goes through; see `troth.Troth.use`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from troth.core.looks import Actor

__all__ = ["HowUsed"]


class HowUsed(TypedDict, total=False):
    """What `Troth.use` is told besides its purposes; all of it may be left out."""

    person: str
    people: Sequence[str]
    actor: Actor | None
    case: str
    writes: bool
    categories: Sequence[str]
    break_glass: str
