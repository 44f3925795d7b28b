"""A report that is one file, in the style of training's reports."""

from __future__ import annotations

from pathlib import Path

import jinja2

_STYLE_SHEETS = Path(__file__).parents[2] / "training" / "templates"


def open_page(folder, **filters):
    """The template page.html of a folder; a name it does not get is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _STYLE_SHEETS]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template("page.html")
