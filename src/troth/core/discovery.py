"""Guess which columns of a database hold personal data, and how each row leads to its person.

Nothing is decided here: the guesses become a draft that people review. Three kinds of evidence are
weighed together: what names say (`discovery_names`), what sampled values are
(`discovery_columns`), and whose row a column stands in, which follows from the references between
tables. No guess and no evidence ever carries a value.

The work is done twice, because the first look at the columns says whose rows a table holds, and
that says in turn what a column called ``name`` is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from troth.core.discovery_columns import (
    ValueSign,
    distinct_of,
    is_run_of_numbers,
    plausible_share,
    signs_of_values,
)
from troth.core.discovery_kinds import (
    About,
    ColumnGuess,
    ColumnSeen,
    EdgeSeen,
    Kind,
    Relation,
    TableGuess,
    TableSeen,
)
from troth.core.discovery_names import (
    NameSign,
    about_of_table,
    numbers_the_person,
    says_company,
    signs_of_name,
)
from troth.core.discovery_paths import (
    edge_guesses,
    owned_from_person,
    paths_to_people,
    relation_of,
    with_inferred_edges,
)
from troth.core.discovery_people import is_company_name
from troth.core.discovery_values import is_credit_code

_SURE = 0.5
"""A kind is taken from this confidence on."""

_IDENTIFYING = frozenset(
    {
        Kind.PERSON_NAME,
        Kind.NICKNAME,
        Kind.ACCOUNT_NAME,
        Kind.NATIONAL_ID,
        Kind.PASSPORT,
        Kind.PHONE,
        Kind.EMAIL,
        Kind.BANK_CARD,
        Kind.PLATE,
        Kind.BIRTH_DATE,
        Kind.IP_ADDRESS,
        Kind.DEVICE,
        Kind.PASSWORD,
        Kind.BIOMETRIC,
        Kind.SOCIAL_ACCOUNT,
        Kind.FREE_TEXT,
    }
)
_ALSO_OF_COMPANIES = frozenset(
    {Kind.PHONE, Kind.EMAIL, Kind.ADDRESS, Kind.LOCATION, Kind.BANK_CARD, Kind.IP_ADDRESS}
)
"""Kinds that a company has of its own."""

_CARRIED = frozenset(
    {Kind.PERSON_NUMBER, Kind.ACCOUNT_NAME, Kind.NATIONAL_ID, Kind.EMAIL, Kind.PHONE}
)
"""Kinds that a reference hands on: who names the number of a patient names the patient."""


def discover(tables: Sequence[TableSeen]) -> tuple[TableGuess, ...]:
    """Guess for every table whose rows it holds, and for every column what it holds.

    Args:
        tables: every table of one database; samples may be empty, then names alone decide.

    Returns:
        One guess for each table, in the order given, with every column in it.
    """
    seen = with_inferred_edges(tables)
    values = {
        (table.name, column.name): signs_of_values(distinct_of(column.samples))
        for table in seen
        for column in table.columns
    }
    about, reason = _first_look(seen, values)
    _owned_by_people(seen, about, reason, values)
    paths = paths_to_people(seen, about)
    for table in seen:
        if paths.get(table.name):
            about[table.name] = About.PERSON
            reason[table.name] = "its rows lead to a person"
    columns = {
        table.name: {
            column.name: _kind_of(column, about[table.name], values[table.name, column.name])
            for column in table.columns
        }
        for table in seen
    }
    _number_people(seen, columns)
    _hand_on(seen, columns, about)
    return tuple(
        _guess(
            table,
            about,
            reason=reason[table.name],
            path=paths.get(table.name, ()),
            columns=columns[table.name],
            tables=seen,
        )
        for table in seen
    )


def _first_look(
    tables: Sequence[TableSeen], values: Mapping[tuple[str, str], tuple[ValueSign, ...]]
) -> tuple[dict[str, About], dict[str, str]]:
    """Say of each table by itself whose rows it holds: by its name, else by its columns."""
    about: dict[str, About] = {}
    reason: dict[str, str] = {}
    for table in tables:
        named = about_of_table(table.name, table.comment)
        if named is not None:
            about[table.name], reason[table.name] = named, "the name of the table says so"
            continue
        if _is_of_companies(table):
            about[table.name] = About.COMPANY
            reason[table.name] = "it holds the names or codes of companies"
            continue
        kinds = sorted(
            {
                guess.kind
                for column in table.columns
                if (guess := _kind_of(column, About.NOBODY, values[table.name, column.name])).kind
                in _IDENTIFYING
                and guess.kind is not None
            }
        )
        if kinds:
            about[table.name] = About.PERSON
            reason[table.name] = "it holds " + ", ".join(kinds)
        else:
            about[table.name] = About.NOBODY
            reason[table.name] = "nothing in it names a person"
    return about, reason


def _owned_by_people(
    tables: Sequence[TableSeen],
    about: dict[str, About],
    reason: dict[str, str],
    values: Mapping[tuple[str, str], tuple[ValueSign, ...]],
) -> None:
    """Take a table of addresses for people's if the rows of people refer to it."""
    owned = {
        edge.table
        for table in tables
        if about[table.name] is About.PERSON
        for edge in table.edges
        if relation_of(table, edge) is Relation.OWNS
    }
    for table in tables:
        if about[table.name] is not About.NOBODY or table.name not in owned:
            continue
        if about_of_table(table.name, table.comment) is None and any(
            _kind_of(column, About.NOBODY, values[table.name, column.name]).kind is not None
            for column in table.columns
        ):
            about[table.name] = About.PERSON
            reason[table.name] = "rows of people refer to it"


def _is_of_companies(table: TableSeen) -> bool:
    """Tell whether a table holds company codes, or the names of companies beside its key."""
    for place, column in enumerate(table.columns):
        distinct = distinct_of(column.samples)
        if not distinct:
            continue
        if sum(map(is_credit_code, distinct)) * 10 >= len(distinct) * 6:
            return True
        if place <= 2 and sum(map(is_company_name, distinct)) * 10 >= len(distinct) * 8:
            return True
    return False


def _kind_of(column: ColumnSeen, about: About, found: Sequence[ValueSign]) -> ColumnGuess:
    """Weigh name and values of one column and keep the kind that comes out strongest."""
    distinct = distinct_of(column.samples)
    names = {sign.kind: sign for sign in signs_of_name(column.name, column.comment, about)}
    values = {sign.kind: sign for sign in found}
    best: tuple[float, Kind | None, tuple[str, ...]] = (0.0, None, ())
    for kind in sorted(names.keys() | values.keys()):
        by_name = _name_weight(kind, names.get(kind), values.get(kind), column, distinct)
        by_value = _value_weight(kind, values.get(kind), column, about, by_name)
        confidence = 1 - (1 - by_name) * (1 - by_value)
        if confidence > best[0]:
            told = ((names.get(kind), by_name), (values.get(kind), by_value))
            words = tuple(sign.evidence for sign, w in told if sign is not None and w > 0.05)
            best = (confidence, kind, words)
    confidence, strongest, evidence = best
    if confidence >= _SURE:
        return ColumnGuess(column.name, strongest, True, round(confidence, 2), evidence)
    why = _nothing_seen(distinct)
    if about is About.COMPANY and evidence:
        why = (*evidence, "but the row is a company's")
    return ColumnGuess(column.name, None, False, round(1 - confidence, 2), why)


def _name_weight(
    kind: Kind,
    name: NameSign | None,
    value: ValueSign | None,
    column: ColumnSeen,
    distinct: Sequence[str],
) -> float:
    """Return what the name weighs after type and values were heard against it."""
    if name is None or not _type_allows(kind, column.type):
        return 0.0
    weight = name.weight
    if kind is Kind.PHONE and is_run_of_numbers(distinct):
        weight *= 0.2
    if len(distinct) >= 2 and plausible_share(kind, distinct) < 0.5:
        weight *= 0.1
    if kind is Kind.PERSON_NAME and _chinese_but_no_names(distinct, value):
        weight *= 0.2
    return weight


def _value_weight(
    kind: Kind, value: ValueSign | None, column: ColumnSeen, about: About, by_name: float
) -> float:
    """Return what the values weigh in such a row, under a name that speaks for that much."""
    if value is None:
        return 0.0
    weight = value.weight
    if about is About.COMPANY and kind in _ALSO_OF_COMPANIES:
        weight *= 0.3
    if kind is Kind.LOCATION and about is not About.PERSON:
        weight *= 0.5  # Most places on a map are nobody's.
    if kind is Kind.PERSON_NAME and by_name < 0.5 and says_company(column.name):
        weight *= 0.5  # Hotels and brands are called after people.
    return weight


def _nothing_seen(distinct: Sequence[str]) -> tuple[str, ...]:
    if not distinct:
        return ("the name says nothing personal, and there was no value to look at",)
    return (f"neither the name nor {len(distinct)} sampled values say anything personal",)


def _chinese_but_no_names(distinct: Sequence[str], value: ValueSign | None) -> bool:
    """Tell whether the values are Chinese and yet not spread as the names of people are."""
    chinese = sum("一" <= text[0] <= "鿿" for text in distinct)
    return len(distinct) >= 3 and chinese * 2 > len(distinct) and value is None


_TEXT_ONLY = frozenset(
    {
        Kind.EMAIL,
        Kind.PERSON_NAME,
        Kind.NICKNAME,
        Kind.PLATE,
        Kind.FREE_TEXT,
        Kind.PASSWORD,
        Kind.PHOTO,
    }
)


def _type_allows(kind: Kind, type_: str) -> bool:
    """Tell whether a column of this type can hold the kind at all."""
    plain = type_.lower()
    if plain.startswith(("bool", "tinyint(1)")) or plain == "bit":
        return kind in (Kind.GENDER, Kind.HEALTH, Kind.MARITAL_STATUS)
    number = any(word in plain for word in ("int", "real", "float", "double", "numeric", "decimal"))
    moment = any(word in plain for word in ("date", "time"))
    if moment:
        return kind is Kind.BIRTH_DATE
    return not (number and kind in _TEXT_ONLY)


def _number_people(tables: Sequence[TableSeen], columns: dict[str, dict[str, ColumnGuess]]) -> None:
    """Take ``agentCode`` in a table of agents for the number by which each of them is known."""
    for table in tables:
        if about_of_table(table.name, table.comment) is not About.PERSON:
            continue
        for name, guess in columns[table.name].items():
            if guess.kind is None and numbers_the_person(name, table.name):
                why = ("it is called as the number of a row that is a person",)
                columns[table.name][name] = ColumnGuess(name, Kind.PERSON_NUMBER, True, 0.7, why)


def _hand_on(
    tables: Sequence[TableSeen],
    columns: dict[str, dict[str, ColumnGuess]],
    about: Mapping[str, About],
) -> None:
    """Give a reference the kind of the key it names, where the key names a person by itself."""
    for _ in range(3):
        for table in tables:
            for edge in table.edges:
                key = columns.get(edge.table, {}).get(edge.key)
                if key is None or key.kind not in _CARRIED or about[edge.table] is not About.PERSON:
                    continue
                here = columns[table.name][edge.column]
                if here.kind != key.kind:
                    columns[table.name][edge.column] = ColumnGuess(
                        edge.column,
                        key.kind,
                        True,
                        key.confidence,
                        (f"it refers to {edge.table}.{edge.key}, which names a person",),
                    )


def _guess(
    table: TableSeen,
    about: Mapping[str, About],
    *,
    reason: str,
    path: tuple[EdgeSeen, ...],
    columns: Mapping[str, ColumnGuess],
    tables: Sequence[TableSeen],
) -> TableGuess:
    """Put together what was found of one table; in a person's row every column is personal."""
    edges = edge_guesses(table, about)
    linking = {
        guess.edge.column: guess for guess in edges if guess.relation is not Relation.NOT_PERSONAL
    }
    # A declared way is nearly sure, an inferred one less so, and columns alone the least.
    sure = (0.95 if all(edge.declared for edge in path) else 0.8) if path else 0.7
    final: dict[str, ColumnGuess] = {}
    for name, guess in columns.items():
        if guess.kind is not None:
            final[name] = guess
        elif about[table.name] is About.PERSON:
            final[name] = ColumnGuess(name, None, True, sure, ("its row is about a person",))
        elif name in linking:
            why = (f"it names a person of {linking[name].edge.table}",)
            final[name] = ColumnGuess(name, None, True, 0.8, why)
        else:
            final[name] = guess
    through = None
    if about[table.name] is About.PERSON and not path:
        through = owned_from_person(table, tables, about)
    return TableGuess(
        name=table.name,
        about=about[table.name],
        reason=reason,
        key=table.key,
        names_people=about_of_table(table.name, table.comment) is About.PERSON,
        path=path,
        edges=edges,
        columns=final,
        owned_through=through,
    )
