"""`python -m simulation.coverage`: run all studies and write `docs/evidence/coverage.*`, or print one study.

Belongs here: the command. Does not belong here: what is studied (`studies`) and how it is shown (`evidence`).
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from simulation.coverage.evidence import Result, table, write
from simulation.coverage.studies import STUDIES, Study

EVIDENCE = Path(__file__).resolve().parents[2] / "docs" / "evidence"


def main() -> int:
    """Run the studies; the exit code is 1 if a claim was missed."""
    parser = argparse.ArgumentParser(prog="python -m simulation.coverage", description=__doc__)
    parser.add_argument("--study", choices=[study.name for study in STUDIES], help="print this study alone")
    chosen = parser.parse_args()
    studies = [study for study in STUDIES if chosen.study in (None, study.name)]
    results = []
    with ProcessPoolExecutor(2) as pool:
        for study, findings in zip(studies, pool.map(Study.findings, studies), strict=True):
            print(f"{study.about} (seed {study.seed})\n\n{table(findings)}\n", flush=True)
            results.append(Result(study, findings))
    if chosen.study is None:
        write(results, EVIDENCE)
    return 0 if all(finding.passes for result in results for finding in result.findings) else 1


if __name__ == "__main__":
    sys.exit(main())
