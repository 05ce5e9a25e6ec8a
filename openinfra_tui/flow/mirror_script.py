"""The script that fills the mirrors of a site, made of what the site needs.

It holds no secret: skopeo, helm and git log in with what their own login commands keep. Every step asks the
mirror first, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

from importlib import resources
from shlex import join
from typing import TYPE_CHECKING

from openinfra_tui.engine.pins import is_oci
from openinfra_tui.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openinfra_tui.flow.mirroring import Needs


def script(wanted: Needs) -> str:
    """A bash script that copies what the mirrors of a site must hold.

    Raises:
        UserError: the site names no mirror.
    """
    if not wanted.mirrors:
        raise UserError(
            f"site {wanted.site} names no mirror",
            "set spec.mirrors.images, spec.mirrors.charts or spec.mirrors.git",
        )
    head = resources.files("openinfra_tui.flow").joinpath("mirror.sh").read_text("utf-8")
    return head + "".join(f"{line}\n" for line in [*_comments(wanted), *_steps(wanted), "", "finish"])


def _comments(wanted: Needs) -> Iterator[str]:
    yield f"\n# Site {wanted.site}."
    for gap in wanted.unknown:
        yield f"# Not in this list: {gap}."


def _steps(wanted: Needs) -> Iterator[str]:
    mirrors = wanted.mirrors
    for program in ["skopeo"] * bool(mirrors.images) + ["helm"] * bool(mirrors.charts):
        yield join(["need", program])
    for image in wanted.images if mirrors.images else ():
        if image.mirror != image.reference:
            yield join(["image", image.reference, image.mirror])
    for chart in wanted.charts if mirrors.charts else ():
        step = "oci_chart" if is_oci(chart.mirror) else "file_chart"
        if chart.mirror != chart.source:
            yield join([step, chart.name, chart.version, chart.source, chart.mirror])
    if mirrors.charts and not is_oci(mirrors.charts):
        yield join(["index", mirrors.charts])
    for source in wanted.git if mirrors.git else ():
        yield join(["repository", source.url, source.tag, source.commit, source.mirror])
