"""The page on which a person tags mistakes: one file that needs nothing else, and in which data is never markup.

All that came from predictions or from the samples lies in one block of JSON whose angle brackets and ampersands are
written as escapes; the script puts it in as text. The page's policy lets nothing run but that script, by its digest.
"""

import base64
import hashlib
import io
import json
from importlib.resources import files
from typing import Any

from torchladder.mistakes.analysis import Analysis, bucket_json, whole
from torchladder.mistakes.look import pictures
from torchladder.mistakes.predictions import Array
from torchladder.report.mistakes import overall, percent

SIDE_MAX = 224  # pixels across of a picture on the page
SMALL = 96  # below which pixels are shown as squares
TEXT_MAX = 4000  # characters of a text
BUCKETS_SHOWN = 12
CLASSES_SHOWN = 100
NAMED = 3  # buckets that are named beside a mistake

BODY = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src '{style_digest}'; \
script-src '{script_digest}'; connect-src {connect}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>Mistakes</title><style>{style}</style></head><body>
<header><h1 id="title"></h1><p id="sentence" class="soft"></p><noscript>This page needs scripts: its own, no \
others.</noscript></header>
<main><div class="columns"><section aria-label="One mistake"><div class="card"><div id="shown" aria-live="polite"></div>
<div id="tags" class="row" role="group" aria-label="Tags"></div></div>
<div class="row"><button type="button" id="previous"><kbd>←</kbd>back</button>
<button type="button" id="next"><kbd>→</kbd>next</button>
<button type="button" id="none"><kbd>0</kbd>nothing fits</button>
<button type="button" id="new"><kbd>n</kbd>new tag</button>
<button type="button" id="undo"><kbd>u</kbd>undo</button>
<button type="button" id="help"><kbd>?</kbd>keys</button></div>
<p class="soft"><span id="progress"></span>; <span id="status" role="status">no change yet</span></p>
<div id="grid" class="grid" role="group" aria-label="All mistakes that were drawn"></div></section>
<section aria-label="Tags so far"><h2>Tags so far</h2>
<table><thead><tr><th>tag</th><th class="number">mistakes</th><th class="number">of those looked at</th></tr></thead>
<tbody id="pareto"></tbody></table>
<div class="row"><button type="button" id="export">Export</button><button type="button" id="import">Import</button>
<input type="file" id="file" accept="application/json,.json" hidden></div>
</section></div>
<section aria-label="Analysis"><div id="bucketbox"><h2>What mistakes have in common</h2><p class="soft">\
Points of accuracy: what solving them gives back, and how much of it is beyond the ordinary.</p>\
<div class="scroll" tabindex="0"><table><thead><tr>\
<th>bucket</th>
<th class="number">mistakes</th><th class="number">of all</th><th class="number">gives back</th>
<th class="number">beyond</th></tr></thead><tbody id="buckets"></tbody></table></div></div>
<h2>Figures</h2><dl id="figures"></dl><div class="scroll" tabindex="0"><table><thead><tr>\
<th>class</th>
<th class="number">precision</th><th class="number">recall</th><th class="number">F1</th><th class="number">samples</th>
</tr></thead><tbody id="classes"></tbody></table></div></section></main>
<dialog id="keys" aria-labelledby="keyshead"><h2 id="keyshead">Keys</h2><dl><dt><kbd>1</kbd>-<kbd>9</kbd></dt><dd>give \
or take a tag</dd><dt><kbd>0</kbd></dt><dd>nothing fits; next</dd><dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>back, next \
(also k and j)</dd><dt><kbd>n</kbd></dt><dd>new tag</dd><dt><kbd>u</kbd></dt><dd>undo</dd><dt><kbd>?</kbd></dt>
<dd>these keys</dd></dl><div class="row"><button type="button" id="close">Close</button></div></dialog>
<dialog id="asked" aria-labelledby="askedhead"><form id="form"><h2 id="askedhead">New tag</h2>
<input type="text" id="word" maxlength="80" autocomplete="off" aria-labelledby="askedhead">
<div class="row"><button>Add</button><button type="button" id="cancel">Cancel</button></div></form></dialog>
<script type="application/json" id="data">{data}</script><script>{script}</script></body></html>
"""


def page(found: Analysis, tags: dict[str, Any], *, name: str, sentence: str, served: bool) -> str:
    """Return the page.

    Args:
        found: The analysis with its sample.
        tags: As they are now.
        name: What the user named.
        sentence: The result.
        served: Whether tags go to the server that serves the page, and not to the browser's own store.
    """
    style, script = asset("page.css"), asset("page.js")
    content = {
        "title": f"Mistakes of {name}",
        "sentence": sentence,
        "served": served,
        "key": hashlib.sha256("\n".join([name, *keys_of(found)]).encode("utf-8", "surrogatepass")).hexdigest()[:16],
        "tags": tags,
        "mistakes": mistakes(found),
        "buckets": buckets(found),
        "figures": [list(pair) for pair in overall(whole(found))],
        "classes": classes(found),
    }
    return BODY.format(
        style=style,
        script=script,
        style_digest=digest(style),
        script_digest=digest(script),
        connect="'self'" if served else "'none'",
        data=inert(content),
    )


def asset(name: str) -> str:
    """Return a file that lies beside this one."""
    return files("torchladder.mistakes").joinpath(name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """Return what a policy calls a script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def inert(content: Any) -> str:
    """Return JSON that no HTML parser takes for anything but text."""
    text = json.dumps(content, ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def keys_of(found: Analysis) -> list[str]:
    """Return what the drawn mistakes are called in stored tags: their ids, with the place where ids repeat."""
    p = found.predictions
    ids = [p.ids[i] for i in found.sample]
    repeated = {i for i in ids if ids.count(i) > 1}
    return [f"{one} (row {p.rows[i]})" if one in repeated else one for i, one in zip(found.sample, ids, strict=True)]


def mistakes(found: Analysis) -> list[dict[str, Any]]:
    """Return what the page shows of each mistake that was drawn."""
    p, shown = found.predictions, pictures(found.joined, found.sample)
    texts = found.joined.texts or p.texts
    counting = [r.bucket for r in found.counting]
    rows = []
    for key, i in zip(keys_of(found), found.sample, strict=True):
        picture = shown.get(i)
        rows.append({
            "key": key,
            "id": p.ids[i],
            "label": p.classes[p.truth[i]],
            "answer": p.classes[p.guess[i]],
            "confidence": f"{p.confidence[i]:.0%}" if p.confidence is not None else None,
            "group": str(p.groups[i]) if p.groups is not None else None,
            "text": texts[i][:TEXT_MAX] if texts is not None else None,
            "picture": picture_url(picture) if picture is not None else None,
            "large": picture is not None and max(picture.shape[:2]) >= SMALL,
            "buckets": [b.name for b in counting if b.errors[i]][:NAMED],
        })
    return rows


def picture_url(picture: Array) -> str:
    """Return a picture (H, W, C) of bytes, no larger than it is shown, as a data URL."""
    from PIL import Image

    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    image = image.convert("RGBA" if image.mode in {"LA", "RGBA"} else "L" if image.mode == "L" else "RGB")
    image.thumbnail((SIDE_MAX, SIDE_MAX))
    out, form = io.BytesIO(), "PNG"
    if image.mode == "RGB" and max(image.size) >= SMALL:
        form = "JPEG"
    image.save(out, form)
    return f"data:image/{form.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


def buckets(found: Analysis) -> list[dict[str, str]]:
    """Return the table of buckets in words."""
    n, wrong = len(found.predictions), int(found.predictions.wrong.sum())
    rows = [bucket_json(r, n, wrong) for r in found.counting[:BUCKETS_SHOWN]]
    return [
        {
            "name": b["name"],
            "intervention": b["intervention"],
            "count": f"{b['count']:,}",
            "share": f"{b['share_of_mistakes']:.0%}",
            "gives": f"{100 * b['gives_back']:.2f}",
            "beyond": f"{100 * b['beyond']:.2f}",
        }
        for b in rows
    ]


def classes(found: Analysis) -> list[list[str]]:
    """Return the table of classes in words, the worst first."""
    rows = [c for c in found.figures["classes"] if c["support"]]
    rows.sort(key=lambda c: (c["f1"] or 0.0, c["name"]))
    return [
        [c["name"], percent(c["precision"]), percent(c["recall"]), f"{c['f1'] or 0.0:.3f}", f"{c['support']:,}"]
        for c in rows[:CLASSES_SHOWN]
    ]
