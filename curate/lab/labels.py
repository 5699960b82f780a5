"""The actions of a lab's takes, matched to scanned videos."""

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.corpus import rows_of
from manifests.errors import ConfigError
from manifests.storage import Folder


def read_actions(folder: Folder, videos: pl.DataFrame) -> tuple[pa.Table, int]:
    """The actions of every take whose video was scanned.

    Args:
        folder: What `rushes lab` wrote.
        videos: uri and video_id of scanned sources.

    Returns:
        Rows of `actions`, and the number of videos that have some. An action that is not known
        consists of nulls, so that a sum over a step that holds a cut is not a number.

    Raises:
        ConfigError: The folder is no lab.
    """
    if not (folder.exists("lab.json") and folder.exists("actions.parquet")):
        raise ConfigError(f"{folder.uri} is no lab: it has no lab.json and actions.parquet")
    known = dict(videos.drop_nulls("video_id").select("uri", "video_id").iter_rows())
    with pq.ParquetFile(folder.path("actions.parquet"), filesystem=folder.fs) as source:
        table = pl.DataFrame(source.read(columns=["file", "t_s", "action"]))
    found = {
        file: known[uri]
        for file in table["file"].unique().sort()
        if (uri := folder.url("videos", file)) in known
    }
    rows = (
        table.filter(pl.col("file").is_in(list(found)))
        .with_columns(
            video_id=pl.col("file").replace_strict(found, return_dtype=pl.String),
            source=pl.format("{}#{}", pl.lit(folder.uri), pl.col("file")),
        )
        .unique(["video_id", "t_s"], keep="first", maintain_order=True)
    )
    columns = ("video_id", "t_s", "action", "source")
    return rows_of("actions", rows.select(columns).to_dicts()), len(set(found.values()))
