"""A database under its data map: the wiring of lenses, finders, persons' keys and looks.

`Governed` is made when a deployment starts (`Troth.govern`). Until then nothing personal opens. It
follows the policy: once another version is in force, the next use checks the map against it and
makes the lenses anew, and if the map does not fit any more, nothing opens.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection

from troth.adapters import lenses, sources
from troth.adapters.lenses import OpenLenses, Sealing
from troth.adapters.master_key import VARIABLE, EnvironmentMasterKey
from troth.adapters.person_keys import EpochRotation, FilePersonKeys
from troth.config import Settings
from troth.core.access import PolicyInForce
from troth.core.blind_index import NormalForm, blind_index, look_ups
from troth.core.datamap import DataMap, DataStore
from troth.core.errors import DataMapError, InputError, UnsafeStore
from troth.core.findings import errors
from troth.core.lens import THREAT_MODEL
from troth.core.lens_of import finders_of, lenses_of, shown_by
from troth.core.looks import Use
from troth.core.policy import Policy
from troth.core.ports import Clock
from troth.core.sealables import Sealables, sealables_of
from troth.core.sealing import SealedPlace
from troth.core.security_event import Event
from troth.flows import data_map
from troth.flows.access import Decider
from troth.flows.kit import Kit
from troth.flows.lens import LensesInForce, LensKit, use
from troth.flows.looks import LookKit
from troth.flows.security_event import security_event
from troth.store.db import Database
from troth.store.finders import Finders, Found
from troth.store.look_tables import looks_url
from troth.store.looks import LookBook
from troth.store.permitted import people_permitted

_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class _Opened:
    """What one version of the policy makes of the map; replaced as a whole."""

    ordinal: int
    in_force: LensesInForce
    lenses: OpenLenses
    finders: Finders
    sealables: Sealables
    residue: tuple[str, ...]


class Governed:
    """The lenses, keys and looks of one deployment.

    Args:
        kit: the kit.
        settings: the deployment.
        map_file: its data map.
        known: returns the policy in force at the last decision.
        decider: takes the decisions.

    Raises:
        DataMapError: the map is wrong, or the database differs from it.
        UnsafeStore: the lenses would be no boundary, or the keys are not safe.
    """

    def __init__(
        self,
        kit: Kit,
        settings: Settings,
        map_file: Path,
        *,
        known: Callable[[], PolicyInForce],
        decider: Decider,
    ) -> None:
        self._kit = kit
        self._settings = settings
        self._map_file = map_file
        self._known = known
        self.keys = open_person_keys(settings, kit.clock)
        self._rotation_asked_at = 0
        self.looks = LookKit(LookBook(Database(looks_url(kit.database.url))), kit.clock, kit.ids)
        self._opening = threading.Lock()
        self._past: list[_Opened] = []
        self._now: _Opened | None = None
        self._lens = LensKit(
            looks=self.looks,
            lenses=lambda known: self._opened(known).in_force,
            permitted=self._permitted,
            decide=decider.decide,
            decide_all=decider.decide_all,
            known=known,
            today=lambda: datetime.fromtimestamp(kit.clock.now() / 1e6, UTC).date(),
            region=settings.region,
        )
        self._opened(known())

    # --- use ----------------------------------------------------------------------------------

    def use(self, uses: Sequence[Use]) -> AbstractContextManager[Connection]:
        """Open a purpose; see `troth.flows.lens.use`."""
        return use(self._lens, uses)

    def find(self, table: str, by: str, values: Sequence[str]) -> list[Found]:
        """Return whose rows these values belong to, as a finder of the map tells it.

        Where the column is a blind index the values are plain text.

        Raises:
            UnknownName: the map has no such finder.
            StoreUnavailable: the database or the keys cannot be read now.
        """
        opened = self._opened(self._known())
        indexed = opened.sealables.indexed.get(f"{table}.{by}")
        if indexed is not None:
            values = [found for value in values for found in self._look_ups(opened, indexed, value)]
        return opened.finders.find(table, by, values)

    def index(self, column: str, text: str) -> str:
        """Return the blind index of a text, for a table that no lens shows.

        Args:
            column: ``table.column`` of the sealed column that the index is of.
            text: what is looked up later.

        Raises:
            InputError: the column has no blind index, or nothing is left of the text.
        """
        opened = self._opened(self._known())
        place, form = self._indexable(opened, column)
        return blind_index(self.keys.index_keys(place)[0], place, text, form)

    def _look_ups(self, opened: _Opened, column: str, text: str) -> Sequence[str]:
        place, form = self._indexable(opened, column)
        return look_ups(self.keys.index_keys(place), place, text, form)

    def _indexable(self, opened: _Opened, column: str) -> tuple[SealedPlace, NormalForm]:
        form = opened.sealables.forms.get(column)
        if form is None:
            raise InputError(f"{column} has no blind index in the data map")
        return opened.sealables.places[column], form

    # --- what governs -------------------------------------------------------------------------

    def _opened(self, known: PolicyInForce) -> _Opened:
        now = self._now
        if now is not None and now.ordinal == known.ordinal:
            return now
        with self._opening:
            if self._now is None or self._now.ordinal != known.ordinal:
                if self._now is not None:
                    # Blocks may still be open on it; they end by their deadline.
                    self._past.append(self._now)
                self._now = self._open(known)
            return self._now

    def _open(self, known: PolicyInForce) -> _Opened:
        policy, settings = known.policy, self._settings
        datamap = self._checked_map(policy)
        store = _store_of(datamap, settings.database_url)
        made = lenses_of(policy, datamap, store=store.id)
        finders = finders_of(datamap, store=store.id)
        residue: tuple[str, ...] = ()
        is_owner = settings.owner_url != settings.database_url
        if self._past and not is_owner and self._kit.database.kind != "sqlite":
            raise UnsafeStore("the policy changed: govern the deployment as the owner, then start")
        if is_owner or self._kit.database.kind == "sqlite":
            residue = lenses.install(
                settings.owner_url,
                made,
                finders,
                behind_lenses(store),
                app_url=settings.database_url,
                folder=settings.data,
            )
        sealables = sealables_of(policy, datamap, made, store=store.id)
        sealing = Sealing(self.keys, sealables.places, sealables.granted, sealables.forms)
        opened = OpenLenses(self._kit.database, made, sealing, folder=settings.data)
        rows = Finders(self._kit.database, finders)
        shows = shown_by(policy, datamap, store=store.id)
        in_force = LensesInForce(opened.names, opened.open, shows, store)
        return _Opened(known.ordinal, in_force, opened, rows, sealables, residue)

    def _checked_map(self, policy: Policy) -> DataMap:
        text = sources.read_text(self._map_file)
        urls = [self._settings.owner_url]
        read = data_map.checked(urls, text, policy, file=str(self._map_file))
        found = errors(read.findings)
        told = {
            "version": policy.version,
            "policy": policy.digest,
            "map": sha256(text.encode()).hexdigest(),
        }
        if found:
            security_event(Event.MAP_REFUSED, **told, errors=len(found))
            raise DataMapError(found)
        security_event(Event.MAP_CHECKED, **told)
        return read.require()

    def _permitted(self, purposes: Sequence[str]) -> Sequence[str]:
        with self._kit.database.hot_reading() as cursor:
            return people_permitted(cursor, self._kit.database.kind, purposes)

    def rotate_if_due(self) -> None:
        """Begin a new epoch of the keys where the present one is old enough; asks once an hour.

        Raises:
            UnsafeStore, StoreUnavailable: the keys are not as they must be.
        """
        now = self._kit.clock.now()
        if now - self._rotation_asked_at < _HOUR:
            return
        self._rotation_asked_at = now
        if self.keys.is_rotation_due():
            with suppress(InputError):  # another process is at it
                tell_of_epoch(self.keys.rotate_epoch())

    def words(self) -> tuple[str, ...]:
        """Return what the lenses keep on this database, and what is left to close, in words."""
        return (THREAT_MODEL[self._kit.database.kind], *self._opened(self._known()).residue)

    def close(self) -> None:
        """Close every connection and forget the keys."""
        for opened in (*self._past, *([self._now] if self._now else [])):
            opened.lenses.close()
            opened.finders.close()
        self.looks.book.close()
        self.keys.close()


def tell_of_epoch(done: EpochRotation) -> None:
    """Tell the security log that an epoch of the keys began."""
    security_event(
        Event.KEY_EPOCH_BEGUN,
        epoch=done.epoch,
        rewrapped=done.rewrapped,
        destroyed=len(done.destroyed),
    )


def open_person_keys(settings: Settings, clock: Clock) -> FilePersonKeys:
    """Open the keys of a deployment, with the master key where the environment gives one."""
    master = EnvironmentMasterKey() if VARIABLE in os.environ else None
    return FilePersonKeys(settings.keys, clock, master=master)


def _store_of(datamap: DataMap, url: str) -> DataStore:
    store, _ = data_map.store_of(datamap, url)
    return store


def behind_lenses(store: DataStore) -> tuple[str, ...]:
    """Return the tables of a data store that lie behind lenses."""
    return tuple(table.name for table in store.tables.values() if table.lensed)
