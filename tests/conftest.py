import pytest
import torch
from torch import nn

from helpers import models


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def network() -> nn.Sequential:
    return models.load("FC100-100-10")
