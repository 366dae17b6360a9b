"""The records of rentl as pydantic models: what its stores keep, and its readers depend on.

- Members stand in the order in which they are written. Absent is `None` here and not written, but for log lines, which
  have every member; an empty list is a list.
- Types are strict: no number is made of a text, no text of a number. An integer may be spelled `1.0`.
- What a newer writer has added to a record is kept as it is.

Behind the extra `rentl`, and loaded when a model is first asked for: recording, folding and verifying do without.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StrictBool, StrictStr

TIMESTAMP: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})$"
LANGUAGE: Final = r"^[a-z]{2}(?:-[A-Z]{2})?$"
SNAKE: Final = r"^[a-z][a-z0-9_]*$"
SHA256: Final = r"^[a-f0-9]{64}$"
_UUID_LENGTH: Final = 36


def _uuid(value: Any) -> Any:
    """A UUID as text has its hyphens, and nothing around it."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or len(value) != _UUID_LENGTH or [value[at] for at in (8, 13, 18, 23)] != ["-"] * 4:
        raise ValueError("a UUID has 32 hexadecimal digits and four hyphens")
    return value


def _integer(value: Any) -> Any:
    """JSON knows one kind of number: 1.0 is an integer."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("an integer is a JSON number")  # noqa: TRY004  # which pydantic tells with its place
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is a JSON number")  # noqa: TRY004  # as above
    return value


Uuid = Annotated[UUID, BeforeValidator(_uuid)]
RunId = Uuid
ArtifactId = Uuid
PhaseRunId = Uuid
Text = Annotated[StrictStr, Field(min_length=1)]
Timestamp = Annotated[StrictStr, Field(pattern=TIMESTAMP)]
LanguageCode = Annotated[StrictStr, Field(pattern=LANGUAGE)]
EventName = Annotated[StrictStr, Field(pattern=SNAKE)]
MetricKey = Annotated[StrictStr, Field(pattern=SNAKE)]
Checksum = Annotated[StrictStr, Field(pattern=SHA256)]
Integer = Annotated[int, BeforeValidator(_integer)]
Count = Annotated[int, Field(ge=0), BeforeValidator(_integer)]
Revision = Annotated[int, Field(ge=1), BeforeValidator(_integer)]
Number = Annotated[float, BeforeValidator(_number)]
Seconds = Annotated[float, Field(ge=0), BeforeValidator(_number)]
Percent = Annotated[float, Field(ge=0, le=100), BeforeValidator(_number)]
JsonObject = dict[StrictStr, JsonValue]


class PhaseName(StrEnum):
    """The phases of a pipeline, in their order."""

    INGEST = "ingest"
    CONTEXT = "context"
    PRETRANSLATION = "pretranslation"
    TRANSLATE = "translate"
    QA = "qa"
    EDIT = "edit"
    EXPORT = "export"


class RunStatus(StrEnum):
    """What has become of a run."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PhaseStatus(StrEnum):
    """What has become of a phase."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


class ArtifactRole(StrEnum):
    """What an artifact is for."""

    PHASE_OUTPUT = "phase_output"
    LOGS = "logs"
    EXPORT = "export"
    RUN_STATE = "run_state"
    REPORT = "report"
    CUSTOM = "custom"


class ArtifactFormat(StrEnum):
    """How an artifact is written."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    TXT = "txt"


class FileFormat(StrEnum):
    """How files are written that a pipeline reads and exports."""

    CSV = "csv"
    JSONL = "jsonl"
    TXT = "txt"


class StorageBackend(StrEnum):
    """Where something is kept."""

    FILESYSTEM = "filesystem"
    SQLITE = "sqlite"
    POSTGRES = "postgres"
    S3 = "s3"
    GCS = "gcs"
    AZURE_BLOB = "azure_blob"
    CUSTOM = "custom"


class StorageErrorCode(StrEnum):
    """What went wrong in a store."""

    NOT_FOUND = "not_found"
    IO_ERROR = "io_error"
    SERIALIZATION_ERROR = "serialization_error"
    VALIDATION_ERROR = "validation_error"
    CONFLICT = "conflict"
    UNSUPPORTED_FORMAT = "unsupported_format"


class LogLevel(StrEnum):
    """How grave a log line is."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class ProgressPercentMode(StrEnum):
    """What a percentage means."""

    UNAVAILABLE = "unavailable"
    LOWER_BOUND = "lower_bound"
    ESTIMATED = "estimated"
    FINAL = "final"


class ProgressTotalStatus(StrEnum):
    """How sure a total is."""

    UNKNOWN = "unknown"
    DISCOVERING = "discovering"
    ESTIMATED = "estimated"
    LOCKED = "locked"


class ProgressUnit(StrEnum):
    """What progress counts."""

    LINES = "lines"
    SCENES = "scenes"
    CHARACTERS = "characters"
    ISSUES = "issues"
    EDITS = "edits"


class ResultMetricUnit(StrEnum):
    """What a result counts."""

    COUNT = "count"
    LINES = "lines"
    SCENES = "scenes"
    ROUTES = "routes"
    TERMS = "terms"
    NOTES = "notes"
    ISSUES = "issues"
    EDITS = "edits"
    CHARACTERS = "characters"
    COLUMNS = "columns"
    RATIO = "ratio"


class QaCategory(StrEnum):
    """What is wrong with a line."""

    GRAMMAR = "grammar"
    TERMINOLOGY = "terminology"
    STYLE = "style"
    CONSISTENCY = "consistency"
    FORMATTING = "formatting"
    CONTEXT = "context"
    CULTURAL = "cultural"
    OTHER = "other"


class QaSeverity(StrEnum):
    """How bad that is."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class Model(BaseModel):
    """What all records have in common."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, ser_json_inf_nan="constants")


class VersionInfo(Model):
    """A version of a schema."""

    major: Count
    minor: Count
    patch: Count


class RunError(Model):
    """Why a run or a phase failed."""

    code: Text
    message: Text
    details: JsonObject | None = None


class RunMetadata(Model):
    """Which run it is, and how far it has come."""

    run_id: RunId
    schema_version: VersionInfo
    status: RunStatus
    current_phase: PhaseName | None = None
    created_at: Timestamp
    started_at: Timestamp | None = None
    completed_at: Timestamp | None = None


class ProgressSummary(Model):
    """How far a phase or a run has come, in short."""

    percent_complete: Percent | None = None
    percent_mode: ProgressPercentMode
    eta_seconds: Seconds | None = None
    notes: StrictStr | None = None


class ProgressMetric(Model):
    """How far a phase has come, by one measure."""

    metric_key: MetricKey
    unit: ProgressUnit
    completed_units: Count
    total_units: Count | None = None
    total_status: ProgressTotalStatus
    percent_complete: Percent | None = None
    percent_mode: ProgressPercentMode
    eta_seconds: Seconds | None = None
    notes: StrictStr | None = None


class PhaseProgress(Model):
    """How far a phase has come."""

    phase: PhaseName
    status: PhaseStatus
    summary: ProgressSummary
    metrics: list[ProgressMetric] | None = None
    started_at: Timestamp | None = None
    completed_at: Timestamp | None = None


class RunProgress(Model):
    """How far a run has come, phase by phase."""

    phases: Annotated[list[PhaseProgress], Field(min_length=1)]
    summary: ProgressSummary
    phase_weights: dict[PhaseName, Number] | None = None


class QaSummary(Model):
    """What checks have found."""

    total_issues: Count
    by_category: dict[QaCategory, Integer]
    by_severity: dict[QaSeverity, Integer]


class PhaseResultMetric(Model):
    """One number that a phase came to."""

    metric_key: MetricKey
    unit: ResultMetricUnit
    value: Annotated[int | float, Field(ge=0), BeforeValidator(_number)]
    notes: StrictStr | None = None


class PhaseResultDimension(Model):
    """What a result is of."""

    key: MetricKey
    value: Text


class PhaseResultSummary(Model):
    """What a phase came to."""

    phase: PhaseName
    target_language: LanguageCode | None = None
    dimensions: list[PhaseResultDimension] | None = None
    metrics: Annotated[list[PhaseResultMetric], Field(min_length=1)]
    qa_summary: QaSummary | None = None


class PhaseDependency(Model):
    """What a phase was made from."""

    phase: PhaseName
    revision: Revision
    target_language: LanguageCode | None = None


class PhaseRevision(Model):
    """How often a phase was made."""

    phase: PhaseName
    revision: Revision
    target_language: LanguageCode | None = None


class PhaseRunRecord(Model):
    """One time that a phase was worked on."""

    phase_run_id: PhaseRunId
    phase: PhaseName
    revision: Revision
    status: PhaseStatus
    target_language: LanguageCode | None = None
    started_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    stale: StrictBool = False
    dependencies: list[PhaseDependency] | None = None
    artifact_ids: list[ArtifactId] | None = None
    summary: PhaseResultSummary | None = None
    error: RunError | None = None
    message: StrictStr | None = None


class ArtifactReference(Model):
    """Where an artifact of a phase is."""

    artifact_id: ArtifactId
    path: Text
    uri: Text | None = None
    format: FileFormat
    created_at: Timestamp
    description: StrictStr | None = None


class PhaseArtifacts(Model):
    """The artifacts of a phase."""

    phase: PhaseName
    artifacts: list[ArtifactReference]


class RunState(Model):
    """All that a run has to know to go on."""

    metadata: RunMetadata
    progress: RunProgress
    artifacts: list[PhaseArtifacts]
    phase_history: list[PhaseRunRecord] | None = None
    phase_revisions: list[PhaseRevision] | None = None
    last_error: RunError | None = None
    qa_summary: QaSummary | None = None


class StorageReference(Model):
    """Where something is kept: a path, or a URL."""

    backend: StorageBackend | None = None
    path: Text | None = None
    uri: Text | None = None


class RunStateRecord(Model):
    """The state of a run, as it was stored."""

    run_id: RunId
    stored_at: Timestamp
    state: RunState
    location: StorageReference | None = None
    checksum_sha256: Checksum | None = None


class RunIndexRecord(Model):
    """What a list shows of a run."""

    metadata: RunMetadata
    project_name: Text
    source_language: LanguageCode
    target_languages: Annotated[list[LanguageCode], Field(min_length=1)]
    updated_at: Timestamp
    progress: ProgressSummary | None = None
    last_error: RunError | None = None


class ArtifactMetadata(Model):
    """What is known of an artifact, and where it is."""

    artifact_id: ArtifactId
    run_id: RunId
    role: ArtifactRole
    phase: PhaseName | None = None
    target_language: LanguageCode | None = None
    format: ArtifactFormat
    created_at: Timestamp
    location: StorageReference
    description: StrictStr | None = None
    size_bytes: Count | None = None
    checksum_sha256: Checksum | None = None
    metadata: JsonObject | None = None


class ArtifactManifest(Model):
    """The artifacts of a run."""

    run_id: RunId
    generated_at: Timestamp
    artifacts: list[ArtifactMetadata]


class LogEntry(Model):
    """One line of a log."""

    timestamp: Timestamp
    level: LogLevel
    event: EventName
    run_id: RunId
    phase: PhaseName | None = None
    message: Text
    data: JsonObject | None = None


class LogFileReference(Model):
    """Where the log of a run is."""

    run_id: RunId
    location: StorageReference
    format: ArtifactFormat = ArtifactFormat.JSONL
    created_at: Timestamp
    updated_at: Timestamp | None = None
    entry_count: Count | None = None


class StorageErrorDetails(Model):
    """What a store was doing, and to what."""

    operation: StrictStr | None = None
    run_id: RunId | None = None
    artifact_id: ArtifactId | None = None
    backend: StorageBackend | None = None
    path: StrictStr | None = None
    uri: StrictStr | None = None
    reason: StrictStr | None = None


class StorageErrorInfo(Model):
    """What went wrong, for programs."""

    code: StorageErrorCode
    message: Text
    details: StorageErrorDetails | None = None
