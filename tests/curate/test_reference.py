from pathlib import Path

import numpy as np
import pytest

from curate import TokenDataset
from curate.encode import Encoded, TokenSpan
from curate.reference import freeze_reference, load_reference, reference_sample
from curate.study.normaliser import fit_normaliser
from curate.tokens import read_tokens, write_tokens
from manifests.corpus import Corpus, rows_of
from manifests.errors import ConfigError, StorageError

SHAPE = (8, 4, 6)


def add(corpus: Corpus, video: str, count: int, shift: float = 0.0) -> None:
    """Spans of a video, of tokens whose channels have unequal spread."""
    rng = np.random.default_rng(len(video) + count)
    spread = np.array([9, 5, 3, 2, 1, 0.5])
    encoded = [
        Encoded(
            TokenSpan(f"{video}{k:02}", video, 0, 8),
            (shift + spread * rng.standard_normal(SHAPE)).astype(np.float16),
            0.0,
        )
        for k in range(count)
    ]
    rows = write_tokens(corpus.folder, "k", encoded, "spec", causal=True, step_s=0.25)
    corpus.append("features", rows_of("features", rows))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    found = Corpus(str(tmp_path))
    add(found, "long", 9)
    add(found, "b", 2)
    return found


def test_few_spans_of_each_video_are_in_the_sample(corpus: Corpus) -> None:
    sample = reference_sample(corpus, "k")
    assert sorted(sample["clip_id"]) == ["b00", "b01", "long00", "long01", "long02", "long03"]


def test_the_space_is_fitted_once_and_stays(corpus: Corpus) -> None:
    space = freeze_reference(corpus, "k")
    add(corpus, "other", 4, shift=100)
    assert freeze_reference(corpus, "k").hash == space.hash
    assert load_reference(corpus, "k").source == space.source
    with pytest.raises(ConfigError, match="no reference space"):
        load_reference(corpus, "another")


def test_fewer_channels_are_those_of_a_fit_with_fewer(corpus: Corpus) -> None:
    sample = reference_sample(corpus, "k")
    tokens = np.stack(read_tokens(corpus.folder, sample.select("file", "row").rows()))[:, ::2]
    ours = freeze_reference(corpus, "k").reduced(3)
    theirs = fit_normaliser(tokens, 3)
    np.testing.assert_allclose(ours.mean, theirs.mean)
    np.testing.assert_allclose(ours.projection, theirs.projection, rtol=1e-4)
    with pytest.raises(ConfigError, match="has 6 axes"):
        freeze_reference(corpus, "k").reduced(7)


def test_the_loader_gives_tokens_in_the_space(corpus: Corpus) -> None:
    space = freeze_reference(corpus, "k")
    plain = TokenDataset(corpus.uri, kept=False)
    mapped = TokenDataset(corpus.uri, kept=False, normalise=2)
    for k in range(len(plain)):
        expected = space.reduced(2).apply(plain[k]["tokens"].numpy()[None])[0]
        assert np.array_equal(mapped[k]["tokens"].numpy(), expected)
    (batch,) = mapped.stream(batch_size=11, shuffle=False)
    assert batch["tokens"].shape == (11, 8, 4, 2)
    assert mapped.normaliser is not None
    with pytest.raises(ValueError, match="remaining samples are not known"):
        mapped.stream().load_state_dict(plain.stream().state_dict())


def test_a_damaged_space_is_an_error(corpus: Corpus) -> None:
    freeze_reference(corpus, "k")
    place = Path(corpus.uri) / "normalisers/k.npz"
    with np.load(place) as arrays:
        held = dict(arrays)
    held["mean"] = held["mean"] + 1
    np.savez(place, **held)
    with pytest.raises(StorageError, match="not the one that was stored"):
        load_reference(corpus, "k")
    place.write_bytes(b"PK")
    with pytest.raises(StorageError, match="damaged"):
        load_reference(corpus, "k")
