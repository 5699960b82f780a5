import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from manifests import lock as lock_module
from manifests.errors import CorpusLockedError
from manifests.lock import CorpusLock
from manifests.storage import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "corpus"))


def test_a_second_writer_is_refused_until_the_first_has_finished(folder: Folder) -> None:
    with CorpusLock(folder, "first"):
        with pytest.raises(CorpusLockedError, match="being written by first"):
            CorpusLock(folder, "second").__enter__()
        assert folder.exists("lock.json")
    with CorpusLock(folder, "second"):
        pass
    assert not folder.exists("lock.json")


def test_the_lock_of_a_killed_process_is_taken_over_at_once(folder: Folder) -> None:
    code = (
        "import sys, time\n"
        "from manifests.lock import CorpusLock\n"
        "from manifests.storage import Folder\n"
        "CorpusLock(Folder(sys.argv[1]), 'killed').__enter__()\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, folder.uri], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(CorpusLockedError, match="killed"):
            CorpusLock(folder, "me").__enter__()
        process.kill()
    with CorpusLock(folder, "me"):
        pass


def test_a_lock_of_another_machine_is_honoured_until_its_heartbeat_is_old(folder: Folder) -> None:
    holder = {"owner": "far", "token": "t", "host": "elsewhere", "pid": 1, "started": "x"}
    folder.write(json.dumps({**holder, "heartbeat": time.time()}).encode(), "lock.json")
    with pytest.raises(CorpusLockedError, match="far"):
        CorpusLock(folder, "me").__enter__()
    old = time.time() - 2 * lock_module.STALE_S
    folder.write(json.dumps({**holder, "heartbeat": old}).encode(), "lock.json")
    with CorpusLock(folder, "me"):
        pass


def test_the_heartbeat_is_renewed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "HEARTBEAT_S", 0.05)
    with CorpusLock(folder, "me"):
        first = json.loads(folder.read("lock.json"))["heartbeat"]
        deadline = time.monotonic() + 60
        while json.loads(folder.read("lock.json"))["heartbeat"] == first:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "HEARTBEAT_S", 0.02)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _lost(lock: CorpusLock) -> bool:
    try:
        lock.check()
    except CorpusLockedError:
        return True
    return False


@pytest.mark.usefixtures("fast")
def test_the_heartbeat_outlives_a_disturbed_disk(folder: Folder) -> None:
    path = Path(folder.path("lock.json"))
    with CorpusLock(folder, "me") as lock:
        _wait_for(lambda: _replaced_by_a_folder(path))
        time.sleep(0.3)  # some heartbeats, none of which can write
        path.rmdir()
        _wait_for(path.is_file)
        lock.check()
    assert not path.exists()


def _replaced_by_a_folder(path: Path) -> bool:
    path.unlink(missing_ok=True)
    try:
        path.mkdir()
    except FileExistsError:  # a heartbeat came in between
        return False
    return True


def test_a_lock_that_cannot_be_given_back_does_not_hide_the_error(folder: Folder) -> None:
    path = Path(folder.path("lock.json"))

    def work() -> None:
        with CorpusLock(folder, "me"):
            path.unlink()
            path.mkdir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


@pytest.mark.usefixtures("fast")
def test_a_run_learns_that_its_corpus_was_taken_over(folder: Folder) -> None:
    with CorpusLock(folder, "me") as lock:
        lock.check()
        other = {**json.loads(folder.read("lock.json")), "token": "other"}
        _wait_for(lambda: _put(folder, other) and _lost(lock))
        with pytest.raises(CorpusLockedError, match="was taken over by another run"):
            lock.check()
    assert json.loads(folder.read("lock.json")) == other


def _put(folder: Folder, content: object) -> bool:
    folder.write(json.dumps(content).encode(), "lock.json")  # a heartbeat may overwrite the first
    return True


@pytest.mark.usefixtures("fast")
def test_a_lock_that_was_stale_and_is_gone_is_lost(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CorpusLock(folder, "me") as lock:
        monkeypatch.setattr(lock_module, "STALE_S", 0.0)
        _wait_for(lambda: _removed(folder) and _lost(lock))


def _removed(folder: Folder) -> bool:
    folder.delete("lock.json")
    return True


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("{}", id="empty"),
        pytest.param("[1]", id="list"),
        pytest.param("null", id="null"),
        pytest.param('{"token": "t", "owner": "o"}', id="missing_keys"),
        pytest.param(
            '{"owner": "o", "token": "t", "host": "h", "pid": "x", "started": 1, "heartbeat": "y"}',
            id="wrong_types",
        ),
        pytest.param("{", id="cut_off"),
    ],
)
def test_a_file_that_is_no_lock_counts_as_none(folder: Folder, content: str) -> None:
    folder.write(content.encode(), "lock.json")
    with CorpusLock(folder, "me"):
        assert json.loads(folder.read("lock.json"))["owner"] == "me"
