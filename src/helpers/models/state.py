"""An unfinished training on disk: tied to what it trains, and checked before it is unpickled."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from helpers import files


@dataclass(frozen=True)
class State:
    """The file of an unfinished training, and all that decides what the training ends at.

    The file's first line is JSON: the run, and the SHA-256 of the bytes after it, which are those
    of `torch.save`. So a file that was cut short, or that another run left behind, is known before
    anything in it is unpickled.

    Parameters
    ----------
    file : Path
        Where the state is kept between two calls.
    run : mapping
        What must be equal for the training to go on, by name; of what JSON can hold.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     state = State(Path(folder) / "a.partial.pt", {"seed": 0})
    ...     state.write({"weights": torch.ones(2)})
    ...     state.read("cpu")
    {'weights': tensor([1., 1.])}
    """

    file: Path
    run: Mapping[str, Any]

    def write(self, content: dict[str, Any]) -> None:
        """Save tensors, numbers and texts, in any nesting of dicts and lists, atomically."""
        payload = io.BytesIO()
        torch.save(content, payload)
        header = {"run": dict(self.run), "sha256": files.sha256(payload.getvalue())}
        with files.atomic(self.file) as temporary:
            temporary.write_bytes(json.dumps(header).encode() + b"\n" + payload.getvalue())

    def read(self, device: torch.device | str) -> dict[str, Any] | None:
        """What was saved, its tensors on `device`; None where there is nothing to go on from.

        A file that is damaged, or that another run left behind, is deleted; a line says so.
        """
        if not self.file.exists():
            return None
        header, _, payload = self.file.read_bytes().partition(b"\n")
        if fault := self._fault(header, payload):
            self.file.unlink()
            print(f"{self.file} {fault}: it is deleted, training starts anew", flush=True)
            return None
        return torch.load(io.BytesIO(payload), weights_only=True, map_location=device)

    def _fault(self, header: bytes, payload: bytes) -> str:
        """Why this is nothing to go on from; empty where it is."""
        try:
            stored = json.loads(header)
            changed = differing(dict(stored["run"]), self.run)
            whole = files.sha256(payload) == stored["sha256"]
        except (KeyError, TypeError, ValueError):
            return "is damaged"
        if not whole:
            return "is damaged"
        return f"was left by another training ({', '.join(changed)} differ)" if changed else ""


def differing(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names under which two mappings hold different things, or only one holds any.

    Parameters
    ----------
    found : mapping
        As JSON gives it back: its sequences are lists.
    wanted : mapping
        Of what JSON can hold; its tuples are taken for lists.

    Returns
    -------
    list of str
        Those of `wanted` first, each in its mapping's order.

    Examples
    --------
    >>> differing({"seed": 0, "decay": [1.0], "old": 1}, {"seed": 1, "decay": (1.0,)})
    ['seed', 'old']
    """
    expected = json.loads(json.dumps(dict(wanted)))
    absent = object()
    return [
        name
        for name in expected | dict(found)
        if found.get(name, absent) != expected.get(name, absent)
    ]
