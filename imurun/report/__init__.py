"""The report of one session: a self-contained HTML page to read, print and keep.

`page.write_report` assembles it: the verdict (`verdict`), the sections of the run (`step_sections`,
`course_sections`, from `running_steps`) and of the sessions before (`past`, `past_sections`). Sections are
made of `parts`; `words` holds texts; `plots` thins long series and draws them.
"""

from imurun.files.optional import optional_module

for _module in ("bokeh", "jinja2"):
    optional_module(_module, extra="report", purpose="A report")

from imurun.report.page import write_report  # noqa: E402

__all__ = ["write_report"]
