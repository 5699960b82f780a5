"""`rushes study`: what curation did to the latent action."""

from typing import Annotated

import typer
from rich.console import Console

from curate.study.ledger.settings import preset_overrides
from jobs.command import (
    Address,
    AsJson,
    ConfigFile,
    CorpusArgument,
    Overrides,
    existing,
    run_stages,
)
from jobs.exits import exits

app = typer.Typer(help="What curation did to the latent action.", no_args_is_help=True)


def _study_command(name: str, stages: tuple[str, ...], text: str) -> None:
    """Make `rushes study NAME CORPUS`."""

    def command(
        corpus: CorpusArgument,
        preset: Annotated[
            str | None, typer.Option(help="Budget of the ledger: quick, standard or full.")
        ] = None,
        config: ConfigFile = None,
        overrides: Overrides = None,
        ray: Address = None,
        as_json: AsJson = False,
    ) -> None:
        with exits(as_json):
            chosen = [*preset_overrides(preset), *(overrides or ())]
            run_stages(corpus, config, chosen, stages, (), ray, False, as_json)

    app.command(name=name, help=text)(command)


_study_command(
    "pair", ("decide", "encode", "study"), "Train on raw and on curated clips, and compare."
)
_study_command(
    "plan", ("decide", "encode", "ledger_plan"), "Write the ledger's plan; train nothing."
)
_study_command(
    "run",
    ("decide", "encode", "ledger", "report"),
    "The ledger: every filter alone and left out, with the actions learned.",
)


@app.command("report")
def study_report(corpus: CorpusArgument, as_json: AsJson = False) -> None:
    """Print the ledger that the corpus holds."""
    from jobs.show_ledger import print_ledger

    with exits(as_json):
        print_ledger(existing(corpus), Console(), as_json=as_json)
