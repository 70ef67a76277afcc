"""What code depends on: the modules that it imports, the assets that they read, the libraries.

Everything is read off the sources, nothing is imported. A package's face, an `__init__` that only
hands names on, leads to the modules of the names that are used, and to no others: a chapter that
draws one figure does not depend on the module of another.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

from helpers import places

PACKAGE = "helpers"
EDITION = "helpers.edition"  # names the folders to ask what is in them, and reads no data
CHECKPOINTS = "helpers.models.checkpoints"  # the module that reads trained networks
NATURAL = "helpers.natural"  # the module that reads photographs, the user's own too
# Modules that read assets, and the folder of assets/ that each of them reads. One that reads assets
# and is missing here depends on all of them.
READERS = {
    "helpers.data": "mnist",
    CHECKPOINTS: "checkpoints",
    "helpers.pretrained.alexnet": "alexnet",
    "helpers.pretrained.squeezenet": "squeezenet",
    "helpers.pretrained.efficientnet": "efficientnet-lite0",
    NATURAL: "photographs",
    "helpers.report.figures.base": "fonts",
    "helpers.report.figures.natural": "fonts",
}
ASSETS = "helpers.places.ASSETS"
# Folders of results that are committed and read: of the benchmarks, and of the trainings.
COMMITTED = ("helpers.places.BENCHMARKS", "helpers.places.TRAINING")
UNFINISHED = (".pt", ".retrain")  # what a training that goes on keeps beside the networks
# Libraries whose version decides the last digits: the names that they are imported by and installed
# under. The first three stand behind every number.
ALWAYS = ("torch", "numpy", "scipy")
LIBRARIES = {name: name for name in ALWAYS} | {"sklearn": "scikit-learn", "skimage": "scikit-image"}


@dataclass(frozen=True)
class Dependencies:
    """What some code depends on.

    Parameters
    ----------
    modules : dict of str to Path
        The package's modules by dotted name, with the `__init__` of every package on the way.
    names : frozenset of str
        Every imported name that is used, by the code or by these modules, in full:
        "helpers.data.mnist", "torch.Tensor".
    folders : frozenset of Path
        The folders of the repository whose files are read as data.
    """

    modules: dict[str, Path]
    names: frozenset[str]
    folders: frozenset[Path]

    def assets(self, dataset: str) -> list[Path]:
        """The files that are read as data.

        Parameters
        ----------
        dataset : str
            The data set; the networks trained on another one than "mnist" are in the user's cache.

        Returns
        -------
        list of Path
            Sorted, so that the same dependencies always come in the same order.
        """
        folders = set(self.folders)
        if CHECKPOINTS in self.modules and dataset != "mnist":
            folders.add(places.cache() / "checkpoints" / dataset)
        if NATURAL in self.modules and (own := places.images()):
            folders.add(own)
        found = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
        return sorted(
            path
            for path in found
            if path.suffix not in UNFINISHED and not path.name.startswith(".")
        )

    def versions(self) -> dict[str, str]:
        """The versions of torch, NumPy and SciPy, and of the others in LIBRARIES that are used."""
        used = {name.partition(".")[0] for name in self.names} | set(ALWAYS)
        return {name: metadata.version(LIBRARIES[name]) for name in sorted(used & set(LIBRARIES))}


def of(code: str) -> Dependencies:
    """What code depends on, transitively, as `ast` reads it.

    Imports count wherever they stand, in functions too. A name that is imported and of which
    nothing is used counts as used whole.

    Parameters
    ----------
    code : str
        Python source, for example the code cells of a chapter one after the other.

    Raises
    ------
    SyntaxError
        Where the code, or a module that it imports, is no Python.

    Examples
    --------
    >>> found = of("from helpers import files")
    >>> sorted(found.modules)
    ['helpers', 'helpers.files']
    """
    collected = _Collected()
    collected.follow(_uses(code, ""), reader="")
    return Dependencies(collected.modules, frozenset(collected.names), frozenset(collected.folders))


@dataclass
class _Collected:
    """What has been found so far; every name is followed once."""

    modules: dict[str, Path] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    folders: set[Path] = field(default_factory=set)

    def follow(self, names: Iterable[str], *, reader: str) -> None:
        """Take in the names that one module uses, and what they lead to."""
        for name in names:
            if not _within(reader, EDITION):
                self._open(name, reader)
            if name not in self.names:
                self.names.add(name)
                if _within(name, PACKAGE):
                    self._lead(name)

    def _open(self, name: str, reader: str) -> None:
        """Take in the folder that a name of `places` stands for."""
        if _within(name, ASSETS):
            self.folders.add(places.ASSETS / READERS.get(reader, ""))
        for committed in COMMITTED:
            if _within(name, committed):
                self.folders.add(getattr(places, committed.rpartition(".")[2]))

    def _lead(self, name: str) -> None:
        """Follow a dotted name from package to package, to the module that defines it."""
        folder, passed, rest = places.PACKAGE, PACKAGE, name.split(".")[1:]
        self._take(passed, folder / "__init__.py")
        while rest:
            part, *rest = rest
            # Python looks into the face first; where a module has the same name, both count.
            handed_on = _bound(_text(folder / "__init__.py"), passed).get(part, set())
            self.follow({".".join([target, *rest]) for target in handed_on}, reader=passed)
            module, package = folder / f"{part}.py", folder / part / "__init__.py"
            if module.exists():
                self._take(f"{passed}.{part}", module)
            if not package.exists():
                return
            folder, passed = folder / part, f"{passed}.{part}"
            self._take(passed, package)
        # The name is that of a package, which is used whole: so is all that its face hands on.
        self._take(passed, folder / "__init__.py", whole=True)

    def _take(self, name: str, file: Path, *, whole: bool = False) -> None:
        """Take in a module; a face only as text, unless all of it is used."""
        text = _text(file)
        new = name not in self.modules
        self.modules[name] = file
        package = file.name == "__init__.py"
        if whole or (new and not (package and _only_hands_on(text))):
            self.follow(_uses(text, name if package else name.rpartition(".")[0]), reader=name)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _within(name: str, outer: str) -> bool:
    """Whether a dotted name is `outer` or something in it."""
    return name == outer or name.startswith(outer + ".")


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def _only_hands_on(text: str) -> bool:
    """Whether a module consists of a docstring, imports and `__all__`."""
    return all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        for node in _parsed(text).body
    )


@cache
def _bound(text: str, package: str) -> dict[str, set[str]]:
    """What each imported name in a module may stand for, in full, wherever it is imported.

    A star import has the key "*".
    """
    bound: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(_parsed(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                bound[local].add(alias.name if alias.asname else local)
                bound["*"].add(alias.name)  # `import a.b` binds a and loads a.b, whole
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, package)
            for alias in node.names:
                if alias.name == "*":
                    bound["*"].add(source)
                else:
                    bound[alias.asname or alias.name].add(f"{source}.{alias.name}")
    return dict(bound)


def _source(node: ast.ImportFrom, package: str) -> str:
    """The module that `from ... import` names, in full, also where it is relative."""
    if not node.level:
        return node.module or ""
    above = package.split(".")
    return ".".join(above[: len(above) - node.level + 1] + ([node.module] if node.module else []))


@cache
def _uses(text: str, package: str) -> frozenset[str]:
    """Every imported name that a module uses, in full and as far as it is written: "a.b.c"."""
    bound = _bound(text, package)
    chains = _Chains()
    chains.visit(_parsed(text))
    used = {
        ".".join([target, *rest])
        for first, *rest in chains.found
        for target in bound.get(first, ())
    }
    mentioned = {first for first, *_ in chains.found}
    unmentioned = {
        name for local, names in bound.items() if local not in mentioned for name in names
    }
    return frozenset(used | unmentioned)


class _Chains(ast.NodeVisitor):
    """Collects the names of a module with the attributes that follow them: a.b.c is (a, b, c)."""

    def __init__(self) -> None:
        self.found: set[tuple[str, ...]] = set()

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Take the chain that ends in this attribute, where it begins with a name."""
        attributes: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            attributes.insert(0, inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self.found.add((inner.id, *attributes))
        else:
            self.visit(inner)

    def visit_Name(self, node: ast.Name) -> None:
        """Take a name that stands alone."""
        self.found.add((node.id,))
