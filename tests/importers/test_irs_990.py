from __future__ import annotations

import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.errors import ImportRefused
from recommender.importers import irs_990
from recommender.importers.irs_990 import parse_return, read_incoming
from recommender.importers.rows import Incoming, RowError
from recommender.models import Source

_RETURN = """<?xml version="1.0" encoding="utf-8"?>
<Return xmlns="http://www.irs.gov/efile" returnVersion="{version}">
<ReturnHeader>{header}</ReturnHeader><ReturnData>{form}</ReturnData></Return>"""

_OLD_HEADER = (
    "<Timestamp>2009-11-09T10:03:22-06:00</Timestamp>"
    "<TaxPeriodEndDate>2008-12-31</TaxPeriodEndDate><ReturnType>990</ReturnType>"
    "<Filer><EIN>000000001</EIN><Name><BusinessNameLine1>TEST REFUGEE</BusinessNameLine1>"
    "<BusinessNameLine2>CENTER</BusinessNameLine2></Name><USAddress><City>PORTLAND</City>"
    "<State>ME</State><ZIPCode>041010001</ZIPCode></USAddress></Filer>"
)
_NEW_HEADER = (
    "<ReturnTs>{filed}</ReturnTs><TaxPeriodEndDt>{period}</TaxPeriodEndDt>"
    "<ReturnTypeCd>990</ReturnTypeCd><PreparerFirmGrp><PreparerFirmName>"
    "<BusinessNameLine1Txt>WRONG</BusinessNameLine1Txt></PreparerFirmName></PreparerFirmGrp>"
    "<Filer><EIN>{ein}</EIN><BusinessName><BusinessNameLine1Txt>TEST REFUGEE CENTER"
    "</BusinessNameLine1Txt></BusinessName><USAddress><CityNm>PORTLAND</CityNm>"
    "<StateAbbreviationCd>ME</StateAbbreviationCd><ZIPCd>04101</ZIPCd></USAddress></Filer>"
)
_FORMS = {
    "2008v2.7": "<IRS990><WebSite>www.example.org</WebSite><MissionDescription>To  help."
    "</MissionDescription><TotalRevenueCurrentYear>500</TotalRevenueCurrentYear>"
    "<Description>Classes.</Description><Activity2><Description>Rides.</Description></Activity2>"
    "</IRS990>",
    "2024v5.2": "<IRS990><WebsiteAddressTxt>EXAMPLE.ORG</WebsiteAddressTxt>"
    "<ActivityOrMissionDesc>Shorter.</ActivityOrMissionDesc><MissionDesc>To help.</MissionDesc>"
    "<PYTotalRevenueAmt>1</PYTotalRevenueAmt><CYTotalRevenueAmt>500</CYTotalRevenueAmt>"
    "<Desc>Classes.</Desc><ProgSrvcAccomActy2Grp><Desc>Rides.</Desc></ProgSrvcAccomActy2Grp>"
    "<OtherRevenueMiscGrp><Desc>Wrong.</Desc></OtherRevenueMiscGrp></IRS990>",
    "2021v4.2": "<IRS990EZ><WebsiteAddressTxt>http://example.org/</WebsiteAddressTxt>"
    "<TotalRevenueAmt>500</TotalRevenueAmt><PrimaryExemptPurposeTxt>To help."
    "</PrimaryExemptPurposeTxt><ProgramSrvcAccomplishmentGrp><DescriptionProgramSrvcAccomTxt>"
    "Classes.</DescriptionProgramSrvcAccomTxt></ProgramSrvcAccomplishmentGrp>"
    "<ProgramSrvcAccomplishmentGrp><DescriptionProgramSrvcAccomTxt>Rides."
    "</DescriptionProgramSrvcAccomTxt></ProgramSrvcAccomplishmentGrp></IRS990EZ>",
    "2022v5.0": "<IRS990PF><AnalysisOfRevenueAndExpenses><TotalRevAndExpnssAmt>500"
    "</TotalRevAndExpnssAmt></AnalysisOfRevenueAndExpenses><StatementsRegardingActyGrp>"
    "<WebsiteAddressTxt>example.org</WebsiteAddressTxt></StatementsRegardingActyGrp>"
    "<SummaryOfDirectChrtblActyGrp><Description1Txt>To help.</Description1Txt>"
    "<Description2Txt>Classes.</Description2Txt><Description3Txt>Rides.</Description3Txt>"
    "</SummaryOfDirectChrtblActyGrp></IRS990PF>",
}


def make_return(version: str = "2024v5.2", **header: str) -> bytes:
    values = {"ein": "000000001", "period": "2025-06-30", "filed": "2026-01-21"} | header
    head = _OLD_HEADER if version == "2008v2.7" else _NEW_HEADER.format(**values)
    return _RETURN.format(version=version, header=head, form=_FORMS[version]).encode()


def _read(path: Path) -> tuple[list[Incoming], list[RowError]]:
    records = list(read_incoming(path))
    good = [record for record in records if isinstance(record, Incoming)]
    return good, [record for record in records if isinstance(record, RowError)]


@pytest.mark.parametrize("version", _FORMS)
def test_returns_of_every_kind_and_age_are_read(tmp_path: Path, version: str) -> None:
    path = tmp_path / "return.xml"
    path.write_bytes(make_return(version))
    ((record,), errors) = _read(path)
    listing = record.nonprofit
    assert errors == []
    assert (listing.ein, listing.name) == ("000000001", "Test Refugee Center")
    assert listing.website in ("https://example.org", "https://www.example.org")
    assert listing.revenue_usd == 500
    assert (listing.locations[0].city, listing.locations[0].zip) == ("Portland", "04101")
    assert record.material == "To help.\n\nClasses.\n\nRides."
    assert listing.summary_en == ""


def test_the_source_names_form_and_month() -> None:
    read = parse_return("a", make_return("2021v4.2", period="2022-06-30"))
    assert not isinstance(read, RowError)
    assert read[1].nonprofit.sources[0] == Source(
        facts="identity", source="IRS Form 990-EZ", as_of="2022-06"
    )


def test_of_several_returns_the_latest_counts(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.xml").write_bytes(make_return(period="2024-06-30"))
    (tmp_path / "deep" / "b.xml").write_bytes(make_return(period="2025-06-30", filed="2026-02-01"))
    (tmp_path / "c.xml").write_bytes(make_return(period="2025-06-30", filed="2026-01-01"))
    (tmp_path / "d.xml").write_bytes(make_return(ein="000000002"))
    good, errors = _read(tmp_path)
    assert sorted(record.where for record in good) == ["d.xml", "deep/b.xml"]
    assert sorted(error.where for error in errors) == ["a.xml", "c.xml"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not well-formed"),
        (b"<html></html>", "does not begin with Return"),
        (b"<Return/>", "none of the forms"),
        (make_return()[:-20], "not well-formed"),
        (make_return(ein=""), "names no EIN"),
        (make_return(ein="12"), "'12' is no EIN"),
        (make_return(period=""), "tax period"),
        (b"<Return>" + b"<a>" * 100, "deeper"),
        (b'<?xml version="1.0" encoding="hex"?><Return/>', "encoding"),
        (b'<!DOCTYPE Return SYSTEM "file:///etc/passwd"><Return/>', "document type"),
        (
            b'<!DOCTYPE Return [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><Return>&b;</Return>',
            "document type",
        ),
    ],
)
def test_a_bad_file_is_an_error_with_its_name(content: bytes, reason: str) -> None:
    error = parse_return("bad.xml", content)
    assert isinstance(error, RowError)
    assert error.where == "bad.xml"
    assert reason in error.reason


def test_a_site_that_is_none_does_not_cost_the_return() -> None:
    content = make_return().replace(b"EXAMPLE.ORG", b"See Schedule O")
    read = parse_return("a", content)
    assert not isinstance(read, RowError)
    assert "website" not in read[1].given


def test_a_zip_is_read_without_unpacking_it(tmp_path: Path) -> None:
    path = tmp_path / "returns.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../a.xml", make_return())
        archive.writestr("readme.txt", "no return")
    good, errors = _read(path)
    assert [record.where for record in good] == ["../../a.xml"]
    assert [error.where for error in errors] == ["readme.txt"]
    assert list(tmp_path.iterdir()) == [path]
    assert not (tmp_path.parents[1] / "a.xml").exists()


def test_zip_bombs_are_refused_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.xml", bytes(30_000_000))
        archive.writestr("huge.xml", bytes(40_000_000))
        archive.writestr("good.xml", make_return())
    tracemalloc.start()
    good, errors = _read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [record.where for record in good] == ["good.xml"]
    assert [error.where for error in errors] == ["bomb.xml", "huge.xml"]
    assert peak < 5_000_000


def test_a_member_that_lies_about_its_size_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", bytes(5_000_000))
    content = path.read_bytes().replace((5_000_000).to_bytes(4, "little"), b"\x10\0\0\0")
    path.write_bytes(content)
    good, errors = _read(path)
    assert (good, len(errors)) == ([], 1)


def test_too_many_or_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(5):
            archive.writestr(f"{i}.xml", make_return())
    for limits in (
        replace(irs_990.LIMITS, max_members=4),
        replace(irs_990.LIMITS, max_bytes=3 * len(make_return())),
    ):
        with pytest.raises(ImportRefused):
            list(read_incoming(path, limits))
    path.write_bytes(b"PK no zip")
    with pytest.raises(ImportRefused):
        list(read_incoming(path))


def test_an_encrypted_member_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "secret.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.xml", make_return())
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert [error.reason for error in _read(path)[1]] == ["is encrypted"]
