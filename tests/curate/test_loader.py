import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch.utils.data import DataLoader

from curate import TokenDataset
from curate.encode import Encoded, TokenSpan
from curate.loader import TokenStream
from curate.quantised import Dtype
from curate.tokens import write_tokens
from manifests.corpus import Corpus, rows_of

STEPS, TOKENS, CHANNELS = 8, 4, 6
CLIPS = 20


def tokens_of(clip: int) -> np.ndarray:
    """Every step of every clip has a value of its own: clip + step / 16, exact in float16."""
    values = clip + np.arange(STEPS)[:, None, None] / 16
    return np.broadcast_to(values, (STEPS, TOKENS, CHANNELS)).astype(np.float16)


def make_corpus(folder: Path, dtype: Dtype = "float16") -> str:
    """Files of 5 clips; odd clips are kept; clip k lies at 10 k s of video k // 5."""
    corpus = Corpus(str(folder))
    for start in range(0, CLIPS, 5):
        encoded = [
            Encoded(TokenSpan(f"c{k:02}", f"v{k // 5}", 0, 8), tokens_of(k), t0_s=10.0 * k)
            for k in range(start, start + 5)
        ]
        encoded.append(Encoded(TokenSpan(f"short{start}", "v", 0, 1), error="too_short"))
        rows = write_tokens(
            corpus.folder, "k", encoded, "spec", causal=True, step_s=0.25, dtype=dtype
        )
        corpus.append("features", rows_of("features", rows))
    verdicts = [
        {"clip_id": f"c{k:02}", "policy_key": "p", "keep": k % 2 == 1} for k in range(CLIPS)
    ]
    corpus.append("decisions", rows_of("decisions", verdicts))
    actions = [
        {"video_id": "v0", "t_s": i / 8, "action": [i, 2.0], "source": "s"} for i in range(16)
    ]
    corpus.append("actions", rows_of("actions", actions))
    return corpus.uri


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def names(samples: Any) -> list[tuple[str, float]]:
    return [(s["clip_id"], s["t_s"]) for s in samples]


def test_samples_are_the_tokens_of_kept_clips(corpus: str) -> None:
    dataset = TokenDataset(corpus)
    assert len(dataset) == CLIPS // 2
    for sample in (dataset[i] for i in range(len(dataset))):
        clip = int(sample["clip_id"][1:])
        assert clip % 2 == 1
        assert sample["t_s"] == 10.0 * clip
        assert sample["tokens"].dtype == torch.float16
        assert np.array_equal(sample["tokens"].numpy(), tokens_of(clip))


def test_windows_begin_at_every_stride_and_short_spans_give_none(corpus: str) -> None:
    dataset = TokenDataset(corpus, window=3, stride=2, kept=False)
    assert len(dataset) == CLIPS * 3
    sample = dataset[1]
    clip = int(sample["clip_id"][1:])
    assert np.array_equal(sample["tokens"].numpy(), tokens_of(clip)[2:5])
    assert sample["t_s"] == 10.0 * clip + 0.5
    assert TokenDataset(corpus, window=9, kept=False).index.left_out == CLIPS


def test_spans_are_chosen_by_any_expression(corpus: str) -> None:
    chosen = TokenDataset(corpus, where=pl.col("t0_s") >= 100)
    assert {name for name, _ in names(chosen[i] for i in range(len(chosen)))} == {
        f"c{k}" for k in (11, 13, 15, 17, 19)
    }


def test_tensors_are_views_that_cannot_change_the_file(corpus: str) -> None:
    dataset = TokenDataset(corpus)
    extent = dataset.extent(0, 1)
    assert extent is not None
    file = Path(corpus, extent[0])
    before = file.read_bytes()
    part, again = dataset.reader.region(*extent), dataset.reader.region(*extent)
    assert part.tobytes() == before[extent[1] : extent[1] + extent[2]]
    part[0] ^= 255
    assert again[0] == part[0]  # one map, two views of it
    assert file.read_bytes() == before


def test_int8_tokens_come_back_within_half_a_level(tmp_path: Path) -> None:
    dataset = TokenDataset(make_corpus(tmp_path, "int8"), window=3, stride=2)
    for sample in (dataset[i] for i in range(len(dataset))):
        clip, first = int(sample["clip_id"][1:]), round((sample["t_s"] % 10) * 4)
        expected = tokens_of(clip)[first : first + 3]
        # Every channel of a token has its largest value, which is stored exactly but for float16.
        np.testing.assert_allclose(sample["tokens"].numpy(), expected, rtol=1e-3)


def test_rows_without_a_known_place_are_read_too(tmp_path: Path) -> None:
    corpus = Corpus(make_corpus(tmp_path))
    rows = corpus.read("features").with_columns(offset=pl.lit(None, pl.Int64)).to_arrow()
    corpus.replace("features", rows, "encode_key", "k")
    dataset = TokenDataset(corpus.uri, window=4)
    clip = int(dataset[1]["clip_id"][1:])
    assert np.array_equal(dataset[1]["tokens"].numpy(), tokens_of(clip)[4:])
    assert len(list(dataset.stream())) == len(dataset)


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("workers", [0, 2])
def test_every_sample_comes_once_over_ranks_and_workers(
    corpus: str, world: int, workers: int
) -> None:
    dataset = TokenDataset(corpus, window=3, kept=False)
    seen: list[tuple[str, float]] = []
    for rank in range(world):
        stream = dataset.stream(seed=3, rank=rank, world=world)
        given = names(DataLoader(stream, batch_size=None, num_workers=workers))
        assert len(given) == len(stream) == len(dataset) // world
        seen += given
    assert len(set(seen)) == len(seen) == len(dataset) // world * world


def test_order_depends_on_seed_and_epoch_alone(corpus: str) -> None:
    def order(seed: int, epoch: int) -> list[tuple[str, float]]:
        stream = TokenDataset(corpus, window=3).stream(seed=seed)
        stream.set_epoch(epoch)
        return names(stream)

    assert order(0, 0) == order(0, 0)
    orders = [order(0, 0), order(1, 0), order(0, 1)]
    assert len({tuple(o) for o in orders}) == 3
    assert len({tuple(sorted(o)) for o in orders}) == 1


@pytest.mark.parametrize("given", [0, 1, 7, 19, 20])
def test_resuming_gives_exactly_the_remaining_samples(corpus: str, given: int) -> None:
    def fresh() -> TokenStream:
        # 768 bytes per sample of 4 steps: buffers of three samples
        return TokenDataset(corpus, window=4).stream(seed=5, buffer_bytes=600)

    whole = names(fresh())
    begun = fresh()
    iterator: Iterator[Any] = iter(begun)
    for _ in range(given):
        next(iterator)
    resumed = fresh()
    resumed.load_state_dict(pickle.loads(pickle.dumps(begun.state_dict())))
    assert names(resumed) == whole[given:]


@pytest.mark.parametrize("batches", [0, 1, 4, 5])
def test_resuming_a_loader_with_workers_gives_the_remaining_batches(
    corpus: str, batches: int
) -> None:
    stream = TokenDataset(corpus, window=4).stream(seed=5)
    whole = [names_of(b) for b in DataLoader(stream, batch_size=3, num_workers=2)]
    resumed = TokenDataset(corpus, window=4).stream(seed=5)
    resumed.load_state_dict(stream.state_after(batches, batch_size=3, workers=2))
    rest = [names_of(b) for b in DataLoader(resumed, batch_size=3, num_workers=2)]
    assert sorted(rest) == sorted(whole[batches:])


@pytest.mark.parametrize("given", [0, 2, 4])
def test_batches_hold_the_samples_of_the_plain_stream_in_its_order(corpus: str, given: int) -> None:
    dataset = TokenDataset(corpus, window=4, labels="sum", kept=False)
    plain = list(dataset.stream(seed=5))
    batched = dataset.stream(seed=5, batch_size=3)
    iterator = iter(batched)
    batches = [next(iterator) for _ in range(given)]
    resumed = dataset.stream(seed=5, batch_size=3)
    resumed.load_state_dict(batched.state_dict())
    batches += list(DataLoader(resumed, batch_size=None))
    assert len(batches) == len(batched) == 14  # 40 samples
    assert [name for batch in batches for name in names_of(batch)] == names(plain)
    for key in ("tokens", "actions"):
        together = torch.cat([batch[key] for batch in batches])
        assert torch.equal(
            together.nan_to_num(-1), torch.stack([s[key] for s in plain]).nan_to_num(-1)
        )


def test_batches_of_unequal_spans_are_refused(tmp_path: Path) -> None:
    folder = Corpus(str(tmp_path))
    spans = [Encoded(TokenSpan(f"c{n}", "v", 0, 8), tokens_of(0)[:n], 0.0) for n in (3, 4)]
    rows = write_tokens(folder.folder, "k", spans, "spec", causal=True, step_s=0.25)
    folder.append("features", rows_of("features", rows))
    stream = TokenDataset(folder.uri, kept=False).stream(batch_size=2)
    with pytest.raises(ValueError, match="unequal shape"):
        next(iter(stream))


def names_of(batch: Any) -> list[tuple[str, float]]:
    return list(zip(batch["clip_id"], batch["t_s"].tolist(), strict=True))


def test_a_state_of_other_samples_is_refused(corpus: str) -> None:
    state = TokenDataset(corpus, window=4).stream(seed=5).state_dict()
    with pytest.raises(ValueError, match="remaining samples are not known"):
        TokenDataset(corpus, window=2).stream(seed=5).load_state_dict(state)


def test_labels_are_the_actions_of_each_step(corpus: str) -> None:
    dataset = TokenDataset(corpus, kept=False, labels="sum", where=pl.col("clip_id") == "c00")
    actions = dataset[0]["actions"].numpy()
    # Actions (i, 2) at i / 8 s: two per step of 0.25 s.
    assert np.array_equal(actions, [[4 * k + 1, 4.0] for k in range(STEPS)])
    first = TokenDataset(corpus, kept=False, labels="first", where=pl.col("clip_id") == "c00")
    assert np.array_equal(first[0]["actions"][:, 0].numpy(), [2.0 * k for k in range(STEPS)])
    none = TokenDataset(corpus, kept=False, labels="mean", where=pl.col("video_id") == "v1")[0]
    assert none["actions"].isnan().all()


def test_batches_that_are_kept_do_not_change(corpus: str) -> None:
    stream = TokenDataset(corpus, window=2, kept=False).stream(seed=3, batch_size=4)
    for batch in list(stream):
        for clip, t_s, tokens in zip(batch["clip_id"], batch["t_s"], batch["tokens"], strict=True):
            k = int(clip[1:])
            step = round((float(t_s) - 10 * k) / 0.25)
            assert np.array_equal(tokens.numpy(), tokens_of(k)[step : step + 2])
