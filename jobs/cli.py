"""The command line: `rushes`."""

import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from curate.config import Config, load_config, to_toml
from jobs.show import (
    print_explanation,
    print_failures,
    print_record,
    print_status,
    printable,
)
from jobs.stages import STAGES
from manifests.corpus import Corpus
from manifests.errors import (
    ConfigError,
    CorpusLockedError,
    CurateError,
    ModelUnavailableError,
)
from manifests.storage import Folder

app = typer.Typer(
    help="Curate in-the-wild video for action models, and measure what curation did.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Write, check or show a configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config")

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
    with _exits(as_json):
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
    with _exits(as_json):
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
        with _exits(as_json):
            stages = ("encode", "study") if name == "study" else (name,)
            _execute(corpus, config, overrides or (), stages, (), ray, retry_failed, as_json)

    app.command(name=name, help=text)(command)


for _name, _text in {
    "measure": "Decode every scanned video once: shots, clips, scores, stills.",
    "embed": "Embed clips that have no vector yet, from their stored stills.",
    "decide": "Apply the policy to the stored scores.",
    "encode": "Write tokens of the kept clips.",
    "study": "Train on raw and on curated clips of equal budget, and compare.",
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
    with _exits(as_json):
        if against is None:
            _execute(corpus, config, overrides or (), ("dedup",), (), ray, retry_failed, as_json)
        from jobs.leaks import LEAKS, find_leaks, print_leaks

        told = find_leaks(_existing(corpus), _existing(str(against)), ray)
        if as_json:
            typer.echo(json.dumps(told, indent=2))
        else:
            print_leaks(told, _console(as_json))
        raise typer.Exit(LEAKS if told["leaks"] else 0)


@app.command()
def status(corpus: CorpusArgument, as_json: AsJson = False) -> None:
    """What a corpus holds, and what its last run did."""
    with _exits(as_json):
        print_status(_existing(corpus), Console(), as_json=as_json)


@app.command()
def failures(corpus: CorpusArgument, as_json: AsJson = False) -> None:
    """Videos that failed or are damaged, with the reason."""
    with _exits(as_json):
        print_failures(_existing(corpus), Console(), as_json=as_json)


@app.command()
def explain(
    clip: Annotated[str, typer.Argument(help="Clip id, or the beginning of one.")],
    corpus: CorpusOption,
    as_json: AsJson = False,
) -> None:
    """Everything known of one clip: where it lies, its scores, why it was kept or dropped."""
    with _exits(as_json):
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

    with _exits(as_json):
        code = run_doctor(_existing(corpus), purity, seed, _console(as_json), as_json=as_json)
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

    with _exits(as_json):
        run_search(_existing(corpus), text, limit, _console(as_json), as_json=as_json)


@app.command()
def import_lerobot(
    folder: Annotated[str, typer.Argument(help="LeRobot data set, v2.x or v3.x.")],
    corpus: CorpusOption,
    action: Annotated[str | None, typer.Option(help="Column that is the action.")] = None,
    as_json: AsJson = False,
) -> None:
    """Store the actions of a LeRobot data set whose videos the corpus has scanned."""
    from curate.lerobot import import_actions

    with _exits(as_json):
        opened = _existing(corpus)
        rows, videos = import_actions(Folder(folder), opened.read("videos"), action)
        with opened.lock("import-lerobot"):
            opened.upsert("actions", rows)
        counts = {"actions": rows.num_rows, "videos": videos}
        typer.echo(json.dumps(counts) if as_json else f"{rows.num_rows} actions of {videos} videos")


@app.command()
def export(
    corpus: CorpusArgument,
    out: Annotated[str, typer.Argument(help="New folder or s3:// URI.")],
    layout: Annotated[str, typer.Option("--format", help="webdataset or lerobot.")],
    content: Annotated[
        str, typer.Option(help="WebDataset samples hold: video, tokens or both.")
    ] = "both",
    fps: Annotated[int, typer.Option(help="LeRobot frame rate; 0: of most clips.")] = 0,
    size: Annotated[str, typer.Option(help="LeRobot WIDTHxHEIGHT; without: of most clips.")] = "",
    task: Annotated[str, typer.Option(help="LeRobot task of all episodes.")] = "unknown",
    labelled: Annotated[bool, typer.Option("--labelled", help="Only clips with actions.")] = False,
    ray: Address = None,
    as_json: AsJson = False,
) -> None:
    """Write the kept clips as WebDataset shards or as a LeRobot v3 data set."""
    with _exits(as_json):
        opened = _existing(corpus)
        from jobs.export import layout_of, run_export

        chosen = layout_of(layout, content, fps, size)
        told = run_export(opened, out, chosen, task=task, labelled=labelled, address=ray)
        typer.echo(json.dumps(told) if as_json else f"{out}: {json.dumps(told)}")


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where videos and corpus are put.")] = Path("demo"),
    as_json: AsJson = False,
) -> None:
    """Build a small corpus from real clips that installed packages ship, and curate it."""
    from jobs.demo import run_demo

    with _exits(as_json):
        raise typer.Exit(run_demo(folder, _console(as_json), as_json=as_json))


@config_app.command()
def template() -> None:
    """Print every setting with its meaning and default."""
    typer.echo(to_toml(Config(), comments=True), nl=False)


@config_app.command()
def check(file: Annotated[Path, typer.Argument(help="TOML file.")]) -> None:
    """Check a configuration file without running anything."""
    with _exits(as_json=False):
        load_config(_read(file))
        typer.echo(f"{file} is valid")


@config_app.command()
def show(corpus: CorpusArgument) -> None:
    """Print the configuration that a corpus was last run with."""
    with _exits(as_json=False):
        typer.echo(_existing(corpus).folder.read("rushes.toml").decode(), nl=False)


def _execute(
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
    toml = None if config_file is None else _read(config_file)
    load_config(toml, overrides)  # a wrong key stops here, before Ray and models are imported
    if address is not None:
        _send_token()
    from jobs.pipeline import Request, execute, resolve
    from jobs.progress import Bars, Lines

    console = _console(as_json)
    opened = Corpus(corpus) if stages[0] == "scan" else _existing(corpus)
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
    raise typer.Exit(code)


def _send_token() -> None:
    """Make Ray send its token if there is one, which it reads the environment for when imported.

    `ray start` turns tokens on where one exists; a driver that joins has to be told to.
    """
    if "RAY_AUTH_TOKEN" in os.environ or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def _existing(uri: str) -> Corpus:
    corpus = Corpus(uri)
    if not corpus.folder.exists("tables", "videos"):
        raise ConfigError(
            f"there is no corpus at {corpus.uri}; `rushes run SOURCES --corpus` makes one"
        )
    return corpus


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}") from error


def _console(as_json: bool) -> Console:
    """Standard output is for JSON alone when that is asked for."""
    return Console(stderr=as_json, soft_wrap=False)


_EXIT_CODES: tuple[tuple[type[CurateError], int], ...] = (
    (ConfigError, 2),
    (ModelUnavailableError, 2),
    (CorpusLockedError, 4),
    (CurateError, 1),
)


@contextmanager
def _exits(as_json: bool) -> Iterator[None]:
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


def main() -> None:
    """Entry point of the `rushes` command."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    app()
