"""What is read on a page stands out from what is behind it, in both themes: computed from the style sheets."""

import re
from importlib import resources

import pytest

LEAST = 4.5  # WCAG 2.2, success criterion 1.4.3
REPORT = resources.files("torchladder.webpage").joinpath("assets/page.css").read_text(encoding="utf-8")
MISTAKES = resources.files("torchladder.mistakes").joinpath("page.css").read_text(encoding="utf-8")
WORDS = ("ink", "quiet", "passed", "failed", "warning", "unknown", "note", "skipped")
PAIRS = [
    *[(word, back) for word in WORDS for back in ("paper", "card")],
    *[("ink", back) for back in ("mark", "add", "remove")],
]

OF_MISTAKES = [*((w, b) for w in ("fore", "soft") for b in ("back", "card")), ("onmark", "mark")]


def palettes(css: str) -> list[dict[str, str]]:
    """Return each block of a style sheet that sets colours, as the colour of each name."""
    blocks = re.findall(r":root[^{}]*\{([^}]*)\}", css)
    made = [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in blocks]
    return [one for one in made if len(one) > 5]  # of a print sheet only some are set


def brightness(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    """Return how much two colours differ: 1 to 21."""
    high, low = sorted((brightness(a), brightness(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself():
    """Black on white is 21, a colour on itself 1, and the grey that is just allowed 4.5."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#123456", "#123456") == 1
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_there_are_two_themes():
    """Light, and dark twice: asked for by the button, and by the system; the two are equal."""
    light, *dark = palettes(REPORT)

    assert len(dark) == 2
    assert dark[0] == dark[1]
    assert dark[0].keys() == light.keys()


@pytest.mark.parametrize(("word", "back"), PAIRS)
@pytest.mark.parametrize("theme", [0, 1])
def test_words_of_a_report_can_be_read(theme, word, back):
    """Every colour of words on every ground they stand on."""
    colours = palettes(REPORT)[theme]
    assert contrast(colours[word], colours[back]) >= LEAST


@pytest.mark.parametrize("theme", [0, 1])
def test_lines_of_a_chart_can_be_seen(theme):
    """Three to one is asked of what is not text (success criterion 1.4.11)."""
    colours = palettes(REPORT)[theme]
    assert min(contrast(colours[f"line{i}"], colours["paper"]) for i in range(1, 7)) >= 3


@pytest.mark.parametrize("theme", [0, 1])
@pytest.mark.parametrize(("word", "back"), OF_MISTAKES)
def test_words_of_the_mistakes_can_be_read(theme, word, back):
    """The same of the page on which mistakes are tagged."""
    colours = palettes(MISTAKES)[theme]
    assert contrast(colours[word], colours[back]) >= LEAST


@pytest.mark.parametrize("css", [REPORT, MISTAKES])
def test_nothing_moves(css):
    """No page animates anything, so that nobody who asked for less motion (prefers-reduced-motion) sees any."""
    assert not re.search(r"\b(animation|transition|scroll-behavior|@keyframes)\b", css)
