"""`python -m openinfra_tui` is the `openinfra-tui` command."""

from openinfra_tui.cli.main import main

if __name__ == "__main__":
    main()
