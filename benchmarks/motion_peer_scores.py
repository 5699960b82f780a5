"""A peer's own motion scores of files, run by the interpreter of an environment that has it.

    PYTHON benchmarks/motion_peer_scores.py {data-juicer|nemo} FILE [...]

The last line printed is a JSON object: package, version, and per file its scores and its verdict.
Nothing of ours is imported, since the peers' environments do not have it.
"""

import contextlib
import io
import json
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any


def data_juicer(paths: list[str]) -> dict[str, Any]:
    """`video_motion_score_filter` with its defaults (2 frames a second, least score 0.25)."""
    op = import_module("data_juicer.ops.filter.video_motion_score_filter")
    constant = import_module("data_juicer.utils.constant")

    filter_ = op.VideoMotionScoreFilter()
    found = {}
    for path in paths:
        sample: dict[str, Any] = {
            "videos": [path],
            constant.Fields.stats: {},
            constant.Fields.meta: {},
        }
        sample = filter_.compute_stats_single(sample)
        stats = sample[constant.Fields.stats]
        score = float(stats[constant.StatsKeys.video_motion_score][0])
        found[path] = {"scores": [score], "keep": bool(filter_.process_single(sample))}
    return {"package": "py-data-juicer", "version": version("py-data-juicer"), "files": found}


def nemo(paths: list[str]) -> dict[str, Any]:
    """The motion stages with their defaults (2 frames a second, 0.00098 and 0.000001)."""
    backend = import_module("nemo_curator.stages.video.filtering.motion_vector_backend")

    found = {}
    for path in paths:
        data = io.BytesIO(Path(path).read_bytes())
        decoded = backend.decode_for_motion(data, target_fps=2.0, target_duration_ratio=0.5)
        info = backend.check_if_small_motion(
            decoded.frames, decoded.frame_size, global_mean_threshold=0.00098,
            per_patch_min_256_threshold=0.000001, use_gpu=False,
        )  # fmt: skip
        scores = [float(info.global_mean), float(info.per_patch_min_256)]
        found[path] = {"scores": scores, "keep": not info.is_small_motion}
    return {"package": "nemo-curator", "version": version("nemo-curator"), "files": found}


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        result = {"data-juicer": data_juicer, "nemo": nemo}[sys.argv[1]](sys.argv[2:])
    print(json.dumps(result))
