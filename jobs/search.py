"""`rushes search`: clips by words."""

import json

import typer
from rich.console import Console
from rich.table import Table

from curate.config import load_config
from curate.keys import stage_keys
from curate.search import search, text_vectors
from jobs.show import printable
from manifests.corpus import Corpus


def run_search(corpus: Corpus, text: str, limit: int, console: Console, *, as_json: bool) -> None:
    """Print the clips that are most like a text.

    Raises:
        ConfigError: The corpus' embedder has no text tower, or nothing is embedded with it.
        ModelUnavailableError: Its weights cannot be had here.
    """
    config = load_config(corpus.folder.read("rushes.toml").decode())
    (vector,) = text_vectors(config.embed.spec, [text])
    found = search(corpus, stage_keys(config).embed, vector, limit)
    if as_json:
        typer.echo(json.dumps(found.to_dicts(), indent=2))
        return
    table = Table("similarity", "clip", "from s", "to s", "video")
    for row in found.iter_rows(named=True):
        times = (f"{row['start_s']:.2f}", f"{row['end_s']:.2f}")
        name = printable(str(row["uri"]))
        table.add_row(f"{row['similarity']:.3f}", row["clip_id"][:12], *times, name)
    console.print(table)
