"""Colours and figure style of the plots in the report and on the live page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bokeh.plotting import figure

SIDES = {"left": "#2f86e0", "right": "#e0701b", "unknown": "#85878f"}
INK = "#7a7d85"
"""Colour of axes and text, readable on black and on white."""
LOAD_COLOR = "#1f9d61"
HEIGHT_PX = 132


def plain_figure(name: str, **options: Any) -> figure:
    """A bokeh figure as wide as its container, without toolbar and background.

    Args:
        name: of the figure's model.
        options: of bokeh's `figure`; they replace the defaults here.
    """
    # the colours are used where bokeh is not installed
    from bokeh.models import BasicTicker, BasicTickFormatter
    from bokeh.plotting import figure

    plot = figure(
        **{
            "name": name,
            "height": HEIGHT_PX,
            "sizing_mode": "stretch_width",
            "toolbar_location": None,
            "tools": "",
            "background_fill_alpha": 0.0,
            "border_fill_alpha": 0.0,
            "outline_line_color": None,
            "min_border_left": 52,
            "min_border_right": 18,
            "min_border_top": 8,
        }
        | options
    )
    for axis in (plot.xaxis, plot.yaxis):
        axis.axis_line_color = axis.major_tick_line_color = INK
        axis.minor_tick_line_color = None
        axis.major_label_text_color = INK
        axis.major_label_text_font = "system-ui, sans-serif"
        axis.major_label_text_font_size = "13px"
    plot.yaxis.formatter = BasicTickFormatter(use_scientific=False)
    plot.yaxis.ticker = BasicTicker(desired_num_ticks=3)
    if options.get("x_axis_type") != "datetime":
        plot.xaxis.formatter = BasicTickFormatter(use_scientific=False)
        plot.xaxis.ticker = BasicTicker(desired_num_ticks=5)
    plot.xgrid.grid_line_color = None
    plot.ygrid.grid_line_color = INK
    plot.ygrid.grid_line_alpha = 0.25
    return plot
