"""FAISS on a GPU: on a real one where there is one, else on a stand-in that computes on the CPU."""

from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np
import pytest

from curate.dedup import Bounds, assigned_to, cells_of, gpu, propose
from tests.curate.dedup.test_search import as_set, places, planted, slow, unit

BOUNDS = Bounds(0.9, 10_000, 20_000)


class Device:
    """Has the calls of faiss-gpu (gpu_wrappers.py) that are used, with its limits."""

    METRIC_INNER_PRODUCT = faiss.METRIC_INNER_PRODUCT

    def __init__(self) -> None:
        self.calls: list[str] = []

    def get_num_gpus(self) -> int:
        return 1

    def StandardGpuResources(self) -> SimpleNamespace:
        return SimpleNamespace(of=self)

    def index_cpu_to_gpu(self, resources: Any, device: int, index: Any) -> Any:
        assert (resources.of, device) == (self, 0)
        self.calls.append("index_cpu_to_gpu")
        return index

    def knn_gpu(self, resources: Any, xq: Any, xb: Any, k: int, metric: int) -> Any:
        assert resources.of is self
        assert metric == faiss.METRIC_INNER_PRODUCT
        assert 0 < k <= min(2048, len(xb))
        assert all(a.dtype == np.float32 and a.flags.c_contiguous for a in (xq, xb))
        self.calls.append("knn_gpu")
        return faiss.knn(xq, xb, k, metric=metric)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    stand_in = Device()
    monkeypatch.setattr(gpu, "faiss", stand_in)
    monkeypatch.setattr(gpu, "_resources", stand_in.StandardGpuResources)
    return stand_in


@pytest.mark.parametrize("neighbours", [1024, 3], ids=["all", "some-clips-have-more"])
def test_the_gpu_proposes_what_the_cpu_proposes(
    device: Device, monkeypatch: pytest.MonkeyPatch, neighbours: int
) -> None:
    monkeypatch.setattr(gpu, "_NEIGHBOURS", neighbours)
    vectors = planted(300)
    vectors[:20] = unit(vectors[:1] + 0.01 * vectors[20:40])  # more than three each
    found = propose(vectors, places(300), np.arange(300), BOUNDS, run=no_task)
    assert as_set(found) == slow(vectors, 0.9)
    assert set(device.calls) == {"knn_gpu"}


def no_task(function: Any, calls: Any) -> Any:
    raise AssertionError("tasks see no GPU")


def test_cells_are_assigned_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = planted(3000)
    cells = cells_of(vectors)
    expected = assigned_to(cells, vectors, np.arange(3000)).assigned
    stand_in = Device()
    monkeypatch.setattr(gpu, "faiss", stand_in)
    monkeypatch.setattr(gpu, "_resources", stand_in.StandardGpuResources)
    found = assigned_to(cells, vectors, np.arange(3000), run=no_task).assigned
    assert (found == expected).all()
    assert stand_in.calls == ["index_cpu_to_gpu"]


def test_faiss_without_gpu_is_not_asked_for_one() -> None:
    if faiss.get_num_gpus():
        pytest.skip("there is a GPU")
    assert not gpu.available()


@pytest.mark.gpu
def test_a_real_gpu_gives_what_the_cpu_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    if not gpu.available():
        pytest.skip("FAISS is built without GPU")
    vectors = planted(6000)
    cells = cells_of(vectors)
    pairs = as_set(propose(vectors, places(6000), np.arange(6000), BOUNDS))
    assigned = assigned_to(cells, vectors, np.arange(6000)).assigned
    assert len(cells.centres) == pytest.approx(6000 / 256, rel=0.3)
    monkeypatch.setattr(gpu, "available", lambda: False)
    assert pairs == as_set(propose(vectors, places(6000), np.arange(6000), BOUNDS))
    other = assigned_to(cells, vectors, np.arange(6000)).assigned
    assert (assigned == other).mean() > 0.999
