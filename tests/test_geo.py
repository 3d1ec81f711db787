from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import UnknownPlace
from recommender.geo import (
    MAX_TEXT_LENGTH,
    STATES,
    Gazetteer,
    build_gazetteer,
    haversine_km,
    normalise,
    state_names,
)
from recommender.models import Language, PlaceKind

ALIASES = Path(__file__).parents[1] / "data" / "places.json"


@pytest.fixture(scope="module")
def built() -> Gazetteer:
    return build_gazetteer(ALIASES)


@pytest.fixture(scope="module")
def saved(built: Gazetteer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("gazetteer")
    built.save(directory)
    return directory


@pytest.fixture(scope="module")
def gazetteer(saved: Path) -> Gazetteer:
    return Gazetteer.load(saved)


def known_distance(start: tuple[float, float], end: tuple[float, float]) -> float:
    return float(haversine_km(*start, np.array([end[0]]), np.array([end[1]]))[0])


def test_distance_between_boston_and_los_angeles() -> None:
    assert known_distance((42.3601, -71.0589), (34.0522, -118.2437)) == pytest.approx(4169, abs=5)


def test_distance_along_the_equator_and_to_the_antipode() -> None:
    assert known_distance((0, 0), (0, 1)) == pytest.approx(111.195, abs=0.001)
    assert known_distance((0, 0), (0, 180)) == pytest.approx(20015.1, abs=0.1)


def test_distance_of_float32_points_a_block_apart() -> None:
    latitudes = np.array([40.7484], dtype=np.float32)
    longitudes = np.array([-73.9967], dtype=np.float32)
    assert haversine_km(40.7494, -73.9967, latitudes, longitudes)[0] == pytest.approx(
        0.111, abs=0.002
    )


def test_unknown_coordinates_have_no_distance() -> None:
    distances = haversine_km(40.0, -70.0, np.array([40.0, np.nan]), np.array([-70.0, -70.0]))
    assert distances[0] == 0
    assert np.isnan(distances[1])


def test_fifty_states_the_capital_and_five_territories_are_named() -> None:
    assert len(STATES) == 56
    assert STATES["NC"].name(Language.ES) == "Carolina del Norte"
    assert STATES["NY"].name(Language.ES) == "Nueva York"
    assert STATES["TX"].name(Language.ES) == STATES["TX"].name(Language.EN) == "Texas"
    assert state_names(["NY", "??"]) == ["New York", "Nueva York"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("02139", "Cambridge, MA 02139"),
        ("02139-1234", "Cambridge, MA 02139"),
        (" 02139 ", "Cambridge, MA 02139"),
        ("０２１３９", "Cambridge, MA 02139"),
        ("Cambridge, MA 02139", "Cambridge, MA 02139"),
        ("123 Main St, Cambridge, MA 02139", "Cambridge, MA 02139"),
        ("Cambridge, MA 00000", "Cambridge, MA"),
        ("Cambridge, MA", "Cambridge, MA"),
        ("  CAMBRIDGE   ma ", "Cambridge, MA"),
        ("Cambridge Massachusetts", "Cambridge, MA"),
        ("cambridge, mass.", "Cambridge, MA"),
        ("Massachusetts", "Massachusetts"),
        ("MA", "Massachusetts"),
        ("mass.", "Massachusetts"),
        ("Puerto Rico", "Puerto Rico"),
        ("San Juan PR", "San Juan, PR"),
        ("mayaguez pr", "Mayagüez, PR"),
        ("L.A.", "Los Angeles, CA"),
        ("LA", "Los Angeles, CA"),
        ("Louisiana", "Louisiana"),
        ("New Orleans, LA", "New Orleans, LA"),
        ("NYC", "New York, NY"),
        ("New York", "New York, NY"),
        ("New York, NY", "New York, NY"),
        ("New York, New York", "New York, NY"),
        ("Nueva York", "New York, NY"),
        ("New York State", "New York State"),
        ("estado de Nueva York", "New York State"),
        ("NY", "New York State"),
        ("Washington", "Washington"),
        ("Washington State", "Washington"),
        ("Washington DC", "Washington, DC"),
        ("Washington, D. C.", "Washington, DC"),
        ("D.C.", "Washington, DC"),
        ("DMV", "Washington, DC"),
        ("Queens", "Queens, NY"),
        ("Brooklyn, NY", "Brooklyn, NY"),
        ("SF", "San Francisco, CA"),
        ("Bay Area", "San Francisco Bay Area, CA"),
        ("Philly", "Philadelphia, PA"),
        ("Filadelfia", "Philadelphia, PA"),
        ("Los Ángeles", "Los Angeles, CA"),
        ("condado de Los Ángeles", "Los Angeles County, CA"),
        ("Carolina del Norte", "North Carolina"),
        ("St. Louis", "St. Louis, MO"),
        ("Saint Louis, MO", "St. Louis, MO"),
        ("Ft Worth", "Fort Worth, TX"),
        ("Dallas–Fort Worth, Texas", "Dallas–Fort Worth, TX"),
        ("twin cities", "Twin Cities, MN"),
        ("Rio Grande Valley", "Rio Grande Valley, TX"),
        ("McAllen tx", "McAllen, TX"),
        ("Lewiston, ME", "Lewiston, ME"),
        ("Cañon City, CO", "Cañon City, CO"),
        ("canon city co", "Cañon City, CO"),
        ("Winston-Salem", "Winston-Salem, NC"),
        ("Coeur d’Alene", "Coeur d'Alene, ID"),
        ("Round O, SC", "Round O, SC"),
        ("Charleston, West Virginia", "Charleston, WV"),
        ("Kansas City, Kansas", "Kansas City, KS"),
        ("Nevada, MO", "Nevada, MO"),
        ("Greater Boston, Massachusetts", "Boston, MA"),
        ("Koreatown, Los Angeles, California", "Los Angeles, CA"),
        ("Chicago", "Chicago, IL"),
        ("Des Moines", "Des Moines, IA"),
        ("Mobile", "Mobile, AL"),
        ("Harlem", "New York, NY"),
        ("Chicago, USA", "Chicago, IL"),
        ("Houston", "Houston, TX"),
    ],
)
def test_what_donors_type_resolves(gazetteer: Gazetteer, text: str, label: str) -> None:
    assert gazetteer.resolve(text).label == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "00000",
        "99999",
        "Paris, France",
        "x" * 500,
        "\ud800",
        "\x00",
        "1" * 30,
        "🎉",
        ",,,",
    ],
)
def test_what_is_no_place_here_is_unknown(gazetteer: Gazetteer, text: str) -> None:
    with pytest.raises(UnknownPlace, match="Please give") as caught:
        gazetteer.resolve(text)
    assert caught.value.field == "place"


@pytest.mark.parametrize(
    ("text", "first", "among"),
    [
        ("Portland", "Portland, OR", "Portland, ME"),
        ("Springfield", "Springfield, MA", "Springfield, IL"),
        ("Kansas City", "Kansas City, MO", "Kansas City, KS"),
        ("Orange County", "Orange County, CA", "Orange County, FL"),
    ],
)
def test_a_name_of_several_places_asks_for_the_state(
    gazetteer: Gazetteer, text: str, first: str, among: str
) -> None:
    with pytest.raises(UnknownPlace, match="add the state") as caught:
        gazetteer.resolve(text)
    assert caught.value.suggestions[0] == first
    assert among in caught.value.suggestions


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Cambrige, MA", "Cambridge, MA"),
        ("Massachussetts", "Massachusetts"),
        ("Phildelphia", "Philadelphia, PA"),
        ("Los Angelos", "Los Angeles, CA"),
        ("Houston Texs", "Houston, TX"),
        ("Minneap", "Minneapolis, MN"),
        ("Paris, France", "Paris, TX"),
        ("Charlotesville, Virgina", "Charlottesville, VA"),
    ],
)
def test_the_likeliest_place_is_suggested_first(
    gazetteer: Gazetteer, text: str, label: str
) -> None:
    assert gazetteer.suggest(text)[0] == label


def test_suggestions_are_as_many_as_asked_for(gazetteer: Gazetteer) -> None:
    assert len(gazetteer.suggest("Springfield", n=3)) == 3
    assert gazetteer.suggest("Springfield", n=0) == []
    assert gazetteer.suggest("") == []


def test_a_zip_carries_its_own_coordinates_and_kind(gazetteer: Gazetteer) -> None:
    place = gazetteer.resolve("02139")
    assert (place.kind, place.state, place.zip) == (PlaceKind.ZIP, "MA", "02139")
    assert (place.latitude, place.longitude) == pytest.approx((42.3647, -71.1042), abs=1e-3)


def test_a_state_is_placed_among_its_people(gazetteer: Gazetteer) -> None:
    place = gazetteer.resolve("Maine")
    assert place.kind is PlaceKind.STATE
    assert (place.latitude, place.longitude) == pytest.approx((44.6, -69.4), abs=0.5)


def test_an_address_is_found_by_zip_before_city(gazetteer: Gazetteer) -> None:
    by_zip = gazetteer.coordinates(city="Boston", state="MA", zip="02139")
    assert by_zip == pytest.approx((42.3647, -71.1042), abs=1e-3)
    by_city = gazetteer.coordinates(city="Cambridge", state="MA", zip="00000")
    assert by_city == pytest.approx((42.37, -71.10), abs=0.05)


def test_a_whole_state_or_an_unknown_town_has_no_point(gazetteer: Gazetteer) -> None:
    assert gazetteer.coordinates(state="MA") is None
    assert gazetteer.coordinates(city="Nowhere At All", state="MA") is None
    assert gazetteer.coordinates(city="Cambridge") is None


def test_every_located_zip_resolves(gazetteer: Gazetteer) -> None:
    codes = [code.decode() for code in gazetteer.zips]
    assert len(codes) > 41_900
    for code in codes:
        assert gazetteer.resolve(code).zip == code


def test_the_label_of_what_a_place_resolves_to_resolves_to_itself(gazetteer: Gazetteer) -> None:
    for row in range(0, len(gazetteer.place_names), 5):
        name, state = gazetteer.place_names[row].decode(), gazetteer.place_states[row].decode()
        label = gazetteer.resolve(
            name if gazetteer.place_is_state[row] else f"{name}, {state}"
        ).label
        assert gazetteer.resolve(label).label == label


def test_all_places_lie_in_the_united_states(gazetteer: Gazetteer) -> None:
    latitudes, longitudes = gazetteer.place_coordinates.T
    assert latitudes.min() > -15
    assert latitudes.max() < 72
    assert ((longitudes < -64) | (longitudes > 144)).all()


def test_a_saved_gazetteer_is_the_same(built: Gazetteer, saved: Path) -> None:
    loaded = Gazetteer.load(saved)
    assert loaded.resolve("Portland, ME") == built.resolve("Portland, ME")


def test_a_misspelt_alias_stops_the_build(tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    path.write_text(
        '{"states": {}, "cities": {"Chicgo, IL": ["chi"]}, "regions": [], "spellings": []}'
    )
    with pytest.raises(KeyError):
        build_gazetteer(path)


def labels_offered(gazetteer: Gazetteer, text: str) -> tuple[str, ...]:
    """The label that the text resolves to, or those suggested instead."""
    try:
        return (gazetteer.resolve(text).label,)
    except UnknownPlace as error:
        return error.suggestions


@given(text=st.text(max_size=MAX_TEXT_LENGTH + 10))
def test_any_text_is_resolved_or_refused(gazetteer: Gazetteer, text: str) -> None:
    for label in labels_offered(gazetteer, text):
        assert gazetteer.resolve(label).label


WORDS = "san new york st. saint la ma 02139 , - county d o' us portland springfeild".split()


@given(words=st.lists(st.sampled_from(WORDS), max_size=9))
def test_any_mix_of_place_words_is_resolved_or_refused(
    gazetteer: Gazetteer, words: list[str]
) -> None:
    for label in labels_offered(gazetteer, " ".join(words)):
        assert gazetteer.resolve(label).label


@given(text=st.text(max_size=60))
def test_normal_forms_are_plain_words(text: str) -> None:
    normal = normalise(text)
    assert normal.isascii()
    assert normal == " ".join(normal.split())
    assert normal.replace(" ", "").isalnum() or not normal
