"""What is rendered once, and when it is rendered anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask, render_template_string

from app import create_app
from recommender.config import Settings
from recommender.models import Language, Nonprofit
from recommender.web import rendering
from recommender.web.i18n import speaking
from recommender.web.recent import Recent
from recommender.web.rendering import Kept, compile_templates, once

BLOCK = (
    "{% call part(group, 'name', group.slug) %}<b>{{ group.name }}</b> {{ seen() }}{% endcall %}"
)


@pytest.fixture
def kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """An empty memory of parts, for three of them."""
    kept: Kept = Recent(most=3, for_s=60)
    monkeypatch.setitem(app.extensions, "parts", kept)
    return kept


@pytest.fixture
def render(app: Flask, kept: Kept) -> Callable[[Nonprofit], str]:
    """Renders a part for a listing, with the number of times that it was rendered."""
    seen: list[int] = []

    def count() -> int:
        seen.append(1)
        return len(seen)

    def render(group: Nonprofit) -> str:
        with app.test_request_context("/"):
            return render_template_string(BLOCK, group=group, seen=count)

    return render


def test_a_part_is_rendered_once_for_a_record(
    render: Callable[[Nonprofit], str], make_nonprofit: Callable[..., Nonprofit]
) -> None:
    group = make_nonprofit(name="Tom & Ana")
    assert [render(group), render(group)] == ["<b>Tom &amp; Ana</b> 1"] * 2


def test_a_copy_of_a_record_is_another_one(
    render: Callable[[Nonprofit], str], make_nonprofit: Callable[..., Nonprofit]
) -> None:
    """On the desk, and after a generation, the same listing may say something else."""
    group = make_nonprofit(name="Before")
    assert render(group) == "<b>Before</b> 1"
    assert render(replace(group, name="After")) == "<b>After</b> 2"
    assert render(group) == "<b>Before</b> 3"


def test_each_language_has_its_own_part(
    render: Callable[[Nonprofit], str], make_nonprofit: Callable[..., Nonprofit], app: Flask
) -> None:
    group = make_nonprofit(name="Ana")
    assert render(group) == "<b>Ana</b> 1"
    with app.test_request_context("/es/"), speaking(Language.ES):
        source = "{% call part(group, 'name', group.slug) %}{{ _('Directory') }}{% endcall %}"
        assert render_template_string(source, group=group) == "Directorio"


def test_only_so_many_parts_are_kept(app: Flask, kept: Kept) -> None:
    made: list[str] = []
    with app.app_context():
        for name in ("a", "b", "c", "d", "d", "a"):
            once(None, (name,), lambda name=name: made.append(name) or name)  # type: ignore[misc]
    assert made == ["a", "b", "c", "d", "a"]
    assert len(kept) == 3


def test_a_part_is_escaped_once(app: Flask, kept: Kept) -> None:
    source = "{% call part(none, 'x') %}{{ '<i>' }}{% endcall %}"
    with app.test_request_context("/"):
        assert [render_template_string(source) for _ in range(2)] == ["&lt;i&gt;"] * 2
    assert len(kept) == 1


def test_a_server_has_compiled_what_a_first_visit_needs(directory: Settings) -> None:
    app = create_app(directory)
    compile_templates(app)
    before, client = compiled(app), app.test_client()
    sealed = client.post("/match", data={"text": "legal help", "place": "Houston, TX"})
    for path in ("/", "/es/", sealed.headers["Location"], "/embed/preview?topic=legal-services"):
        assert client.get(path).status_code == 200
    assert compiled(app) == before
    assert client.get("/about").status_code == 200
    assert compiled(app) > before
    assert not [name for name in compiled(app) if name.startswith("staff/")]


def compiled(app: Flask) -> set[str]:
    assert app.jinja_env.cache is not None
    return {name for _, name in app.jinja_env.cache.keys()}  # noqa: SIM118


def test_globals_of_the_application_are_those_of_each_template(app: Flask) -> None:
    template = app.jinja_env.from_string("{{ own }} {{ asset }}", {"own": 1})
    assert template.globals["part"] is rendering.part
    assert template.globals["own"] == 1
    assert "own" not in app.jinja_env.globals
