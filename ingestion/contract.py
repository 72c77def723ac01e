"""What a contract may say about how one provider delivers one feed, as validated data.

Belongs here: the contract's model, its checks and its JSON Schema. Does not belong here: reading or mapping of files.
Field names follow the Open Data Contract Standard where it has one (apiVersion, kind, id, version, status, description,
physicalName, server).
"""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, model_validator

from ingestion.calendars import is_hijri_format
from ingestion.expressions import Expression
from ingestion.feeds import Feed, load_feeds
from ingestion.formats import ContractModel, FileFormat, RowChoice, has_lines
from ingestion.moments import format_fault
from ingestion.recipes import with_recipe
from ingestion.stewardship import LinkedPseudonyms, Processing, Retention
from ingestion.units import fits, load_units
from miyar.errors import MiyarError, Problem
from miyar.periods import is_period
from miyar.timezones import is_zone

Scalar = str | int | float | bool
# The same safe loader in C, several times faster; a centre has hundreds of contracts.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Lookup = Literal["agencies", "services", "branches", "regions", "journeys"]


class NamedFrom(ContractModel):
    """A source header that holds from a period on."""

    physical_name: str
    valid_from: str = Field(description="First period in which the file carries this header, e.g. 2025Q3")


class Generalise(ContractModel):
    """Numbers to bands: lower bounds in rising order, labelled `0-17`, `18-29`, ... `60+`; below the first is null."""

    lower_bounds: list[int] = Field(min_length=1)


class Property(ContractModel):
    """Where one canonical column comes from and how its text becomes a value.

    Exactly one of physicalName (one header, or headers by period), constant, expression (several columns), fileName (a regular
    expression whose first group is taken from the path below the feed's landing folder) says where from.
    """

    name: str = Field(description="Canonical column of the feed, or `scale` (an id of `scales`)")
    physical_name: str | list[NamedFrom | str] | None = Field(
        None, description="Header; or several, of which the file has one, some perhaps from a period on"
    )
    constant: Scalar | None = None
    file_name: str | None = None
    expression: Expression | None = Field(None, description="A value made from several columns")
    labels: dict[str, Scalar] | None = Field(
        None, description='Value map: label as delivered -> canonical code; the label "" is an empty cell'
    )
    unlisted: Literal["refuse", "empty", "keep"] = Field(
        "refuse", description="What a text outside `labels` becomes: a problem, no value, or the text itself"
    )
    lookup: Lookup | None = Field(None, description="Find the id through names and aliases of this registry table")
    date_format: list[str] | None = Field(
        None,
        description="strptime formats, tried in order, or epoch_seconds, epoch_milliseconds, serial_1900, serial_1904; default "
        "ISO 8601. Names of months (%B, %b), weekdays (%A) and halves of the day (%p) may be Arabic or English",
    )
    calendar: Literal["gregorian", "umm_al_qura"] = "gregorian"
    multiply_by: float | None = None
    rounding: Literal["down", "nearest"] | None = Field(
        None, description="What a fraction becomes in a column of whole numbers, such as the base of a weighted table"
    )
    unit: str | None = Field(
        None,
        description="Unit of bare numbers (values.md); a text that names its own unit (85%, 12 min, 0:12:30) is taken by that. "
        "Both become the unit of the column. `hh:mm` and `mm:ss` say what the two numbers of 0:12 are",
    )
    year_ends: int | None = Field(
        None,
        ge=1,
        le=12,
        description="Month a (fiscal) year ends in, where `period_id` holds years: 2025, FY2025, 2024/25",
    )
    timezone: str | None = Field(None, description="Zone of this column's times without one; default: the contract's")
    null_values: list[str] = Field(default_factory=list, description="Texts that mean no value, in this column")
    treatment: Literal["pseudonymise"] | Generalise | None = Field(None, description="For personal columns")
    optional: bool = Field(False, description="The header may be absent; the column is then null")
    retention: Retention | None = Field(
        None, description="The column is emptied so long after its quarter, where that is before the rows go"
    )

    @model_validator(mode="after")
    def _one_source(self) -> "Property":
        sources = (self.physical_name, self.constant, self.file_name, self.expression)
        if sum(source is not None for source in sources) != 1:
            raise ValueError(f"{self.name}: give exactly one of physicalName, constant, fileName, expression")
        if self.file_name is not None:
            _require_group(f"{self.name}: fileName", self.file_name)
        for one in self.date_format or []:
            is_hijri = self.calendar == "umm_al_qura"
            fault = format_fault(one) if not is_hijri else "" if is_hijri_format(one) else "reads no whole Hijri date"
            if fault:
                raise ValueError(f"{self.name}: the format {one!r} {fault}")
        return self


class Record(ContractModel):
    """One record made of each source row; several records unpivot a wide file.

    With `skipWhenEmpty` a row whose every own column is empty gives no record and is counted as blank.
    """

    properties: list[Property] = Field(min_length=1)
    skip_when_empty: bool = True


class Scale(ContractModel):
    """A scale as this provider writes it. Codes not listed anywhere are out of range and quarantined by rule."""

    family: str = Field(description="Scale family kept with every answer; only equal families are compared")
    min: int
    max: int
    reversed: bool = False
    labels: dict[str, Scalar] = Field(default_factory=dict, description="Answer as delivered -> code")
    dont_know: list[str] = Field(default_factory=list)
    not_applicable: list[str] = Field(default_factory=list)
    refused: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _ordered(self) -> "Scale":
        if self.min >= self.max:
            raise ValueError(f"scale {self.family}: min {self.min} is not below max {self.max}")
        return self


class Dropped(ContractModel):
    """A source column that is read past and never stored, with the reason; `scan` reports personal data found in it."""

    physical_name: str = Field(description="Header, or a glob such as q33*")
    reason: str
    scan: bool = False


class Delivered(ContractModel):
    """When a file was delivered, taken from its path: the later delivery of a slice replaces the earlier one."""

    file_name: str = Field(description="Regular expression with one group on the path below the feed's landing folder")
    date_format: str = "%Y-%m-%d"

    @model_validator(mode="after")
    def _has_group(self) -> "Delivered":
        _require_group("delivered.fileName", self.file_name)
        return self


class Waiver(ContractModel):
    """A rule that does not hold for this contract, with reason and last period."""

    rule: str
    reason: str
    until: str


class ClientCredentials(ContractModel):
    """A token asked for by OAuth2 client credentials before the first page, and again when the endpoint no longer takes it.

    Example: `{tokenUrl: https://id.example/token, clientVariable: KIOSK_ID, secretVariable: KIOSK_SECRET, scope: read}`.
    """

    token_url: str
    client_variable: str = Field(description="Environment variable with the client's id")
    secret_variable: str = Field(description="Environment variable with the client's secret")
    scope: str = ""

    @model_validator(mode="after")
    def _plain_address(self) -> "ClientCredentials":
        _refuse_address(self.token_url, "server.oauth.tokenUrl", "clientVariable and secretVariable")
        return self


class Server(ContractModel):
    """A paged HTTP endpoint whose items `miyar fetch` writes to the landing zone as NDJSON.

    The next page is `nextPath` in the body (a URL or a token sent as `pageParameter`), else what `pages` says: page numbers
    from 1, offsets from 0 (the items read so far), or the Link header of each answer.
    """

    type: Literal["api"]
    url: str
    items_path: str = "items"
    page_parameter: str = "page"
    next_path: str | None = None
    pages: Literal["number", "offset", "link"] = "number"
    token_variable: str | None = Field(None, description="Environment variable with the bearer token")
    oauth: ClientCredentials | None = Field(
        None, description="How a bearer token is asked for, instead of `tokenVariable`"
    )

    @model_validator(mode="after")
    def _plain_address(self) -> "Server":
        _refuse_address(self.url, "server.url", "tokenVariable")
        if self.oauth is not None and self.token_variable is not None:
            raise ValueError("server names both tokenVariable and oauth; a request carries one token")
        return self


def _refuse_address(url: str, field: str, instead: str) -> None:
    """Raise ValueError for what is no plain web address: messages quote it, and contracts are shared."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{field} is no http or https address")
    if "@" in parts.netloc:
        raise ValueError(f"{field} holds a user or a password; take it from the environment ({instead})")


class Contract(ContractModel):
    """How one provider delivers one feed."""

    api_version: Literal["v3.1.0"] = "v3.1.0"
    kind: Literal["DataContract"] = "DataContract"
    id: str
    version: str = "1.0.0"
    status: Literal["active", "retired"] = "active"
    description: str = ""
    extends: str | None = Field(
        None, description="A recipe: what every export of one program has in common (see Recipes)"
    )
    provider: str
    feed: str
    files: list[str] = Field(default=["*"], description="Globs below landing/<provider>/<feed>/")
    delivery: Literal["replace", "upsert", "add"] = Field(
        "replace",
        description="replace: a file is the whole of its slices; upsert: the latest version of a key counts; "
        "add: a file brings further rows of its slices; an id that came before is corrected by the later one, and rows "
        "without ids are told apart by file and row",
    )
    delivered: Delivered | None = Field(None, description="Default: order of arrival, then path")
    precedence: int | None = Field(None, description="Decides when two providers deliver one slice; lower wins")
    covers: Annotated[list[str], Field(min_length=1)] | Literal["all"] = Field(
        description="Agencies this provider may report on"
    )
    format: FileFormat
    rows: RowChoice = Field(default_factory=RowChoice, description="Default: every row below the header is meant")
    null_values: list[str] = Field(default_factory=list, description="Texts that mean no value, in every column")
    timezone: str | None = Field(
        None,
        description="Zone of times without one, e.g. Asia/Riyadh; default: the workspace's (`timezone` in miyar.yml)",
    )
    zone_names: dict[str, str] = Field(
        default_factory=dict, description="What this provider's abbreviations of zones mean, e.g. AST: Asia/Riyadh"
    )
    properties: list[Property] = Field(default_factory=list, description="Columns shared by all records of a row")
    records: list[Record] = Field(default_factory=list, description="Default: one record a row")
    scales: dict[str, Scale] = Field(default_factory=dict)
    dropped: list[Dropped] = Field(default_factory=list)
    ignored: list[str] = Field(
        default_factory=list, description="Other headers (globs) known and not taken; any further header is refused"
    )
    untold: list[str] = Field(
        default_factory=list,
        description="Items, measures or models (globs) that are taken though no figure uses them; any other such name is refused",
    )
    waivers: list[Waiver] = Field(default_factory=list)
    retention: Retention | None = Field(None, description="Rows and delivered files go so long after their quarter")
    link_pseudonyms: LinkedPseudonyms | None = Field(
        None,
        description="Default: pseudonyms are made with the newest version of the key, and linked people end with it",
    )
    processing: Processing | None = Field(None, description="For the record of processing")
    server: Server | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Contract":
        problems = _contract_problems(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _require_group(prefix: str, pattern: str) -> None:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"{prefix} is no regular expression: {error}") from None
    if groups < 1:
        raise ValueError(f"{prefix} needs one group")


def _contract_problems(contract: Contract) -> list[str]:
    feeds = load_feeds()
    if contract.feed not in feeds:
        return [f"feed {contract.feed!r} is unknown (the feeds are {', '.join(feeds)})"]
    feed = feeds[contract.feed]
    allowed = set(feed.by_name) | ({"scale"} if "scale_id" in feed.by_name else set())
    problems = []
    groups = [record.properties for record in contract.records] or [[]]
    props = [*contract.properties, *(prop for own in groups for prop in own)]
    named = [contract.timezone, *contract.zone_names.values(), *(prop.timezone for prop in props)]
    problems += [
        f"there is no time zone {name!r}; name a region and a place, as in Asia/Riyadh, or UTC"
        for name in dict.fromkeys(named)
        if name is not None and not is_zone(name)
    ]
    for number, own in enumerate(groups, start=1):
        prefix = f"record {number}: " if contract.records else ""
        every = [*contract.properties, *own]
        names = [prop.name for prop in every]
        problems += [
            f"{prefix}{name!r} is no column of {feed.name}" for name in dict.fromkeys(names) if name not in allowed
        ]
        problems += [f"{prefix}{name!r} is mapped twice" for name, count in Counter(names).items() if count > 1]
        for column in feed.columns:
            fed_otherwise = (
                column.row_default
                or (column.name == "period_id" and feed.event in names)
                or (
                    column.name in {"scale_id", "scale_min", "scale_max", "is_reversed", "answer_status"}
                    and "scale" in names
                )
            )
            if column.required and column.name not in names and not fed_otherwise:
                problems.append(f"{prefix}required column {column.name!r} is mapped from nowhere")
        problems += [
            f"{prefix}a later file updates rows by {name!r} (delivery: upsert), which is mapped from nowhere"
            for name in feed.key
            if contract.delivery == "upsert" and feed.by_name[name].row_default and name not in names
        ]
        problems += [f"{prefix}{text}" for prop in every for text in _value_problems(prop, feed)]
        for prop in every:
            if prop.name == "scale" and isinstance(prop.constant, str) and prop.constant not in contract.scales:
                problems.append(f"{prefix}scale {prop.constant!r} is not declared under scales")
            if isinstance(prop.physical_name, list):
                problems += [
                    f"{prefix}{prop.name}: validFrom {named.valid_from!r} is no period"
                    for named in prop.physical_name
                    if isinstance(named, NamedFrom) and not is_period(named.valid_from)
                ]
    if (contract.rows.until is not None or contract.rows.skip_footer) and not has_lines(contract.format):
        problems.append(f"rows.until and rows.skipFooter: {contract.format.type} has no lines below a table")
    problems += [
        f"waiver of {w.rule!r}: until {w.until!r} is no period" for w in contract.waivers if not is_period(w.until)
    ]
    return problems


def _value_problems(prop: Property, feed: Feed) -> list[str]:
    """What a property says about values that its column cannot have."""
    column = feed.by_name.get(prop.name)
    if prop.retention is not None and (column is None or column.required or column.name in feed.key):
        return [f"{prop.name}: a column that rows need cannot be emptied; give the contract a retention instead"]
    if prop.rounding is not None and (column is None or column.type != "integer"):
        return [f"{prop.name}: rounding is for columns of whole numbers"]
    if column is None or prop.unit is None:
        return []
    if prop.unit not in load_units():
        return [f"{prop.name}: there is no unit {prop.unit!r} (the units are {', '.join(load_units())})"]
    problems = []
    if column.type not in {"decimal", "integer"} or not fits(prop.unit, column.unit):
        problems.append(
            f"{prop.name}: no number in {prop.unit!r} can stand in this column ({column.unit or column.type})"
        )
    if prop.multiply_by is not None or prop.labels is not None or prop.treatment is not None:
        problems.append(f"{prop.name}: a unit goes with neither multiplyBy, labels nor treatment")
    return problems


def contract_schema() -> dict[str, Any]:
    """JSON Schema of a contract file, for editors; shipped as `ingestion/contract.schema.json`."""
    schema = Contract.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Miyar contract"
    return schema


def load_contracts(registry: Path, *, with_retired: bool = False) -> list[Contract]:
    """All active contracts under `registry/contracts/<provider>/<feed>.yml`, in path order; retired ones only if asked for.

    Raises MiyarError with every problem of every file.
    """
    problems: list[Problem] = []
    contracts: list[Contract] = []
    for path in sorted((registry / "contracts").glob("*/*.yml")):
        shown = path.relative_to(registry).as_posix()
        contract = _read_contract(path, shown)
        if isinstance(contract, list):
            problems += contract
        elif (contract.provider, contract.feed) != (path.parent.name, path.stem.split(".")[0]):
            problems.append(
                Problem(
                    "contract_misplaced",
                    f"it says provider {contract.provider!r} and feed {contract.feed!r}",
                    file=shown,
                    next_step=f"Move it to contracts/{contract.provider}/{contract.feed}.yml.",
                )
            )
        else:
            contracts.append(contract)
    if problems:
        raise MiyarError(problems)
    return [contract for contract in contracts if with_retired or contract.status == "active"]


def load_contract(path: Path) -> Contract:
    """Load one contract file from any folder; raises MiyarError with every problem."""
    if not path.is_file():
        raise MiyarError(
            Problem("contract_unreadable", "there is no such file", file=path.name, next_step="Check the path.")
        )
    contract = _read_contract(path, path.name)
    if isinstance(contract, list):
        raise MiyarError(contract)
    return contract


def _read_contract(path: Path, shown: str) -> Contract | list[Problem]:
    try:
        content = yaml.load(path.read_text("utf-8"), Loader=_LOADER)  # noqa: S506 - a safe loader
        return Contract.model_validate(with_recipe(content))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return [Problem("contract_unreadable", str(error).splitlines()[0], file=shown, next_step="Mend the YAML.")]
    except ValidationError as error:
        return _faults(error, shown)
    except ValueError as error:
        return [Problem("contract_invalid", str(error), file=shown, next_step="See docs/contracts.md.")]


def _faults(error: ValidationError, shown: str) -> list[Problem]:
    return [
        Problem(
            "contract_invalid",
            text,
            file=shown,
            column=".".join(str(part) for part in detail["loc"]),
            next_step="See docs/contracts.md.",
        )
        for detail in error.errors(include_url=False, include_input=False)
        for text in detail["msg"].removeprefix("Value error, ").split("; ")
    ]
