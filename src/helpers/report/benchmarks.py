"""What `make bench` measured of the searches, as a chapter shows it: lengths, times, ratios."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

COMMON = "foolbox"  # the library whose methods carry no note
FEW = 10  # milliseconds, below which a time is shown with a decimal


def lengths_and_times(measured: pd.DataFrame) -> pd.DataFrame:
    """Show each method's mean length and its time an image, on each network.

    Parameters
    ----------
    measured : DataFrame
        The records of one task as benchmarks/search.py writes them: a row for each network, library
        and method, with n images, seconds in all, success in [0, 1] and mean_l2 over the successes.

    Returns
    -------
    DataFrame
        Methods (rows) by networks (columns), both in their order: "0.665 / 4.9", in milliseconds,
        with the share of successes in brackets where it is not 100 %; "none" without a success.

    Examples
    --------
    >>> row = {"network": "A", "library": "foolbox", "method": "DDN", "n": 10, "seconds": 0.02}
    >>> shown = lengths_and_times(pd.DataFrame([row | {"success": 0.5, "mean_l2": 1.25}]))
    >>> " ".join(shown.loc["DDN", "A"].split())
    '1.250 / 2.0 (50 %)'
    """
    cells = [_cell(row) for row in measured.to_dict(orient="records")]
    return _table(measured, pd.Series(cells, index=measured.index))


def optimality_and_times(measured: pd.DataFrame) -> pd.DataFrame:
    """Show each method's optimality and its time an image, on each network.

    Parameters
    ----------
    measured : DataFrame
        The records as benchmarks/optimality.py writes them: a row for each network, library and
        method, with n images, seconds in all, and optimality in [0, 1]; where there is a column
        `within`, only rows with a true one are shown.

    Returns
    -------
    DataFrame
        Methods (rows) by networks (columns), both in their order: "0.993 / 24", in milliseconds.

    Examples
    --------
    >>> row = {"network": "A", "library": "foolbox", "method": "DDN", "n": 10, "seconds": 0.24}
    >>> shown = optimality_and_times(pd.DataFrame([row | {"optimality": 0.993}]))
    >>> " ".join(shown.loc["DDN", "A"].split())
    '0.993 / 24'
    """
    if "within" in measured:
        measured = measured[measured["within"]]
    told = measured["optimality"].map("{:.3f}".format) + "\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}"
    milliseconds = (1000 * measured["seconds"] / measured["n"]).map(_milliseconds)
    return _table(measured, told + milliseconds)


def method_names(measured: pd.DataFrame) -> "pd.Series[str]":
    """Name the method of each record, with its library but for foolbox's.

    Parameters
    ----------
    measured : DataFrame
        With a method and a library a row.

    Returns
    -------
    Series
        With the index of the records.

    Examples
    --------
    >>> rows = [("DDN", "foolbox"), ("best", "ours")]
    >>> method_names(pd.DataFrame(rows, columns=["method", "library"])).tolist()
    ['DDN', 'best (ours)']
    """
    notes = measured["library"].map(lambda name: "" if name == COMMON else f" ({name})")
    return measured["method"] + notes


def best_peers(measured: pd.DataFrame) -> "pd.Series[float]":
    """Find how near the best method of another library comes to our best search.

    Parameters
    ----------
    measured : DataFrame
        The records of one task, as for `lengths_and_times`, with a column for the ratio of the mean
        length to that of our best search on the same images.

    Returns
    -------
    Series
        By network, the least ratio among the methods of other libraries that succeed on every
        image: above 1 where our search is nearer.

    Raises
    ------
    ValueError
        Where no method of another library does.

    Examples
    --------
    >>> rows = [("A", "foolbox", 1.0, 1.02), ("A", "foolbox", 0.9, 0.99), ("A", "ours", 1.0, 1.0)]
    >>> measured = pd.DataFrame(rows, columns=["network", "library", "success", "ratio"])
    >>> best_peers(measured).to_dict()
    {'A': 1.02}
    """
    peers = measured[(measured["library"] != "ours") & (measured["success"] == 1)]
    if peers.empty:
        raise ValueError("measured: need a peer that succeeds on every image, got none")
    return peers.groupby("network", sort=False)["ratio"].min()


def times_faster(
    measured: pd.DataFrame, task: str, ours: str, theirs: tuple[str, str]
) -> "pd.Series[float]":
    """Divide the images a second of one of our methods by those of another library's.

    Parameters
    ----------
    measured : DataFrame
        As for `lengths_and_times`, with a column for the task.
    task : str
        Which task's rows are compared.
    ours : str
        Our method.
    theirs : tuple of str
        The other library, and its method.

    Returns
    -------
    Series
        By network; networks on which only one of the two was measured are left out.

    Raises
    ------
    ValueError
        Where no network has both.
    """
    chosen = measured[measured["task"] == task].set_index("network")
    rates = chosen["n"] / chosen["seconds"]
    own = rates[(chosen["library"] == "ours") & (chosen["method"] == ours)]
    other = rates[(chosen["library"] == theirs[0]) & (chosen["method"] == theirs[1])]
    times = (own / other).dropna()
    if times.empty:
        raise ValueError(f"task {task}: no network has both {ours!r} and {' '.join(theirs)!r}")
    return times


def _table(measured: pd.DataFrame, cells: "pd.Series[str]") -> pd.DataFrame:
    """Methods (rows) by networks (columns), both in their order, from a cell for each record."""
    methods = method_names(measured)
    frame = pd.DataFrame({"method": methods, "network": measured["network"], "cell": cells})
    table = frame.pivot_table(index="method", columns="network", values="cell", aggfunc="first")
    return table.loc[methods.unique(), measured["network"].unique()].rename_axis(columns=None)


def _milliseconds(value: float) -> str:
    """Short times with a decimal, others without."""
    return f"{value:.{int(value < FEW)}f}"


def _cell(row: Mapping[Any, Any]) -> str:
    """Mean length / milliseconds, and the share of successes where it is not 100 %."""
    if not row["success"]:
        return "none"
    length, time = f"{row['mean_l2']:.3f}", _milliseconds(1000 * row["seconds"] / row["n"])
    told = "\N{NO-BREAK SPACE}".join([length, "/", time])
    return told if row["success"] == 1 else f"{told} ({100 * row['success']:.0f} %)"
