"""Write guesses as the draft of a data map, for people to decide line by line.

The draft has the form that `datamap_file` reads. It proposes and hides nothing: every table and
every column stands in it, and what must be decided before the map can hold is marked ``DECIDE``.
No value of the database is ever written into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from troth.core.datamap import Engine
from troth.core.datamap_own import ENGINES, KEY
from troth.core.discovery_kinds import (
    SENSITIVE,
    About,
    ColumnGuess,
    EdgeGuess,
    Relation,
    TableGuess,
)

DECIDE = "DECIDE"

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS_OF_YAML = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"])
_COLUMN_INDENT = " " * 10
_OWN = (
    f"    # {DECIDE} troth's own tables, which no map lists: what your policy calls the answers of",
    "    # people, and the record of uses and looks; take it away if troth's records lie elsewhere",
    f"    {KEY}: {{consent: consent_records, uses: use_records}}",
)


def draft_text(guesses: Sequence[TableGuess], *, engine: Engine, store: str = "main") -> str:
    """Return the text of a draft ``datamap.yaml``.

    Args:
        guesses: of every table of one database.
        engine: of that database.
        store: what the map calls it.
    """
    columns = [column for guess in guesses for column in guess.columns.values()]
    kinds = sum(column.kind is not None for column in columns)
    personal = sum(column.personal for column in columns)
    lines = [
        "# Draft of a data map, made from the schema and from sampled values. It is a guess: read",
        f"# every line. What nobody but you can know is marked {DECIDE}. Categories bear the names",
        "# of what was recognised; put those of your policy in their place.",
        f"# {len(guesses)} tables, {len(columns)} columns: {personal} in rows about a person or "
        f"naming one, {kinds} of",
        "# them personal by themselves. Behind each stands how sure the guess is, from 0 to 1.",
        "",
        "stores:",
        f"  {_scalar(store)}:",
        f"    engine: {engine.value}",
        f"    # {DECIDE} storage: which storage of the policy this is (region, who runs it)",
        *(_OWN if engine in ENGINES else ()),
        "    tables:" if guesses else "    tables: {}",
    ]
    roots = _roots(guesses)
    for guess in guesses:
        lines += ["", *_table(guess, roots)]
    return "\n".join(lines) + "\n"


def _roots(guesses: Sequence[TableGuess]) -> frozenset[str]:
    """Return the tables in which a way to a person ends."""
    return frozenset(guess.path[-1].table for guess in guesses if guess.path)


def _table(guess: TableGuess, roots: frozenset[str]) -> Iterator[str]:
    own_columns = any(column.kind is not None for column in guess.columns.values())
    yield f"      {_scalar(guess.name)}:"
    if guess.about is About.PERSON:
        yield f"        about: person  # {guess.reason}"
        if guess.names_people:
            yield f"        # {DECIDE} if they work for you: `about: staff` with a `reason:`"
    elif own_columns:
        yield f"        # {DECIDE} {guess.reason}, and yet some columns name people"
        yield "        about: both"
    else:
        yield f"        not_personal: {_quoted(_reason_of(guess))}"
    if guess.key:
        yield f"        key: [{', '.join(map(_scalar, guess.key))}]"
    if guess.about is About.PERSON:
        yield from _way(guess, roots)
    yield from _edges(guess)
    if guess.about is About.PERSON:
        yield f"        on_erase: delete  # {DECIDE} or a law that asks you to keep it"
    elif own_columns:
        yield f"        on_erase: clear  # {DECIDE}"
    yield from _columns(guess)


def _reason_of(guess: TableGuess) -> str:
    whose = "rows about companies" if guess.about is About.COMPANY else "rows about nobody"
    return f"{whose}: {guess.reason}"


def _way(guess: TableGuess, roots: frozenset[str]) -> Iterator[str]:
    """Say how a row leads to its person, or that nothing does."""
    if guess.path:
        steps = " -> ".join(f"{edge.table}.{edge.key}" for edge in guess.path)
        yield f"        # path to the person: {guess.path[0].column} -> {steps}"
    elif guess.owned_through is not None:
        edge = guess.owned_through
        yield f"        # path to the person: owned through {edge.table}.{edge.column}"
    elif len(guess.key) == 1 and (guess.name in roots or guess.names_people):
        yield f"        person: {_scalar(guess.key[0])}  # {DECIDE} must be a random id"
    else:
        yield f"        # {DECIDE} no reference leads to a person: `person:` or an edge is missing"


def _edges(guess: TableGuess) -> Iterator[str]:
    if not guess.edges:
        return
    owners = 0
    yield "        edges:"
    for found in guess.edges:
        kind = _edge_kind(found)
        owners += kind == "owned_by"
        edge = found.edge
        names = (edge.column, edge.table, edge.key)
        line = f"{_scalar(edge.column)}: {kind} {edge.table}.{edge.key}"
        if not all(re.fullmatch(r"\w+", name) for name in names):
            line = f"# {DECIDE} the map cannot name it: {line}"
        yield f"{_COLUMN_INDENT}{line}  # {DECIDE} {found.reason}"
    if owners > 1:
        yield f"        # {DECIDE} several_owners: same, any or last"


def _edge_kind(found: EdgeGuess) -> str:
    return "shallow" if found.relation is Relation.NOT_PERSONAL else found.relation.value


def _columns(guess: TableGuess) -> Iterator[str]:
    written = [_column(guess, column) for column in guess.columns.values()]
    if all(line.startswith("#") for line in written):
        yield "        columns: []"
    else:
        yield "        columns:"
    for line in written:
        yield _COLUMN_INDENT + line


def _column(guess: TableGuess, column: ColumnGuess) -> str:
    """Return the line of one column; a comment where the key or an edge names it already."""
    name = _scalar(column.name)
    said = f"{column.confidence:.2f} {'; '.join(column.evidence)}"
    if column.kind is not None:
        mark = " sensitive;" if column.kind in SENSITIVE else ""
        return f"{name}: {column.kind.value}  #{mark} {said}"
    if column.personal and (column.name in guess.key or _is_edge(guess, column)):
        return f"# {name}: a key or reference, named above"
    if column.personal:
        return f"{name}: {_record_of(guess.name)}  # {said}"
    return f"{name}: {{not_personal: {_quoted('; '.join(column.evidence))}}}"


def _is_edge(guess: TableGuess, column: ColumnGuess) -> bool:
    return any(found.edge.column == column.name for found in guess.edges)


def _record_of(table: str) -> str:
    """Return a name for what a person's row says beside the kinds that were recognised."""
    plain = re.sub(r"\W+", "_", table).strip("_").lower()
    return f"{plain or 'row'}_record"


def _scalar(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.lower() not in _WORDS_OF_YAML
    return name if plain else _quoted(name)


def _quoted(text: str) -> str:
    """Return a text in double quotes as YAML reads it, on one line."""
    signs = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    body = "".join(signs.get(s, s if s.isprintable() else f"\\U{ord(s):08X}") for s in text)
    return f'"{body}"'
