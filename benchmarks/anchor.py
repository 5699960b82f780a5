"""Compare regularisers and capacities on one arm, beside the findings of arXiv 2601.05230.

    python benchmarks/anchor.py CORPUS --seeds 3

CORPUS has a ledger's plan (`rushes study plan CORPUS`); models train on its reference arm with the
ledger's budget. Prints a line per regulariser and knob: gap closed between the twin without actions
(0) and a model that nothing bounds (1), the error ratio at artificial cuts, cycle ratio and
normalised transfer, and the gain of an action probe; mean and range over seeds.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from curate.config import load_config
from curate.keys import ledger_key, stage_keys
from curate.latent_action.capacity import gap_closed, one_step_error
from curate.latent_action.model import LatentActionModel
from curate.latent_action.regularisers import NONE, Regulariser
from curate.latent_action.train import train
from curate.study.leakage import cut_errors, leakage_ratio
from curate.study.ledger.cell import train_config
from curate.study.ledger.labelled import Labelled
from curate.study.ledger.plan import RAW, LedgerPlan
from curate.study.metrics import partners
from curate.study.normaliser import fit_normaliser
from curate.study.spans import TokenLoader
from curate.study.transfer import cycle_errors
from jobs.ledger import FOLDER, collect, labels_of
from manifests.corpus import Corpus

BOUNDS = (
    NONE,
    Regulariser("kl", 1e-3),
    Regulariser("kl", 1e-2),
    Regulariser("kl", 1e-1),
    Regulariser("sparse", 0.01),
    Regulariser("sparse", 0.1),
    Regulariser("vq", 16),
    Regulariser("vq", 256),
    Regulariser("fsq", 64),
    Regulariser("fsq", 1000),
)


def main() -> None:
    """Train and measure all, line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--windows", type=int, default=256, help="of the evaluation")
    args = parser.parse_args()
    torch.set_num_threads(1)
    corpus = Corpus(args.corpus)
    config = load_config(corpus.folder.read("rushes.toml").decode())
    keys = stage_keys(config)
    place = (FOLDER, ledger_key(config, keys), "plan.json")
    plan = LedgerPlan.from_json(corpus.folder.read(*place).decode())
    gathered = collect(corpus, config, keys)
    load = TokenLoader(corpus.uri, gathered.where)
    normaliser = fit_normaliser(load(plan.neutral), config.ledger.pca)
    windows = plan.evaluate[RAW][: args.windows]
    held = torch.from_numpy(normaliser.apply(load(windows)))
    others = partners(windows, [plan.source_of[w] for w in windows])
    labelled = Labelled.load(plan, load, labels_of(plan, gathered, config.ledger), normaliser)
    found: dict[Regulariser, list[dict[str, float]]] = {bound: [] for bound in BOUNDS}
    for seed in range(args.seeds):
        tokens = torch.from_numpy(normaliser.apply(load(plan.train[plan.reference][seed])))
        budget = train_config(config.ledger, tokens)
        twin = train(tokens, budget, seed, action=False).model
        models = {
            bound: train(tokens, replace(budget, regulariser=bound), seed, action=True).model
            for bound in BOUNDS
        }
        ends = one_step_error(twin, held), one_step_error(models[NONE], held)
        for bound, model in models.items():
            closed = gap_closed(one_step_error(model, held), *ends)
            found[bound].append(
                {
                    "gap closed": float("nan") if closed is None else closed,
                    **mechanisms(model, twin, held, others),
                    **gains(model, labelled, seed),
                }
            )
    for bound, rows in found.items():
        cells = (f"{name} {told([row[name] for row in rows])}" for name in rows[0])
        print(f"{bound.kind} {bound.capacity:g}: " + ", ".join(cells), flush=True)


def mechanisms(
    model: LatentActionModel, twin: LatentActionModel, held: torch.Tensor, others: Any
) -> dict[str, float]:
    """Leakage and transfer."""
    cut = cut_errors(model, twin, held, others)
    cycle = cycle_errors(model, held, others, others[others], held.shape[1] - 1)
    direct, back, wrong = (float(e.mean()) for e in (cycle.direct, cycle.cycle, cycle.shuffled))
    return {
        "cut ratio": leakage_ratio(cut.original, cut.cut) or float("nan"),
        "cycle ratio": back / direct,
        "transfer": (wrong - back) / (wrong - direct),
    }


def gains(model: LatentActionModel, labelled: Labelled, seed: int) -> Mapping[str, float]:
    """Gain of a ridge probe per dimension."""

    def infer(frames: torch.Tensor) -> torch.Tensor:
        latents = model.infer(frames)
        assert latents is not None
        return latents.mean

    sums: dict[str, float] = {}
    for _, _, metric, value in labelled.measure(infer, seed):
        sums[metric] = sums.get(metric, 0.0) + value
    return {
        f"gain {name}": (sums[f"ridge state {name}"] - sums[f"ridge both {name}"])
        / sums[f"ridge total {name}"]
        for name in labelled.names
    }


def told(values: list[float]) -> str:
    """Mean and range."""
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    main()
