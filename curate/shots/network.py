"""The temporal network over shot signals: a small residual 1-D convolutional network in numpy.

Scores of frame t depend on signals of frames t - REACH to t + REACH. The weights are in a file
beside this module; `curate.shots.training` made them and says from what.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.shots.signals import NAMES

Floats = npt.NDArray[np.float32]

DILATIONS: Final = (1, 2, 4, 8, 16)
KERNEL: Final = 5
REACH: Final = sum(DILATIONS) * (KERNEL // 2)
"""Frames on each side that a frame's scores depend on, beside those that its signals read."""
_FILE: Final = files("curate.shots").joinpath("weights.npz")
OUTPUTS: Final = ("cut", "dissolve", "fade", "wipe")


@dataclass(frozen=True, slots=True)
class Network:
    """Weights; S signals, C channels.

    Attributes:
        arrays: `in.weight` (S, C), `in.bias`; per block i `i.weight` (KERNEL * C, C), `i.bias`;
            `mid.weight` (C, M), `mid.bias`; `out.weight` (M, 5), `out.bias`: logit of a cut, then
            logits of no gradual transition, dissolve, fade and wipe. The standardisation of the
            signals is folded into `in`.
    """

    arrays: dict[str, Floats]

    def scores(self, signals: npt.NDArray[np.uint8]) -> Floats:
        """Scores of every frame, as if nothing came before or after.

        Args:
            signals: (T, S) uint8.

        Returns:
            (T, 4) in 0 to 1, named by OUTPUTS.
        """
        logits = self.logits(signals)
        cut = 1 / (1 + np.exp(-logits[:, :1]))
        power = np.exp(logits[:, 1:] - logits[:, 1:].max(1, keepdims=True))
        return np.concatenate([cut, power[:, 1:] / power.sum(1, keepdims=True)], axis=1)

    def logits(self, signals: npt.NDArray[np.uint8]) -> Floats:
        """The (T, 5) outputs before sigmoid and softmax."""
        weights = self.arrays
        state = signals.astype(np.float32) @ weights["in.weight"] + weights["in.bias"]
        for block, dilation in enumerate(DILATIONS):
            reach = dilation * (KERNEL // 2)
            padded = np.pad(state, ((reach, reach), (0, 0)))
            columns = np.concatenate(
                [padded[k * dilation :][: len(state)] for k in range(KERNEL)], axis=1
            )
            change = columns @ weights[f"{block}.weight"] + weights[f"{block}.bias"]
            state = state + np.maximum(change, 0)
        hidden = np.maximum(state @ weights["mid.weight"] + weights["mid.bias"], 0)
        return np.asarray(hidden @ weights["out.weight"] + weights["out.bias"], np.float32)


@cache
def digest() -> str:
    """Hash of the shipped weights."""
    return blake2b(_FILE.read_bytes(), digest_size=8).hexdigest()


@cache
def shipped() -> Network:
    """The network whose weights are in the package."""
    with np.load(BytesIO(_FILE.read_bytes()), allow_pickle=False) as arrays:
        network = Network({name: arrays[name].astype(np.float32) for name in arrays.files})
    if network.arrays["in.weight"].shape[0] != len(NAMES):
        raise RuntimeError("the network's weights were made for other signals")
    return network
