"""What is rendered of a skeleton folder."""

from __future__ import annotations

import compileall
import shutil
from pathlib import Path

from openinfra_tui.resources import skeletons_path
from openinfra_tui.skeleton.render import context_of, render


def test_what_an_installer_compiled_is_not_rendered(tmp_path: Path) -> None:
    folder = tmp_path / "with-a-script"
    root = folder / "{{cookiecutter.root}}"
    root.mkdir(parents=True)
    shutil.copy(skeletons_path() / "memcached/cookiecutter.json", folder)
    (root / "run.py").write_text("print('a run')\n")
    assert compileall.compile_dir(root, quiet=1)
    assert (root / "__pycache__").is_dir()
    rendered = render([folder], context_of({}, {}, "lab"))
    assert rendered == {"with-a-script": {"run.py": b"print('a run')\n"}}
