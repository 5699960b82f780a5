import polars as pl
import pytest

from curate.study.ledger.truth import contaminations
from manifests.errors import ConfigError

WINDOWS = pl.DataFrame(
    [("w0", "a.mp4", 0.0, 0.75), ("w1", "a.mp4", 1.0, 1.75), ("w2", "b.mp4", 0.0, 0.75)],
    schema=["window_id", "name", "start_s", "end_s"],
    orient="row",
)


def kinds(*rows: tuple[str, str, float, float]) -> dict[str, frozenset[str]]:
    """Contaminations of the three windows."""
    truth = pl.DataFrame(rows, schema=["file", "kind", "start_s", "end_s"], orient="row")
    return contaminations(WINDOWS, truth)


def test_a_cut_shows_where_both_of_its_frames_are_in_the_window() -> None:
    assert kinds(("a.mp4", "cuts", 0.5, 0.6))["w0"] == {"cuts"}
    assert kinds(("a.mp4", "cuts", 0.7, 0.8))["w0"] == set()
    assert kinds(("a.mp4", "cuts", 0.9, 1.0))["w1"] == set(), "its first frame is after the cut"


def test_a_span_shows_where_one_of_its_frames_is() -> None:
    found = kinds(("a.mp4", "shake", 0.7, 1.0), ("b.mp4", "captions", 0.0, 9.0))
    assert found == {"w0": {"shake"}, "w1": set(), "w2": {"captions"}}


def test_other_tables_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"lacks the columns \['file'\]"):
        contaminations(WINDOWS, pl.DataFrame({"kind": [], "start_s": [], "end_s": []}))
