"""Measure how much of the true actions tokens tell to a supervised model, on unseen sources.

    rushes lab ego /tmp/ego --takes 48 --seconds 40
    python benchmarks/ceiling.py /tmp/ego --spec bundled:stride16 --grid 14 --step-s 0.25

Prints a line per grid, step and number of channels: R2 of the first frame alone, and Delta R2 of
ridge regression and of a network, per dimension of the action, each with a 95 % interval over
sources (curate/study/ceiling.py). A quarter of the sources evaluates.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from curate.demo.encode import read_frames
from curate.encoders import load_encoder
from curate.study.ceiling import Ceiling, Search, ceiling
from curate.study.normaliser import fit_normaliser
from curate.study.statistics import Interval

Clips = tuple[npt.NDArray[np.float16], npt.NDArray[np.float32], list[str]]
"""Tokens (n, T, N, D), actions (n, T - 1, K) and sources (n,)."""

STEPS = 8
EVERY = 4
"""One source in so many evaluates."""


def main() -> None:
    """Encode a lab once, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lab", type=Path)
    parser.add_argument("--spec", default="bundled:stride16")
    parser.add_argument("--encoded-grid", type=int, default=14, help="grid that is encoded once")
    parser.add_argument("--grid", type=int, nargs="+", default=[14], help="grids to look at")
    parser.add_argument("--frames", type=int, nargs="+", default=[3], help="frames per step")
    parser.add_argument("--channels", type=int, nargs="+", default=[0], help="PCA; 0 is none")
    parser.add_argument("--shifts", type=int, nargs=2, default=[3, 5], help="rows and columns")
    parser.add_argument("--regions", type=int, nargs=2, default=[7, 7])
    parser.add_argument("--max-frames", type=int, default=1 << 30, help="of each take")
    args = parser.parse_args()
    torch.set_num_threads(1)
    made = json.loads((args.lab / "lab.json").read_text())
    print(json.dumps({"world": made["world"], "fps": made["fps"], "spec": args.spec}))
    divisor = int(np.gcd.reduce(args.frames))
    takes = list(encode(args, divisor))
    names = made["world"]["actions"]
    print(f"{'grid':>4} {'step s':>7} {'PCA':>4} {'pairs':>12}  " + "  ".join(names))
    for grid in args.grid:
        for frames in args.frames:
            clips = cut(takes, frames // divisor, args.encoded_grid, grid)
            for channels in args.channels:
                search = Search(args.shifts[0], args.shifts[1], (args.regions[0], args.regions[1]))
                found = measure(clips, channels, search)
                place = f"{grid:4} {frames / made['fps']:7.3f} {channels or '-':>4}"
                print(f"{place} {found.pairs[0]:6}{found.pairs[1]:6}  {told(found)}", flush=True)


def encode(args: argparse.Namespace, every: int) -> Iterator[tuple[str, Any, Any]]:
    """File, tokens (T, N, D) of every so-manieth frame and the actions between them (T, K)."""
    encoder = load_encoder(args.spec, grid=args.encoded_grid, device="cpu")
    actions = pl.read_parquet(args.lab / "actions.parquet")
    started, count = time.process_time(), 0
    for (name,), rows in actions.group_by("file", maintain_order=True):
        frames, _ = read_frames(args.lab / "videos" / str(name), max_frames=args.max_frames)
        values = np.array(rows["action"].to_list(), np.float32)[: len(frames)]
        whole = len(frames) // every * every
        summed = values[:whole].reshape(-1, every, values.shape[1]).sum(1)
        yield str(name), encoder.encode(frames[:whole:every]), summed
        count += whole // every
    print(f"{count} frames encoded in {time.process_time() - started:.0f} s of CPU")


def cut(takes: list[tuple[str, Any, Any]], stride: int, held: int, grid: int) -> Clips:
    """Clips of `STEPS` steps, tokens averaged to a coarser grid."""
    tokens, actions, sources = [], [], []
    for name, found, done in takes:
        kept = pooled(found[::stride], held, grid)
        whole = len(done) // stride * stride
        summed = done[:whole].reshape(-1, stride, done.shape[1]).sum(1)
        for start in range(0, len(summed) - STEPS + 1, STEPS - 1):
            tokens.append(kept[start : start + STEPS])
            actions.append(summed[start : start + STEPS - 1])
            sources.append(name.partition(".")[0].partition("-copy")[0])
    return np.stack(tokens), np.stack(actions), sources


def pooled(tokens: Any, held: int, grid: int) -> npt.NDArray[np.float16]:
    """(T, N, D) from one grid to a coarser one, as the encoder itself would average."""
    if held == grid:
        return np.asarray(tokens)
    maps = torch.from_numpy(np.asarray(tokens, np.float32)).transpose(1, 2)
    maps = maps.reshape(*maps.shape[:2], held, held)
    found = torch.nn.functional.adaptive_avg_pool2d(maps, grid).flatten(2).transpose(1, 2)
    return found.numpy().astype(np.float16)


def measure(clips: Clips, channels: int, search: Search) -> Ceiling:
    """The ceiling of clips whose channels are reduced as a study's normaliser does."""
    tokens, actions, sources = clips
    names = sorted(set(sources))
    held_out = names[::EVERY]
    if channels:
        train = np.flatnonzero(~np.isin(sources, held_out))
        sample = np.random.default_rng(0).permutation(train)[:256]
        tokens = fit_normaliser(tokens[sample], channels).apply(tokens).astype(np.float16)
    return ceiling(tokens, actions, sources, held_out, search)


def told(found: Ceiling) -> str:
    """Figures of every dimension."""

    def of(interval: Interval) -> str:
        return f"{interval.mean:.2f} [{interval.low:.2f}, {interval.high:.2f}]"

    parts = zip(found.state, found.ridge, found.network, strict=True)
    return "; ".join(f"state {s.mean:.2f} ridge {of(r)} network {of(n)}" for s, r, n in parts)


if __name__ == "__main__":
    main()
