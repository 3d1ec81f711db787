"""The desk's publishing: by itself after a change, on demand, and back to what served before.

Whether something is to be published is known from the store and from what serves, and every
request of the desk looks. So it does not matter which page, command or import has changed the
catalogue, and a change whose worker was killed is published by whoever comes next.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial

from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from recommender import store
from recommender.config import Settings
from recommender.errors import (
    IndexDamaged,
    IndexNotReady,
    InvalidAction,
    NotFound,
    RecommenderError,
)
from recommender.golden import read_golden
from recommender.index import (
    current_generation,
    is_publishing,
    is_rejected,
    list_generations,
    read_manifest,
    verify_generation,
)
from recommender.publish import (
    GOLDEN_FILE,
    compare_generations,
    find_serving,
    list_exposed,
    publish,
    publish_if_due,
    serve_again,
    warm_up,
)
from recommender.store.accounts import Role
from recommender.store.catalog import get_catalog_revision
from recommender.store.history import SCHEDULE
from recommender.store.publications import (
    Publication,
    PublicationKind,
    PublicationState,
    find_hold,
    find_last_publication,
    get_publication,
    list_publications,
)
from recommender.store.revisions import get_staff
from recommender.web import get_db, get_index, get_settings
from recommender.web.auth import current_session, current_staff, require
from recommender.web.background import Background
from recommender.web.desk.asked import read_note, read_number
from recommender.web.desk.diff import LABELS
from recommender.web.desk.refusals import refuse_errors

bp = Blueprint("staff_publishing", __name__, url_prefix="/staff/publish")
refuse_errors(bp)

PAGE_SIZE = 30
MAX_PAGE = 10_000
SWITCH_S = 0.001
RESULTS = {
    PublicationState.UNDERWAY: "Under way",
    PublicationState.PUBLISHED: "Published",
    PublicationState.REFUSED: "Refused",
    PublicationState.FAILED: "Failed",
    PublicationState.INTERRUPTED: "Broken off",
}


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A generation that is kept on disk; `built_at` is ISO 8601 in UTC."""

    name: str
    built_at: str
    n_listings: int
    is_serving: bool
    is_rejected: bool


def init_app(app: Flask) -> None:
    """Watch for changes, and let every page of the desk say why they are not published."""
    # A thread of its own, because an import may keep the other one for minutes.
    app.extensions["publisher"] = Background()
    app.after_request(_publish_what_changed)
    app.jinja_env.globals.update(
        publishing_trouble=find_trouble,
        publishing_result=say_result,
        by_itself=is_by_itself,
        is_serving=is_serving,
    )


# --- By itself ---------------------------------------------------------------------------


def find_trouble() -> Publication | None:
    """The publication that keeps what was changed from being published by itself, if one does."""
    with suppress(RecommenderError):
        return find_hold(get_db()) if _is_behind() else None
    return None


def is_serving() -> bool:
    """Whether donors get answers at all."""
    with suppress(RecommenderError):
        get_index()
        return True
    return False


def _is_behind() -> bool:
    """Whether donors find another state of the catalogue, or none because nothing can be read.

    That is so where all is damaged, or was built by another version: a publication mends it.
    """
    try:
        served = get_index().manifest["catalog_revision"]
    except IndexDamaged:
        return True
    return bool(served != get_catalog_revision(get_db()))


def _may_be_behind() -> bool:
    """The same for the page, which is there before the first publication too."""
    with suppress(IndexNotReady):
        return _is_behind()
    return True


def _publish_what_changed(response: Response) -> Response:
    """Look after every request of somebody who is signed in, and publish on the thread."""
    publisher: Background = current_app.extensions["publisher"]
    with suppress(RecommenderError):
        if current_staff() and _is_behind() and find_hold(get_db()) is None:
            publisher.soon("publish", partial(_run, publish_if_due, get_settings()))
        elif current_staff():
            _warm_up(publisher)
    return response


@cache
def _warm_up(publisher: Background) -> None:
    """Be ready for the first approval, once in each worker that staff use."""
    publisher.soon("warm up", partial(_run, warm_up, get_settings()))


def _run(job: Callable[[store.Database, Settings], object], settings: Settings) -> None:
    with closing(store.connect(settings.database)) as db, _giving_way(), _collecting_later():
        job(db, settings)


@contextmanager
def _giving_way() -> Iterator[None]:
    """Let requests have their turn more often while this thread computes.

    On a busy machine nine in ten matches beside a build took up to 35 to 88 ms with Python's
    own 5 ms, and 16 to 51 with this.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Leave what cycles are garbage until this thread is done.

    To look through all objects of a worker took 90 ms, within every other or third publication.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


# --- Pages -------------------------------------------------------------------------------


@bp.get("")
@require(Role.EDITOR)
def index() -> str:
    """What serves, what could, and the history."""
    page = read_number(request.args.get("page", ""), default=1, most=MAX_PAGE)
    history = list_publications(get_db(), page=page, page_size=PAGE_SIZE)
    return render_template(
        "staff/publish.html",
        generations=_list_generations(),
        is_behind=_may_be_behind(),
        is_underway=is_publishing(get_settings().index),
        history=history,
        page=page,
        n_pages=-(-history.total // PAGE_SIZE),
        page_url=lambda number: url_for("staff_publishing.index", page=number),
        may_publish=_may_publish(),
    )


@bp.post("")
@require(Role.REVIEWER)
def publish_now() -> Response:
    """Build from the catalogue, check, and let it serve; the request takes as long."""
    staff = get_staff(get_db(), current_session().account.id, Role.REVIEWER)
    return _to(publish(get_db(), get_settings(), by=staff))


@bp.get("/<int:number>")
@require(Role.EDITOR)
def show(number: int) -> str:
    """One publication: what came of it, and what it changed."""
    publication = get_publication(get_db(), number)
    return render_template(
        "staff/publish_show.html",
        publication=publication,
        is_serving=publication.generation == find_serving(get_settings()),
        texts=_query_texts() if publication.failures else {},
        labels=LABELS,
        way_back=_find_way_back(publication) if _may_publish() else "",
    )


@bp.get("/generations/<name>")
@require(Role.REVIEWER)
def confirm_return(name: str) -> str:
    """What would change if an older generation, or one gone back from, served instead."""
    generation, root = _get_generation(name), get_settings().index
    serving = current_generation(root)
    with _whole():
        verify_generation(root, name)
        changes = compare_generations(root, serving, name)
        exposed = list_exposed(get_db(), get_settings(), name)
    return render_template(
        "staff/publish_return.html",
        generation=generation,
        serving=_get_generation(serving),
        changes=changes,
        exposed=exposed,
        labels=LABELS,
    )


@bp.post("/generations/<name>")
@require(Role.REVIEWER)
def serve_instead(name: str) -> Response:
    """Let another generation that is kept serve from now on."""
    _get_generation(name)
    staff = get_staff(get_db(), current_session().account.id, Role.REVIEWER)
    reason = read_note("reason")
    if not reason:
        raise InvalidAction("Please say why, for those who wonder what serves.")
    with _whole():
        done = serve_again(get_db(), get_settings(), name, by=staff, reason=reason)
    return _to(done)


@contextmanager
def _whole() -> Iterator[None]:
    """Refuse what a damaged generation, or one of another version, is asked for."""
    try:
        yield
    except IndexDamaged as error:
        raise InvalidAction(str(error)) from error


def say_result(publication: Publication) -> str:
    """What a publication was and came to, in a word or two."""
    if publication.kind is PublicationKind.RETURN:
        is_back = publication.generation < publication.previous
        return "Went back" if is_back else "Took the return back"
    return RESULTS[publication.state]


def _to(publication: Publication) -> Response:
    return redirect(url_for("staff_publishing.show", number=publication.id), 303)


def _may_publish() -> bool:
    return current_session().account.role.covers(Role.REVIEWER)


def _list_generations() -> list[Generation]:
    """Those that are kept, newest first."""
    found = []
    for name in reversed(list_generations(get_settings().index)):
        with suppress(NotFound):
            found.append(_get_generation(name))
    return found


def _get_generation(name: str) -> Generation:
    root = get_settings().index
    if name not in list_generations(root):
        raise NotFound("This generation is no longer kept.")
    try:
        manifest = read_manifest(root, name)
    except IndexDamaged as error:
        raise NotFound(str(error)) from error
    return Generation(
        name=name,
        built_at=manifest["built_at"],
        n_listings=manifest["n_docs"],
        is_serving=name == find_serving(get_settings()),
        is_rejected=is_rejected(root, name),
    )


def _find_way_back(publication: Publication) -> str:
    """The generation that served before a publication, while that is the last and it is kept."""
    last = find_last_publication(get_db())
    is_last = last is not None and last.id == publication.id
    is_kept = publication.previous in list_generations(get_settings().index)
    is_done = publication.state is PublicationState.PUBLISHED
    return publication.previous if is_last and is_kept and is_done else ""


def _query_texts() -> dict[str, str]:
    """What the golden queries ask, by their ids."""
    with suppress(RecommenderError):
        queries = read_golden(get_settings().data / GOLDEN_FILE)
        return {query["id"]: _say_query(query) for query in queries}
    return {}


def _say_query(query: dict[str, object]) -> str:
    parts = [query.get("text"), *_chosen(query), query.get("place")]
    return ", ".join(str(part) for part in parts if part)


def _chosen(query: dict[str, object]) -> list[object]:
    lists = [query.get(name, ()) for name in ("services", "populations", "communities")]
    return [tag for tags in lists if isinstance(tags, list) for tag in tags]


def is_by_itself(publication: Publication) -> bool:
    """Whether nobody asked for it."""
    return publication.staff_id is None and publication.staff_name == SCHEDULE.name
