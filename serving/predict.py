"""A PredictRequest run on one version; what the door and the warm-up share."""

from __future__ import annotations

from grpc import StatusCode
from tensorflow_serving.apis import predict_pb2

from serving.classify import CLASSIFY_METHOD
from serving.errors import ServingError
from serving.regress import REGRESS_METHOD
from serving.servable import Servable
from serving.signatures import Signature
from serving.tensors import fill_tensor, read_tensor

PREDICT_METHOD = "tensorflow/serving/predict"
# Every method's tensors can be fed and fetched by hand.
_METHODS = (PREDICT_METHOD, CLASSIFY_METHOD, REGRESS_METHOD)


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
    check_predict_method(servable, signature)
    signature.check_names(request.inputs)
    sent = {**signature.defaults, **request.inputs}
    inputs = {name: read_tensor(name, sent[name]) for name in signature.inputs}
    wanted = signature.select_outputs(request.output_filter)
    outputs = servable.run(signature, inputs, wanted, timeout_seconds)
    response = predict_pb2.PredictResponse()
    response.model_spec.name = request.model_spec.name
    response.model_spec.signature_name = signature.name
    for name, array in outputs.items():
        fill_tensor(response.outputs[name], array, as_content)
    return response


def check_predict_method(servable: Servable, signature: Signature) -> None:
    """Refuse a signature of another method, where the server was told to look.

    Raises:
        ServingError: INTERNAL; it is of none whose tensors are fed by hand.
    """
    if servable.checks_method_names and signature.method_name not in _METHODS:
        raise ServingError(
            StatusCode.INTERNAL,
            f"expected signature {signature.name} with method_name one of "
            f"{', '.join(_METHODS)}, received {signature.method_name!r}",
        )
