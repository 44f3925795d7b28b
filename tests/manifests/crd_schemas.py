"""The fields we use of kinds that are not Kubernetes' own, as JSON schemas.

Strict: a field that is not listed is refused, so one that is added here was looked up.
Pod templates are left to the schemas of Kubernetes.

Source: API references of the Prometheus operator (monitoring.coreos.com/v1) and of
KubeRay (ray.io/v1).
"""

from __future__ import annotations

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
# Prometheus' durations: 15s, 1h30m.
DURATION = {"type": "string", "pattern": r"^([0-9]+(ms|s|m|h|d))+$"}
# Only what has the form of a label may be one.
LABELS = {
    "type": "object",
    "propertyNames": {"pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$"},
    "additionalProperties": {"type": "string"},
}


def record(required, **fields):
    """An object with these fields and no other; required: the first so many."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields)[:required],
        "additionalProperties": False,
    }


def several(items):
    """A list of at least one."""
    return {"type": "array", "items": items, "minItems": 1}


SELECTOR = record(1, matchLabels=TEXTS)
ENDPOINT = record(1, port=TEXT, path={"type": "string"}, interval=DURATION)
RULE = record(
    2, alert=TEXT, expr=TEXT, **{"for": DURATION}, labels=LABELS, annotations=LABELS
)
START_PARAMS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0}
RAY_CLUSTER = record(
    3,
    headGroupSpec=record(2, rayStartParams=START_PARAMS, template={"type": "object"}),
    workerGroupSpecs=several(
        record(
            6,
            groupName=TEXT,
            replicas=COUNT,
            minReplicas=COUNT,
            maxReplicas=COUNT,
            rayStartParams=START_PARAMS,
            template={"type": "object"},
        )
    ),
    rayVersion=TEXT,
)

SPECS = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): record(
        2, selector=SELECTOR, endpoints=several(ENDPOINT)
    ),
    ("monitoring.coreos.com/v1", "PodMonitor"): record(
        2, selector=SELECTOR, podMetricsEndpoints=several(ENDPOINT), jobLabel=TEXT
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): record(
        1, groups=several(record(2, name=TEXT, rules=several(RULE)))
    ),
    ("ray.io/v1", "RayJob"): record(
        2,
        entrypoint=TEXT,
        rayClusterSpec=RAY_CLUSTER,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
        shutdownAfterJobFinishes={"type": "boolean"},
        ttlSecondsAfterFinished=COUNT,
        activeDeadlineSeconds={"type": "integer", "minimum": 1},
        backoffLimit=COUNT,
    ),
}
