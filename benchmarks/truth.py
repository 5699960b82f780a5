"""One truth file for real clips out of several lists.

    python benchmarks/truth.py cuts.tsv judged.json [...] --out TRUTH.json [--without WORD ...]
        [--unseen-in FOLDER]

cuts.tsv: columns file, frames, boundaries: frame numbers of cuts; `d` or `f` behind a number is a
dissolve or fade around there, whose extent is not known (8 frames on each side are taken), `?` is
doubtful and ignored with 12 frames on each side. Lines with prose are left out and named. JSON
files as benchmarks/judged.json override per file, later ones earlier ones.
"""

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final

import polars as pl

from curate.shots.training.prepare import TABLE

_MARK: Final = re.compile(r"(\d+)([df])?(\?)?")
_GRADUAL: Final = 8
_DOUBT: Final = 12

Spans = list[dict[str, Any]]


def from_cuts(line: str) -> Spans | None:
    """Transitions of one line's `boundaries`; None where they cannot be read."""
    spans: Spans = []
    for word in line.split():
        mark = _MARK.fullmatch(word)
        if mark is None:
            return None
        frame = int(mark[1])
        if mark[3]:
            spans.append({"kind": "ignore", "start": frame - _DOUBT, "end": frame + _DOUBT})
        elif mark[2]:
            spans.append({"kind": "gradual", "start": frame - _GRADUAL, "end": frame + _GRADUAL})
        elif frame:
            spans.append({"kind": "cut", "start": frame, "end": frame})
    return spans


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def main() -> None:
    """Read the lists and write one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lists", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--without", nargs="*", default=[], help="words in paths to leave out")
    parser.add_argument(
        "--unseen-in", type=Path, help="folder of the videos: leave out those trained on"
    )
    parser.add_argument("--least-frames", type=int, default=40)
    options = parser.parse_args()
    truth: dict[str, Spans] = {}
    for path in options.lists:
        if path.suffix == ".json":
            truth |= json.loads(path.read_text())["transitions"]
            continue
        for line in path.read_text().splitlines()[1:]:
            name, frames, boundaries = line.split("\t")[:3]
            spans = from_cuts(boundaries) if boundaries.strip() not in ("", "-") else None
            if int(frames or 0) < options.least_frames:
                continue
            if spans is None:
                print(f"left out, cannot be read: {name}: {boundaries}")
            else:
                truth[name] = spans
    kept = {n: s for n, s in truth.items() if not any(word in n for word in options.without)}
    if options.unseen_in:
        seen = set(pl.read_csv(TABLE.read_bytes(), separator="\t", quote_char=None)["sha256"])
        kept = {n: s for n, s in kept.items() if _sha256(options.unseen_in / n) not in seen}
    options.out.write_text(json.dumps({"transitions": kept}, indent=1))
    print(f"{len(kept)} videos, {sum(len(s) for s in kept.values())} spans")


if __name__ == "__main__":
    main()
