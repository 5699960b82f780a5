"""WebDataset: tar files whose members share a name up to the first dot."""

import io
import json
import tarfile
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Sample = dict[str, bytes]
"""Extension -> content, e.g. mp4, json, tokens.npy, actions.npy."""


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"clips-{number:06d}.tar"


def npy(array: npt.NDArray[Any]) -> bytes:
    """An array as an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def as_json(facts: dict[str, Any]) -> bytes:
    """Facts as a .json file; infinite and undefined numbers are refused."""
    return json.dumps(facts, indent=1, allow_nan=False).encode()


def tar_shard(samples: Iterable[tuple[str, Sample]]) -> bytes:
    """A shard; equal samples give equal bytes.

    Args:
        samples: Key, which holds no dot, and members of each.

    Raises:
        ValueError: A key has a dot: readers cut a name there.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for key, members in samples:
            if "." in key:
                raise ValueError(f"a sample's key holds no dot: {key!r}")
            for extension, content in members.items():
                entry = tarfile.TarInfo(f"{key}.{extension}")
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
