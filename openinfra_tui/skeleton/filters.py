"""The one Jinja filter of every template: a value as a YAML scalar that no reader misreads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2.ext import Extension

from openinfra_tui.yamlio import scalar

if TYPE_CHECKING:
    from jinja2 import Environment


class YamlFilter(Extension):
    """Adds the filter `yaml`; named in `_extensions` of every component's cookiecutter.json."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["yaml"] = scalar
