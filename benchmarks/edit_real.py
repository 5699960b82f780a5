"""Text that others drew over real video: how well text_overlay tells it from none.

    python -m benchmarks.edit_real --clips DIR [--out FILE]

The first six seconds of the videos of edit_real.tsv, whose text was looked for by eye: captions,
names, clocks, channels' marks with letters; among those without are letters on things of the scene.
None gave a training sample, and no bound was set on them. Each video is one clip, its shots
together. Prints the score of each, the area under the curve, and recall and false drops at the
default bound with 95 % intervals of a bootstrap over videos.
"""

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.edits import area_under, read_clip
from filters.base import Unmeasurable
from filters.registry import FILTERS

SECONDS: Final = 6.0
DRAWS: Final = 2000


def figures(
    drawn: npt.NDArray[np.float64], clean: npt.NDArray[np.float64], high: float
) -> dict[str, float]:
    """Area under the curve, recall and false drops."""
    return {
        "auc": area_under(drawn, clean),
        "recall": float((drawn > high).mean()),
        "false": float((clean > high).mean()),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("edit_real.json"))
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    scores: dict[str, list[float]] = {"yes": [], "no": []}
    with Path(__file__).with_name("edit_real.tsv").open() as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            try:
                score = FILTERS["text_overlay"].score(
                    read_clip(options.clips / row["file"], SECONDS)[0]
                )
            except Unmeasurable as error:
                print(row["file"], row["text"], error)
                continue
            scores[row["text"]].append(score)
            print(f"{score:.2f} {row['text']:3} {row['file']} ({row['note']})")
    drawn, clean = np.array(scores["yes"]), np.array(scores["no"])
    high = FILTERS["text_overlay"].high or 0.0
    rng = np.random.default_rng(0)
    draws = [
        figures(rng.choice(drawn, len(drawn)), rng.choice(clean, len(clean)), high)
        for _ in range(DRAWS)
    ]
    result = {
        name: [value, *np.percentile([d[name] for d in draws], (2.5, 97.5)).tolist()]
        for name, value in figures(drawn, clean, high).items()
    }
    for name, (value, low, up) in result.items():
        print(f"{name}: {value:.3f} [{low:.3f}, {up:.3f}]")
    print(f"{len(drawn)} with text, {len(clean)} without")
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
