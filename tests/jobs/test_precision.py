from pathlib import Path

import pytest

from curate.config import load_config, to_toml
from curate.keys import stage_keys
from jobs.pipeline import resolve
from manifests.corpus import Corpus

AUTO = ["embed.spec=bundled", "encode.spec=bundled", "encode.cpu_precision=auto"]


def test_auto_is_settled_before_keys_are_made(tmp_path: Path) -> None:
    config = resolve(Corpus(str(tmp_path)), None, AUTO, lambda text: None)
    assert config.encode.cpu_precision in ("float32", "bfloat16")


@pytest.mark.parametrize("before", ["float32", "bfloat16"])
def test_what_a_corpus_was_encoded_in_is_not_tried_again(tmp_path: Path, before: str) -> None:
    corpus = Corpus(str(tmp_path))
    stored = load_config(None, [*AUTO[:2], f"encode.cpu_precision={before}"])
    corpus.folder.write(to_toml(stored).encode(), "rushes.toml")
    file = to_toml(load_config(None, AUTO))
    config = resolve(corpus, file, [], lambda text: None)
    assert config.encode.cpu_precision == before
    assert stage_keys(config).encode == stage_keys(stored).encode


def test_precision_is_part_of_the_key_of_tokens_alone() -> None:
    full, half = (
        stage_keys(load_config(None, [*AUTO[:2], f"encode.cpu_precision={word}"]))
        for word in ("float32", "bfloat16")
    )
    assert full.encode != half.encode
    assert (full.policy, full.embed) == (half.policy, half.embed)
