"""Presets: whole site files to begin from."""

from __future__ import annotations

from importlib import resources

from openinfra_tui.errors import UserError


def preset_names() -> tuple[str, ...]:
    """The names of all presets, sorted."""
    folder = resources.files("openinfra_tui.catalog").joinpath("data", "presets")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def preset_text(name: str) -> str:
    """The text of one preset, a complete site.yaml.

    Raises:
        UserError: there is no such preset.
    """
    if name not in preset_names():
        raise UserError(f"no preset named {name}", f"Presets: {', '.join(preset_names())}.")
    folder = resources.files("openinfra_tui.catalog").joinpath("data", "presets")
    return folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
