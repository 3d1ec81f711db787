"""Names that a register keeps in capitals, written as people write them."""

from __future__ import annotations

import re

_SMALL = frozenset(
    "a an and as at but by for from in of on or the to with de del e en para por con y da das "
    "do dos du des et van von".split()
)
# Articles that belong to the words before them: "de la Paz", but "in La Paz".
_ARTICLES = frozenset("la las los el le les".split())
_BEFORE_ARTICLES = frozenset("a con de en para por y".split())
_ACRONYMS = frozenset(
    "abq ame amvets asl bipoc cdc ceo daca dc dsa eb ebt eil elca ell els esl esol ged hiv "
    "hias iac iaf ibew ice icna ifcj ii iii ilap irc isna iv ix lgbt lgbtq lgbtqia llc lulac "
    "naacp nola nyc pta pto ptsa rn uaw ucc uk un unesco unhcr unicef us usa usaf uscri uso "
    "vfw vi vii viii xi xii xiii xiv xv ymca ywca".split()
)
# Abbreviations without a vowel that are words, not initials.
_ABBREVIATIONS = frozenset(
    "blvd bldg bldgs ch chldrn chrch chrstn cmnty cmty cntr cntry cnty ctr ctrs cty dr fdn fdtn "
    "fndtn frnds ft gr grp hwy jr ln ltd mgmt mnstry mr mrs ms msgr mt mtn mts nbrhd ntl ntwk "
    "pkwy pl pt rd rsrc rvr schl sch schls sq sr st sts svc svcs twp vly".split()
)
_WORD = re.compile(r"[^\W_]+(?:['’`][^\W_]+)*")
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|s)", re.IGNORECASE)


def title_case(name: str) -> str:
    """A name with a capital at each word, if it was all in capitals; else as it was.

    No letter is ever lost: only their case changes.
    """
    if name != name.upper():
        return name
    spans = list(_WORD.finditer(name))
    words = [found[0].lower() for found in spans]
    pieces, end = [], 0
    for i, found in enumerate(spans):
        pieces += [name[end : found.start()], _cased(words, i)]
        end = found.end()
    return "".join([*pieces, name[end:]])


def _cased(words: list[str], i: int) -> str:
    word = words[i]
    is_inside = 0 < i < len(words) - 1
    if is_inside and (word in _SMALL or (word in _ARTICLES and words[i - 1] in _BEFORE_ARTICLES)):
        return word
    if _is_acronym(word):
        return word.upper()
    if _ORDINAL.fullmatch(word):
        return word
    return _capital(word)


def _is_acronym(word: str) -> bool:
    if word in _ACRONYMS or len(word) == 1:
        return True
    if any(char.isdigit() for char in word):
        return not _ORDINAL.fullmatch(word)
    is_plain = word.isascii() and word.isalpha()
    return is_plain and not set(word) & set("aeiouy") and word not in _ABBREVIATIONS


def _capital(word: str) -> str:
    prefix, mark, rest = _apostrophe(word)
    if mark and len(prefix) == 1 and len(rest) > 1:
        return prefix.upper() + mark + _capital(rest)
    if re.fullmatch(r"mc[a-z]{3,}", word):
        return f"Mc{word[2].upper()}{word[3:]}"
    return word[:1].upper() + word[1:]


def _apostrophe(word: str) -> tuple[str, str, str]:
    found = re.search(r"['’`]", word)
    return (word[: found.start()], found[0], word[found.end() :]) if found else (word, "", "")
