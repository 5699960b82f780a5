"""Measure what a training step of a latent-action model costs on one core.

    python benchmarks/latent_action.py

Random tokens of N = 196 places and D = 32 channels, about 96 pairs of frames per step. Prints CPU
milliseconds per optimiser step (curate.latent_action.train, first steps left out by taking the
difference of a long and a short run) and what is computed once per pair before it.
"""

import argparse
import json
import platform
from collections.abc import Iterator
from dataclasses import replace

import torch

from curate.latent_action.config import ModelConfig, preset
from curate.latent_action.train import TrainConfig, train

PAIRS = 96
WARM, LONG = 2, 10


def configurations(steps: int, tokens: int, channels: int) -> Iterator[tuple[str, ModelConfig]]:
    """Names and models that are timed."""
    compact = preset("compact", steps=steps, tokens=tokens, channels=channels, latent=32)
    yield "compact", compact
    yield "compact, 3 blocks", replace(compact, forward_blocks=3)
    yield "compact, no transport", replace(compact, transports=0)
    yield (
        "attention inverse",
        replace(compact, inverse="attention", width=32, inverse_blocks=2),
    )


def main() -> None:
    """Print a line per model and clip length."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=196)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 8])
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(json.dumps({"machine": platform.processor() or platform.machine()} | vars(args)))
    print(f"{'T':>2} {'model':24} {'clips':>5} {'ms per step':>11} {'parameters':>10}")
    for steps in args.steps:
        clips = round(PAIRS / (steps - 1))
        frames = torch.randn(clips, steps, args.tokens, args.channels)
        for name, config in configurations(steps, args.tokens, args.channels):
            budget = TrainConfig(config, steps=LONG, batch_size=clips)
            short = train(frames, budget, 0, action=True, until=WARM)
            whole = train(frames, budget, 0, action=True)
            cost = 1000 * (whole.cpu_s - short.cpu_s) / (LONG - WARM)
            size = sum(p.numel() for p in whole.model.parameters())
            print(f"{steps:2} {name:24} {clips:5} {cost:11.0f} {size:10}", flush=True)


if __name__ == "__main__":
    main()
