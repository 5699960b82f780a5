"""Where clips come from: what is no copy because it is another moment of the same video."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """Per clip, a number for its source, its span there and half a frame.

    Attributes:
        source: (n,) equal for clips of the same packets, whatever file holds them.
        start_s: (n,) on the source's own clock, s.
        end_s: (n,) likewise.
        tolerance_s: (n,) half a frame, s.
    """

    source: Ints
    start_s: Seconds
    end_s: Seconds
    tolerance_s: Seconds

    @classmethod
    def of(cls, clips: pl.DataFrame) -> "Places":
        """Read off clips.

        Args:
            clips: video_id, packets_hash (null where unknown), start_s, end_s, frames.
        """
        # A container may shift the clock, so times count from the first clip of each video.
        first = pl.col("start_s").min().over("video_id")
        span = pl.col("end_s") - pl.col("start_s")
        table = clips.select(
            source=pl.coalesce("packets_hash", "video_id").rank("dense").cast(pl.Int64),
            start_s=pl.col("start_s") - first,
            end_s=pl.col("end_s") - first,
            tolerance_s=span / pl.col("frames").clip(1) / 2,
        )
        return cls(*(table[name].to_numpy() for name in table.columns))

    def take(self, rows: Ints) -> "Places":
        """The places of some clips."""
        return Places(
            self.source[rows], self.start_s[rows], self.end_s[rows], self.tolerance_s[rows]
        )

    def apart(self, a: Ints, b: Ints) -> Flags:
        """Whether pairs show different moments of one source."""
        latest = np.maximum(self.start_s[a], self.start_s[b])
        overlap = np.minimum(self.end_s[a], self.end_s[b]) - latest
        slack = np.minimum(self.tolerance_s[a], self.tolerance_s[b])
        return np.asarray((self.source[a] == self.source[b]) & (overlap <= slack), np.bool_)

    def exact(self) -> tuple[Ints, Ints]:
        """Pairs that show the same moment of one source, to half a frame; a < b."""
        rows = pl.DataFrame(
            {
                "row": np.arange(len(self.source)),
                "source": self.source,
                "start": self.start_s,
                "end": self.end_s,
                "slack": self.tolerance_s,
            }
        )
        many = rows.filter(pl.len().over("source") > 1)
        slack = pl.min_horizontal("slack", "slack_right")
        pairs = (
            many.join(many, on="source")
            .filter(
                (pl.col("row") < pl.col("row_right"))
                & ((pl.col("start") - pl.col("start_right")).abs() <= slack)
                & ((pl.col("end") - pl.col("end_right")).abs() <= slack)
            )
            .sort("row", "row_right")
        )
        return pairs["row"].to_numpy().astype(np.int64), pairs["row_right"].to_numpy().astype(
            np.int64
        )
