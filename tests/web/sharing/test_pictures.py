from __future__ import annotations

import io
import json
import re
import time

import pytest
from flask import Flask
from PIL import Image, ImageChops

from recommender import store
from recommender.config import ROOT
from recommender.models import Status
from recommender.store.catalog import set_status
from recommender.web.sharing.pictures import (
    _TITLE_FACE,
    _UNDRAWN,
    HEIGHT,
    PAPER,
    WIDTH,
    Words,
    _face,
    _spell,
    draw_picture,
    fit_title,
)
from tests.web.client import PageClient

MARGIN = 80
LONGEST = "Refugee Resettlement & Immigration Services of the Catholic Diocese of Richmond"


def _titles() -> list[str]:
    """Every title that a picture of the directory may have."""
    files = sorted((ROOT / "data/nonprofits").glob("*.json"))
    records = [record for file in files for record in json.loads(file.read_text("utf-8"))]
    pieces = json.loads((ROOT / "data/resources.json").read_text("utf-8"))
    guides = json.loads((ROOT / "data/guides.json").read_text("utf-8"))
    return [
        *(record["name"] for record in records),
        *(piece["title"] for piece in pieces),
        *(guide[f"title_{language}"] for guide in guides for language in ("en", "es")),
    ]


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def test_every_title_of_the_directory_fits_in_whole() -> None:
    titles = _titles()
    assert len(titles) > 1_300
    for title in titles:
        size, lines = fit_title(title)
        assert " ".join(lines) == _spell(title), title
        widths = [_face(_TITLE_FACE, size).getlength(line) for line in lines]
        assert max(widths) <= WIDTH - 2 * MARGIN + 1, title
        assert len(lines) * size * 1.12 <= 290


def test_every_title_of_the_directory_keeps_its_letters() -> None:
    for title in _titles():
        assert not _UNDRAWN.search(title.replace("ʻ", "‘")), title


@pytest.mark.parametrize(
    "title",
    [
        "",
        " ",
        "W",
        "W" * 300,
        "word " * 200,
        "\n\t",
        "移民" * 40,
        "ñ" * 90,
        "a" * 23 + " " + "b" * 99,
    ],
)
def test_odd_titles_stay_inside(title: str) -> None:
    picture = _open(draw_picture(Words(title=title, kicker="K" * 300, line="Lí " * 200)))
    assert picture.size == (WIDTH, HEIGHT)
    paper = Image.new("RGB", (MARGIN - 4, HEIGHT), picture.getpixel((2, 2)))
    left = picture.crop((0, 0, MARGIN - 4, HEIGHT))
    assert ImageChops.difference(left, paper).getbbox() is None
    # On the right only the large stones reach over the margin.
    right = picture.crop((WIDTH - MARGIN + 4, 0, WIDTH, 200))
    assert ImageChops.difference(right, paper.crop((0, 0, *right.size))).getbbox() is None


def test_what_the_faces_lack_is_spelled_without() -> None:
    assert _spell("Niñez, ¿qué? “Él” – ‘sí’…") == "Niñez, ¿qué? “Él” – ‘sí’…"
    assert _spell("Đặng  ʻOhana Wa‑Ya\xadna łódź") == "ang ‘Ohana Wa-Yana ódz"


def test_a_picture_has_the_colors_of_the_site() -> None:
    wanted = tuple(bytes.fromhex(PAPER[1:]))
    corner = _open(draw_picture(Words(title="Test"))).getpixel((2, 2))
    assert isinstance(corner, tuple)
    assert max(abs(a - b) for a, b in zip(corner, wanted, strict=True)) <= 3


@pytest.mark.parametrize("title", [LONGEST, "RAICES", max(_titles(), key=len)])
def test_a_picture_is_small_and_quickly_drawn(title: str) -> None:
    words = Words(title=title, kicker="Nonprofit", line="Richmond, VA · Statewide")
    draw_picture(words)
    start = time.process_time()
    content = draw_picture(words)
    # Twice the aim, so that a busy machine does not fail it.
    assert time.process_time() - start < 0.12
    assert len(content) < 60_000
    assert content.startswith(b"\x89PNG")
    assert draw_picture(words) == content


def test_another_word_is_another_address() -> None:
    words = [
        Words(title="A"),
        Words(title="A", kicker="B"),
        Words(title="A", line="B"),
        Words(title="B"),
    ]
    assert len({w.digest for w in words}) == len(words)
    assert {len(w.digest) for w in words} == {12}


# --- Over HTTP --------------------------------------------------------------------------


def _picture_of(client: PageClient, page: str) -> str:
    found = re.search(
        r'property="og:image" content="http://localhost([^"]+)"', client.get(page).text
    )
    assert found
    return found[1]


def test_a_picture_may_be_kept_for_a_day_under_its_address(client: PageClient) -> None:
    address = _picture_of(client, "/nonprofits/raices")
    response = client.get(address)
    assert response.content_type == "image/png"
    assert response.headers["Cache-Control"] == "public, max-age=86400, immutable"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert _open(response.data).size == (WIDTH, HEIGHT)


def test_an_earlier_picture_leads_to_that_of_today(client: PageClient) -> None:
    address = _picture_of(client, "/es/topics/asylum-and-the-border")
    earlier = re.sub(r"[0-9a-f]{12}\.png", "000000000000.png", address)
    response = client.get(earlier)
    assert response.status_code == 302
    assert response.headers["Location"].endswith(address)
    assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/nonprofit/no-such-group-000000000000.png",
        "/pictures/unknown/raices-000000000000.png",
        "/pictures/nonprofit/raices.tx-000000000000.png",
        "/pictures/services/legal-services.zz-000000000000.png",
        "/pictures/nonprofit/raices-0.png",
        "/pictures/nonprofit/raices.png",
    ],
)
def test_there_are_no_other_pictures(client: PageClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_picture_of_what_was_withdrawn_is_gone(
    small: tuple[PageClient, store.Database],
) -> None:
    client, db = small
    slug = "test-maine-asylum-project"
    address = _picture_of(client, f"/nonprofits/{slug}")
    assert client.get(address).status_code == 200
    set_status(db, slug, Status.WITHDRAWN)
    assert client.get(address).status_code == 410


def test_pictures_are_drawn_once(directory_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Words] = []

    def draw(words: Words) -> bytes:
        drawn.append(words)
        return b"a picture"

    monkeypatch.setattr("recommender.web.sharing.galleries.draw_picture", draw)
    client = directory_app.test_client()
    assert isinstance(client, PageClient)
    address = _picture_of(client, "/directory?population=refugees&state=ME")
    answers = {client.get(address).data for _ in range(3)}
    assert (answers, len(drawn)) == ({b"a picture"}, 1)
