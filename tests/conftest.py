from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlite_utils import Database

from recommender.config import ROOT, Settings
from recommender.exposure import Crowd, measure_exposure, simulate_donors
from recommender.importers.directory import read_directory
from recommender.index import (
    BuildInputs,
    Index,
    build_index,
    publish_generation,
    write_generation,
)
from recommender.models import (
    Basis,
    Location,
    Nonprofit,
    Place,
    PlaceKind,
    Reach,
    ServiceArea,
    Source,
    Status,
    Tag,
    TermMapping,
    Visibility,
)
from recommender.publish import open_gazetteer, read_inputs
from recommender.store import connect, migrate
from recommender.store.catalog import load_catalog, load_nonprofits, load_tags, set_status
from recommender.store.exposures import Exposure, put_exposure
from recommender.store.library import list_tags
from recommender.store.listings import list_nonprofits
from recommender.web import rendering
from tests.serving import Launch, Site, serve

# A test that is right is right on a busy machine too.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


class KeptCode(BytecodeCache):
    """Compiled templates, by a digest of name and source."""

    def __init__(self) -> None:
        self._code: dict[str, Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get(bucket.key + bucket.checksum)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key + bucket.checksum] = bucket.code


class CompiledOnce(rendering.Environment):
    """The templates of an application, compiled once for all applications of a process."""

    kept = KeptCode()

    def __init__(self, app: Flask, **options: Any) -> None:
        super().__init__(app, bytecode_cache=self.kept, **options)


rendering.Environment = CompiledOnce  # type: ignore[misc]

HIDDEN, WITHDRAWN = "Test Hidden House", "Test Withdrawn Circle"

CITIES = {
    "Los Angeles, CA": ("90012", 34.0614, -118.2385),
    "Houston, TX": ("77002", 29.7594, -95.3594),
    "Brownsville, TX": ("78520", 25.9303, -97.5069),
    "Portland, ME": ("04101", 43.6606, -70.2589),
    "Lewiston, ME": ("04240", 44.0851, -70.1746),
    "Boston, MA": ("02108", 42.3576, -71.0684),
    "New York, NY": ("10007", 40.7139, -74.0070),
    "Miami, FL": ("33130", 25.7672, -80.2059),
    "Saint Paul, MN": ("55101", 44.9511, -93.0902),
    "Washington, DC": ("20001", 38.9122, -77.0177),
    "San Juan, PR": ("00901", 18.4655, -66.1057),
}


def _make_nonprofit(name: str = "Test Legal Help", place: str = "", **changes: object) -> Nonprofit:
    """A listing with an office in `place`, one of `CITIES`; anything else can be changed."""
    listing = Nonprofit(
        slug=name.lower().replace(" ", "-"),
        name=name,
        reach=Reach.LOCAL,
        basis=Basis.MISSION,
        summary_en=f"{name} gives free legal help to people who ask for asylum.",
        summary_es=f"{name} da ayuda legal gratuita a quienes piden asilo.",
        services=("legal-services",),
        populations=("asylum-seekers",),
        sources=(Source(facts="mission", source="Test register", as_of="2024-01"),),
    )
    if place:
        city, state = place.split(", ")
        zip_code, latitude, longitude = CITIES[place]
        at = {"latitude": latitude, "longitude": longitude}
        listing = replace(
            listing,
            locations=(Location(city=city, state=state, zip=zip_code, **at),),
            service_areas=(ServiceArea(state=state, city=city, **at),),
        )
    return replace(listing, **changes)


@pytest.fixture(scope="session")
def make_nonprofit() -> Callable[..., Nonprofit]:
    """The factory of listings: `make_nonprofit(name, place, **changes)`."""
    return _make_nonprofit


def _tag(kind: str, slug: str, label_es: str, *synonyms: str) -> Tag:
    label = slug.replace("-", " ").capitalize()
    return Tag(kind=kind, slug=slug, label_en=label, label_es=label_es, synonyms_en=synonyms)


@pytest.fixture(scope="session")
def taxonomy() -> tuple[Tag, ...]:
    """Every tag that the test catalogue carries."""
    return (
        _tag("services", "legal-services", "Ayuda legal", "immigration lawyers", "attorneys"),
        _tag("services", "asylum-support", "Apoyo al asilo", "asylum claims"),
        _tag("services", "language-education", "Clases de idioma", "english classes", "esl"),
        _tag("services", "housing", "Vivienda", "shelter"),
        _tag("services", "health-care", "Salud", "clinic", "doctors"),
        _tag("services", "policy-advocacy", "Incidencia", "policy change"),
        _tag("services", "youth-education", "Educación juvenil", "tutoring"),
        _tag("populations", "asylum-seekers", "Solicitantes de asilo"),
        _tag("populations", "refugees", "Personas refugiadas"),
        _tag("populations", "children", "Niñez", "kids"),
        _tag("populations", "workers", "Trabajadores", "day laborers"),
        _tag("communities", "somali", "Somalí"),
        _tag("communities", "haitian", "Haitiana"),
        _tag("communities", "latino", "Latina"),
        _tag("languages", "spanish", "Español"),
        _tag("languages", "haitian-creole", "Criollo haitiano"),
    )


@pytest.fixture(scope="session")
def catalogue() -> tuple[Nonprofit, ...]:
    """Twelve made-up organisations over many states, reaches, tags and visibilities."""
    make = _make_nonprofit
    hidden = Location(city="Boston", state="MA", zip="02108", visibility=Visibility.HIDDEN)
    return (
        make("Test Legal Help Los Angeles", "Los Angeles, CA", languages=("spanish",)),
        make(
            "Test Border Lawyers",
            "Brownsville, TX",
            services=("legal-services", "asylum-support"),
            ein="000000001",
            other_names=("TBL", "Abogados de Prueba"),
        ),
        make(
            "Test Houston Clinic",
            "Houston, TX",
            services=("health-care",),
            populations=("refugees", "children"),
            summary_en="Test Houston Clinic runs a walk-in clinic for refugee families.",
            summary_es="Test Houston Clinic atiende sin cita a familias refugiadas.",
        ),
        make(
            "Test Maine Asylum Project",
            "Portland, ME",
            reach=Reach.STATE,
            services=("legal-services", "asylum-support"),
            service_areas=(ServiceArea(state="ME"),),
            revenue_usd=410_000,
        ),
        make(
            "Test Lewiston English Classes",
            "Lewiston, ME",
            services=("language-education",),
            populations=("refugees",),
            communities=("somali",),
            summary_en="Test Lewiston English Classes teaches English to newly arrived refugees.",
            summary_es="Test Lewiston English Classes enseña inglés a refugiados recién llegados.",
        ),
        make(
            "Test Harbor Shelter",
            services=("housing",),
            populations=("asylum-seekers", "children"),
            locations=(hidden,),
            service_areas=(ServiceArea(state="MA", city="Boston"),),
            summary_en="Test Harbor Shelter offers a safe place to stay to families.",
            summary_es="Test Harbor Shelter ofrece un lugar seguro a familias.",
        ),
        make(
            "Test New York Workers Center",
            "New York, NY",
            services=("policy-advocacy",),
            populations=("workers",),
            communities=("latino",),
            summary_en="Test New York Workers Center organizes day laborers for fair pay.",
            summary_es="Test New York Workers Center organiza a jornaleros por un pago justo.",
        ),
        make(
            "Test Haitian House",
            "Miami, FL",
            services=("language-education", "housing"),
            populations=("refugees",),
            communities=("haitian",),
            languages=("haitian-creole", "spanish"),
            summary_en="Test Haitian House welcomes Haitian newcomers with classes and a bed.",
            summary_es="Test Haitian House recibe a recién llegados de Haití con clases y cama.",
        ),
        make(
            "Test Somali Youth",
            "Saint Paul, MN",
            services=("youth-education",),
            populations=("children",),
            communities=("somali",),
            revenue_usd=95_000,
            summary_en="Test Somali Youth tutors Somali students after school.",
            summary_es="Test Somali Youth da tutorías a estudiantes somalíes.",
        ),
        make(
            "Test National Policy Network",
            "Washington, DC",
            reach=Reach.NATIONAL,
            services=("policy-advocacy",),
            populations=("refugees", "asylum-seekers"),
            service_areas=(),
            revenue_usd=12_000_000,
            summary_en="Test National Policy Network speaks for fair asylum law in Congress.",
            summary_es="Test National Policy Network aboga por leyes de asilo justas.",
        ),
        make("Test Ayuda San Juan", "San Juan, PR", languages=("spanish",), in_irs_extract=True),
        make(
            "Test Unknown Circle",
            basis=Basis.NAME,
            services=(),
            populations=("refugees",),
            summary_en="Test Unknown Circle is listed from public records.",
            summary_es="Test Unknown Circle aparece según registros públicos.",
        ),
    )


@pytest.fixture(scope="session")
def term_map() -> tuple[TermMapping, ...]:
    """How donors say some of what the test catalogue does."""
    return (
        TermMapping(phrase="lawyer", language="en", tags=("legal-services",)),
        TermMapping(phrase="abogado", language="es", tags=("legal-services",)),
        TermMapping(phrase="asylum lawyer", language="en", tags=("asylum-support",)),
        TermMapping(phrase="asilo", language="es", tags=("asylum-seekers",), words=("asylum",)),
        TermMapping(phrase="asylum", language="en", tags=("asylum-seekers",), words=("asilo",)),
        TermMapping(phrase="refugiado", language="es", tags=("refugees",)),
        TermMapping(phrase="clinic", language="en", tags=("health-care",), weight=0.8),
        TermMapping(phrase="clínica", language="es", tags=("health-care",), weight=0.8),
    )


@pytest.fixture(scope="session")
def index(
    catalogue: tuple[Nonprofit, ...],
    taxonomy: tuple[Tag, ...],
    term_map: tuple[TermMapping, ...],
) -> Index:
    """The test catalogue, built."""
    return build_index(BuildInputs(nonprofits=catalogue, tags=taxonomy, term_map=term_map))


def _crowd(size: int) -> tuple[Nonprofit, ...]:
    """Made-up listings that differ in words, tags, places, reach and size, all by number."""
    towns = [(name, *CITIES[name]) for name in CITIES]
    services = ("legal-services", "housing", "health-care", "youth-education", "policy-advocacy")
    people = ("refugees", "asylum-seekers", "children", "workers")
    topics = (
        "asylum court hearings clinic garden housing school theatre choir harvest tutoring "
        "shelter visas wages bicycle kitchen library radio music football nursing diplomas"
    ).split()
    made = []
    for n in range(size):
        told = " ".join(topics[(n * k + k) % len(topics)] for k in range(1, 3 + n % 5))
        town, _, latitude, longitude = towns[n % len(towns)]
        city, state = town.split(", ")
        at = {"latitude": latitude + n / 1000, "longitude": longitude - n / 1000}
        elsewhere = towns[(n + 3) % len(towns)][0].split(", ")[1]
        made.append(
            _make_nonprofit(
                f"Test Group {n:03}",
                reach=tuple(Reach)[n % 5],
                summary_en=f"People here care for {told}.",
                summary_es="",
                services=tuple({services[n % 5]: 1, services[n * 3 % 5]: 1}) if n % 4 else (),
                populations=(people[n % 4],),
                communities=("somali", "haitian")[: n % 3],
                locations=(Location(city=city, state=state, **at),) if n % 7 else (),
                service_areas=(ServiceArea(state=(state, elsewhere)[n % 2]),) if n % 3 else (),
                revenue_usd=None if n % 6 == 0 else 20_000 * (n % 50) ** 2,
                basis=Basis.NAME if n % 8 == 0 else Basis.MISSION,
            )
        )
    return tuple(made)


@pytest.fixture(scope="session")
def crowd() -> tuple[Nonprofit, ...]:
    """Two hundred made-up organisations, for what needs many."""
    return _crowd(200)


@pytest.fixture(scope="session")
def crowd_index(crowd: tuple[Nonprofit, ...], taxonomy: tuple[Tag, ...]) -> Index:
    """The crowd, built."""
    return build_index(BuildInputs(nonprofits=crowd, tags=taxonomy))


def _make_place(label: str) -> Place:
    if label in CITIES:
        zip_code, latitude, longitude = CITIES[label]
        return Place(
            label=label,
            kind=PlaceKind.CITY,
            state=label[-2:],
            latitude=latitude,
            longitude=longitude,
            zip=zip_code,
        )
    return Place(label=label, kind=PlaceKind.STATE, state=label, latitude=40.0, longitude=-90.0)


@pytest.fixture(scope="session")
def make_place() -> Callable[[str], Place]:
    """A donor's place: one of `CITIES`, or a whole state by its code."""
    return _make_place


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store at the newest version, to be copied: to migrate takes 0.1 s."""
    path = tmp_path_factory.mktemp("empty") / "waymark.db"
    with closing(connect(path)) as db:
        migrate(db)
    return path


@pytest.fixture(scope="session")
def loaded_store(
    empty_store: Path, taxonomy: tuple[Tag, ...], catalogue: tuple[Nonprofit, ...]
) -> Path:
    """A store that holds the test catalogue, to be copied."""
    path = Path(shutil.copy(empty_store, empty_store.with_name("loaded.db")))
    with closing(connect(path)) as db:
        load_tags(db, taxonomy)
        load_nonprofits(db, catalogue)
    return path


@pytest.fixture
def db(empty_store: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty store at the newest version."""
    with closing(connect(Path(shutil.copy(empty_store, tmp_path / "waymark.db")))) as db:
        yield db


@pytest.fixture
def loaded(db: Database, loaded_store: Path) -> Database:
    """The same store, which holds the test catalogue."""
    with closing(sqlite3.connect(loaded_store)) as template:
        template.backup(db.conn)
    return db


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The committed directory, loaded and built once; tests must not change what is in it."""
    settings = Settings(
        instance=tmp_path_factory.mktemp("directory"),
        data=ROOT / "data",
        secret_key="test-key " * 8,
        # Tests ask more in a minute than any partner; those of the limits set their own.
        matches_per_minute=0,
        reads_per_minute=0,
    )
    db = connect(settings.database)
    migrate(db)
    load_catalog(db, read_directory(settings.data, open_gazetteer(settings)).contents)
    generation = write_generation(build_index(read_inputs(db)), settings.index)
    publish_generation(settings.index, generation)
    db.close()
    return settings


@pytest.fixture(scope="session")
def site(directory: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The directory and two listings of every caution, served by gunicorn."""
    instance = tmp_path_factory.mktemp("served") / "instance"
    shutil.copytree(directory.instance, instance)
    db = connect(instance / directory.database.name)
    cautious = _make_nonprofit(HIDDEN, "San Juan, PR")
    hidden = tuple(replace(spot, visibility=Visibility.HIDDEN) for spot in cautious.locations)
    listed = [*list_nonprofits(db), replace(cautious, locations=hidden, website="")]
    load_nonprofits(db, [*listed, _make_nonprofit(WITHDRAWN, "Boston, MA")])
    served = replace(directory, instance=instance)
    built = build_index(read_inputs(db))
    generation = write_generation(built, served.index)
    publish_generation(served.index, generation)
    few = measure_exposure(built, simulate_donors(built, list_tags(db), Crowd(size=40)))
    told = Exposure(generation=generation, n_done=40, n_profiles=40, report=asdict(few))
    put_exposure(db, told)
    # After the build: the index still holds it, and no answer may.
    set_status(db, WITHDRAWN.lower().replace(" ", "-"), Status.WITHDRAWN)
    db.close()
    with serve(Launch(instance=instance, log=instance.parent / "log")) as running:
        yield running


@pytest.fixture
def patient(site: Site) -> None:
    """A site that has counted no messages from this address yet."""
    with sqlite3.connect(site.instance / "waymark.db") as db:
        db.execute("DELETE FROM rate_windows")
    db.close()
