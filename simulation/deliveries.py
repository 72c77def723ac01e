"""Who delivers what: the plan and its contract templates, filled in for a world.

Belongs here: reading `plan.yml`, filling templates. Does not belong here: rows or files.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import yaml

from ingestion.contract import Contract
from miyar.periods import last_day
from simulation.provider_formats import Style
from simulation.world import HERE, World


@dataclass(frozen=True)
class Delivery:
    """How one provider delivers one feed."""

    provider: str
    feed: str
    template: str
    file: str
    style: Style
    agencies: tuple[str, ...]
    corrected: int | None = None
    rubbish: tuple[int, str] | None = None
    yearly: bool = False

    def path(self, period: str, days: int = 12) -> str:
        """Path, below the landing zone, of the file delivered this many days after the quarter's end."""
        day = last_day(period).fromordinal(last_day(period).toordinal() + days)
        name = self.file.format(period=period, year=period[:4], delivered=day.isoformat())
        return f"{self.provider}/{self.feed}/{name}"


@cache
def plan() -> dict[str, Any]:
    """Read the plan."""
    return dict(yaml.safe_load((HERE / "plan.yml").read_text("utf-8")))


def deliveries(world: World) -> list[Delivery]:
    """All deliveries of a world's agencies; a provider for many covers the agencies that do not deliver a feed themselves."""
    providers = {*world.agencies, *plan()["providers"]}
    entries = [
        {**entry, "provider": provider}
        for entry in plan()["deliveries"]
        for provider in ([entry["provider"]] if isinstance(entry["provider"], str) else entry["provider"])
        if provider in providers
    ]
    own = {(entry["provider"], entry["feed"]) for entry in entries}
    found = []
    for entry in entries:
        provider, feed = entry["provider"], entry["feed"]
        without = {*entry.get("but_not", ()), *(agency for agency in world.agencies if (agency, feed) in own)}
        agencies = [provider] if provider in world.agencies else [a for a in world.agencies if a not in without]
        if not agencies:
            continue
        found.append(
            Delivery(
                provider,
                feed,
                entry["contract"],
                entry["file"],
                Style(
                    names=entry.get("names", "ar"),
                    arabic_digits=tuple(entry.get("arabic_digits", ())),
                    banner=tuple(entry.get("banner", ())),
                    fill=entry.get("fill", {}),
                    defects=tuple(entry.get("defects", ())),
                ),
                tuple(agencies),
                entry.get("corrected"),
                (entry["rubbish"]["quarter"], entry["rubbish"]["how"]) if "rubbish" in entry else None,
                entry.get("yearly", False),
            )
        )
    return found


def write_contracts(world: World, folder: Path) -> None:
    """Fill in every delivery's template and write it to the workspace's contracts."""
    periods = world.size.period_ids
    for delivery in deliveries(world):
        template = Template((HERE / "contracts" / delivery.feed / f"{delivery.template}.yml").read_text("utf-8"))
        text = template.substitute(
            agency=delivery.agencies[0],
            provider=delivery.provider,
            covers=f"[{', '.join(delivery.agencies)}]",
            first=periods[0],
            midway=periods[len(periods) // 2],
        )
        path = folder / delivery.provider / f"{delivery.feed}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def by_delivery(contracts: list[Contract]) -> dict[tuple[str, str], Contract]:
    """Contracts by provider and feed."""
    return {(contract.provider, contract.feed): contract for contract in contracts}
