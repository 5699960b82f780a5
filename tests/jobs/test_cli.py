"""The command line as a user meets it: exit codes, messages, interruption, each in a process."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from manifests.corpus import Corpus
from manifests.lock import CorpusLock
from manifests.schemas import TABLES
from tests.videos import Videos

RUSHES = [sys.executable, "-c", "from jobs.cli import main; main()"]
FAST = [
    "--until=decide",
    "--embedder=bundled",
    "--encoder=bundled",
    "--set=clips.min_s=1.0",
    "--set=run.commit_videos=1",
    "--set=run.workers=1",
]


def _rushes(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RUSHES, *arguments], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["run", "x.mp4", "--set", "clips.mim_s=1"], "did you mean clips.min_s", id="key"
        ),
        pytest.param(["run", "x.mp4", "--until", "dance"], "--until takes one of scan", id="stage"),
        pytest.param(["run", "x.mp4", "--config", "gone.toml"], "cannot read gone.toml", id="file"),
        pytest.param(["run", "x.mp4", "--embedder", "clip:x"], "clip:x", id="spec"),
        pytest.param(
            ["run", "x.mp4", "--encoder", "timm:resnet18@/no/w.pt"], "/no/w.pt", id="weights"
        ),
    ],
)
def test_a_wrong_request_stops_before_any_work(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    done = _rushes(*arguments, "--corpus", str(corpus))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (corpus / "tables").exists()


def test_a_command_on_what_is_no_corpus_says_so(tmp_path: Path) -> None:
    for command in (["status"], ["decide"], ["explain", "abc", "--corpus"]):
        done = _rushes(*command, str(tmp_path))
        assert done.returncode == 2
        assert "no corpus at" in done.stderr


def test_a_locked_corpus_is_left_alone(videos: Videos, tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    with CorpusLock(corpus.folder, "someone"):
        done = _rushes("run", str(videos["plain"].path), "--corpus", corpus.uri, *FAST)
    assert done.returncode == 4
    assert "being written by someone" in done.stderr


def test_the_template_is_a_valid_configuration(tmp_path: Path) -> None:
    file = tmp_path / "rushes.toml"
    file.write_text(_rushes("config", "template").stdout)
    assert _rushes("config", "check", str(file)).returncode == 0
    file.write_text("[clips]\nmaximum = 3\n")
    assert _rushes("config", "check", str(file)).returncode == 2


@pytest.fixture(scope="module")
def folder(videos: Videos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for name in ("plain", "hard_cut", "pan", "webm", "rotated", "text"):
        shutil.copy(videos[name].path, folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = Corpus(str(tmp_path_factory.mktemp("corpora") / "undisturbed"))
    done = _rushes("run", str(folder), "--corpus", corpus.uri, *FAST, "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["totals"]["videos"] == {"failed": 1, "ok": 5}
    return corpus


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGKILL, -signal.SIGKILL, id="kill-9"),
        pytest.param(signal.SIGTERM, 130, id="sigterm"),
    ],
)
def test_an_interrupted_run_is_finished_by_the_same_command(
    folder: Path, undisturbed: Corpus, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    command = ["run", str(folder), "--corpus", corpus.uri, *FAST]
    with subprocess.Popen(
        [*RUSHES, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _wait_for_a_commit(corpus, process)
        process.send_signal(number)
        assert process.wait(timeout=60) == code
    assert _measured(corpus) < 5
    assert _rushes(*command).returncode == 0
    _assert_same_rows(corpus, undisturbed)


def _measured(corpus: Corpus) -> int:
    videos = corpus.committed("videos")
    return int(videos.select(pl.col("measured_key").is_not_null().sum()).collect().item())


def _wait_for_a_commit(corpus: Corpus, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not _measured(corpus):
        assert process.poll() is None, "the run ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _assert_same_rows(one: Corpus, other: Corpus) -> None:
    for name in (*TABLES, "scores"):
        if name in ("features", "embeddings"):
            continue
        a, b = (c.read(name).to_arrow().to_pylist() for c in (one, other))
        assert sorted(map(str, a)) == sorted(map(str, b)), name
    vectors = [
        c.committed("embeddings").collect().sort("clip_id").select("clip_id", "vector")
        for c in (one, other)
    ]
    assert vectors[0].equals(vectors[1])


def test_no_worker_of_a_killed_run_is_left(folder: Path, tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    environment = {**os.environ, "RUSHES_TEST_MARK": str(tmp_path)}
    with subprocess.Popen(
        [*RUSHES, "run", str(folder), "--corpus", corpus.uri, *FAST],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        _wait_for_a_commit(corpus, process)
        process.kill()
    deadline = time.monotonic() + 60
    while _marked(str(tmp_path)):
        assert time.monotonic() < deadline, _marked(str(tmp_path))
        time.sleep(0.5)


def _marked(mark: str) -> list[str]:
    """Command lines of running processes that inherited the mark.

    Ray's own two agents are left out: they idle for a minute or more until they miss their node.
    """
    found = []
    for process in Path("/proc").iterdir():
        try:
            environment = (process / "environ").read_bytes()
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            command = (process / "cmdline").read_bytes().decode().replace("\0", " ")
            if mark.encode() in environment and state != "Z" and "Agent" not in command:
                found.append(command)
        except (OSError, IndexError):
            continue
    return found
