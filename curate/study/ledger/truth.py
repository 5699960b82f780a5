"""Known contaminations of footage, brought to windows."""

from typing import Final

import polars as pl

from manifests.errors import ConfigError

CUTS: Final = "cuts"

COLUMNS: Final = ("file", "kind", "start_s", "end_s")
"""Of a table of known contaminations; one row each. A cut spans its two frames."""


def contaminations(windows: pl.DataFrame, truth: pl.DataFrame) -> dict[str, frozenset[str]]:
    """Which known contaminations show in each window.

    Args:
        windows: window_id, name (of the video's file), start_s and end_s: times of the first and
            the last frame.
        truth: `COLUMNS`; times on the streams' clocks, spans [start_s, end_s).

    Returns:
        Window -> kinds, of every window. A span shows where the window has a frame of it; a cut
        where the window has frames of both of its sides.

    Raises:
        ConfigError: A column is missing.
    """
    missing = [name for name in COLUMNS if name not in truth.columns]
    if missing:
        raise ConfigError(f"a table of known contaminations lacks the columns {missing}")
    pairs = windows.select("window_id", "name", "start_s", "end_s").join(
        truth.select("file", "kind", begin="start_s", end="end_s"), left_on="name", right_on="file"
    )
    clock = 1e-6  # times that differ by less are equal but for rounding
    first, last = pl.col("start_s"), pl.col("end_s")
    cut = (first <= pl.col("begin") + clock) & (pl.col("end") <= last + clock)
    span = (first < pl.col("end") - clock) & (pl.col("begin") <= last + clock)
    shown = pairs.filter(pl.when(pl.col("kind") == CUTS).then(cut).otherwise(span))
    found: dict[str, set[str]] = {name: set() for name in windows["window_id"]}
    for name, kind in shown.select("window_id", "kind").iter_rows():
        found[name].add(kind)
    return {name: frozenset(kinds) for name, kinds in found.items()}
