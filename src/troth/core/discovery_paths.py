"""References between tables, declared or only meant, and whose rows they make them.

Many applications declare no foreign keys. A reference is inferred where a column bears the name of
another table and its key, or the very name of another table's key, or where its values are keys of
another table.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from troth.core.discovery_columns import distinct_of
from troth.core.discovery_kinds import (
    About,
    EdgeGuess,
    EdgeSeen,
    Relation,
    TableSeen,
)
from troth.core.discovery_names import about_of_table, only_mentions, tokens_of

_NO_NAMES = frozenset({"id", "code", "key", "name", "uuid", "guid", "no", "app", "type", "value"})
_KEY_WORDS = ("id", "no", "code", "uid", "key", "uuid", "number", "sn", "fk", "pk")


def with_inferred_edges(tables: Sequence[TableSeen]) -> tuple[TableSeen, ...]:
    """Return the tables with the references that names and values give away added."""
    return tuple(replace(table, edges=table.edges + _inferred(table, tables)) for table in tables)


def _inferred(table: TableSeen, tables: Sequence[TableSeen]) -> tuple[EdgeSeen, ...]:
    declared = {edge.column for edge in table.edges}
    found = []
    for column in table.columns:
        if column.name in declared or table.key == (column.name,):
            continue
        target = _target_by_name(table, column.name, tables)
        if target is not None and not _same_shape(column.samples, target):
            target = None
        target = target or _target_by_values(table, column.samples, tables)
        if target is not None:
            found.append(EdgeSeen(column.name, target.name, target.key[0], declared=False))
    return tuple(found)


def _same_shape(samples: Sequence[str], target: TableSeen) -> bool:
    """Tell whether a column could hold a table's keys: numbers where these are numbers."""
    keys = [v for c in target.columns if c.name == target.key[0] for v in c.samples]
    if not samples or not keys:
        return True
    return all(map(str.isdigit, samples)) == all(map(str.isdigit, keys))


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    for end in ("sses", "shes", "ches", "xes"):
        if word.endswith(end):
            return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _stems(table: str) -> tuple[str, ...]:
    """Return what a column may call a table, longest first: with and without prefixes."""
    tokens = [_singular(token) for token in tokens_of(table)]
    return tuple("".join(tokens[start:]) for start in range(len(tokens)))


def _target_by_name(table: TableSeen, column: str, tables: Sequence[TableSeen]) -> TableSeen | None:
    tokens = tokens_of(column)
    candidates = [other for other in tables if len(other.key) == 1]
    for other in candidates:
        key = other.key[0]
        if other.name != table.name and key == column and key.lower() not in _NO_NAMES:
            return other
    if len(tokens) < 2 or tokens[-1] not in _KEY_WORDS:
        return None
    stem_tokens = tokens[:-1]
    best: tuple[int, int, TableSeen] | None = None
    for other in candidates:
        for rank, stem in enumerate(_stems(other.name)):
            if other.name == table.name and len(stem_tokens) == 1:
                continue  # ``emp_no`` in a table of employees is their own number.
            for start in range(len(stem_tokens)):
                if "".join(map(_singular, stem_tokens[start:])) == stem:
                    # The shorter the rest of the table's name, the surer the match.
                    score = (-rank, -start, other)
                    if best is None or score[:2] > best[:2]:
                        best = score
    return best[2] if best is not None else None


def _target_by_values(
    table: TableSeen, samples: Sequence[str], tables: Sequence[TableSeen]
) -> TableSeen | None:
    """Find the table whose textual keys the values are; whole numbers fit everywhere."""
    distinct = distinct_of(samples)
    if len(distinct) < 5 or any(len(value) < 4 or value.isdigit() for value in distinct):
        return None
    for other in tables:
        if other.name == table.name or len(other.key) != 1:
            continue
        keys = {
            value.strip()
            for column in other.columns
            if column.name == other.key[0]
            for value in column.samples
        }
        if sum(value in keys for value in distinct) * 2 >= len(distinct):
            return other
    return None


def relation_of(table: TableSeen, edge: EdgeSeen) -> Relation:
    """Say whether a reference to a person owns the row or only mentions the person in it."""
    if edge.table == table.name or only_mentions(edge.column):
        return Relation.ACCESSED_BY
    named = about_of_table(table.name, table.comment)
    if named in (About.COMPANY, About.NOBODY):
        return Relation.ACCESSED_BY
    if named is About.PERSON and about_of_table(edge.table, "") is not About.PERSON:
        return Relation.OWNS  # A customer's address is the customer's, not the other way round.
    return Relation.OWNED_BY


def paths_to_people(
    tables: Sequence[TableSeen], about: Mapping[str, About]
) -> dict[str, tuple[EdgeSeen, ...]]:
    """Return for each table the shortest way of owning references to a row that is a person's.

    A table that is about people by its own columns gets a way only if one of its references owns
    it; goods, companies and lists of codes never get one.
    """
    people = {name for name, whose in about.items() if whose is About.PERSON}
    by_target: dict[str, list[tuple[TableSeen, EdgeSeen]]] = {}
    for table in tables:
        for edge in table.edges:
            if relation_of(table, edge) is Relation.OWNED_BY:
                by_target.setdefault(edge.table, []).append((table, edge))
    roots = {
        table.name
        for table in tables
        if table.name in people and not _points_at_people(table, people)
    } or people
    paths: dict[str, tuple[EdgeSeen, ...]] = dict.fromkeys(roots, ())
    waiting = deque(sorted(roots))
    while waiting:
        target = waiting.popleft()
        for table, edge in by_target.get(target, ()):
            if table.name not in paths:
                paths[table.name] = (edge, *paths[target])
                waiting.append(table.name)
    return paths


def _points_at_people(table: TableSeen, people: set[str]) -> bool:
    return any(
        edge.table in people
        and edge.table != table.name
        and relation_of(table, edge) is Relation.OWNED_BY
        for edge in table.edges
    )


def edge_guesses(table: TableSeen, about: Mapping[str, About]) -> tuple[EdgeGuess, ...]:
    """Return what each reference of a table seems to mean, for people to decide."""
    found = []
    for edge in table.edges:
        how = "declared" if edge.declared else "not declared, inferred from names and values"
        if about.get(edge.table) is not About.PERSON:
            found.append(EdgeGuess(edge, Relation.NOT_PERSONAL, f"{how}; leads to no person"))
            continue
        relation = relation_of(table, edge)
        if relation is Relation.OWNED_BY:
            why = "the row seems to be this person's"
        elif relation is Relation.OWNS:
            why = "this person's row seems to own what it refers to"
        elif edge.table == table.name:
            why = "it leads to another row of the same table"
        else:
            why = "the person seems only to play a part in it"
        found.append(EdgeGuess(edge, relation, f"{how}; {why}"))
    return tuple(found)


def owned_from_person(
    table: TableSeen, tables: Sequence[TableSeen], about: Mapping[str, About]
) -> EdgeSeen | None:
    """Return a reference by which a person's row owns the rows of this table, if there is one."""
    for other in tables:
        if about[other.name] is About.PERSON:
            for edge in other.edges:
                if edge.table == table.name and relation_of(other, edge) is Relation.OWNS:
                    return EdgeSeen(edge.column, other.name, edge.key, edge.declared)
    return None
