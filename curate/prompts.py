"""Prompts of a policy: cosines of texts and clips, measured once, compared with bounds after."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import polars as pl
import pyarrow as pa

from curate.prompt_settings import Prompt
from curate.specs import parse_spec
from manifests.corpus import Corpus, rows_of
from manifests.errors import ConfigError

PREFIX: Final = "prompt."
"""Reasons of prompts are called prompt.NAME."""

_SCHEMA: Final = {"filter": pl.String, "low": pl.Float64, "high": pl.Float64, "null": pl.String}


def prompt_bounds(prompts: Mapping[str, Prompt]) -> pl.DataFrame:
    """Their bounds: filter, low, high, null, as `curate.config.policy_bounds` gives filters'."""
    rows = [(PREFIX + name, p.low, p.high, p.null) for name, p in prompts.items()]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def require_words(prompts: Mapping[str, Prompt], spec: str) -> None:
    """Check before any work that the embedder knows words.

    Raises:
        ConfigError: There are prompts, and the embedder has no text tower.
    """
    if prompts and parse_spec(spec).family != "open_clip":
        raise ConfigError(
            f"policy.prompts.{next(iter(prompts))} compares clips with a text, and embed.spec = "
            f"{spec} has no text tower; prompts need an open_clip: embedder"
        )


def prompt_scores(
    corpus: Corpus,
    embed_key: str,
    prompts: Mapping[str, Prompt],
    measure: Callable[[Sequence[str]], pl.DataFrame],
) -> tuple[pl.DataFrame, pa.Table]:
    """What each clip scores on each prompt.

    Args:
        corpus: The corpus.
        embed_key: Whose vectors.
        prompts: By name.
        measure: Function of texts to clip_id and similarity_0, similarity_1, ... of every clip
            that has a vector; called only for texts that some clip has no stored cosine with.

    Returns:
        clip_id and a column prompt.NAME per prompt, null where the clip has no vector; and the
        rows of `text_similarities` that were not stored before.
    """
    texts = sorted({text for prompt in prompts.values() for text in prompt.texts})
    mine = pl.col("embed_key") == embed_key
    embedded = corpus.committed("embeddings").filter(mine).select("clip_id").unique().collect()
    stored = corpus.committed("text_similarities").filter(mine & pl.col("text").is_in(texts))
    known = stored.select("clip_id", "text", "similarity").collect()
    counts = dict(known.join(embedded, on="clip_id", how="semi").group_by("text").len().iter_rows())
    absent = [text for text in texts if counts.get(text, 0) < len(embedded)]
    fresh = [known.clear()]
    if absent and len(embedded):
        found = measure(absent)
        fresh += [
            found.select("clip_id", text=pl.lit(text), similarity=pl.col(f"similarity_{k}"))
            for k, text in enumerate(absent)
        ]
    new = pl.concat(fresh).join(known, on=["clip_id", "text"], how="anti")
    table = pl.concat([known, new])
    scores = embedded
    for name, prompt in prompts.items():
        for part, text in enumerate(prompt.texts):
            one = table.filter(pl.col("text") == text).select(
                "clip_id", pl.col("similarity").alias(f"_{part}")
            )
            scores = scores.join(one, on="clip_id", how="left")
        value = pl.col("_0") - pl.col("_1") if prompt.against else pl.col("_0")
        scores = scores.with_columns(value.alias(PREFIX + name)).drop("_0", "_1", strict=False)
    rows = new.with_columns(embed_key=pl.lit(embed_key)).to_dicts()
    return scores, rows_of("text_similarities", rows)
