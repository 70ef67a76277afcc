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
    """Within it torch computes in one thread.

    The order of a sum's terms, and with it every bit of a result, is then the same on any number of
    cores. Afterwards torch has as many threads as before.

    Examples
    --------
    >>> with one():
    ...     torch.get_num_threads()
    1
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def each(
    function: Callable[[Item], Result], items: Iterable[Item], device: torch.device
) -> list[Result]:
    """`function` of each item, in their order, several at a time.

    On a CPU as many at a time as torch has threads, each in one; elsewhere one after another. For
    work on tensors so small that a second thread adds little to one piece of it. Gradients and
    inference mode are on or off as where it is called.

    Parameters
    ----------
    function : callable
        Takes an item. It must not depend on what other items do.
    items : iterable
        All are taken up before the first result is there.
    device : torch.device
        Where the function computes.

    Returns
    -------
    list
        The results, in the items' order.

    Raises
    ------
    Exception
        An error of the function, once the items before it are done; what has not begun by then is
        dropped.

    Examples
    --------
    >>> each(lambda item: item**2, [3, 1, 2], torch.device("cpu"))
    [9, 1, 4]
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
