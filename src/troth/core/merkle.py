"""The Merkle tree of RFC 6962 §2.1 over tiles of 256 hashes (C2SP tlog-tiles), as pure functions.

A tree of ``size`` leaves is known by its tiles. Tile ``(level, index)`` holds up to 256 hashes,
each the hash of a perfect subtree of ``256 ** level`` leaves. Everything that a proof needs lies in
the tiles, so the tree is never held in memory: a proof over a million leaves reads three tiles.

Appending needs less still, the `Edge`: the hashes of the last, not yet full tile of each level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

HASH_BYTES = 32
TILE_WIDTH = 256
TILE_BITS = 8
EMPTY_ROOT = sha256(b"").digest()


class TileReader(Protocol):
    """Where the tiles of one tree lie."""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first ``width`` hashes of a tile, joined (32 * width bytes)."""
        ...


@dataclass(frozen=True, slots=True)
class FullTile:
    """A tile of 256 hashes that will never change; ``root`` is its entry in the level above."""

    level: int
    index: int
    hashes: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class TileAddress:
    """Where a tile lies; below 256 its ``width`` says how much of it a tree of some size has."""

    level: int
    index: int
    width: int


@dataclass(frozen=True, slots=True)
class Edge:
    """The right edge of a tree: what must be known to append to it.

    ``rows[level]`` holds the 0 to 255 hashes of the partial tile of that level.
    """

    size: int
    rows: tuple[tuple[bytes, ...], ...]


EMPTY_EDGE = Edge(0, ())


def leaf_hash(entry: bytes) -> bytes:
    """Hash one log entry (RFC 6962 §2.1: SHA-256 of 0x00 and the entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent (RFC 6962 §2.1: SHA-256 of 0x01, left and right)."""
    return sha256(b"\x01" + left + right).digest()


def perfect_root(joined: bytes) -> bytes:
    """Return the root over a power of two of joined hashes."""
    while len(joined) > HASH_BYTES:
        joined = b"".join(
            [sha256(b"\x01" + joined[at : at + 64]).digest() for at in range(0, len(joined), 64)]
        )
    return joined


def _fold(subtrees: Sequence[bytes]) -> bytes:
    """Join perfect subtrees of falling size, left to right, into one root."""
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root


def _perfect_parts(low: int, high: int) -> list[tuple[int, int]]:
    """Split the leaves [low, high) into perfect subtrees, as (height, index), left to right.

    ``low`` must be a multiple of the largest power of two that fits, which holds for every range
    that RFC 6962 names.
    """
    parts = []
    while low < high:
        height = (high - low).bit_length() - 1
        parts.append((height, low >> height))
        low += 1 << height
    return parts


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the tree head over leaf hashes held in memory (RFC 6962 §2.1, MTH)."""
    if not hashes:
        return EMPTY_ROOT
    return _fold(
        [
            perfect_root(b"".join(hashes[index << height : (index + 1) << height]))
            for height, index in _perfect_parts(0, len(hashes))
        ]
    )


def extend(edge: Edge, leaf_hashes: Sequence[bytes]) -> tuple[Edge, list[FullTile]]:
    """Append leaves to a tree.

    Args:
        edge: The right edge before.
        leaf_hashes: The hashes of the new entries, in order; may be empty.

    Returns:
        The right edge after, and every tile that became full, lower levels first.
    """
    size = edge.size + len(leaf_hashes)
    rows: list[tuple[bytes, ...]] = []
    full: list[FullTile] = []
    arriving: Sequence[bytes] = leaf_hashes
    level = 0
    while arriving or level < len(edge.rows):
        held = edge.rows[level] if level < len(edge.rows) else ()
        row = (*held, *arriving)
        first = ((edge.size >> (TILE_BITS * level)) - len(held)) >> TILE_BITS
        roots = []
        for start in range(0, len(row) - TILE_WIDTH + 1, TILE_WIDTH):
            joined = b"".join(row[start : start + TILE_WIDTH])
            roots.append(perfect_root(joined))
            full.append(FullTile(level, first + len(roots) - 1, joined, roots[-1]))
        rows.append(row[len(roots) * TILE_WIDTH :])
        arriving = roots
        level += 1
    return Edge(size, tuple(rows)), full


def edge_root(edge: Edge) -> bytes:
    """Return the tree head of the tree that has this right edge."""
    if not edge.size:
        return EMPTY_ROOT
    subtrees = []
    for row in reversed(edge.rows):
        subtrees += [
            perfect_root(b"".join(row[index << height : (index + 1) << height]))
            for height, index in _perfect_parts(0, len(row))
        ]
    return _fold(subtrees)


def partial_tiles(size: int) -> list[TileAddress]:
    """Return the partial tiles of a tree, lowest level first.

    A level whose last tile is just full has none (tlog-tiles: "Empty tiles MUST NOT be served").
    """
    tiles = []
    for level in range((size.bit_length() + TILE_BITS - 1) // TILE_BITS):
        index, width = divmod(size >> (TILE_BITS * level), TILE_WIDTH)
        if width:
            tiles.append(TileAddress(level, index, width))
    return tiles


def tiles_between(old_size: int, size: int, newest_size: int) -> list[TileAddress]:
    """Return the tiles to publish when a log grows from one checkpoint to the next.

    Args:
        old_size: The size that is published.
        size: The size of the next checkpoint.
        newest_size: The size of the newest one; partial tiles that are full there are left out,
            as tlog-tiles allows once the full tile is published.
    """
    tiles = []
    for level in range((size.bit_length() + TILE_BITS - 1) // TILE_BITS):
        shift = TILE_BITS * (level + 1)
        full = range(old_size >> shift, size >> shift)
        tiles += [TileAddress(level, index, TILE_WIDTH) for index in full]
    before = partial_tiles(old_size)
    for partial in partial_tiles(size):
        is_full_later = partial.index < newest_size >> (TILE_BITS * (partial.level + 1))
        if partial not in before and not is_full_later:
            tiles.append(partial)
    return tiles


def _reader(size: int, tiles: TileReader) -> Callable[[int, int], bytes]:
    """Return a function from (height, index) to the hash of that perfect subtree."""
    held: dict[tuple[int, int], bytes] = {}

    def subtree(height: int, index: int) -> bytes:
        level, inside = divmod(height, TILE_BITS)
        first = index << inside
        at = (level, first // TILE_WIDTH)
        if at not in held:
            count = size >> (TILE_BITS * level)
            held[at] = tiles.tile(*at, min(TILE_WIDTH, count - at[1] * TILE_WIDTH))
        offset = first % TILE_WIDTH
        return perfect_root(held[at][offset * HASH_BYTES : (offset + (1 << inside)) * HASH_BYTES])

    return subtree


def _range_hash(low: int, high: int, subtree: Callable[[int, int], bytes]) -> bytes:
    return _fold([subtree(height, index) for height, index in _perfect_parts(low, high)])


def root_at(size: int, tiles: TileReader) -> bytes:
    """Return the tree head of the first ``size`` leaves (RFC 6962 §2.1)."""
    return _range_hash(0, size, _reader(size, tiles)) if size else EMPTY_ROOT


def inclusion_path(leaf_index: int, size: int, tiles: TileReader) -> list[bytes]:
    """Return the audit path of a leaf in the tree of ``size`` leaves, leaf's sibling first.

    Raises:
        ValueError: The leaf is not in the tree.

    Source: RFC 6962 §2.1.1.
    """
    if not 0 <= leaf_index < size:
        msg = f"leaf {leaf_index} is not in a tree of {size}"
        raise ValueError(msg)
    subtree = _reader(size, tiles)
    path = []
    low, high = 0, size
    while high - low > 1:
        split = low + (1 << ((high - low - 1).bit_length() - 1))
        if leaf_index < split:
            path.append(_range_hash(split, high, subtree))
            high = split
        else:
            path.append(_range_hash(low, split, subtree))
            low = split
    path.reverse()
    return path


def consistency_path(old_size: int, size: int, tiles: TileReader) -> list[bytes]:
    """Return the proof that the tree of ``old_size`` leaves is the beginning of the newer one.

    Empty when the sizes are equal or the old tree is empty: there is nothing to prove.

    Raises:
        ValueError: The old tree is larger than the new one.

    Source: RFC 6962 §2.1.2.
    """
    if not 0 <= old_size <= size:
        msg = f"a tree of {size} cannot extend one of {old_size}"
        raise ValueError(msg)
    if old_size in (0, size):
        return []
    subtree = _reader(size, tiles)
    path = []
    low, high = 0, size
    old_is_whole = True
    while high != old_size:
        split = low + (1 << ((high - low - 1).bit_length() - 1))
        if old_size <= split:
            path.append(_range_hash(split, high, subtree))
            high = split
        else:
            path.append(_range_hash(low, split, subtree))
            low = split
            old_is_whole = False
    if not old_is_whole:
        path.append(_range_hash(low, high, subtree))
    path.reverse()
    return path


def verify_inclusion(
    leaf: bytes, leaf_index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether an audit path proves that the leaf hash stands at this place of the tree.

    Source: RFC 9162 §2.1.3.2 (the same tree as RFC 6962, with the check written out).
    """
    if not 0 <= leaf_index < size:
        return False
    node, last = leaf_index, size - 1
    computed = leaf
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(
    old_size: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]
) -> bool:
    """Tell whether a proof shows that the new tree only appended to the old one.

    Source: RFC 9162 §2.1.4.2. The empty tree is the beginning of every tree.
    """
    if not 0 <= old_size <= size:
        return False
    if old_size == size:
        return not path and old_root == root
    if old_size == 0:
        return not path and old_root == EMPTY_ROOT
    proof = list(path)
    if old_size & (old_size - 1) == 0:
        proof.insert(0, old_root)
    return bool(proof) and _roots_of_consistency(old_size, size, proof) == (old_root, root)


def _roots_of_consistency(
    old_size: int, size: int, proof: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Return the old and the new root that a proof leads to, or None if its length is wrong."""
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    from_old = from_new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            from_old = node_hash(sibling, from_old)
            from_new = node_hash(sibling, from_new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            from_new = node_hash(from_new, sibling)
        node, last = node >> 1, last >> 1
    return (from_old, from_new) if last == 0 else None
