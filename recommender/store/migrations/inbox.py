"""Step 6: messages of those who show the widget, or would like to."""

# A check cannot be changed in place, and a table that is made anew would take its children along.
_KINDS = """
ALTER TABLE submissions ADD COLUMN sort TEXT NOT NULL DEFAULT 'nomination'
    CHECK (sort IN ('nomination', 'fix', 'claim', 'removal', 'partner'));
UPDATE submissions SET sort = kind;
ALTER TABLE submissions DROP COLUMN kind;
ALTER TABLE submissions RENAME COLUMN sort TO kind;
"""

SCRIPTS = (_KINDS,)
