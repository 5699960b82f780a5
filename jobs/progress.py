"""Progress: bars on a terminal, one JSON line per some units of work otherwise."""

import json
import sys
import time
from typing import Final, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_LINE_EVERY_S: Final = 10.0


class Bars:
    """One bar per stage, for people."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def start(self, stage: str, total: int, unit: str) -> None:
        """Show the stage's bar; a stage without work shows one finished line."""
        if not total:
            self._console.print(f"  {stage:<8} nothing to do", style="dim", highlight=False)
            return
        self._progress = Progress(
            TextColumn(f"  {stage:<8}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=self._console,
        )
        self._progress.start()
        self._task = self._progress.add_task(stage, total=total)

    def advance(self, count: int, detail: str = "") -> None:
        """Move the bar."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, count)

    def end(self) -> None:
        """Leave the bar as it stands."""
        if self._progress is not None and self._task is not None:
            task = self._progress.tasks[0]
            if task.total == 1 and not task.completed:  # stages that are one pass
                self._progress.advance(self._task, 1)
            self._progress.stop()
        self._progress = self._task = None


class Lines:
    """JSON lines, for logs and pipelines."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._stage, self._total, self._unit = "", 0, ""
        self._done = 0
        self._begin = self._last = time.monotonic()

    def start(self, stage: str, total: int, unit: str) -> None:
        """Say that a stage begins."""
        self._stage, self._total, self._unit, self._done = stage, total, unit, 0
        self._begin = self._last = time.monotonic()
        self._say("start")

    def advance(self, count: int, detail: str = "") -> None:
        """Count, and say so every ten seconds."""
        self._done += count
        if time.monotonic() - self._last >= _LINE_EVERY_S:
            self._last = time.monotonic()
            self._say("progress")

    def end(self) -> None:
        """Say that the stage is over."""
        self._say("end")

    def _say(self, event: str) -> None:
        seconds = time.monotonic() - self._begin
        line = {
            "event": event,
            "stage": self._stage,
            "done": self._done,
            "total": self._total,
            "unit": self._unit,
            "seconds": round(seconds, 1),
        }
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()
