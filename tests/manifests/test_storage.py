from pathlib import Path

import pytest

from manifests.errors import StorageError
from manifests.storage import Folder, absolute, is_remote


def test_local_names_become_absolute_and_uris_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("a/b") == str(tmp_path / "a/b")
    assert absolute("a/../b") == str(tmp_path / "b")
    assert absolute("s3://bucket/a/") == "s3://bucket/a"
    assert is_remote("s3://bucket/a")
    assert not is_remote("/a/b")
    assert not is_remote("file:///a")


def test_what_is_written_is_read_and_listed_and_deleted(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "new"))
    assert folder.files() == []
    folder.write(b"1", "a", "b.json")
    folder.write(b"2", "a", "b.json")
    folder.write(b"3", "c.json")
    assert folder.read("a", "b.json") == b"2"
    assert folder.files() == ["a/b.json", "c.json"]
    assert folder.files("a") == ["a/b.json"]
    folder.delete("c.json")
    folder.delete("c.json")
    assert not folder.exists("c.json")


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write(b"x" * 1000, "f")
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_missing_file_is_a_storage_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.json"):
        Folder(str(tmp_path)).read("nothing.json")
