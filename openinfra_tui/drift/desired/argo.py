"""The objects that Argo CD would apply from a repository: below its entry points, recursively as it does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from openinfra_tui.build.helm import NotFetched
from openinfra_tui.drift.desired import argo_apps, argo_sets, argo_source, argo_values
from openinfra_tui.drift.desired.flux import Rendered
from openinfra_tui.drift.model import Desired
from openinfra_tui.errors import ToolError, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openinfra_tui.drift.desired.argo_source import Tools
    from openinfra_tui.drift.desired.source import Source


def render(files: Source, roots: Sequence[Mapping[str, Any]], tools: Tools, *, jobs: int = 4) -> Rendered:
    """Every object below some Applications and ApplicationSets.

    Args:
        files: the repository.
        roots: entry points.
        tools: what a render needs.
        jobs: builds at a time.
    """
    rendered = Rendered()
    waiting = list(roots)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        while waiting:
            fresh = {argo_apps.ref_of(item): item for item in waiting}
            fresh = {ref: item for ref, item in fresh.items() if ref not in rendered.engines}
            rendered.engines |= {ref: dict(item) for ref, item in fresh.items()}
            waiting = []
            for ref, item in fresh.items():
                if argo_apps.is_set(item):
                    try:
                        waiting += argo_sets.applications(item, files, tools)
                    except argo_sets.NotEvaluated as error:
                        rendered.problems[ref] = f"source: {error}"
            applications = [item for item in fresh.values() if argo_apps.is_application(item)]
            for item, (objects, problem) in zip(
                applications, pool.map(lambda item: _one(files, item, tools), applications), strict=True
            ):
                if problem:
                    rendered.problems[argo_apps.ref_of(item)] = problem
                rendered.objects += objects
                waiting += [
                    desired.object
                    for desired in objects
                    if argo_apps.is_application(desired.object) or argo_apps.is_set(desired.object)
                ]
    return rendered


def _one(files: Source, item: Mapping[str, Any], tools: Tools) -> tuple[list[Desired], str]:
    """The objects of one Application, and why they are not all of them."""
    other = argo_apps.elsewhere(item)
    if other:
        return [], f"source: its objects are in the cluster {other}"
    application = argo_apps.application_of(item)
    found: list[Desired] = []
    problem = ""
    for source in argo_apps.sources(item):
        if source.get("ref") and source.get("path") is None and not source.get("chart"):
            continue  # only named by other sources
        try:
            printed = argo_source.objects(files, source, item, tools)
        except argo_values.Elsewhere as error:
            problem = problem or f"source: {error}"
            continue
        except NotFetched as error:
            problem = problem or f"unread: {error.message}"
            continue
        except ToolError as error:
            missing = error.message.endswith("is not installed")
            return [], f"{'unread' if missing else 'build'}: {error.message}"
        except UserError as error:
            return [], f"build: {error.message}"
        near = argo_apps.path_of(source) if tools.holds(source) else ""
        for one in printed:
            name = str((one.object.get("metadata") or {}).get("name") or "")
            origin = files.origin(str(one.object.get("kind", "")), name, near)
            how = argo_apps.for_object(application, one.object)
            found.append(Desired(one.object, how, origin, doubt=one.doubt))
    return found, problem
