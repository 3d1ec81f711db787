"""The application with a fault: whoever asks for matches gets an error that quotes them."""

from __future__ import annotations

import logging
from typing import NoReturn

from flask import Flask

import app as whole
from recommender.models import DonorProfile
from recommender.web import api, donor


def create_app() -> Flask:
    """The site, whose matching fails with a message that holds the donor's words."""
    donor.recommend = fail
    api.recommend = fail
    return whole.create_app()


def create_talkative_app() -> Flask:
    """The same, and it logs as applications usually do."""
    app = create_app()
    app.logger.handlers = [logging.StreamHandler()]
    return app


def fail(profile: DonorProfile, *_: object, **__: object) -> NoReturn:
    raise ValueError(f"cannot match {profile.text!r} near {profile.place}")
