"""Takes of one scene, which a robot repeats before a camera at rest, are no copies."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from curate.config import load_config
from curate.dedup.align import Footage
from curate.dedup.verdict import compare, is_copy
from curate.filmstrip import unpack
from curate.measure import measure_video


def test_takes_of_a_robot_in_one_kitchen_are_no_copies(real_videos: Path) -> None:
    files = sorted(real_videos.glob("octo-models+octo/bridge_train*_image_0.mp4"))[:16]
    if len(files) < 2:
        pytest.skip("the real clips hold no BridgeData")
    seen = []
    for file in files:
        strips = measure_video(str(file), file.name, "k", load_config()).tables["filmstrips"]
        seen += [(row["luma"], row["t_s"], file.name) for row in strips.to_pylist()]
    made = [
        (Footage.of(unpack(luma), np.asarray(t_s, np.float64)), name) for luma, t_s, name in seen
    ]
    assert len(made) > 12
    wrong = []
    for (a, name), (b, other) in combinations(made, 2):
        found = compare(a, b, 0.5)
        if found is not None and is_copy(found, 0.0):
            wrong.append((name, other, found))
    assert not wrong
