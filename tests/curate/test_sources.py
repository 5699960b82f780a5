from pathlib import Path

import polars as pl
import pytest

from curate.sources import list_sources
from manifests.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "sub/b.MKV", "sub/notes.txt", "c.json", "sub/deep/d.webm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 7)
    return tmp_path


def _names(folder: Path, *names: str) -> list[str]:
    return [str(Path(s.uri).relative_to(folder)) for s in list_sources(names)]


def test_a_folder_is_searched_for_videos(folder: Path) -> None:
    assert _names(folder, str(folder)) == ["a.mp4", "sub/b.MKV", "sub/deep/d.webm"]


def test_a_glob_and_a_file_named_twice_are_listed_once(folder: Path) -> None:
    assert _names(folder, str(folder / "*.mp4"), str(folder / "a.mp4")) == ["a.mp4"]
    assert _names(folder, str(folder / "**/*.webm")) == ["sub/deep/d.webm"]


def test_a_named_file_is_taken_whatever_it_is_called(folder: Path) -> None:
    assert _names(folder, str(folder / "c.json")) == ["c.json"]


def test_a_missing_path_is_listed_without_a_size(folder: Path) -> None:
    (source,) = list_sources([str(folder / "gone.mp4")])
    assert source.size_bytes is None
    (present,) = list_sources([str(folder / "a.mp4")])
    assert present.size_bytes == 7
    assert present.mtime_ns == (folder / "a.mp4").stat().st_mtime_ns


def test_lists_name_videos_relative_to_themselves(folder: Path) -> None:
    (folder / "list.txt").write_text("# mine\na.mp4\n\nsub/b.MKV\n")
    (folder / "list.csv").write_text("id,path\n1,a.mp4\n2,gone.mp4\n")
    pl.DataFrame({"uri": ["a.mp4", str(folder / "sub/deep/d.webm")]}).write_parquet(
        folder / "list.parquet"
    )
    assert _names(folder, str(folder / "list.txt")) == ["a.mp4", "sub/b.MKV"]
    assert _names(folder, str(folder / "list.csv")) == ["a.mp4", "gone.mp4"]
    assert _names(folder, str(folder / "list.parquet")) == ["a.mp4", "sub/deep/d.webm"]


def test_a_list_without_a_known_column_is_refused(folder: Path) -> None:
    (folder / "list.csv").write_text("id,where\n1,a.mp4\n")
    with pytest.raises(ConfigError, match="none of the columns uri, url, path, file"):
        list_sources([str(folder / "list.csv")])


def test_an_unknown_scheme_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"gopher://host/a\.mp4"):
        list_sources(["gopher://host/a.mp4"])
