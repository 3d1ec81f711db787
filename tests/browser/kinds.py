"""Every kind of public page, and how a visitor comes to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from playwright.sync_api import Page

from recommender.config import ROOT
from tests.serving import Site

ASYLUM = "legal help for asylum seekers"


def read_articles(*slugs: str) -> str:
    """Published pieces as a reader would paste them; all of them, where none is named."""
    pieces = json.loads((ROOT / "data/resources.json").read_text(encoding="utf-8"))
    texts = [
        [piece["title"], *piece["take_en"], piece["body_en"]]
        for piece in pieces
        if piece["slug"] in slugs or not slugs
    ]
    return "\n\n".join(paragraph for text in texts for paragraph in text)


# More than an address can hold, so that it is reduced to its themes.
LONG = read_articles()[:20_000]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A page by its address, or by a form that is filled in and sent.

    `sealed` is a form whose answer's address goes before `path`; `fields` are typed by name
    into the form that leads to `sent_to`.
    """

    path: str = ""
    status: int = 200
    sealed: tuple[str, Mapping[str, object]] | None = None
    sent_to: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def _matches(path: str = "", **form: object) -> Kind:
    return Kind(path=path, sealed=("/match", form))


def _wrong(path: str, sent_to: str, **fields: str) -> Kind:
    return Kind(path=path, status=422, sent_to=sent_to, fields=fields)


RESOURCE = "/learn/sanctuary-cities-hold-their-ground"
GUIDE = "/topics/asylum-and-the-border"
ILAP = "/nonprofits/immigrant-legal-advocacy-project"
LONGEST = "refugee-resettlement-and-immigration-services"
COMPARED = (
    "raices",
    "immigrant-legal-advocacy-project",
    "alaska-refugee-relief",
    "esperanza-immigrant-rights-project",
)

KINDS = {
    "home": Kind(path="/"),
    "results": _matches(text=ASYLUM, place="Portland, ME", giving=["money", "time", "goods"]),
    "results without a place": _matches(text="clases de inglés", services="housing-shelter"),
    "results in a state": _matches("?n=30", text="farmworkers lawyer", place="Texas"),
    "results of an article": _matches(text=LONG, place="90012", scope="anywhere"),
    "results by place alone": _matches(text="I want to help", place="Portland, ME"),
    "too little said": _matches(text="I want to help"),
    "no close match": _matches(text="robotics for dogs", place="Denver, CO"),
    "form again": _matches("/change", text=ASYLUM, place="Portland, ME", small="1"),
    "results too old": Kind(path="/matches/gAAAA", status=404),
    "nothing said": _wrong("/", "/match"),
    "unknown place": _wrong("/", "/match", text=ASYLUM, place="Portlnd"),
    "directory": Kind(path="/directory"),
    "directory narrowed": Kind(path="/directory?service=legal-services&state=TX&state=CA&page=2"),
    "directory search": Kind(sealed=("/directory", {"q": "refugge housing", "place": "04101"})),
    "directory without an answer": Kind(sealed=("/directory", {"q": "zzyzx"})),
    "directory search too old": Kind(path="/directory/gAAAA", status=404),
    "directory with an unknown place": _wrong(
        "/directory", "/directory", q="x", place="Springfeld"
    ),
    "listing": Kind(path=ILAP),
    "listing by name only": Kind(path="/nonprofits/alaska-refugee-relief"),
    "listing with a hidden office": Kind(path="/nonprofits/test-hidden-house"),
    "listing with its city only": Kind(path="/nonprofits/etowah-freedom-fund"),
    "listing with a parent": Kind(path="/nonprofits/esperanza-immigrant-rights-project"),
    "listing with a long name": Kind(
        path="/nonprofits/refugee-resettlement-and-immigration-services"
    ),
    "listing taken down": Kind(path="/nonprofits/test-withdrawn-circle", status=410),
    "comparison of none": Kind(path="/compare"),
    "comparison of two": Kind(path=f"/compare?slugs={COMPARED[0]}&slugs={COMPARED[1]}"),
    "comparison of four": Kind(path=f"/compare?slugs={','.join(COMPARED)}"),
    "learn": Kind(path="/learn"),
    "learn narrowed": Kind(path="/learn?topic=legal-services&kind=report"),
    "resource": Kind(path=RESOURCE),
    "resource near the reader": Kind(sealed=(f"{RESOURCE}/near", {"place": "Portland, ME"})),
    "resource near an unknown place": _wrong(RESOURCE, f"{RESOURCE}/near", place="Sprngfld"),
    "resource with an old place": Kind(path=f"{RESOURCE}/gAAAA", status=410),
    "topics": Kind(path="/topics"),
    "guide": Kind(path=GUIDE),
    "guide near the reader": Kind(sealed=(f"{GUIDE}/near", {"place": "Texas"})),
    "about": Kind(path="/about"),
    "how matching works": Kind(path="/about/how-matching-works"),
    "who gets shown": Kind(path="/about/exposure"),
    "vetting": Kind(path="/about/vetting"),
    "privacy": Kind(path="/about/privacy"),
    "accessibility": Kind(path="/about/accessibility"),
    "suggest": Kind(path="/suggest"),
    "suggestion that lacks something": _wrong("/suggest", "/suggest", website="not a site"),
    "fix": Kind(path=f"{ILAP}/suggest-fix"),
    "fix without a word": _wrong(f"{ILAP}/suggest-fix", f"{ILAP}/suggest-fix"),
    "claim": Kind(path=f"{ILAP}/claim"),
    "removal": Kind(path=f"{ILAP}/remove"),
    "partner writes": Kind(path="/partners/write"),
    "partner who says nothing": _wrong("/partners/write", "/partners/write", website="no site"),
    "thanks for a suggestion": Kind(path="/thanks/nomination"),
    "thanks for a claim": Kind(path="/thanks/claim"),
    "API": Kind(path="/api/v1/docs"),
    "partners": Kind(path="/partners"),
    "builder": Kind(path="/partners/builder?about=article&accent=884400&font=serif&key=abc"),
    "builder with problems": Kind(
        path="/partners/builder?topic=none&place=Springfeld&accent=red&key=!"
    ),
    "test page of the builder": Kind(path="/partners/preview?topic=legal-services&size=small"),
    "partners' documentation": Kind(path="/partners/docs"),
    "no such page": Kind(path="/nowhere", status=404),
    "an address that takes forms": Kind(path="/match", status=405),
}


def visit(page: Page, site: Site, name: str, prefix: str = "") -> None:
    """Come to a page as its kind says, in English or, under "/es", in Spanish."""
    kind = KINDS[name]
    start = site.seal(prefix + kind.sealed[0], **kind.sealed[1]) if kind.sealed else prefix
    answer = page.goto(start + kind.path)
    if kind.sent_to:
        form = page.locator(f'form[action^="{prefix}{kind.sent_to}"]')
        for field_name, value in kind.fields.items():
            form.locator(f'[name="{field_name}"]').fill(value)
        with page.expect_navigation() as sent:
            form.locator('button[type="submit"]').first.click()
        answer = sent.value
    assert answer is not None
    assert answer.status == kind.status, answer.url
