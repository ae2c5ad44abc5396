"""What a section of the report is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from bokeh.plotting import figure


@dataclass(frozen=True)
class Picture:
    """A plot with its words.

    Attributes:
        title: what is drawn, with its unit.
        plot: the bokeh figure; its name is its place on the page.
        says: the same in a sentence, for who cannot see it.
        legend: word and colour of what is drawn.
        across: the unit of the axis below.
        wide: whether it takes the whole width of a desk's screen.
    """

    title: str
    plot: figure
    says: str
    legend: tuple[tuple[str, str], ...] = ()
    across: str = "minutes of the recording"
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text; the first column names the row."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """One question and its answer.

    Attributes:
        key: its anchor on the page.
        lines: visible sentences, above.
        terms: label and meaning of the words that it uses.
    """

    key: str
    title: str
    lines: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    terms: tuple[tuple[str, str], ...] = field(default=())
