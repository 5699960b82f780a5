"""What int8 tokens lose, on the tokens of a corpus and on two linear probes trained on them.

    python benchmarks/int8.py CORPUS

Prints the cosine and the relative error of tokens that went through int8 and back, and R^2 on
held-out videos of ridge regressions on float16 and on int8 tokens: of the next step's tokens (the
first 16 channels of the reference space), and of recorded actions where the corpus has some.
"""

import argparse
from typing import Any

import numpy as np

from curate import TokenDataset
from curate.quantised import pack, unpack
from curate.reference import freeze_reference
from curate.token_index import newest_key
from manifests.corpus import Corpus

CHANNELS = 16
RIDGES = 10.0 ** np.arange(-2, 6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    options = parser.parse_args()
    corpus = Corpus(options.corpus)
    space = freeze_reference(corpus, newest_key(corpus, "encode", "features"))
    dataset = TokenDataset(corpus.uri, kept=False, labels="sum")
    samples = [dataset[k] for k in range(len(dataset))]
    full = [sample["tokens"].numpy() for sample in samples]
    half = [through_int8(tokens) for tokens in full]
    a, b = (np.concatenate(t).reshape(-1, t[0].shape[-1]).astype(np.float64) for t in (full, half))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine = (a * b).sum(1)[norms > 0] / norms[norms > 0]
    error = np.linalg.norm(a - b) / np.linalg.norm(a)
    print(f"{len(a)} tokens of {len(samples)} spans, {dataset.index.spans['channels'][0]} channels")
    print(f"cosine: mean {cosine.mean():.6f}, least {cosine.min():.6f}; relative error {error:.4f}")
    target = space.reduced(CHANNELS)
    videos = [sample["video_id"] for sample in samples]
    inputs = {"float16": full, "int8": half}
    following = [target.apply(t[None])[0].mean(1)[1:] for t in full]
    report("next step", inputs, following, videos)
    actions = [sample["actions"].numpy()[:-1] for sample in samples]
    sizes = {int(np.isfinite(x).any(axis=0).sum()) for x in actions} - {0}
    if len(sizes) == 1:  # of one kind
        size = sizes.pop()
        report("action", inputs, [x[:, :size] for x in actions], videos)


def through_int8(tokens: Any) -> Any:
    """Stored and read again."""
    stored = np.frombuffer(pack(tokens, "int8"), np.uint8).reshape(len(tokens), -1)
    return unpack(stored, tokens.shape[1], tokens.shape[2], "int8")


def report(name: str, inputs: dict[str, Any], targets: list[Any], videos: list[str]) -> None:
    """R^2 of each input, each video left out once."""
    y = np.concatenate(targets).astype(np.float64)
    known = np.isfinite(y).all(axis=1)
    source = np.concatenate([[v] * len(t) for v, t in zip(videos, targets, strict=True)])[known]
    cells = []
    for kind, spans in inputs.items():
        steps = [t[:-1].mean(1).astype(np.float64) for t in spans]
        change = [np.diff(t.mean(1).astype(np.float64), axis=0) for t in spans]
        parts = [steps] if name == "next step" else [steps, change]
        x = np.concatenate([np.concatenate(part) for part in parts], axis=1)[known]
        found = {ridge: r_squared(x, y[known], source, ridge) for ridge in RIDGES}
        best = max(found, key=lambda ridge: found[ridge])
        cells.append(f"{kind} {found[best]:.4f}")
    told = f"{known.sum()} steps of {len(set(source))} videos"
    print(f"R^2 of the {name}, {told}: {', '.join(cells)}")


def r_squared(x: Any, y: Any, source: Any, ridge: float) -> float:
    """Of predictions for each video from the others, against the others' mean."""
    wrong = spread = 0.0
    for video in np.unique(source):
        train, test = source != video, source == video
        mean, middle = x[train].mean(0), y[train].mean(0)
        inputs, answers = x[train] - mean, y[train] - middle
        # The dual form: fewer steps than channels.
        weights = np.linalg.solve(inputs @ inputs.T + ridge * np.eye(len(inputs)), answers)
        guess = (x[test] - mean) @ (inputs.T @ weights) + middle
        wrong += ((guess - y[test]) ** 2).sum()
        spread += ((middle - y[test]) ** 2).sum()
    return 1 - wrong / spread


if __name__ == "__main__":
    main()
