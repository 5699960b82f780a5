import os
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from curate.config import Limits
from curate.isolate import Isolated
from manifests.errors import BadVideoError, ConfigError


@pytest.fixture(scope="module")
def isolated() -> Isolated:
    return Isolated(Limits(timeout_s=2, memory_bytes=2 << 30))


@pytest.mark.parametrize(
    ("function", "arguments", "word"),
    [
        pytest.param(os._exit, (11,), "decoder_crashed", id="crash"),
        pytest.param(os.abort, (), "decoder_crashed", id="abort"),
        pytest.param(time.sleep, (60,), "decoder_timeout", id="hang"),
        pytest.param(bytearray, (8 << 30,), "out_of_memory", id="memory"),
    ],
)
def test_a_fault_is_a_word_and_the_next_call_works(
    isolated: Isolated, function: object, arguments: tuple[int, ...], word: str
) -> None:
    with pytest.raises(BadVideoError) as caught:
        isolated.call(function, *arguments)  # type: ignore[arg-type]
    assert caught.value.word == word
    assert isolated.call(abs, -3) == 3


def test_what_the_function_raises_is_raised_here(isolated: Isolated) -> None:
    with pytest.raises(BadVideoError, match="too_long"):
        isolated.call(_refuse)
    with pytest.raises(ConfigError, match="no such key"):
        isolated.call(_misconfigured)


def test_a_fault_of_ours_is_a_row_with_its_detail(isolated: Isolated) -> None:
    with pytest.raises(BadVideoError, match="internal_error: ZeroDivisionError"):
        isolated.call(divmod, 1, 0)
    with pytest.raises(BadVideoError) as caught:
        isolated.call(_opencv_without_memory)
    assert caught.value.word == "out_of_memory"


def _misconfigured() -> None:
    raise ConfigError("no such key")


def _opencv_without_memory() -> None:
    cv2.resize(np.zeros((8, 8), np.uint8), (60_000, 60_000))


def _refuse() -> None:
    raise BadVideoError("too_long")


def test_the_child_outlives_the_thread_that_called_first() -> None:
    with Isolated(Limits(timeout_s=20, memory_bytes=2 << 30)) as isolated:
        with ThreadPoolExecutor(1) as short_lived:
            first = short_lived.submit(isolated.call, os.getpid).result()
        time.sleep(0.3)  # for a signal to arrive
        assert isolated.call(os.getpid) == first
