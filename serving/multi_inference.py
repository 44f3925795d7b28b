"""A MultiInferenceRequest run on one version: several signatures, one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grpc import StatusCode
from tensorflow_serving.apis import inference_pb2

from serving.batch_rows import Arrays
from serving.classify import CLASSIFY_METHOD, fill_classes, select_class_outputs
from serving.errors import ServingError, invalid_argument
from serving.examples import (
    EXAMPLES,
    check_method,
    read_examples,
)
from serving.regress import (
    REGRESS_METHOD,
    VALUES,
    check_value_output,
    fill_values,
)
from serving.servable import Servable
from serving.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec


@dataclass(frozen=True)
class _Task:
    """One signature to evaluate, by one method, and the outputs that takes."""

    signature: Signature
    method: str
    wanted: tuple[str, ...]

    @property
    def examples(self) -> TensorSpec:
        """The tensor that takes the examples."""
        return self.signature.inputs[EXAMPLES]

    @property
    def tensors(self) -> dict[str, TensorSpec]:
        """The wanted outputs by the names of their tensors."""
        specs = [self.signature.outputs[name] for name in self.wanted]
        return {spec.tensor_name: spec for spec in specs}

    def share(self, outputs: Arrays) -> Arrays:
        """This task's outputs by its own names, out of all by their tensors' names."""
        return {
            name: outputs[self.signature.outputs[name].tensor_name]
            for name in self.wanted
        }


def run_multi_inference(
    servable: Servable,
    request: inference_pb2.MultiInferenceRequest,
    timeout_seconds: float | None,
) -> inference_pb2.MultiInferenceResponse:
    """Check all tasks, run the graph once, encode each task's result in its place.

    The versions in the response are left to the caller.

    Args:
        servable: The version that answers.
        request: The first task's model name must be the others', too.
        timeout_seconds: What is left of the caller's patience; None is no end.

    Raises:
        ServingError: INVALID_ARGUMENT for tasks that do not go together,
            UNIMPLEMENTED for a method that is none of the two, or as run_classify.
    """
    if not request.tasks:
        raise invalid_argument("expected at least one task, received none")
    tasks = _read_tasks(servable, request.tasks)
    rows = read_examples(request.input)
    joint = _join(tasks)
    inputs, wanted = {EXAMPLES: rows}, tuple(joint.outputs)
    outputs = servable.run(joint, inputs, wanted, timeout_seconds)
    response = inference_pb2.MultiInferenceResponse()
    for task in tasks:
        result = response.results.add()
        result.model_spec.name = request.tasks[0].model_spec.name
        result.model_spec.signature_name = task.signature.name
        share = task.share(outputs)
        if task.method == CLASSIFY_METHOD:
            fill_classes(result.classification_result, share, len(rows))
        else:
            fill_values(result.regression_result, share[VALUES], len(rows))
    return response


def _read_tasks(
    servable: Servable, messages: Sequence[inference_pb2.InferenceTask]
) -> list[_Task]:
    """Check the tasks one after the other, as they may contradict each other."""
    tasks: list[_Task] = []
    for message in messages:
        spec = message.model_spec
        if not spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if spec.name != messages[0].model_spec.name:
            raise invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model "
                "name."
            )
        name = spec.signature_name or DEFAULT_SIGNATURE
        if any(task.signature.name == name for task in tasks):
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        if name not in servable.signatures:
            raise invalid_argument(
                f"Requested signature not found in model graph: {name}"
            )
        task = _read_task(servable, servable.signatures[name], message.method_name)
        if tasks and task.examples.tensor_name != tasks[0].examples.tensor_name:
            raise invalid_argument("Input tensor must be the same for all Signatures.")
        tasks.append(task)
    return tasks


def _read_task(servable: Servable, signature: Signature, method: str) -> _Task:
    if method == CLASSIFY_METHOD:
        check_method(servable, signature, method)
        return _Task(signature, method, select_class_outputs(signature))
    if method == REGRESS_METHOD:
        check_method(servable, signature, method)
        check_value_output(signature)
        return _Task(signature, method, (VALUES,))
    raise ServingError(
        StatusCode.UNIMPLEMENTED, f"Unsupported signature method_name: {method}"
    )


def _join(tasks: Sequence[_Task]) -> Signature:
    """A signature with the outputs of all tasks, each tensor once, by tensor name."""
    outputs: dict[str, TensorSpec] = {}
    for task in tasks:
        outputs.update(task.tensors)
    return Signature(
        name=f"MultiInference of {tasks[0].examples.tensor_name}",
        inputs={EXAMPLES: tasks[0].examples},
        outputs=dict(sorted(outputs.items())),
        has_strict_ranks=any(task.signature.has_strict_ranks for task in tasks),
    )
