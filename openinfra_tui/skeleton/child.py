"""The child process that runs cookiecutter: it changes directory, so it must not be ours.

Reads a job (`{"output": DIR, "renders": [{"folder", "name", "context"}]}`) as JSON on stdin.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cookiecutter.generate import generate_files


def main() -> None:
    """Render every folder of the job into `OUTPUT/NAME/root`."""
    job = json.load(sys.stdin)
    for render in job["renders"]:
        output = Path(job["output"]) / render["name"]
        output.mkdir()
        generate_files(render["folder"], {"cookiecutter": render["context"]}, str(output), accept_hooks=False)


if __name__ == "__main__":
    main()
