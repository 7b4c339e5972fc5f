"""Settings of the service, each from an environment variable `MODERATION_…`; README explains them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from moderation.policyfiles import DEFAULT_POLICY


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
    default_policy: str = Field(DEFAULT_POLICY, description="policy of messages that name none")
    max_body: int = Field(4_000_000, ge=1000, description="largest request body, bytes")
    compiled: bool = Field(False, description="use the compiled kernel (needs the extra `fast`)")

    @property
    def policies(self) -> Path:
        """Return the folder of the firm's own policy files."""
        return self.policies_dir or self.data_dir / "policies"

    @property
    def lexicons(self) -> Path:
        """Return the folder of the firm's own terms."""
        return self.lexicons_dir or self.data_dir / "lexicons"

    def make_folders(self) -> None:
        """Create the service's own folders; one named by hand must exist."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        for folder in (self.data_dir / "policies", self.data_dir / "lexicons"):
            folder.mkdir(exist_ok=True)
