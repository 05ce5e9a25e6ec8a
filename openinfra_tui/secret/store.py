"""Where the secrets of a site are kept: what every store can do, and what it is told.

A store writes files into the repository. What a release reads of them is one Secret a component, whose key
`values.yaml` holds values for the chart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from openinfra_tui.yamlio import scalar

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from openinfra_tui.secret.encrypted import SecretSpec

# helm-controller upgrades a release when a Secret with this label changes (HelmRelease, valuesFrom).
WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}
VALUES = "values.yaml"


@dataclass(frozen=True)
class Holder:
    """The secrets of one component.

    Attributes:
        file: the path in the repository where the store keeps them.
        secret: the name of the Secret that the release reads.
        namespace: where that Secret is.
        places: by dotted path in the values of the chart, what stands there.
    """

    file: str
    secret: str
    namespace: str
    places: Mapping[str, SecretSpec]


class Store(Protocol):
    """One way to keep secrets."""

    def update(
        self,
        existing: Mapping[str, bytes],
        holders: Sequence[Holder],
        *,
        rotate: Collection[str] = (),
        given: Mapping[str, str] | None = None,
        moved: Mapping[str, str] | None = None,
        made: Mapping[str, str] | None = None,
    ) -> dict[str, bytes]:
        """The files that hold all secrets of the holders; existing values stay.

        Args:
            existing: the files of the repository.
            holders: who needs what.
            rotate: names that get a new value.
            given: values that the operator brings, by name.
            moved: values that another store held, by name.
            made: values for names that have none yet, or are rotated: something else is encrypted with them.

        Raises:
            UserError: a name or a form is wrong, or what must be read cannot be read.
        """
        ...

    def read(self, existing: Mapping[str, bytes], holders: Sequence[Holder]) -> dict[str, str]:
        """Every value by name, to move them into another store.

        Raises:
            UserError: they cannot be read here.
        """
        ...


def values_template(places: Mapping[str, SecretSpec]) -> str:
    """Values of a chart as a Go template, which both operators fill from the secrets by name.

    `toJson` quotes: every JSON text is YAML. Both have it from sprig, and pass the secrets as text
    (external-secrets `runtime/template/v2/template.go`, sealed-secrets `sealedsecret_expansion.go`).
    """
    tree: dict[str, object] = {}
    for place, spec in places.items():
        *parents, last = place.split(".")
        node = tree
        for key in parents:
            child = node.setdefault(key, {})
            if not isinstance(child, dict):
                raise ValueError(f"{place} is below another secret")
            node = child
        node[last] = f'{{{{ index . "{spec.name}" | toJson }}}}'
    return "\n".join(_lines(tree, "")) + "\n"


def _lines(tree: Mapping[str, object], pad: str) -> list[str]:
    out: list[str] = []
    for key, value in tree.items():
        head = f"{pad}{scalar(key)}:"
        out += [head, *_lines(value, f"{pad}  ")] if isinstance(value, dict) else [f"{head} {value}"]
    return out
