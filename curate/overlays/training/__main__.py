"""Train the overlay network: one command from clips to weights.

    python -m curate.overlays.training --clips DIR --stills DIR --out DIR

--clips holds the files that footage.txt names, all of a permissive licence; --stills holds free
pictures, here those of scikit-image's wheel. Fonts are the system's. Writes weights.npz and
training.json to --out. Weights come out alike, not equal, on another set of fonts.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from curate.config import Limits
from curate.decode import Video
from curate.overlays.training.looks import fonts
from curate.overlays.training.synthesis import SIZE, Picture, sample
from curate.overlays.training.train import Recipe, fit

_ROOM = (400, 225)
"""Takes are a quarter larger than a sample, so that it may lie anywhere in them."""
_TAKE_FRAMES = (14, 40)
_CUT = 28.0
"""Grey levels between neighbouring small frames from which a take ends."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make samples, fit, and write weights and their record."""
    parser = argparse.ArgumentParser(prog="python -m curate.overlays.training", description=__doc__)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--stills", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    names = Path(__file__).with_name("footage.txt").read_text().split()
    takes = [take for name in names for take in read_takes(options.clips / name)]
    stills = [s for path in sorted(options.stills.iterdir()) if (s := _still(path)) is not None]
    rng = np.random.default_rng(options.seed)
    samples = [sample(takes, stills, rng) for _ in range(options.samples)]
    recipe = Recipe(steps=options.steps, seed=options.seed)
    weights, loss = fit(samples, recipe)
    options.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out / "weights.npz", **weights)  # type: ignore[arg-type]
    record = {
        "recipe": asdict(recipe), "samples": len(samples), "takes": len(takes),
        "stills": len(stills), "fonts": len(fonts()), "loss": loss,
    }  # fmt: skip
    (options.out / "training.json").write_text(json.dumps(record, indent=1) + "\n")


def read_takes(path: Path, most: int = 3) -> list[Picture]:
    """Continuous takes of a clip at 6 frames a second, (T, h, w, 3) uint8 RGB."""
    takes: list[Picture] = []
    frames: list[Picture] = []
    last, before = -1, None
    with Video(str(path), Limits()) as video:
        for frame in video:
            slot = int(float(frame.pts * video.time_base) * 6 + 1e-6)
            if slot == last:
                continue
            last = slot
            width, height = frame.size
            scale = min(1.0, max(_ROOM[0] / width, _ROOM[1] / height))
            scale = max(scale, SIZE[0] / width, SIZE[1] / height)
            size = max(SIZE[0], round(width * scale)), max(SIZE[1], round(height * scale))
            picture = frame.to_array(*size, "rgb24")
            small = cv2.resize(picture, (32, 18), interpolation=cv2.INTER_AREA).astype(np.int16)
            cut = before is not None and float(np.abs(small - before).mean()) > _CUT
            before = small
            if cut or len(frames) == _TAKE_FRAMES[1]:
                takes += [np.stack(frames)] if len(frames) >= _TAKE_FRAMES[0] else []
                frames = []
            if len(takes) == most:
                return takes
            frames.append(picture)
    return [*takes, np.stack(frames)] if len(frames) >= _TAKE_FRAMES[0] else takes


def _still(path: Path) -> Picture | None:
    """A picture that fills the room of a take; None for what is no picture."""
    image = cv2.imread(str(path))
    if image is None:
        return None
    height, width = image.shape[:2]
    scale = max(_ROOM[0] / width, _ROOM[1] / height)
    size = max(_ROOM[0], round(width * scale)), max(_ROOM[1], round(height * scale))
    filled = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(filled, cv2.COLOR_BGR2RGB), np.uint8)


if __name__ == "__main__":
    main()
