"""Titles and notes of pictures, fitted to the width of the figure; file names may hold anything."""

import unicodedata
from functools import cache

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from .style import FONTS, GREY, print_size

_LEAST_KEPT = 8  # characters of a title that is shortened


def heading(axes: Axes, title: str, note: str = "", end: str = "", share: float = 0.8) -> None:
    """Write the title of the axes, and a note in smaller print below it.

    title: its middle is left out if it is too long.
    note: likewise; none if empty.
    end: follows the title in full.
    share: of the figure's width available.
    """
    fit_text(axes.set_title("", pad=print_size(21 if note else 6)), title or " ", end, share)
    if note:  # the pad of the title makes room for it
        below = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (0, print_size(6)), "textcoords": "offset points"}
        small = axes.annotate("", **below, color=GREY, size=print_size(9.5))
        small.set_in_layout(False)
        fit_text(small, note, "", share)


def overall_title(figure: Figure, title: str) -> None:
    """Write the title of the whole figure; none if empty."""
    if title:
        fit_text(figure.suptitle("", x=0.01, ha="left", size=print_size(12)), title, "", 0.95)


def corner(figure: Figure, words: str) -> None:
    """Write a remark in small print into a strip of its own along the lower edge of the figure, at the right; none if empty.

    figure: its layout is not frozen yet.
    """
    if words:
        small = figure.text(1, 0, "", ha="right", va="bottom", color=GREY, size=print_size(8))
        small.set_in_layout(False)
        point = figure.dpi / 72 / figure.bbox.size  # as a share of width and height
        small.set_position((1 - 4 * point[0], 3 * point[1]))
        fit_text(small, words, "", 0.9)
        strip = (3 + print_size(8)) * point[1]
        figure.get_layout_engine().set(rect=(0, strip, 1, 1 - strip))


def fit_text(text: Text, words: str, end: str, share: float) -> None:
    """Write words and end within a share of the figure's width.

    The middle of the words is left out if they are too long; if that is not enough, the print becomes smaller.
    """
    words = printable(words)
    text.set_text(words + end)
    room, length = _room(text, share), len(words)
    while (width := text.get_window_extent().width) > room and length > _LEAST_KEPT:
        length = max(_LEAST_KEPT, min(length - 1, int(length * room / width)))
        text.set_text(f"{words[: (length + 1) // 2]}…{words[-(length // 2) :]}{end}")
    shrink_to_fit(text, share)


def shrink_to_fit(text: Text, share: float) -> None:
    """Make the print smaller if the text is wider than a share of the figure's width."""
    room, width = _room(text, share), text.get_window_extent().width
    if width > room:
        text.set_size(text.get_size() * room / width)


def _room(text: Text, share: float) -> float:
    """A share of the figure's width in pixels; less in a narrow figure, where the labels of the axes take more of it."""
    figure = text.figure
    inches = figure.get_figwidth()
    return share * figure.bbox.width * min(1.0, (inches - print_size(2)) / (0.8 * inches))


def printable(words: str) -> str:
    """The words with every character replaced that no font here can draw."""
    visible = [c for c in unicodedata.normalize("NFC", words) if unicodedata.category(c) != "Cf"]
    return "".join(" " if c.isspace() else c if c.isprintable() and _drawable(c) else "\ufffd" for c in visible)


@cache
def _drawable(character: str) -> bool:
    fonts = (font_manager.get_font(font_manager.findfont(name)) for name in FONTS)
    return any(font.get_char_index(ord(character)) for font in fonts)
