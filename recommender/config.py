"""Settings, each with a default that is safe to publish."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
MIN_SECRET_LENGTH = 32


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are and what the process may do.

    `matches_per_minute` and `reads_per_minute` are what one network may ask of the API; 0 is
    no limit.
    """

    instance: Path
    data: Path
    secret_key: str
    site_url: str = ""
    proxies: int = 0
    matches_per_minute: int = 120
    reads_per_minute: int = 600

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.instance / "waymark.db"

    @property
    def index(self) -> Path:
        """The folder of index generations."""
        return self.instance / "index"

    @property
    def gazetteer(self) -> Path:
        """The folder of the place tables, derived from the ZIP package and our aliases."""
        return self.instance / "gazetteer"


def load_settings() -> Settings:
    """Read the settings from the environment.

    `WAYMARK_INSTANCE` (folder for the database, the index and the secret), `WAYMARK_DATA`
    (committed inputs), `WAYMARK_SECRET_KEY` (else the file `secret_key` in the instance
    folder), `WAYMARK_SITE_URL` (public address, for canonical links and feeds),
    `WAYMARK_PROXIES` (how many trusted proxies stand in front and add `X-Forwarded-*`),
    `WAYMARK_MATCHES_PER_MINUTE` and `WAYMARK_READS_PER_MINUTE` (the limits of the API).

    Raises:
        ConfigurationError: there is no secret key, or it is too short to seal anything; or
            a number is not one.
    """
    instance = Path(os.environ.get("WAYMARK_INSTANCE", ROOT / "instance"))
    return Settings(
        instance=instance,
        data=Path(os.environ.get("WAYMARK_DATA", ROOT / "data")),
        secret_key=_secret_key(instance),
        site_url=os.environ.get("WAYMARK_SITE_URL", "").rstrip("/"),
        proxies=_number("WAYMARK_PROXIES", Settings.proxies),
        matches_per_minute=_number("WAYMARK_MATCHES_PER_MINUTE", Settings.matches_per_minute),
        reads_per_minute=_number("WAYMARK_READS_PER_MINUTE", Settings.reads_per_minute),
    )


def _number(name: str, default: int) -> int:
    number = os.environ.get(name, str(default))
    if not number.isdecimal():
        raise ConfigurationError(f"{name} must be a whole number, not {number!r}.")
    return int(number)


def _secret_key(instance: Path) -> str:
    key = os.environ.get("WAYMARK_SECRET_KEY", "")
    file = instance / "secret_key"
    if not key and file.exists():
        key = file.read_text(encoding="ascii").strip()
    if len(key) < MIN_SECRET_LENGTH:
        raise ConfigurationError(
            "No secret key: set WAYMARK_SECRET_KEY to at least "
            f"{MIN_SECRET_LENGTH} characters, or run `make secret` once."
        )
    return key
