"""One session as a page that a runner can read, print and keep.

`page.write_report` puts it together: `verdict` comes first, then the sections of the run (`step_sections`,
`course_sections`) and of the time before (`past`, `past_sections`), all made of `parts`. `words` names and
explains, `series` thins, `plots` draws.
"""

from imurun.report.page import write_report

__all__ = ["write_report"]
