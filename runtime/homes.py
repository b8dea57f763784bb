"""Where a value is at home: the module that holds it under a name, by which another process finds it again."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A module that has been imported, and the name of a value in it."""

    module: ModuleType
    name: str

    def reference(self, *, folder: Path) -> str | None:
        """Return `package.module:name` when an import finds the module, else `path.py:name` as seen from the folder.

        None for a module without a file that cannot be imported, as that of an interactive session.
        """
        spec = self.module.__spec__
        if spec and _is_found(spec.name, self.module):
            return f"{spec.name}:{self.name}"
        path = _file_of(self.module)
        if path is None:
            return None
        return f"{path.relative_to(folder) if path.is_relative_to(folder) else path}:{self.name}"


def home_of(value: object) -> Home | None:
    """Return a module that holds the value under a name, always the same one of several; None when there is none."""
    homes = [
        Home(module=module, name=name)
        for module in list(sys.modules.values())
        for name, held in list(getattr(module, "__dict__", {}).items())  # libraries put other things than modules there
        if held is value
    ]
    return min(homes, key=_rank, default=None)


def version_of_file(module: ModuleType) -> str | None:
    """Return the hash that git gives to the module's file as it is now; None when it has none."""
    path = _file_of(module)
    if path is None:
        return None
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def _rank(home: Home) -> tuple[bool, bool, int, str, str]:
    """Public names of modules that others import come first, then those of few packages, then the alphabet."""
    where = home.module.__name__
    return where == "__main__", home.name.startswith("_"), where.count("."), where, home.name


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    path = Path(file).resolve() if file else None
    return path if path and path.is_file() else None


def _is_found(name: str, module: ModuleType) -> bool:
    """Whether an import by this name leads to the module's file, also in a process that begins anew."""
    package = sys.modules.get(name.rpartition(".")[0])
    path = getattr(package, "__path__", None)
    if package is None and "." in name:
        return False
    found = (finder.find_spec(name, path) for finder in sys.meta_path)
    spec = next((spec for spec in found if spec), None)
    return spec is not None and spec.origin == getattr(module, "__file__", None)
