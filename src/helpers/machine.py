"""The machine and the versions that numbers come from."""

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from helpers import places


def environment(device: torch.device | str = "cpu") -> dict[str, str]:
    """The machine and the versions that numbers come from.

    Parameters
    ----------
    device : torch.device or str, optional
        Where they are computed.

    Returns
    -------
    dict
        Texts: the versions "python", "torch" and "numpy"; "device", a GPU's name or "cpu";
        "processor", as the system calls it; "date", today's in UTC; and "commit" of the sources,
        with a plus where they were changed since, "unknown" outside a repository.

    Examples
    --------
    >>> [*environment()]
    ['python', 'torch', 'numpy', 'device', 'processor', 'date', 'commit']
    """
    device = torch.device(device)
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "processor": _processor(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
    }


def _processor() -> str:
    """The processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str:
    """The commit of the sources, with a plus where they were changed since, or "unknown"."""
    try:
        asked = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            cwd=places.PACKAGE,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return asked.stdout.strip()
