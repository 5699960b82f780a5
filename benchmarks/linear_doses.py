"""The closed-form linear model at every dose of every contaminant, beside what theory predicts.

    python benchmarks/linear_doses.py CORPUS --truth LAB/truth.parquet [--seeds 3]

CORPUS was made of a laboratory's videos (docs/study.md) and decided; nothing is trained
but the linear model, so all doses take a few minutes. Prints a line per contaminant and dose: cut
recovery and action gain of the linear model on contaminated windows and on what the filters leave
of the same mixture, means over seeds, and the predictions for both.
"""

import argparse
import json
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from curate.config import load_config
from curate.keys import stage_keys
from curate.study.ledger.baseline import Linear, linear_world, predictions, theory_rows
from curate.study.ledger.dose import CLEAN, CURED, arm_name
from curate.study.ledger.labelled import Labelled
from curate.study.ledger.plan import RAW, LedgerPlan
from curate.study.ledger.settings import Ledger
from curate.study.metrics import partners
from curate.study.normaliser import fit_normaliser
from curate.study.spans import TokenLoader
from jobs.ledger import collect, labels_of, plan_of
from manifests.corpus import Corpus

HELD: Final = 256
"""Windows that are stitched."""


def main() -> None:
    """Fit and predict all, line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--truth", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--windows", type=int, default=440, help="per arm")
    args = parser.parse_args()
    torch.set_num_threads(1)
    corpus = Corpus(args.corpus)
    asked = {
        "design": "dose",
        "truth": args.truth,
        "doses": Ledger().doses,
        "dose_kinds": (),
        "seeds": args.seeds,
        "train_windows": args.windows,
    }
    config = load_config(
        corpus.folder.read("rushes.toml").decode(),
        [f"ledger.{name}={json.dumps(value)}" for name, value in asked.items()],
    )
    settings = config.ledger
    gathered = collect(corpus, config, stage_keys(config))
    plan = plan_of(gathered.windows, settings)
    load = TokenLoader(corpus.uri, gathered.where)
    normaliser = fit_normaliser(load(plan.neutral), settings.pca)

    def read(names: tuple[str, ...]) -> torch.Tensor:
        return torch.from_numpy(normaliser.apply(load(names)))

    windows = plan.evaluate[RAW][:HELD]
    stitched = read(windows), partners(windows, [plan.source_of[w] for w in windows])
    data = Labelled.load(plan, load, labels_of(plan, gathered, settings), normaliser)
    world = linear_world(read(plan.train[CLEAN][0]), data)
    if world is None:
        raise SystemExit("frames have too many numbers for the closed form, or no action varies")
    arms = {arm_name(kind, dose): (kind, dose) for kind in plan.shares for dose in settings.doses}
    told = {
        arm: [value for *_, value in theory_rows(world, found)]
        for arm, found in predictions(world, arms, settings.latent, data.frames.shape[1]).items()
    }
    print(f"{plan.windows} windows an arm, {args.seeds} seeds")
    print("windows            recovery curated  theory    gain curated  theory")
    for arm in (CLEAN, *arms):
        own, cured = (measured(plan, name, read, stitched, data, settings.latent)
                      for name in (arm, f"{arm} {CURED}"))  # fmt: skip
        gain, recovery = told.get(arm, (None, None))
        numbers = (own[0], cured[0], recovery, own[1], cured[1], gain)
        print(f"{arm:18}", *(f"{v:8.3f}" if v is not None else "       -" for v in numbers))


def measured(
    plan: LedgerPlan,
    arm: str,
    read: Callable[[tuple[str, ...]], torch.Tensor],
    stitched: tuple[torch.Tensor, npt.NDArray[np.int64]],
    data: Labelled,
    latent: int,
) -> tuple[float | None, float | None]:
    """Cut recovery and action gain, means over seeds; None where the plan has no such arm."""
    recovery, gain = [], []
    for seed, names in enumerate(plan.train.get(arm, ())):
        model = Linear.fit(read(names), latent)
        if model is None:
            return None, None
        errors = model.cut_errors(*stitched)
        recovery.append(1 - errors["linear cut"].mean() / errors["linear cut_no_action"].mean())
        sums: dict[str, float] = {}
        for _, _, metric, value in data.told(model.infer, seed, "linear"):
            sums[metric] = sums.get(metric, 0.0) + value
        parts = [[sums[f"linear {part} {name}"] for part in ("state", "both", "total")]
                 for name in data.names]  # fmt: skip
        gain.append(np.mean([(state - both) / total for state, both, total in parts]))
    if not recovery:
        return None, None
    return float(np.mean(recovery)), float(np.mean(gain))


if __name__ == "__main__":
    main()
