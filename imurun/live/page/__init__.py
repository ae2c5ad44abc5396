"""Web page of a live run: a Tornado server in the process of the run, and the files that browsers load.

`serve` opens it. `access` decides who may use it, `handlers` answers requests and runs the commands of
the buttons, `messages` builds the JSON messages for browsers, and `trends` the chart data in them.
"""

from imurun.live.page.server import Page, serve

__all__ = ["Page", "serve"]
