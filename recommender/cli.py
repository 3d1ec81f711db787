"""The commands of `flask`. Anything heavy is imported when a command runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from recommender.config import ROOT
from recommender.errors import PublishRefused, RecommenderError

if TYPE_CHECKING:
    from recommender.config import Settings
    from recommender.importers.formats import Upload
    from recommender.models import Match, Partner, Recommendation, WidgetDefaults
    from recommender.store import Database
    from recommender.store.ageing import Ageing
    from recommender.store.catalog import LoadReport
    from recommender.store.plans import ImportPlan


class Commands(AppGroup):
    """A group of commands that ends with a plain message where the package raised an error."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        with _plain_errors():
            return super().invoke(ctx)


def init_app(app: Flask) -> None:
    """Give the application its commands."""
    for command in (catalog, index, prepare, match, evaluate, staff, partner):
        app.cli.add_command(command)


def get_settings() -> Settings:
    """The settings of the application that the command runs in."""
    return cast("Settings", current_app.config["WAYMARK"])


@contextmanager
def open_store() -> Iterator[Database]:
    """The store at its newest version, closed afterwards."""
    from recommender import store

    db = store.connect(get_settings().database)
    try:
        store.migrate(db)
        yield db
    finally:
        db.close()


LINE_EVERY_S = 10
"""How often a command that nobody watches says how far it is."""
publishes = click.option(
    "--publish", "wants_publication", is_flag=True, help="Let donors see what changed, at once."
)
IMPORT_FORMATS = click.Choice(["irs-bmf", "irs-990-xml", "csv", "hsds"])

catalog = Commands("catalog", help="The listings, resources, guides and words of the site.")


@catalog.command("load")
@click.option("--quiet", is_flag=True, help="Say nothing unless something is wrong.")
@publishes
def load(quiet: bool, wants_publication: bool) -> None:
    """Bring the database in line with the data files."""
    say: Callable[[str], None] = (lambda _: None) if quiet else click.echo
    with open_store() as db:
        say("\n".join(_load(db)))
        _publish_or_say(db, wants_publication, say)


def _load(db: Database) -> list[str]:
    from recommender.importers import directory
    from recommender.publish import open_gazetteer
    from recommender.store.catalog import load_catalog

    settings = get_settings()
    if _is_loaded(db):
        return ["The catalogue is up to date."]
    read = directory.read_directory(settings.data, open_gazetteer(settings))
    report = load_catalog(db, read.contents)
    return [
        *_described(report.listings),
        *_named("Terms, resources and guides kept as staff left them", report.kept),
        *_named("Without coordinates", read.unplaced),
    ]


def _is_loaded(db: Database) -> bool:
    from recommender.importers.directory import compute_digest
    from recommender.store.catalog import get_data_digest

    return get_data_digest(db) == compute_digest(get_settings().data)


@catalog.command("import")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--format", "format_", required=True, type=IMPORT_FORMATS)
@click.option("--as-of", default="", help="Month of the facts, YYYY-MM; a return says its own.")
@click.option("--source", default="", help="Who says so; the name of the file, where not given.")
@click.option("--download", default="", help="Instead of FILE: a state, fetched from the IRS.")
@click.option("--since", type=click.Path(path_type=Path), help="The IRS extract before this one.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--by", "email", default="", help="The member of staff in whose name it is done.")
@publishes
def import_(file: Path | None, format_: str, dry_run: bool, email: str, **origin: Any) -> None:
    """Add what FILE brings: new drafts, and changes of listings for review."""
    from recommender.importers.formats import Upload, read_upload
    from recommender.importers.plan import plan_import
    from recommender.importers.rows import Origin, Watch
    from recommender.store.accounts import get_account

    if not dry_run and not email:
        raise click.UsageError("Say --dry-run, or --by whom the import is done.")
    path = _file_to_import(file, origin["download"])
    if format_ != "irs-990-xml" and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", origin["as_of"]):
        raise click.UsageError("Say --as-of which month (YYYY-MM) the file is.")
    facts = Origin(source=origin["source"] or path.name, as_of=origin["as_of"])
    upload = Upload(path=path, format=format_, origin=facts)
    with open_store() as db:
        by = get_account(db, email).id if email else None
        if origin["since"]:
            click.echo("\n".join(_vintage_lines(db, origin["since"], path)))
        watch = Watch()
        plan = plan_import(db, read_upload(db, upload, watch), by=by)
        click.echo("\n".join([_count_line(watch.counts), *_plan_lines(plan)]))
        if by is not None and not dry_run:
            click.echo(_import_plan(db, plan, upload, by))
            _publish_or_say(db, origin["wants_publication"])


def _file_to_import(file: Path | None, state: str) -> Path:
    from recommender.importers.download import BMF_FILES, Wanted, download

    if bool(file) == bool(state):
        raise click.UsageError("Name a FILE, or a state to --download.")
    if file:
        return file
    if state not in BMF_FILES:
        raise click.UsageError(f"{state!r} is none of {', '.join(BMF_FILES)}.")
    folder = get_settings().instance / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    done = download(Wanted(address=BMF_FILES[state]), folder / BMF_FILES[state].rpartition("/")[2])
    click.echo(f"{done.path}: {done.n_bytes:,} bytes of {done.last_modified or 'unknown date'}")
    click.echo(f"SHA-256 {done.sha256}")
    return done.path


def _vintage_lines(db: Database, old: Path, new: Path) -> list[str]:
    from recommender.importers.irs_bmf import compare_vintages
    from recommender.importers.plan import list_known_eins

    changes, known = compare_vintages(old, new), list_known_eins(db)
    gone = tuple(ein for ein in changes.removed if ein in known)
    fields = ", ".join(f"{name} {number:,}" for name, number in changes.by_field.items())
    return [
        f"Against {old.name}: {len(changes.added):,} added, {len(changes.removed):,} removed, "
        f"{len(changes.changed):,} changed, {changes.n_unchanged:,} unchanged.",
        f"Changed columns: {fields or 'none'}",
        *_named("Listed, but removed by the IRS", gone),
    ]


def _plan_lines(plan: ImportPlan) -> list[str]:
    lines = [f"{number:>8,} {verdict}" for verdict, number in plan.counts.items()]
    for row in plan.rows:
        if row.reason:
            about = " ".join(
                part for part in (row.name, f"({row.slug})" if row.slug else "") if part
            )
            lines.append(f"{row.where}: {about + ': ' if about else ''}{row.verdict}: {row.reason}")
    return lines


def _count_line(counts: Mapping[str, int]) -> str:
    from recommender.importers.irs_bmf import KINDS

    kinds = [f"{counts[kind]:,} {label}" for kind, label in KINDS.items() if kind in counts]
    return f"{counts.get('read', 0):,} records read{': ' if kinds else ''}{', '.join(kinds)}."


def _import_plan(db: Database, plan: ImportPlan, upload: Upload, by: int) -> str:
    from recommender.importers.runs import Importer, import_at_once
    from recommender.publish import open_gazetteer
    from recommender.store.imports import Arrival
    from recommender.store.plans import Outcome, tally_rows

    arrival = Arrival(
        file_name=upload.path.name[:200],
        format=upload.format,
        source=upload.origin.source[:300],
        as_of=upload.origin.as_of,
        n_bytes=upload.path.stat().st_size,
    )
    importer = Importer(staff_id=by, gazetteer=open_gazetteer(get_settings()))
    done = import_at_once(db, plan, arrival, importer)
    counts = tally_rows(db, done.id).outcomes
    if not counts:
        return f"Import {done.id}: nothing was written."
    return (
        f"Import {done.id}: {counts.get(Outcome.CREATED, 0):,} drafts created, "
        f"{counts.get(Outcome.CHANGED, 0):,} changed, "
        f"{counts.get(Outcome.PROPOSED, 0):,} revisions put up for review. "
        f"It can be undone at /staff/imports/{done.id}."
    )


@catalog.command("age")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--max-due", type=click.IntRange(0), default=50, show_default=True)
@click.option("--max-stale", type=click.IntRange(0), default=10, show_default=True)
@publishes
def age(dry_run: bool, max_due: int, max_stale: int, wants_publication: bool) -> None:
    """Let listings age: run it once a day; a second time the same day changes nothing.

    A listing that was not checked for 12 months is due for a check, the longest unchecked
    first and at most --max-due at a time, so that the work has an end; it stays in every
    answer. One that has been due for 12 months is stale: its page says so and no answer has
    it. At most --max-stale become so in a day, and each is named here.
    """
    from datetime import UTC, datetime

    from recommender.store.ageing import AgeingPolicy, age_listings, plan_ageing

    policy = AgeingPolicy(max_due=max_due, max_stale=max_stale)
    with open_store() as db:
        done = (plan_ageing if dry_run else age_listings)(db, datetime.now(UTC).date(), policy)
        click.echo("\n".join(_ageing_lines(done, "Would be" if dry_run else "Now")))
        if not dry_run:
            _publish_or_say(db, wants_publication)


def _ageing_lines(done: Ageing, verb: str) -> list[str]:
    moved = [*_named(f"{verb} due", done.due), *_named(f"{verb} stale", done.stale)]
    return [
        f"{done.n_old:,} listings were not checked for 12 months; {done.n_due:,} are due already.",
        f"{done.n_long_due:,} have been due for 12 months.",
        *(moved or ["There is nothing to do."]),
    ]


@catalog.command("info")
def info() -> None:
    """Count the listings by status, state and basis."""
    from recommender.store.catalog import count_nonprofits, get_catalog_revision

    with open_store() as db:
        counts = count_nonprofits(db)
        click.echo(f"Catalogue revision {get_catalog_revision(db)}")
    for title, numbers in (
        ("Status", counts.status),
        ("Basis", counts.basis),
        ("State of the office", counts.state),
    ):
        spread = ", ".join(f"{name} {number:,}" for name, number in numbers.items())
        click.echo(f"{title}: {spread or 'none'}")


def _described(report: LoadReport) -> list[str]:
    counts = (
        f"{len(report.created):,} created, {len(report.updated):,} updated, "
        f"{len(report.unchanged):,} unchanged, {len(report.kept):,} kept, "
        f"{len(report.archived):,} archived"
    )
    return [
        f"Listings: {counts}.",
        *_named("Kept as staff left them", report.kept),
        *_named("Archived, no longer in the files", report.archived),
    ]


def _named(title: str, names: tuple[str, ...]) -> list[str]:
    return [f"{title} ({len(names):,}):", *(f"  {name}" for name in names)] if names else []


index = Commands("index", help="The precomputed index that answers are made from.")


@index.command("build")
def build() -> None:
    """Build from the catalogue, ask the golden queries, and publish."""
    with open_store() as db:
        click.echo(_publish(db))


def _publish_or_say(
    db: Database, wants_publication: bool, say: Callable[[str], None] = click.echo
) -> None:
    """Publish what a command has changed, or say when that will be.

    Raises:
        PublishRefused: see `index build`.
    """
    from recommender.publish import is_published

    if is_published(db, get_settings()):
        return
    if wants_publication:
        say(_describe_return(db) or _publish(db))
    else:
        say(
            "Not published yet: donors see it once somebody opens a page of the desk, or after"
            " `flask index build`. With --publish, this command does it."
        )


def _describe_return(db: Database) -> str:
    """Who went back to what serves, where nothing has changed since; else ""."""
    from recommender.store.publications import PublicationKind, find_hold

    hold = find_hold(db)
    if hold is None or hold.kind is not PublicationKind.RETURN:
        return ""
    return f"{hold.staff_name} went back to {hold.generation}, which still serves: {hold.reason}"


def _publish(db: Database) -> str:
    from recommender.publish import publish
    from recommender.store.publications import PublicationState

    with _Progress() as progress:
        done = publish(db, get_settings(), progress=progress)
    if done.state is not PublicationState.PUBLISHED:
        wrong = [f"  {f.query_id}: expected {f.expected}; found {f.found}" for f in done.failures]
        raise PublishRefused("\n".join((done.reason, *wrong)))
    return (
        f"Published {done.generation}: {done.n_listings:,} listings, {done.n_queries} golden "
        f"queries answered as they should be, {done.seconds:.1f} s."
    )


class _Progress:
    """How far each stage of a build is: a bar for a person, else a line now and then."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage = ""
        self._told = time.monotonic()

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if sys.stdout.isatty():
            self._draw(stage, done, total)
        elif time.monotonic() - self._told >= LINE_EVERY_S:
            self._told = time.monotonic()
            click.echo(f"Indexing: {stage}, {done:,} of {total:,}")

    def _draw(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self._close()
            self._stage = stage
            self._bar = click.progressbar(length=total, label=f"Indexing: {stage:<11}")
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


@index.command("exposure")
def exposure() -> None:
    """Measure who gets shown by the generation that serves, for the public report."""
    from recommender.index import current_generation

    with open_store() as db:
        click.echo(_report(db, current_generation(get_settings().index)))


def _report(db: Database, generation: str) -> str:
    from recommender.exposure import CROWD
    from recommender.report import is_reported, make_report

    if is_reported(db, generation):
        return f"Who gets shown by {generation} has been measured."
    label = f"{'Measuring who is shown':<21}"
    with click.progressbar(length=CROWD.size, label=label) as bar:
        made = make_report(db, get_settings(), generation, lambda n: bar.update(n - bar.pos))
    asked = f"{CROWD.size:,} made-up donors"
    return f"Measured who gets shown to {asked}." if made else "It is being measured already."


@index.command("info")
def index_info() -> None:
    """Describe the generation that serves, and name the others."""
    from recommender.index import current_generation, list_generations, verify_generation

    root = get_settings().index
    current = current_generation(root)
    manifest = verify_generation(root, current)
    click.echo(f"Serving {current}: {manifest['n_docs']:,} listings, built {manifest['built_at']}")
    click.echo(f"Catalogue revision {manifest['catalog_revision']}")
    click.echo(f"Analysis version {manifest['analysis_version']}")
    for name in list_generations(root):
        click.echo(f"{'*' if name == current else ' '} {name}")


@index.command("verify")
def verify() -> None:
    """Check every file of the generation that serves against its checksum."""
    from recommender.index import current_generation, verify_generation

    root = get_settings().index
    current = current_generation(root)
    manifest = verify_generation(root, current)
    click.echo(f"{current}: all {len(manifest['checksums'])} files are intact.")


@index.command("rollback")
@click.argument("generation", default="")
@click.option("--reason", default="", help="Why, for the history of publications.")
def rollback(generation: str, reason: str) -> None:
    """Serve GENERATION, by default the one before the current, until the catalogue changes."""
    from recommender.index import find_previous
    from recommender.publish import serve_again

    settings = get_settings()
    with open_store() as db:
        wanted = generation or find_previous(settings.index)
        done = serve_again(db, settings, wanted, reason=reason)
    click.echo(f"Now serving {done.generation}.")
    click.echo(f"To take it back: flask index rollback {done.previous}")


@click.command("prepare")
@with_appcontext
def prepare() -> None:
    """Load what changed in the data files and publish an index where none fits them.

    If that is refused, what served before still serves, and a return to an older generation
    is left alone. What is new is measured for the public report on who gets shown.
    """
    from recommender.publish import find_serving, open_gazetteer
    from recommender.report import is_reported

    with _plain_errors(), open_store() as db:
        click.echo("Reading the catalogue and the places …")
        click.echo("\n".join(_load(db)))
        open_gazetteer(get_settings())
        click.echo(_publish_if_needed(db))
        serving = find_serving(get_settings())
        if serving and not is_reported(db, serving):
            click.echo(_report(db, serving))


def prepare_if_needed(app: Flask) -> None:
    """Run `flask prepare` unless it would do nothing.

    In a process of its own, because workers are forked from this one: what a build imports
    and holds would be in each of them.
    """
    with app.app_context():
        if is_prepared():
            return
    command = [sys.executable, "-m", "flask", "--app", "app", "prepare"]
    with suppress(KeyboardInterrupt):
        failed = subprocess.run(command, cwd=ROOT, check=False).returncode
        if not failed:
            return
    sys.exit(1)


def is_prepared() -> bool:
    """Whether `flask prepare` has nothing to do; it says what is wrong where this fails."""
    from recommender.publish import find_serving, has_gazetteer, is_published
    from recommender.report import is_reported

    settings = get_settings()
    try:
        with open_store() as db:
            return (
                _is_loaded(db)
                and has_gazetteer(settings)
                and is_published(db, settings)
                and is_reported(db, find_serving(settings))
            )
    except RecommenderError:
        return False


def _publish_if_needed(db: Database) -> str:
    from recommender.errors import IndexDamaged, IndexNotReady
    from recommender.index import current_generation, verify_generation
    from recommender.publish import is_published

    if is_published(db, get_settings()):
        return "The index is up to date."
    try:
        serving = current_generation(get_settings().index)
        verify_generation(get_settings().index, serving)
    except (IndexNotReady, IndexDamaged):
        return _publish(db)
    if held := _describe_return(db):
        return held
    try:
        return _publish(db)
    except PublishRefused as error:
        return f"Not published; {serving} still serves. {error}"


@click.command("match")
@click.argument("text")
@click.option("--near", default="", help="A ZIP code, a city and state, or a state.")
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True)
@click.option("-n", "n", type=click.IntRange(1, 100), default=10, show_default=True)
@click.option("--radius-km", type=click.FloatRange(1, 500), default=80.0, show_default=True)
@click.option("--why", is_flag=True, help="Show every share of each score.")
@with_appcontext
def match(text: str, near: str, language: str, n: int, radius_km: float, why: bool) -> None:
    """Print what the results page would show for TEXT."""
    from recommender.index import load_current
    from recommender.models import DonorProfile, Language
    from recommender.pipeline import recommend
    from recommender.publish import open_gazetteer
    from recommender.store.listings import list_excluded

    settings = get_settings()
    with _plain_errors():
        place = open_gazetteer(settings).resolve(near) if near else None
        profile = DonorProfile(
            text=text, place=place, radius_km=radius_km, language=Language(language)
        )
        with open_store() as db:
            gone = list_excluded(db)
        answer = recommend(profile, load_current(settings.index), n=n, exclude=gone)
    click.echo("\n".join(_answer_lines(answer, why=why)))


def _answer_lines(answer: Recommendation, *, why: bool) -> list[str]:
    lines = ["No close match. The nearest there are:"] if answer.no_close_match else []
    lines += [f"Read {c.typed!r} as {c.used!r}." for c in answer.corrections]
    for found in answer.matches:
        office = found.nonprofit.office
        where = f"{office.city}, {office.state}" if office else "place not shown"
        far = f", {found.distance_km:.0f} km" if found.distance_km is not None else ""
        near = f" [{found.nearness}]" if found.nearness else ""
        lines.append(
            f"{found.rank:>3}. {found.nonprofit.name} ({where}{far}){near} {found.score:.3f}"
        )
        lines += _reason_lines(found) if why else []
    return lines


def _reason_lines(found: Match) -> list[str]:
    shares = [
        f"       {reason.contribution:.3f}  {reason.feature}: {reason.label or reason.kind}"
        for reason in found.reasons
    ]
    missing = ", ".join(reason.label for reason in found.missing)
    return [*shares, *([f"       not in the listing: {missing}"] if missing else [])]


@click.command("evaluate")
@click.option(
    "--collection",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="A folder in BEIR's format.",
)
@click.option("--against", default="", help="Peers, e.g. bm25s,tantivy,sklearn,fts5.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_appcontext
def evaluate(folder: Path, against: str, as_json: bool) -> None:
    """Print nDCG@10, recall@100, MRR@10 and milliseconds a query on a judged collection."""
    from dataclasses import asdict

    from recommender.evaluation import evaluate as measure
    from recommender.evaluation import own_engine, read_collection

    with _plain_errors():
        collection = read_collection(folder)
        engines = {"waymark": own_engine, **_peers([name for name in against.split(",") if name])}
        peers = engines.items()
        try:
            figures = [measure(collection, name, make(collection)) for name, make in peers]
        except ImportError as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(
            json.dumps(
                {
                    "collection": collection.name,
                    "n_docs": len(collection.documents),
                    "engines": [asdict(row) for row in figures],
                },
                indent=1,
            )
        )
        return
    click.echo(
        f"{collection.name}: {len(collection.documents):,} documents, "
        f"{figures[0].n_queries:,} judged queries"
    )
    click.echo(f"{'engine':<12}{'nDCG@10':>9}{'recall@100':>12}{'MRR@10':>9}{'ms/query':>10}")
    for row in figures:
        click.echo(
            f"{row.engine:<12}{row.ndcg_at_10:>9.4f}{row.recall_at_100:>12.4f}"
            f"{row.mrr_at_10:>9.4f}{row.ms_per_query:>10.2f}"
        )


def _peers(names: list[str]) -> dict[str, Any]:
    """The peers' adapters, which need the packages of requirements-dev.txt."""
    if not names:
        return {}
    try:
        from benchmarks.peers import PEERS
    except ImportError as error:
        raise click.ClickException(
            f"{error}. Run `pip install -r requirements-dev.txt`."
        ) from error
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise click.ClickException(f"Unknown peer {unknown[0]!r}: choose from {', '.join(PEERS)}.")
    return {name: PEERS[name] for name in names}


staff = Commands("staff", help="Who may work on the listings.")

# From the one who may least to the one who may most.
ROLES = click.Choice(["editor", "reviewer", "admin"])


@staff.command("add")
@click.argument("email")
@click.option("--role", type=ROLES, default="editor", show_default=True)
@click.option("--name", default="", help="How the others know them.")
def add(email: str, role: str, name: str) -> None:
    """Make an account, and print a link by which its owner sets a password once."""
    from recommender.store.accounts import Role, create_account, create_link

    with open_store() as db:
        account = create_account(db, email, Role(role), name)
        token = create_link(db, account)
    click.echo(f"{account.email} is {role}. {_link_line(token)}")


@staff.command("list")
def list_staff() -> None:
    """Name the accounts, their roles and how they are protected."""
    from recommender.store.accounts import list_accounts

    with open_store() as db:
        accounts = list_accounts(db)
    for account in accounts:
        notes = [
            *(["disabled"] if account.is_disabled else []),
            *([] if account.password_hash else ["no password yet"]),
            *(["one-time codes"] if account.totp_secret else []),
        ]
        click.echo(f"{account.email:<32} {account.role:<9} {', '.join(notes)}".rstrip())


@staff.command("disable")
@click.argument("email")
def disable(email: str) -> None:
    """Close an account at once, wherever it is signed in."""
    _set_disabled(email, True)


@staff.command("enable")
@click.argument("email")
def enable(email: str) -> None:
    """Open a disabled account again."""
    _set_disabled(email, False)


def _set_disabled(email: str, is_disabled: bool) -> None:
    from recommender.store.accounts import get_account, set_disabled

    with open_store() as db:
        account = get_account(db, email)
        set_disabled(db, account, is_disabled)
    click.echo(f"{account.email} is {'disabled' if is_disabled else 'enabled'}.")


@staff.command("role")
@click.argument("email")
@click.argument("role", type=ROLES)
def set_staff_role(email: str, role: str) -> None:
    """Give an account another role, and sign it out."""
    from recommender.store.accounts import Role, get_account, set_role

    with open_store() as db:
        account = get_account(db, email)
        set_role(db, account, Role(role))
    click.echo(f"{account.email} is {role}.")


@staff.command("reset")
@click.argument("email")
@click.option("--without-codes", is_flag=True, help="Ask for one-time codes no longer.")
def reset(email: str, without_codes: bool) -> None:
    """Take an account's password and sessions away, and print a link for a new one."""
    from recommender.store.accounts import get_account, reset_account

    with open_store() as db:
        account = get_account(db, email)
        token = reset_account(db, account, keep_codes=not without_codes)
    click.echo(f"{account.email} is signed out. {_link_line(token)}")


def _link_line(token: str) -> str:
    path = current_app.url_map.bind("localhost").build("staff.welcome", {"token": token})
    return f"This link sets the password, once, within 48 hours:\n{_site()}{path}"


def _site() -> str:
    return get_settings().site_url or f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"


partner = Commands("partner", help="The sites that show our widget.")


@partner.command("add")
@click.argument("name")
@click.option("--origin", "origins", multiple=True, help="One of its sites; say it again for more.")
@click.option("--topic", default="", help="A guide's slug, or a kind of help's or of people's.")
@click.option("--place", default="", help="A ZIP code, a city and state, or a state.")
@click.option("--language", type=click.Choice(["en", "es"]), default="en", show_default=True)
@click.option("--size", type=click.Choice(["small", "medium", "large"]), default="medium")
@click.option("--theme", type=click.Choice(["auto", "light", "dark"]), default="auto")
@click.option("--font", type=click.Choice(["system", "sans", "serif"]), default="system")
@click.option("--accent", default="", help='A color such as "#884400".')
@click.option("--radius", type=int, default=0, help="How round corners are, in pixels.")
def add_partner(name: str, origins: tuple[str, ...], **given: Any) -> None:
    """Let the sites of NAME show the widget, and print the line that does."""
    from recommender.models import PartnerDraft
    from recommender.store.partners import create_partner

    if not origins:
        raise click.UsageError("Say which site it is: --origin https://news.example.org")
    with open_store() as db:
        draft = PartnerDraft(name=name, origins=origins, defaults=_read_defaults(db, given))
        done = create_partner(db, draft, by=None)
    click.echo(f"{done.name} may show the widget on {', '.join(done.origins)}.")
    click.echo(_code_line(done))


def _read_defaults(db: Database, given: Mapping[str, Any]) -> WidgetDefaults:
    from recommender.errors import InvalidPartner
    from recommender.models import (
        ColorScheme,
        Language,
        Look,
        WidgetDefaults,
        WidgetFont,
        WidgetSize,
    )
    from recommender.publish import open_gazetteer
    from recommender.store.partners import has_topic

    if given["topic"] and not has_topic(db, given["topic"]):
        raise InvalidPartner(f"There is no topic {given['topic']!r}.")
    if given["place"]:
        open_gazetteer(get_settings()).resolve(given["place"])
    look = Look(
        size=WidgetSize(given["size"]),
        scheme=ColorScheme(given["theme"]),
        font=WidgetFont(given["font"]),
        accent=given["accent"].lower(),
        radius_px=given["radius"],
    )
    language = Language(given["language"])
    return WidgetDefaults(topic=given["topic"], place=given["place"], language=language, look=look)


@partner.command("list")
def print_partners() -> None:
    """Name the partners, their keys, their sites and this week's counts."""
    from datetime import UTC, datetime

    from recommender.models import CountKind
    from recommender.store.partners import (
        MIN_SHOWN,
        list_counts_of_week,
        list_partners,
        week_of,
    )

    with open_store() as db:
        partners = list_partners(db)
        counts = list_counts_of_week(db, week_of(datetime.now(UTC).date()))
    for one in partners:
        week = counts.get(one.id, {})
        told = ", ".join(
            f"{week[kind]:,} {kind}s" if week.get(kind) else f"under {MIN_SHOWN} {kind}s"
            for kind in CountKind
        )
        paused = " (paused)" if one.is_paused else ""
        click.echo(f"{one.name}{paused}: {one.key}, {' '.join(one.origins)}, {told}")


@partner.command("pause")
@click.argument("name")
def pause(name: str) -> None:
    """Let the plain link stand for the widgets of NAME, which may be a key."""
    _set_paused(name, True)


@partner.command("resume")
@click.argument("name")
def resume(name: str) -> None:
    """Show the widgets of NAME again."""
    _set_paused(name, False)


def _set_paused(name: str, is_paused: bool) -> None:
    from recommender.store.partners import set_paused

    with open_store() as db:
        done = set_paused(db, _get_partner(db, name).id, is_paused, by=None)
    click.echo(f"The widgets of {done.name} {'are paused' if is_paused else 'show'}.")


@partner.command("rotate")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask first.")
def rotate(name: str, yes: bool) -> None:
    """Give NAME a new key: every page with the old code loses its widget at once."""
    from recommender.store.partners import rotate_key

    with open_store() as db:
        found = _get_partner(db, name)
        if not yes:
            click.confirm(
                f"Every widget of {found.name} with the old key stops. Go on?", abort=True
            )
        done = rotate_key(db, found.id, by=None)
    click.echo(f"The key {found.key} is unknown from now on.")
    click.echo(_code_line(done))


def _get_partner(db: Database, name: str) -> Partner:
    from recommender.errors import NotFound
    from recommender.store.partners import list_partners

    found = [one for one in list_partners(db) if name in (one.name, one.key)]
    if not found:
        raise NotFound(f"There is no partner {name!r}. `flask partner list` names them.")
    return found[0]


def _code_line(done: Partner) -> str:
    address = f"{_site()}/widget/v1.js"
    code = (
        f'<script async referrerpolicy="no-referrer" src="{address}"'
        f' data-partner="{done.key}"></script>'
    )
    # The link beside it needs words in a language, which are the pages' to say.
    return f"The line for its pages; /staff/partners/{done.id} has the link beside it, too:\n{code}"


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except RecommenderError as error:
        raise click.ClickException(str(error)) from error
