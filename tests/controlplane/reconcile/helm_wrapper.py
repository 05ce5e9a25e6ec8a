"""In place of helm-secrets, a shell plugin that no package brings: `helm` that decrypts values files.

It does for `helm template` what that plugin's wrapper does, by the same variables (helm-secrets, "Argo CD
integration" and "Security"): values files that sops encrypted are decrypted beside, everything else is Helm's.
It is copied to where the repository server looks for `helm`, so it imports nothing of ours.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main(words: list[str]) -> int:
    """Run Helm; its return code."""
    helm = os.environ["HELM_SECRETS_HELM_PATH"]
    decrypts = os.environ.get("HELM_SECRETS_WRAPPER_ENABLED") == "true" and words[:1] == ["template"]
    with tempfile.TemporaryDirectory() as folder:
        for place in range(1, len(words) if decrypts else 0):
            if words[place - 1] in ("--values", "-f") and _is_encrypted(Path(words[place])):
                words[place] = str(_decrypted(words[place], Path(folder, f"{place}.yaml")))
        return subprocess.run([helm, *words], check=False).returncode


def _is_encrypted(file: Path) -> bool:
    text = file.read_text("utf-8")
    return "\nsops:" in text and "ENC[" in text


def _decrypted(name: str, target: Path) -> Path:
    if name.startswith("/") and os.environ.get("HELM_SECRETS_VALUES_ALLOW_ABSOLUTE_PATH") != "true":
        sys.exit(f"{name}: absolute paths are not allowed")
    if ".." in Path(name).parts and os.environ.get("HELM_SECRETS_VALUES_ALLOW_PATH_TRAVERSAL") != "true":
        sys.exit(f"{name}: paths with .. are not allowed")
    if os.environ.get("HELM_SECRETS_BACKEND") != "sops":
        sys.exit(f"{name}: no backend to decrypt it")
    sops = os.environ["HELM_SECRETS_SOPS_PATH"]
    target.touch(mode=0o600)
    with target.open("wb") as output:
        subprocess.run([sops, "decrypt", name], stdout=output, check=True)
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
