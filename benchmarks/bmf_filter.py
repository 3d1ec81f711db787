"""How well the immigration filter finds our listings in an IRS extract.

    python -m benchmarks.bmf_filter FILE

Prints for each code, word and phrase how many rows it takes and how many of those stand in the
directory already. A share far below one says little (the directory is not complete), but a share
near nothing says that a word means something else.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

from recommender.config import ROOT
from recommender.importers import irs_bmf
from recommender.importers.rows import RowError
from recommender.text import fold


def main(path: Path) -> None:
    """Print the table and its totals."""
    ours = {
        record["ein"]
        for file in (ROOT / "data" / "nonprofits").glob("*.json")
        for record in json.loads(file.read_text(encoding="utf-8"))
    } - {""}
    taken, found, totals = Counter[str](), Counter[str](), Counter[str]()
    for row in irs_bmf.read_rows(path):
        if isinstance(row, RowError):
            continue
        listed = row["EIN"] in ours
        totals += Counter(rows=1, listed=listed)
        if irs_bmf.is_about_immigration(row):
            totals += Counter(taken=1, found=listed)
            taken.update(_signs(row))
            found.update(_signs(row) if listed else ())
    for sign, n in taken.most_common():
        print(f"{sign:<20}{found[sign]:>6} of {n:>5}  {found[sign] / n:.2f}")
    print(f"{totals['rows']:,} rows, {totals['taken']:,} taken; ", end="")
    print(f"{totals['found']:,} of {totals['listed']:,} listed ones found")


def _signs(row: irs_bmf.BmfRow) -> list[str]:
    words = re.findall(r"[a-z0-9]+", fold(f"{row['NAME']} {row['SORT_NAME']}"))
    text = " ".join(words)
    return [
        *(code for code in irs_bmf.IMMIGRATION_CODES if row["NTEE_CD"][:3] == code),
        *(set(words) & irs_bmf.IMMIGRATION_WORDS),
        *(phrase for phrase in irs_bmf.IMMIGRATION_PHRASES if phrase in text),
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
