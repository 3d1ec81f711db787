from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.importers.names import title_case


@pytest.mark.parametrize(
    ("capitals", "name"),
    [
        ("CENTER FOR REFUGEES OF THE VALLEY INC", "Center for Refugees of the Valley Inc"),
        ("CASA DE LA ESPERANZA", "Casa de la Esperanza"),
        ("IGLESIA EN LA PAZ", "Iglesia en la Paz"),
        ("AMIGOS Y AMIGAS", "Amigos y Amigas"),
        ("FRIENDS OF LAS VEGAS", "Friends of Las Vegas"),
        ("MCALLEN WOMEN'S HOUSE", "McAllen Women's House"),
        ("O'BRIEN FUND", "O'Brien Fund"),
        ("ST MARYS CTR", "St Marys Ctr"),
        ("YMCA OF NYC II", "YMCA of NYC II"),
        ("U.S. COMMITTEE", "U.S. Committee"),
        ("1ST AID 4ALL", "1st Aid 4ALL"),
        ("THE ANGLO-LATINO/HMONG (OLD) CLUB", "The Anglo-Latino/Hmong (Old) Club"),
        ("SOMALI BANTU ASSN", "Somali Bantu Assn"),
        ("ASOCIACIÓN NIÑOS", "Asociación Niños"),
        ("iGive Already", "iGive Already"),
        ("", ""),
        ("& CO", "& Co"),
    ],
)
def test_names_are_written_as_people_write_them(capitals: str, name: str) -> None:
    assert title_case(capitals) == name


@given(st.text(max_size=80).map(str.upper))
def test_no_letter_is_lost(name: str) -> None:
    assert title_case(name).upper() == name.upper()


@given(st.text(max_size=80))
def test_a_second_pass_changes_nothing_but_capitals(name: str) -> None:
    assert title_case(name).casefold().upper() == name.casefold().upper()
