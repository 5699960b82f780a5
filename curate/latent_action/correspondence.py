"""Where the tokens of a frame went: similarities with the other frame's tokens at near places.

What an agent did between two frames shows in how the picture moved, and a difference of pooled
features does not tell that. A correlation volume does: for every shift within a search range, how
alike the tokens are that lie this far apart.

Source: the correlation layer of FlowNet (Dosovitskiy et al., ICCV 2015), here on cosines, over
token grids, and averaged over regions of the picture.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import torch
from torch.nn.functional import normalize

SHARPNESS: Final = 20.0
"""Of the softmax in `flow`: a cosine lower by 0.05 weighs less than half."""

_CHUNK: Final = 1 << 24
"""Most cosines (pairs x N x N) held at a time: 64 MB of float32."""


def correlation(
    before: torch.Tensor,
    after: torch.Tensor,
    rows: int,
    columns: int,
    regions: tuple[int, int] = (1, 1),
) -> torch.Tensor:
    """Mean cosine of tokens with the other frame's tokens at each shift, by region.

    Places whose shifted place lies outside of the grid do not count. Differentiable.

    Args:
        before: (..., N, D) tokens of a square grid, row by row, N = g * g.
        after: Tokens of the other frame, of the same shape.
        rows: Largest shift down and up, in tokens; 0 to g - 1.
        columns: Largest shift right and left, in tokens; 0 to g - 1.
        regions: Bands of rows and of columns that divide the grid, each 1 to g. A region averages
            over the places of `before` in it.

    Returns:
        (..., R * S) in [-1, 1], R = regions[0] * regions[1] and S = (2 rows + 1)(2 columns + 1):
        region by region (row by row), within it shift by shift, dy from -rows up and within it dx
        from -columns up. Entry (dy, dx) compares before at (y, x) with after at (y + dy, x + dx);
        0 where no place of the region has a counterpart.

    Raises:
        ValueError: The shapes differ, N is no square, or a range does not fit into the grid.
    """
    size = _checked(before, after, rows, columns, regions)
    index, weights = _plan(size, rows, columns, regions)
    # index: (N S), places in a flat (N N); weights: (N, S, R).
    index, weights = index.to(before.device), weights.to(before.device)
    return _over_pairs(before, after, lambda alike: _pooled(alike, index, weights))


def flow(
    before: torch.Tensor,
    after: torch.Tensor,
    rows: int,
    columns: int,
    regions: tuple[int, int] = (1, 1),
    sharpness: float = SHARPNESS,
) -> torch.Tensor:
    """Where each token went, to parts of a token, averaged by region.

    A token's shift is the mean of all shifts, weighted by a softmax of its cosines. That is done
    token by token and only then averaged: what walks towards a wall moves apart in the picture,
    and in an average of cosines over a region it has no peak. Differentiable.

    Source: the soft argmax of Kendall et al. (Learning stereo regression, ICCV 2017), on cosines.

    Args:
        before: (..., N, D) tokens of a square grid, row by row, N = g * g. Centred and whitened
            channels give sharper peaks.
        after: Tokens of the other frame, of the same shape.
        rows: Largest shift down and up, in tokens; 0 to g - 1.
        columns: Largest shift right and left, in tokens; 0 to g - 1.
        regions: Bands of rows and of columns that divide the grid, each 1 to g.
        sharpness: Factor on cosines in the softmax.

    Returns:
        (..., R * 6), region by region: mean shift down and right (tokens), the same weighted by
        the best cosine, that best cosine, and the spread of the softmax (tokens).

    Raises:
        ValueError: As `correlation`.
    """
    size = _checked(before, after, rows, columns, regions)
    index, weights = _plan(size, rows, columns, regions)
    index, weights = index.to(before.device), weights.to(before.device)
    inside = weights.sum(2) > 0  # (N, S)
    members = weights.sum(1)  # (N, R), nonzero where a token is of a region
    members = (members > 0).float()
    members = members / members.sum(0)
    shifts = _shifts(rows, columns).to(before.device)  # (S, 2)

    def moved(alike: torch.Tensor) -> torch.Tensor:
        near = alike.flatten(1)[:, index].reshape(-1, *inside.shape)  # (P, N, S)
        near = near.masked_fill(~inside, -torch.inf)
        share = torch.softmax(sharpness * near, dim=-1)
        mean = share @ shifts  # (P, N, 2)
        best = near.amax(-1, keepdim=True)
        spread = ((share @ shifts**2) - mean**2).sum(-1, keepdim=True).clamp_min(1e-6).sqrt()
        told = torch.cat([mean, mean * best, best, spread], -1)  # (P, N, 6)
        return members.T @ told  # (P, R, 6)

    return _over_pairs(before, after, moved)


def matches(
    before: torch.Tensor,
    after: torch.Tensor,
    rows: int,
    columns: int,
    sharpness: float = SHARPNESS,
) -> torch.Tensor:
    """What `flow` averages, token by token: how alike each is to its neighbours in the next frame.

    Args:
        before: (..., N, D) tokens of a square grid, row by row, N = g * g.
        after: Tokens of the other frame, of the same shape.
        rows: Largest shift down and up, in tokens; 0 to g - 1.
        columns: Largest shift to the right and left, in tokens; 0 to g - 1.
        sharpness: Factor on cosines in the softmax.

    Returns:
        (..., N, S + 4), S = (2 rows + 1)(2 columns + 1): the cosines by shift, standardised over
        the shifts that stay within the grid (0 at the others), and then the soft argmax (down,
        right, in shares of the reach), the mean and the best cosine.

    Raises:
        ValueError: As `correlation`.
    """
    size = _checked(before, after, rows, columns, (1, 1))
    index, weights = _plan(size, rows, columns, (1, 1))
    index, inside = index.to(before.device), (weights.sum(2) > 0).to(before.device)  # (N, S)
    reach = torch.tensor([max(rows, 1), max(columns, 1)], device=before.device)
    shifts = _shifts(rows, columns).to(before.device) / reach  # (S, 2)

    def told(alike: torch.Tensor) -> torch.Tensor:
        near = alike.flatten(1)[:, index].reshape(-1, *inside.shape)  # (P, N, S)
        count = inside.sum(-1, keepdim=True)
        mean = (near * inside).sum(-1, keepdim=True) / count
        off = (near - mean) * inside
        spread = (off.square().sum(-1, keepdim=True) / count + 1e-6).sqrt()
        open_only = near.masked_fill(~inside, -torch.inf)
        where = torch.softmax(sharpness * open_only, dim=-1) @ shifts  # (P, N, 2)
        best = open_only.amax(-1, keepdim=True)
        return torch.cat([off / spread, where, mean, best], -1)

    return _over_pairs(before, after, told).reshape(*before.shape[:-1], -1)


def _pooled(alike: torch.Tensor, index: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(P, N, N) similarities -> (P, R, S) means by region and shift."""
    near = alike.flatten(1)[:, index].reshape(-1, *weights.shape[:2])  # (P, N, S)
    # A product of matrices per shift: (S, P, N) @ (S, N, R) -> (S, P, R).
    return (near.permute(2, 0, 1) @ weights.permute(1, 0, 2)).permute(1, 2, 0)


@lru_cache(maxsize=16)
def _plan(
    size: int, rows: int, columns: int, regions: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Which similarities each mean takes, and with what weight."""
    places = torch.arange(size)
    y, x = (part.flatten() for part in torch.meshgrid(places, places, indexing="ij"))
    down, right = _shifts(rows, columns).long().T
    # (N, S)
    there_y, there_x = y[:, None] + down, x[:, None] + right
    inside = (there_y >= 0) & (there_y < size) & (there_x >= 0) & (there_x < size)
    there = (there_y.clamp(0, size - 1) * size + there_x.clamp(0, size - 1)).long()
    index = (torch.arange(size * size)[:, None] * size * size + there).flatten()
    region = (y * regions[0] // size) * regions[1] + x * regions[1] // size
    members = torch.nn.functional.one_hot(region, regions[0] * regions[1]).float()  # (N, R)
    weights = inside.float()[:, :, None] * members[:, None, :]
    return index, weights / weights.sum(0).clamp_min(1)


def _shifts(rows: int, columns: int) -> torch.Tensor:
    """(S, 2) float, down and right."""
    down, right = torch.arange(-rows, rows + 1.0), torch.arange(-columns, columns + 1.0)
    return torch.cartesian_prod(down, right)


def _over_pairs(
    before: torch.Tensor, after: torch.Tensor, of: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Apply a function of (P, N, N) cosines, giving (P, ...), to all pairs, some at a time."""
    count, channels = before.shape[-2:]
    first = normalize(before.reshape(-1, count, channels).float(), dim=-1)
    second = normalize(after.reshape(-1, count, channels).float(), dim=-1)
    step = max(1, _CHUNK // (count * count))
    pairs = zip(torch.split(first, step), torch.split(second, step), strict=True)
    found = torch.cat([of(a @ b.transpose(1, 2)).flatten(1) for a, b in pairs])
    return found.reshape(*before.shape[:-2], -1)


def _checked(
    before: torch.Tensor,
    after: torch.Tensor,
    rows: int,
    columns: int,
    regions: tuple[int, int],
) -> int:
    """Tokens along a side of the grid."""
    if before.shape != after.shape or before.ndim < 2:
        raise ValueError(
            f"both frames must be (..., N, D) alike, not {tuple(before.shape)} and "
            f"{tuple(after.shape)}"
        )
    size = math.isqrt(before.shape[-2])
    if size == 0 or size * size != before.shape[-2]:
        raise ValueError(f"{before.shape[-2]} tokens are no square grid")
    if not (0 <= rows < size and 0 <= columns < size):
        raise ValueError(f"shifts must be 0 to {size - 1} tokens, not {rows} and {columns}")
    if not all(1 <= part <= size for part in regions):
        raise ValueError(f"regions must be 1 to {size} a side, not {regions}")
    return size
