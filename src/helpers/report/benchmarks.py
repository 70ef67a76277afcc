"""What `make bench` measured of the searches, as a chapter shows it: lengths, times, ratios."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.report.words import in_words

COMMON = "foolbox"  # the library whose methods carry no note
FEW = 10  # milliseconds, below which a time is shown with a decimal
HALF = 0.5  # percent, below which two lengths are as long

# The attacks and the networks of benchmarks/ostrich.py, as a page names them.
OSTRICH_ATTACKS = {
    ("ours", "fast"): "ours, fast",
    ("ours", "best"): "ours, best",
    ("foolbox", "DDN, 100 steps"): "DDN, 100 steps",
    ("foolbox", "DDN, 1000 steps"): "DDN, 1,000 steps",
}
OSTRICH_NETWORKS = {"squeezenet": "SqueezeNet", "efficientnet-lite0": "EfficientNet-Lite0"}


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


def told(measured: pd.DataFrame) -> pd.DataFrame:
    """Name the networks of records in plain words, for a figure.

    Parameters
    ----------
    measured : DataFrame
        With a network a row.

    Returns
    -------
    DataFrame
        The same records; a network that has no words keeps its name, and so does one that was
        trained with a penalty or on adversarial examples, which then stand behind the words.

    Examples
    --------
    >>> networks = ["FC10(1)", "ConvNet/norm 0.01", "residual network"]
    >>> told(pd.DataFrame({"network": networks}))["network"].tolist()
    ['linear, strong decay', 'convolutional, norm 0.01', 'residual network']
    """
    return measured.assign(network=measured["network"].map(_in_words))


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


def ostriches(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Compare attacks that turn photographs into ostriches, each network's on the same ones.

    Parameters
    ----------
    records : sequence of mapping
        As benchmarks/ostrich.py writes them, which may have been cut off: for a network, library
        and method the seconds in all, and the distortion of each photograph, None where the attack
        failed. The photographs come in one order.

    Returns
    -------
    DataFrame
        A row for each network and attack, in the order of OSTRICH_NETWORKS and OSTRICH_ATTACKS.
        done: how many photographs the attack has had; successes: how many became ostriches; same:
        how many every attack that has begun on this network turned into one; mean: its mean
        distortion on those, NaN where there is none; seconds: for a photograph, NaN where it has
        had none.

    Examples
    --------
    >>> record = {"network": "squeezenet", "library": "ours", "seconds": 8.0}
    >>> fast = record | {"method": "fast", "distortions": [0.001, 0.003, None, 0.002]}
    >>> best = record | {"method": "best", "distortions": [0.001, 0.002]}
    >>> table = ostriches([fast, best])
    >>> table.loc["SqueezeNet"][["done", "same", "mean"]].head(2).to_numpy().tolist()
    [[4.0, 2.0, 0.002], [2.0, 2.0, 0.0015]]
    """
    found = {
        (each["network"], each["library"], each["method"]): each
        for each in records
        if each["distortions"]
    }
    rows = {}
    for network, network_name in OSTRICH_NETWORKS.items():
        lengths = {
            attack: np.array(found[network, *attack]["distortions"], dtype=float)
            for attack in OSTRICH_ATTACKS
            if (network, *attack) in found
        }
        # What every attack has had, and turned into an ostrich.
        shared = min(map(len, lengths.values()), default=0)
        together = np.ones(shared, dtype=bool)
        for each in lengths.values():
            together &= np.isfinite(each[:shared])
        for attack, name in OSTRICH_ATTACKS.items():
            each = lengths.get(attack, np.array([]))
            seconds = found[network, *attack]["seconds"] if len(each) else np.nan
            rows[network_name, name] = {
                "done": len(each),
                "successes": int(np.isfinite(each).sum()),
                "same": int(together.sum()),
                "mean": each[:shared][together].mean() if len(each) and any(together) else np.nan,
                "seconds": seconds / max(len(each), 1),
            }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(["network", "attack"])


def unfinished(table: pd.DataFrame, wanted: int) -> str:
    """Say in a sentence what a benchmark of ostriches still lacks.

    Parameters
    ----------
    table : DataFrame
        As `ostriches` makes it.
    wanted : int
        How many photographs each attack is to have.

    Returns
    -------
    str
        One that begins with a capital and ends with a full stop.

    Examples
    --------
    >>> record = {"network": "squeezenet", "library": "ours", "method": "fast", "seconds": 8.0}
    >>> told = unfinished(ostriches([record | {"distortions": [0.001, 0.003]}]), wanted=2)
    >>> told.startswith("The file is not complete: SqueezeNet lacks ours, best (0 of 2), ")
    True
    """
    lacking: dict[str, list[str]] = {}
    for network, attack in table.index[table["done"] < wanted]:
        done = table.loc[(network, attack), "done"]
        lacking.setdefault(network, []).append(f"{attack} ({done} of {wanted})")
    if not lacking:
        return f"Every attack has had all {wanted} photographs on every network."
    told = "; ".join(f"{network} lacks {', '.join(names)}" for network, names in lacking.items())
    return f"The file is not complete: {told}."


def beside(table: pd.DataFrame, own: str, other: str) -> str:
    """Say in a sentence for each network how two attacks on photographs compare.

    Parameters
    ----------
    table : DataFrame
        As `ostriches` makes it.
    own, other : str
        Two of its attacks.

    Returns
    -------
    str
        A sentence for each network on which both have been measured, on the photographs that all
        its attacks share; one sentence that says so where there is none.

    Examples
    --------
    >>> record = {"network": "squeezenet", "library": "ours", "seconds": 8.0}
    >>> fast = record | {"method": "fast", "distortions": [0.001, 0.003]}
    >>> best = record | {"method": "best", "distortions": [0.001, 0.002], "seconds": 24.0}
    >>> beside(ostriches([fast, best]), "ours, best", "ours, fast").endswith("300 % of the time.")
    True
    """
    told = []
    for network in dict.fromkeys(table.index.get_level_values(0)):
        ours, theirs = table.loc[(network, own)], table.loc[(network, other)]
        if np.isnan(ours["mean"]) or np.isnan(theirs["mean"]):
            continue
        less = 100 * (1 - ours["mean"] / theirs["mean"])
        how = f"{abs(less):.0f} % {'shorter' if less > 0 else 'longer'} than"
        if abs(less) < HALF:
            how = "as long, to a percent, as"
        told.append(
            f'On {network}, the change by "{own}" is {how} that by "{other}" on the '
            f"{ours['same']:.0f} photographs that all attacks have turned, and takes "
            f"{100 * ours['seconds'] / theirs['seconds']:.0f} % of the time."
        )
    return " ".join(told) or f'No network has been attacked by both "{own}" and "{other}".'


def _in_words(network: str) -> str:
    """A network's name in words, with what stands behind a slash or a comma."""
    for mark in ("/", ", "):
        name, _, rest = network.partition(mark)
        if rest and in_words(name):
            return f"{in_words(name)}, {rest}"
    return in_words(network) or network


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
