from typing import Any

from curate.over_shots import SourceScores
from filters.registry import FILTERS
from tests.filters.test_over_shots import _shot

_MISSING = [("logo_overlay", "one_view"), ("static_overlay", "one_view"), ("loop", "black")]


def _rows(shots: list[int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    scores = SourceScores()
    rows: list[dict[str, Any]] = []
    for number, shot in enumerate(shots):
        row = {"clip_id": str(number), "measure_key": "k", "missing": list(_MISSING)}
        rows.append({**row, "text_overlay": 0.0})
        scores.take(_shot(shot, True), shot, rows[-1])
    return rows, scores.settle()


def test_other_shots_complete_the_rows() -> None:
    rows, evidence = _rows([1, 2, 3])
    for row in rows:
        assert not FILTERS["logo_overlay"].keeps(row["logo_overlay"])
        assert row["missing"] == [("loop", "black")]
    assert {e["clip_id"] for e in evidence if e["filter"] == "logo_overlay"} == {"0", "1", "2"}


def test_source_of_one_shot_stays_as_it_was_scored() -> None:
    rows, evidence = _rows([1, 1])
    assert all(row["missing"] == _MISSING and row["text_overlay"] == 0.0 for row in rows)
    assert evidence == []


def test_same_source_gives_the_same_rows() -> None:
    assert _rows([1, 2, 3]) == _rows([1, 2, 3])
