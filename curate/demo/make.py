"""The demo corpus: short videos with known faults, made from real clips in seconds."""

import hashlib
import json
import logging
from importlib import metadata
from pathlib import Path
from typing import Final

from curate.demo.clips import BIKES, BUNNY, CARPHONE, CARPHONE_POOR, MUSIC, find_clip
from curate.demo.recipes import RECIPES, DemoVideo

logger = logging.getLogger(__name__)

VERSION: Final = 2
"""Raised by hand whenever a recipe gives other files."""
MANIFEST: Final = "demo.json"
"""Written last, so that a folder without it is unfinished."""


def make_demo_videos(folder: Path) -> list[DemoVideo]:
    """Fill a folder with the demo's videos; nothing is done where it already holds them.

    Args:
        folder: Made if it does not exist; files of the demo's names are overwritten.

    Returns:
        What the folder now holds, in the order of making.

    Raises:
        MissingClipsError: A package with real clips is not installed; nothing was written.
    """
    videos = [recipe.video for recipe in RECIPES]
    if _is_made(folder):
        logger.info("%s already holds the %d videos of the demo", folder, len(videos))
        return videos
    for clip in (BUNNY, BIKES, CARPHONE, CARPHONE_POOR, MUSIC):
        find_clip(clip)
    folder.mkdir(parents=True, exist_ok=True)
    for recipe in RECIPES:
        recipe.write(folder / recipe.video.name)
        logger.debug("%s: %s", recipe.video.name, recipe.video.doc)
    manifest = {**_recipe_facts(), "sha256": {v.name: _sha256(folder / v.name) for v in videos}}
    temporary = folder / f".{MANIFEST}.part"
    temporary.write_text(json.dumps(manifest, indent=2) + "\n")
    temporary.replace(folder / MANIFEST)
    logger.info("made %d videos in %s", len(videos), folder)
    return videos


def _recipe_facts() -> dict[str, object]:
    """What the files depend on: the recipes and the libraries that draw and encode."""
    packages = ("av", "numpy", "opencv-python-headless")
    return {"version": VERSION, "made_with": {name: metadata.version(name) for name in packages}}


def _is_made(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    if not isinstance(manifest, dict):
        return False
    hashes = manifest.pop("sha256", None)
    return (
        manifest == _recipe_facts()
        and isinstance(hashes, dict)
        and set(hashes) == {recipe.video.name for recipe in RECIPES}
        and all(_sha256(folder / name) == value for name, value in hashes.items())
    )


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
