"""Where the data that ships with the program is: `schemas/` and `skeletons/`.

In a wheel both folders are inside the package; in a checkout or an editable install they are at the top
level of the repository, beside the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def data_root() -> Path:
    """The folder that holds `schemas/` and `skeletons/`.

    Raises:
        FileNotFoundError: the installation is broken; neither place holds them.
    """
    package = Path(__file__).resolve().parent
    for root in (package, package.parent):
        if (root / "skeletons").is_dir() and (root / "schemas").is_dir():
            return root
    raise FileNotFoundError(f"schemas/ and skeletons/ are neither in {package} nor beside it")


def schema_path(name: str) -> Path:
    """The path of one schema, e.g. `site-v1alpha1`."""
    return data_root() / "schemas" / f"{name}.schema.json"


def skeletons_path() -> Path:
    """The folder of all components."""
    return data_root() / "skeletons"
