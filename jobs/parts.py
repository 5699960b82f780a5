"""Work in parts that are stored one by one: what an interrupted run finished is read back."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, TypeAlias

import polars as pl
import ray

from jobs.interrupt import INTERRUPTS
from jobs.run import Run
from manifests.storage import Folder

Place: TypeAlias = tuple[str, ...]
"""Where something lies in a corpus, folder by folder."""


def keep_plan(folder: Folder, place: Place, plan: str) -> None:
    """Store a plan as plan.json; what was made by another plan is deleted first."""
    name = (*place, "plan.json")
    if folder.exists(*name) and folder.read(*name).decode() == plan:
        return
    for other in folder.files(*place):
        folder.delete(other)
    folder.write(plan.encode(), *name)


def run_parts(run: Run, tasks: Mapping[Place, Callable[[], Any]]) -> pl.DataFrame:
    """Run Ray tasks that each give a table, and store each table as soon as it is there.

    As many at a time as the run has workers: a Ray has more CPUs than that, and every task holds
    a corpus of windows in memory.

    Args:
        run: The run; its progress advances by one per part.
        tasks: Where the part is stored -> starts the task. Parts that exist are not started.

    Returns:
        All tables, one below the other, in no particular order.
    """
    folder = run.corpus.folder
    waiting: dict[Any, Place] = {}
    left: list[Place] = []
    parts: list[pl.DataFrame] = []
    for place in tasks:
        if folder.exists(*place):
            parts.append(pl.read_parquet(BytesIO(folder.read(*place))))
            run.progress.advance(1)
        else:
            left.append(place)
    left.reverse()
    while waiting or left:
        while left and len(waiting) < run.cluster.workers:
            place = left.pop()
            waiting[tasks[place]()] = place
        ready, _ = ray.wait(list(waiting))
        part: pl.DataFrame = ray.get(ready[0])
        with INTERRUPTS.deferred():
            folder.write(parquet(part), *waiting.pop(ready[0]))
        parts.append(part)
        run.progress.advance(1)
    return pl.concat(parts)


def parquet(frame: pl.DataFrame) -> bytes:
    """A table as the content of a Parquet file."""
    buffer = BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
