"""`python -m openinfra_tui` is the `openinfra-tui` command."""

from openinfra_tui.cli.main import script

if __name__ == "__main__":
    script()
