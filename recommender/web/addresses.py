"""Whole addresses, for what is read away from this site: feeds and search engines."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from recommender.models import Language
from recommender.web import get_settings
from recommender.web.i18n import SPANISH_PREFIX


def origin() -> str:
    """Scheme and host of this site: as settings give them, else as it was asked for."""
    return get_settings().site_url or request.host_url.rstrip("/")


def absolute_url(language: Language, endpoint: str, **values: Any) -> str:
    """The whole address of a page that there is in both languages."""
    return origin() + path_to(language, endpoint, **values)


def path_to(language: Language, endpoint: str, **values: Any) -> str:
    """The address of such a page on this site, whatever host it is asked of."""
    prefix = SPANISH_PREFIX if language is Language.ES else ""
    return url_for(prefix + endpoint, **values)
