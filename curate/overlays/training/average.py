"""Averages weights of fits that began alike: close to the mean of their answers, at one's cost.

Fits that go on from the same weights differ little enough that between them the loss stays low
(Wortsman et al. 2022, Model soups, arXiv 2203.05482). Fits from random weights do not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def averaged(
    fits: Sequence[Mapping[str, npt.NDArray[Any]]],
) -> dict[str, npt.NDArray[np.float16]]:
    """The mean of each array.

    Args:
        fits: Weights of at least one fit, as `train.fit` returns them, all begun with the same.

    Raises:
        ValueError: If their names or shapes differ.
    """
    shapes = [{name: array.shape for name, array in weights.items()} for weights in fits]
    if not shapes or any(found != shapes[0] for found in shapes[1:]):
        raise ValueError("only weights of one network can be averaged")
    return {
        name: np.mean([weights[name].astype(np.float32) for weights in fits], axis=0).astype(
            np.float16
        )
        for name in shapes[0]
    }
