"""Read ``datamap.yaml`` against a compiled policy: the map, or every reason why not, at once.

Faults of form have the rules of `yaml_tree` (C001-C006). Rules made here, while reading:

    M101 unknown storage, engine or mix of engines     M105 column neither personal nor excused
    M102 unknown category                               M106 nothing said about erasure
    M103 unknown purpose                                M107 unknown provision of law
    M104 purpose that the policy does not give          M111 an edge that cannot be read

`datamap_rules.py` and `datamap_lens_rules.py` add those that need the whole map;
`datamap_lens_keys.py` reads what is said of lenses, finders and blind indexes, `datamap_own.py`
where troth's own tables lie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import yaml

from troth.core.datamap import (
    SQL_ENGINES,
    About,
    DataMap,
    DataStore,
    Edge,
    EdgeKind,
    Engine,
    Erasure,
    MappedColumn,
    MappedTable,
    Method,
    OnErase,
    OnLeaving,
    SeveralOwners,
    StoreId,
)
from troth.core.datamap_lens_keys import (
    StoreTree,
    is_text,
    node_of,
    read_found_by,
    read_index_of,
    read_writes,
    texts,
)
from troth.core.datamap_lens_rules import LENS_RULES
from troth.core.datamap_own import KEY, read_own
from troth.core.datamap_rules import RULES, judge
from troth.core.errors import InputError
from troth.core.findings import Finding, errors
from troth.core.policy import Policy, PurposeId, frozen
from troth.core.yaml_tree import Faults, Tree, read_tree

E = TypeVar("E", EdgeKind, OnLeaving)

DATAMAP = "datamap.yaml"

_EDGE = re.compile(r"(\w+)\s+(?:(\w+)\.)?(\w+)\.(\w+(?:\+\w+)*)")
"""``kind table.column`` or ``kind store.table.column``; a key of several columns has ``+``."""

PERIODS = frozenset({"days", "months", "years"})


@dataclass(frozen=True, slots=True)
class ReadMap:
    """What came out: the map (None if there are errors) and every finding."""

    datamap: DataMap | None
    findings: tuple[Finding, ...]

    def require(self) -> DataMap:
        """Return the map.

        Raises:
            InputError: it has errors; the first is told, with how many there are.
        """
        if self.datamap is None:
            found = errors(self.findings)
            raise InputError(f"{found[0].line_of_text()} ({len(found)} error(s) in the data map)")
        return self.datamap


def read_datamap(text: str, policy: Policy, *, file: str = DATAMAP) -> ReadMap:
    """Read a data map; never raises for what stands in it.

    Args:
        text: the YAML.
        policy: the compiled policy that it is checked against.
        file: what findings call it.
    """
    faults = Faults()
    root = read_tree(file, text, faults)
    stores: dict[StoreId, DataStore] = {}
    if not faults.found:  # an empty file is read too: it has no stores
        parent = root.branch("stores")
        for name in parent.names():
            tree = StoreTree(file, parent.branch(name).node, faults, f"stores.{name}")
            store = _resolved(_Store(policy, StoreId(name)).read(tree))
            for read in read_own(tree, policy, store, {*parent.names(), *stores}):
                stores[read.id] = read
            tree.close()
        root.close()
    datamap = DataMap(file, frozen(stores))
    if not faults.found:  # the rules need a map that could be read
        judge(datamap, policy, faults, (*RULES, *LENS_RULES))
    found = tuple(sorted(set(faults.found)))
    return ReadMap(None if errors(found) else datamap, found)


def _resolved(store: DataStore) -> DataStore:
    """Give every blind index the category of the column that it finds values of."""
    tables: dict[str, MappedTable] = {}
    for table in store.tables.values():
        columns = {name: _categorised(store, column) for name, column in table.columns.items()}
        tables[table.name] = replace(table, columns=frozen(columns))
    return replace(store, tables=frozen(tables))


def _categorised(store: DataStore, column: MappedColumn) -> MappedColumn:
    index = column.index_of
    table = store.tables.get(index.table) if index else None
    target = table.columns.get(index.column) if index and table else None
    return replace(column, category=target.category) if target else column


class _Store:
    """Reads one data store."""

    def __init__(self, policy: Policy, id_: StoreId) -> None:
        self.policy = policy
        self.id = id_

    def read(self, tree: StoreTree) -> DataStore:
        engines = self._engines(tree)
        storage = tree.text("storage", "")
        if storage and storage not in self.policy.storage:
            tree.fault(
                "M101",
                f"the policy knows no storage {storage!r}, so nobody knows the region and entity",
                f"name one of {', '.join(self.policy.storage)}, or add it to the policy",
                key="storage",
            )
        copies = texts(tree, "copy_of")
        tables: dict[str, MappedTable] = {}
        own = tree.has(KEY)
        if tree.has("tables") or not (copies or own):
            for name, branch in tree.branches("tables"):
                tables[name] = _Table(self.policy, self.id, name).read(branch)
        if not storage and (copies or own or any(t.personal for t in tables.values())):
            tree.text("storage")  # the finding that it is missing
        return DataStore(
            self.id,
            engines,
            storage,
            copies,
            frozen(self._within(tree, engines)),
            frozen(tables),
            tree.line,
            together=tuple(tuple(map(PurposeId, names)) for names in tree.lists("together")),
        )

    def _within(self, tree: Tree, engines: tuple[Engine, ...]) -> Mapping[Engine, StoreId]:
        if not tree.has("within"):
            return {}
        branch = tree.branch("within")
        found = {e: StoreId(branch.text(e.value)) for e in engines if branch.has(e.value)}
        branch.close()
        return found

    def _engines(self, tree: Tree) -> tuple[Engine, ...]:
        if not tree.has("engine"):
            tree.text("engine")  # the finding that it is missing
        names = texts(tree, "engine")
        known = {member.value: member for member in Engine}
        engines = tuple(known[name] for name in names if name in known)
        for name in names:
            if name not in known:
                reason = f"there is no engine {name!r}"
                tree.fault("M101", reason, f"write one of {', '.join(known)}", key="engine")
        if len(engines) > 1 and not SQL_ENGINES.issuperset(engines):
            tree.fault(
                "M101",
                f"{self.id} is said to be a database and something else",
                "give each its own data store",
                key="engine",
            )
        return engines


class _Table:
    """Reads one table: its keys and edges first, then its columns, which may repeat them."""

    def __init__(self, policy: Policy, store: StoreId, name: str) -> None:
        self.policy = policy
        self.store = store
        self.name = name

    def read(self, tree: Tree) -> MappedTable:
        excused = tree.text("not_personal", "")
        about = About.NOBODY if tree.has("not_personal") else tree.one_of("about", About)
        reason = excused or tree.text("reason", "")
        if about in (About.NOBODY, About.STAFF) and not reason.strip():
            tree.fault(
                "M105",
                f"{self.name} is said to be about {about.value}, without a reason",
                "write `not_personal: <reason>`, or `reason:` beside `about: staff`",
            )
        personal = about in (About.PERSON, About.BOTH)
        default = self._on_erase(tree) if tree.has("on_erase") else None
        key, person = texts(tree, "key"), tree.text("person", "")
        edges = self._edges(tree)
        links = [*key, *([person] if person else []), *(c for e in edges for c in e.columns)]
        return MappedTable(
            name=self.name,
            about=about,
            reason=reason,
            key=key,
            person=person,
            where=frozen(self._where(tree)),
            via=tree.text("via", ""),
            several_owners=(
                tree.one_of("several_owners", SeveralOwners) if tree.has("several_owners") else None
            ),
            outside_lens=tree.text("outside_lens", ""),
            columns=frozen(self._columns(tree, personal, default, tuple(dict.fromkeys(links)))),
            edges=edges,
            writes=read_writes(tree, self.policy, self.name),
            line=tree.line,
            found_by=read_found_by(tree, self.name),
        )

    # --- columns ------------------------------------------------------------------------------

    def _columns(
        self, tree: Tree, personal: bool, default: OnErase | None, links: tuple[str, ...]
    ) -> Mapping[str, MappedColumn]:
        found: dict[str, MappedColumn] = {}
        if isinstance(node_of(tree, "columns"), yaml.SequenceNode):
            for name in tree.texts("columns"):
                line = tree.line_of("columns")
                found[name] = MappedColumn(name, "", (), None, "", "", line)
                if personal:
                    tree.fault(
                        "M105",
                        f"{self.name}.{name} has no category, and the table is about a person",
                        f"write `{name}: <category>` or `{name}: {{not_personal: <reason>}}`",
                        key="columns",
                    )
        elif tree.has("columns") or not links:
            columns = tree.branch("columns")
            for name in columns.names():
                found[name] = self._column(columns, name, personal, default, name in links)
            columns.close()
        else:
            tree.texts("columns")
        for name in links:
            if name not in found:
                found[name] = MappedColumn(name, "", (), default, "", "", tree.line)
                if personal and default is None:
                    self._no_erasure(tree, name)
        first = {name: found[name] for name in links}
        return {**first, **found}

    def _column(
        self, columns: Tree, name: str, personal: bool, default: OnErase | None, link: bool
    ) -> MappedColumn:
        line, index = columns.line_of(name), None
        if is_text(columns, name):
            category, excused, unsealed = columns.text(name), "", ""
            purposes: tuple[str, ...] = ()
            on_erase, place = default, columns
        else:
            place = columns.branch(name)
            category, excused = place.text("category", ""), place.text("not_personal", "")
            purposes, unsealed = texts(place, "purposes"), place.text("unsealed", "")
            on_erase = self._on_erase(place) if place.has("on_erase") else default
            index = read_index_of(place, self.name, name)
            place.close()
            said = bool(category) + bool(excused.strip()) + place.has("index_of")
            if said > 1 or not (said or link):
                place.fault(
                    "M105",
                    f"{self.name}.{name} must have a category or a reason why it has none",
                    "write `category:` as the policy calls it, or `not_personal: <reason>`, or "
                    "`index_of:`, which brings the category of its column",
                )
        if category:
            self._known_category(columns, name, category)
        for purpose in purposes:
            self._granted(place, name, category, purpose)
        if personal and not excused and on_erase is None:
            self._no_erasure(columns, name)
        named = tuple(PurposeId(p) for p in purposes)
        rule = None if excused else on_erase
        return MappedColumn(name, category, named, rule, excused, unsealed, line, index)

    def _known_category(self, columns: Tree, name: str, category: str) -> None:
        if category not in self.policy.categories:
            columns.fault(
                "M102",
                f"the policy knows no category {category!r} ({self.name}.{name})",
                "name a category of the policy; data that it does not name may not be held",
                key=name,
            )

    def _granted(self, tree: Tree, name: str, category: str, purpose: str) -> None:
        known = self.policy.purposes.get(PurposeId(purpose))
        if known is None:
            reason = f"the policy knows no purpose {purpose!r} ({self.name}.{name})"
            tree.fault("M103", reason, "name a purpose of the policy", key="purposes")
        elif category and category not in known.categories:
            tree.fault(
                "M104",
                f"the policy does not give {category} to {purpose} ({self.name}.{name})",
                "leave the purpose out, or have the policy changed first",
                key="purposes",
            )

    def _no_erasure(self, tree: Tree, name: str) -> None:
        tree.fault(
            "M106",
            f"nothing says what an erasure does with {self.name}.{name}",
            "write `on_erase:` here or on the table: delete, clear, {anonymise: <method>} or "
            "{keep: <provision of the law profile>}",
            key=name,
        )

    def _on_erase(self, tree: Tree) -> OnErase:
        if is_text(tree, "on_erase"):
            how = tree.one_of("on_erase", Erasure)
            if how in (Erasure.DELETE, Erasure.CLEAR):
                return OnErase(how)
            tree.fault(
                "M106",
                f"{how.value} says neither how nor why ({self.name})",
                "write {anonymise: <method>} or {keep: <provision>}",
                key="on_erase",
            )
            return OnErase(how)
        ways = tree.branch("on_erase")
        if ways.has(Erasure.ANONYMISE.value):
            rule = OnErase(Erasure.ANONYMISE, method=ways.one_of("anonymise", Method))
        else:
            rule = OnErase(Erasure.KEEP, law=ways.text("keep"))
            provision = self.policy.law.provisions.get(rule.law)
            if rule.law and (provision is None or provision.unit not in PERIODS):
                ways.fault(
                    "M107",
                    f"the law profile has no period {rule.law!r} that would keep it ({self.name})",
                    "name the provision of the law that asks you to keep it, or erase it",
                    key="keep",
                )
        ways.close()
        return rule

    # --- edges and writes ---------------------------------------------------------------------

    def _edges(self, tree: Tree) -> tuple[Edge, ...]:
        if not tree.has("edges"):
            return ()
        leaving = self._on_leaving(tree)
        edges = tree.branch("edges")
        found: list[Edge] = []
        for name in edges.names():
            for text in texts(edges, name):
                edge = self._edge(edges, name, text, leaving.pop(name, OnLeaving.CLEAR))
                if edge is not None:
                    found.append(edge)
        for name in leaving:
            reason = f"on_leaving names {name!r}, which is no edge of {self.name}"
            tree.fault("M111", reason, "name a column under edges", key="on_leaving")
        return tuple(found)

    def _where(self, tree: Tree) -> Mapping[str, str]:
        if not tree.has("where"):
            return {}
        branch = tree.branch("where")
        return {name: branch.text(name) for name in branch.names()}

    def _on_leaving(self, tree: Tree) -> dict[str, OnLeaving]:
        if not tree.has("on_leaving"):
            return {}
        branch = tree.branch("on_leaving")
        return {name: branch.one_of(name, OnLeaving) for name in branch.names()}

    def _edge(self, edges: Tree, name: str, text: str, leaving: OnLeaving) -> Edge | None:
        match = _EDGE.fullmatch(text.strip())
        kinds = {kind.value: kind for kind in EdgeKind}
        if match is None or match[1] not in kinds:
            edges.fault(
                "M111",
                f"the edge {self.name}.{name} cannot be read: {text!r}",
                f"write `{name}: <kind> <table>.<column>` with a kind of {', '.join(kinds)}",
                key=name,
            )
            return None
        kind, store, table, keys = match.groups()
        columns, ends = tuple(name.split("+")), tuple(keys.split("+"))
        if len(columns) != len(ends):
            reason = f"the edge {self.name}.{name} joins {len(columns)} to {len(ends)} columns"
            edges.fault("M111", reason, "name as many columns on both sides", key=name)
            return None
        return Edge(
            columns,
            kinds[kind],
            StoreId(store) if store else self.store,
            table,
            ends,
            leaving,
            edges.line_of(name),
        )
