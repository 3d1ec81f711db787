"""Made-up lines in the format of the EO BMF."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

COLUMNS = (
    "EIN,NAME,ICO,STREET,CITY,STATE,ZIP,GROUP,SUBSECTION,AFFILIATION,CLASSIFICATION,RULING,"
    "DEDUCTIBILITY,FOUNDATION,ACTIVITY,ORGANIZATION,STATUS,TAX_PERIOD,ASSET_CD,INCOME_CD,"
    "FILING_REQ_CD,PF_FILING_REQ_CD,ACCT_PD,ASSET_AMT,INCOME_AMT,REVENUE_AMT,NTEE_CD,SORT_NAME"
).split(",")
_VALUES = {
    "EIN": "000000001",
    "NAME": "TEST REFUGEE CENTER INC",
    "STREET": "1 TEST ST",
    "CITY": "PORTLAND",
    "STATE": "ME",
    "ZIP": "04101-0001",
    "GROUP": "0000",
    "SUBSECTION": "03",
    "RULING": "200408",
    "FOUNDATION": "15",
    "FILING_REQ_CD": "01",
    "REVENUE_AMT": "120500",
    "NTEE_CD": "P84",
}


def make_row(**changes: str) -> dict[str, str]:
    return dict.fromkeys(COLUMNS, "") | _VALUES | changes


def write_bmf(path: Path, *rows: dict[str, str]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path
