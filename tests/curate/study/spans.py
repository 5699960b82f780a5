"""Span tables for tests of the study."""

import polars as pl


def make_spans(raw: dict[str, int], curated: dict[str, int]) -> pl.DataFrame:
    """Spans with the given number of clips per source and arm; curated ones are raw ones too."""
    rows = [
        (f"{source}-{index:03d}", f"video-{source}", source, arm)
        for arm, counts in (("raw", raw), ("curated", curated))
        for source, count in counts.items()
        for index in range(count)
    ]
    return pl.DataFrame(rows, schema=["clip_id", "video_id", "source", "arm"], orient="row")
