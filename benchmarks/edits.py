"""Edited clips: how well each filter tells them from clean ones, and where borders end.

    python benchmarks/edits.py --clips DIR [--half report] [--only SCORE ...] [--pictures DIR]

DIR holds the clips of edit_clips.tsv, picked by eye for having no overlay, border or inset. Each
is edited in the ways of edit_looks.py, encoded with x264 at a crf of 18 to 33, and decoded as
`rushes measure` decodes. Sources are split by a hash of their name: bounds were set on the half
"tune", figures are of the half "report". Writes edits.json: area under the curve, recall and false
drops at the default bounds, with 95 % intervals of a bootstrap over sources; errors of the content
box at 360p; CPU per decoded frame. --pictures writes the worst errors of each as contact sheets.
"""

import argparse
import csv
import json
import math
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.edit_looks import OPS, Edit, Frames, Op
from curate.config import Limits, Measure
from curate.decode import Video
from curate.isolate import keep_freed_memory
from curate.ocr import require_ocr, text_share
from curate.overlays.training.synthesis import encoded
from curate.window import ClipWindow
from filters.base import Clip, Unmeasurable
from filters.letterbox import borders
from filters.registry import FILTERS

SECONDS: Final = 3.2
SIDE: Final = 360
"""Shorter side to which a landscape clip is scaled; upright ones get 640 px of height."""
SCORED: Final = (
    "border_share", "text_overlay", "picture_in_picture", "split_screen", "collage",
)  # fmt: skip
OCR: Final = "ocr_text"
ALSO: Final[dict[str, tuple[str, str | None]]] = {
    "collage": ("split_screen", "collage"),
    OCR: ("text_overlay", None),
}
"""Score -> family and kind of edits that it is for, where they are another's too."""
CLEAN: Final = "clean"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured clip.

    Attributes:
        source: Clips of one source are drawn together in the bootstrap.
        family: Score that the edit is for, or CLEAN.
        kind: Kind of edit.
        scores: Of SCORED, and of OCR where it was asked for; -1 where there is none.
        error_px: Greatest distance of a side of the content box from the truth.
        cropped: Whether nine tenths of where letters were drawn lie outside the content box, so
            that nothing downstream sees them.
        cpu_ms: Spent in SCORED, per decoded frame.
        middle: The middle analysed frame.
    """

    source: str
    family: str
    kind: str
    scores: dict[str, float]
    error_px: float
    cropped: bool
    cpu_ms: float
    middle: npt.NDArray[np.uint8]


def read_clips(table: Path, half: str) -> list[dict[str, str]]:
    """Rows of edit_clips.tsv of one half; what the network was trained on is of "tune"."""
    with table.open() as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    names = sorted({r["source"] for r in rows} - {"trained"}, key=lambda s: zlib.crc32(s.encode()))
    report = set(names[::2])
    return [r for r in rows if (r["source"] in report) == (half == "report")]


def load(path: Path) -> tuple[Frames, float]:
    """The first SECONDS of a clip at 360p, and its rate."""
    frames, times = [], []
    with Video(str(path), Limits()) as video:
        for frame in video:
            times.append(float(frame.pts * video.time_base))
            if times[-1] - times[0] > SECONDS:
                break
            width, height = frame.size
            scale = SIDE / height if width >= height else 640 / height
            size = 2 * round(width * scale / 2), 2 * round(height * scale / 2)
            way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            frames.append(
                cv2.resize(frame.to_array(width, height, "rgb24"), size, interpolation=way)
            )
    rate = (len(times) - 1) / (times[-1] - times[0])
    return np.stack(frames).astype(np.uint8), rate


def fitted(other: Frames, like: Frames) -> Frames:
    """Another clip of the same size and length: filled, and played to and fro."""
    height, width = like.shape[1:3]
    h, w = other.shape[1:3]
    scale = max(height / h, width / w)
    size = max(width, round(w * scale)), max(height, round(h * scale))
    turn = np.arange(len(like)) % (2 * len(other))
    turn = np.where(turn < len(other), turn, 2 * len(other) - 1 - turn)
    big = [cv2.resize(other[i], size, interpolation=cv2.INTER_AREA) for i in turn]
    y, x = (size[1] - height) // 2, (size[0] - width) // 2
    return np.stack([f[y : y + height, x : x + width] for f in big]).astype(np.uint8)


def encode(frames: Frames, rate: float, crf: int) -> bytes:
    """An MP4 of x264."""
    options = {"preset": "veryfast", "crf": str(crf)}
    return encoded(frames, Fraction(rate).limit_denominator(1001), options)


def as_measured(data: bytes) -> tuple[Clip, int]:
    """The clip that filters see, all of the video in one, and its decoded frames."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(data)
        file.flush()
        return read_clip(Path(file.name))


def read_clip(path: Path, seconds: float = math.inf) -> tuple[Clip, int]:
    """The first seconds of a video, its shots in one clip, as filters see it; decoded frames.

    Raises:
        RuntimeError: If no frame was analysed.
    """
    window, times = ClipWindow(Measure(), 2.0), []
    with Video(str(path), Limits()) as video:
        for frame in video:
            times.append(float(frame.pts * video.time_base))
            window.add(frame, times[-1], frame.to_array(64, 36, "yuvj444p")[0])
            if times[-1] - times[0] > seconds:
                break
    clip = window.clip(0, len(times), times[0], None)
    if clip is None:
        raise RuntimeError(f"{path}: no frame was analysed")
    return clip, len(times)


def middle_text(frames: Frames) -> float:
    """What OCR finds in the middle frame, at the size of a still."""
    frame = frames[len(frames) // 2]
    scale = Measure().sample_px / min(frame.shape[:2])
    size = round(frame.shape[1] * scale), round(frame.shape[0] * scale)
    still = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return text_share(np.asarray(cv2.cvtColor(still, cv2.COLOR_RGB2BGR), np.uint8))


def measure(
    source: str, family: str, kind: str, edit: Edit, rate: float, crf: int, ocr: bool
) -> Row:
    """Encode, decode and score one edit."""
    clip, frames = as_measured(encode(edit.frames, rate, crf))
    scores = {}
    begun = time.process_time()
    for name in SCORED:
        try:
            scores[name] = FILTERS[name].score(clip)
        except Unmeasurable:
            scores[name] = -1.0
    spent = time.process_time() - begun
    if ocr and family in (CLEAN, "text_overlay"):
        scores[OCR] = middle_text(edit.frames)
    found = sides(clip, edit)
    error, cropped = box_error(found, edit), left_outside(found, edit)
    middle = clip.gray[len(clip.gray) // 2]
    return Row(source, family, kind, scores, error, cropped, 1000 * spent / frames, middle)


def sides(clip: Clip, edit: Edit) -> npt.NDArray[np.float64] | None:
    """(4,) left, top, right, bottom of the content box, px of the edited video, if there is one."""
    height, width = edit.frames.shape[1:3]
    rows, columns = clip.gray.shape[1:]
    try:
        x, y, w, h = borders(clip.gray).box
    except Unmeasurable:
        return None
    sx, sy = width / columns, height / rows
    return np.array([x * sx, y * sy, (x + w) * sx, (y + h) * sy])


def box_error(found: npt.NDArray[np.float64] | None, edit: Edit) -> float:
    """Greatest distance of a side of the content box from the truth, px of the edited video."""
    height, width = edit.frames.shape[1:3]
    if found is None:
        return float(max(height, width))
    a, b, c, d = edit.box or (0, 0, width, height)
    return float(np.abs(found - (a, b, a + c, b + d)).max())


def left_outside(found: npt.NDArray[np.float64] | None, edit: Edit) -> bool:
    """Whether the content box leaves out nine tenths of where letters were drawn, or more."""
    if found is None or edit.drawn is None:
        return False
    x, y, w, h = edit.drawn
    across = min(x + w, found[2]) - max(x, found[0])
    down = min(y + h, found[3]) - max(y, found[1])
    return bool(max(0.0, across) * max(0.0, down) <= 0.1 * w * h)


def rows_of(
    clips: Sequence[dict[str, str]],
    folder: Path,
    only: Sequence[str],
    kinds: Sequence[str] | None,
    ocr: bool,
) -> Iterator[Row]:
    """Every clip, clean and in every kind of edit."""
    loaded: dict[str, tuple[Frames, float]] = {}

    def take(row: dict[str, str]) -> tuple[Frames, float]:
        if row["file"] not in loaded:
            if len(loaded) > 6:
                loaded.pop(next(iter(loaded)))
            loaded[row["file"]] = load(folder / row["file"])
        return loaded[row["file"]]

    for number, row in enumerate(clips):
        source = row["file"] if row["source"] == "trained" else row["source"]
        todo: list[tuple[str, str, Op | None]] = [(CLEAN, CLEAN, None)]
        todo += [
            (f, k, op)
            for f in only
            for k, op in OPS.get(f, {}).items()
            if kinds is None or k in kinds
        ]
        for family, kind, op in todo:
            seed = zlib.crc32(f"{family} {kind} {row['file']}".encode())
            rng = np.random.default_rng(seed)
            frames, rate = take(row)
            if op is None:
                edit = Edit(frames)
            else:
                other = take(clips[(number + int(rng.integers(1, 5))) % len(clips)])[0]
                edit = op(frames, fitted(other, frames), rng)
            yield measure(source, family, kind, edit, rate, int(rng.integers(18, 34)), ocr)


def area_under(edited: npt.NDArray[np.float64], clean: npt.NDArray[np.float64]) -> float:
    """Share of pairs in which the edited clip scores higher; ties count half (Mann-Whitney)."""
    above, equal = edited[:, None] > clean, edited[:, None] == clean
    return float((above + 0.5 * equal).mean())


def figures(rows: Sequence[Row], name: str, kinds: Sequence[str] | None) -> dict[str, float]:
    """Area under the curve, recall and false drops of one score."""
    family, only = ALSO.get(name, (name, None))
    chosen = [r for r in rows if r.family == family and (only is None or r.kind == only)]
    if kinds is not None:
        chosen = [r for r in chosen if r.kind in kinds]
    edited = np.array([r.scores[name] for r in chosen])
    clean = np.array([r.scores[name] for r in rows if r.family == CLEAN])
    if not len(edited) or not len(clean):
        return {}
    # A border is to be found, not dropped: its bound is for what is left of the picture.
    high = 0.02 if name == "border_share" else FILTERS[name].high
    found = {"auc": area_under(edited, clean)}
    if high is not None:
        found |= {"recall": float((edited > high).mean()), "false": float((clean > high).mean())}
        if name == "text_overlay":
            dealt = (edited > high) | np.array([r.cropped for r in chosen])
            found["recall_or_cropped"] = float(dealt.mean())
    return found


def interval(rows: Sequence[Row], name: str, kinds: Sequence[str] | None) -> dict[str, list[float]]:
    """95 % of a bootstrap over sources."""
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    names, rng = sorted(by_source), np.random.default_rng(0)
    drawn: dict[str, list[float]] = {}
    for _ in range(300):
        some = [r for i in rng.integers(0, len(names), len(names)) for r in by_source[names[i]]]
        for key, value in figures(some, name, kinds).items():
            drawn.setdefault(key, []).append(value)
    return {k: [float(v) for v in np.percentile(d, (2.5, 97.5))] for k, d in drawn.items()}


def sheet(rows: Sequence[Row], name: str, path: Path) -> None:
    """The edits that score least and the clean clips that score most."""
    family, only = ALSO.get(name, (name, None))
    missed = [r for r in rows if r.family == family and (only is None or r.kind == only)]
    clean = [r for r in rows if r.family == CLEAN]
    missed.sort(key=lambda r: r.scores[name])
    clean.sort(key=lambda r: -r.scores[name])
    cells = []
    for r in [*missed[:16], *clean[:8]]:
        cell = cv2.resize(r.middle, (320, 180))
        cell = cv2.cvtColor(cell, cv2.COLOR_GRAY2BGR)
        label = f"{r.kind} {r.source[-24:]} {r.scores[name]:.3f}"
        cv2.putText(cell, label, (3, 174), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 220, 255), 1)
        cells.append(cell)
    cells += [np.zeros_like(cells[0])] * (-len(cells) % 4)
    lines = [np.hstack(cells[i : i + 4]) for i in range(0, len(cells), 4)]
    cv2.imwrite(str(path), np.vstack(lines))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, write JSON and contact sheets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--half", choices=("tune", "report"), default="report")
    parser.add_argument("--only", nargs="+", default=list(OPS))
    parser.add_argument("--kinds", nargs="+", help="kinds of edits; all if left out")
    parser.add_argument("--ocr", action="store_true", help="compare with ocr_text")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--out", type=Path, default=Path("edits.json"))
    options = parser.parse_args(arguments)
    if options.ocr:
        require_ocr()
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the processes that measure do
    clips = read_clips(Path(__file__).with_name("edit_clips.tsv"), options.half)
    rows = list(rows_of(clips, options.clips, options.only, options.kinds, options.ocr))
    result: dict[str, Any] = {"half": options.half, "clean_clips": len(clips), "scores": {}}
    for name in (*SCORED, *([OCR] if options.ocr else [])):
        kinds: list[list[str] | None] = [None]
        kinds += [
            [k]
            for k in sorted({r.kind for r in rows if r.family == ALSO.get(name, (name, None))[0]})
        ]
        for chosen in kinds:
            found = figures(rows, name, chosen)
            label = name if chosen is None else f"{name}/{chosen[0]}"
            if found:
                spread = interval(rows, name, chosen)
                result["scores"][label] = {"figures": found, "interval": spread}
                print(
                    label,
                    {k: (round(v, 3), np.round(spread[k], 3).tolist()) for k, v in found.items()},
                )
    for kind in (CLEAN, *OPS["border_share"]):
        errors = np.array([r.error_px for r in rows if r.kind == kind])
        if len(errors):
            within = {f"within_{px}_px": float((errors <= px + 0.01).mean()) for px in (2, 6)}
            result["scores"][f"box/{kind}"] = within
            print("box", kind, within, "median", round(float(np.median(errors)), 2))
    result["clips"] = [
        {"source": r.source, "edit": r.family, "kind": r.kind, "cropped": r.cropped} | r.scores
        for r in rows
    ]
    result["cpu_ms_per_frame"] = float(np.median([r.cpu_ms for r in rows]))
    print("CPU ms per decoded frame, median:", round(result["cpu_ms_per_frame"], 3))
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
        for name in {r.family for r in rows} & set(SCORED) | {"collage"} & set(SCORED):
            sheet(rows, name, options.pictures / f"{name}.png")


if __name__ == "__main__":
    main()
