"""The web application: settings, parts and error pages put together. No routes here."""

from __future__ import annotations

import os

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from recommender import cli, web
from recommender.config import ROOT, Settings, load_settings
from recommender.web import (
    about,
    api,
    assets,
    auth,
    background,
    desk,
    directory,
    donor,
    headers,
    i18n,
    learn,
    loader,
    logs,
    partners,
    problems,
    reasons,
    rendering,
    repeats,
    sharing,
    site,
    submissions,
    timing,
    widget,
)
from recommender.web.api import docs as api_docs

# A long article is some 60 kB; anything beyond this is not something a person pasted.
MAX_REQUEST_BYTES = 512 * 1024
PARTS = (
    *(web, repeats, timing, i18n, headers, problems, assets, rendering, reasons, cli, logs),
    *(auth, background, sharing, submissions, widget),
)
BILINGUAL = (
    *(about.bp, api_docs.bp, directory.bp, donor.bp, learn.bp, partners.bp),
    *(submissions.bp, widget.bp),
)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application; without settings they are read from the environment."""
    settings = settings or load_settings()
    app = Flask(__name__, static_folder=None, template_folder=str(ROOT / "templates"))
    app.config.update(
        WAYMARK=settings,
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_REQUEST_BYTES,
        MAX_FORM_PARTS=500,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.jinja_environment = rendering.Environment
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    for part in PARTS:
        part.init_app(app)
    app.jinja_env.globals["site_url"] = settings.site_url
    app.register_blueprint(api.bp)
    for blueprint in BILINGUAL:
        i18n.register_bilingual(app, blueprint)
    app.register_blueprint(site.bp)
    app.register_blueprint(loader.bp)
    desk.init_app(app)
    if settings.proxies:
        # Only as many hops as are ours: the rest of the header is whatever a visitor wrote.
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def create_server(*, prepares: bool = False) -> Flask:
    """Make the application for a server that forks, with what every worker would have to do.

    With `prepares` that is preceded by what `flask prepare` does, if anything is to be done.
    """
    app = create_app()
    if prepares:
        cli.prepare_if_needed(app)
    rendering.compile_templates(app)
    return app


def main() -> None:
    """Run a development server that restarts when code or static files change."""
    files = [str(path) for path in assets.STATIC.rglob("*") if path.is_file()]
    create_app().run(port=int(os.environ.get("PORT", "8000")), debug=True, extra_files=files)


if __name__ == "__main__":
    main()
