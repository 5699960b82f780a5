"""The demo's ledger: what curation does to actions that are known, in minutes."""

import json
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from curate.config import load_config
from curate.lab import Doses, FixedWorld, LabRequest, make_lab
from curate.study.ledger.settings import preset_overrides
from jobs.lab import import_lab
from jobs.pipeline import Request, execute
from jobs.progress import Bars, Lines
from jobs.show import printable
from jobs.show_ledger import print_ledger
from jobs.stages import STAGES
from manifests.corpus import Corpus

REQUEST: Final = LabRequest(
    world=FixedWorld(size=0.5),
    takes=20,
    seconds=16.0,
    doses=Doses(pans=0.2, freezes=0.15),
)
"""An agent seen from outside; camera pans and freezes that nobody in the scene caused."""

SETTINGS: Final = (
    "embed.spec=bundled",
    "encode.spec=bundled:stride16",
    "encode.grid=14",
    "encode.min_steps=4",
    "policy.filters.camera_motion.high=0.02",
    'ledger.action_names=["x", "y"]',
)
"""A fine grid, on which it shows where things went; a camera that must stand still."""


def run_demo_ledger(folder: Path, console: Console, command: tuple[str, ...]) -> int:
    """Film a small laboratory, curate it, train every arm, and print the ledger.

    Args:
        folder: Gets `lab/` and `lab-corpus/`.
        console: Where to print.
        command: As typed, for the record.

    Returns:
        The run's exit code.
    """
    place = escape(printable(str(folder)))
    console.print(f"\nfilming {REQUEST.takes} takes of a moving agent in {place}/lab")
    make_lab(folder / "lab", REQUEST)
    corpus = Corpus(str(folder / "lab-corpus"))
    camera = f"ledger.camera={json.dumps(str(folder / 'lab' / 'actions.parquet'))}"
    config = load_config(None, [*SETTINGS, *preset_overrides("quick"), camera])
    sources = (str(folder / "lab" / "videos"),)
    until = STAGES[: STAGES.index("decide") + 1]
    code = 0
    for stages, given in ((until, sources), (("encode", "ledger", "report"), ())):
        request = Request(corpus, config, stages, given, command=command)
        _, code = execute(request, Bars(console) if console.is_terminal else Lines())
        if code:
            return code
        if "scan" in stages:
            import_lab(str(folder / "lab"), corpus)
    console.print("\nthe same number of windows trains every arm; their actions are known:")
    print_ledger(corpus, console, as_json=False)
    report = escape(printable(corpus.folder.url("report", "index.html")))
    console.print(f"[bold]{report}[/]", soft_wrap=True, highlight=False)
    return code
