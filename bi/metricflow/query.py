"""Query an edition in MetricFlow: `python bi/metricflow/query.py EDITION --metrics overall_satisfaction --group-by agency`.

The first call creates a separate environment in this folder (dbt-metricflow and Miyar pin different versions); without
an edition nothing else happens. Works on a copy of `project/` in a temporary folder. All words after the edition go to
`mf query`.

Belongs here: the steps of one query. Does not belong here: metrics (`project/models/semantics.yml`).
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"


def programs() -> Path:
    """Return the folder of dbt and mf, created once."""
    folder = ENVIRONMENT / "bin"
    if not (folder / "mf").is_file():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install: list[str | Path] = [
            folder / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "-r",
            HERE / "requirements.txt",
        ]
        subprocess.run(install, check=True)
    return folder


def query(edition: Path, words: list[str], folder: Path) -> None:
    """Run `mf query` on an edition, with its files in the empty folder `folder`; prints what MetricFlow prints."""
    bin_folder = programs()
    project = folder / "project"
    shutil.copytree(HERE / "project", project)
    environment = {
        **os.environ,
        "MIYAR_EDITION": str(edition.resolve()),
        "MIYAR_SEMANTICS": str(folder / "semantics.duckdb"),
        "DBT_PROFILES_DIR": str(project),
        "DBT_PROJECT_DIR": str(project),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    subprocess.run([bin_folder / "dbt", "--quiet", "run"], cwd=project, env=environment, check=True)
    subprocess.run([bin_folder / "mf", "query", *words], cwd=project, env=environment, check=True)


def main(words: list[str]) -> None:
    if not words:
        programs()
        return
    with tempfile.TemporaryDirectory() as aside:
        query(Path(words[0]), words[1:], Path(aside))


if __name__ == "__main__":
    main(sys.argv[1:])
