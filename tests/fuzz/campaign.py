"""A campaign of fuzzed deliveries through the product's intake, and what must hold of every one of them.

Belongs here: receiving, checking, counting. Does not belong here: what is delivered (`deliveries`).

Run `python -m tests.fuzz.campaign COUNT [SEED]` (`make fuzz`). A fault names the number by which its delivery is drawn again.
"""

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from expectations.intake import receive_all
from ingestion.contract import Contract, load_contracts
from ingestion.submission_ledger import Account
from miyar.errors import MiyarError
from miyar.registry import load_registry
from miyar.workspace import Workspace
from publication.method import methodology_of, with_known_names
from tests.fuzz.deliveries import Drawn, drawn, write_contracts
from tests.ingestion.conftest import build

AT_ONCE = 250  # files of one intake


@dataclass
class Outcome:
    """What became of a campaign: counts by outcome and rule, and the faults found, by number of the delivery."""

    deliveries: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def campaign(count: int, seed: int, root: Path) -> Outcome:
    """Receive `count` deliveries in batches, each batch in a workspace of its own and once more in another order."""
    outcome = Outcome()
    for first in range(0, count, AT_ONCE):
        numbers = list(range(first, min(first + AT_ONCE, count)))
        _batch(outcome, seed, numbers, root / str(first))
        shutil.rmtree(root / str(first))
    return outcome


def _batch(outcome: Outcome, seed: int, numbers: list[int], root: Path) -> None:
    forth, back = build(root / "forth"), build(root / "back")
    for centre in (forth, back):
        settings = centre.root / "miyar.yml"
        settings.write_text(settings.read_text("utf-8").replace("methodology: v1", "methodology: '2026.2'"), "utf-8")
        write_contracts(centre.root / "registry")
    contracts = load_contracts(forth.root / "registry")
    by_provider = {contract.provider: contract for contract in contracts}
    files = {number: drawn(seed, number, by_provider, root) for number in numbers}
    found = _received(outcome, forth.workspace, contracts, files)
    # A part of them again, named so that they come in the other order.
    again = dict(list(files.items())[:: max(len(files) // 25, 1)])
    other = _received(outcome, back.workspace, contracts, again, turned=True)
    for number, account in found.items():
        outcome.deliveries += 1
        outcome.faults += [f"{number}: {fault}" for fault in faults_of(account)]
        outcome.outcomes[account.status] += 1
        outcome.rules.update({problem["rule"] for problem in account.problems} | set(account.rule_counts))
        for name in ("records", "accepted", "quarantined", "duplicates"):
            outcome.rows[name] += getattr(account, name)
        if number in other and _told(account) != _told(other[number]):
            outcome.faults.append(f"{number}: another outcome in another order")


def _received(
    outcome: Outcome, workspace: Workspace, contracts: list[Contract], files: dict[int, Drawn], *, turned: bool = False
) -> dict[int, Account]:
    """The account of each delivery; one without any, and an intake that stops, are faults."""
    for number, one in files.items():
        path = workspace.landing / one.provider / one.feed / _name(number, turned)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.content)
    try:
        registry = with_known_names(load_registry(workspace.root / "registry"), methodology_of(workspace))
        intake = receive_all(workspace, registry, contracts, [])
    except Exception as error:  # whatever escapes is the fault looked for
        outcome.faults.append(
            f"{min(files)}-{max(files)}: the intake stopped: {type(error).__name__}: {str(error)[:200]}"
        )
        return {}
    found = {int(Path(account.path).stem.split("-")[-1]): account for account in intake.accounts}
    known = {problem.file for problem in intake.problems}
    for number, one in files.items():
        shown = f"{one.provider}/{one.feed}/{_name(number, turned)}"
        if number not in found and shown not in known:
            outcome.faults.append(f"{number}: no account of the delivery")
    return found


def _name(number: int, turned: bool) -> str:
    return f"{10**7 - number if turned else number:08d}-{number}.dat"


def faults_of(account: Account) -> list[str]:
    """What is wrong with an account: rows that do not add up, a refusal without a reason, a reason without file or next step."""
    faults = []
    if account.records != account.accepted + account.quarantined + account.duplicates:
        faults.append("rows were lost")
    if account.accepted != sum(int(one["rows"]) for one in account.slices):
        faults.append("accepted rows are in no slice")
    if account.status != "accepted" and not account.problems:
        faults.append("refused without a reason")
    for problem in account.problems:
        if not (problem["rule"] and problem["message"] and problem["next_step"] and problem["file"] == account.path):
            faults.append(f"{problem['rule'] or 'a problem'} lacks rule, message, file or next step")
        if any(word in problem["message"] for word in ("Traceback", "Error:", "duckdb", "site-packages")):
            faults.append(f"{problem['rule']} speaks of the program: {problem['message'][:80]}")
    return faults


def _told(account: Account) -> str:
    """What does not depend on when and under which name a delivery came."""
    told = asdict(account)
    text = {name: told[name] for name in ("status", "records", "accepted", "quarantined", "duplicates", "rule_counts")}
    return json.dumps(text | {"rules": [problem["rule"] for problem in told["problems"]]}, sort_keys=True)


def report(outcome: Outcome, seconds: float) -> str:
    """Counts in lines."""
    lines = [f"{outcome.deliveries:,} deliveries in {seconds:.0f} s, {len(outcome.faults)} faults"]
    for name, counts in (("outcomes", outcome.outcomes), ("rows", outcome.rows), ("rules", outcome.rules)):
        lines.append(f"{name}: " + ", ".join(f"{one} {count:,}" for one, count in counts.most_common()))
    return "\n".join([*lines, *outcome.faults[:20]])


def main(arguments: list[str]) -> int:
    """Run a campaign; 1 where a fault was found."""
    count, seed = int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 1
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = campaign(count, seed, Path(folder))
    print(report(outcome, time.monotonic() - begun))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MiyarError as error:
        sys.exit(str(error))
