"""The report: one page for people on how far the labels of a query can be trusted.

`report`
    Write the page; `cc.report` for callers.
`make_report`
    The same, and return what stands first on it, for the command.
"""

from cellclass._report._findings import Finding
from cellclass._report._report import make_report, report

__all__ = ["Finding", "make_report", "report"]
