import polars as pl
import pytest

from curate.study.ledger.beside import split_beside
from curate.study.plan import StudyImpossible
from tests.curate.study.ledger.test_plan import make_windows


def test_sources_that_test_the_probes_fit_none() -> None:
    windows = make_windows(9)
    split = split_beside(windows)
    train, test = (
        {split.source_of[w] for w in side} for side in (split.label_train, split.label_test)
    )
    assert not train & test
    assert (len(train), len(test)) == (6, 3)
    labelled = set(windows.filter(pl.col("labelled"))["window_id"])
    assert {*split.label_train, *split.label_test} == labelled
    assert split == split_beside(windows.sample(fraction=1, shuffle=True, seed=1))


def test_two_sources_are_too_few() -> None:
    with pytest.raises(StudyImpossible, match="of 2 sources, and 3 are needed"):
        split_beside(make_windows(2))
