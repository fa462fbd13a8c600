"""ccxt, only the exchanges that are used: importing it as it is loads a hundred of them three times over.

That is 76 MB and more than half a second of every start. `install` puts packages in the place of `ccxt`,
`ccxt.async_support` and `ccxt.pro` that load an exchange's class when it is asked for, and run ccxt's own file of the
package as soon as anything else is wanted of it: whatever ccxt has, is there. Where ccxt was imported before, nothing
is done.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, Final

PACKAGES: Final = {  # and where the base class lies that each shows as `Exchange`
    "ccxt": "ccxt.base.exchange",
    "ccxt.async_support": "ccxt.async_support.base.exchange",
    "ccxt.pro": "ccxt.async_support.base.exchange",
}
ERRORS: Final = "ccxt.base.errors"


class ThinPackage(ModuleType):
    """A package of ccxt before its `__init__` was run; see the module."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        if name == "Exchange":
            return importlib.import_module(PACKAGES[self.__name__]).Exchange
        if name[:1].isupper() and hasattr(errors := importlib.import_module(ERRORS), name):
            return getattr(errors, name)
        if name.islower() and find_spec(f"{self.__name__}.{name}") is not None:
            importlib.import_module(f"{self.__name__}.{name}")
            return vars(self)[name]
        return self._whole(name)

    def __setattr__(self, name: str, value: object) -> None:
        """Keep an exchange's class under its name, as ccxt does, where the import system would put its module."""
        is_exchange = isinstance(value, ModuleType) and isinstance(vars(value).get(name), type)
        super().__setattr__(name, vars(value)[name] if is_exchange else value)

    def _whole(self, name: str) -> Any:
        """Run ccxt's own file of this package, and return what was asked of it."""
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__class__ = ModuleType  # type: ignore[assignment]
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def install() -> None:
    """Let ccxt be imported thinly from now on; before its first import in the process."""
    if "ccxt" in sys.modules:
        return
    for name in PACKAGES:
        spec = find_spec(name)
        assert isinstance(spec, ModuleSpec)
        package = module_from_spec(spec)
        package.__class__ = ThinPackage
        sys.modules[name] = package
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, package)


def is_exchange(name: str) -> bool:
    """Whether ccxt.pro has an exchange of this name; no other is loaded to know it."""
    if not name.isidentifier() or name == "base" or find_spec(f"ccxt.pro.{name}") is None:
        return False
    pro = importlib.import_module("ccxt.pro")
    return isinstance(getattr(pro, name), type)
