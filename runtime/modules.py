"""Imports modules by their dotted name, and by their file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from trunkline.errors import ReferenceNotFoundError


def import_file(path: Path, *, reference: str, anew: bool) -> ModuleType:
    """Return the file's module. What it raises is passed on, and half a module is not kept.

    A file of a package that can be imported is imported by its dotted name; any other as if Python had been started
    with it. Such a file that has been imported before is executed again only if it is wanted `anew`.
    Raises `ReferenceNotFoundError` when there is no such file.
    """
    if not path.is_file():
        raise ReferenceNotFoundError(reference=reference, problem=f"there is no file {os.path.relpath(path)}")
    if module := _in_package(path):
        return module
    name = _module_name(path)
    loaded = None if anew else sys.modules.get(name)
    return loaded or _execute(path, name)


def import_module(name: str, *, reference: str, folder: Path) -> ModuleType:
    """Return the module with this dotted name; the folder is among those where it is looked for.

    What it raises is passed on. Raises `ReferenceNotFoundError` when there is no such module.
    """
    make_importable(folder)
    try:
        module: ModuleType = pkgutil.resolve_name(f"{name}:")
    except ValueError as error:
        raise ReferenceNotFoundError(reference=reference, problem="is not a reference") from error
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ReferenceNotFoundError(reference=reference, problem=f"there is no module {error.name}") from error
    return module


def make_importable(folder: Path) -> None:
    """Let modules be looked for in the folder, before all other places."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _in_package(path: Path) -> ModuleType | None:
    top = path.parent
    while (top / "__init__.py").is_file():
        top = top.parent
    if top == path.parent or str(top) not in sys.path:
        return None
    name = ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    return module if getattr(module, "__file__", None) == str(path) else None


def _module_name(path: Path) -> str:
    """The file's own name, unless a module from elsewhere has it: `json.py` must not become the `json` of all."""
    taken = sys.modules.get(path.stem)
    if taken is None or getattr(taken, "__file__", None) == str(path):
        return path.stem
    return f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _execute(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    make_importable(path.parent)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
