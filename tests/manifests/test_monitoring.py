"""What is scraped, alerted on and drawn is what the programs really export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from grpc import StatusCode
from prometheus_client.parser import text_string_to_metric_families

from gateway.app import create_app
from gateway.errors import ModelMismatch, ModelTimeout, ModelUnavailable
from gateway.settings import Settings
from serving.batch_rows import BatchRun
from serving.calls import Call
from serving.metrics import Metrics
from serving.monitoring_config import read_metrics_path
from tests.manifests.promql import Selector, matches, read_groupings, read_selectors
from tests.manifests.rendered import KUBE_CONFIG, ROOT
from tests.unit.gateway.conftest import FakeClient
from tests.unit.gateway.sending import draw_flat, send_raw

FOLDER = KUBE_CONFIG / "components" / "monitoring"
# Written by Prometheus itself for every target.
UP = ("up", {"job": "gateway"})
# Given to every series by the operator's scrape configuration.
TARGET_LABELS = {"namespace", "pod", "job", "instance"}


def read_rules():
    """The alerts, as dicts."""
    text = (FOLDER / "prometheus-rule.yaml").read_text(encoding="utf-8")
    return [
        rule
        for group in yaml.safe_load(text)["spec"]["groups"]
        for rule in group["rules"]
    ]


def read_panels():
    """The panels of the board, as dicts."""
    text = (FOLDER / "image-classifier.json").read_text(encoding="utf-8")
    return json.loads(text)["panels"]


RULES = {rule["alert"]: rule["expr"] for rule in read_rules()}
PANELS = {
    f"{panel['title']}, {target['legendFormat']}": target["expr"]
    for panel in read_panels()
    for target in panel["targets"]
}
QUERIES = RULES | PANELS


def gateway_page():
    """/metrics of a gateway that answered, refused and failed."""
    client = FakeClient()
    web = create_app(Settings(models=("tiny",)), client).test_client()
    for body in (draw_flat("red"), b"no picture"):
        send_raw(web, body)
    for failure in (ModelUnavailable, ModelTimeout, ModelMismatch):
        client.failure = failure("as told")
        send_raw(web, draw_flat("red"))
    return web.get("/metrics").text


def model_server_page():
    """The page of a model server that answered, batched, loaded and failed to load."""
    metrics = Metrics()
    for code in (StatusCode.OK, StatusCode.NOT_FOUND):
        call = {"method": "Predict", "model": "classifier", "seconds": 0.01}
        metrics.note_call(Call(entrypoint="GRPC", code=code, **call))
    run = BatchRun(queuing_seconds=(0.001,), input_rows=(1,), rows=1, padding=0)
    metrics.note_batch("model_server_batch_threads", run)
    for is_loaded in (True, False):
        metrics.note_load(Path("/models/classifier/1"), 0.5, is_loaded)
    return metrics.page()


@pytest.fixture(name="exported", scope="module")
def exported_samples():
    """(sample name, its labels) of everything both programs export, and up."""
    gateway, server = map(_read_page, (gateway_page(), model_server_page()))
    # The parser adds _total to TensorFlow Serving's counters, which do without.
    bare = [(name.removesuffix("_total"), labels) for name, labels in server]
    return [UP, *gateway, *bare]


def _read_page(page):
    return [
        (sample.name, sample.labels)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]


@pytest.mark.parametrize("query", QUERIES)
def test_queries_find_series(exported, query):
    """Each selector of each query meets a series with values seen in a real answer."""
    selectors = read_selectors(QUERIES[query])

    assert selectors
    for selector in selectors:
        assert found(exported, selector), selector


@pytest.mark.parametrize("query", QUERIES)
def test_groupings_exist(exported, query):
    """What a query groups by is a label of its metrics, or of every target."""
    names = {selector.name for selector in read_selectors(QUERIES[query])}
    labels = {key for name, seen in exported if name in names for key in seen}

    assert read_groupings(QUERIES[query]) <= labels | TARGET_LABELS


def found(exported, selector):
    """The exported series that a selector meets."""
    return [
        labels
        for name, labels in exported
        if name == selector.name
        and all(
            label in labels and matches(operator, value, labels[label])
            for label, operator, value in selector.matchers
        )
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "rate(gateway_requests[5m])",
        'gateway_requests_total{route="/predikt"}',
        'gateway_requests_total{code="200"}',
        'sum(rate(gateway_requests_total{status=~"5."}[5m]))',
        ":tensorflow:serving:request_count_total",
    ],
)
def test_wrong_queries_find_nothing(exported, expression):
    """A wrong name, label or value meets nothing, so the test above can fail."""
    (selector,) = read_selectors(expression)

    assert not found(exported, selector)


def test_reading_queries():
    """Names, matchers and groupings are told from functions, words and durations."""
    expression = (
        'sum by (le, pod) (rate(a_total{x="1",y=~"b|c{"}[5m])) '
        "/ on (pod) :b:c unless d offset 15m > 0.05"
    )

    assert read_selectors(expression) == [
        Selector("a_total", (("x", "=", "1"), ("y", "=~", "b|c{"))),
        Selector(":b:c", ()),
        Selector("d", ()),
    ]
    assert read_groupings(expression) == {"le", "pod"}


@pytest.mark.parametrize(
    "operator, wanted, is_met",
    [("=", "503", True), ("=", "5", False), ("=~", "5..", True), ("=~", "5", False)],
)
def test_matchers(operator, wanted, is_met):
    """Matchers compare the whole value, and each has its opposite."""
    opposite = {"=": "!=", "=~": "!~"}[operator]

    assert matches(operator, wanted, "503") is is_met
    assert matches(opposite, wanted, "503") is not is_met


def test_scraped_paths(full):
    """The monitors ask the paths at which the programs answer."""
    (gateway,) = full.named("ServiceMonitor", "gateway")["spec"]["endpoints"]
    (server,) = full.named("PodMonitor", "model-server")["spec"]["podMetricsEndpoints"]
    app = create_app(Settings(), FakeClient())
    path = read_metrics_path(str(ROOT / "serving" / "monitoring.config"))

    assert gateway["path"] in {rule.rule for rule in app.url_map.iter_rules()}
    assert server["path"] == path


def test_alerts_say_what_to_do():
    """Each alert has a severity, a sentence and a next step."""
    for rule in read_rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_board_fits():
    """No panel lies over another one, and each names the unit it draws in."""
    cells = []
    for panel in read_panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["fieldConfig"]["defaults"]["unit"]
        for column in range(place["w"]):
            for row in range(place["h"]):
                cells.append((place["x"] + column, place["y"] + row))

    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in read_panels()}) == len(read_panels())
