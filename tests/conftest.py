"""Fixtures of all tests: videos, the session's Ray cluster, and skips that cannot lie."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from curate.demo import DemoVideo, make_demo_videos
from tests.videos import Videos

ROOT = Path(__file__).resolve().parents[1]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked gpu where there is none; under REQUIRE_GPU=1 fail them instead."""
    if item.get_closest_marker("gpu") and not _has_cuda():
        if os.environ.get("REQUIRE_GPU") == "1":
            pytest.fail("REQUIRE_GPU=1 and torch finds no CUDA device", pytrace=False)
        pytest.skip("torch finds no CUDA device")


@cache
def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Videos:
    """Small synthetic videos by name (tests.videos.MAKERS), made on first use."""
    return Videos(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="session")
def demo_videos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[DemoVideo]]:
    """The demo corpus: its folder and what is in it. Made once, in about 15 s."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, make_demo_videos(folder)


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """A folder of real clips that the repository does not hold."""
    folder = Path(os.environ.get("RUSHES_REAL_VIDEOS", ROOT.parent / "shared/videos/dev"))
    if not folder.is_dir():
        pytest.skip(f"no real clips in {folder}; RUSHES_REAL_VIDEOS names another folder")
    return folder


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One local Ray for the whole session: two measuring workers and two spare logical CPUs."""
    import ray

    ray.init(
        num_cpus=4,
        include_dashboard=False,
        object_store_memory=200 << 20,
        log_to_driver=False,
    )
    yield
    ray.shutdown()
