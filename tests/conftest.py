from pathlib import Path

import pytest
import torch
from small_book import WORK, write_chapter, write_contents
from torch import nn

from helpers import models
from helpers.edition.chapters import Edition


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def network() -> nn.Sequential:
    return models.load("FC100-100-10")


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a book with the chapters one and two.

    It stands in for book/ here and in processes that are started.
    """
    folder = tmp_path / "book"
    folder.mkdir()
    write_contents(folder, "one", "two")
    write_chapter(folder, WORK)
    write_chapter(folder, WORK, name="two")
    monkeypatch.setenv("BOOK", str(folder))
    monkeypatch.setenv("RESULTS", "")
    monkeypatch.setenv("MEASURED", "")
    return folder


@pytest.fixture
def edition(tmp_path: Path) -> Edition:
    return Edition(tmp_path / "build", profile="smoke", device="cpu")
