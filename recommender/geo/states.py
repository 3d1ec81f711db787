"""The states, districts and territories, by their two-letter codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from recommender.models import Language


@dataclass(frozen=True, kw_only=True)
class StateNames:
    """The names of a state, district or territory."""

    en: str
    es: str

    def name(self, language: Language) -> str:
        """The name in one language."""
        return self.es if language is Language.ES else self.en


def _states(table: str) -> dict[str, StateNames]:
    rows = (line.split("|") for line in table.split("\n") if line)
    return {code: StateNames(en=en, es=es or en) for code, en, es in rows}


STATES = _states("""
AL|Alabama|
AK|Alaska|
AZ|Arizona|
AR|Arkansas|
CA|California|
CO|Colorado|
CT|Connecticut|
DE|Delaware|
DC|District of Columbia|Distrito de Columbia
FL|Florida|
GA|Georgia|
HI|Hawaii|Hawái
ID|Idaho|
IL|Illinois|
IN|Indiana|
IA|Iowa|
KS|Kansas|
KY|Kentucky|
LA|Louisiana|Luisiana
ME|Maine|
MD|Maryland|
MA|Massachusetts|
MI|Michigan|Míchigan
MN|Minnesota|
MS|Mississippi|Misisipi
MO|Missouri|Misuri
MT|Montana|
NE|Nebraska|
NV|Nevada|
NH|New Hampshire|Nuevo Hampshire
NJ|New Jersey|Nueva Jersey
NM|New Mexico|Nuevo México
NY|New York|Nueva York
NC|North Carolina|Carolina del Norte
ND|North Dakota|Dakota del Norte
OH|Ohio|
OK|Oklahoma|
OR|Oregon|Oregón
PA|Pennsylvania|Pensilvania
RI|Rhode Island|
SC|South Carolina|Carolina del Sur
SD|South Dakota|Dakota del Sur
TN|Tennessee|
TX|Texas|
UT|Utah|
VT|Vermont|
VA|Virginia|
WA|Washington|
WV|West Virginia|Virginia Occidental
WI|Wisconsin|
WY|Wyoming|
AS|American Samoa|Samoa Americana
GU|Guam|
MP|Northern Mariana Islands|Islas Marianas del Norte
PR|Puerto Rico|
VI|U.S. Virgin Islands|Islas Vírgenes de EE. UU.
""")


def state_names(codes: Iterable[str]) -> list[str]:
    """The English and the Spanish names of states; unknown codes have none."""
    known = [STATES[code] for code in codes if code in STATES]
    return [name for state in known for name in (state.en, state.es)]
