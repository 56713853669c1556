"""How many versions of each kernel a process has compiled."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def compiled(*packages: ModuleType) -> dict[str, int]:
    """Of every kernel in the packages' modules, by its name: for how many kinds of arguments it is there."""
    found = {}
    for package in packages:
        for info in pkgutil.iter_modules(package.__path__):
            if info.name != "__main__":
                for name, kernel in vars(importlib.import_module(f"{package.__name__}.{info.name}")).items():
                    if hasattr(kernel, "signatures"):
                        found[f"{kernel.__module__}.{name}"] = len(kernel.signatures)
    return found
