"""Git: the target repository, and the commit that a Tree becomes."""

import os

# GitPython ends the import where there is no git; that is to be told by whoever runs it.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
