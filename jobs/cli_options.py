"""What all commands share: their common options, and errors that become exit codes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from jobs.show import printable
from manifests.corpus import Corpus
from manifests.errors import (
    ConfigError,
    CorpusLockedError,
    CurateError,
    ModelUnavailableError,
)

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


def existing(uri: str) -> Corpus:
    """The corpus at a URI.

    Raises:
        ConfigError: There is none.
    """
    corpus = Corpus(uri)
    if not corpus.folder.exists("tables", "videos"):
        raise ConfigError(
            f"there is no corpus at {corpus.uri}; `rushes run SOURCES --corpus` makes one"
        )
    return corpus


def console_for(as_json: bool) -> Console:
    """Standard output is for JSON alone when that is asked for."""
    return Console(stderr=as_json, soft_wrap=False)


_EXIT_CODES: tuple[tuple[type[CurateError], int], ...] = (
    (ConfigError, 2),
    (ModelUnavailableError, 2),
    (CorpusLockedError, 4),
    (CurateError, 1),
)


@contextmanager
def exits(as_json: bool) -> Iterator[None]:
    """Turn our errors into one line on standard error and an exit code."""
    try:
        yield
    except CurateError as error:
        code = next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
        if as_json:
            typer.echo(json.dumps({"error": str(error), "exit_code": code}))
        typer.echo("\n".join(map(printable, f"rushes: {error}".splitlines())), err=True)
        raise typer.Exit(code) from None
    except KeyboardInterrupt:
        typer.echo("rushes: interrupted; run the same command to go on", err=True)
        raise typer.Exit(130) from None
