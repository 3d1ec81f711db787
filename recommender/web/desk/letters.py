"""Letters to those who wrote to the editors, in their language, to be sent from one's own mail.

Waymark sends no mail itself. A letter never says who else has written, nor repeats what was
sent; of a group that asked not to be listed it does not tell a third person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from recommender.models import Language, SubmissionKind
from recommender.store.inbox import CONTACT_DAYS, InboxItem, Outcome
from recommender.web.addresses import absolute_url

ASK = "ask"
EN, ES = Language.EN, Language.ES
_NOMINATION, _FIX = SubmissionKind.NOMINATION, SubmissionKind.FIX
_CLAIM, _REMOVAL = SubmissionKind.CLAIM, SubmissionKind.REMOVAL
_PARTNER = SubmissionKind.PARTNER

_OTHERS = {
    "unrelated": "The message is about something else",
    "other": "Another reason, which the note says",
}
REASONS = {
    _NOMINATION: {
        "scope": "Its work is not for immigrants or refugees",
        "unverified": "No public source says who it is and what it does",
        "not-possible": "It cannot be listed, which a letter need not explain",
        **_OTHERS,
    },
    _FIX: {
        "unverified": "No source that anyone can see confirms it",
        "right": "The listing says so already",
        **_OTHERS,
    },
    _CLAIM: {
        "unverified": "No public contact of the group confirmed it",
        **_OTHERS,
    },
    _PARTNER: {
        "unfit": "The widget does not suit the site",
        **_OTHERS,
    },
    _REMOVAL: {
        "unwanted": "The group wishes to stay listed",
        "unverified": "The group could not be reached, and nobody seems to be at risk",
        **_OTHERS,
    },
}
"""Why a message is declined, by its kind, as (code, words of the desk)."""

_TEXTS: dict[tuple[SubmissionKind, str], dict[Language, str]] = {
    (_NOMINATION, Outcome.LISTED): {
        EN: "Thank you for suggesting {name}. We have taken it up, and are describing it from"
        " public sources. A second editor reads the listing before it is shown. Once it is, you"
        " will find it here:\n{page}",
        ES: "Gracias por sugerir {name}. La hemos tomado en cuenta y la estamos describiendo a"
        " partir de fuentes públicas. Otra persona del equipo lee la ficha antes de que se"
        " publique. Cuando se publique, la encontrará aquí:\n{page}",
    },
    (_NOMINATION, Outcome.KNOWN): {
        EN: "Thank you for suggesting {name}. It is listed already:\n{page}\nIf something there"
        " is out of date, you can suggest a correction on that page.",
        ES: "Gracias por sugerir {name}. Ya está en el directorio:\n{page}\nSi algo de lo que"
        " dice la ficha ya no es correcto, en esa misma página puede sugerir una corrección.",
    },
    (_NOMINATION, "scope"): {
        EN: "Thank you for suggesting {name}. This directory lists groups whose work is for, or"
        " largely reaches, immigrants and refugees. As far as we can see, that is not the center"
        " of its work, so we have not listed it.",
        ES: "Gracias por sugerir {name}. En este directorio están los grupos cuyo trabajo es para"
        " inmigrantes y refugiados, o llega en buena parte a ellos. Hasta donde podemos ver, ese"
        " no es el centro de su trabajo, por lo que no la hemos incluido.",
    },
    (_NOMINATION, "unverified"): {
        EN: "Thank you for suggesting {name}. We did not find a public source that says who it is"
        " and what it does, so we have not listed it. If you know of one, such as its own website"
        " or a public register, please send it to us.",
        ES: "Gracias por sugerir {name}. No encontramos una fuente pública que diga quién es y"
        " qué hace, por lo que no la hemos incluido. Si conoce alguna, como su propio sitio web o"
        " un registro público, le agradeceremos que nos la envíe.",
    },
    (_NOMINATION, "not-possible"): {
        EN: "Thank you for suggesting {name}. We are not able to list it. That says nothing about"
        " its work.",
        ES: "Gracias por sugerir {name}. No nos es posible incluirla en el directorio. Eso no"
        " dice nada sobre su trabajo.",
    },
    (_FIX, Outcome.CHANGED): {
        EN: "Thank you for your correction to the listing of {name}. We have checked it and"
        " changed the listing. A second editor reads each change before it is shown; you will"
        " then see it here:\n{page}",
        ES: "Gracias por su corrección a la ficha de {name}. La comprobamos y cambiamos la ficha."
        " Otra persona del equipo lee cada cambio antes de que se publique; después lo verá"
        " aquí:\n{page}",
    },
    (_FIX, "unverified"): {
        EN: "Thank you for your correction to the listing of {name}. We could not confirm it in a"
        " source that anyone can see, so the listing stays as it is for now. If you know of such"
        " a source, please send it to us.",
        ES: "Gracias por su corrección a la ficha de {name}. No pudimos confirmarla en una fuente"
        " que cualquiera pueda ver, por lo que la ficha queda como está por ahora. Si conoce una"
        " fuente así, le agradeceremos que nos la envíe.",
    },
    (_FIX, "right"): {
        EN: "Thank you for your correction to the listing of {name}. We looked at the listing and"
        " its source, and it says so already:\n{page}",
        ES: "Gracias por su corrección a la ficha de {name}. Revisamos la ficha y su fuente, y ya"
        " lo dice así:\n{page}",
    },
    (_CLAIM, ASK): {
        EN: "Somebody who says that they work at {name} would like to have a say in how it is"
        " described on Waymark, a free directory of nonprofits that work with immigrants and"
        " refugees:\n{page}\nBefore anything changes, we would like to hear from you. Is this in"
        " order, and with whom should we speak? If you know nothing of it, a short answer is"
        " enough, and nothing will change.",
        ES: "Una persona que dice trabajar en {name} quisiera participar en cómo se describe en"
        " Waymark, un directorio gratuito de organizaciones que trabajan con inmigrantes y"
        " refugiados:\n{page}\nAntes de cambiar nada, quisiéramos saber de ustedes. ¿Están de"
        " acuerdo, y con quién debemos hablar? Si no saben nada de esto, basta una respuesta"
        " breve, y no cambiará nada.",
    },
    (_CLAIM, Outcome.CONFIRMED): {
        EN: "Thank you for getting in touch about the listing of {name}. We have confirmed that"
        " you speak for it. Please tell us what the listing should say; we check each change"
        " against a source that anyone can see. This is free, and does not change where the"
        " organization stands in results.\n{page}",
        ES: "Gracias por escribirnos sobre la ficha de {name}. Confirmamos que usted habla en su"
        " nombre. Díganos qué debería decir la ficha; comprobamos cada cambio en una fuente que"
        " cualquiera pueda ver. Es gratuito y no cambia el lugar de la organización en los"
        " resultados.\n{page}",
    },
    (_CLAIM, "unverified"): {
        EN: "Thank you for getting in touch about the listing of {name}. Through its public"
        " contact we could not confirm that the claim comes from there, so nothing has changed."
        " You can write to us from an address that stands on its website, or ask somebody there"
        " to answer us.",
        ES: "Gracias por escribirnos sobre la ficha de {name}. Por su contacto público no pudimos"
        " confirmar que la solicitud venga de allí, por lo que no ha cambiado nada. Puede"
        " escribirnos desde una dirección que aparezca en su sitio web, o pedirle a alguien de la"
        " organización que nos responda.",
    },
    (_PARTNER, Outcome.CLOSED): {
        EN: "Thank you for writing to us about the widget and {name}. We have read your message and"
        " looked into it.",
        ES: "Gracias por escribirnos sobre el widget y {name}. Leímos su mensaje y lo revisamos.",
    },
    (_PARTNER, "unfit"): {
        EN: "Thank you for your interest in showing the widget on {name}. It does not suit that"
        " site, so we have not set up a key for it. The cards of single pages and the API need no"
        " key, and you are welcome to use them.",
        ES: "Gracias por su interés en mostrar el widget en {name}. No es adecuado para ese sitio,"
        " por lo que no creamos una clave. Las tarjetas de páginas individuales y la API no"
        " necesitan clave, y puede usarlas con toda libertad.",
    },
    (_REMOVAL, ASK): {
        EN: "We were asked to take down the listing of {name} on Waymark, a free directory of"
        " nonprofits that work with immigrants and refugees:\n{page}\nNo organization has to be"
        " listed, and none has to say why not. Is this your wish? A short answer is enough.",
        ES: "Nos pidieron retirar la ficha de {name} en Waymark, un directorio gratuito de"
        " organizaciones que trabajan con inmigrantes y refugiados:\n{page}\nNinguna organización"
        " tiene que estar en él, y ninguna tiene que explicar por qué no. ¿Es lo que ustedes"
        " desean? Basta una respuesta breve.",
    },
    (_REMOVAL, Outcome.TAKEN_DOWN): {
        EN: "We have taken down the listing of {name}. It is gone from the directory, from every"
        " match and from what other sites receive from us.",
        ES: "Retiramos la ficha de {name}. Ya no aparece en el directorio, en ninguna"
        " recomendación ni en lo que otros sitios reciben de nosotros.",
    },
    (_REMOVAL, Outcome.BARRED): {
        EN: "We have taken down the listing of {name}. It is gone from the directory, from every"
        " match and from what other sites receive from us. Its name is kept on a list for one"
        " purpose only: so that no later import brings it back.",
        ES: "Retiramos la ficha de {name}. Ya no aparece en el directorio, en ninguna"
        " recomendación ni en lo que otros sitios reciben de nosotros. Su nombre se guarda en una"
        " lista con un solo fin: que ninguna importación posterior la traiga de vuelta.",
    },
    (_REMOVAL, "unwanted"): {
        EN: "Thank you for writing to us about the listing of {name}. We asked the organization"
        " through its public contact, and it wishes to stay listed. If the listing puts somebody"
        " at risk, please tell us how, and we will look at it at once.",
        ES: "Gracias por escribirnos sobre la ficha de {name}. Le preguntamos a la organización"
        " por su contacto público, y desea seguir en el directorio. Si la ficha pone en riesgo a"
        " alguien, díganos cómo y lo revisaremos de inmediato.",
    },
    (_REMOVAL, "unverified"): {
        EN: "Thank you for writing to us about the listing of {name}. We could not reach the"
        " organization through its public contact, so for now the listing stays. If you work"
        " there, please write to us from an address that stands on its website. If the listing"
        " puts somebody at risk, please tell us how, and we will look at it at once.",
        ES: "Gracias por escribirnos sobre la ficha de {name}. No logramos comunicarnos con la"
        " organización por su contacto público, por lo que la ficha sigue por ahora. Si usted"
        " trabaja allí, escríbanos desde una dirección que aparezca en su sitio web. Si la ficha"
        " pone en riesgo a alguien, díganos cómo y lo revisaremos de inmediato.",
    },
}
_ANY_KIND: dict[str, dict[Language, str]] = {
    Outcome.CLOSED: {
        EN: "Thank you for writing to us about {name}. We have read your message and dealt with"
        " it.",
        ES: "Gracias por escribirnos sobre {name}. Leímos su mensaje y lo atendimos.",
    },
    "unrelated": {
        EN: "Thank you for writing to us. Your message is about something that this directory"
        " does not do, so we cannot help with it here.",
        ES: "Gracias por escribirnos. Su mensaje trata de algo que este directorio no hace, por"
        " lo que aquí no podemos ayudarle con eso.",
    },
}
_SUBJECTS = {
    EN: "Your message to Waymark about {name}",
    ES: "Su mensaje a Waymark sobre {name}",
}
_QUESTIONS = {
    EN: "A question about the listing of {name} on Waymark",
    ES: "Una pregunta sobre la ficha de {name} en Waymark",
}
_GREETINGS = {EN: "Hello,", ES: "Hola:"}
_PROMISES = {
    EN: f"How to reach you is erased from our records {CONTACT_DAYS} days after your message was"
    " dealt with.",
    ES: f"La forma de comunicarnos con usted se borra de nuestros registros {CONTACT_DAYS} días"
    " después de haber atendido su mensaje.",
}
_SIGNATURES = {EN: "The editors of Waymark", ES: "El equipo editor de Waymark"}

_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A letter that is ready; `address` is an e-mail address, or empty where none is known."""

    language: Language
    subject: str
    body: str
    address: str = ""

    @property
    def mailto(self) -> str:
        """A link that opens the letter in one's own mail, or "" without an address."""
        if not self.address:
            return ""
        body = quote(self.body.replace("\n", "\r\n"))
        return f"mailto:{quote(self.address)}?subject={quote(self.subject)}&body={body}"


def write_answer(item: InboxItem) -> Letter | None:
    """The letter to the sender about what was done, or None where nothing was yet."""
    done = item.outcome
    if done is None:
        return None
    code = done.reason if done.outcome is Outcome.DECLINED else done.outcome.value
    language = item.submission.language
    return Letter(
        language=language,
        subject=_fill(_SUBJECTS[language], item, language),
        body=_body(_find_text(item, code)[language], item, language, is_to_sender=True),
        address=_find_address(item.submission.contact),
    )


def write_question(item: InboxItem, language: Language) -> Letter | None:
    """The letter to the group's public contact, for what is to be confirmed there."""
    text = _TEXTS.get((item.submission.kind, ASK))
    if text is None:
        return None
    return Letter(
        language=language,
        subject=_fill(_QUESTIONS[language], item, language),
        body=_body(text[language], item, language, is_to_sender=False),
    )


def name_of(item: InboxItem) -> str:
    """The group that a message is about."""
    return item.listed_as or item.submission.name


def _find_text(item: InboxItem, code: str) -> dict[Language, str]:
    kind = item.submission.kind
    if kind is _REMOVAL and code == Outcome.CLOSED:
        code = Outcome.TAKEN_DOWN
    return _TEXTS.get((kind, code)) or _ANY_KIND.get(code) or _ANY_KIND[Outcome.CLOSED]


def _body(text: str, item: InboxItem, language: Language, *, is_to_sender: bool) -> str:
    parts = [_GREETINGS[language], _fill(text, item, language)]
    if is_to_sender:
        parts.append(_PROMISES[language])
    return "\n\n".join([*parts, _SIGNATURES[language]])


def _fill(text: str, item: InboxItem, language: Language) -> str:
    slug = item.submission.slug
    page = absolute_url(language, "directory.profile", slug=slug) if slug else ""
    return text.format(name=name_of(item) or "Waymark", page=page).rstrip()


def _find_address(contact: str) -> str:
    """The contact where it is an e-mail address and nothing else."""
    return contact if _EMAIL.fullmatch(contact) else ""
