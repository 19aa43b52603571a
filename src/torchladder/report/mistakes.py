"""The analysis of a classifier's mistakes on a terminal: classes, confusions, calibration, then the buckets."""

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from torchladder.core.report import Report
from torchladder.report.layout import Lines, wrapped
from torchladder.report.text import clean, number, plural

CLASSES_SHOWN, PAIRS_SHOWN, BUCKETS_SHOWN, TOLD_SHOWN = 10, 5, 8, 6
NAME_MIN, NAME_MAX = 8, 32
LABEL = 14
BAR = 24
FEW = 0.05  # share of a bucket's mistakes that others hold, from which it is told


def is_mistakes(report: Report) -> bool:
    """Tell whether a report is one of a classifier's mistakes."""
    return len(report.rungs) == 1 and "buckets" in report.rungs[0].facts


def percent(share: float | None) -> str:
    """Return a share as a percentage with one digit."""
    return "-" if share is None else f"{share:.1%}"


def mistake_lines(report: Report, width: int) -> Lines:
    """Yield everything about the mistakes."""
    f = report.rungs[0].facts
    yield from wrapped(Text(), Text(clean(report.sentence), "bold"), width)
    for label, words in overall(f):
        yield from _labelled(label, words, width)
    if f["classes"]:
        yield Text()
        yield from _classes(f, width)
    if f["confusions"]:
        yield Text()
        yield from _confusions(f, width)
    yield Text()
    yield from _buckets(f, width)
    if f.get("tags"):
        yield Text()
        yield from tag_lines(f["tags"], width)
    yield Text()
    for words in (f.get("read_as") or [])[:TOLD_SHOWN]:
        yield from wrapped(Text("  read as: ", "dim"), Text(clean(str(words)), "dim"), width)
    for what in ("page", "tags_file"):
        if f.get(what):
            yield from wrapped(Text(f"  {what.replace('_file', '')}: ", "dim"), Text(clean(f[what])), width)


def overall(f: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what is said of the whole set: a label and a sentence each."""
    parts = [f"balanced accuracy {percent(f['balanced_accuracy'])}", f"macro F1 {number(f['macro_f1'])}"]
    if f["auroc"] is not None:
        parts += [f"AUROC {number(f['auroc'])}", f"AUPRC {number(f['auprc'])}"]
    told = [("over all", ", ".join(parts))]
    told += [("calibration", _calibration(f["calibration"]))] if f["calibration"] is not None else []
    told += [("threshold", _threshold(f["threshold"]))] if f["threshold"] is not None else []
    r = f["referred"]
    if r is not None:
        words = (
            f"the least sure {r['share']:.0%} hold {percent(r['mistakes_among_them'])} of the mistakes; without them "
            f"accuracy is {percent(r['accuracy_of_the_rest'])}"
        )
        told.append(("refer", words))
    return told


def _calibration(c: dict[str, Any]) -> str:
    words = f"expected error {percent(c['ece'])} in {len(c['bins'])} bins of equal mass"
    if c["temperature"] is None:
        return words
    if c["nll_with_temperature"] >= c["nll"]:
        return f"{words}; a temperature fitted to one half does not help the other"
    nll, scaled = (number(c[k]) for k in ("nll", "nll_with_temperature"))
    words += f"; dividing the logits by {number(c['temperature'])} brings it to "
    return f"{words}{percent(c['ece_with_temperature'])} and the negative log-likelihood from {nll} to {scaled}"


def _threshold(t: dict[str, Any]) -> str:
    words = f"a threshold chosen on one half changes accuracy on the other by {100 * t['accuracy_gain']:+.2f} points"
    if t["value"] is not None:
        words += f" (at {number(t['value'])})"
    if t["f1"] is not None:
        before, after = (number(v) for v in t["f1"])
        words += f"; one chosen for F1 ({number(t['f1_value'])}) brings it from {before} to {after}"
    return words


def _labelled(label: str, words: str, width: int) -> Lines:
    yield from wrapped(Text(f"  {label:<{LABEL}}", "bold"), Text(words), width)


def _fit(text: str, room: int) -> str:
    """Return a name in exactly ``room`` cells."""
    words = clean(text)
    return set_cell_size(words if cell_len(words) <= room else set_cell_size(words, room - 3) + "...", room)


def _room(names: Sequence[str], width: int, others: int) -> int:
    longest = max([NAME_MIN, *(cell_len(clean(n)) for n in names)])
    return max(NAME_MIN, min(longest, NAME_MAX, width - others))


def _classes(f: dict[str, Any], width: int) -> Lines:
    rows = [c for c in f["classes"] if c["support"]]
    rows.sort(key=lambda c: (c["f1"] if c["f1"] is not None else 0.0, c["name"]))
    shown = rows[:CLASSES_SHOWN]
    room = _room([c["name"] for c in shown], width, 46)
    yield Text(f"  {_fit('class', room)}  precision  recall      F1   samples", "dim")
    for c in shown:
        yield Text(
            f"  {_fit(c['name'], room)}  {percent(c['precision']):>9}  {percent(c['recall']):>6}"
            f"  {number(round(c['f1'] or 0.0, 3)):>6}  {c['support']:>8,}"
        )
    if len(rows) > len(shown):
        yield Text(
            f"  and {plural(len(rows) - len(shown), 'class').replace('classs', 'classes')} with a better F1", "dim"
        )


def _confusions(f: dict[str, Any], width: int) -> Lines:
    yield Text("  most confused", "dim")
    for c in f["confusions"][:PAIRS_SHOWN]:
        a, b = (clean(n) for n in c["pair"])
        words = f"{a} taken for {b}: {c['forth']:,}; the other way: {c['back']:,}"
        yield from wrapped(Text(f"  {c['count']:>6,}  {percent(c['share']):>6}  "), Text(words), width)


def _buckets(f: dict[str, Any], width: int) -> Lines:
    counting = [b for b in f["buckets"] if b["counts"]]
    if not counting:
        words = f"nothing that mistakes have in common is more than chance ({f['buckets_looked_at']:,} looked at)"
        yield from wrapped(Text("  buckets       ", "bold"), Text(words), width)
        return
    head = "what mistakes have in common, by the accuracy it costs beyond what would be there anyway"
    yield from wrapped(Text("  "), Text(head, "dim"), width)
    advised: dict[str, int] = {}
    for i, b in enumerate(counting[:BUCKETS_SHOWN], 1):
        yield from _bucket(i, b, width)
        earlier = advised.setdefault(b["intervention"], i)
        words = clean(b["intervention"]) if earlier == i else f"as for {earlier}"
        yield from wrapped(Text("      help: ", "bold"), Text(words), width)
    rest = len(counting) - BUCKETS_SHOWN
    tried = f"{f['buckets_looked_at']:,} looked at, p-values corrected for it after Holm"
    more = f"{plural(rest, 'further bucket')} in the report; " if rest > 0 else ""
    yield from wrapped(Text("  "), Text(f"{more}{tried}", "dim"), width)


def _bucket(i: int, b: dict[str, Any], width: int) -> Lines:
    yield from wrapped(Text(f"  {i:>2}  "), Text(clean(b["name"]), "bold"), width)
    indent = "      "
    words = (
        f"{plural(b['count'], 'mistake')} ({percent(b['share_of_mistakes'])} of all); solved, they give back "
        f"{100 * b['gives_back']:.2f} points of accuracy, {100 * b['beyond']:.2f} beyond the ordinary"
    )
    yield from wrapped(Text(indent), Text(words), width)
    r = b["rates"]
    if r is not None and r["outside"] is not None:
        low, high = r["inside_interval"]
        out = r["outside_interval"]
        words = (
            f"{percent(r['inside'])} of {r['samples']:,} samples go wrong ({percent(low)} to {percent(high)}), "
            f"{percent(r['outside'])} elsewhere ({percent(out[0])} to {percent(out[1])})"
        )
        yield from wrapped(Text(indent), Text(words, "dim"), width)
    shared = [w for w in b["within"] if w["share"] >= FEW]
    if shared:
        words = "; ".join(f"{w['share']:.0%} of them also under {clean(w['name'])!r}" for w in shared[:2])
        yield from wrapped(Text(indent), Text(words, "dim"), width)
    suggested = (b.get("details") or {}).get("suggested") or []
    if suggested:
        words = ", ".join(
            f"{clean(s['id'])} ({clean(s['label'])}, rather {clean(s['suggested'])})" for s in suggested[:3]
        )
        yield from wrapped(Text(f"{indent}surest: ", "dim"), Text(words, "dim"), width)


def tag_lines(tags: dict[str, Any], width: int) -> Lines:
    """Yield the Pareto of what a person said of the mistakes."""
    total = tags["tagged"]
    head = f"tags of {plural(total, 'mistake')} looked at by hand, of {tags['drawn']:,} drawn"
    yield from wrapped(Text("  "), Text(head, "dim"), width)
    rows = tags["pareto"]
    most = max([r["count"] for r in rows], default=1)
    room = _room([r["tag"] for r in rows], width, 38 + BAR // 2)
    bar = max(4, min(BAR, width - room - 44))
    for r in rows:
        drawn = "#" * max(1, round(bar * r["count"] / most))
        low, high = r["interval"]
        yield Text(
            f"  {_fit(r['tag'], room)}  {r['count']:>4,}  {percent(r['share']):>6}  {drawn:<{bar}}  "
            f"{percent(low)} to {percent(high)}"
        )
    if not rows:
        yield Text("  no mistake has a tag yet", "dim")
