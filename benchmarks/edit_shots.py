"""What stays over the shots of a source: how well it tells drawn marks from scenes.

    python -m benchmarks.edit_shots --clips DIR [--half report] [--sources 16] [--out FILE]

A source is two to five shots of 2.4 s, each of another clean clip of edit_clips.tsv filled to
640x360 at 15 frames a second, cut hard, encoded as one video. The same overlay lies over all of it,
or over none. Cuts are known, so shot detection is not part of it. Sources are of one half, so no
clip is in both. Prints the area under the curve over clips, recall and false drops at the default
bounds; and of pairs of clean shots of different sources, the hardest case, the false drops.
"""

import argparse
import json
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.edit_looks import Frames
from benchmarks.edits import CLEAN, area_under, encode, fitted, load, read_clips
from curate.config import Limits
from curate.decode import Video
from curate.isolate import keep_freed_memory
from curate.overlays.training import looks, marks
from curate.overlays.training.lettering import drawn_in
from curate.overlays.training.sprites import Look, burn
from filters.base import Clip, GlobalMotion, Kept
from filters.clip import COLOUR_STEP, analysis_slot
from filters.over_shots import keep, over_shots
from filters.registry import FILTERS
from filters.text_overlay import text_sureness

SIZE: Final = (640, 360)
SHOT_S: Final = 2.4
RATE: Final = 15.0
LOOKS: Final[dict[str, Look]] = {
    **{name: marks.GRAPHIC[name] for name in ("logo", "animated_logo", "hud", "progress")},
    **{name: looks.TEXT[name] for name in ("scoreboard", "clock", "ticker")},
}
"""What stays over shots; captions and titles do not."""
SCORED: Final = ("logo_overlay", "static_overlay", "text_overlay")
ALONE: Final = "text_overlay_alone"
PAIRS: Final = 400


@dataclass(frozen=True, slots=True)
class Source:
    """A video of several shots.

    Attributes:
        kind: Of LOOKS, or CLEAN.
        data: MP4.
        cuts: First frame of each shot, and the number of frames.
    """

    kind: str
    data: bytes
    cuts: tuple[int, ...]


def sources(folder: Path, half: str, count: int, kinds: Sequence[str]) -> Iterator[Source]:
    """Composites: every one of `count` sets of clips in every kind."""
    clips = read_clips(Path(__file__).with_name("edit_clips.tsv"), half)

    @lru_cache(12)
    def shot(file: str) -> Frames:
        frames, rate = load(folder / file)
        number = round(SHOT_S * RATE)
        at = (np.arange(number) * rate / RATE).astype(int)
        like = np.empty((number, SIZE[1], SIZE[0], 3), np.uint8)
        return fitted(frames[np.minimum(at, len(frames) - 1)], like)

    for number in range(count):
        rng = np.random.default_rng(zlib.crc32(f"{half} {number}".encode()))
        files = rng.choice([c["file"] for c in clips], int(rng.integers(2, 6)), replace=False)
        frames = np.concatenate([shot(str(file)) for file in files])
        cuts = tuple(int(c) for c in np.cumsum([0] + [len(shot(str(f))) for f in files]))
        crf = int(rng.integers(18, 34))
        for kind in kinds:
            drawn = frames
            if kind != CLEAN:
                seed = np.random.default_rng(zlib.crc32(f"{kind} {half} {number}".encode()))
                with drawn_in("unseen"):
                    drawn = burn(frames, LOOKS[kind](len(frames), SIZE, seed))[0]
            yield Source(kind, encode(drawn, RATE, crf), cuts)


def kept(source: Source) -> tuple[list[Kept], list[float]]:
    """What the pass keeps of each shot, and its text_overlay alone."""
    shown: list[tuple[int, Frames, Frames]] = []
    last = -1
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(source.data)
        file.flush()
        with Video(file.name, Limits()) as video:
            for number, frame in enumerate(video):
                slot = analysis_slot(number / RATE)
                if slot != last:
                    chroma = frame.to_array(320, 180, "yuvj444p")[1:]
                    shown.append((number, frame.to_array(320, 180, "gray"), chroma))
                last = slot
    clips: list[Kept] = []
    alone: list[float] = []
    for shot, (start, end) in enumerate(pairwise(source.cuts)):
        inside = [(g, c) for number, g, c in shown if start + 1 <= number < end - 1]
        gray, chroma = (np.stack(planes) for planes in zip(*inside, strict=True))
        t_s = np.arange(len(gray)) / 6.0
        tiny = np.zeros((len(gray), 36, 64), np.uint8)
        motion, coloured = (GlobalMotion(),) * (len(gray) - 1), range(0, len(gray), COLOUR_STEP)
        clip = Clip(
            gray, t_s, motion, tiny, t_s, chroma=chroma[coloured], chroma_at=tuple(coloured)
        )
        clips.append(keep(clip, shot))
        alone.append(text_sureness(clip))
    return clips, alone


def scores(clips: Sequence[Kept]) -> list[dict[str, float]]:
    """SCORED of every clip that has another view."""
    return [
        {name: chosen(found) for name in SCORED if (chosen := FILTERS[name].over_shots)}
        for found in over_shots(clips)
        if found is not None
    ]


def pair_scores(clean: Sequence[tuple[int, Kept]]) -> list[dict[str, float]]:
    """Of clean shots beside one of another composite that shows another clip."""
    rng, found = np.random.default_rng(0), []
    for _ in range(PAIRS):
        a, b = rng.choice(len(clean), 2, replace=False)
        (first, own), (second, other) = clean[a], clean[b]
        apart = np.abs(own.mean.astype(np.int16) - other.mean).mean() > 4
        if first != second and apart:
            found += scores([replace(own, shot=0), replace(other, shot=1)])[:1]
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--sources", type=int, default=16)
    parser.add_argument("--out", type=Path, default=Path("edit_shots.json"))
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    keep_freed_memory()
    rows: dict[str, list[dict[str, float]]] = {}
    clean: list[tuple[int, Kept]] = []
    for number, source in enumerate(
        sources(options.clips, options.half, options.sources, (CLEAN, *LOOKS))
    ):
        clips, alone = kept(source)
        rows.setdefault(source.kind, []).extend(scores(clips))
        rows[source.kind] += [{ALONE: value} for value in alone]
        if source.kind == CLEAN:
            clean += [(number, clip) for clip in clips]
    result: dict[str, Any] = {"half": options.half, "sources": options.sources}
    rows["pairs of clean shots"] = pair_scores(clean)
    for name in (*SCORED, ALONE):
        high = FILTERS["text_overlay" if name == ALONE else name].high
        values = {kind: np.array([r[name] for r in of if name in r]) for kind, of in rows.items()}
        for kind, found in values.items():
            if len(found) and high is not None:
                figures = {"clips": len(found), "above": float((found > high).mean())}
                if kind in LOOKS:
                    figures["auc"] = area_under(found, values[CLEAN])
                result[f"{name}/{kind}"] = figures
                print(name, kind, {k: round(v, 3) for k, v in figures.items()})
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
