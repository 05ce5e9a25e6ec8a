"""Which of the programs around us are there: for `openinfra-tui doctor` and for bug reports."""

from __future__ import annotations

from dataclasses import dataclass

from openinfra_tui.build import kustomize as kustomize_finder
from openinfra_tui.build import programs
from openinfra_tui.errors import ToolError


@dataclass(frozen=True)
class ToolStatus:
    """One program.

    Attributes:
        name: such as `helm`.
        purpose: what it is for.
        required: whether `generate` or `check` needs it.
        path: the copy that is used, or an empty string when there is none.
        version: such as `3.18.4`, or an empty string when it does not say.
        problem: why it cannot be used, or an empty string.
    """

    name: str
    purpose: str
    required: bool
    path: str = ""
    version: str = ""
    problem: str = ""

    @property
    def usable(self) -> bool:
        """Whether it is there and runs."""
        return bool(self.path) and not self.problem


# name, arguments that print a version without a cluster or a network, required, purpose
_TOOLS: tuple[tuple[str, tuple[str, ...], bool, str], ...] = (
    ("git", ("--version",), True, "commits the generated repository"),
    ("helm", ("version", "--short"), False, "renders charts for `diff`"),
    ("sops", ("--version",), False, "edits an encrypted secret by hand"),
    ("age", ("--version",), False, "makes keys by hand"),
    ("flux", ("--version",), False, "bootstraps Flux on a cluster"),
    ("argocd", ("version", "--client", "--short"), False, "looks at Argo CD's applications"),
    ("kubectl", ("version", "--client"), False, "talks to a cluster"),
)


def inspect_tools(kustomize: str | None = None) -> list[ToolStatus]:
    """The state of every program that we use or name in a runbook; kustomize comes last.

    Nothing is downloaded and no cluster is asked.

    Args:
        kustomize: the explicit kustomize, as for `kustomize.find`.
    """
    return [*(_inspect(*tool) for tool in _TOOLS), _inspect_kustomize(kustomize)]


def _inspect(name: str, arguments: tuple[str, ...], required: bool, purpose: str) -> ToolStatus:
    found = programs.copies(name)
    if not found:
        return ToolStatus(name, purpose, required, problem="not installed")
    path = str(found[0])
    try:
        version = programs.ask_version((path, *arguments))
    except (ToolError, OSError) as error:  # OSError: the file is executable and not a program
        return ToolStatus(name, purpose, required, path, problem=str(error))
    return ToolStatus(name, purpose, required, path, version)


def _inspect_kustomize(explicit: str | None) -> ToolStatus:
    purpose = "builds what the engine would apply"
    try:
        found = kustomize_finder.find(explicit)
    except ToolError as error:
        return ToolStatus("kustomize", purpose, True, problem=error.message)
    return ToolStatus("kustomize", purpose, True, " ".join(found.argv[:-1]), found.version, found.warning)
