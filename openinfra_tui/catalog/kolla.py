"""What differs between the releases of Kolla-Ansible, read from the released packages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from openinfra_tui import yamlio

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class KollaRelease:
    """One release, for one series.

    Attributes:
        release: the version of the package.
        ansible_core: the newest ansible-core that it takes, at the time of writing.
        groups: the groups of its inventory that are made of other groups, in its order.
        passwords: the keys of its passwords.yml, and the form of each secret.
    """

    release: str
    ansible_core: str
    groups: Mapping[str, tuple[str, ...]]
    passwords: Mapping[str, str]


@cache
def kolla_release(series: str) -> KollaRelease:
    """The release for a series.

    Raises:
        FileNotFoundError: this version knows none; `Deployer.built` lists the others.
    """
    place = resources.files("openinfra_tui.catalog").joinpath("data", "kolla", f"{series}.yaml")
    data = yamlio.load(place.read_bytes())
    groups = {name: tuple(children) for name, children in data["groups"].items()}
    return KollaRelease(data["release"], data["ansibleCore"], groups, data["passwords"])
