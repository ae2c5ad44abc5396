"""Waits until a page has drawn its Bokeh plots at their present size, before a test measures it."""

from __future__ import annotations

PATIENCE_MS = 120_000.0
"""Protects against hanging only."""

# Bokeh draws a plot anew some time after its place has changed its size; a hidden plot is not drawn
_DRAWN = """() => {
  if (document.fonts.status !== "loaded") return false;
  const n_places = document.querySelectorAll(".plot").length;
  if (!n_places) return true;
  const views = [...Bokeh.index].filter((view) => view.el.closest(".plot"));  // not Bokeh's own notifications
  return views.length === n_places && Bokeh.documents.every((one) => one.is_idle) && views.every((view) => {
    const place = view.el.getBoundingClientRect();
    return !view.el.checkVisibility()
      || Math.abs(view.bbox.width - place.width) < 1 && Math.abs(view.bbox.height - place.height) < 1;
  });
}"""


def wait_for_plots(page) -> None:
    """Wait until fonts are loaded and every plot is drawn as large as its place is."""
    page.wait_for_function(_DRAWN, timeout=PATIENCE_MS)
