"""Figures for docs/motion.md: camera paths, cells, false motion, speed, truth, peers' table, cost.

    python benchmarks/motion.py SECTION [...] --clips FOLDER [--json OUT]

SECTION is camera, layers, cells, false, speed, real, truth, table, codec, cost or all. FOLDER holds
real clips as `<repository>/<file>`; a repository is one source. `--part a` or `b` takes one half of
the sources (split by a hash of the repository's name): bounds were set on a, figures are reported
on b. Every constructed clip goes through x264 before it is measured.
"""

import argparse
import json
import platform
import subprocess
from pathlib import Path
from typing import Any

import cv2

from benchmarks.motion_camera import CONDITIONS, ONLY_ASKED, camera, cells
from benchmarks.motion_codec import codec
from benchmarks.motion_cost import cost
from benchmarks.motion_false import false_motion, real
from benchmarks.motion_layers import layers_of
from benchmarks.motion_speed import speed
from benchmarks.motion_table import table
from benchmarks.motion_truth import truth

SECTIONS = {
    "camera": camera,
    "layers": layers_of,
    "cells": cells,
    "false": false_motion,
    "speed": speed,
    "real": real,
    "truth": truth,
    "table": table,
    "codec": codec,
    "cost": cost,
}


def main() -> None:
    """Run the sections and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", nargs="+", choices=[*SECTIONS, "all"])
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--part", choices=["a", "b", "all"], default="b")
    for peer in ("data-juicer", "nemo"):
        says = f"Python of an environment with {peer}, for the table"
        parser.add_argument(f"--{peer}", type=Path, help=says)
    parser.add_argument("--limit", type=int, default=24, help="sources per section")
    parser.add_argument("--score", action="append", help="of the section false: only this score")
    only = [*CONDITIONS, *ONLY_ASKED]
    parser.add_argument("--condition", choices=only, help="of the section camera: only this one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    chosen = list(SECTIONS) if "all" in options.section else options.section
    found: dict[str, Any] = {}
    for name in chosen:
        print(f"\n== {name}")
        found[name] = SECTIONS[name](options)
    if options.json:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        facts = {"commit": commit, "machine": platform.processor(), "seed": options.seed}
        options.json.write_text(json.dumps({**facts, "part": options.part, **found}, indent=2))


if __name__ == "__main__":
    main()
