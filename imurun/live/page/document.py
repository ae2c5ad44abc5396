"""What one browser is told: a bokeh document that follows the run."""

from __future__ import annotations

import math

from bokeh.document import Document
from bokeh.models import ColumnDataSource

from imurun.live.page.moment import BEAT_S, DRAW_S, Moments
from imurun.live.page.trends import Trends

MOMENT = "moment"
"""Name of the model whose only row is the JSON of `Moments.text`."""


class Follower:
    """Keeps a document up to date with one sensor's run and the short state of the team.

    Args:
        document: still empty.
        moments: of all sensors.
        chosen: index of the sensor whose run is shown.
    """

    def __init__(self, document: Document, moments: Moments, chosen: int) -> None:
        self.trends = Trends()
        self._moments = moments
        self._chosen = chosen
        self._source = ColumnDataSource({"json": [""]}, name=MOMENT)
        self._versions: tuple[int, ...] = ()
        self._told_s = -math.inf
        # the page heals by itself; bokeh's own way keeps a dead document and covers the numbers
        document.config.reconnect_session = False
        document.config.notify_connection_status = False
        document.config.notifications = None
        for plot in self.trends.plots.values():
            document.add_root(plot)
        document.add_root(self._source)
        self.update()
        document.add_periodic_callback(self.update, round(1000 * DRAW_S))

    def update(self) -> None:
        """Tell what changed, if anything did or a beat is due."""
        now_s, versions = self._moments.clock(), self._moments.versions
        if versions == self._versions and now_s - self._told_s < BEAT_S:
            return
        self._versions, self._told_s = versions, now_s
        self._source.data = {"json": [self._moments.text(self._chosen)]}
        self.trends.update(self._moments.states[self._chosen])
