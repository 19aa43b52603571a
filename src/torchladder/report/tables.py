"""Tables that a report carries ready made among its figures: a title, and rows by the head of each column."""

from typing import Any

from torchladder.core.report import Report
from torchladder.report.text import clean

COMPARED = "comparison"
Table = dict[str, Any]


def tables_of(report: Report) -> list[tuple[str, list[dict[str, str]]]]:
    """Return the tables of a report, each with its title; nothing for one without."""
    found: list[tuple[str, list[dict[str, str]]]] = []
    for rung in report.rungs:
        for table in rung.facts.get("tables") or () if rung.name == COMPARED else ():
            rows = [{clean(str(k)): clean(str(v)) for k, v in row.items()} for row in table["rows"]]
            found.append((clean(str(table["title"])), rows))
    return found
