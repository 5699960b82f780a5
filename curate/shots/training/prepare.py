"""Footage at 64x36 from the files that footage.tsv names, found by their hashes."""

import hashlib
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.config import Limits
from curate.decode import Video
from curate.shots.signals import HEIGHT, WIDTH
from manifests.errors import BadVideoError

TABLE = files("curate.shots.training").joinpath("footage.tsv")


def prepare(roots: Iterable[Path], out: Path) -> list[str]:
    """Write OUT/tiny/*.npz and OUT/clips.tsv.

    Args:
        roots: Folders that are searched for the files (clips, and unpacked packages).
        out: Folder to write to.

    Returns:
        Origins of the files that were not found or not read.
    """
    rows = pl.read_csv(TABLE.read_bytes(), separator="\t", quote_char=None, infer_schema=False)
    wanted = set(rows["sha256"])
    found: dict[str, Path] = {}
    for root in roots:
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest in wanted:
                found.setdefault(digest, path)
    (out / "tiny").mkdir(parents=True, exist_ok=True)
    lines, absent = ["file\tsource\tcuts"], []
    for row in rows.iter_rows(named=True):
        name = f"{row['sha256'][:16]}.npz"
        try:
            yuv = small_frames(found[row["sha256"]])
        except (KeyError, BadVideoError):
            absent.append(row["origin"])
            continue
        np.savez_compressed(out / "tiny" / name, yuv=yuv)
        lines.append(f"{name}\t{row['source']}\t{row['cuts']}")
    (out / "clips.tsv").write_text("\n".join(lines) + "\n")
    return absent


def small_frames(path: Path) -> npt.NDArray[np.uint8]:
    """All frames of a video: (T, 3, 36, 64), as the detector sees them."""
    with Video(str(path), Limits()) as video:
        return np.stack([frame.to_array(WIDTH, HEIGHT, "yuvj444p") for frame in video])
