"""The code location as Dagster itself loads it, in a separate process."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
from dagster_project.definitions import defs
from dagster_project.instance import open_instance
from pathlib import Path
import os
loaded = defs()
print(sorted(job.name for job in loaded.resolve_all_job_defs() if not job.name.startswith("__")))
with open_instance(Path(os.environ["MIYAR_WORKSPACE"])) as instance:
    print(instance.telemetry_enabled, instance.run_monitoring_enabled)
"""


def test_the_definitions_load_from_the_environment_alone(centre: Path) -> None:
    environment = {**os.environ, "MIYAR_WORKSPACE": str(centre)}
    outcome = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    jobs, instance = outcome.stdout.splitlines()
    assert jobs == "['build', 'ingest', 'publish']"
    assert instance == "False True"
    assert (centre / "dagster" / "dagster.yaml").is_file()
