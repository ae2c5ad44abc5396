"""Parts of the report's sections: pictures, tables and the section itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from bokeh.plotting import figure


@dataclass(frozen=True)
class Picture:
    """A plot with its texts.

    Attributes:
        title: what is drawn, with its unit.
        plot: the bokeh figure; its name is the id of its place on the page.
        description: what it shows in a sentence, for screen readers.
        legend: text and colour of each part.
        x_label: text below the x axis.
        wide: whether it takes the full width of a wide screen.
    """

    title: str
    plot: figure
    description: str
    legend: tuple[tuple[str, str], ...] = ()
    x_label: str = "minutes of the recording"
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text; the first column names the row."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        key: its id on the page.
        lines: sentences above pictures and tables.
        terms: label and meaning of the quantities in it.
    """

    key: str
    title: str
    lines: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    terms: tuple[tuple[str, str], ...] = field(default=())
