"""Clips by words: an open_clip text tower against stored clip vectors, without any decode."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from curate.backbones import explained
from curate.specs import parse_spec, weights_file
from manifests.corpus import Corpus
from manifests.errors import ConfigError

Vectors = npt.NDArray[np.float32]


def text_vectors(spec: str, texts: Sequence[str]) -> Vectors:
    """Unit vectors of texts in the space of an image embedder.

    Args:
        spec: Spec of the embedder, of the family open_clip.
        texts: At least one.

    Returns:
        (n, D) float32.

    Raises:
        ConfigError: The embedder has no text tower.
        ModelUnavailableError: The weights can be had neither from a file nor from the hub.
    """
    parsed = parse_spec(spec)
    if parsed.family != "open_clip":
        raise ConfigError(
            f"the corpus was embedded with {spec}, which knows pictures and no words; embed it "
            "with an open_clip: model to search it by text (rushes embed --set embed.spec=...)"
        )
    import open_clip  # takes seconds

    with explained(parsed):
        source = parsed.tag or str(weights_file(parsed))
        model = open_clip.create_model(parsed.name, source).eval()
        tokens = open_clip.get_tokenizer(parsed.name)(list(texts))
    with torch.inference_mode():
        vectors = model.encode_text(tokens, normalize=True)
    return np.asarray(vectors.float().numpy(), np.float32)


def search(corpus: Corpus, embed_key: str, vector: Vectors, limit: int) -> pl.DataFrame:
    """The clips most like a vector.

    Args:
        corpus: The corpus.
        embed_key: Whose vectors.
        vector: (D,) of unit length.
        limit: Most clips.

    Returns:
        clip_id, similarity (cosine of the clip's vector), start_s, end_s, uri; most alike first.

    Raises:
        ConfigError: No clip is embedded under this key, or in another number of dimensions.
    """
    found = similarities_to(corpus, embed_key, vector[None])
    if found.is_empty():
        raise ConfigError(f"{corpus.uri} has no vectors of its embedder; run `rushes embed` first")
    best = found.select("clip_id", similarity="similarity_0").top_k(limit, by="similarity")
    clips = corpus.scan("clips").select("clip_id", "video_id", "start_s", "end_s").collect()
    videos = corpus.read("videos").sort("uri").group_by("video_id").agg(pl.col("uri").first())
    placed = best.join(clips, on="clip_id").join(videos, on="video_id", how="left")
    return placed.drop("video_id").sort("similarity", "clip_id", descending=[True, False])


def similarities_to(corpus: Corpus, embed_key: str, vectors: Vectors) -> pl.DataFrame:
    """Cosine of every clip's vector to each of (n, D) unit vectors.

    Returns:
        clip_id and similarity_0 to similarity_(n - 1), float32.

    Raises:
        ConfigError: The clips' vectors have another length.
    """
    rows = corpus.committed("embeddings").filter(pl.col("embed_key") == embed_key)
    table = rows.select("clip_id", "vector").collect()
    if table.is_empty():
        return table.select("clip_id")
    stored = np.stack(table["vector"].to_list()).astype(np.float32)  # (clips, D)
    if stored.shape[1] != vectors.shape[1]:
        raise ConfigError(
            f"clip vectors have {stored.shape[1]} numbers and text vectors {vectors.shape[1]}"
        )
    cosines = stored @ vectors.T
    columns = {f"similarity_{i}": cosines[:, i] for i in range(len(vectors))}
    return table.select("clip_id").with_columns(pl.Series(n, c) for n, c in columns.items())
