"""Where the report of a version lies, if this gateway may show reports; no HTTP."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import NoReport
from gateway.settings import OFF
from gateway.targets import choose_target

if TYPE_CHECKING:
    from gateway.settings import Settings

# What int64 may hold, as a model server names its folders.
_VERSION = re.compile(r"[0-9]{1,19}")


def find_report(settings: Settings, model: str, version: str) -> Path:
    """The report.html that training wrote into a version folder below reports_dir.

    Raises:
        UnknownModel: The gateway serves no model of that name.
        NoReport: Reports are not shown here, or there is none of this version.
    """
    name = choose_target(model, settings.models).model
    if settings.reports_dir != OFF and _VERSION.fullmatch(version):
        folder = Path(settings.reports_dir) / name / version
        report = folder / "assets.extra" / "report" / "report.html"
        if report.is_file():
            return report
    raise NoReport(f"expected a version of {name} with a report, there is none here")


def has_report(settings: Settings, model: str, version: int) -> bool:
    """Whether find_report finds one."""
    try:
        find_report(settings, model, str(version))
    except NoReport:
        return False
    return True
