import numpy as np
import polars as pl
import pytest

from curate.actions import Actions
from curate.study.ledger.gather import Gathered, gather
from curate.study.ledger.settings import Ledger
from manifests.corpus import Corpus, rows_of

VIDEOS = {"v0": "/a/map01-0.mp4", "v1": "/a/map01-1.mp4", "v2": "/a/eval-map02.mp4"}


def _features() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"clip_id": f"{video}-span", "video_id": video, "file": "f", "row": row, "steps": 9,
             "step_s": 0.5, "t0_s": 1.0}
            for row, video in enumerate(VIDEOS)
        ]
    )  # fmt: skip


@pytest.fixture
def actions(tmp_path: object) -> Actions:
    corpus = Corpus(f"{tmp_path}/corpus")
    rows = [
        {"video_id": "v0", "t_s": 1 + 0.25 * k, "action": [1.0, 10.0 * k], "source": "s"}
        for k in range(8)
    ]
    corpus.append("actions", rows_of("actions", rows))
    return Actions(corpus, np.array(list(VIDEOS), dtype=np.str_))


def _gather(actions: Actions, **more: object) -> Gathered:
    shots = pl.DataFrame(
        [(video, 0, 10) for video in VIDEOS], schema=["video_id", "start_pts", "end_pts"],
        orient="row",
    ).with_columns(time_base_num=1, time_base_den=1)  # fmt: skip
    clips = pl.DataFrame(
        [(f"c{video}", video, 0.0, 10.0) for video in VIDEOS],
        schema=["clip_id", "video_id", "start_s", "end_s"],
        orient="row",
    )
    videos = pl.DataFrame({"video_id": list(VIDEOS), "uri": list(VIDEOS.values())})
    return gather(
        _features(),
        videos,
        shots,
        clips,
        {"cv1": ["freeze_share"]},
        {"v0": "v0", "v1": "v1", "v2": "v2"},
        actions,
        Ledger.model_validate({"window": 4, **more}),
    )


def test_windows_have_times_and_flags(actions: Actions) -> None:
    found = _gather(actions).windows.sort("video_id", "start_s")
    assert found["start_s"].to_list() == [1.0, 3.0] * 3
    assert found["end_s"].to_list() == [2.5, 4.5] * 3
    assert found.filter(pl.col("video_id") == "v1")["flags"].to_list() == [["static"], ["static"]]
    assert found.filter(pl.col("video_id") == "v0")["flags"].to_list() == [[], []]


def test_actions_of_a_step_are_summed_and_partly_known_windows_are_unlabelled(
    actions: Actions,
) -> None:
    gathered = _gather(actions)
    labelled = gathered.windows.filter("labelled")["window_id"].to_list()
    assert labelled == ["v0-span+0"]
    assert gathered.actions["v0-span+0"].tolist() == [[2, 10], [2, 50], [2, 90]]


def test_names_give_roles_and_sources(actions: Actions) -> None:
    plain = _gather(actions).windows
    assert plain["source"].n_unique() == 3
    assert set(plain["role"]) == {"pool"}
    named = _gather(actions, eval_match="eval-*", label_match="*-1.mp4", source_pattern=r"map\d+")
    rows = dict(named.windows.select("video_id", "source").unique().iter_rows())
    assert rows["v0"] == rows["v1"] != rows["v2"]
    roles = dict(named.windows.select("video_id", "role").unique().iter_rows())
    assert roles == {"v0": "pool", "v1": "label", "v2": "eval"}
