"""How much a latent action holds, and how it is spread over dimensions or codes.

RankMe               exp(-sum_i p_i ln p_i), p_i = s_i / sum s, s singular values of centred z
                     (arXiv 2210.02885, there without centring)
participation ratio  (sum l)^2 / sum l^2, l eigenvalues of the covariance of z
active units         dimensions whose mean varies, Var(mu_i) > 0.01 (arXiv 1509.00519)
KL bits              sum_i KL_i / ln 2, mean over pairs
perplexity           2^H, H the entropy of code frequencies in bits; usage: share of codes seen
Gini                 sum_i (2 i - n - 1) x_i / (n sum x), x = |z| of a pair, ascending: 0 equal,
                     towards 1 where one dimension holds all; mean over pairs
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

ACTIVE_VARIANCE: Final = 0.01


def rank_me(z: npt.NDArray[Any]) -> float | None:
    """Effective rank of latent actions (n, K), 1 to min(n, K); None where they do not vary."""
    values = np.linalg.svd(_centred(z), compute_uv=False)
    if values.sum() == 0:
        return None
    p = values / values.sum()
    p = p[p > 0]
    return float(np.exp(-(p * np.log(p)).sum()))


def participation_ratio(z: npt.NDArray[Any]) -> float | None:
    """Effective dimensions of latent actions (n, K), 1 to K; None where they do not vary."""
    values = np.square(np.linalg.svd(_centred(z), compute_uv=False))
    return float(values.sum() ** 2 / np.square(values).sum()) if values.sum() > 0 else None


def active_units(mean: npt.NDArray[Any]) -> int:
    """Dimensions of (n, K) inferred means that vary."""
    return int((np.asarray(mean, dtype=np.float64).var(0) > ACTIVE_VARIANCE).sum())


def kl_bits(mean: npt.NDArray[Any], log_variance: npt.NDArray[Any]) -> float:
    """Mean KL divergence of (n, K) posteriors from a standard normal, bits."""
    m, v = (np.asarray(part, dtype=np.float64) for part in (mean, log_variance))
    return float((0.5 * (m**2 + np.exp(v) - 1 - v)).sum(1).mean() / np.log(2))


@dataclass(frozen=True, slots=True)
class CodeUse:
    """How a codebook is used.

    Attributes:
        perplexity: 1 to the number of codes.
        usage: Share of codes that occur.
        bits: Entropy of a code.
    """

    perplexity: float
    usage: float
    bits: float


def code_use(codes: npt.NDArray[np.integer[Any]], size: int) -> CodeUse:
    """Count codes, tokens of one latent action pooled.

    Args:
        codes: Integers from 0 to `size` - 1, of any shape, at least one.
        size: Codes in the codebook.

    Raises:
        ValueError: There are no codes, or one is outside of the codebook.
    """
    flat = np.asarray(codes).reshape(-1)
    if not len(flat) or flat.min() < 0 or flat.max() >= size:
        raise ValueError(f"codes must be 0 to {size - 1}, at least one")
    p = np.bincount(flat, minlength=size) / len(flat)
    seen = p[p > 0]
    bits = float(-(seen * np.log2(seen)).sum())
    return CodeUse(2**bits, len(seen) / size, abs(bits))


def gini(z: npt.NDArray[Any]) -> float | None:
    """Mean Gini coefficient of |z| over pairs (n, K); pairs that are all 0 do not count."""
    x = np.sort(np.abs(np.asarray(z, dtype=np.float64)), axis=1)
    total = x.sum(1)
    n = x.shape[1]
    rank = 2 * np.arange(1, n + 1) - n - 1
    alive = total > 0
    return float(((x @ rank)[alive] / (n * total[alive])).mean()) if alive.any() else None


def _centred(z: npt.NDArray[Any]) -> Array:
    values = np.asarray(z, dtype=np.float64)
    centred: Array = values - values.mean(0)
    # What rounding leaves of equal numbers is no variation.
    centred[:, np.abs(centred).max(0) <= 1e-12 * np.abs(values).max(initial=0)] = 0
    return centred
