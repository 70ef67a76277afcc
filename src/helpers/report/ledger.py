"""A chapter's ledger: its set-up, its numbers, its claims and, at its end, its results file."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from IPython.display import HTML
from torch import Tensor

from helpers import check, data, intervals, profiles
from helpers.intervals import Estimate
from helpers.report import claims, results
from helpers.report.claims import Claim
from helpers.report.figures import use_style
from helpers.report.results import Record
from helpers.report.rules import Ruling

Value = float | str | Estimate


class Report:
    """What a chapter measures, claims and says, under one id each.

    A number that is added becomes a record of the results file, and the prose shows it by the role
    ``{result}`` with the same id. A note is shown by the prose only.

    Parameters
    ----------
    chapter : str
        Its name, which is that of its results file and begins the ids of its own numbers.
    profile : {"smoke", "paper", "full"}
        How much is measured.
    seed : int
        The seed of every generator, at least 0.
    device : str
        "auto", "cpu" or "cuda".
    dataset : str
        One of `data.DATASETS`.

    Attributes
    ----------
    size : Profile
        The sizes of the profile.
    device : torch.device
        The device itself.

    Raises
    ------
    ValueError
        For an unknown profile, device or data set, or a seed out of range.

    Examples
    --------
    >>> report = Report("noise", "smoke", 0, "cpu")
    >>> report.add("twins", {"FC10(1)": Estimate(12.0, 10.0, 14.0, 256)}, "%")
    >>> report.records["noise/twins/FC10(1)"].value
    12.0
    """

    def __init__(
        self, chapter: str, profile: str, seed: int, device: str, dataset: str = "mnist"
    ) -> None:
        check.choice("dataset", dataset, data.DATASETS)
        check.seed(seed)
        self.chapter, self.profile, self.seed, self.dataset = chapter, profile, seed, dataset
        self.size = profiles.get(profile)
        self.device = check.device(device)
        self.records: dict[str, Record] = {}
        self.notes: dict[str, Value] = {}
        self.claims: dict[str, Claim] = {}
        use_style()

    def generator(self, number: int = 0) -> torch.Generator:
        """Return a generator on the CPU, seeded with the chapter's seed plus `number`.

        Parameters
        ----------
        number : int
            Another one for each stream of random numbers that must not be the same.

        Returns
        -------
        torch.Generator
            A new one at each call.
        """
        return torch.Generator().manual_seed(self.seed + number)

    def mean(self, values: Tensor) -> Estimate:
        """Estimate the mean of a vector, by a bootstrap of the profile's size.

        Parameters
        ----------
        values : Tensor
            Finite numbers [N], at least one.

        Returns
        -------
        Estimate
            With its 95 % interval, in the unit of the values.
        """
        return intervals.mean(values, resamples=self.size.bootstrap, seed=self.seed)

    def images(self, split: str, count: int | None = None) -> data.Images:
        """Return images of the chapter's data set, on its device.

        Parameters
        ----------
        split : {"train", "test"}
            Which part of the data set.
        count : int, optional
            So many of them, drawn at random with the chapter's seed; by default all.

        Returns
        -------
        Images
            With their labels.
        """
        found = data.load(self.dataset, split)
        chosen = found if count is None else data.sample(found, count, self.generator())
        return chosen.to(self.device)

    def add(self, id: str, values: Any, unit: str, *, n: int | None = None) -> None:  # noqa: A002
        """Record numbers under an id.

        Parameters
        ----------
        id : str
            As "table2" for numbers that the paper prints, which end up beside them; else it stands
            below the chapter's name: "twins" becomes "noise/twins".
        values : Estimate, float, or nested mappings or a DataFrame of them
            The keys are joined to the id by slashes; a DataFrame's by row, then by column.
        unit : str
            One of `results.UNITS`.
        n : int, optional
            The sample size behind numbers that are no estimates.

        Raises
        ------
        ValueError
            For an id that is taken, a number of a table that the paper lacks, a plain number
            without n, or a value that is not finite.
        """
        for name, value in _flat(self._full(id), values):
            if name in self.records:
                raise ValueError(f"{name}: this id has been added before")
            self.records[name] = results.record(name, value, unit, self.seed, n)

    def note(self, id: str, value: Any) -> None:  # noqa: A002
        """Keep numbers or words for the prose alone.

        Parameters
        ----------
        id : str
            By which the prose shows it, as it stands.
        value : Estimate, float, str, or nested mappings or a DataFrame of them
            The keys are joined to the id by slashes.

        Raises
        ------
        ValueError
            For an id that is taken.
        """
        for name, single in _flat(id, value):
            if name in self.notes:
                raise ValueError(f"{name}: this id has been noted before")
            self.notes[name] = single

    def claim(self, id: str, text: str, ruling: Ruling, *, of: str = "paper") -> None:  # noqa: A002
        """Decide a claim, where its evidence stands.

        Parameters
        ----------
        id : str
            By which the summary, and the prose, refer to it.
        text : str
            What is claimed, in one sentence without a full stop.
        ruling : Ruling
            What one of `helpers.report.rules` found.
        of : {"paper", "print", "book"}
            Whether it is a claim of the paper, a detail of its printed text, or a question of our
            own.

        Raises
        ------
        ValueError
            For an id that is taken, or another `of`.
        """
        if id in self.claims:
            raise ValueError(f"{id}: this claim has been made before")
        self.claims[id] = Claim(id, text, of, ruling)

    def question(self, id: str, text: str, ruling: Ruling) -> None:  # noqa: A002
        """Decide a question of our own, as `claim` does a claim of the paper.

        Parameters
        ----------
        id, text, ruling
            As for `claim`.

        Raises
        ------
        ValueError
            For an id that is taken.
        """
        self.claim(id, text, ruling, of="book")

    def close(self) -> HTML:
        """Write the results file and return the verdicts for the page.

        The file is written atomically, under the folder that `results.folder` names.

        Returns
        -------
        HTML
            The claims with their rules, grouped and counted by whose they are.

        Raises
        ------
        ValueError
            For a note that is not finite.
        """
        results.write(
            self.chapter,
            self.profile,
            list(self.records.values()),
            self.device,
            claims=list(self.claims.values()),
            notes=self.notes,
        )
        return HTML(claims.listing(list(self.claims.values())))

    def _full(self, id: str) -> str:  # noqa: A002
        """The id of a record: that of the paper's number, or one below the chapter's name."""
        own = id.partition("/")[0] == self.chapter
        return id if own or results.PRINTED.match(id + "/") else f"{self.chapter}/{id}"


def _flat(prefix: str, values: Any) -> Iterator[tuple[str, Value]]:
    """Every single value with its id, from nested mappings, data frames and series."""
    if isinstance(values, pd.DataFrame):
        values = values.to_dict(orient="index")
    if isinstance(values, pd.Series):
        values = values.to_dict()
    if isinstance(values, Mapping):
        for key, value in values.items():
            part = "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
            yield from _flat(f"{prefix}/{part}", value)
    else:
        yield prefix, _plain(values)


def _plain(value: Any) -> Value:
    """A scalar of torch or NumPy as a plain number; an estimate or a word as it is."""
    single = isinstance(value, np.generic) or (isinstance(value, Tensor) and value.numel() == 1)
    return value.item() if single else value
