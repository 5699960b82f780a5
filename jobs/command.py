"""What the commands share: options, errors as exit codes, and running stages."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from curate.config import load_config
from jobs.exits import stage_console
from jobs.show import print_record
from manifests.corpus import Corpus
from manifests.errors import ConfigError

Sources = Annotated[
    list[str],
    typer.Argument(help="Files, folders, globs, lists (.txt, .csv, .parquet), s3:// URIs."),
]
CorpusOption = Annotated[str, typer.Option("--corpus", help="Folder or s3:// URI of the corpus.")]
CorpusArgument = Annotated[str, typer.Argument(help="Folder or s3:// URI of the corpus.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file; without it, what the corpus remembers, or defaults."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; repeatable."),
]
Address = Annotated[
    str | None, typer.Option("--ray", help="Ray cluster to join (auto, host:port).")
]
Retry = Annotated[bool, typer.Option("--retry-failed", help="Try failed videos again.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


def run_stages(
    corpus: str,
    config_file: Path | None,
    overrides: Sequence[str],
    stages: Sequence[str],
    sources: Sequence[str],
    address: str | None,
    retry_failed: bool,
    as_json: bool,
) -> None:
    """Resolve, run, print and leave with the run's exit code."""
    toml = None if config_file is None else read_text(config_file)
    load_config(toml, overrides)  # a wrong key stops here, before Ray and models are imported
    if address is not None:
        _send_token()
    from jobs.pipeline import Request, execute, resolve
    from jobs.progress import Bars, Lines

    console = stage_console(as_json)
    opened = Corpus(corpus) if stages[0] == "scan" else existing(corpus)
    config = resolve(opened, toml, overrides, lambda text: console.print(f"[yellow]{text}[/]"))
    progress = Bars(console) if console.is_terminal else Lines()
    request = Request(
        opened, config, stages, sources, address, retry_failed, ("rushes", *sys.argv[1:])
    )
    record, code = execute(request, progress)
    if as_json:
        typer.echo(json.dumps(record, indent=2))
    else:
        print_record(record, opened, console)
        if not {"ledger", "ledger_plan"}.isdisjoint(stages):
            from jobs.show_ledger import print_ledger, print_plan

            if "ledger" not in stages or "impossible" in record["stages"].get("ledger", {}):
                print_plan(record, opened, console)
            else:
                print_ledger(opened, console, as_json=False)
    raise typer.Exit(code)


def _send_token() -> None:
    """Make Ray send its token if there is one, which it reads the environment for when imported.

    `ray start` turns tokens on where one exists; a driver that joins has to be told to.
    """
    if "RAY_AUTH_TOKEN" in os.environ or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def existing(uri: str) -> Corpus:
    """Open a corpus.

    Raises:
        ConfigError: There is none.
    """
    corpus = Corpus(uri)
    if not corpus.folder.exists("tables", "videos"):
        raise ConfigError(
            f"there is no corpus at {corpus.uri}; `rushes run SOURCES --corpus` makes one"
        )
    return corpus


def read_text(file: Path) -> str:
    """A text file's content.

    Raises:
        ConfigError: It cannot be read, or is no UTF-8.
    """
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}") from error
