"""The staff's desk: one module per group of pages, all below `/staff` and behind `auth`.

The desk is in English only. Those who use it are few and known, both languages of a listing
are edited side by side there, and its many labels would be most of what is to be translated.
So its sentences are no messages of the catalogue.
"""

from __future__ import annotations

from flask import Flask

from recommender.web.desk import (
    account,
    alike,
    batches,
    dashboard,
    editor,
    guides,
    imports,
    inbox,
    library,
    listing,
    listings,
    partners,
    publishing,
    removal,
    resources,
    review,
    terms,
)
from recommender.web.desk.labels import moment

BLUEPRINTS = (
    account.bp,
    dashboard.bp,
    listings.bp,
    batches.bp,
    listing.bp,
    editor.bp,
    review.bp,
    publishing.bp,
    imports.bp,
    library.bp,
    terms.bp,
    resources.bp,
    guides.bp,
    inbox.bp,
    removal.bp,
    partners.bp,
)
NAVIGATION = (
    ("staff_dashboard.home", "Desk"),
    ("staff_listings.index", "Listings"),
    ("staff_review.queue", "Review"),
    ("staff_inbox.index", "Inbox"),
    ("staff_imports.index", "Imports"),
    ("staff_library.index", "Library"),
    ("staff_partners.index", "Partners"),
    ("staff_publishing.index", "Publish"),
    ("staff.account", "Account"),
)
"""The pages that every page of the desk leads to, as (endpoint, label)."""


def init_app(app: Flask) -> None:
    """Put the desk into the application."""
    app.jinja_env.globals["desk_navigation"] = NAVIGATION
    app.jinja_env.filters["moment"] = moment
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    alike.init_app(app)
    publishing.init_app(app)
    inbox.init_app(app)
