"""The commands of the lab: make takes with known actions and faults, and label a corpus."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from jobs.exits import exits, stage_console
from jobs.show import printable
from manifests.corpus import Corpus
from manifests.storage import Folder

if TYPE_CHECKING:
    from curate.lab import World

lab_app = typer.Typer(
    help="Make videos whose actions and whose faults are known.", no_args_is_help=True
)

Out = Annotated[Path, typer.Argument(help="Folder to write.")]
Takes = Annotated[int, typer.Option(min=1, help="Takes; one per source while there are any.")]
Seconds = Annotated[float, typer.Option(min=1, help="Length of a take.")]
DoseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dose",
        metavar="FAULT=SHARE",
        help="cuts, shake, pans, freezes, captions or copies; 0 to 0.9; repeatable.",
    ),
]
Seed = Annotated[int, typer.Option(help="Of what is filmed and of the faults' places.")]
Fps = Annotated[int, typer.Option(min=4, help="Frames per second.")]
Step = Annotated[float, typer.Option(help="Step that the dose of cuts refers to, s.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes that film.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@lab_app.command()
def ego(
    out: Out,
    takes: Takes = 24,
    seconds: Seconds = 60.0,
    dose: DoseOption = None,
    seed: Seed = 0,
    turn: Annotated[float, typer.Option(min=0, help="Spread of turning, degrees/s.")] = 42.0,
    walk: Annotated[float, typer.Option(min=0, help="Full speed, map units/s.")] = 128.0,
    monsters: Annotated[bool, typer.Option(help="Whether levels are inhabited.")] = False,
    fps: Fps = 12,
    step_s: Step = 0.25,
    workers: Workers = 2,
    as_json: AsJson = False,
) -> None:
    """First-person walks through the levels of a game (needs the extra `lab`)."""
    from curate.lab import EgoWorld

    with exits(as_json):
        world = EgoWorld(turn=turn, walk=walk, monsters=monsters)
        _film(out, world, takes, seconds, dose or (), seed, fps, step_s, workers, as_json)


@lab_app.command()
def fixed(
    out: Out,
    takes: Takes = 24,
    seconds: Seconds = 60.0,
    dose: DoseOption = None,
    seed: Seed = 0,
    speed: Annotated[float, typer.Option(min=0, help="Spread of speed, sides/s.")] = 0.25,
    size: Annotated[float, typer.Option(min=0.1, max=0.6, help="Of the agent, sides.")] = 0.3,
    distractor: Annotated[bool, typer.Option(help="Another piece moves by itself.")] = False,
    fps: Fps = 12,
    step_s: Step = 0.25,
    workers: Workers = 2,
    as_json: AsJson = False,
) -> None:
    """An agent seen from outside, before a drawn background."""
    from curate.lab import FixedWorld

    with exits(as_json):
        world = FixedWorld(speed=speed, size=size, distractor=distractor, seed=seed)
        _film(out, world, takes, seconds, dose or (), seed, fps, step_s, workers, as_json)


def _film(
    folder: Path,
    world: "World",
    takes: int,
    seconds: float,
    doses: Sequence[str],
    seed: int,
    fps: int,
    step_s: float,
    workers: int,
    as_json: bool,
) -> None:
    """Make a lab and say what it holds."""
    from curate.lab import Doses, LabRequest, make_lab

    request = LabRequest(world, takes, seconds, Doses.parse(doses), seed, fps, step_s)
    console = stage_console(as_json)
    with console.status("filming") as status:
        made = make_lab(
            folder,
            request,
            workers=workers,
            done=lambda count, total: status.update(f"filming: {count} of {total} files"),
        )
    if as_json:
        typer.echo(json.dumps(made, indent=2))
        return
    place = escape(printable(str(folder)))
    console.print(f"{made['files']} files, {made['frames']} frames in {place}/videos")


def import_lab(folder: str, corpus: Corpus) -> dict[str, Any]:
    """Store the actions of a lab whose videos a corpus has scanned."""
    from curate.lab import read_actions

    rows, videos = read_actions(Folder(folder), corpus.read("videos"))
    with corpus.lock("import-actions"):
        corpus.upsert("actions", rows)
    return {"actions": rows.num_rows, "videos": videos}
