"""A Git server: `git http-backend` behind a loopback HTTP server.

Flux's Git client knows only the smart protocol, so files alone would not do (facts: git-http-backend(1)).
"""

from __future__ import annotations

import base64
import re
from pathlib import Path
from urllib.parse import urlsplit

from openinfra_tui import proc
from tests.controlplane.loopback.server import Handler, LoopbackServer
from tests.controlplane.loopback.tls import TlsFiles

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class GitServer(LoopbackServer):
    """Bare repositories in a folder, for cloning and pushing.

    Args:
        root: folder of the repositories.
        tls: certificate to present; without it plain HTTP.
        credentials: user name and password that every request must carry.
    """

    def __init__(
        self, root: Path, *, tls: TlsFiles | None = None, credentials: tuple[str, str] | None = None
    ) -> None:
        super().__init__(_GitHandler, tls)
        self.root = root
        self.credentials = credentials

    def create(self, name: str, branch: str = "main") -> str:
        """Make an empty repository that takes pushes; its URL."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name} is not a name of a repository")
        folder = self.path(name)
        proc.run(["git", "init", "--quiet", "--bare", f"--initial-branch={branch}", folder])
        proc.run(["git", "-C", folder, "config", "http.receivepack", "true"])
        return self.clone_url(name)

    def path(self, name: str) -> Path:
        """The folder of a bare repository."""
        return self.root / f"{name}.git"

    def clone_url(self, name: str) -> str:
        """The URL of a repository, without credentials."""
        return f"{self.url}/{name}.git"

    def head(self, name: str, branch: str = "main") -> str:
        """The commit that a branch points to."""
        done = proc.run(["git", "-C", self.path(name), "rev-parse", f"refs/heads/{branch}"])
        return done.stdout.decode().strip()


class _GitHandler(Handler):
    server: GitServer

    def do_GET(self) -> None:  # noqa: N802
        self._serve()

    def do_POST(self) -> None:  # noqa: N802
        self._serve()

    def _serve(self) -> None:
        body = self.read_body()
        if not self._allowed():
            self.answer(401, headers={"WWW-Authenticate": 'Basic realm="git"'})
            return
        target = urlsplit(self.path)
        done = proc.run(
            ["git", "http-backend"],
            stdin=body,
            env={
                "GIT_PROJECT_ROOT": str(self.server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": target.path,
                "QUERY_STRING": target.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                # http-backend inflates by itself when it is told.
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "REMOTE_ADDR": self.client_address[0],
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if line)
        status = int(headers.pop("Status", "200 OK").split()[0])
        self.answer(status, content, headers=headers)

    def _allowed(self) -> bool:
        if self.server.credentials is None:
            return True
        expected = base64.b64encode(":".join(self.server.credentials).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"
