import threading
import time

import pytest
import torch

from helpers import threads


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_one_thread_within_and_as_many_as_before_after_it():
    with threads.one():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with pytest.raises(ZeroDivisionError), threads.one():
        print(1 / 0)
    assert torch.get_num_threads() == 3


def test_results_come_in_the_items_order_whichever_is_ready_first():
    def late(item):
        time.sleep(0.05 * (item == 0))
        return 2 * item

    assert threads.each(late, range(5), torch.device("cpu")) == [0, 2, 4, 6, 8]
    assert threads.each(late, [], torch.device("cpu")) == []
    assert torch.get_num_threads() == 3


def test_as_many_run_at_a_time_as_torch_has_threads_each_in_one():
    meeting = threading.Barrier(3)

    def meet(_):
        meeting.wait(timeout=30)  # breaks unless three are there at the same time
        return torch.get_num_threads()

    assert threads.each(meet, range(3), torch.device("cpu")) == [1, 1, 1]


def test_a_device_that_is_no_processor_does_one_after_another():
    running = threading.Lock()

    def alone(_):
        assert running.acquire(blocking=False)
        time.sleep(0.01)
        running.release()

    threads.each(alone, range(4), torch.device("meta"))


def test_gradients_are_as_the_caller_has_them():
    with torch.no_grad():
        assert (
            threads.each(lambda _: torch.is_grad_enabled(), range(3), torch.device("cpu"))
            == [False] * 3
        )
    assert (
        threads.each(lambda _: torch.is_grad_enabled(), range(3), torch.device("cpu")) == [True] * 3
    )


def test_inference_mode_is_as_the_caller_has_it():
    """Inference mode belongs to a thread: a tensor made in another one would be an ordinary one."""

    def make(_):
        made = torch.zeros(1)
        return torch.is_inference_mode_enabled(), made.is_inference(), torch.is_grad_enabled()

    device = torch.device("cpu")
    with torch.inference_mode():
        assert threads.each(make, range(3), device) == [(True, True, False)] * 3
    with torch.inference_mode(mode=False), torch.no_grad():
        assert threads.each(make, range(3), device) == [(False, False, False)] * 3


def test_an_error_is_raised_and_the_threads_are_given_back():
    with pytest.raises(ZeroDivisionError):
        threads.each(lambda item: 1 / item, [1, 0], torch.device("cpu"))
    assert torch.get_num_threads() == 3
