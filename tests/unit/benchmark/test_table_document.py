"""Ratios and tables from loads whose figures are made up here."""

from __future__ import annotations

import json

import pytest

from tests.benchmark.table.document import build_network
from tests.benchmark.table.load import Measured
from tests.benchmark.table.page import write_page
from tests.benchmark.table.plan import Plan
from tests.benchmark.table.text import arrival_rows, speed_rows, write_text
from tests.benchmark.table.turns import ALONE, BUSY, Findings, Load

PLAN = Plan(
    networks=("mobilenetv2-160",),
    systems=("ours", "flask", "pythie"),
    limits=("limit",),
    clients=(1, 16),
    seconds=1.0,
    rounds=2,
    open_seconds=1.0,
)


def make_load(speed, latency=0.1, failed=0):
    """A hundred images at 2 s of the servers' processor and 0.1 s of the client's."""
    measured = Measured(
        images_per_second=speed,
        latencies=(latency,) * 100,
        images=100,
        failed=failed,
        client_cpu_seconds=0.1,
    )
    return Load(measured, cpu_seconds=2.0)


@pytest.fixture(name="findings")
def _findings():
    """Two rounds; the machine was half as fast in the second."""
    findings = Findings("mobilenetv2-160", batch_sizes={"limit": {4: 99.6, 1: 80.0}})
    for speed in (100.0, 50.0):
        findings.add("limit", BUSY, make_load(speed))
        findings.add("limit", ALONE, make_load(speed / 2))
        for clients, share in ((1, 0.5), (16, 0.9)):
            findings.add("ours", clients, make_load(share * speed))
            findings.add("flask", clients, make_load(0.05 * speed, 0.4, failed=3))
    findings.add("ours", 0.3, make_load(20.0))
    findings.missing["pythie"] = "expected a platform"
    findings.differences.update(ours=0.0, flask=0.1)
    return findings


def test_ratios(findings):
    """A ratio is of one round, so that a slower machine in the next changes none."""
    ours, flask, pythie = build_network(findings, PLAN)["systems"]

    ratio = ours["closed"]["16"]["ratio_to_limit"]
    assert [ratio["median"], ratio["smallest"], ratio["largest"]] == pytest.approx(
        [0.9] * 3
    )
    assert flask["closed"]["16"]["ours_over_it"]["rounds"] == pytest.approx([18, 18])
    assert flask["closed"]["16"]["its_p99_over_ours"] == pytest.approx(4)
    assert pythie["closed"] == {}


def test_costs(findings):
    """Processor time is told for each image, the load's own beside it."""
    ours = build_network(findings, PLAN)["systems"][0]["closed"]["1"]

    assert ours["cpu_ms_per_image"] == pytest.approx(20)
    assert ours["client_cpu_ms_per_image"] == pytest.approx(1)
    assert ours["answers"] == 200


def test_rate_of_arrivals(findings):
    """Arrivals come at a share of the peak, the best median of all levels."""
    network = build_network(findings, PLAN)

    # The median of 90 and 45 images/s as the harness takes it: the upper one.
    assert network["systems"][0]["open"]["0.3"]["offered_per_second"] == pytest.approx(
        27
    )
    assert arrival_rows(network)[1] == ["this stack", "100, 100 at 27/s"]


def test_text(findings):
    """Ratios come first, failures are counted, and what is missing has its reason."""
    network = build_network(findings, PLAN)
    head, ours, flask = speed_rows(network)
    text = write_text(make_document(network))

    assert head[1:3] == ["/ limit 1, 1 clients", "/ limit 1, 16 clients"]
    assert ours[1:3] == ["0.50", "0.90"]
    assert flask[-1] == "12"
    assert "pythie-serving behind this gateway is missing: expected a platform" in text


def test_files(findings, tmp_path):
    """One page that needs nothing from outside, and the same figures as JSON."""
    document = make_document(build_network(findings, PLAN))

    page = write_page(document, tmp_path / "new").read_text(encoding="utf-8")

    assert page.count("<svg") == 3
    assert "src=" not in page and "http://" not in page.replace("http://www.w3.org", "")
    written = json.loads((tmp_path / "new" / "report.json").read_text(encoding="utf-8"))
    assert written == document


def make_document(network):
    """As the command makes it."""
    return {
        "machine": {"processor": "p", "cores": 2},
        "began_at": "2026-01-01T00:00:00+00:00",
        "seconds": 60.0,
        "photos": "2 photos",
        "plan": {"rounds": 2, "seconds": 1.0},
        "networks": [network],
    }
