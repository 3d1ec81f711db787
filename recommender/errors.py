"""Every exception this package raises on purpose; none of them knows about HTTP."""

from __future__ import annotations

from typing import Any


class RecommenderError(Exception):
    """Base of all errors raised on purpose."""


class ConfigurationError(RecommenderError):
    """A setting is missing or unsafe."""


class NotFound(RecommenderError):
    """The thing asked for does not exist, or is no longer public."""


class InvalidProfile(RecommenderError):
    """What a donor asked for cannot be read; `field` names the culprit."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class UnknownPlace(InvalidProfile):
    """A place that does not resolve; `suggestions` are labels that would."""

    def __init__(self, message: str, *, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message, field="place")
        self.suggestions = suggestions


class InvalidPartner(RecommenderError):
    """A partner, or a site it names, that cannot be kept; the message says why.

    `field` names what it is about, as `PartnerDraft`, `WidgetDefaults` and `Look` call it.
    """

    def __init__(self, message: str, *, field: str = "origins") -> None:
        super().__init__(message)
        self.field = field


class InvalidRecord(RecommenderError):
    """A record of an input file breaks its schema or names something unknown."""


class ImportRefused(RecommenderError):
    """A file as a whole cannot be taken: not the format it should be, too large, or damaged."""


class DownloadFailed(RecommenderError):
    """A file could not be fetched whole; what has arrived is kept unless it is known bad."""


class EditConflict(RecommenderError):
    """The listing changed since it was read; nothing was written, and nothing is lost.

    `theirs` and `yours` are the listing as it stands and as it was to become, `base` is what
    both started from, None where that is not known; `changes` are the fields by which yours
    differs from theirs. The types are those of `models`, which stands above this module.
    """

    def __init__(self, message: str, *, base: Any, theirs: Any, yours: Any, changes: Any) -> None:
        super().__init__(message)
        self.base = base
        self.theirs = theirs
        self.yours = yours
        self.changes = changes


class NotAllowed(RecommenderError):
    """The role does not cover the action, or it would be a review of one's own work."""


class InvalidAction(RecommenderError):
    """The action does not fit the state that the listing or the revision is in."""


class StorageError(RecommenderError):
    """The database could not be read or written."""


class RateLimited(RecommenderError):
    """Too many tries in the window; `retry_after_s` says when to come back."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class IndexNotReady(RecommenderError):
    """There is no published index generation to answer from."""


class IndexDamaged(RecommenderError):
    """A generation does not match its manifest, or was built for another analysis version."""


class PublishRefused(RecommenderError):
    """An index failed its checks and was not published."""
