"""Commands that bring actions into a corpus and clips out of it."""

import json
from typing import Annotated

import typer

from jobs.command import Address, AsJson, CorpusArgument, CorpusOption, existing
from jobs.exits import exits
from jobs.lab import import_lab
from manifests.storage import Folder


def import_lerobot(
    folder: Annotated[str, typer.Argument(help="LeRobot data set, v2.x or v3.x.")],
    corpus: CorpusOption,
    action: Annotated[str | None, typer.Option(help="Column that is the action.")] = None,
    as_json: AsJson = False,
) -> None:
    """Store the actions of a LeRobot data set whose videos the corpus has scanned."""
    from curate.lerobot import import_actions

    with exits(as_json):
        opened = existing(corpus)
        rows, videos = import_actions(Folder(folder), opened.read("videos"), action)
        with opened.lock("import-lerobot"):
            opened.upsert("actions", rows)
        counts = {"actions": rows.num_rows, "videos": videos}
        typer.echo(json.dumps(counts) if as_json else f"{rows.num_rows} actions of {videos} videos")


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
    with exits(as_json):
        opened = existing(corpus)
        from jobs.export import layout_of, run_export

        chosen = layout_of(layout, content, fps, size)
        told = run_export(opened, out, chosen, task=task, labelled=labelled, address=ray)
        typer.echo(json.dumps(told) if as_json else f"{out}: {json.dumps(told)}")


def import_actions(
    pairs: Annotated[
        str,
        typer.Argument(
            help="A .csv with columns video and actions (.npz, .csv, .parquet), or a lab's folder."
        ),
    ],
    corpus: CorpusOption,
    action: Annotated[str, typer.Option(help="Array or column, or beginning of names.")] = "action",
    as_json: AsJson = False,
) -> None:
    """Store actions that lie in files beside measured videos, or in what `rushes lab` wrote."""
    from curate.sidecars import import_sidecars, read_list

    with exits(as_json):
        opened = existing(corpus)
        if Folder(pairs).exists("lab.json"):
            counts = import_lab(pairs, opened)
        else:
            rows, videos = import_sidecars(opened, read_list(pairs), action)
            with opened.lock("import-actions"):
                opened.upsert("actions", rows)
            counts = {"actions": rows.num_rows, "videos": videos}
        told = f"{counts['actions']} actions of {counts['videos']} videos"
        typer.echo(json.dumps(counts) if as_json else told)
