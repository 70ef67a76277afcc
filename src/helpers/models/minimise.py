"""Minimising a training objective over a network's parameters: full-batch L-BFGS that can be interrupted, and Adam in random batches."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from helpers import files

CHUNK = (
    10  # L-BFGS iterations between two looks at convergence; resuming starts at a multiple of it
)
SAVE_SECONDS = 15


def lbfgs(
    model: nn.Module,
    objective: Callable[[], Tensor],
    *,
    iterations: int,
    tolerance: float = 1e-7,
    state: Path | None = None,
    label: str = "L-BFGS",
) -> int:
    """Minimise `objective` over the model's parameters by full-batch L-BFGS with a strong Wolfe line search.

    Stops after `iterations`, or when ten iterations lower the objective by less than `tolerance` times its value. With a
    `state` file the run is saved now and then, and goes on from there, to the same weights, when it is called again.
    Returns the number of iterations.
    """
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=CHUNK,
        max_eval=CHUNK * 3,
        history_size=20,
        line_search_fn="strong_wolfe",
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )
    done, value = _resume(state, model, optimizer)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = objective()
        loss.backward()
        return loss

    saved = time.monotonic()
    with tqdm(total=iterations, initial=done, desc=label, disable=None, leave=False) as progress:
        while done < iterations:
            previous, value = value, optimizer.step(closure).item()  # the value before these steps
            done += CHUNK
            progress.update(CHUNK)
            progress.set_postfix(objective=f"{value:.6f}")
            if previous - value < tolerance * value:
                break
            if state and time.monotonic() - saved > SAVE_SECONDS:
                with files.atomic(state) as temporary:
                    torch.save(
                        {
                            "model": model.state_dict(),
                            "optimizer": optimizer.state_dict(),
                            "done": done,
                            "value": value,
                        },
                        temporary,
                    )
                saved = time.monotonic()
    return done


def adam(
    parameters: Sequence[nn.Parameter],
    objective: Callable[[Tensor], Tensor],
    count: int,
    *,
    batch: int,
    epochs: int,
    rate: float,
    generator: torch.Generator,
    label: str = "Adam",
) -> float:
    """Minimise `objective` over the parameters by Adam with a one-cycle schedule whose peak is `rate`; returns the last value.

    objective: of the numbers of a batch's rows, int64 [batch], out of `count`, which are drawn without replacement epoch by epoch.
    """
    optimizer = torch.optim.Adam(parameters)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * -(-count // batch)
    )
    loss = torch.zeros(())
    for _ in tqdm(range(epochs), desc=label, unit="epoch", disable=None, leave=False):
        for rows in torch.randperm(count, generator=generator).split(batch):
            loss = objective(rows)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return float(loss.detach())


def _resume(
    state: Path | None, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Load an interrupted run; the iterations it had done and its last value."""
    if state is None or not state.exists():
        return 0, float("inf")
    saved = torch.load(state, weights_only=True, map_location=next(model.parameters()).device)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["done"], saved["value"]
