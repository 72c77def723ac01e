"""`python -m simulation.coverage`: run all studies and write `docs/evidence/coverage.*`, or print one study.

Belongs here: the command. Does not belong here: what is studied (`studies`) and how it is shown (`evidence`).
"""

import argparse
import sys
from pathlib import Path

from simulation.coverage.evidence import Result, table, write
from simulation.coverage.studies import STUDIES

EVIDENCE = Path(__file__).resolve().parents[2] / "docs" / "evidence"


def main() -> int:
    """Run; the exit code is 1 where a claim was missed."""
    parser = argparse.ArgumentParser(prog="python -m simulation.coverage", description=__doc__)
    parser.add_argument("--study", choices=[study.name for study in STUDIES], help="print this study alone")
    chosen = parser.parse_args()
    results = []
    for study in STUDIES:
        if chosen.study in (None, study.name):
            result = Result(study, study.findings())
            print(f"{study.about} (seed {study.seed})\n\n{table(result.findings)}\n", flush=True)
            results.append(result)
    if chosen.study is None:
        write(results, EVIDENCE)
    return 0 if all(finding.passes for result in results for finding in result.findings) else 1


if __name__ == "__main__":
    sys.exit(main())
