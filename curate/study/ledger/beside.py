"""A second, small set of labelled windows, of another corpus: robot episodes beside the lab.

Its windows train nothing. Its own probes are fitted on some of its sources and tested on others, on
the latent actions of the ledger's models.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import polars as pl

from curate.study.ledger.labelled import Labels, Loader
from curate.study.plan import StudyImpossible

TEST_SHARE: Final = 1 / 3
"""Of its sources, that test the probes."""
MIN_SOURCES: Final = 3
"""Two fit the probes and one tests them."""
WINDOWS: Final = 1024
"""Most windows of either side."""


@dataclass(frozen=True, slots=True)
class BesideSplit:
    """Which windows fit and which test the probes; of no common source.

    Attributes:
        label_train: Windows that fit them.
        label_test: Windows that test them.
        source_of: Window -> source.
    """

    label_train: tuple[str, ...]
    label_test: tuple[str, ...]
    source_of: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Beside:
    """All that a cell needs of it.

    Attributes:
        split: Its windows.
        load: Gives their tokens.
        labels: Their actions.
    """

    split: BesideSplit
    load: Loader
    labels: Labels


def split_beside(windows: pl.DataFrame) -> BesideSplit:
    """Split labelled windows by source, by hash.

    Args:
        windows: window_id, source and labelled, as `curate.study.ledger.gather.gather` gives them.

    Raises:
        StudyImpossible: Fewer than `MIN_SOURCES` sources have labelled windows.
    """
    known = windows.filter(pl.col("labelled")).sort("window_id")
    names = sorted(known["source"].unique().to_list(), key=_rank)
    if len(names) < MIN_SOURCES:
        raise StudyImpossible(
            f"the corpus beside has labelled windows of {len(names)} sources, and "
            f"{MIN_SOURCES} are needed"
        )
    tests = set(names[: max(1, round(TEST_SHARE * len(names)))])
    sides: dict[bool, list[str]] = {True: [], False: []}
    for name, source in known.select("window_id", "source").iter_rows():
        sides[source in tests].append(name)
    chosen = {
        side: tuple(sorted(sorted(held, key=_rank)[:WINDOWS])) for side, held in sides.items()
    }
    source_of = dict(known.select("window_id", "source").iter_rows())
    used = {*chosen[True], *chosen[False]}
    return BesideSplit(
        chosen[False], chosen[True], {name: source_of[name] for name in sorted(used)}
    )


def _rank(name: str) -> bytes:
    return blake2b(f"beside:{name}".encode(), digest_size=16).digest()
