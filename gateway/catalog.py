"""What the configured models say about themselves, and whether they answer at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gateway.deadline import Deadline
from gateway.errors import GatewayError
from gateway.targets import ServedModel, Target

if TYPE_CHECKING:
    from gateway.model_client import ModelClient

UNREACHABLE = "UNREACHABLE"


def find_problems(
    client: ModelClient, models: Sequence[str], deadline: Deadline
) -> tuple[str, ...]:
    """One sentence per model whose contract was never read, or does not agree."""
    problems = []
    for name in models:
        try:
            client.contract(Target(name), deadline)
        except GatewayError as error:
            problems.append(str(error))
    return tuple(problems)


def known_models(
    client: ModelClient, models: Sequence[str], deadline: Deadline
) -> tuple[ServedModel, ...]:
    """What the models that answer say about themselves; the others are left out."""
    served = []
    for name in models:
        with suppress(GatewayError):
            served.append(client.contract(Target(name), deadline))
    return tuple(served)


def describe_model(
    client: ModelClient, name: str, deadline: Deadline
) -> dict[str, Any]:
    """One model as JSON: the version that answers now, its facts, all states.

    A model that does not answer is described by its state and the reason.
    """
    try:
        states = client.states(name, deadline)
        served = client.read_contract(Target(name), deadline)
    except GatewayError as error:
        return {"name": name, "state": UNREACHABLE, "detail": str(error)}
    return {
        "name": name,
        "version": served.version,
        "state": states.get(served.version, "UNKNOWN"),
        **_facts(served),
        "versions": [
            {"version": version, "state": state}
            for version, state in sorted(states.items(), reverse=True)
        ],
    }


def _facts(served: ServedModel) -> dict[str, Any]:
    contract = served.contract
    evaluation, data = contract.evaluation, contract.data
    return {
        "task": contract.task,
        "labels": contract.labels,
        "image": vars(contract.image),
        "accuracy": vars(evaluation) if evaluation else None,
        "test_pictures": data.test if data else None,
        "can_explain": served.can_explain,
        "backbone": contract.backbone,
        "created_at": contract.created_at,
    }
