import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.cli import app
from manifests.corpus import Corpus, rows_of
from manifests.storage import Folder


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def test_a_lab_is_made_and_labels_the_corpus_that_scanned_it(tmp_path: Path) -> None:
    out, corpus = tmp_path / "out", Corpus(str(tmp_path / "corpus"))
    code, told = run(
        *("lab", "fixed", str(out), "--takes", "1", "--seconds", "2", "--json"),
        *("--dose", "freezes=0.3", "--workers", "1"),
    )
    assert code == 0
    assert json.loads(told)["frames"] == 24

    uri = Folder(str(out)).url("videos", "fixed-0-000.mp4")
    scanned = {"uri": uri, "video_id": "v", "scan_key": "k", "status": "pending"}
    corpus.upsert("videos", rows_of("videos", [scanned]))
    code, told = run("import-actions", str(out), "--corpus", corpus.uri)

    assert (code, told) == (0, "24 actions of 1 videos\n")
    actions = corpus.read("actions").sort("t_s")
    assert actions["video_id"].unique().to_list() == ["v"]
    assert actions["action"].to_list()[-1] == [None, None]
    known = [None not in action for action in actions["action"].to_list()]
    assert 10 <= sum(known) < 23


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lab", "fixed", "OUT", "--dose", "cut=0.1"], "cuts, shake, pans"),
        (["import-actions", "OUT", "--corpus", "NONE"], "no corpus at"),
    ],
)
def test_a_wrong_request_says_why(arguments: list[str], message: str, tmp_path: Path) -> None:
    code, told = run(*(a.replace("OUT", str(tmp_path / "out")) for a in arguments))

    assert code == 2
    assert message in told
    assert not (tmp_path / "out").exists()
