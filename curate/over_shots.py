"""Scores that need all of a source: taken up clip by clip, given when its last frame has passed."""

from dataclasses import dataclass, field
from typing import Any

from curate.evidence import evidence_row
from filters.base import Clip, Kept, Unmeasurable
from filters.over_shots import keep, over_shots
from filters.registry import FILTERS


@dataclass(slots=True)
class SourceScores:
    """The clips of a source and their rows of scores.

    About 80 kB are held per clip, less than its stills take. What is found depends on the source's
    clips in their order and on nothing else.
    """

    _kept: list[Kept] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)

    def take(self, clip: Clip, shot: int, row: dict[str, Any]) -> None:
        """Take a clip that was scored alone; one that cannot be compared stays as it is.

        Args:
            clip: The clip.
            shot: Index of its shot in the source.
            row: Its row of scores, which `settle` completes.
        """
        try:
            kept = keep(clip, shot)
        except Unmeasurable:
            return
        self._kept.append(kept)
        self._rows.append(row)

    def settle(self) -> list[dict[str, Any]]:
        """Complete the rows of scores.

        Returns:
            Rows of `evidence`.
        """
        evidence = []
        for row, found in zip(self._rows, over_shots(self._kept), strict=True):
            if found is None:
                continue
            keys = {name: row[name] for name in ("clip_id", "measure_key")}
            given = set()
            for name, chosen in FILTERS.items():
                if chosen.over_shots is None:
                    continue
                row[name] = chosen.over_shots(found)
                given.add(name)
                if chosen.over_shots_evidence is not None:
                    items = chosen.over_shots_evidence(found)
                    evidence += [
                        {**keys, **evidence_row(name, item, at)} for item, at in enumerate(items)
                    ]
            row["missing"] = [(name, word) for name, word in row["missing"] if name not in given]
        return evidence
