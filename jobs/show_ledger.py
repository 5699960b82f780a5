"""What the command line prints of a ledger."""

import json
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table

from curate.config import load_config
from curate.keys import ledger_key, stage_keys
from curate.study.ledger.plan import LedgerPlan
from curate.study.ledger.words import conclude
from jobs.show import printable
from manifests.corpus import Corpus
from manifests.errors import ConfigError

WIDTH: Final = 100
"""Columns where the output is no terminal."""


def read_ledger(corpus: Corpus) -> dict[str, Any]:
    """The summary of the ledger under the corpus' settings.

    Raises:
        ConfigError: There is none.
    """
    config = load_config(corpus.folder.read("rushes.toml").decode())
    place = ("ledger", ledger_key(config, stage_keys(config)), "summary.json")
    if not corpus.folder.exists(*place):
        raise ConfigError(f"no ledger of these settings; `rushes study run {corpus.uri}` makes one")
    found: dict[str, Any] = json.loads(corpus.folder.read(*place))
    return found


def print_ledger(corpus: Corpus, console: Console, *, as_json: bool) -> None:
    """The primary figure of every arm, with its difference, and what follows."""
    try:
        summary = read_ledger(corpus)
    except ConfigError as error:
        if as_json:
            raise
        console.print(str(error), soft_wrap=True)
        return
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
        return
    name = summary["primary"][0]
    figure = summary["figures"][name]
    table = Table(
        title=f"ledger: {figure['label'].lower()} ({figure['unit']})", title_justify="left"
    )
    table.add_column("windows", no_wrap=True)
    table.add_column("drops", justify="right", no_wrap=True)
    table.add_column("value [95 %]", no_wrap=True)
    table.add_column("change [95 %]", no_wrap=True)
    table.add_column("shown", no_wrap=True)
    for entry in summary["entries"]:
        if entry["figure"] == name:
            table.add_row(
                printable(entry["arm"]),
                _objected(entry["arm"], summary),
                interval(entry),
                _difference(entry),
                {"not_shown": "no"}.get(entry["verdict"], entry["verdict"] or ""),
            )
    if not console.is_terminal:  # a log has no width of its own, and numbers are not cut off there
        console.width = max(console.width, WIDTH)
    console.print(table)
    for other in dict.fromkeys(summary["versus"].values()):
        arms = [arm for arm, against in summary["versus"].items() if against == other]
        console.print(f"compared with {other}: {', '.join(map(printable, arms))}")
    console.print(_budget(summary))
    for sentence in conclude(summary):
        console.print(f"- {sentence}")


def _budget(summary: dict[str, Any]) -> str:
    """What every arm was given, and the model."""
    model = summary["model"]
    return (
        f"{summary['windows']} windows an arm, {summary['seeds']} seeds, "
        f"{summary['optimiser_steps']} steps; inverse model {model['inverse']}, forward model "
        f"{model['forward']}, {model['regulariser']} {model['capacity']:g}, "
        f"{model['latent']} dimensions"
    )


def print_plan(record: dict[str, Any], corpus: Corpus, console: Console) -> None:
    """What a run planned: arms, their windows, and the eval sets."""
    noted = record["stages"].get("ledger", {})
    if "impossible" in noted:
        console.print(f"no ledger: {noted['impossible']}", soft_wrap=True)
        return
    place = ("ledger", noted["key"], "plan.json")
    plan = LedgerPlan.from_json(corpus.folder.read(*place).decode())
    table = Table(title=f"plan: {plan.windows} windows an arm", title_justify="left")
    table.add_column("windows", no_wrap=True)
    table.add_column("available", justify="right")
    table.add_column("compared with")
    for arm, count in plan.pools.items():
        table.add_row(printable(arm), f"{count}", plan.versus.get(arm, plan.left_out.get(arm, "")))
    console.print(table)
    sets = {**plan.evaluate, "labelled": plan.label_test}
    for name, windows in sets.items():
        sources = len({plan.source_of[window] for window in windows})
        console.print(f"evaluated on {name}: {len(windows)} windows of {sources} sources")
    console.print(corpus.folder.url(*place), soft_wrap=True, highlight=False)


def interval(estimate: dict[str, Any] | None, *, sign: bool = False) -> str:
    """`0.52 [0.49, 0.55]`."""
    if estimate is None or estimate["mean"] is None:
        return "undefined"
    plus = "+" if sign else ""
    return (
        f"{estimate['mean']:{plus}.3f} [{estimate['low']:{plus}.3f}, {estimate['high']:{plus}.3f}]"
    )


def _difference(entry: dict[str, Any]) -> str:
    if entry["versus"] is None:
        return ""
    return interval(entry["difference"], sign=True)


def _objected(arm: str, summary: dict[str, Any]) -> str:
    """Share of raw windows that the arm's one group rejects."""
    group = arm.partition(" ")[2]
    share = summary["shares"].get(group)
    return "" if share is None else f"{100 * share:.0f} %"
