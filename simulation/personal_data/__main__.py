"""`python -m simulation.personal_data`: measure the scan and write `docs/evidence/personal_data.*`.

Belongs here: the command. Does not belong here: what is measured (`study`).
"""

from pathlib import Path

from simulation.personal_data.study import page, study, write

if __name__ == "__main__":
    rows = study()
    write(rows, Path(__file__).resolve().parents[2] / "docs" / "evidence")
    print(page(rows))
