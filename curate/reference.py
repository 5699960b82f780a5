"""The reference space of a corpus: one normaliser of its tokens, fitted once and then frozen.

Everything that is compared is compared in it, so it depends on no policy and on no arm: the sample
is drawn from all spans with tokens, and what comes into the corpus later does not move it.
"""

import io
import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.study.normaliser import Normaliser, fit_normaliser
from curate.tokens import read_steps
from manifests.corpus import Corpus
from manifests.errors import ConfigError, StorageError

SPANS: Final = 256
_PER_VIDEO: Final = 4
_STEPS: Final = 4
"""256 spans, at most 4 of a video, 4 steps of each: 16,384 tokens at 16 a frame."""


@dataclass(frozen=True)
class ReferenceSpace:
    """All principal axes of a sample of tokens, by variance.

    Attributes:
        whole: The map to all axes.
        variances: (K,) of the sample along each of them.
        spans: Spans in the sample.
        source: digest of their ids, so that it can be told whether two samples are the same.
    """

    whole: Normaliser
    variances: npt.NDArray[np.float64]
    spans: int
    source: str

    @property
    def hash(self) -> str:
        """16 hexadecimal digits: equal where tokens may be compared."""
        return self.whole.hash

    def reduced(self, channels: int) -> Normaliser:
        """The map to the first axes, the mean variance of the sample along them 1.

        Raises:
            ConfigError: There are fewer axes.
        """
        if not 1 <= channels <= len(self.variances):
            raise ConfigError(
                f"the reference space has {len(self.variances)} axes; {channels} were asked for"
            )
        scale = np.sqrt(self.variances[:channels].mean())
        return Normaliser(self.whole.mean, self.whole.projection[:, :channels] / scale)


def reference_sample(corpus: Corpus, encode_key: str) -> pl.DataFrame:
    """clip_id, file, row and steps of the sample: few spans of many videos, by their ids.

    Ids are hashes, so their order says nothing of what the spans show.
    """
    rows = corpus.committed("features").filter(
        (pl.col("encode_key") == encode_key) & pl.col("file").is_not_null()
    )
    turn = pl.col("clip_id").rank("ordinal").over("video_id").alias("turn")
    table = rows.select("clip_id", "video_id", "file", "row", "steps").with_columns(turn).collect()
    few = table.filter(pl.col("turn") <= _PER_VIDEO).sort("turn", "clip_id").head(SPANS)
    return few.drop("turn", "video_id")


def fit_reference(corpus: Corpus, encode_key: str) -> ReferenceSpace:
    """Fit the space; see `freeze_reference`.

    Raises:
        ValueError: There are no tokens, or they are all the same.
    """
    sample = reference_sample(corpus, encode_key)
    parts = [
        (row["file"], row["row"], slice(None, None, max(1, row["steps"] // _STEPS)))
        for row in sample.iter_rows(named=True)
    ]
    steps = [found[:_STEPS] for found in read_steps(corpus.folder, parts)]
    if not steps:
        raise ValueError("there are no tokens to fit a reference space to")
    tokens = np.concatenate(steps)[:, None]  # (n, 1, N, D)
    whole = fit_normaliser(tokens, tokens.shape[-1])
    mapped = whole.apply(tokens).reshape(-1, whole.projection.shape[1])
    variances = np.var(mapped, axis=0, dtype=np.float64)
    ids = "\n".join(sorted(sample["clip_id"])).encode()
    return ReferenceSpace(whole, variances, len(sample), blake2b(ids, digest_size=8).hexdigest())


def freeze_reference(corpus: Corpus, encode_key: str) -> ReferenceSpace:
    """The space of an encode key: what is stored, or, the first time, fitted and stored.

    Raises:
        ValueError: There are no tokens, or they are all the same.
        StorageError: What is stored is damaged.
    """
    if corpus.folder.exists(*_place(encode_key)):
        return load_reference(corpus, encode_key)
    space = fit_reference(corpus, encode_key)
    facts = {"hash": space.hash, "spans": space.spans, "source": space.source}
    buffer = io.BytesIO()
    np.savez(
        buffer,
        mean=space.whole.mean,
        projection=space.whole.projection,
        variances=space.variances,
        facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
    )
    corpus.folder.write(buffer.getvalue(), *_place(encode_key))
    return space


def load_reference(corpus: Corpus, encode_key: str) -> ReferenceSpace:
    """The frozen space of an encode key.

    Raises:
        ConfigError: None was frozen yet.
        StorageError: The file is not what was stored.
    """
    if not corpus.folder.exists(*_place(encode_key)):
        raise ConfigError(
            f"{corpus.uri} has no reference space for these tokens; `rushes encode` fits one"
        )
    content = corpus.folder.read(*_place(encode_key))
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            held: dict[str, Any] = {name: arrays[name] for name in arrays.files}
        facts = json.loads(held["facts"].tobytes())
        whole = Normaliser(held["mean"], held["projection"])
        space = ReferenceSpace(whole, held["variances"], facts["spans"], facts["source"])
    except (ValueError, LookupError, OSError) as error:
        raise StorageError(f"the reference space of {corpus.uri} is damaged: {error}") from error
    if space.hash != facts["hash"]:
        raise StorageError(f"the reference space of {corpus.uri} is not the one that was stored")
    return space


def _place(encode_key: str) -> tuple[str, str]:
    return "normalisers", f"{encode_key}.npz"
