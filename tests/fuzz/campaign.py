"""A campaign of fuzzed deliveries through the product's intake, and what must hold of every one of them.

Belongs here: receiving, checking, counting. Does not belong here: what is delivered (`deliveries`).

Run `python -m tests.fuzz.campaign COUNT [SEED]` (`make fuzz`), in two processes. A fault names the number by which its
delivery is drawn again.
"""

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path

from expectations.intake import receive_all
from ingestion.faults import RETRIED
from ingestion.submission_ledger import Account
from miyar.errors import MiyarError
from miyar.registry import Registry, load_registry
from miyar.workspace import Workspace
from publication.method import methodology_of, with_known_names
from tests.fuzz.corpora import Corpus, corpora
from tests.fuzz.deliveries import Drawn, drawn

AT_ONCE = 2_500  # deliveries of one batch
AGAIN = 10  # one in so many is received once more, in another order
PROCESSES, PART = 2, 5_000  # deliveries that a process takes at a time
# `in part` had rows refused; without an account are files that are named beside the accounts (their path says too little).
BECAME = ("accepted", "in part", "refused", "without account")
# Words of the program's, which nobody who delivers files knows.
PROGRAM = ("Traceback", "Error:", "duckdb", "DuckDB", "pyarrow", "calamine", "site-packages", "NoneType", ".py", "0x7f")


@dataclass
class Outcome:
    """What became of a campaign: counts by corpus, outcome, rule and kind of change, and the faults found."""

    deliveries: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    corpora: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Outcome") -> None:
        """Count another part of the campaign too."""
        self.deliveries += other.deliveries
        self.faults += other.faults
        for name in ("outcomes", "corpora", "rules", "rows", "changes"):
            getattr(self, name).update(getattr(other, name))


def campaign(numbers: Iterable[int], seed: int, root: Path) -> Outcome:
    """Receive these deliveries in batches, each batch in workspaces of its own and a part once more in another order."""
    outcome = Outcome()
    every = corpora(root / "corpora")
    waiting = list(numbers)
    for start in range(0, len(waiting), AT_ONCE):
        files = {number: drawn(seed, number, every, root) for number in waiting[start : start + AT_ONCE]}
        for corpus in every:
            own = {number: one for number, one in files.items() if one.corpus == corpus.name}
            _batch(outcome, corpus, own, root / "batch")
    return outcome


def _batch(outcome: Outcome, corpus: Corpus, files: dict[int, Drawn], root: Path) -> None:
    workspace = Workspace.open(corpus.root)
    registry = with_known_names(load_registry(corpus.root / "registry"), methodology_of(workspace))
    found = _received(outcome, corpus, registry, files, root / "forth")
    # A part of them again, named so that they come in the other order.
    again = dict(list(files.items())[::AGAIN])
    other = _received(outcome, corpus, registry, again, root / "back", turned=True)
    shutil.rmtree(root)
    for number, one in files.items():
        account = found.get(number)
        became = "without account" if account is None else account.status
        if account is not None:
            became = "in part" if account.status == "accepted" and account.quarantined else account.status
            outcome.faults += [f"{number}: {fault}" for fault in faults_of(account)]
            outcome.rules.update({problem["rule"] for problem in account.problems} | set(account.rule_counts))
            for name in ("records", "accepted", "quarantined", "duplicates"):
                outcome.rows[name] += getattr(account, name)
            if number in other and _told(account) != _told(other[number]):
                outcome.faults.append(f"{number}: another outcome in another order")
        outcome.deliveries += 1
        outcome.corpora[corpus.name] += 1
        outcome.outcomes[became] += 1
        outcome.changes.update((change, became) for change in set(one.changes))


def _received(
    outcome: Outcome, corpus: Corpus, registry: Registry, files: dict[int, Drawn], root: Path, *, turned: bool = False
) -> dict[int, Account]:
    """The account of each delivery; one without any, and an intake that stops, are faults."""
    root.mkdir(parents=True)
    for name in ("miyar.yml", "pseudonym.key"):
        shutil.copy(corpus.root / name, root / name)
    workspace = Workspace.open(root)
    for number, one in files.items():
        path = workspace.landing / one.provider / one.feed / _folder(number, turned) / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.content)
    try:
        intake = receive_all(workspace, registry, corpus.contracts, [])
    except Exception as error:  # whatever escapes is the fault looked for
        told = f"the intake stopped: {type(error).__name__}: {str(error)[:200]}"
        outcome.faults.append(f"{min(files)}-{max(files)} of {corpus.name}: {told}")
        return {}
    found = {int(account.path.split("/")[2].split("-")[-1]): account for account in intake.accounts}
    known = {problem.file for problem in intake.problems}
    for number, one in files.items():
        shown = f"{one.provider}/{one.feed}/{_folder(number, turned)}/{one.name}"
        if number not in found and shown not in known:
            outcome.faults.append(f"{number}: no account of the delivery")
    return found


def _folder(number: int, turned: bool) -> str:
    return f"{10**7 - number if turned else number:08d}-{number}"


def faults_of(account: Account) -> list[str]:
    """What is wrong with an account: rows that do not add up, a refusal without a reason, a reason without file or next step."""
    faults = []
    if account.records != account.accepted + account.quarantined + account.duplicates:
        faults.append("rows were lost")
    if account.accepted != sum(int(one["rows"]) for one in account.slices):
        faults.append("accepted rows are in no slice")
    if account.status != "accepted" and not account.problems:
        faults.append("refused without a reason")
    for problem in [*account.problems, *account.notes]:
        if not (problem["rule"] and problem["message"] and problem["next_step"] and problem["file"] == account.path):
            faults.append(f"{problem['rule'] or 'a problem'} lacks rule, message, file or next step")
        if any(word in problem["message"] for word in PROGRAM):
            faults.append(f"{problem['rule']} speaks of the program: {problem['message'][:80]}")
        if problem["rule"] in RETRIED:
            faults.append(f"{problem['rule']} blames the machine for a file: {problem['message'][:80]}")
    return faults


def _told(account: Account) -> str:
    """What does not depend on when and under which name a delivery came."""
    told = asdict(account)
    text = {name: told[name] for name in ("status", "records", "accepted", "quarantined", "duplicates", "rule_counts")}
    return json.dumps(text | {"rules": [problem["rule"] for problem in told["problems"]]}, sort_keys=True)


def report(outcome: Outcome, seconds: float) -> str:
    """Counts in lines."""
    lines = [f"{outcome.deliveries:,} deliveries in {seconds:.0f} s, {len(outcome.faults)} faults"]
    for name in ("corpora", "outcomes", "rows", "rules"):
        counts: Counter[str] = getattr(outcome, name)
        lines.append(f"{name}: " + ", ".join(f"{one} {count:,}" for one, count in counts.most_common()))
    lines.append(f"{'change':<18}" + "".join(f"{became:>16}" for became in BECAME))
    for change in sorted({change for change, _ in outcome.changes}):
        counted = [outcome.changes[change, became] for became in BECAME]
        lines.append(f"{change:<18}" + "".join(f"{count:>16,}" for count in counted))
    return "\n".join([*lines, *outcome.faults[:20]])


def _part(numbers: range, seed: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return campaign(numbers, seed, Path(folder))


def main(arguments: list[str]) -> int:
    """Run a campaign; 1 where a fault was found."""
    count, seed = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1
    begun, outcome = time.monotonic(), Outcome()
    size = min(PART, -(-count // PROCESSES))
    parts = [range(start, min(start + size, count)) for start in range(0, count, size)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as processes:
        for part in processes.map(_part, parts, [seed] * len(parts)):
            outcome.add(part)
            print(f"{outcome.deliveries:,} of {count:,}, {len(outcome.faults)} faults", file=sys.stderr)
    print(report(outcome, time.monotonic() - begun))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MiyarError as error:
        sys.exit(str(error))
