from dataclasses import replace

import pytest

from curate.config import Limits, load_config
from curate.measure import measure_video
from curate.purity import End, check_ends
from tests.videos import Videos


def ends(videos: Videos, shift: int) -> list[End]:
    """Both ends beside the cut of `hard_cut`, moved outwards by `shift` frames."""
    config = load_config(None, ["clips.min_s=1.0"])
    tables = measure_video(str(videos["hard_cut"].path), "v", "k", config).tables
    first, second = tables["clips"].to_pylist()
    shots = [(s["start_pts"], s["end_pts"]) for s in tables["shots"].to_pylist()]
    step = (first["end_pts"] - first["start_pts"]) // first["frames"]
    one = (first["start_pts"], first["end_pts"] + shift * step)
    two = (second["start_pts"] - shift * step, second["end_pts"])
    return [End("a", one, shots[1], last=True), End("b", two, shots[0], last=False)]


def test_clips_as_they_were_cut_are_pure_and_keep_their_margin(videos: Videos) -> None:
    for verdict in check_ends(str(videos["hard_cut"].path), ends(videos, 0), Limits()):
        assert verdict.frames > 0
        assert verdict.pure
        assert verdict.margin == 2


@pytest.mark.parametrize("shift", [3, 4, 5])
def test_frames_of_the_other_shot_are_found(videos: Videos, shift: int) -> None:
    verdicts = check_ends(str(videos["hard_cut"].path), ends(videos, shift), Limits())
    assert [v.pure for v in verdicts] == [False, False]


def test_an_end_that_does_not_decode_is_not_counted(videos: Videos) -> None:
    (end, _) = ends(videos, 0)
    far = replace(end, clip=(10**9, 10**9 + 5))
    (verdict,) = check_ends(str(videos["hard_cut"].path), [far], Limits())
    assert verdict.frames == 0
