"""Minimising a training objective over a network's parameters: full-batch L-BFGS, and Adam.

L-BFGS can be interrupted and goes on where it was; Adam works in random batches.
"""

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from tqdm import tqdm

from helpers.models.state import State

# L-BFGS iterations between two looks at convergence; resuming starts at a multiple of it.
CHUNK = 10
SAVE_SECONDS = 15


def lbfgs(
    model: nn.Module,
    objective: Callable[[], Tensor],
    *,
    iterations: int,
    tolerance: float = 1e-7,
    state: State | None = None,
    label: str = "L-BFGS",
) -> int:
    """Minimise `objective` over the model's parameters by full-batch L-BFGS, in place.

    The line search is of strong Wolfe type. It stops after `iterations`, or when ten iterations
    lower the objective by less than `tolerance` times its value.

    Parameters
    ----------
    model : nn.Module
        Whose parameters are changed.
    objective : callable
        Computes what is minimised from the model as it is: a scalar with a gradient.
    iterations : int
        At most so many, counted in tens.
    tolerance : float, optional
        The relative decrease in ten iterations that still counts as progress.
    state : State, optional
        Where the run is saved now and then. It goes on from there, to the same weights, when it is
        called again.
    label : str, optional
        Of the progress bar.

    Returns
    -------
    int
        The number of iterations, those before an interruption included.

    References
    ----------
    J. Nocedal and S. J. Wright (2006), Numerical Optimization, algorithms 3.5 and 7.5; as
    `torch.optim.LBFGS` has them. Szegedy et al. (2014), section 4, train by L-BFGS.

    Examples
    --------
    >>> line = nn.Linear(1, 1)
    >>> inputs, values = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [3.0]])
    >>> done = lbfgs(line, lambda: (line(inputs) - values).square().sum(), iterations=50)
    >>> print(f"slope {line.weight.item():.2f}, at 0 {line.bias.item():.2f}")
    slope 2.00, at 0 1.00
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
            # The value is that before these steps, so convergence is seen ten iterations late;
            # asking for the one after them would cost another pass over all images.
            previous, value = value, optimizer.step(closure).item()
            done += CHUNK
            progress.update(CHUNK)
            progress.set_postfix(objective=f"{value:.6f}")
            if previous - value < tolerance * value:
                break
            # Often enough to lose little, seldom enough that writing costs next to nothing.
            if state and time.monotonic() - saved > SAVE_SECONDS:
                state.write(
                    {
                        "model": model.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "done": done,
                        "value": value,
                    }
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
    """Minimise `objective` over the parameters by Adam with a one-cycle schedule, in place.

    Parameters
    ----------
    parameters : sequence of nn.Parameter
        What is changed.
    objective : callable
        Of the numbers of a batch's rows, int64 [batch]: a scalar with a gradient.
    count : int
        The number of rows. They are drawn without replacement, epoch by epoch.
    batch : int
        Rows at a time; the last batch of an epoch holds what is left.
    epochs : int
        Passes over all rows.
    rate : float
        The learning rate at the schedule's peak.
    generator : torch.Generator
        Decides the order of the rows.
    label : str, optional
        Of the progress bar.

    Returns
    -------
    float
        The objective of the last batch, before the last step.

    References
    ----------
    D. P. Kingma and J. Ba (2015), Adam; L. N. Smith and N. Topin (2019), the one-cycle schedule.

    Examples
    --------
    >>> values, mean = torch.tensor([1.0, 2.0, 3.0, 6.0]), nn.Parameter(torch.zeros(()))
    >>> last = adam(
    ...     [mean],
    ...     lambda rows: (values[rows] - mean).square().mean(),
    ...     4,
    ...     batch=4,
    ...     epochs=100,
    ...     rate=0.5,
    ...     generator=torch.Generator().manual_seed(0),
    ... )
    >>> print(f"{mean.item():.1f}, variance {last:.1f}")
    3.0, variance 3.5
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
    state: State | None, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[int, float]:
    """Take up an interrupted run; the iterations it had done and its last value."""
    saved = state.read(next(model.parameters()).device) if state else None
    if saved is None:
        return 0, float("inf")
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["done"], saved["value"]
