"""The sizing page's pods, memory and money follow from the figures it was given."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

PAGE = Path("kube-config/SIZING.md")
# As the page says below its first table.
BUSY, DOLLARS, HOURS = 0.6, 0.04, 730


def read_table(heading):
    """The rows below a heading, without the first; numbers as floats."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}")[1].split("\n## ")
    lines = [line for line in section[0].splitlines() if line.startswith("|")]
    return [
        [read_cell(cell) for cell in line.strip("|").split("|")] for line in lines[2:]
    ]


def read_cell(text):
    """A number where it is one."""
    number = text.strip().replace(",", "")
    return float(number) if re.fullmatch(r"[\d.]+", number) else text.strip()


def count_pods(rate, part):
    """Pods for that many pictures a second; two at least."""
    _, milliseconds, cores, _ = part
    return max(2, math.ceil(rate * milliseconds / 1000 / BUSY / cores))


@pytest.mark.parametrize("row", read_table("What it comes to"), ids=lambda row: row[0])
def test_row(row):
    """Every cell is what the formula gives."""
    gateway, server = read_table("What was measured")
    rate, gateways, servers, cores, gigabytes, dollars = row

    assert gateways == count_pods(rate, gateway)
    assert servers == count_pods(rate, server)
    assert cores == gateways * gateway[2] + servers * server[2]
    assert gigabytes == round((gateways * gateway[3] + servers * server[3]) / 1000, 1)
    assert dollars == round(cores * DOLLARS * HOURS)


def test_both_rows():
    """What the two parts cost together is as many a second as the page says."""
    gateway, server = read_table("What was measured")
    together = round(2 * 1000 / (gateway[1] + server[1]))

    text = PAGE.read_text(encoding="utf-8")
    assert f"Both rows together are {together} pictures a second on two cores" in text


def test_rates():
    """The three sizes that were asked for."""
    assert [row[0] for row in read_table("What it comes to")] == [10, 1000, 100_000]


def test_assumptions():
    """What the test computes with is what the page says."""
    text = PAGE.read_text(encoding="utf-8")

    for words in ("$0.04 an hour", "730 hours", "60 % busy"):
        assert words in re.sub(r"\s+", " ", text)
