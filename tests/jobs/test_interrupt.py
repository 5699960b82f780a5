import signal
from collections.abc import Iterator

import pytest

from jobs.interrupt import Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    with Interrupts() as taken:
        yield taken


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_a_signal_interrupts_at_once_outside_of_a_block(
    interrupts: Interrupts, number: signal.Signals
) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_a_block_is_finished_before_it_is_interrupted(interrupts: Interrupts) -> None:
    done = []

    def work() -> None:
        with interrupts.deferred():
            signal.raise_signal(signal.SIGTERM)
            done.append("rest of the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["rest of the block"]
    with interrupts.deferred():
        pass


def test_an_interruption_does_not_outlive_a_block_that_fails(interrupts: Interrupts) -> None:
    def work() -> None:
        with interrupts.deferred():
            signal.raise_signal(signal.SIGINT)
            raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    with interrupts.deferred():
        pass


def test_a_block_that_fails_uninterrupted_raises_its_own_error(interrupts: Interrupts) -> None:
    with pytest.raises(ZeroDivisionError), interrupts.deferred():
        raise ZeroDivisionError


def test_the_outermost_of_nested_blocks_raises(interrupts: Interrupts) -> None:
    done = []

    def work() -> None:
        with interrupts.deferred():
            with interrupts.deferred():
                signal.raise_signal(signal.SIGINT)
                done.append("inner")
            signal.raise_signal(signal.SIGINT)
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]


def test_the_former_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
