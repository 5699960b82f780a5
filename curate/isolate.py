"""Native code that may crash, hang or leak runs in a child process that can be replaced."""

import ctypes
import logging
import multiprocessing
import resource
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import ParamSpec, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from curate.config import Limits
from manifests.errors import BadVideoError, CurateError

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -3, -4, -8


class Isolated:
    """Runs functions one at a time in a child process under a wall-clock and a memory limit.

    The child is started on first use and again after it died; it is told to die with its parent.
    Use as a context manager, or call `close`.

    Args:
        limits: `timeout_s` and `memory_bytes` apply.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # Not fork: the parent has threads of Ray and of numeric libraries.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPool(
            max_workers=1,
            context=context,
            initializer=_prepare,
            initargs=(limits.memory_bytes,),
        )
        # The child dies with the thread that started it, and callers' threads may be short-lived.
        self._starter = ThreadPoolExecutor(1, "isolated")

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the child."""
        self.close()

    def close(self) -> None:
        """End the child at once."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()
        self._starter.shutdown()

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a module-level function in the child.

        Returns:
            What the function returned (it must be picklable).

        Raises:
            BadVideoError: decoder_timeout, decoder_crashed, out_of_memory, what the function
                raised, or internal_error for any exception that is not ours: a fault on one odd
                video must not keep the others from being done, and stays visible as a failure.
            CurateError: Raised by the function.
        """
        future = self._starter.submit(
            self._pool.schedule, function, list(args), kwargs, self._limits.timeout_s
        ).result()
        try:
            result: R = future.result()
        except FutureTimeoutError as error:
            raise BadVideoError("decoder_timeout", f"{self._limits.timeout_s:g} s") from error
        except ProcessExpired as error:
            raise BadVideoError("decoder_crashed", f"exit code {error.exitcode}") from error
        except MemoryError as error:
            raise BadVideoError("out_of_memory", f"{self._limits.memory_bytes} bytes") from error
        except CurateError:
            raise
        except Exception as error:
            word = "out_of_memory" if "Insufficient memory" in str(error) else "internal_error"
            logger.exception("%s failed in the child", function.__name__)
            raise BadVideoError(word, f"{type(error).__name__}: {error}"[:500]) from error
        return result


def _prepare(memory_bytes: int) -> None:
    """Set the child's limits; runs in the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    keep_freed_memory()
    import cv2

    cv2.setNumThreads(1)


def keep_freed_memory(*, of_any_size: bool = False) -> None:
    """Let the allocator reuse blocks of up to 8 MB, which it otherwise returns at every chance.

    Filters make many arrays of a frame's size and free them at once: without this a sixth of their
    time goes to page faults. Does nothing where the C library is not glibc.

    Args:
        of_any_size: Blocks of all sizes, for processes that run a model: the layers of a batch are
            tens of MB each, and half of the CPU time went to page faults. Such a process then
            keeps the most that it ever used.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return
    if of_any_size:
        library.mallopt(_M_ARENA_MAX, 1)  # the other arenas cannot hold large blocks
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    else:
        library.mallopt(_M_MMAP_THRESHOLD, 8 << 20)
        library.mallopt(_M_TRIM_THRESHOLD, 128 << 20)
