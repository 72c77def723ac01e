"""The evidence: findings as a page, as JSON and as plots, identical to the byte for the same findings.

Belongs here: how findings are shown. Does not belong here: what is claimed and found (the studies).
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulation.coverage.findings import Claim, Finding
from simulation.coverage.studies import Study

COLOURS = {"held": "#2b6f4f", "on the border": "#b8860b", "missed": "#b22222", "withdrawn": "#808080"}
PREFACE = """# Proof by simulation

Worlds are drawn whose truth is known, the product's own functions (`methodology/`) are run on what such worlds give, and it
is counted how often they are right. This page, `coverage.json` and the plots are written by `make coverage` and by nothing
else; they come out the same on every machine. A short form runs with the tests.

- **Claimed** is the range METHODOLOGY, section 18, or the study names for the share; **observed** is the share found;
  **chance** is its 95 % Monte Carlo interval over the draws (Clopper-Pearson, or normal where a world gives a share itself).
- **held**: observed lies in the claimed range. **on the border**: outside a range with one end, by less than chance does.
  **missed**: outside. **withdrawn**: the claim is not made there, and why. **shown**: no claim; a contrast or a price.
- A share without draws was computed exactly.
"""


@dataclass(frozen=True)
class Result:
    """A study and its findings."""

    study: Study
    findings: Sequence[Finding]

    @property
    def command(self) -> str:
        """The command that repeats this study alone."""
        return f"python -m simulation.coverage --study {self.study.name}"


def write(results: Sequence[Result], target: Path) -> None:
    """Write page, JSON and plots to the folder `target`."""
    target.mkdir(parents=True, exist_ok=True)
    (target / "coverage.md").write_text(page(results), encoding="utf-8")
    (target / "coverage.json").write_text(json.dumps(records(results), indent=1, ensure_ascii=False) + "\n", "utf-8")
    for result in results:
        plot(result, target / f"coverage_{result.study.name}.svg")


def page(results: Sequence[Result]) -> str:
    """The page: a summary, then a table for every study."""
    verdicts = Counter(finding.verdict for result in results for finding in result.findings)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    lines = [PREFACE, f"{sum(verdicts.values())} findings: {counted}.\n"]
    for result in results:
        lines += [
            f"## {result.study.about}\n",
            f"Seed {result.study.seed}; `{result.command}`.\n",
            table(result.findings),
            "",
            f"![Claimed and observed]({f'coverage_{result.study.name}.svg'})\n",
        ]
    return "\n".join(lines)


def table(findings: Sequence[Finding]) -> str:
    """Findings as a Markdown table, followed by the reasons for withdrawn claims."""
    rows = ["| finding | claimed | observed % | chance % | draws | verdict |", "|---|---|---:|---:|---:|---|"]
    reasons = list(dict.fromkeys(finding.withdrawn for finding in findings if finding.withdrawn))
    for finding in findings:
        low, high = finding.chance()
        chance = f"{100 * low:.2f} to {100 * high:.2f}" if finding.draws else "exact"
        mark = f" ({reasons.index(finding.withdrawn) + 1})" if finding.withdrawn else ""
        rows.append(
            f"| {finding.what} | {finding.claim or '–'} | {100 * finding.observed:.2f} | {chance} "
            f"| {finding.draws or '–'} | {finding.verdict}{mark} |"
        )
    notes = [f"({number}) Withdrawn: {reason}.\n" for number, reason in enumerate(reasons, 1)]
    return "\n".join([*rows, *(["", *notes] if notes else [])])


def records(results: Sequence[Result]) -> list[dict[str, object]]:
    """One record per finding; shares on 0-1."""
    return [
        {
            "study": result.study.name,
            "finding": finding.what,
            "claimed": None if finding.claim is None else [finding.claim.low, finding.claim.high],
            "observed": round(finding.observed, 6),
            "chance": [round(end, 6) for end in finding.chance()],
            "draws": finding.draws,
            "verdict": finding.verdict,
            "withdrawn": finding.withdrawn or None,
            "seed": result.study.seed,
            "command": result.command,
        }
        for result in results
        for finding in result.findings
    ]


def plot(result: Result, target: Path) -> None:
    """Plot a study's claimed findings against their claims, one panel per claim, in percent."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    panels: dict[Claim, list[Finding]] = {}
    for finding in result.findings:
        if finding.claim is not None:
            panels.setdefault(finding.claim, []).append(finding)
    heights = [len(own) + 1.5 for own in panels.values()]
    # Glyphs are drawn as paths, so that the plot does not depend on the machine's fonts.
    with mpl.rc_context(
        {"svg.hashsalt": "miyar", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 8}
    ):
        figure, axes = pyplot.subplots(
            len(panels), 1, figsize=(10, 0.24 * sum(heights) + 0.4), height_ratios=heights, squeeze=False
        )
        for axis, (claim, findings) in zip(axes[:, 0], panels.items(), strict=True):
            _panel(axis, claim, findings)
        figure.tight_layout()
        figure.savefig(target, metadata={"Date": None})
        pyplot.close(figure)


def _panel(axis: object, claim: Claim, findings: Sequence[Finding]) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axis, Axes)  # noqa: S101
    ends = [100 * end for finding in findings for end in finding.chance()]
    kept = [100 * end for end in (claim.low, claim.high) if 0.0 < end < 1.0] or [100.0]
    low, high = min(*ends, *kept), max(*ends, *kept)
    margin = 0.08 * (high - low) or 1.0
    axis.axvspan(max(100 * claim.low, low - 2 * margin), min(100 * claim.high, high + 2 * margin), color="#dbe6f1")
    for position, finding in enumerate(findings):
        colour = COLOURS[finding.verdict]
        axis.plot([100 * end for end in finding.chance()], [position, position], color=colour, linewidth=1.2)
        axis.plot(100 * finding.observed, position, "o", color=colour, markersize=3.5)
    axis.set_yticks(range(len(findings)), [finding.what for finding in findings])
    axis.set_xlim(low - margin, high + margin)
    axis.set_ylim(len(findings) - 0.4, -0.6)
    axis.set_title(f"claimed {claim}", loc="left")
    axis.set_xlabel("%")
