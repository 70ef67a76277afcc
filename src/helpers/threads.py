"""A processor's cores, shared out: one thread for a piece of work, several pieces at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def one() -> Iterator[None]:
    """Within it torch computes in one thread: the sums' order, and with it every bit of a result, is the same on any number of cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def each(
    function: Callable[[Item], Result], items: Iterable[Item], device: torch.device
) -> list[Result]:
    """`function` of each item, in their order: on a CPU as many at a time as torch has threads, each in one; elsewhere one after another.

    For work on tensors so small that a second thread adds little to one piece of it. An error is raised once the items before it are done; what
    has not begun by then is dropped.
    """
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def call(item: Item) -> Result:
        # Both modes belong to a thread, and a new thread begins without them. The order matters:
        # leaving inference mode switches gradients on.
        with torch.inference_mode(mode=inference), torch.set_grad_enabled(gradients):
            return function(item)

    with (
        one(),
        ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        return list(pool.map(call, items))
