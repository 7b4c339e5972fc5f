"""Models and jobs as the API tells and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, model_validator

from service.drift import WEEKS
from service.schemas import Name
from service.storage.jobs import JobState
from service.versions import Version


class ModelOut(BaseModel):
    """A version of the model."""

    version: str
    aliases: tuple[str, ...] = Field(
        description="`champion` judges, `challenger` is scored beside it"
    )
    samples: int | None = Field(description="messages that it learnt from")
    label_f1: float | None = Field(description="macro-F1 over the labels on held-out messages")
    clean_flagged: float | None = Field(description="share of clean held-out messages flagged")
    compared_with: str | None = Field(description="the champion that the gate compared it with")
    passed: bool | None = Field(description="what the gate said; null: it was not asked")
    problem: str | None = Field(description="why this program cannot load it")

    @classmethod
    def of(cls, version: Version) -> ModelOut:
        """Return what is told of a version."""
        compared = version.comparison
        return cls(
            version=version.name,
            aliases=version.aliases,
            samples=version.about.get("data", {}).get("samples"),
            label_f1=version.figure("macro", "label_f1"),
            clean_flagged=version.figure("false_positives", "clean"),
            compared_with=compared["champion"] if compared else None,
            passed=version.passed,
            problem=version.problem,
        )


class ModelWhole(ModelOut):
    """A version with the comparison that the gate decided on."""

    comparison: dict[str, Any] | None = Field(
        description="differences per label with intervals, messages that flip, the verdict"
    )


class ModelList(BaseModel):
    """Every version, newest name first."""

    models: tuple[ModelOut, ...]


class PromoteRequest(BaseModel):
    """How a version is promoted."""

    force: bool = Field(False, description="promote what the gate has not let through")
    reason: str | None = Field(
        None, min_length=1, max_length=500, description="needed with `force`"
    )

    @model_validator(mode="after")
    def _said_why(self) -> PromoteRequest:
        if self.force and not self.reason:
            raise ValueError("force needs a reason")
        return self


class RetrainRequest(BaseModel):
    """How to retrain."""

    promote_if_passed: bool = Field(
        False, description="make the candidate champion if the gate lets it through"
    )


class DriftRequest(BaseModel):
    """How far to look back."""

    weeks: int = Field(WEEKS, ge=2, le=104, description="weeks; the earlier half is the reference")


class JobOut(BaseModel):
    """Long work: where it stands and what came of it."""

    id: int
    kind: str
    state: JobState
    asked_by: Name
    asked_at: datetime
    started_at: datetime | None
    done_at: datetime | None
    step: str | None = Field(description="what the work is at")
    tries: int
    result: dict[str, Any] | None
    error: str | None

    @classmethod
    def of(cls, row: Any) -> JobOut:
        """Return what is told of a stored job."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})
