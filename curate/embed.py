"""Vectors and signatures of clips, from their stored stills."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from curate.embedders import Embedder
from curate.signature import pdq
from manifests.corpus import rows_of


def embed_clips(samples: pa.Table, embedder: Embedder, embed_key: str) -> pa.Table:
    """Embed every clip that has stills.

    Args:
        samples: Rows of `samples`; any order.
        embedder: The image embedder.
        embed_key: Key under which the rows are stored.

    Returns:
        Rows of `embeddings`, one per clip, by clip_id.
    """
    stills = samples.sort_by([("clip_id", "ascending"), ("sample", "ascending")]).to_pylist()
    if not stills:
        return rows_of("embeddings", [])
    pictures = [_rgb(still["jpeg"]) for still in stills]
    vectors = embedder.embed(pictures)
    rows = []
    for start, end in _runs([still["clip_id"] for still in stills]):
        signed = [pdq(picture) for picture in pictures[start:end]]
        mean = vectors[start:end].mean(axis=0)
        rows.append(
            {
                "clip_id": stills[start]["clip_id"],
                "embed_key": embed_key,
                "vector": mean / np.linalg.norm(mean),
                "frame_vectors": vectors[start:end].astype("<f2").tobytes(),
                "frame_t_s": [still["t_s"] for still in stills[start:end]],
                "signatures": b"".join(bits.tobytes() for bits, _ in signed),
                "qualities": [quality for _, quality in signed],
            }
        )
    return rows_of("embeddings", rows)


def _runs(ids: Sequence[str]) -> list[tuple[int, int]]:
    """Half-open ranges of equal neighbours."""
    starts = [i for i in range(len(ids)) if i == 0 or ids[i] != ids[i - 1]]
    return list(zip(starts, [*starts[1:], len(ids)], strict=True))


def _rgb(jpeg: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
