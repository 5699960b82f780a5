import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.fs as pafs
import pytest

from curate.sources import Source, list_sources
from manifests.errors import ConfigError
from manifests.storage import open_random_access


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


def test_a_name_that_is_not_utf8_is_listed_escaped_and_unopened(folder: Path) -> None:
    odd = os.fsencode(folder) + b"/od\xffd.mp4"
    try:
        Path(os.fsdecode(odd)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    expected = Source(f"{folder}/od\\xffd.mp4", None, None)
    assert expected in list_sources([str(folder)])
    assert list_sources([os.fsdecode(odd)]) == [expected]
    assert pa.array([expected.uri]).to_pylist() == [expected.uri]


@pytest.mark.parametrize(
    ("entry", "listed"),
    [
        pytest.param("x" * 5000 + ".mp4", "x" * 5000 + ".mp4", id="overlong"),
        pytest.param("a.mp4\0.mp4", "a.mp4\\x00.mp4", id="nul"),
    ],
)
def test_a_name_that_no_file_can_have_is_missing(folder: Path, entry: str, listed: str) -> None:
    (folder / "list.txt").write_text(f"{entry}\na.mp4\n")
    pl.DataFrame({"uri": [entry]}).write_parquet(folder / "list.parquet")
    missing = Source(f"{folder}/{listed}", None, None)
    assert list_sources([f"{folder}/{entry}"]) == [missing]
    assert list_sources([str(folder / "list.parquet")]) == [missing]
    assert _sizes(folder, "list.txt") == {listed: None, "a.mp4": 7}


def test_a_csv_field_that_is_too_long_is_refused_with_the_list(folder: Path) -> None:
    (folder / "list.csv").write_text("path\n" + "x" * 200_000 + "\n")
    with pytest.raises(ConfigError, match=r"cannot read the list .*list\.csv"):
        list_sources([str(folder / "list.csv")])


@pytest.mark.parametrize("named", ["list.txt", "other.csv"])
def test_lists_do_not_nest(folder: Path, named: str) -> None:
    (folder / "other.csv").write_text("path\na.mp4\n")
    (folder / "list.txt").write_text(f"a.mp4\n{named}\n")
    with pytest.raises(ConfigError, match="lists do not nest"):
        list_sources([str(folder / "list.txt")])


def test_an_entry_of_a_list_is_no_glob(folder: Path) -> None:
    (folder / "[a].mp4").write_bytes(b"xx")
    (folder / "list.txt").write_text("[a].mp4\n*.mp4\n")
    assert _sizes(folder, "list.txt") == {"[a].mp4": 2, "*.mp4": None}


def test_a_glob_without_a_match_is_missing(folder: Path) -> None:
    pattern = str(folder / "*.flv")
    assert list_sources([pattern]) == [Source(pattern, None, None)]


def test_a_relative_glob_works_in_a_folder_named_like_a_glob(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "[x]").mkdir()
    (tmp_path / "[x]" / "a.mp4").touch()
    monkeypatch.chdir(tmp_path / "[x]")
    assert list_sources(["*.mp4"])[0].uri == str(tmp_path / "[x]" / "a.mp4")


def test_absolute_entries_of_a_list_are_not_joined_to_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder / "sub"))
    (folder / "lists").mkdir()
    (folder / "lists" / "list.txt").write_text(f"file://{folder}/a.mp4\n~/b.MKV\n~c.mp4\n")
    expected = {"a.mp4": 7, "sub/b.MKV": 7, "lists/~c.mp4": None}
    assert _sizes(folder, "lists/list.txt") == expected


def test_a_name_that_begins_with_a_tilde_may_be_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "~nobody.mp4").write_bytes(b"x")
    monkeypatch.chdir(folder)
    assert list_sources(["~nobody.mp4"])[0].size_bytes == 1


def test_a_byte_order_mark_is_no_part_of_a_list(folder: Path) -> None:
    (folder / "list.txt").write_text("a.mp4\n", "utf-8-sig")
    (folder / "list.csv").write_text("path,id\na.mp4,1\n", "utf-8-sig")
    assert _sizes(folder, "list.txt") == {"a.mp4": 7}
    assert _sizes(folder, "list.csv") == {"a.mp4": 7}


def test_a_dead_link_in_a_folder_is_missing(folder: Path) -> None:
    (folder / "sub/dead.mp4").symlink_to(folder / "gone.mp4")
    sources = list_sources([str(folder / "sub")])
    assert Source(str(folder / "sub/dead.mp4"), None, None) in sources


def _sizes(folder: Path, name: str) -> dict[str, int | None]:
    sources = list_sources([str(folder / name)])
    return {os.path.relpath(s.uri, folder): s.size_bytes for s in sources}


KEYS = ("a b.mp4", "50% #1?é[x].mp4", "date=1/c+d(2).mp4", "deep/notes.txt")
"""Keys of a bucket: all but the last are videos, all but the third must be quoted in a URI."""


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What leads a URI to an S3 server of this machine; its bucket holds `KEYS` below `in x`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            deadline = time.monotonic() + 60
            while not _answers(port):
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            _fill(port)
            yield f"?scheme=http&endpoint_override=127.0.0.1%3A{port}&region=us-east-1"
        finally:
            server.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _fill(port: int) -> None:
    fs = pafs.S3FileSystem(
        access_key="key",
        secret_key="secret",
        region="us-east-1",
        endpoint_override=f"http://127.0.0.1:{port}",
        allow_bucket_creation=True,
    )
    fs.create_dir("bucket")
    for key in KEYS:
        with fs.open_output_stream(f"bucket/in x/{key}") as stream:
            stream.write(key.encode())


@pytest.mark.parametrize("end", ["", "/"])
def test_uris_of_listed_objects_open_them(query: str, end: str) -> None:
    start = "s3://key:secret@bucket/in%20x"
    sources = list_sources([f"{start}{end}{query}"])
    assert [s.uri for s in sources] == [
        f"{start}/50%25%20%231%3F%C3%A9%5Bx%5D.mp4{query}",
        f"{start}/a%20b.mp4{query}",
        f"{start}/date=1/c+d(2).mp4{query}",
    ]
    contents = {open_random_access(s.uri).read().decode() for s in sources}
    assert contents == set(KEYS[:3])
    for source in sources:
        assert list_sources([source.uri]) == [source]


def test_a_missing_object_is_listed_without_a_size(query: str) -> None:
    uri = f"s3://key:secret@bucket/gone.mp4{query}"
    assert list_sources([uri]) == [Source(uri, None, None)]


def test_a_store_that_does_not_answer_is_an_error_with_the_uri() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    uri = f"s3://k:s@bucket/a.mp4?scheme=http&endpoint_override=127.0.0.1%3A{port}&region=x"
    with pytest.raises(ConfigError, match=r"cannot open s3://k:s@bucket/a\.mp4"):
        list_sources([uri])
