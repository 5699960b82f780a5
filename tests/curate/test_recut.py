import polars as pl
import pytest

from curate.config import Config, load_config
from curate.measure import measure_video
from curate.recut import recut
from tests.videos import Videos

TABLES = ("shots", "clips", "scores", "evidence", "frames", "samples", "filmstrips")


def measure(videos: Videos, name: str, key: str, config: Config) -> dict[str, pl.DataFrame]:
    measured = measure_video(str(videos[name].path), "v", key, config)
    return {n: pl.DataFrame(pl.from_arrow(measured.tables[n])) for n in TABLES}


def config(*settings: str) -> Config:
    return load_config(None, ["clips.min_s=1.0", *settings])


@pytest.mark.parametrize("name", ["hard_cut", "plain", "variable_rate", "one_frame", "mpeg_ts"])
def test_recutting_is_measuring_where_clips_stay(videos: Videos, name: str) -> None:
    stored = measure(videos, name, "old", config())
    other = config("shots.cut_threshold=0.6", "shots.gradual_threshold=0.7")
    made = recut(stored, "new", other)
    assert made.unmeasured == 0
    expected = measure(videos, name, "new", other)
    for table in TABLES:
        rows = pl.DataFrame(pl.from_arrow(made.tables[table]))
        assert rows.select(expected[table].columns).equals(expected[table]), table


def test_clips_that_are_new_are_counted_and_have_no_rows(videos: Videos) -> None:
    stored = measure(videos, "hard_cut", "old", config())
    merged = recut(stored, "new", config("shots.cut_threshold=1.0", "shots.gradual_threshold=1.0"))
    assert merged.tables["shots"].num_rows == 1
    assert merged.unmeasured > 0
    assert merged.tables["clips"].num_rows == merged.tables["scores"].num_rows == 0
    trimmed = recut(stored, "new", config("shots.trim_frames=5"))
    assert trimmed.tables["shots"].num_rows == 2
    assert trimmed.unmeasured == 2
