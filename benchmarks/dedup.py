"""How well copies are found: transformed copies against hard negatives, and real families.

    python benchmarks/dedup.py copies DIR [--out copies.json]
    python benchmarks/dedup.py changes DIR [--out changes.json]
    python benchmarks/dedup.py families LIST.tsv --root FOLDER [--out families.json]
    python benchmarks/dedup.py takes FILE... [--out takes.json]

`copies` reads what benchmarks/dedup_copies.py measured. Positives: the original and each of its
transformed copies. Negatives: other moments of the same take (as files of their own) against the
original and every copy, and the pairs of different sources whose vectors are most alike. The
verdict of Rushes is the shipped one; the baselines get the threshold that is best for them on these
very pairs at a precision of 0.99. Intervals: 95 %, bootstrap over sources.

`changes` reads the same and says how often each word of `copies.changes` is told of a
transformation. `takes` measures videos that all show different takes, and counts the pairs that are
called copies.

`families` measures real videos (columns family, file) and compares all clips of different files.
Scaling is in benchmarks/dedup_scale.py.
"""

import argparse
import csv
import json
import pickle
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, product
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl

from curate.config import load_config
from curate.dedup import CHANGES, chroma, verify, words
from curate.embed import embed_clips
from curate.embedders import CANDIDATES, load_embedder
from curate.measure import measure_video
from curate.signature import hamming
from manifests.errors import CurateError

CROSS: Final = 600
"""Pairs of different sources, the most alike ones."""
PRECISION: Final = 0.99


@dataclass(frozen=True, slots=True)
class Item:
    """One clip with what any method needs."""

    source: str
    name: str
    row: dict[str, Any]
    vector: npt.NDArray[np.float32]
    phash: npt.NDArray[np.uint8]
    collage: npt.NDArray[np.uint8]

    @property
    def pdq(self) -> npt.NDArray[np.uint8]:
        """(k, 32)."""
        return np.frombuffer(self.row["signatures"], np.uint8).reshape(-1, 32)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clips and whether they are copies."""

    a: Item
    b: Item
    copy: bool
    kind: str


def items(source: str, variants: dict[str, Any]) -> Iterator[Item]:
    """Clips of one source's variants."""
    for name, tables in variants.items():
        strips = {row["clip_id"]: row for row in tables["filmstrips"].to_pylist()}
        stills: dict[str, list[Any]] = defaultdict(list)
        for row in tables["samples"].to_pylist():
            data = np.frombuffer(row["jpeg"], np.uint8)
            stills[row["clip_id"]].append(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
        for row in tables["embeddings"].to_pylist():
            clip = row["clip_id"]
            if clip in strips:
                pictures = stills[clip]
                yield Item(
                    source, name, {**row, **strips[clip]}, np.asarray(row["vector"], np.float32),
                    np.stack([phash(p) for p in pictures]), collage(pictures)[None],
                )  # fmt: skip


def phash(picture: Any) -> npt.NDArray[np.uint8]:
    """(8,) the 64-bit DCT hash: low frequencies against their median."""
    low = cv2.dct(cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32))
    return np.packbits(low[:8, :8] > np.median(low[:8, :8]))


def collage(pictures: list[Any]) -> npt.NDArray[np.uint8]:
    """(8,) one 64-bit hash of all stills side by side, as videohash makes of its collage."""
    tiles = [cv2.resize(p, (144, 144), interpolation=cv2.INTER_AREA) for p in pictures]
    while len(tiles) < 4:
        tiles.append(tiles[-1])
    sheet = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:4])])
    low = cv2.resize(sheet, (8, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(low > np.median(low))


def pairs_of(made: list[Item]) -> list[Pair]:
    """Positives, other moments of the same take, and the most alike of other sources."""
    by_source: dict[str, list[Item]] = defaultdict(list)
    for item in made:
        by_source[item.source].append(item)
    pairs = []
    for own in by_source.values():
        others = [i for i in own if i.name.startswith("other")]
        shown = [i for i in own if not i.name.startswith("other")]
        originals = [i for i in shown if i.name == "original"]
        pairs += [Pair(o, i, True, i.name) for o in originals for i in shown if i.name != o.name]
        pairs += [Pair(i, o, False, "other moment") for i in shown for o in others]
    vectors = np.stack([i.vector for i in made])
    likeness = np.triu(vectors @ vectors.T, 1)
    sources = np.array([i.source for i in made])
    likeness[sources[:, None] == sources[None]] = -1
    for at in np.argsort(-likeness, axis=None)[:CROSS]:
        a, b = divmod(int(at), len(made))
        pairs.append(Pair(made[a], made[b], False, "other source"))
    return pairs


def rushes(pairs: list[Pair]) -> npt.NDArray[np.bool_]:
    """The shipped verdict: proposed by vectors, verified by pictures."""
    settings = load_config().dedup
    flags = []
    for pair in pairs:
        cosine = float(pair.a.vector @ pair.b.vector)
        rows = {"a": pair.a.row, "b": pair.b.row}
        proposed = cosine >= CANDIDATES["bundled"]
        flags.append(proposed and bool(verify([("a", "b", cosine)], rows, settings)))
    return np.asarray(flags, np.bool_)


def by_bits(pairs: list[Pair], which: str) -> npt.NDArray[np.float64]:
    """Less the median over one clip's stills of the distance to the other's closest still."""
    scores = []
    for pair in pairs:
        bits = [getattr(item, which) for item in (pair.a, pair.b)]
        if which == "pdq":
            distance = hamming(*bits)
        else:
            unpacked = [np.unpackbits(b, axis=1) for b in bits]
            distance = (unpacked[0][:, None] != unpacked[1][None]).sum(axis=2)
        scores.append(-min(float(np.median(distance.min(axis=axis))) for axis in (0, 1)))
    return np.asarray(scores)


def at_precision(
    scores: npt.NDArray[np.float64], truth: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Accepted pairs at the threshold of most recall whose precision is at least 0.99."""
    best = np.zeros(len(scores), np.bool_)
    for threshold in np.unique(scores):
        accepted = scores >= threshold
        if truth[accepted].mean() >= PRECISION and accepted.sum() > best.sum():
            best = accepted
    return best


def interval(found: npt.NDArray[np.bool_], sources: npt.NDArray[np.str_]) -> list[float]:
    """95 % of the mean, sources drawn with replacement."""
    rng = np.random.default_rng(0)
    groups = [found[sources == s] for s in np.unique(sources)]
    draws = [
        np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]).mean()
        for _ in range(1000)
    ]
    return [round(float(v), 3) for v in np.quantile(draws, [0.025, 0.975])]


def copies(folder: Path) -> dict[str, Any]:
    """Recall by transformation and method."""
    made: list[Item] = []
    for file in sorted(folder.glob("*.pickle")):
        # Written by dedup_copies.py of the same checkout; never read one from elsewhere.
        made += items(file.stem, pickle.loads(file.read_bytes()))
    pairs = pairs_of(made)
    truth = np.array([p.copy for p in pairs])
    kinds, sources = (np.array(v) for v in zip(*((p.kind, p.a.source) for p in pairs), strict=True))
    methods = {"rushes": rushes(pairs)}
    for which in ("pdq", "phash", "collage"):
        methods[which] = at_precision(by_bits(pairs, which), truth)
    vectors = np.array([float(p.a.vector @ p.b.vector) for p in pairs])
    methods["vectors alone"] = at_precision(vectors, truth)
    table: dict[str, Any] = {"sources": len(set(sources)), "pairs": len(pairs), "methods": {}}
    asked = truth & (kinds != "mirror_crop_logo")
    for name, flags in methods.items():
        rows = {k: round(float(flags[kinds == k].mean()), 3) for k in dict.fromkeys(kinds)}
        accepted = flags & (asked | ~truth)
        table["methods"][name] = {
            "accepted": rows,
            "recall": round(float(flags[asked].mean()), 4),
            "interval": interval(flags[asked], sources[asked]),
            "precision": round(float(truth[accepted].mean()), 4) if accepted.any() else None,
            "false": int((flags & ~truth).sum()),
        }
    missed = np.flatnonzero((truth != methods["rushes"]) & (asked | ~truth))
    table["wrong"] = [f"{pairs[i].a.source}:{pairs[i].a.name} {pairs[i].kind}" for i in missed]
    return table


def changes(folder: Path) -> dict[str, Any]:
    """Share of the verified copies of a transformation of which a word is told."""
    settings = load_config().dedup
    told: dict[str, list[list[str]]] = defaultdict(list)
    for file in sorted(folder.glob("*.pickle")):
        variants = pickle.loads(file.read_bytes())
        sides = {name: _sides(name, tables) for name, tables in variants.items()}
        for a, b in product(sides.get("original", []), chain(*sides.values())):
            if b["variant"] != "original" and not b["variant"].startswith("other"):
                pair = [(a["clip_id"], b["clip_id"], 1.0)]
                rows = verify(pair, {a["clip_id"]: a, b["clip_id"]: b}, settings)
                facts = pl.DataFrame([{k: side[k] for k in _FACTS} for side in (a, b)])
                told[b["variant"]] += (
                    [words(pl.DataFrame(rows), facts)[0].to_list()] if rows else []
                )
    return {
        variant: {"copies": len(found), **{w: sum(w in f for f in found) for w in CHANGES}}
        for variant, found in told.items()
    }


_FACTS: Final = (
    "clip_id", "start_s", "end_s", "content_width", "content_height", "source_width",
    "source_height", "chroma",
)  # fmt: skip


def _sides(name: str, tables: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that is stored of a variant's clips; ids are made different between variants."""
    held: dict[str, dict[str, Any]] = defaultdict(dict)
    for table in ("clips", "filmstrips", "embeddings"):
        for row in tables[table].to_pylist():
            held[row["clip_id"]] |= row
    for row in tables["samples"].to_pylist()[::-1]:
        held[row["clip_id"]]["chroma"] = chroma(row["jpeg"])
    return [
        {**row, "clip_id": f"{name}:{clip}", "variant": name}
        for clip, row in held.items()
        if "luma" in row and "signatures" in row
    ]


def takes(files: list[Path]) -> dict[str, Any]:
    """Pairs of different videos that are called copies, though none is."""
    embedder, config = load_embedder("bundled", device="cpu"), load_config()
    clips = []
    for file in files:
        tables = measure_video(str(file), file.name, "k", config).tables
        strips = {r["clip_id"]: r for r in tables["filmstrips"].to_pylist()}
        for own in embed_clips(tables["samples"], embedder, "k").to_pylist():
            clips.append((file.name, {**own, **strips[own["clip_id"]]}))
    wrong, pairs = [], 0
    for (name, a), (other, b) in combinations(clips, 2):
        if name != other:
            pairs += 1
            wrong += (
                [(name, other)] if verify([("a", "b", 1.0)], {"a": a, "b": b}, config.dedup) else []
            )
    return {"clips": len(clips), "pairs": pairs, "called copies": wrong}


def families(listed: Path, root: Path) -> dict[str, Any]:
    """Which files of real families are linked by a copy, and which links are wrong."""
    embedder, config = load_embedder("bundled", device="cpu"), load_config()
    clips: list[tuple[str, str, dict[str, Any], npt.NDArray[np.float32]]] = []
    with listed.open() as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    for row in rows:
        try:
            tables = measure_video(str(root / row["file"]), row["file"], "k", config).tables
        except CurateError as error:
            print(f"{row['file']}: {error}", file=sys.stderr)
            continue
        strips = {r["clip_id"]: r for r in tables["filmstrips"].to_pylist()}
        for own in embed_clips(tables["samples"], embedder, "k").to_pylist():
            both = {**own, **strips[own["clip_id"]]}
            clips.append((row["family"], row["file"], both, np.asarray(own["vector"], np.float32)))
    links: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for a, b in combinations(clips, 2):
        cosine = float(a[3] @ b[3])
        if a[1] == b[1] or cosine < CANDIDATES["bundled"]:
            continue
        if verify([("a", "b", cosine)], {"a": a[2], "b": b[2]}, config.dedup):
            links[a[0], b[0]].add((a[1], b[1]))
    with_clips: dict[str, set[str]] = defaultdict(set)
    for family, file, *_ in clips:
        with_clips[family].add(file)
    wrong = {f"{a} {b}": sorted(v) for (a, b), v in links.items() if a != b}
    told = {
        family: {
            "files_with_clips": len(files),
            "linked": sorted({f for pair in links[family, family] for f in pair}),
            "not_linked": sorted(files - {f for pair in links[family, family] for f in pair}),
        }
        for family, files in with_clips.items()
        if len(files) > 1
    }
    return {"families": told, "wrong": wrong}


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="what", required=True)
    of_copies = commands.add_parser("copies")
    of_copies.add_argument("folder", type=Path)
    of_families = commands.add_parser("families")
    of_families.add_argument("list", type=Path)
    of_families.add_argument("--root", type=Path, required=True)
    of_changes = commands.add_parser("changes")
    of_changes.add_argument("folder", type=Path)
    of_takes = commands.add_parser("takes")
    of_takes.add_argument("files", type=Path, nargs="+")
    for command in (of_copies, of_families, of_changes, of_takes):
        command.add_argument("--out", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.what == "copies":
        told = copies(options.folder)
    elif options.what == "changes":
        told = changes(options.folder)
    elif options.what == "takes":
        told = takes(options.files)
    else:
        told = families(options.list, options.root)
    text = json.dumps(told, indent=1, default=str)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
