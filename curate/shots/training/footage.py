"""Single takes at 64x36 to make transitions of, read from a folder with a table."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.shots.signals import HEIGHT, WIDTH

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Take:
    """One continuous take.

    Attributes:
        name: File and part.
        source: Takes of one source never stand on both sides of the split.
        yuv: (T, 3, 36, 64) full-range planar YUV.
        colours: (80,) mean colour histogram, by which similar takes are found.
        motion: Mean absolute difference of neighbouring frames, 0 to 255.
    """

    name: str
    source: str
    yuv: Bytes
    colours: npt.NDArray[np.float32]
    motion: float


def read_takes(folder: Path, *, least_frames: int = 24) -> list[Take]:
    """Read `clips.tsv` and the files that it names, split at the transitions that it lists.

    Args:
        folder: Holds clips.tsv (columns file, source, cuts) and tiny/ with .npz of `yuv`.
        least_frames: Shorter takes are left out.
    """
    table = pl.read_csv(folder / "clips.tsv", separator="\t", quote_char=None, infer_schema=False)
    takes = []
    for row in table.iter_rows(named=True):
        yuv = np.load(folder / "tiny" / row["file"])["yuv"]
        for number, (start, end) in enumerate(_parts(row["cuts"], len(yuv))):
            if end - start >= least_frames:
                takes.append(_take(f"{row['file']}#{number}", row["source"], yuv[start:end]))
    return takes


def _parts(cuts: str, frames: int) -> list[tuple[int, int]]:
    """Frames [start, end) between the listed cuts and gradual spans."""
    edges = [0]
    if cuts and cuts != "none":
        for word in cuts.replace(",", " ").split():
            first, _, last = word.partition("-")
            edges += [int(first) - 1, int(last or first) + 1]
    edges.append(frames)
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def _take(name: str, source: str, yuv: Bytes) -> Take:
    if yuv.shape[1:] != (3, HEIGHT, WIDTH):
        raise ValueError(f"{name}: expected (T, 3, {HEIGHT}, {WIDTH}), got {yuv.shape}")
    some = yuv[:: max(1, len(yuv) // 8)]
    shares = [np.histogram(some[:, c], 32, (0, 256))[0] / some[:, c].size for c in range(3)]
    luma = yuv[:200, 0].astype(np.int16)
    motion = float(np.abs(np.diff(luma, axis=0)).mean()) if len(luma) > 1 else 0.0
    return Take(name, source, yuv, np.sqrt(np.concatenate(shares)).astype(np.float32), motion)
