from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, get_template_attribute
from markupsafe import Markup

from app import create_app
from recommender.config import Settings
from recommender.models import Language, Match, Nearness, Nonprofit, Reason, Tag
from recommender.store import connect, migrate
from recommender.store.catalog import load_tags
from recommender.web.i18n import speaking
from recommender.web.reasons import MAX_NAMED, Share, Why

LABELS = {
    "legal-services": ("Legal help", "Ayuda legal"),
    "english-classes": ("English classes", "Clases de inglés"),
    "asylum-seekers": ("People seeking asylum", "Solicitantes de asilo"),
    "immigrants": ("Immigrants", "Inmigrantes"),
    "haitian": ("Haitian", "Haitiana"),
    "burmese": ("From Burma / Myanmar", "De Birmania / Myanmar"),
    "spanish": ("Spanish", "Español"),
}
LEGAL = Reason(
    feature="words",
    kind="services",
    label="legal-services",
    contribution=0.4,
    sources=("lawyer", "papers"),
)
ASYLUM = Reason(feature="words", kind="populations", label="asylum-seekers", contribution=0.2)
HAITIAN = Reason(feature="words", kind="communities", label="haitian", contribution=0.1)
BURMESE = Reason(feature="words", kind="communities", label="burmese", contribution=0.1)
SPANISH = Reason(feature="words", kind="languages", label="spanish", contribution=0.1)
WORD = Reason(feature="words", kind="word", label="<raids>", contribution=0.1)
NAME = Reason(feature="name", kind="name", label="RAICES", contribution=0.4)
PLACE = Reason(feature="place", kind="place", label="Portland, ME", contribution=0.1)


@pytest.fixture
def sentence(app: Flask, make_nonprofit: Callable[..., Nonprofit]):
    """Renders the sentence for reasons, a nearness and a distance, in a language."""

    def _sentence(
        language: str, reasons: tuple[Reason, ...], nearness: Nearness | None, km: float | None
    ) -> str:
        with (
            app.test_request_context("/es/" if language == "es" else "/"),
            speaking(Language(language)),
        ):
            match = Match(
                nonprofit=make_nonprofit(),
                score=0.5,
                rank=1,
                reasons=reasons,
                nearness=nearness,
                distance_km=km,
            )
            because = get_template_attribute("components/matches.html", "because")
            place = "Portland, ME" if nearness is Nearness.SERVES_HERE else ""
            html = because(Why(match=match, label=_label(language)), match, place)
            return " ".join(re.sub(r"</?em>", "*", str(html)).split())

    return _sentence


def _label(language: str) -> Callable[[str, str], str]:
    return lambda _kind, slug: LABELS[slug][language == "es"]


@pytest.mark.parametrize(
    ("language", "reasons", "nearness", "km", "expected"),
    [
        (
            "en",
            (LEGAL, ASYLUM, PLACE),
            Nearness.OFFICE_NEAR,
            4.0,
            "Because you asked for *legal help* for *people seeking asylum*, "
            "and its office is 2 miles (4 km) away.",
        ),
        (
            "es",
            (LEGAL, ASYLUM, PLACE),
            Nearness.OFFICE_NEAR,
            4.0,
            "Porque usted busca *ayuda legal* para *solicitantes de asilo*, "
            "y la organización tiene su oficina a 2 millas (4 km).",
        ),
        (
            "en",
            (LEGAL, HAITIAN, SPANISH),
            Nearness.SERVES_HERE,
            None,
            "Because you asked for *legal help* for *the Haitian community* in *Spanish*, "
            "and it serves Portland, ME.",
        ),
        (
            "es",
            (LEGAL, HAITIAN, SPANISH),
            Nearness.NATIONAL,
            None,
            "Porque usted busca *ayuda legal* para *la comunidad haitiana* en *español*, "
            "y la organización trabaja en todo el país.",
        ),
        (
            "es",
            (HAITIAN, ASYLUM),
            None,
            None,
            "Porque usted busca apoyo para *solicitantes de asilo* y *la comunidad haitiana*.",
        ),
        (
            "en",
            (BURMESE,),
            Nearness.STATE,
            None,
            "Because you asked about *people from Burma / Myanmar*, and it works in your state.",
        ),
        ("es", (SPANISH,), None, None, "Porque usted busca ayuda en *español*."),
        ("en", (WORD,), None, None, "Because you wrote about *&lt;raids&gt;*."),
        (
            "en",
            (NAME, WORD),
            Nearness.OFFICE_NEAR,
            4.0,
            "Because what you typed is its name, or close to it, "
            "and its office is 2 miles (4 km) away.",
        ),
        (
            "es",
            (NAME, LEGAL),
            None,
            None,
            "Porque lo que usted escribió es su nombre o se le parece.",
        ),
        ("en", (), Nearness.OFFICE_NEAR, None, "Because it has an office in your area."),
        ("en", (), None, None, ""),
        ("en", (LEGAL,), Nearness.ELSEWHERE, 900.0, "Because you asked for *legal help*."),
    ],
)
def test_the_sentence(
    sentence,
    language: str,
    reasons: tuple[Reason, ...],
    nearness: Nearness | None,
    km: float | None,
    expected: str,
) -> None:
    assert sentence(language, reasons, nearness, km) == expected


def test_the_sentence_names_no_more_than_can_be_read(
    app: Flask, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    reasons = tuple(
        Reason(feature="words", kind="word", label=f"word{n}", contribution=0.1) for n in range(9)
    )
    match = Match(nonprofit=make_nonprofit(), score=0.9, rank=1, reasons=reasons)
    with app.app_context():
        why = Why(match=match, label=_label("en"))
    assert why.words == ("word0", "word1", "word2")
    assert len(why.words) == MAX_NAMED
    assert len(why.shares) == 9


def test_every_reason_has_its_row(app: Flask, make_nonprofit: Callable[..., Nonprofit]) -> None:
    related = Reason(feature="words", kind="related", label="court, bond", contribution=0.05)
    lent = Reason(feature="neighbours", kind="neighbours", label="Hope", contribution=0.05)
    reasons = (LEGAL, WORD, PLACE, related, lent)
    match = Match(
        nonprofit=make_nonprofit(), score=0.7, rank=1, reasons=reasons, missing=(HAITIAN, WORD)
    )
    with app.app_context():
        why = Why(match=match, label=_label("en"))
    assert why.shares == (
        Share(label="Legal help", contribution=0.4, note="“lawyer”, “papers”"),
        Share(label="“<raids>”", contribution=0.1),
        Share(label="Place", contribution=0.1, note="Portland, ME"),
        Share(label="Related words", contribution=0.05, note="court, bond"),
        Share(label="Similar groups", contribution=0.05, note="Hope"),
    )
    assert why.missing == ("the Haitian community", "<raids>")


def test_the_table_adds_up_and_escapes(
    app: Flask, make_nonprofit: Callable[..., Nonprofit]
) -> None:
    match = Match(nonprofit=make_nonprofit(), score=0.5, rank=1, reasons=(LEGAL, WORD))
    with app.test_request_context("/"):
        why = Why(match=match, label=_label("en"))
        table = get_template_attribute("components/matches.html", "why_match")
        html: Markup = table(why, match)
    assert [float(x) for x in re.findall(r"<td>([\d.]+)</td>", html)] == [40.0, 10.0, 50.0]
    assert 'width="80.0"' in html
    assert "<raids>" not in html


def test_templates_can_name_tags(tmp_path: Path, taxonomy: tuple[Tag, ...]) -> None:
    settings = Settings(instance=tmp_path, data=tmp_path, secret_key="test-key " * 8)
    db = connect(settings.database)
    migrate(db)
    load_tags(db, taxonomy)
    db.close()
    app = create_app(settings)
    label = app.jinja_env.globals["tag_label"]
    with app.test_request_context("/es/"), speaking(Language.ES):
        assert label("services", "legal-services") == "Ayuda legal"
        assert label("services", "unheard-of") == "unheard-of"
