"""The stills of clips compared pair by pair: is it the same footage, and at which offset."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.signature import BITS, hamming

_COMPARISONS_PER_BLOCK: Final = 1 << 22
"""Time differences (float64) held at once while pairs are verified."""

_LEAST_SHARE: Final = 0.5
"""Of a clip's usable stills that must have a partner."""

_CLOCK_S: Final = 1e-6
"""Times that differ by less are equal but for rounding."""

_SUPPORT_STEP: Final = 0.02
"""Offsets whose support differs by less count as equally good; embedders jitter by this much."""


@dataclass(frozen=True, slots=True)
class Stills:
    """The stills of n clips, padded to the K of the clip that has most.

    Attributes:
        t_s: (n, K) seconds after the clip's start; nan where a clip has no such still.
        signatures: (n, K, 32) uint8.
        usable: (n, K) whether the still exists and its signature says something.
        vectors: Per clip (k, D) float16 unit rows.
    """

    t_s: npt.NDArray[np.float64]
    signatures: npt.NDArray[np.uint8]
    usable: npt.NDArray[np.bool_]
    vectors: list[npt.NDArray[np.float16]]

    def spacing_s(self, clips: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Mean time between the stills of each of `clips`; 0 where there is a single one."""
        t_s = self.t_s[clips]
        count = np.isfinite(t_s).sum(axis=1)
        reach = np.nanmax(t_s, axis=1) - np.nanmin(t_s, axis=1)
        return np.asarray(reach / np.maximum(count - 1, 1), np.float64)


def pad_stills(table: pl.DataFrame, min_quality: int) -> Stills:
    """Lay out the stills of embedded clips.

    Args:
        table: frame_vectors, frame_t_s, signatures and qualities of `embeddings`, a still at least.
        min_quality: PDQ quality below which a signature is not used.
    """
    times = table["frame_t_s"].to_list()
    widest = max((len(row) for row in times), default=1)
    t_s = np.full((len(times), widest), np.nan)
    signatures = np.zeros((len(times), widest, BITS // 8), np.uint8)
    usable = np.zeros((len(times), widest), np.bool_)
    vectors = []
    columns = table.select("signatures", "qualities", "frame_vectors").iter_rows()
    for clip, (packed, qualities, frame_vectors) in enumerate(columns):
        k = len(times[clip])
        t_s[clip, :k] = times[clip]
        signatures[clip, :k] = np.frombuffer(packed, np.uint8).reshape(k, -1)
        usable[clip, :k] = np.asarray(qualities) >= min_quality
        vectors.append(np.frombuffer(frame_vectors, "<f2").reshape(k, -1))
    return Stills(t_s, signatures, usable, vectors)


def verified(
    stills: Stills, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], max_hamming: int
) -> npt.NDArray[np.bool_]:
    """Whether the stills of pairs of clips show the same footage.

    At one and the same time offset, at least half of one clip's usable stills must have a partner
    in the other: of one, since an excerpt need not hold the other stills of the whole. Offsets
    agree when they differ by no more than half the time between stills of the sparser clip, since
    a copy's stills fall between those of the original.

    Args:
        stills: Of all clips.
        a: Clips, row numbers.
        b: The clips they are paired with.
        max_hamming: Distance up to which two signatures are the same picture, bits.

    Returns:
        One flag per pair; False where a clip has no usable still.
    """
    block = max(1, _COMPARISONS_PER_BLOCK // stills.t_s.shape[1] ** 4)
    parts = [
        _verified(stills, a[start : start + block], b[start : start + block], max_hamming)
        for start in range(0, len(a), block)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.bool_)


def _verified(
    stills: Stills, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], max_hamming: int
) -> npt.NDArray[np.bool_]:
    usable = stills.usable[a][:, :, None] & stills.usable[b][:, None, :]  # (P, K, K)
    match = usable & (hamming(stills.signatures[a], stills.signatures[b]) <= max_hamming)
    flags = np.zeros(len(a), np.bool_)
    some = np.flatnonzero(match.any(axis=(1, 2)))  # few of the pairs, and the rest is dear
    flags[some] = _aligned(stills, a[some], b[some], match[some])
    return flags


def _aligned(
    stills: Stills,
    a: npt.NDArray[np.int64],
    b: npt.NDArray[np.int64],
    match: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Whether enough of the matches (P, K, K) of pairs agree on one offset."""
    offsets = stills.t_s[b][:, None, :] - stills.t_s[a][:, :, None]  # (P, K, K)
    slack = np.maximum(stills.spacing_s(a), stills.spacing_s(b)) / 2 + _CLOCK_S
    # Every match proposes its offset; the other matches agree with it or not.
    every = match.shape[1] * match.shape[2]
    proposed = offsets.reshape(-1, every)[:, :, None, None]  # (P, K * K, 1, 1)
    agree = match[:, None] & (np.abs(offsets[:, None] - proposed) <= slack[:, None, None, None])
    agree &= match.reshape(-1, every)[:, :, None, None]  # (P, K * K, K, K)
    shares = [
        _best_share(np.any(agree, axis=3), stills.usable[a]),
        _best_share(np.any(agree, axis=2), stills.usable[b]),
    ]
    return np.asarray(np.maximum(*shares) >= _LEAST_SHARE, np.bool_)


def _best_share(
    partnered: npt.NDArray[np.bool_], usable: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Largest share of a clip's usable stills (P, K) with a partner, of all offsets (P, O, K)."""
    most = partnered.sum(axis=2).max(axis=1)
    return np.asarray(most / np.maximum(usable.sum(axis=1), 1), np.float64)


def best_offset(stills: Stills, clip: int, other: int) -> float:
    """Where a clip starts on another clip's clock, as its best aligned stills say.

    The resolution is that of the stills: half the time between those of the sparser clip.

    Args:
        stills: Of all clips.
        clip: Row number of the clip.
        other: Row number of the clip that it is a copy of.

    Returns:
        Seconds after the other clip's start; negative when this clip starts earlier.
    """
    likeness = stills.vectors[clip].astype(np.float32) @ stills.vectors[other].astype(np.float32).T
    k, m = likeness.shape
    known = stills.usable[clip, :k, None] & stills.usable[other, None, :m]
    bits = hamming(stills.signatures[clip, :k], stills.signatures[other, :m])
    likeness = likeness + np.where(known, 1 - 2 * bits / BITS, 0)
    # Stills of a static clip resemble each other at every offset: what exceeds the mean counts.
    gain = likeness - likeness.mean()
    offsets = stills.t_s[other, None, :m] - stills.t_s[clip, :k, None]  # (k, m)
    slack = float(stills.spacing_s(np.array([clip, other])).max()) / 2 + _CLOCK_S
    proposals = offsets.ravel()
    agree = np.abs(offsets - proposals[:, None, None]) <= slack
    support = np.round((agree * gain).sum(axis=(1, 2)) / _SUPPORT_STEP)
    best = np.lexsort((np.abs(proposals), -support))[0]
    return float(proposals[best])
