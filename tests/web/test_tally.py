import time
from pathlib import Path

import pytest
from sqlite_utils import Database

from recommender.models import CountKind, PartnerDraft
from recommender.store.partners import create_partner, list_counts
from recommender.web import tally
from recommender.web.tally import Tally

DRAFT = PartnerDraft(name="Test Gazette", origins=("https://gazette.example",))


def test_counts_are_written_together_after_a_while(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "DELAY_S", 0.05)
    partner, counts = create_partner(db, DRAFT, by=None), Tally(tmp_path / "waymark.db")
    for round_ in (1, 2):
        for _ in range(20):
            counts.add(partner.id, CountKind.VIEW)
        for _ in range(100):
            found = list(list_counts(db, partner.id).values())
            if found and found[0][CountKind.VIEW] == 20 * round_:
                break
            time.sleep(0.02)
        assert found == [{CountKind.VIEW: 20 * round_, CountKind.OPEN: None, CountKind.CLICK: None}]


def test_a_store_that_cannot_be_written_costs_the_counts_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counts = Tally(tmp_path / "not migrated.db")
    counts.add(1, CountKind.VIEW)
    counts.write()
    assert "could not be written" in caplog.text
