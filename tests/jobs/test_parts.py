import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import ray

from jobs.parts import Place, run_parts
from manifests.corpus import Corpus

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


def _work(number: int) -> pl.DataFrame:
    begin = time.time()
    time.sleep(0.2)
    return pl.DataFrame({"part": [number], "begin": [begin], "end": [time.time()]})


def _run(folder: Path, workers: int) -> Any:
    advanced: list[int] = []
    return SimpleNamespace(
        corpus=Corpus(str(folder)),
        cluster=SimpleNamespace(workers=workers),
        progress=SimpleNamespace(advance=advanced.append),
        advanced=advanced,
    )


def test_no_more_at_a_time_than_workers_and_none_twice(tmp_path: Path) -> None:
    task = ray.remote(num_cpus=0)(_work)
    started: list[int] = []

    def start(number: int) -> Any:
        started.append(number)
        return task.remote(number)

    tasks: dict[Place, Callable[[], Any]] = {
        ("parts", f"{n}.parquet"): partial(start, n) for n in range(4)
    }
    run = _run(tmp_path, 1)
    found = run_parts(run, tasks).sort("begin")
    assert started == [0, 1, 2, 3]
    assert (found["end"][:-1] <= found["begin"][1:]).all()
    assert sum(run.advanced) == 4
    run.corpus.folder.delete("parts", "2.parquet")
    again = _run(tmp_path, 2)
    assert run_parts(again, tasks).height == 4
    assert started == [0, 1, 2, 3, 2]
    assert sum(again.advanced) == 4
