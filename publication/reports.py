"""The public reports of an edition: one national report and one brief per region, in both languages.

Belongs here: their files. Does not belong here: their content (`documents.national`, `documents.region`).
"""

from pathlib import Path

from methodology.parameters import Methodology
from publication.access import Centre, Public
from publication.documents.model import Document
from publication.documents.national import national_document
from publication.documents.region import region_document
from publication.documents.rendering import as_html, as_pdf, values
from publication.phrasing import LANGUAGES
from publication.shares import Shares

# Roles of the metrics by which regions are compared.
REGIONAL = ("satisfaction", "timeliness", "completion")


def write_reports(shares: Shares, building: Path, edition_id: str, period: str, methodology: Methodology) -> None:
    """Write `reports/national.*` and `reports/regions/<region>.*` of an edition under construction."""
    minimum = int(methodology.thresholds["minimum_peers"])
    folder = building / "reports"
    with shares.of(Public()) as public, shares.of(Centre()) as centre:
        regional = [methodology.roles[role] for role in REGIONAL if role in methodology.roles]
        _write(national_document(public, centre, edition_id, period, minimum, regional), folder / "national", period)
        for region in public.rows("select * from dim_units where unit_type = 'region' order by unit_id"):
            document = region_document(public, region, edition_id, period, methodology.thresholds["interval_level"])
            _write(document, folder / "regions" / str(region["unit_id"]), period)


def _write(document: Document, stem: Path, period: str) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        told = values(document, language)
        stem.with_name(f"{stem.name}.{language}.html").write_text(as_html(told), "utf-8")
        stem.with_name(f"{stem.name}.{language}.pdf").write_bytes(as_pdf(told, period))
