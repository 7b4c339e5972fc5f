"""Settings of the service, each from an environment variable `MODERATION_…`; README explains them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from moderation.policyfiles import DEFAULT_POLICY
from moderation.registry import Registry, shipped
from service.conduct.calendarfiles import load_worktimes
from service.conduct.worktime import Hours, WorkTimes


class Settings(BaseSettings):
    """What an administrator can set."""

    model_config = SettingsConfigDict(env_prefix="MODERATION_")

    host: str = Field("127.0.0.1", description="address the service listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the service listens on")
    data_dir: Path = Field(Path("var"), description="the service's own files")
    api_key: str | None = Field(
        None, description="key of the bot; made and kept in data_dir if unset"
    )
    model: str | None = Field(None, description="model folder, version or alias; default champion")
    policies_dir: Path | None = Field(
        None, description="the firm's policy files; default data_dir/policies"
    )
    lexicons_dir: Path | None = Field(
        None, description="the firm's terms; default data_dir/lexicons"
    )
    datasets_dir: Path | None = Field(
        None, description="labelled messages that retraining learns from; default the project's own"
    )
    default_policy: str = Field(DEFAULT_POLICY, description="policy of messages that name none")
    max_body: int = Field(4_000_000, ge=1000, description="largest request body, bytes")
    database: str | None = Field(
        None, description="SQLAlchemy URL of the database; default an SQLite file in data_dir"
    )
    secret: str | None = Field(
        None,
        description="key of the fingerprints, the same for all replicas; made in data_dir if unset",
    )
    timezone: str = Field("Asia/Shanghai", description="zone of the firm: notices, months, pages")
    firm: str = Field("本公司", description="the firm's name on notices")
    company: str | None = Field(
        None, description="the firm's name in names of groups; unset: those are not checked"
    )
    lateness: float = Field(
        5,
        ge=0,
        le=1440,
        description="minutes that a message may come in late before a duty counts as not met",
    )
    work_hours: str = Field(
        "08:30-12:00,13:30-17:30", description="work hours, in which time limits run"
    )
    work_calendar: Path | None = Field(
        None, description="TOML file of the firm's own days off, days worked and work hours"
    )
    opinion_rate: float = Field(
        0.05, ge=0, le=1, description="share of confirmed cases that get a second opinion"
    )
    sample_rate: float = Field(
        0, ge=0, le=1, description="share of passed messages kept, with text, to measure recall"
    )
    wage_cap: float = Field(
        0.2, ge=0, le=1, description="share of a month's wage above which deductions are marked"
    )
    keep_days: int = Field(
        365, ge=1, description="days after which `purge` removes the text of closed cases"
    )
    webhook: str | None = Field(
        None,
        pattern="^https?://",
        description="address that instructions are sent to; unset: the bot fetches them",
    )
    webhook_secret: str | None = Field(
        None, description="key that signs what is sent to the webhook"
    )
    rate: float = Field(
        0, ge=0, description="requests a second that each key may make; 0 means no limit"
    )
    metrics: Literal["off", "open", "key"] = Field(
        "key", description="who may read `/metrics`: nobody, everybody, whoever has a key"
    )
    drift_alert: float = Field(
        0.65,
        ge=0.5,
        le=1,
        description="AUC of a week against earlier ones from which drift is marked",
    )
    compiled: bool = Field(False, description="use the compiled kernel (needs the extra `fast`)")

    @property
    def policies(self) -> Path:
        """Return the folder of the firm's own policy files."""
        return self.policies_dir or self.data_dir / "policies"

    @property
    def lexicons(self) -> Path:
        """Return the folder of the firm's own terms."""
        return self.lexicons_dir or self.data_dir / "lexicons"

    @property
    def registry(self) -> Registry:
        """Return the models at hand: those retrained here before those shipped."""
        return Registry(self.data_dir / "models", shipped())

    @property
    def database_url(self) -> str:
        """Return the database's address."""
        return self.database or f"sqlite:///{self.data_dir / 'moderation.db'}"

    @property
    def zone(self) -> ZoneInfo:
        """Return the firm's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def worktimes(self) -> WorkTimes:
        """Return the working times of the firm and its groups.

        Raises:
            DataFileError: the file `work_calendar` is wrong.
        """
        return load_worktimes(self.zone, self.work_hours, self.work_calendar)

    @field_validator("work_hours")
    @classmethod
    def _readable_hours(cls, value: str) -> str:
        return str(Hours.parse(value))

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"unknown time zone {value!r}")
        return value

    @model_validator(mode="after")
    def _signed_webhook(self) -> Settings:
        if self.webhook is not None and self.webhook_secret is None:
            raise ValueError("MODERATION_WEBHOOK needs MODERATION_WEBHOOK_SECRET to sign with")
        return self

    def make_folders(self) -> None:
        """Create the service's own folders; one named by hand must exist."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        for folder in (self.data_dir / "policies", self.data_dir / "lexicons"):
            folder.mkdir(exist_ok=True)
