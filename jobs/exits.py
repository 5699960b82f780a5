"""How a command ends: our errors become one line and an exit code."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from jobs.show import printable
from manifests.errors import (
    ConfigError,
    CorpusLockedError,
    CurateError,
    ModelUnavailableError,
)

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


def stage_console(as_json: bool) -> Console:
    """Standard output is for JSON alone when that is asked for."""
    return Console(stderr=as_json, soft_wrap=False)
