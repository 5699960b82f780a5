"""Ctrl-C and SIGTERM: raised at once, except while a transaction is being committed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Interrupts:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt; use as a context manager."""

    def __init__(self) -> None:
        self._depth = 0  # of deferred() blocks
        self._pending = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        """Take over the signals."""
        self.take()
        return self

    def take(self) -> None:
        """Take over the signals again, since starting Ray sets handlers of its own.

        Only the main thread can; elsewhere the handlers stay as they are.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before = signal.signal(number, self._handle)
                self._before.setdefault(number, before)

    def __exit__(self, *exception: object) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Finish the block first, then raise what came in meanwhile.

        Blocks may be nested; the outermost one raises. If it ends with an exception, that becomes
        the context of the KeyboardInterrupt, so that no interruption outlives the block.

        Raises:
            KeyboardInterrupt: A signal came in during the block.
        """
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._pending and not self._depth:
                self._pending = False
                raise KeyboardInterrupt

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._pending = self._depth > 0
        if not self._pending:
            raise KeyboardInterrupt


INTERRUPTS = Interrupts()
"""The one handler of this process."""
