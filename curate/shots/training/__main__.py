"""Train the shot network: one command from clips to weights.

    python -m curate.shots.training --roots DIR [DIR ...] --out DIR

DIRs hold the files that footage.tsv names (by SHA-256, under any name): clips of the repositories
in its first column, and the unpacked packages. Rendered takes need `pip install vizdoom`. Writes
weights.npz and weights.json, their record (hashes of weights and footage table, recipe, counts), to
--out; takes about 25 minutes on 2 cores.
"""

import argparse
import hashlib
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from curate.shots.training.footage import read_takes
from curate.shots.training.pool import compose
from curate.shots.training.prepare import TABLE, prepare
from curate.shots.training.render import render
from curate.shots.training.train import Recipe, fit


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare footage, compose sequences, fit, and write weights and their record."""
    parser = argparse.ArgumentParser(prog="python -m curate.shots.training", description=__doc__)
    parser.add_argument("--roots", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sequences", type=int, default=8000)
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--no-render", action="store_true", help="without ViZDoom's takes")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    footage = options.out / "footage"
    absent = prepare(options.roots, footage)
    if absent:
        logging.warning("not found: %s", ", ".join(absent))
    if not options.no_render:
        render(footage)
    signals, cut, kind = compose(footage, options.sequences, options.seed, options.workers)
    recipe = Recipe(steps=options.steps, seed=options.seed)
    network, loss = fit(signals, cut, kind, recipe)
    np.savez_compressed(options.out / "weights.npz", **network.arrays)  # type: ignore[arg-type]
    takes = read_takes(footage)
    record = {
        "weights_sha256": _sha256((options.out / "weights.npz").read_bytes()),
        "footage_sha256": _sha256(TABLE.read_bytes()),
        "rendered": not options.no_render,
        "recipe": asdict(recipe),
        "sequences": len(signals),
        "frames": int(cut.size),
        "cuts": int((cut == 1).sum()),
        "gradual_frames": int((kind > 0).sum()),
        "takes": len(takes),
        "sources": len({take.source for take in takes}),
        "take_frames": sum(len(take.yuv) for take in takes),
        "not_found": absent,
        "loss": loss,
    }
    (options.out / "weights.json").write_text(json.dumps(record, indent=1) + "\n")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
