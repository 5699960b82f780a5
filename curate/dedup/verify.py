"""Candidate pairs in, verified copies out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from curate.config import Dedup
from curate.dedup.align import Alignment, Footage
from curate.dedup.changes import tones, with_tones
from curate.dedup.places import Places
from curate.dedup.verdict import Stills, compare, is_copy
from curate.filmstrip import unpack
from manifests.schemas import COPIES

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a clip is verified by."""

    footage: Footage
    stills: Stills


def seen(row: Mapping[str, Any], min_quality: int) -> Seen | None:
    """Prepare a clip; None where it has no picture.

    Args:
        row: t_s and luma of `filmstrips`, signatures and qualities of `embeddings`.
        min_quality: PDQ quality below which a signature is not used.
    """
    strip = unpack(row["luma"])
    if not len(strip):
        return None
    signatures = np.frombuffer(row["signatures"], np.uint8).reshape(-1, 32)
    stills = Stills(signatures, np.asarray(row["qualities"]) >= min_quality)
    return Seen(Footage.of(strip, np.asarray(row["t_s"], np.float64)), stills)


def verify(
    pairs: Sequence[tuple[str, str, float]], clips: Mapping[str, Row], settings: Dedup
) -> list[Row]:
    """The pairs that are copies.

    Args:
        pairs: (clip_id, other_id, cosine), clip_id the smaller one.
        clips: What `seen` reads, by clip_id; a clip without a row verifies nothing.
        settings: Of dedup.

    Returns:
        Rows of `copies` without dedup_key and changes, with what `changes.words` needs.
    """
    prepared = {name: seen(row, settings.min_quality) for name, row in clips.items()}
    found = []
    for a, b, cosine in pairs:
        one, two = prepared.get(a), prepared.get(b)
        if one is None or two is None:
            continue
        alignment = compare(one.footage, two.footage, settings.min_overlap)
        alike = one.stills.share_as(two.stills, settings.max_hamming)
        if alignment is not None and is_copy(alignment, alike):
            row = _row(a, b, cosine, alignment)
            found.append(with_tones(row, tones(one.footage, two.footage, alignment)))
    return found


def _row(a: str, b: str, cosine: float, found: Alignment) -> Row:
    return {
        "clip_id": a,
        "other_id": b,
        "relation": "copy",
        "similarity": cosine,
        "likeness": found.likeness,
        "motion": found.motion,
        "offset_s": found.offset_s,
        "speed": found.speed,
        "mirrored": found.mirrored,
        "overlap_s": found.overlap_s,
        "share": found.share,
        "part_of": "clip" if found.inside else "other",
        "part_x": found.view.x,
        "part_y": found.view.y,
        "part_width": found.view.width,
        "part_height": found.view.height,
    }


def exact_copies(clips: pl.DataFrame, places: Places) -> pl.DataFrame:
    """Pairs that hold the same packets, which need no look at any picture.

    Args:
        clips: clip_id, by clip_id, and end_s - start_s of each.
        places: Of these clips, in this order.
    """
    a, b = places.exact()
    ids = clips["clip_id"]
    span = (clips["end_s"] - clips["start_s"]).to_numpy()
    return copies_frame(
        [
            {
                "clip_id": ids[int(i)], "other_id": ids[int(j)], "relation": "exact",
                "offset_s": 0.0, "speed": 1.0, "mirrored": False, "share": 1.0,
                "overlap_s": float(min(span[i], span[j])),
                "part_of": "clip", "part_x": 0.0, "part_y": 0.0,
                "part_width": 1.0, "part_height": 1.0, "changes": [],
            }
            for i, j in zip(a, b, strict=True)
        ]
    )  # fmt: skip


def copies_frame(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of `copies` without dedup_key; columns that a row lacks are null."""
    empty = pl.DataFrame(COPIES.schema.empty_table())
    schema = {name: kind for name, kind in empty.schema.items() if name != "dedup_key"}
    return pl.DataFrame(list(rows), schema=schema)


def joined_copies(*parts: pl.DataFrame) -> pl.DataFrame:
    """Each pair once, exact before verified, by clip_id and other_id."""
    order = ["clip_id", "other_id", "relation"]
    together = pl.concat(parts).sort(order, descending=[False, False, True])
    return together.unique(["clip_id", "other_id"], keep="first", maintain_order=True)
