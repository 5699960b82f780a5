"""The command line: `rushes`."""

import json
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from curate.config import Config, load_config, to_toml
from jobs import study_cli
from jobs.cli_exchange import export, import_actions, import_lerobot
from jobs.command import (
    Address,
    AsJson,
    ConfigFile,
    CorpusArgument,
    CorpusOption,
    Overrides,
    Retry,
    Sources,
)
from jobs.command import existing as _existing
from jobs.command import read_text as _read
from jobs.command import run_stages as _execute
from jobs.exits import exits, stage_console
from jobs.lab import lab_app
from jobs.show import print_explanation, print_failures, print_status
from jobs.stages import STAGES
from manifests.errors import ConfigError

app = typer.Typer(
    help="Curate in-the-wild video for action models, and measure what curation did.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for _command in (import_lerobot, import_actions, export):
    app.command()(_command)
config_app = typer.Typer(help="Write, check or show a configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(study_cli.app, name="study")
app.add_typer(lab_app, name="lab")


@app.command()
def run(
    sources: Sources,
    corpus: CorpusOption,
    config: ConfigFile = None,
    overrides: Overrides = None,
    embedder: Annotated[
        str | None, typer.Option(help="Embedder spec, e.g. bundled or open_clip:MODEL@FILE.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder spec, e.g. bundled or timm:MODEL@FILE.")
    ] = None,
    until: Annotated[str, typer.Option(help=f"Last stage: {', '.join(STAGES)}.")] = "report",
    ray: Address = None,
    retry_failed: Retry = False,
    as_json: AsJson = False,
) -> None:
    """Take videos all the way to a curated corpus, its tokens, a study and a report."""
    with exits(as_json):
        if until not in STAGES:
            raise ConfigError(f"--until takes one of {', '.join(STAGES)}, not {until!r}")
        chosen = [*(overrides or ())]
        chosen += [f"embed.spec={json.dumps(embedder)}"] if embedder else []
        chosen += [f"encode.spec={json.dumps(encoder)}"] if encoder else []
        stages = STAGES[: STAGES.index(until) + 1]
        _execute(corpus, config, chosen, stages, sources, ray, retry_failed, as_json)


@app.command()
def scan(
    sources: Sources,
    corpus: CorpusOption,
    config: ConfigFile = None,
    overrides: Overrides = None,
    ray: Address = None,
    retry_failed: Retry = False,
    as_json: AsJson = False,
) -> None:
    """Describe sources: content id, container, codec, size. Decodes nothing."""
    with exits(as_json):
        _execute(corpus, config, overrides or (), ("scan",), sources, ray, retry_failed, as_json)


def _stage_command(name: str, text: str) -> None:
    """Make `rushes NAME CORPUS`, which runs one stage."""

    def command(
        corpus: CorpusArgument,
        config: ConfigFile = None,
        overrides: Overrides = None,
        ray: Address = None,
        retry_failed: Retry = False,
        as_json: AsJson = False,
    ) -> None:
        with exits(as_json):
            _execute(corpus, config, overrides or (), (name,), (), ray, retry_failed, as_json)

    app.command(name=name, help=text)(command)


for _name, _text in {
    "measure": "Decode every scanned video once: shots, clips, scores, stills.",
    "embed": "Embed clips that have no vector yet, from their stored stills.",
    "decide": "Apply the policy to the stored scores.",
    "encode": "Write tokens of the kept clips.",
    "report": "Write report/index.html.",
}.items():
    _stage_command(_name, _text)


@app.command()
def dedup(
    corpus: CorpusArgument,
    against: Annotated[
        str | None,
        typer.Option(help="Other corpus: list clips that copy one of its clips, change nothing."),
    ] = None,
    config: ConfigFile = None,
    overrides: Overrides = None,
    ray: Address = None,
    retry_failed: Retry = False,
    as_json: AsJson = False,
) -> None:
    """Find copies among the embedded clips, or between two corpora (exit code 3 if there are)."""
    with exits(as_json):
        if against is None:
            _execute(corpus, config, overrides or (), ("dedup",), (), ray, retry_failed, as_json)
        from jobs.leaks import LEAKS, find_leaks, print_leaks

        told = find_leaks(_existing(corpus), _existing(str(against)), ray)
        if as_json:
            typer.echo(json.dumps(told, indent=2))
        else:
            print_leaks(told, stage_console(as_json))
        raise typer.Exit(LEAKS if told["leaks"] else 0)


@app.command()
def status(corpus: CorpusArgument, as_json: AsJson = False) -> None:
    """What a corpus holds, and what its last run did."""
    with exits(as_json):
        print_status(_existing(corpus), Console(), as_json=as_json)


@app.command()
def failures(corpus: CorpusArgument, as_json: AsJson = False) -> None:
    """Videos that failed or are damaged, with the reason."""
    with exits(as_json):
        print_failures(_existing(corpus), Console(), as_json=as_json)


@app.command()
def explain(
    clip: Annotated[str, typer.Argument(help="Clip id, or the beginning of one.")],
    corpus: CorpusOption,
    as_json: AsJson = False,
) -> None:
    """Everything known of one clip: where it lies, its scores, why it was kept or dropped."""
    with exits(as_json):
        print_explanation(_existing(corpus), clip, Console(), as_json=as_json)


@app.command()
def doctor(
    corpus: CorpusArgument,
    purity: Annotated[int, typer.Option(help="Clip ends to decode again, chosen at random.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the choice.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Check clips against their videos: no clip holds frames of the neighbouring shot."""
    from jobs.doctor import run_doctor

    with exits(as_json):
        code = run_doctor(_existing(corpus), purity, seed, stage_console(as_json), as_json=as_json)
        raise typer.Exit(code)


@app.command()
def search(
    corpus: CorpusArgument,
    text: Annotated[str, typer.Argument(help="What the clip should show.")],
    limit: Annotated[int, typer.Option(min=1, help="Most clips.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find clips by words, in the vectors of the corpus' open_clip embedder."""
    from jobs.search import run_search

    with exits(as_json):
        run_search(_existing(corpus), text, limit, stage_console(as_json), as_json=as_json)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where videos and corpus are put.")] = Path("demo"),
    ledger: Annotated[bool, typer.Option(help="Whether to end with a small ledger.")] = True,
    as_json: AsJson = False,
) -> None:
    """Curate a small corpus of real clips, then measure what curation does to known actions."""
    from jobs.demo import run_demo
    from jobs.demo_ledger import run_demo_ledger

    with exits(as_json):
        console = stage_console(as_json)
        code = run_demo(folder, console, as_json=as_json)
        if ledger and code == 0 and not as_json:
            code = run_demo_ledger(folder, console, ("rushes", "demo", str(folder)))
        raise typer.Exit(code)


@config_app.command()
def template() -> None:
    """Print every setting with its meaning and default."""
    typer.echo(to_toml(Config(), comments=True), nl=False)


@config_app.command()
def check(file: Annotated[Path, typer.Argument(help="TOML file.")]) -> None:
    """Check a configuration file without running anything."""
    with exits(as_json=False):
        load_config(_read(file))
        typer.echo(f"{file} is valid")


@config_app.command()
def show(corpus: CorpusArgument) -> None:
    """Print the configuration that a corpus was last run with."""
    with exits(as_json=False):
        typer.echo(_existing(corpus).folder.read("rushes.toml").decode(), nl=False)


def main() -> None:
    """Entry point of the `rushes` command."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    app()
