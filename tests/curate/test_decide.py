from typing import Any

import polars as pl
import pytest

from curate.config import Policy
from curate.decide import decide

BOUNDS: dict[str, Any] = {
    "camera_motion": {"high": 0.5, "null": "drop"},
    "object_motion": {"low": 0.1, "null": "keep"},
}


def _policy(**more: Any) -> Policy:
    from filters.registry import FILTERS

    off = {name: {"off": True} for name in FILTERS if name not in BOUNDS}
    return Policy.model_validate({"filters": {**off, **BOUNDS}, **more})


def _decide(
    scores: dict[str, tuple[float | None, float | None]],
    *,
    groups: dict[str, str] | None = None,
    nearest: dict[str, str] | None = None,
    missing: dict[str, dict[str, str]] | None = None,
    policy: Policy | None = None,
) -> dict[str, dict[str, Any]]:
    names = list(scores)
    clips = pl.DataFrame({"clip_id": names}, schema={"clip_id": pl.String})
    table = pl.DataFrame(
        {
            "clip_id": names,
            "camera_motion": [a for a, _ in scores.values()],
            "object_motion": [b for _, b in scores.values()],
        },
        schema_overrides={
            "clip_id": pl.String,
            "camera_motion": pl.Float32,
            "object_motion": pl.Float32,
        },
    )
    copies = {name: (groups or {}).get(name, name) for name in names}
    duplicates = pl.DataFrame(
        {
            "clip_id": list(copies),
            "group_id": list(copies.values()),
            "nearest": [(nearest or copies).get(name) for name in copies],
            "similarity": [0.9] * len(copies),
        },
        schema={
            "clip_id": pl.String,
            "group_id": pl.String,
            "nearest": pl.String,
            "similarity": pl.Float32,
        },
    )
    verdicts = decide(clips, table, missing or {}, duplicates, policy or _policy())
    return {row["clip_id"]: row for row in verdicts.to_dicts()}


def _reasons(verdict: dict[str, Any]) -> list[str]:
    return [reason["filter"] for reason in verdict["reasons"]]


def test_every_clip_has_a_verdict_and_every_drop_all_its_reasons() -> None:
    found = _decide({"good": (0.2, 0.3), "fast": (0.9, 0.3), "both": (0.9, 0.0)})
    assert found["good"]["keep"]
    assert _reasons(found["good"]) == []
    assert _reasons(found["fast"]) == ["camera_motion"]
    assert _reasons(found["both"]) == ["camera_motion", "object_motion"]
    assert found["fast"]["reasons"][0] == {
        "filter": "camera_motion",
        "value": pytest.approx(0.9),
        "low": None,
        "high": 0.5,
        "word": None,
    }


def test_a_value_on_the_bound_is_kept() -> None:
    assert _decide({"edge": (0.5, 0.1)})["edge"]["keep"]


def test_a_missing_score_is_decided_by_the_null_rule_and_names_its_reason() -> None:
    found = _decide(
        {"dark": (None, 0.3), "odd": (0.1, None)}, missing={"dark": {"camera_motion": "black"}}
    )
    assert found["odd"]["keep"]
    (reason,) = found["dark"]["reasons"]
    assert (reason["filter"], reason["value"], reason["word"]) == ("camera_motion", None, "black")


def test_a_copy_gives_way_to_the_best_of_its_group() -> None:
    found = _decide({"a": (0.1, 0.3), "b": (0.1, 0.3)}, groups={"a": "a", "b": "a"})
    assert found["a"]["keep"]
    assert _reasons(found["b"]) == ["duplicate"]
    assert found["b"]["kept_instead"] == "a"


def test_copies_are_kept_when_the_best_of_their_group_is_dropped() -> None:
    """b and c are copies of a, and need not be copies of each other."""
    scores: dict[str, tuple[float | None, float | None]] = {
        "a": (0.9, 0.3),
        "b": (0.1, 0.3),
        "c": (0.1, 0.3),
    }
    found = _decide(scores, groups={"a": "a", "b": "a", "c": "a"})
    assert _reasons(found["a"]) == ["camera_motion"]
    assert found["b"]["keep"]
    assert found["c"]["keep"]


def test_a_similarity_is_given_only_if_it_is_to_the_kept_clip() -> None:
    scores: dict[str, tuple[float | None, float | None]] = {n: (0.1, 0.3) for n in "abc"}
    found = _decide(
        scores, groups={"a": "a", "b": "a", "c": "a"}, nearest={"a": "b", "b": "a", "c": "b"}
    )
    values = [found[n]["reasons"][0]["value"] for n in "bc"]
    assert values == [pytest.approx(0.9), None]


def test_when_none_of_a_group_passes_none_is_called_a_copy() -> None:
    found = _decide({"a": (0.9, 0.3), "b": (0.9, 0.3)}, groups={"a": "a", "b": "a"})
    assert [_reasons(v) for v in found.values()] == [["camera_motion"], ["camera_motion"]]


def test_copies_can_be_kept_by_policy() -> None:
    groups = {"a": "a", "b": "a"}
    found = _decide(
        {"a": (0.1, 0.3), "b": (0.1, 0.3)}, groups=groups, policy=_policy(duplicates="keep")
    )
    assert all(verdict["keep"] for verdict in found.values())


def test_no_clips_give_no_verdicts() -> None:
    assert _decide({}) == {}
