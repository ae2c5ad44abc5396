"""One session as a page that a runner can read, print and keep.

`page.write_report` puts it together: `verdict` comes first, then the sections of the run (`run_sections`) and
of the past (`past`), which are made of `parts`; `words` names and explains, `series` thins, `plots` draws.
"""

from imurun.report.page import write_report

__all__ = ["write_report"]
