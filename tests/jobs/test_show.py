from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from jobs.cli import app
from jobs.show import print_failures, print_record, printable
from manifests.corpus import Corpus, rows_of

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n[red].mp4"
SHOWN = "\ufffd]0;owned\ufffd\ufffd[2J\ufffd31m\ufffd\ufffd[red].mp4"


def test_control_characters_become_replacement_characters() -> None:
    assert printable(HOSTILE) == SHOWN
    controls = [*range(0x20), *range(0x7F, 0xA0)]
    assert printable("".join(map(chr, controls))) == "\ufffd" * len(controls)
    assert printable("\udcff") == "\ufffd"


def test_ordinary_names_are_printed_as_they_are() -> None:
    name = "/tmp/a b-é漢🎥~\xa0[x].mp4"
    assert printable(name) == name


@pytest.mark.parametrize("others", [0, 1])
def test_failures_print_no_control_character_of_a_name(tmp_path: Path, others: int) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    names = [HOSTILE, "plain.mp4"][: 1 + others]
    rows = [
        {"uri": f"/\x1b[8mdir/{name}", "scan_key": "k", "status": "failed", "error": "not_a_video"}
        for name in names
    ]
    corpus.append("videos", rows_of("videos", rows))
    console = Console(file=StringIO(), width=200)
    print_failures(corpus, console, as_json=False)
    text = _written(console)
    assert SHOWN in text
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\r"}
    assert pl.Series(corpus.read("videos")["uri"]).str.contains("\x1b").all()  # stored as it is


def test_the_end_of_a_run_prints_no_control_character(tmp_path: Path) -> None:
    totals = {"videos": {}, "clips": 0, "kept": 0, "dropped": 0, "dropped_by": {}, "errors": {}}
    stages = {"report": {"uri": f"/{HOSTILE}", "seconds": 1.0}}
    record = {"totals": totals, "stages": stages, "exit_code": 0}
    console = Console(file=StringIO(), width=200)
    print_record(record, Corpus(str(tmp_path)), console)
    assert SHOWN in _written(console)
    assert "\x1b" not in _written(console)


def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rushes.toml"
    file.write_bytes(b"# \xff\n")
    done = CliRunner().invoke(app, ["config", "check", str(file)])
    assert done.exit_code == 2
    assert f"cannot read {file}" in done.stderr


def _written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()
