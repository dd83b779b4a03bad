"""The tree against the vectors of Certificate Transparency, and against the RFC's own recursion."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.core.merkle import (
    EMPTY_EDGE,
    EMPTY_ROOT,
    HASH_BYTES,
    TILE_WIDTH,
    Edge,
    FullTile,
    TileAddress,
    consistency_path,
    edge_root,
    extend,
    inclusion_path,
    leaf_hash,
    node_hash,
    partial_tiles,
    root_at,
    root_of,
    tiles_between,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves and their tree heads of the Certificate Transparency reference tests, which
# every implementation of RFC 6962 carries.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CT_CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class GrownTree:
    """A tree grown in batches whose tiles can be read as a stored one's can."""

    def __init__(self, *batches: Sequence[bytes]) -> None:
        self.full: dict[tuple[int, int], FullTile] = {}
        self.edge: Edge = EMPTY_EDGE
        self.leaf_hashes: list[bytes] = []
        for batch in batches:
            self.leaf_hashes += batch
            self.edge, tiles = extend(self.edge, batch)
            self.full.update({(tile.level, tile.index): tile for tile in tiles})

    def tile(self, level: int, index: int, width: int) -> bytes:
        if (level, index) in self.full:
            return self.full[level, index].hashes[: width * HASH_BYTES]
        return b"".join(self.edge.rows[level][:width])


def mth(hashes: Sequence[bytes]) -> bytes:
    """RFC 6962 §2.1 word by word: slow, and the measure of everything else here."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(mth(hashes[:k]), mth(hashes[k:]))


def numbered(count: int) -> list[bytes]:
    return [leaf_hash(b"entry %d" % number) for number in range(count)]


CT_TREE = GrownTree([leaf_hash(leaf) for leaf in CT_LEAVES])
BIG = GrownTree(numbered(70_000))


@pytest.mark.parametrize("size", range(9))
def test_heads_equal_the_certificate_transparency_vectors(size: int) -> None:
    hashes = [leaf_hash(leaf) for leaf in CT_LEAVES[:size]]
    assert root_of(hashes).hex() == CT_ROOTS[size]
    assert edge_root(GrownTree(hashes).edge).hex() == CT_ROOTS[size]
    assert root_at(size, CT_TREE).hex() == CT_ROOTS[size]


@pytest.mark.parametrize(("leaf_index", "size"), CT_INCLUSION)
def test_audit_paths_equal_the_certificate_transparency_vectors(leaf_index: int, size: int) -> None:
    path = inclusion_path(leaf_index, size, CT_TREE)
    assert [step.hex() for step in path] == CT_INCLUSION[leaf_index, size]


@pytest.mark.parametrize(("old_size", "size"), CT_CONSISTENCY)
def test_consistency_equals_the_certificate_transparency_vectors(old_size: int, size: int) -> None:
    path = consistency_path(old_size, size, CT_TREE)
    assert [step.hex() for step in path] == CT_CONSISTENCY[old_size, size]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537])
def test_a_head_over_tiles_equals_the_recursion_of_the_rfc(size: int) -> None:
    assert root_at(size, BIG) == mth(BIG.leaf_hashes[:size]) == root_of(BIG.leaf_hashes[:size])


def test_the_tree_of_the_specification_has_its_273_tiles_and_three_partial_ones() -> None:
    # The worked example of tlog-tiles, "Partial Tiles": 70,000 entries.
    assert sum(level == 0 for level, _ in BIG.full) == 273
    assert sum(level == 1 for level, _ in BIG.full) == 1
    assert partial_tiles(70_000) == [
        TileAddress(0, 273, 112),
        TileAddress(1, 1, 17),
        TileAddress(2, 0, 1),
    ]
    assert [len(row) for row in BIG.edge.rows] == [112, 17, 1]


def test_a_tree_of_256_has_one_full_tile_and_one_hash_above_it() -> None:
    assert partial_tiles(256) == [TileAddress(1, 0, 1)]
    assert partial_tiles(0) == []


@given(st.lists(st.integers(0, 700), max_size=6))
def test_batches_of_any_size_grow_the_same_tree_as_one(sizes: list[int]) -> None:
    hashes = numbered(sum(sizes))
    batches, start = [], 0
    for size in sizes:
        batches.append(hashes[start : start + size])
        start += size
    grown, at_once = GrownTree(*batches), GrownTree(hashes)
    assert grown.edge == at_once.edge
    assert grown.full == at_once.full
    assert edge_root(grown.edge) == root_of(hashes)


@given(st.data())
def test_every_leaf_is_proved_and_no_other_leaf_place_or_head_is(data: st.DataObject) -> None:
    size = data.draw(st.one_of(st.integers(1, 70_000), st.sampled_from([256, 257, 65_536])))
    leaf_index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(leaf_index, size, BIG)
    root = root_at(size, BIG)
    leaf = BIG.leaf_hashes[leaf_index]
    assert verify_inclusion(leaf, leaf_index, size, path, root)
    assert not verify_inclusion(leaf_hash(b"another"), leaf_index, size, path, root)
    assert not verify_inclusion(leaf, leaf_index, size, path, leaf_hash(b"another"))
    assert not verify_inclusion(leaf, leaf_index, size, [*path, root], root)
    assert not verify_inclusion(leaf, size, size, path, root)
    if path:
        assert not verify_inclusion(leaf, leaf_index, size, path[:-1], root)
        assert not verify_inclusion(leaf, leaf_index ^ 1, size, path, root)
        spoilt = data.draw(st.integers(0, len(path) - 1))
        wrong = [*path[:spoilt], leaf_hash(b"wrong"), *path[spoilt + 1 :]]
        assert not verify_inclusion(leaf, leaf_index, size, wrong, root)


@given(st.integers(0, 70_000), st.integers(0, 70_000), st.data())
def test_growth_is_proved_and_a_rewritten_past_is_not(
    one: int, other: int, data: st.DataObject
) -> None:
    old_size, size = sorted((one, other))
    path = consistency_path(old_size, size, BIG)
    old_root, root = root_at(old_size, BIG), root_at(size, BIG)
    assert verify_consistency(old_size, size, old_root, root, path)
    assert not verify_consistency(old_size, size, leaf_hash(b"rewritten"), root, path)
    assert not verify_consistency(old_size, size, old_root, root, [*path, root])
    if old_size:
        assert not verify_consistency(old_size, size, old_root, leaf_hash(b"forked"), path)
    if path:
        spoilt = data.draw(st.integers(0, len(path) - 1))
        wrong = [*path[:spoilt], leaf_hash(b"wrong"), *path[spoilt + 1 :]]
        assert not verify_consistency(old_size, size, old_root, root, wrong)
        assert not verify_consistency(old_size, size, old_root, root, path[:-1])


def test_a_smaller_tree_never_extends_a_larger_one() -> None:
    assert not verify_consistency(8, 4, root_at(8, BIG), root_at(4, BIG), [])
    with pytest.raises(ValueError, match="cannot extend"):
        consistency_path(8, 4, BIG)


def test_a_leaf_beyond_the_tree_has_no_path() -> None:
    with pytest.raises(ValueError, match="not in a tree of 4"):
        inclusion_path(4, 4, BIG)


def test_a_node_cannot_pass_for_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert root_of([]) == EMPTY_ROOT


def test_a_tile_is_as_wide_as_the_specification_says() -> None:
    assert {len(tile.hashes) for tile in BIG.full.values()} == {TILE_WIDTH * HASH_BYTES}


@given(st.lists(st.integers(1, 900), min_size=1, max_size=6))
def test_publishing_step_by_step_leaves_every_tile_that_the_newest_tree_needs(
    growth: list[int],
) -> None:
    sizes = [sum(growth[: count + 1]) for count in range(len(growth))]
    there: set[TileAddress] = set()
    old_size = 0
    for size in sizes:
        there.update(tiles_between(old_size, size, sizes[-1]))
        old_size = size
    newest = sizes[-1]
    wanted = {
        TileAddress(level, index, TILE_WIDTH)
        for level in range(3)
        for index in range(newest >> 8 * (level + 1))
    }
    assert wanted | set(partial_tiles(newest)) <= there
    # Every smaller checkpoint keeps its partial tile, or the full one that grew from it.
    for size in sizes:
        for partial in partial_tiles(size):
            full = TileAddress(partial.level, partial.index, TILE_WIDTH)
            assert partial in there or full in there
