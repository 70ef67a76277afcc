"""A second device for machines that have none: it refuses what CUDA refuses.

torch keeps a name for devices from outside, and lets one be written in Python. This one, "pretend",
computes on the CPU, so that what runs on it must have the CPU's results, to the bit. But its
tensors are of another device: torch's own code knows that, and so does the check below, which fails
as CUDA does where devices mix. Numbers drawn on it are its own, as a GPU's are.

Import it at the top of a test file: torch counts the devices at its first backward pass.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch._ops import OpOverload
from torch.utils import backend_registration

NAME = "pretend"
DEVICE = f"{NAME}:0"
aten = torch.ops.aten

COPIES = (aten.copy_, aten.copy, aten._to_copy)  # from one device to another
INDEXED = (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_)
FILLED = (aten.masked_fill.Tensor, aten.masked_fill_.Tensor)  # takes a number from the CPU
STRICT = (aten.clamp.Tensor, aten.clamp_.Tensor)  # elementwise, and takes none
GENERATOR = torch.Generator().manual_seed(1)
VALUES = {
    torch.linalg.eigvalsh: (aten._linalg_eigh, {"compute_v": False}, 0),
    torch.linalg.svdvals: (aten._linalg_svd, {"compute_uv": False}, 1),
}
SEEDED = torch.Tag.nondeterministic_seeded
SIZED = (aten.arange, aten.linspace, aten.logspace, aten.eye, aten.randperm)


class OnDevice(torch.Tensor):
    """A tensor on the device. `held`, on the CPU, has its values."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "OnDevice":
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        with torch.inference_mode(mode=False):  # a view of a tensor from outside is none of it
            made: OnDevice = cls._make_wrapper_subclass(
                cls, held.size(), dtype=held.dtype, device=DEVICE, **layout
            )
        made.held = held
        return made

    @classmethod
    def __torch_function__(
        cls, function: Any, _types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            # For a subclass torch computes the vectors, too, which rounds the values otherwise.
            if function in VALUES and not (torch.is_grad_enabled() and args[0].requires_grad):
                operator, options, place = VALUES[function]
                return operator(args[0], **options)[place]
            return function(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(
        cls, operator: OpOverload, _types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _run(operator, *args, **(kwargs or {}))

    @property
    def data(self) -> torch.Tensor:
        return torch.Tensor.data.__get__(self)

    @data.setter
    def data(self, new: torch.Tensor) -> None:  # a module's double() sets its parameters' data
        torch.Tensor.data.__set__(self, new)
        self.held = new.held

    # Three methods that torch has for its own class alone; of a CUDA tensor they do this.

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise TypeError(
                f"can't convert {DEVICE} device type tensor to numpy. "
                "Use Tensor.cpu() to copy the tensor to host memory first."
            )
        return self.detach().cpu().numpy()

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __format__(self, form: str) -> str:
        return format(self.cpu(), form)


def _mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """`value` with the function of everything in its lists, tuples and dictionaries."""
    if isinstance(value, list | tuple):
        return type(value)([_mapped(function, item) for item in value])
    if isinstance(value, dict):
        return {key: _mapped(function, item) for key, item in value.items()}
    return function(value)


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnDevice) else value


def _run(operator: OpOverload, *args: Any, **kwargs: Any) -> Any:
    """What the CPU makes of the values, on the device asked for, or on that of the tensors."""
    leaves: list[Any] = []
    _mapped(leaves.append, [args, kwargs])
    tensors = [value for value in leaves if isinstance(value, torch.Tensor)]
    mixed = len({isinstance(value, OnDevice) for value in tensors}) > 1
    on_device = any(isinstance(value, OnDevice) for value in tensors)
    if kwargs.get("device"):
        on_device = kwargs["device"].type == NAME
    if on_device and any(isinstance(value, torch.Generator) for value in leaves):
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found 'cpu'")
    if mixed and operator.overloadpacket not in COPIES:
        _check(operator, args, tensors)

    # An operator that changes its argument returns it: the caller's tensor, not another around it.
    known = {id(_held(value)): value for value in tensors}

    def placed(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        if id(value) not in known:
            return OnDevice(value) if on_device else value
        if known[id(value)].shape != value.shape:
            raise NotImplementedError(f"{operator} changes the shape of a tensor on the device")
        return known[id(value)]

    here = {"device": torch.device("cpu")} if kwargs.get("device") else {}
    args, kwargs = _mapped(_held, [args, kwargs | here])
    with _own_numbers() if on_device and SEEDED in operator.tags else nullcontext():
        return _mapped(placed, operator(*args, **kwargs))


@contextmanager
def _own_numbers() -> Iterator[None]:
    """Within it the CPU draws other numbers than it would, and afterwards those that it would."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**31, (1,), generator=GENERATOR)))
        yield


def _check(operator: OpOverload, args: Any, tensors: list[torch.Tensor]) -> None:
    """Raise RuntimeError, as CUDA does, for tensors of two devices that may not meet."""
    kind, home = operator.overloadpacket, True
    if kind in INDEXED:
        # Indices may lie on the CPU, whatever they index; a number that is written, anywhere.
        home = isinstance(args[0], OnDevice)
        if not home and any(isinstance(index, OnDevice) for index in args[1]):
            raise RuntimeError(
                "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
            )
        tensors = [args[0], *args[2:3]]
    strangers = [value for value in tensors if isinstance(value, OnDevice) != home]
    elementwise = torch.Tag.pointwise in operator.tags and operator not in STRICT
    numbers = (kind in INDEXED or operator in FILLED or elementwise) and not (
        operator._schema.is_mutable and any(value is args[0] for value in strangers)
    )
    if any(value.dim() or not numbers for value in strangers):
        raise RuntimeError(
            "Expected all tensors to be on the same device, "
            f"but found at least two devices, {DEVICE} and cpu! ({operator})"
        )


backend_registration._setup_privateuseone_for_python_backend(NAME)
# Operators without a tensor among their arguments come here: they make one on the device.
anything = torch.library.Library("_", "IMPL")
anything.fallback(_run, "PrivateUse1")
# Some of them torch would make from others, by giving an empty tensor its size: these are named,
# and so is the copying that puts numbers from Python on the device.
named = torch.library.Library("aten", "IMPL")
for made in [aten.copy_.default] + [
    getattr(kind, way) for kind in SIZED for way in kind.overloads()
]:
    if made is aten.copy_.default or not made._schema.is_mutable:
        named.impl(made.name(), functools.partial(_run, made), "PrivateUse1")
