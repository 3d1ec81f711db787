"""Plain words for NTEE codes (National Taxonomy of Exempt Entities, Core Codes).

The letter names a field of work, the two digits a kind of organization in it; 01 to 19 mean
the same in every field. Source: IRS, "Exempt Organizations Business Master File", annex on
NTEE codes; only the kinds that are frequent among our listings have words of their own.
"""

from __future__ import annotations

from recommender.web.i18n import lazy_gettext as _

FIELDS = {
    "A": _("Arts, culture and humanities"),
    "B": _("Education"),
    "C": _("Environment"),
    "D": _("Animals"),
    "E": _("Health care"),
    "F": _("Mental health and crisis care"),
    "G": _("Diseases and disorders"),
    "H": _("Medical research"),
    "I": _("Crime and legal matters"),
    "J": _("Employment"),
    "K": _("Food, farming and nutrition"),
    "L": _("Housing and shelter"),
    "M": _("Public safety and disaster relief"),
    "N": _("Recreation and sports"),
    "O": _("Youth development"),
    "P": _("Human services"),
    "Q": _("International affairs"),
    "R": _("Civil rights and advocacy"),
    "S": _("Community improvement"),
    "T": _("Philanthropy and grantmaking"),
    "U": _("Science and technology"),
    "V": _("Social science"),
    "W": _("Public and societal benefit"),
    "X": _("Religion"),
    "Y": _("Mutual benefit"),
    "Z": _("Not classified"),
}
KINDS = {
    "A20": _("arts and culture"),
    "A23": _("cultural and ethnic awareness"),
    "A70": _("humanities"),
    "B60": _("adult education"),
    "B82": _("scholarships and student aid"),
    "B90": _("educational services"),
    "I80": _("legal services"),
    "I83": _("public interest law"),
    "J22": _("job training"),
    "L40": _("temporary housing"),
    "P20": _("human service organizations"),
    "P30": _("children and youth services"),
    "P50": _("personal social services"),
    "P60": _("emergency assistance"),
    "P80": _("services for the independence of specific groups"),
    "P84": _("ethnic and immigrant centers"),
    "Q30": _("international development"),
    "Q33": _("international relief"),
    "Q71": _("international migration and refugee issues"),
    "R20": _("civil rights of specific groups"),
    "R21": _("immigrants’ rights"),
    "R22": _("minority rights"),
    "R30": _("relations between groups"),
    "S20": _("community and neighborhood development"),
    "T30": _("public foundations"),
    "X20": _("Christian"),
    "X21": _("Protestant"),
    "X40": _("Islamic"),
}
COMMON = {
    "01": _("alliances and advocacy"),
    "02": _("management and technical help"),
    "03": _("professional societies"),
    "05": _("research and policy analysis"),
    "11": _("support of a single organization"),
    "12": _("fund raising and distribution"),
    "19": _("other support"),
}


def describe_ntee(code: str) -> str:
    """A code in words, e.g. "P84" → "Human services: ethnic and immigrant centers"."""
    field = FIELDS.get(code[:1])
    kind = KINDS.get(code[:3]) or COMMON.get(code[1:3])
    return f"{field}: {kind}" if field and kind else str(field or "")
