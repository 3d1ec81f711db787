"""Words: one bilingual analyser for listings and for what donors type.

Accents are folded before stemming, because half of those who type Spanish on a US
keyboard leave them out; both sides of a match then meet in the same stem.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from sys import intern

import Stemmer

from recommender.models import Language

ANALYSIS_VERSION = "4"
"""Changes whenever the same text would give other terms; indexes of another version are refused."""

MAX_WORD_LENGTH = 40
FEWEST_INITIALS = 3
MAX_REPLACED = 40
"""So many different letters are folded one by one; Chinese, for one, has more of them."""

# Without the stemmers' own memory, which would keep what donors type.
_STEMMERS = {
    Language.EN: Stemmer.Stemmer("english", 0),
    Language.ES: Stemmer.Stemmer("spanish", 0),
}

_STOP_WORDS = {
    Language.EN: frozenset(
        "a about above across after again against all almost already also although always am "
        "among an and another any are around as at away back be became because become been "
        "before being below between both but by can come comes could did do does down during "
        "each either else even ever every everyone few for four from get gets getting go goes "
        "going got had has have he her here his how however i if in into is it its itself "
        "just let made make makes making many may me might more most much must my near never "
        "no nor not now of off often on once one only onto or other others our out over own "
        "per put rather same several she should since so some still such take taken takes "
        "than that the their them themselves then there these they this those though three "
        "through to too toward towards two under until up upon us used using very via was way "
        "ways we well went were what when where whether which while who whom whose why will "
        "with within without would yet you your "
        # With their apostrophes left out, as they are typed and as `words` reads them.
        "arent cant couldnt didnt doesnt dont havent hes im isnt ive shes thats theres theyre "
        "wasnt wont wouldnt youre".split()
    ),
    Language.ES: frozenset(
        "a ahi ahora al algo algun alguna algunas alguno algunos alla alli ante antes aquel "
        "aquella aqui asi aun aunque bien cada casi como con contra cual cuales cuando cuyo "
        "de del dentro desde despues dice donde dos durante e el ella ellas ellos embargo en "
        "entonces entre era es esa ese eso esta estan estar estas este esto estos etc fue "
        "fuera ha hace hacen hacer hacia han hasta hay hecho incluso jamas junto la lado las "
        "le lejos les lo los luego mas me menos mi mientras mis misma mismo mismos mucha "
        "muchas mucho muchos muy nada nadie ni ningun ninguna no nos nuestra nuestras nuestro "
        "nuestros nunca o otra otras otro otros para pero poca pocas poco pocos podria por "
        "porque puede pueden pues que quien quienes se sea sean segun ser si sido siempre sin "
        "sino sobre solo son soy su suelen sus tal tales tambien tampoco tan tanto te tener "
        "tengo tenian tiene tienen tras tres tu tuvo un una unas uno unos usted ustedes van "
        "varias varios veces vez vos y ya yo".split()
    ),
}

_ANY_STOP_WORD = _STOP_WORDS[Language.EN] | _STOP_WORDS[Language.ES]

_FILLERS = frozenset(
    "anybody anyone anything best came charities charity donate donated donating donation "
    "donations everybody everything find give gives giving group groups happened hear heard "
    "help helping helps interested kind kinds know knows like local locally looking looks lot "
    "lots me money months near nearby nearest need needs ngo ngos nobody nonprofit nonprofits "
    "offer offering offers org organisation organisations organization organizations people "
    "please provide provides providing really somebody someone something somewhere speak "
    "speaker speakers speaking speaks support supporting supports tell time today took want "
    "wanted wants way week weeks whatever whoever wish wishes work working year years yesterday "
    "aca acaba acaban alcanza alguien ano anos apoya apoyan apoyando apoyar apoye apoyen apoyo "
    "asociacion asociaciones ayer ayuda ayudan ayudando ayudar ayudarles ayudarlos ayude ayuden "
    "brinda brindan buscan buscar busco caridad cerca cercana cercanas cercano cercanos "
    "conseguir cosa cosas cualquier cualquiera dar den dia dias dinero donacion donaciones "
    "donar encantaria existen favor fui gente grupo grupos gusta gustaria habla hablan hable "
    "hablen hoy interesa interesan llevaron llevo locales manera mes meses necesita necesitamos "
    "necesitan necesito ofrece ofrecen ofrezcan organizacion organizaciones pasada pasado "
    "persona personas podemos puedo queremos quiere quieren quiero quisiera sabe saben semana "
    "semanas tiempo toda todas todo todos trabaja trabajan ultima zona".split()
)
"""Words of the request rather than of the interest: dropped from queries, kept in listings."""

_NO_CONTENT = _FILLERS.union(*_STOP_WORDS.values())

_STEM_EXCEPTIONS = {
    "redada": "redada",
    "redadas": "redada",
    "deporte": "deporte",
    "deportes": "deporte",
    "deportivo": "deporte",
    "deportiva": "deporte",
    "comida": "comida",
    "comidas": "comida",
    "refugio": "refugio",
    "refugios": "refugio",
    "casa": "casa",
    "casas": "casa",
    "chino": "chino",
    "china": "chino",
    "chinos": "chino",
    "chinas": "chino",
    "naturalization": "naturaliz",
    "naturalize": "naturaliz",
    "naturalized": "naturaliz",
    "naturalizing": "naturaliz",
}
"""Words whose Snowball stem is that of quite another word here: "redadas" (raids) is not
"redes" (networks), "casas" not "casos", "deportes" (sports) not "deportación", and
"naturalization" not "nature"."""

_WORD = re.compile(r"[^\W_]+")
# To look behind only where a dot is takes a third of the time.
_DOT_OF_INITIALS = re.compile(r"\.(?<=\b\w\.)(?=\w\b)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_MARKS = re.compile(r"[^\x00-\x7f\w]+")
_SEPARATORS = {code: " " for code in range(128) if not chr(code).isalnum()}

# Forms of law, which one register writes and another leaves out.
_FORMS = frozenset("co corp corporation inc incorporated llc ltd nfp the".split())


def fold(text: str) -> str:
    """Case-folded text without accents or compatibility forms (Unicode NFKD)."""
    if text.isascii():
        return text.lower()
    others = {*_NOT_ASCII.findall(text)}
    if len(others) > MAX_REPLACED:
        return _fold(text)
    # Folding knows no context and changes nothing twice, so letter by letter is the same.
    for letter in others:
        text = text.replace(letter, _fold_letter(letter))
    return text.casefold()


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    for mark in filter(unicodedata.combining, {*_NOT_ASCII.findall(decomposed)}):
        decomposed = decomposed.replace(mark, "")
    return decomposed


_fold_letter = lru_cache(maxsize=1_000)(_fold)


def words(text: str) -> list[str]:
    """The folded words of a text, in order; "U.S." and "women's" are one word each."""
    joined = _DOT_OF_INITIALS.sub("", fold(text)).replace("'", "").replace("’", "")
    found = _split(joined)
    if max(map(len, found), default=0) <= MAX_WORD_LENGTH:
        return found
    return [word[:MAX_WORD_LENGTH] for word in found]


def _split(text: str) -> list[str]:
    """The runs of letters and digits; in ASCII a third of the time of the pattern."""
    if not text.isascii():
        text = _MARKS.sub(" ", text)
    return text.translate(_SEPARATORS).split() if text.isascii() else _WORD.findall(text)


@lru_cache(maxsize=20_000)
def public_words(text: str) -> tuple[str, ...]:
    """`words` of a text of a listing, kept for whoever reads it next.

    A build reads names and summaries two or three times, and the next build in the same
    process nearly all of them again. What a donor types is never kept, so not for that.
    """
    return tuple(map(intern, words(text)))


def name_key(name: str) -> str:
    """A name without case, accents, punctuation and form of law."""
    kept = [word for word in words(name) if word not in _FORMS]
    return " ".join(kept or words(name))


def initials(name: str) -> str:
    """The folded first letters of a name's capital words; "" of fewer than three."""
    capitals = [word for word in _WORD.findall(name) if word[0].isupper()]
    letters = fold("".join(word[0] for word in capitals))
    return letters if len(letters) >= FEWEST_INITIALS else ""


def spellings(text: str) -> dict[str, str]:
    """The words of a text that folding changes, by their folded form: "clinica" → "clínica"."""
    if text.isascii():
        return {}
    chunks = dict.fromkeys(chunk for chunk in text.split() if not chunk.isascii())
    found = _WORD.findall(unicodedata.normalize("NFC", " ".join(chunks)).lower())
    typed = [word for word in found if not word.isascii()]
    return dict(zip(fold("\n".join(typed)).split("\n"), typed, strict=False))


def stem(word: str, language: Language) -> str:
    """The Snowball stem of a folded word."""
    if word in _STEM_EXCEPTIONS:
        return _STEM_EXCEPTIONS[word]
    stemmed: str = _STEMMERS[language].stemWord(word)
    return stemmed


_public_stem = lru_cache(maxsize=50_000)(stem)


def singular(word: str) -> str:
    """A word without its plural ending, English or Spanish, for matching known phrases.

    Lighter than a stem (after Harman's S-stemmer, JASIS 42(1), 1991), because a phrase
    must not mean what a mere relative of its words means.
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def inflections(key: str) -> list[str]:
    """All words of which `singular` is the same given one."""
    forms = (key, key + "s", key + "e", key + "es", key[:-1] + "ies")
    return [form for form in forms if singular(form) == key]


def phrase_key(phrase: list[str]) -> str:
    """Folded words in the form in which known phrases are looked up."""
    return " ".join(singular(word) for word in phrase)


def is_stop_word(word: str) -> bool:
    """Whether a word carries no meaning in either language."""
    return word in _ANY_STOP_WORD


def is_filler(word: str) -> bool:
    """Whether a word belongs to the asking ("donate", "busco"), not to what is asked."""
    return word in _FILLERS


def analyse(text: str, language: Language) -> list[str]:
    """The index terms of a text in one language: stems without stop words."""
    return stems(words(text), language)


def stems(folded: Iterable[str], language: Language) -> list[str]:
    """The index terms of folded words of a listing, which are kept as those of `public_words`."""
    return [_public_stem(word, language) for word in folded if word not in _ANY_STOP_WORD]


def is_content(word: str) -> bool:
    """Whether a word is neither a stop word nor a filler."""
    return word not in _NO_CONTENT


def detect_language(counts: Mapping[str, int], default: Language) -> Language:
    """The language whose stop words are the more frequent; `default` on a tie.

    `counts` tells how often each word was said.
    """
    english, spanish = (
        sum([times for word, times in counts.items() if word in _STOP_WORDS[language]])
        for language in (Language.EN, Language.ES)
    )
    if english == spanish:
        return default
    return Language.ES if spanish > english else Language.EN


def character_grams(text: str, size: int = 3) -> set[str]:
    """The character n-grams of a padded text, for finding what was mistyped."""
    padded = f" {text} "
    return {padded[i : i + size] for i in range(len(padded) - size + 1)}


def edit_distance(left: str, right: str, limit: int = 2) -> int:
    """Optimal string alignment distance, or `limit + 1` when it is larger.

    Source: Damerau, "A technique for computer detection and correction of spelling
    errors", CACM 7(3), 1964 (one edit: insert, delete, replace, swap of neighbours).
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    left, right = _without_shared_ends(left, right)
    previous: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        # Cells further from the diagonal than the limit cost more than it (Ukkonen 1985).
        first, last = max(1, i - limit), min(len(right), i + limit)
        before, previous, row = previous, row, [limit + 1] * (len(right) + 1)
        row[0] = i
        for j in range(first, last + 1):
            b = right[j - 1]
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and b == left[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row[j] = cost
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


def _without_shared_ends(left: str, right: str) -> tuple[str, str]:
    """What lies between the beginning and the end that two texts share."""
    start, shorter = 0, min(len(left), len(right))
    while start < shorter and left[start] == right[start]:
        start += 1
    end = 0
    while end < shorter - start and left[-1 - end] == right[-1 - end]:
        end += 1
    return left[start : len(left) - end], right[start : len(right) - end]
