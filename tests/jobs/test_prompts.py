"""A prompt of the policy from its text to the verdicts, with a small open_clip model."""

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from curate.config import Config, load_config
from curate.keys import stage_keys
from curate.search import text_vectors
from filters.registry import FILTERS
from jobs import decide as job
from jobs.pipeline import Request, execute
from jobs.progress import Lines
from manifests.corpus import Corpus, rows_of
from tests.curate.test_export import make_corpus
from tests.videos import Videos

NAME = "rushes-tiny-prompts"
MODEL = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 1, "width": 64, "head_width": 32, "patch_size": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def config_of(spec: str, low: float) -> Config:
    off = [f"policy.filters.{name}.off=true" for name in FILTERS]
    prompt = ["policy.prompts.hand.text=a hand", f"policy.prompts.hand.low={low}"]
    return load_config(None, [f"embed.spec={spec}", "encode.spec=bundled", *off, *prompt])


def test_clips_unlike_the_text_are_dropped_and_the_model_runs_once(
    videos: Videos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{NAME}.json").write_text(json.dumps(MODEL))
    open_clip.add_model_config(tmp_path / f"{NAME}.json")
    torch.manual_seed(0)
    torch.save(open_clip.create_model(NAME).state_dict(), tmp_path / "model.pt")
    spec = f"open_clip:{NAME}@{tmp_path / 'model.pt'}"
    corpus = make_corpus(tmp_path / "corpus", videos["plain"])
    config = config_of(spec, low=0.5)
    (along,) = text_vectors(spec, ["a hand"])
    across = np.roll(along, 1)
    across = across - (across @ along) * along
    across /= np.linalg.norm(across)
    vectors = {"c0": along, "c1": 0.3 * along + np.sqrt(1 - 0.3**2) * across}
    key = stage_keys(config).embed
    rows = [{"clip_id": c, "embed_key": key, "vector": v.tolist()} for c, v in vectors.items()]
    corpus.append("embeddings", rows_of("embeddings", rows))
    found = kept(corpus, config)
    assert found["c0"] == []
    ((name, value),) = found["c1"]
    assert name == "prompt.hand"
    assert value == pytest.approx(0.3, abs=1e-5)
    monkeypatch.setattr(job, "text_vectors", None)  # whoever calls it now fails
    assert kept(corpus, config_of(spec, low=0.2)) == {"c0": [], "c1": []}


def kept(corpus: Corpus, config: Config) -> dict[str, list[tuple[str, float]]]:
    """Reasons of each clip after a run of decide."""
    execute(Request(corpus, config, ("decide",)), Lines())
    policy = stage_keys(config).policy
    rows = corpus.read("decisions").filter(policy_key=policy).iter_rows(named=True)
    return {row["clip_id"]: [(r["filter"], r["value"]) for r in row["reasons"]] for row in rows}
