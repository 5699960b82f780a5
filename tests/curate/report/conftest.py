import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest

from curate.config import Config
from curate.keys import StageKeys
from filters.base import Clip, Filter
from filters.registry import FILTERS
from manifests.corpus import Corpus, rows_of
from manifests.schemas import scores_table

KEYS = StageKeys(
    "scan", "signals", "measure", "embed", "dedup", "policy", "encode", "study", "cells"
)
HOSTILE = "<script>alert(1)</script>\"&'.mp4"
"""A file name that breaks out of text, attribute and script unless it is escaped."""


@dataclass(frozen=True)
class Facts:
    """What `corpus` holds, from how it was made."""

    files: int = 6
    failed: int = 2
    pending: int = 1
    repeated: int = 1
    video_s: float = 80.0
    between_s: float = 2.0
    short_s: float = 2.0
    edges_s: float = 12.0
    clips: int = 8
    clip_s: float = 8.0
    kept: int = 3
    undecided: int = 1
    encoded: int = 1


def _unused(clip: Clip) -> float:
    raise AssertionError("the report shows stored scores and computes none")


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """Two invented filters instead of the real ones, whose number and names may change."""
    real = dict(FILTERS)
    FILTERS.clear()
    FILTERS["calm"] = Filter(_unused, "Mean change per second, 0 to 255.", low=0.5)
    FILTERS["shake"] = Filter(_unused, "Shake of the camera, frame widths.", high=0.3, null="drop")
    FILTERS["plain"] = Filter(_unused, "A score without a bound.")
    yield
    FILTERS.clear()
    FILTERS.update(real)


@pytest.fixture
def empty(tmp_path: Path) -> Corpus:
    return Corpus(str(tmp_path / "empty"))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Every kind of file and every kind of verdict; see `Facts`."""
    made = Corpus(str(tmp_path / "made"))
    made.upsert("videos", rows_of("videos", _VIDEOS))
    made.append("shots", rows_of("shots", [_shot(*shot) for shot in _SHOTS]))
    made.append("clips", rows_of("clips", [_clip(*clip) for clip in _CLIPS]))
    made.append("scores", pa.Table.from_pylist(_SCORES, scores_table(["calm", "shake"]).schema))
    made.append("samples", rows_of("samples", _samples()))
    made.replace("decisions", rows_of("decisions", _decisions()), "policy_key", "policy")
    made.append("duplicates", rows_of("duplicates", _DUPLICATES))
    made.append("features", rows_of("features", _FEATURES))
    return made


def still(width: int, height: int, seed: int = 0) -> bytes:
    """A picture with detail as a JPEG."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    picture = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())


def write_study(corpus: Corpus, **changes: Any) -> None:
    """Store a summary as `curate.study.arms.summarise` describes it."""

    def figures(mean: float | None) -> dict[str, Any]:
        if mean is None:
            return {"mean": None, "low": None, "high": None, "seeds": [None, None]}
        seeds = [mean - 0.01, mean + 0.01]
        return {"mean": mean, "low": mean - 0.02, "high": mean + 0.02, "seeds": seeds}

    def result(metric: str, horizon: int, difference: float | None) -> dict[str, Any]:
        return {
            "eval_set": "raw",
            "metric": metric,
            "horizon": horizon,
            "primary": metric == "skill" and horizon == 2,
            "arms": {"raw": figures(0.3), "curated": figures(0.35)},
            "difference": figures(difference),
            "verdict": "not_shown" if difference is None else "higher",
        }

    summary = {
        "arms": ["raw", "curated"],
        "seeds": 2,
        "budget": {arm: {"clips": 40, "epochs": 3.5} for arm in ("raw", "curated")},
        "eval": {"raw": {"clips": 20, "sources": 7}},
        "metrics": {
            "bits": {"label": "Bits", "unit": "bits", "meaning": "information", "better": None},
            "skill": {"label": "Skill", "unit": "share", "meaning": "good", "better": "higher"},
        },
        "results": [result("bits", 1, None), result("skill", 1, 0.05), result("skill", 2, 0.05)],
        "conclusion": {"verdict": "better", "text": "Curated won. Truly.", "caveats": ["Few."]},
        **changes,
    }
    corpus.folder.write(json.dumps(summary).encode(), "study", KEYS.study, "summary.json")


def run_record(**stages: dict[str, Any]) -> dict[str, Any]:
    """A run's record as jobs.run makes it."""
    return {"run_id": "20260101T000000-abc", "command": ["run", "in dir"], "stages": stages}


_MEASURED: dict[str, Any] = {"measured_key": "measure", "duration_s": 60.0}
_VIDEOS: list[dict[str, Any]] = [
    {"uri": "/v/a-walk.mp4", "video_id": "v1", "status": "ok", **_MEASURED},
    {"uri": "/v/z-again.mp4", "video_id": "v1", "status": "ok", **_MEASURED},
    {
        "uri": f"/v/{HOSTILE}", "video_id": "v2", "status": "partial", "error": "damaged",
        "error_detail": "<b>bad</b>", "measured_key": "measure", "duration_s": 20.0,
    },
    {"uri": "/v/notes.mp4", "status": "failed", "error": "not_a_video"},
    {"uri": "/v/b.mp4", "video_id": "v4", "status": "failed", "error": "truncated"},
    {"uri": "/v/late.mp4", "video_id": "v3", "status": "pending", "duration_s": 10.0},
]  # fmt: skip
_SHOTS = [("v1", 0, 0, 30), ("v1", 1, 31, 33), ("v1", 2, 34, 60), ("v2", 0, 0, 20)]
_CLIPS = [
    ("c0", "v1", 0, 0), ("c1", "v1", 0, 8), ("c2", "v1", 0, 16), ("c3", "v1", 2, 34),
    ("c4", "v1", 2, 42), ("c5", "v1", 2, 50), ("c6", "v2", 0, 0), ("c7", "v2", 0, 8),
]  # fmt: skip
_SCORES: list[dict[str, Any]] = [
    {"clip_id": "c0", "calm": 2.0, "shake": 0.1, "missing": []},
    {"clip_id": "c1", "calm": 0.6, "shake": 0.1, "missing": []},
    {"clip_id": "c2", "calm": 3.0, "shake": 0.3, "missing": []},
    {"clip_id": "c3", "calm": 0.1, "shake": 0.2, "missing": []},
    {"clip_id": "c4", "calm": 0.4, "shake": 0.9, "missing": []},
    {"clip_id": "c5", "calm": 2.0, "shake": None, "missing": [("shake", "textureless")]},
    {"clip_id": "c6", "calm": 2.0, "shake": 0.1, "missing": []},
    {"clip_id": "c7", "calm": 2.0, "shake": 0.1, "missing": []},
]
for _row in _SCORES:
    _row["measure_key"] = "measure"
_DUPLICATES: list[dict[str, Any]] = [
    {"clip_id": "c0", "group_id": "c0", "nearest": "c6", "similarity": 0.97},
    {
        "clip_id": "c6", "group_id": "c0", "nearest": "c0", "similarity": 0.97,
        "relation": "copy", "offset_s": 1.5, "changes": ["cropped", "marked"],
    },
    {"clip_id": "c1", "group_id": "c1"},
]  # fmt: skip
for _row in _DUPLICATES:
    _row["dedup_key"] = "dedup"
_FEATURES: list[dict[str, Any]] = [
    {"clip_id": "c0", "video_id": "v1", "encode_key": "encode", "file": "f", "bytes": 2048},
    {"clip_id": "c1", "video_id": "v1", "encode_key": "encode", "error": "too_short"},
    {"clip_id": "a window", "video_id": "v1", "encode_key": "encode", "file": "f", "bytes": 1},
]


def _shot(video: str, index: int, start_s: int, end_s: int) -> dict[str, Any]:
    return {
        "video_id": video, "measure_key": "measure", "shot_index": index,
        "start_pts": start_s * 1000, "end_pts": end_s * 1000,
        "time_base_num": 1, "time_base_den": 1000,
    }  # fmt: skip


def _clip(clip: str, video: str, shot: int, start_s: int) -> dict[str, Any]:
    return {
        "clip_id": clip, "video_id": video, "measure_key": "measure", "shot_index": shot,
        "start_s": float(start_s), "end_s": float(start_s + 8),
    }  # fmt: skip


def _samples() -> list[dict[str, Any]]:
    return [
        {
            "clip_id": clip, "measure_key": "measure", "sample": sample, "t_s": float(sample),
            "jpeg": still(455, 256, seed=10 * index + sample),
        }
        for index, (clip, *_) in enumerate(_CLIPS)
        for sample in range(6)
    ]  # fmt: skip


def _reason(name: str, value: float | None, word: str | None = None) -> dict[str, Any]:
    bounds = {"calm": (0.5, None), "shake": (None, 0.3), "duplicate": (None, None)}
    low, high = bounds[name]
    return {"filter": name, "value": value, "low": low, "high": high, "word": word}


def _decisions() -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {
        "c0": [],
        "c1": [],
        "c2": [],
        "c3": [_reason("calm", 0.1)],
        "c4": [_reason("calm", 0.4), _reason("shake", 0.9)],
        "c5": [_reason("shake", None, "textureless")],
        "c6": [_reason("duplicate", 0.97)],
    }
    return [
        {
            "clip_id": clip, "policy_key": "policy", "keep": not reasons, "reasons": reasons,
            "kept_instead": "c0" if clip == "c6" else None,
        }
        for clip, reasons in found.items()
    ]  # fmt: skip


@pytest.fixture
def config() -> Config:
    return Config()
