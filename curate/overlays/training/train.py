"""Fits the overlay network to samples."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, as_tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from curate.overlays.training.labels import SIZE
from curate.overlays.training.synthesis import Sample
from filters.overlay_maps import CHANNELS, NEUTRAL
from filters.overlay_network import CELL, OFFSET, SCALE
from filters.text_overlay import WORDS

logger = logging.getLogger(__name__)

PICTURES: Final = 4
"""The first maps are pictures: the mean and three frames; five differences follow, then colour."""
CROP: Final = (112, 192)
"""Rows and columns of the parts of the maps that a batch holds."""
WIDTHS: Final = (16, 32, 64)
"""Channels at a half, a quarter and an eighth of the size."""
COVERED_WEIGHT: Final = 3.0
"""Weight of covered cells against free ones, which are 30 times as many."""


HARD_SHARE: Final = 8
"""One in so many samples is drawn again and again in the second half of the steps: those in which
the network then sees most that is not there."""
HARD_TIMES: Final = 2
"""How often more they are drawn."""
FALSE_CELLS: Final = 20
"""Cells that most look like an overlay and are none, whose mean answer says how much it sees."""
WORDS_WEIGHT: Final = 0.4
"""Weight of the surest WORDS, over which a clip's score is taken, against the mean over cells."""
INVERTED: Final = 0.1
"""Share of the parts drawn as negatives of themselves."""
COLOURLESS: Final = 0.12
"""Share of the parts drawn without colour."""
RARE: Final = -3.0
"""Log odds of an overlay at the start: most cells are free."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps, batch size, peak learning rate, steps until it is reached, and seed."""

    steps: int = 8000
    batch: int = 16
    rate: float = 1.5e-3
    warm: int = 200
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Tones:
    """Luma of 0 to 1 becomes gain * luma + base, chroma about its middle is turned.

    Attributes:
        gain: (N,) float32.
        base: (N,) float32.
        turn: (N, 2, 2) float32, a rotation times a factor 0 or more.
    """

    gain: npt.NDArray[np.float32]
    base: npt.NDArray[np.float32]
    turn: npt.NDArray[np.float32]


class Model(nn.Module):
    """The network that `filters.overlay_network` computes in numpy.

    Args:
        normed: Whether batches are normalised after each layer, as the fit needs it;
            `Model.weights` then are those of the same network without.
    """

    def __init__(self, normed: bool = False) -> None:
        super().__init__()
        first, middle, last = WIDTHS
        self.a = nn.Conv2d(CHANNELS, first, 3, 2, 1)
        self.b = nn.Conv2d(first, middle, 3, 2, 1)
        self.c = nn.Conv2d(middle, middle, 3, 1, 1)
        self.d = nn.Conv2d(middle, last, 3, 2, 1)
        self.e = nn.Conv2d(last, last, 3, 1, 2, dilation=2)
        self.f = nn.Conv2d(last, last, 3, 1, 4, dilation=4)
        self.g = nn.Conv2d(middle + last, middle, 1)
        self.h = nn.Conv2d(middle, middle, 3, 1, 1)
        self.o = nn.Conv2d(middle, 2, 1)
        hidden = {k: getattr(self, k).out_channels for k in "abcdefgh"} if normed else {}
        self.norms = nn.ModuleDict({k: nn.BatchNorm2d(count) for k, count in hidden.items()})

    def forward(self, x: Tensor) -> Tensor:
        """(N, 2, H / 4, W / 4) logits of (N, CHANNELS, H, W) maps, scaled by `scaled`."""
        x = self._layer("c", self._layer("b", self._layer("a", x)))
        y = self._layer("d", x)
        for name in "ef":
            y = y + self._layer(name, y)
        y = y.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, : x.shape[2], : x.shape[3]]
        x = self._layer("g", torch.cat([x, y], 1))
        logits: Tensor = self.o(x + self._layer("h", x))
        return logits

    def weights(self) -> dict[str, Tensor]:
        """`<layer>.weight` and `<layer>.bias`, with the normalisation folded into them."""
        found: dict[str, Tensor] = {}
        for name in "abcdefgho":
            layer: nn.Conv2d = getattr(self, name)
            weight, bias = layer.weight, layer.bias
            if name in self.norms and isinstance(norm := self.norms[name], nn.BatchNorm2d):
                weight, bias = fuse_conv_bn_weights(
                    weight, bias, as_tensor(norm.running_mean), as_tensor(norm.running_var),
                    norm.eps, norm.weight, norm.bias,
                )  # fmt: skip
            found |= {f"{name}.weight": weight.detach(), f"{name}.bias": as_tensor(bias).detach()}
        return found

    def _layer(self, name: str, x: Tensor) -> Tensor:
        x = getattr(self, name)(x)
        x = self.norms[name](x) if name in self.norms else x
        return x.relu()


Begin = Callable[["Batches", np.random.Generator], Model]


def fit(
    samples: Sequence[Sample], recipe: Recipe, start: Begin | None = None
) -> tuple[dict[str, npt.NDArray[np.float16]], float]:
    """Fit the network.

    Args:
        samples: At least one batch of them.
        recipe: How.
        start: Gives the model to begin with, from batches and their source of choices; None begins
            with random weights.

    Returns:
        Weights by name, and the loss at the end (mean of the last steps).
    """
    if len(samples) < recipe.batch:
        raise ValueError(f"need {recipe.batch} samples or more, got {len(samples)}")
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    losses, batches = [], Batches(samples, recipe, rng)
    model = (start or _fresh)(batches, rng).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=1e-3)
    for step in range(recipe.steps):
        if step == recipe.steps // 2:
            batches.insist(hardest(model, samples))
        maps, labels = batches.draw()
        warm = min(1.0, (step + 1) / recipe.warm)
        share = 0.5 + 0.5 * np.cos(np.pi * step / recipe.steps)
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * warm * share
        inputs = scaled(maps, toned(len(maps), rng)).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):  # twice as fast
            logits = model(inputs)
        loss = _loss(logits.float(), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        if (step + 1) % 1000 == 0:
            logger.info("step %d of %d: loss %.3f", step + 1, recipe.steps, np.mean(losses[-1000:]))
    weights = {k: v.numpy().astype(np.float16) for k, v in model.weights().items()}
    return weights, float(np.mean(losses[-100:]))


def _fresh(batches: "Batches", rng: np.random.Generator) -> Model:
    """A model with random weights, for which most cells are free."""
    model = Model(normed=True)
    nn.init.constant_(as_tensor(model.o.bias), RARE)
    return model


def scaled(maps: npt.NDArray[np.uint8], tones: Tones | None = None) -> Tensor:
    """(N, CHANNELS, H, W) uint8 as the network takes it, in other tones if these are given."""
    shift, scale = (torch.tensor(v).view(1, CHANNELS, 1, 1) for v in (OFFSET, SCALE))
    x = torch.from_numpy(np.ascontiguousarray(maps, np.float32)) / 255
    if tones is not None:
        gain, base = (torch.from_numpy(v).view(-1, 1, 1, 1) for v in (tones.gain, tones.base))
        turn, middle = torch.from_numpy(tones.turn), NEUTRAL / 255
        shown, changes = x[:, :PICTURES] * gain + base, x[:, PICTURES:-3] * gain.abs()
        colours = torch.einsum("nij,njhw->nihw", turn, x[:, -3:-1] - middle) + middle
        edges = x[:, -1:] * torch.linalg.det(turn).sqrt().view(-1, 1, 1, 1)
        x = torch.cat([shown, changes, colours, edges], dim=1)
    return (x - shift) * scale


def toned(count: int, rng: np.random.Generator) -> Tones:
    """Random tones: less or more contrast about the middle, lighter or darker, some inverted.

    They have less or more colour or none, half of them in other hues.
    What the maps hold of another tone is what they would hold of the clip in it: means and frames
    follow, range and gradients follow the contrast.
    """
    gain = rng.uniform(0.65, 1.15, count) * np.where(rng.random(count) < INVERTED, -1, 1)
    base = 0.5 - 0.5 * gain + rng.uniform(-0.08, 0.08, count)
    strength = np.where(rng.random(count) < COLOURLESS, 0, rng.uniform(0.4, 1.4, count))
    angle = np.where(rng.random(count) < 0.5, rng.uniform(0, 2 * np.pi, count), 0)
    cos, sin = strength * np.cos(angle), strength * np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)
    return Tones(*(values.astype(np.float32) for values in (gain, base, turn)))


def _loss(logits: Tensor, labels: npt.NDArray[np.uint8]) -> Tensor:
    """Cross-entropy over the decided cells, and of the words that most look like drawn text."""
    wanted = torch.from_numpy(labels.astype(np.int64))
    decided, covered = (wanted != 255).float(), (wanted == 1).float()
    each = functional.binary_cross_entropy_with_logits(logits, covered, reduction="none")
    weight = decided * (1 + (COVERED_WEIGHT - 1) * covered)
    return (each * weight).sum() / decided.sum() + WORDS_WEIGHT * _words_loss(logits[:, 1], wanted)


def _words_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """How unsure the surest text is, and how sure the surest text where there is none.

    A clip's score is the surest answer over WORDS, so one row of windows taken for text in a
    thousand costs as much as text that is missed; the mean over cells hardly sees it.

    Args:
        logits: (N, h, w) of text.
        wanted: (N, 2, h, w) of 0, 1 and 255.
    """
    sure = functional.avg_pool2d(logits.sigmoid()[:, None], WORDS, 1)[:, 0]
    free = functional.avg_pool2d((wanted[:, 1:] == 0).float(), WORDS, 1)[:, 0] > 0.999
    there = functional.avg_pool2d((wanted[:, 1:] == 1).float(), WORDS, 1)[:, 0] > 0.8
    wrong = torch.where(free, sure, 0).amax(dim=(1, 2))
    right = torch.where(there, sure, 0).amax(dim=(1, 2))[there.any(2).any(1)]
    return -(1 - wrong).clamp_min(1e-3).log().mean() - right.clamp_min(1e-3).log().sum() / len(sure)


def hardest(model: Model, samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
    """Indices of one in HARD_SHARE samples, those with the most false answers."""
    false = []
    model.eval()
    with torch.no_grad():
        for one in samples:
            answers = torch.sigmoid(model(scaled(one.maps[None])))[0].numpy()
            wrong = np.where(one.labels == 0, answers, 0).reshape(2, -1)
            false.append(np.sort(wrong, axis=1)[:, -FALSE_CELLS:].mean(axis=1).max())
    model.train()
    return np.argsort(false)[::-1][: len(samples) // HARD_SHARE].astype(np.int64)


class Batches:
    """Random parts of random samples, half of them mirrored."""

    def __init__(self, samples: Sequence[Sample], recipe: Recipe, rng: np.random.Generator) -> None:
        self._samples, self._size, self._rng = samples, recipe.batch, rng
        self._among = np.arange(len(samples))
        self._left: list[int] = []

    def insist(self, hard: npt.NDArray[np.int64]) -> None:
        """Draw some samples more often from here on."""
        self._among = np.concatenate([np.arange(len(self._samples)), *[hard] * HARD_TIMES])
        self._left = []

    def draw(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Maps (N, CHANNELS, *CROP) and labels (N, 2, ...) of a batch."""
        if len(self._left) < self._size:
            self._left = [int(i) for i in self._rng.permutation(self._among)]
        parts = [self._part(self._samples[self._left.pop()]) for _ in range(self._size)]
        return np.stack([maps for maps, _ in parts]), np.stack([labels for _, labels in parts])

    def _part(self, one: Sample) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        rows, columns = CROP
        y = int(self._rng.integers(0, (SIZE[1] - rows) // CELL + 1))
        x = int(self._rng.integers(0, (SIZE[0] - columns) // CELL + 1))
        maps = one.maps[:, CELL * y : CELL * y + rows, CELL * x : CELL * x + columns]
        labels = one.labels[:, y : y + rows // CELL, x : x + columns // CELL]
        across = -1 if self._rng.random() < 0.5 else 1
        down = -1 if self._rng.random() < 0.15 else 1
        return maps[:, ::down, ::across], labels[:, ::down, ::across]
