"""The child process that runs cookiecutter: it changes directory, so it must not be ours.

Reads a job (`{"output": DIR, "renders": [{"folder", "name", "context"}]}`) as JSON on stdin.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookiecutter.generate import generate_files

if TYPE_CHECKING:
    from collections.abc import Mapping


def render_all(job: Mapping[str, Any]) -> None:
    """Render every folder of a job into `OUTPUT/NAME/root`; the process changes directory meanwhile."""
    for render in job["renders"]:
        output = Path(job["output"]) / render["name"]
        output.mkdir()
        generate_files(render["folder"], {"cookiecutter": render["context"]}, str(output), accept_hooks=False)


def main() -> None:
    """Do the job on stdin."""
    render_all(json.load(sys.stdin))


if __name__ == "__main__":
    main()
