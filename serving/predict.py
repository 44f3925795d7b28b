"""A PredictRequest run on one version; what the door and the warm-up share."""

from __future__ import annotations

from tensorflow_serving.apis import predict_pb2

from serving.servable import Servable
from serving.tensors import fill_tensor, read_tensor


def run_predict(
    servable: Servable,
    request: predict_pb2.PredictRequest,
    timeout_seconds: float | None,
    as_content: bool = False,
) -> predict_pb2.PredictResponse:
    """Check, decode, run and encode, in TensorFlow Serving's order.

    The version in the response is left to the caller.

    Args:
        servable: The version that answers.
        request: Its model name and version are ignored, its signature counts.
        timeout_seconds: What is left of the caller's patience; None is no end.
        as_content: Numbers of the answer as tensor_content.

    Raises:
        ServingError: No such signature, inputs that do not fit, or a run that failed.
    """
    signature = servable.signature(request.model_spec.signature_name)
    signature.check_names(request.inputs)
    inputs = {name: read_tensor(name, proto) for name, proto in request.inputs.items()}
    wanted = signature.select_outputs(request.output_filter)
    outputs = servable.run(signature, inputs, wanted, timeout_seconds)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.signature_name = signature.name
    for name, array in outputs.items():
        fill_tensor(response.outputs[name], array, as_content)
    return response
