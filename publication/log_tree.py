"""The release ledger as a log that only grows: an RFC 6962 tree over its entries.

The tree of the first n entries is fixed as soon as they are written, so whoever keeps its root and n can tell later whether
these entries still stand there.

Belongs here: leaves, roots, proofs of inclusion and consistency (RFC 6962, 2.1). Does not belong here: who signs a root
(`checkpoints`), trees over rows (`hashing`).
"""

import hashlib
from collections.abc import Sequence

from publication.hashing import merkle_root, node_of


def log_leaf(entry: bytes) -> bytes:
    """Return the leaf of an entry's bytes."""
    return hashlib.sha256(b"\x00" + entry).digest()


def log_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaves in their order."""
    return bytes.fromhex(merkle_root(list(leaves)))


def consistency(leaves: Sequence[bytes], older: int) -> list[bytes]:
    """Return the proof that the tree of the first `older` leaves is a beginning of the tree over all (RFC 6962, 2.1.2)."""
    return _subproof(leaves, older, whole=True) if 0 < older < len(leaves) else []


def inclusion(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """Return the proof that the leaf at a place (from 0) stands in the tree over all leaves (RFC 6962, 2.1.1)."""
    if len(leaves) <= 1:
        return []
    half = _half(len(leaves))
    if place < half:
        return [*inclusion(leaves[:half], place), log_root(leaves[half:])]
    return [*inclusion(leaves[half:], place - half), log_root(leaves[:half])]


def is_included(leaf: bytes, place: int, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether a proof shows that a leaf stands at a place of the tree of a size (RFC 9162, 2.1.3.2)."""
    if not 0 <= place < size:
        return False
    node, last = leaf, size - 1
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_of(step, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_of(node, step)
        place, last = place >> 1, last >> 1
    return (node, last) == (root, 0)


def is_consistent(older: int, older_root: bytes, newer: int, newer_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether a proof shows that the older tree is a beginning of the newer (RFC 9162, 2.1.4.2)."""
    if not 0 < older < newer:
        return not proof and (older == 0 or (older == newer and older_root == newer_root))
    steps = [older_root, *proof] if older & (older - 1) == 0 else list(proof)
    if not steps:
        return False
    place, last = older - 1, newer - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node_of(step, first), node_of(step, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_of(second, step)
        place, last = place >> 1, last >> 1
    return (first, second, last) == (older_root, newer_root, 0)


def _subproof(leaves: Sequence[bytes], older: int, *, whole: bool) -> list[bytes]:
    if older == len(leaves):
        return [] if whole else [log_root(leaves)]
    half = _half(len(leaves))
    if older <= half:
        return [*_subproof(leaves[:half], older, whole=whole), log_root(leaves[half:])]
    return [*_subproof(leaves[half:], older - half, whole=False), log_root(leaves[:half])]


def _half(size: int) -> int:
    """The largest power of two below a size."""
    return 1 << (size - 1).bit_length() - 1
