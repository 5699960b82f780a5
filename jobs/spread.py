"""Many calls of one function over Ray, of which a few are under way at any time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
import ray

_LARGE: Final = 1 << 20
"""Bytes from which an array is put into the object store once for all calls that share it."""


def spread(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Apply a function to many argument lists, one CPU each; results come as they are ready.

    As many calls are under way as Ray has CPUs, so that what waits in the object store is bounded.
    """
    task = ray.remote(num_cpus=1)(function)
    limit = max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call]
    shared = _Shared()
    pending: list[Any] = []
    for call in calls:
        if len(pending) >= limit:
            done, pending = ray.wait(pending, num_returns=1)
            yield ray.get(done[0])
        pending.append(task.remote(*shared.refer(call)))
    while pending:
        done, pending = ray.wait(pending, num_returns=1)
        yield ray.get(done[0])


class _Shared:
    """Large arrays of the call before, which the next call often has too."""

    def __init__(self) -> None:
        self._held: list[tuple[Any, Any]] = []

    def refer(self, call: tuple[Any, ...]) -> list[Any]:
        """The call with references in place of large arrays."""
        kept: list[tuple[Any, Any]] = []
        result = []
        for value in call:
            if isinstance(value, np.ndarray) and value.nbytes >= _LARGE:
                known = next((ref for array, ref in self._held if array is value), None)
                ref = ray.put(value) if known is None else known
                kept.append((value, ref))
                result.append(ref)
            else:
                result.append(value)
        self._held = kept
        return result
