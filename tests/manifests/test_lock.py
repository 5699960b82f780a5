import json
import subprocess
import sys
import time
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
        deadline = time.time() + 10
        while json.loads(folder.read("lock.json"))["heartbeat"] == first:
            assert time.time() < deadline
            time.sleep(0.02)
