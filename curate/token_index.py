"""What of a corpus a trainer reads: chosen spans, where their bytes lie, cut into windows."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.quantised import Dtype, token_bytes
from manifests.corpus import Corpus
from manifests.errors import ConfigError

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenIndex:
    """Samples of a corpus in the order of their bytes.

    Attributes:
        spans: One row per span: the columns of `span_table`, by file and offset.
        span_of: (samples,) row of `spans` of each sample.
        first_step: (samples,) step at which each sample begins.
        length: (samples,) steps of each sample.
        left_out: Spans that are shorter than the window.
    """

    spans: dict[str, npt.NDArray[Any]]
    span_of: Ints
    first_step: Ints
    length: Ints
    left_out: int

    def __len__(self) -> int:
        """Samples."""
        return len(self.span_of)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that name this choice of samples and their order."""
        digest = blake2b(digest_size=8)
        digest.update("\n".join(self.spans["clip_id"]).encode())
        for part in (self.span_of, self.first_step, self.length):
            digest.update(np.ascontiguousarray(part, "<i8").tobytes())
        return digest.hexdigest()

    def step_bytes(self) -> Ints:
        """(spans,) stored bytes of one step."""
        spans = self.spans
        kinds: list[Dtype] = ["int8" if kind == "int8" else "float16" for kind in spans["dtype"]]
        sizes = [token_bytes(int(d), k) for d, k in zip(spans["channels"], kinds, strict=True)]
        return spans["tokens"] * np.asarray(sizes, np.int64)


_COLUMNS = (
    "clip_id", "video_id", "file", "row", "offset", "dtype", "steps", "tokens", "channels",
    "step_s", "t0_s",
)  # fmt: skip


def span_table(corpus: Corpus, encode_key: str | None = None) -> pl.LazyFrame:
    """Every span that has tokens, with all that is known of its clip: what `where` may name.

    Args:
        corpus: The corpus.
        encode_key: Whose tokens; None for those of the newest run that has any.

    Returns:
        The columns of `features`, `clips` and `scores`, `uri` of its video, and `keep` of the
        newest run's policy; null where there is none (a study's raw spans are no clips).

    Raises:
        ConfigError: The corpus has no tokens, or none under this key.
    """
    chosen = encode_key or newest_key(corpus, "encode", "features")
    features = corpus.committed("features").filter(
        (pl.col("encode_key") == chosen) & pl.col("file").is_not_null()
    )
    clips = corpus.scan("clips").drop("video_id", "start_pts", "end_pts", "measure_key")
    scores = corpus.scan("scores").drop("measure_key", "missing", strict=False)
    videos = corpus.scan("videos").sort("uri").group_by("video_id").agg(pl.col("uri").first())
    table = features.join(clips, on="clip_id", how="left").join(scores, on="clip_id", how="left")
    table = table.join(videos, on="video_id", how="left")
    return table.join(_verdicts(corpus), on="clip_id", how="left")


def _verdicts(corpus: Corpus) -> pl.LazyFrame:
    decisions = corpus.committed("decisions")
    if corpus.version("decisions") is not None:
        policy = newest_key(corpus, "policy", "decisions")
        decisions = decisions.filter(pl.col("policy_key") == policy)
    return decisions.select("clip_id", "keep")


def newest_key(corpus: Corpus, stage: str, table: str) -> str:
    """The key of a stage that the newest run used and that has rows.

    Raises:
        ConfigError: No rows were ever written, or none by a run that left a record.
    """
    column = f"{stage}_key"
    stored = set(corpus.committed(table).select(column).unique().collect()[column])
    for record in reversed(corpus.runs()):
        key = record["keys"].get(stage)
        if key in stored:
            return str(key)
    if len(stored) == 1:
        return str(stored.pop())
    problem = f"has several and no record of their runs: {sorted(stored)}" if stored else "has none"
    raise ConfigError(f"{corpus.uri}: which {table} to read is not known; it {problem}")


def build_index(
    spans: pl.LazyFrame, where: pl.Expr | None, window: int | None, stride: int | None
) -> TokenIndex:
    """Choose spans and cut them into windows.

    Args:
        spans: A `span_table`.
        where: Which of them; null counts as no. None takes all.
        window: Steps per sample; None for whole spans.
        stride: Steps from one window to the next; None for `window`.

    Raises:
        ValueError: The window or the stride is not positive.
    """
    if min(window or 1, stride or 1) < 1 or (window, stride) in ((0, None), (None, 0)):
        raise ValueError(f"window and stride must be at least 1, not {window} and {stride}")
    chosen = spans if where is None else spans.filter(where)
    table = chosen.select(_COLUMNS).sort("file", "row").collect()
    columns = {name: table[name].to_numpy() for name in _COLUMNS if name != "offset"}
    columns["offset"] = table["offset"].fill_null(-1).to_numpy()  # -1: not known
    steps = columns["steps"].astype(np.int64)
    if window is None:
        counts = np.ones(len(steps), np.int64)
    else:
        counts = np.where(steps >= window, (steps - window) // (stride or window) + 1, 0)
    span_of = np.repeat(np.arange(len(steps)), counts)
    number = np.arange(len(span_of)) - np.repeat(np.cumsum(counts) - counts, counts)
    length = steps[span_of] if window is None else np.full(len(span_of), window, np.int64)
    first = number * (stride or window or 1)
    return TokenIndex(columns, span_of, first, length, int((counts == 0).sum()))
