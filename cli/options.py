"""Options that several commands of `miyar` share.

Belongs here: arguments of more than one command. Does not belong here: commands (`main`, `editions`).
"""

import getpass
from pathlib import Path
from typing import Annotated

import typer

WorkspacePath = Annotated[Path, typer.Option("--workspace", "-w", help="The centre's folder", envvar="MIYAR_WORKSPACE")]
Edition = Annotated[str, typer.Option(help="Edition; default: the current one")]
By = Annotated[str, typer.Option(help="Who publishes, for the release ledger; default: the user of this machine")]
HERE = Path()


def operator() -> str:
    """The current user's name on this machine, or `unnamed` if there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no entry in passwd
        return "unnamed"
