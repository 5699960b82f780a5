from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from curate.config import Policy, load_config
from curate.decide import decide
from curate.keys import stage_keys
from curate.prompts import prompt_scores, require_words
from manifests.corpus import Corpus, rows_of
from manifests.errors import ConfigError

COSINES = {"a hand": {"a": 0.3, "b": 0.1}, "a screen": {"a": 0.05, "b": 0.25}}


def policy(**prompts: dict[str, object]) -> Policy:
    return Policy.model_validate({"prompts": prompts})


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Clips a and b with vectors, c without."""
    found = Corpus(str(tmp_path))
    rows = [{"clip_id": c, "embed_key": "k", "vector": [1.0]} for c in "ab"]
    found.append("embeddings", rows_of("embeddings", rows))
    return found


class Measure:
    """Cosines of texts, counting who asked for what."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> pl.DataFrame:
        self.asked.append(list(texts))
        columns = {f"similarity_{k}": [COSINES[t][c] for c in "ab"] for k, t in enumerate(texts)}
        schema = dict.fromkeys(columns, pl.Float32)
        return pl.DataFrame({"clip_id": ["a", "b"]} | columns, schema_overrides=schema)


def test_a_text_is_measured_once_and_bounds_are_compared_after(corpus: Corpus) -> None:
    measure = Measure()
    prompts = policy(hand={"text": "a hand", "low": 0.2}).prompts
    scores, rows = prompt_scores(corpus, "k", prompts, measure)
    assert rows.num_rows == 2
    corpus.upsert("text_similarities", rows)
    screen = {"text": "a hand", "against": "a screen", "low": 0}
    changed = policy(hand={"text": "a hand", "low": 0.25}, screen=screen).prompts
    scores, rows = prompt_scores(corpus, "k", changed, measure)
    assert measure.asked == [["a hand"], ["a screen"]]
    assert set(rows["text"].to_pylist()) == {"a screen"}
    found = {row["clip_id"]: row for row in scores.to_dicts()}
    assert found["a"]["prompt.hand"] == pytest.approx(0.3)
    assert found["b"]["prompt.screen"] == pytest.approx(0.1 - 0.25)


def test_clips_below_the_bound_are_dropped_with_the_value_as_reason(corpus: Corpus) -> None:
    clips = pl.DataFrame({"clip_id": ["a", "b", "c"]})
    nothing = pl.DataFrame(schema=dict.fromkeys(("clip_id", "group_id", "nearest"), pl.String))
    chosen = policy(hand={"text": "a hand", "low": 0.2, "null": "drop"})
    scores, _ = prompt_scores(corpus, "k", chosen.prompts, Measure())
    quiet = {row: {"off": True} for row in _filters()}
    chosen = Policy.model_validate(chosen.model_dump() | {"filters": quiet})
    verdicts = decide(clips, scores, {}, nothing, chosen)
    assert verdicts["keep"].to_list() == [True, False, False]
    (below,), (absent,) = verdicts["reasons"].to_list()[1:]
    assert (below["filter"], below["low"]) == ("prompt.hand", 0.2)
    assert below["value"] == pytest.approx(0.1)
    assert (absent["value"], absent["word"]) == (None, "unmeasured")


def _filters() -> list[str]:
    from filters.registry import FILTERS

    return list(FILTERS)


def test_an_embedder_without_words_is_refused_before_any_work() -> None:
    prompts = policy(hand={"text": "a hand", "high": 0.2}).prompts
    with pytest.raises(ConfigError, match=r"policy\.prompts\.hand .* bundled has no text tower"):
        require_words(prompts, "bundled")
    require_words(prompts, "open_clip:ViT-B-32/laion2b_s34b_b79k")
    require_words({}, "bundled")


def test_prompts_are_settings_and_part_of_the_policys_key() -> None:
    base = ["embed.spec=bundled", "encode.spec=bundled"]
    hand = [*base, "policy.prompts.hand.text=a hand", "policy.prompts.hand.low=0.2"]
    config = load_config(None, hand)
    assert config.policy.prompts["hand"].text == "a hand"
    plain, with_hand = stage_keys(load_config(None, base)), stage_keys(config)
    other = stage_keys(load_config(None, [*hand, "policy.prompts.hand.text=a foot"]))
    assert len({plain.policy, with_hand.policy, other.policy}) == 3
    assert plain.dedup == other.dedup
    with pytest.raises(ConfigError, match="a prompt has low, high or both"):
        load_config(None, hand[:-1])
