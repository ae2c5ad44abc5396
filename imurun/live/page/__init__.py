"""The run on a phone's or a desk's browser, served by a bokeh server in the same process.

`serve` opens it. Who may look is `access`; what comes in is `handlers` and `asks`; what goes out is `moment`
(numbers) and `trends` (plots), put together for each browser by `document`.
"""

from imurun.live.page.server import Page, serve

__all__ = ["Page", "serve"]
