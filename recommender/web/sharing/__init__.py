"""Pages as other sites show them: what they say of themselves, cards to frame, pictures."""

from __future__ import annotations

from flask import Flask

from recommender.web import i18n
from recommender.web.addresses import origin
from recommender.web.sharing import cards, galleries, oembed
from recommender.web.sharing.galleries import picture_url
from recommender.web.sharing.oembed import discovery_links
from recommender.web.sharing.pictures import HEIGHT, WIDTH
from recommender.web.sharing.subjects import shared_page


def init_app(app: Flask) -> None:
    """Add the routes, and what the head of every page says to those who link to it."""
    i18n.register_bilingual(app, cards.bp)
    i18n.register_bilingual(app, galleries.bp)
    app.register_blueprint(oembed.bp)
    app.jinja_env.globals.update(
        shared_page=shared_page,
        discovery_links=discovery_links,
        picture_url=picture_url,
        picture_size=(WIDTH, HEIGHT),
        site_origin=origin,
    )
