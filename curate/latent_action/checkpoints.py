"""States of a training on disk, each bound to the arguments that it belongs to."""

from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch


def fingerprint(tokens: torch.Tensor, *arguments: object) -> str:
    """16 hexadecimal digits that differ where a training differs.

    Args:
        tokens: Training clips, (clips, T, N, D) on the CPU.
        arguments: Frozen dataclasses and plain values; by their `repr`.
    """
    digest = blake2b(repr((tuple(tokens.shape), arguments)).encode(), digest_size=8)
    digest.update(tokens.contiguous().numpy().data)
    return digest.hexdigest()


def write_checkpoint(path: Path, key: str, state: dict[str, object]) -> None:
    """Write a state; whoever reads the path finds the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    torch.save({"key": key, "state": state}, partial)
    partial.replace(path)


def read_checkpoint(path: Path, key: str) -> dict[str, Any]:
    """Read a state.

    Raises:
        ValueError: It belongs to other arguments.
    """
    stored = torch.load(path, map_location="cpu", weights_only=True)
    if stored["key"] != key:
        raise ValueError(
            f"{path} is a checkpoint of another training (key {stored['key']}, not {key})"
        )
    state: dict[str, Any] = stored["state"]
    return state
