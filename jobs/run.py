"""A run: what every stage is given, and the record that it leaves."""

import json
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Protocol
from uuid import uuid4

from curate.config import Config
from curate.keys import StageKeys
from jobs.cluster import Cluster
from manifests.corpus import Corpus
from manifests.lock import CorpusLock


class Progress(Protocol):
    """Where a stage says how far it is."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """A stage begins with so many units of work to do."""

    def advance(self, count: int, detail: str = "") -> None:
        """So many more are done."""

    def end(self) -> None:
        """The stage is over."""


@dataclass(slots=True)
class Run:
    """One run over a corpus.

    Attributes:
        corpus: The corpus, locked by this run.
        config: The resolved configuration.
        keys: Its stage keys.
        cluster: The Ray in use.
        progress: Where stages report.
        lock: Checked before every commit: another run may have taken the corpus over.
        retry_failed: Whether videos that failed before are tried again.
        record: What is stored as runs/<id>.json.
    """

    corpus: Corpus
    config: Config
    keys: StageKeys
    cluster: Cluster
    progress: Progress
    lock: CorpusLock
    retry_failed: bool = False
    record: dict[str, Any] = field(default_factory=dict)

    def note(self, stage: str, **counts: Any) -> None:
        """Add a stage's counts to the record."""
        self.record["stages"].setdefault(stage, {}).update(counts)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        begin = time.monotonic()
        self.record["stages"].setdefault(name, {})
        try:
            yield
        finally:
            self.progress.end()
            self.record["stages"][name]["seconds"] = round(time.monotonic() - begin, 2)


def new_record(command: list[str], config: Config, keys: StageKeys) -> dict[str, Any]:
    """The record of a run that begins now."""
    now = datetime.now(UTC)
    packages = ("rushes", "ray", "torch", "av", "scenedetect-headless", "open-clip-torch", "polars")
    return {
        "run_id": f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:6]}",
        "started": now.isoformat(timespec="seconds"),
        "command": command,
        "config": json.loads(config.model_dump_json()),
        "keys": {name: getattr(keys, name) for name in keys.__slots__},
        "versions": {
            "python": sys.version.split()[0],
            "system": f"{platform.system()} {platform.machine()}",
            **{name: version(name) for name in packages},
        },
        "stages": {},
    }
