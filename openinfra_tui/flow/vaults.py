"""Which vault files of a deployer a plan needs, and what is known of those that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openinfra_tui.flow import sites
from openinfra_tui.secret.vaults import VaultSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.plan.model import Plan
    from openinfra_tui.site.model import Site


def wanted_vaults(plan: Plan) -> dict[str, VaultSpec]:
    """By vault file, the keys that it must hold and the secret that opens it."""
    wanted: dict[str, VaultSpec] = {}
    for component in plan.components:
        folder = f"sites/{plan.site.name}/{component.place}"
        for vault in component.vaults:
            keys: Any = plan.facts
            for name in vault.keys.split(".")[1:]:
                keys = keys[name]
            (opens,) = (secret for secret in component.secrets if secret.name == vault.password)
            wanted[f"{folder}/{vault.path}"] = VaultSpec(
                keys, opens.name, f"{folder}/secrets.sops.yaml", opens.path
            )
    return wanted


def held_keys(site: Site, existing: Mapping[str, bytes]) -> dict[str, list[str]]:
    """The keys of each vault file, as the record of the site says; one that says nonsense says nothing.

    Raises:
        UserError: a record of a site is not as we wrote it.
    """
    told = sites.read_records(existing).get(site.name, {}).get("vaults")
    found = told.items() if isinstance(told, dict) else ()
    return {str(path): [str(key) for key in keys] for path, keys in found if isinstance(keys, list)}
