"""Hypothesis strategies of gRPC calls that no client in its senses makes.

Some turn out to be valid by chance; none is a config that could be applied.
"""

from __future__ import annotations

from dataclasses import dataclass

from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import strategies as st
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from tests.integration.malformed_tensors import floats, int64s, near_tensors, tensors

MODELS = ("tiny", "half", "join", "colors")
_PREDICTION = "/tensorflow.serving.PredictionService/"
_MODEL = "/tensorflow.serving.ModelService/"
PREDICT = _PREDICTION + "Predict"
_REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
REQUESTS = {
    _PREDICTION + "Predict": predict_pb2.PredictRequest,
    _PREDICTION + "Classify": classification_pb2.ClassificationRequest,
    _PREDICTION + "Regress": regression_pb2.RegressionRequest,
    _PREDICTION + "MultiInference": inference_pb2.MultiInferenceRequest,
    _PREDICTION + "GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
    _MODEL + "GetModelStatus": get_model_status_pb2.GetModelStatusRequest,
    _MODEL + "HandleReloadConfigRequest": model_management_pb2.ReloadConfigRequest,
    "/grpc.health.v1.Health/Check": health_pb2.HealthCheckRequest,
    _REFLECTION: reflection_pb2.ServerReflectionRequest,
}
STREAMS = frozenset({_REFLECTION})


@dataclass(frozen=True)
class Message:
    """One call: the full method and the bytes sent to it."""

    method: str
    data: bytes

    def is_readable(self):
        """Whether protobuf can read the bytes as the method's request."""
        try:
            REQUESTS[self.method].FromString(self.data)
        except Exception:  # pylint: disable=broad-exception-caught  # two kinds of it
            return False
        return True

    def could_reload(self):
        """Whether it is a config that takes models away or brings some."""
        request_type = REQUESTS[self.method]
        if request_type is not model_management_pb2.ReloadConfigRequest:
            return False
        if not self.is_readable():
            return False
        config = request_type.FromString(self.data).config
        names = [each.name for each in config.model_config_list.config]
        is_list = config.WhichOneof("config") == "model_config_list"
        return is_list and len(set(names)) == len(names)


model_names = st.sampled_from(
    (*MODELS, *MODELS, "", "nobody", "tiny/1", "\0", "ü" * 300)
)
texts = model_names | st.text(max_size=20)
signatures = st.sampled_from(
    (
        "",
        "",
        "serving_default",
        "explain",
        "contract",
        "no",
        "regress",
        "labels",
        "latin",
    )
    + (
        "vector",
        "double",
        "one_row",
        "floats",
        "two_inputs",
        "regress_scalar",
        "widths",
    )
)
inputs = st.sampled_from(
    ("images", "x", "v", "v", "inputs", "left", "right", "", "y", "images:0")
)


def fill_spec(draw, spec):
    """Put a model, a version or a label, and a signature into a ModelSpec."""
    spec.name = draw(texts)
    spec.signature_name = draw(signatures | texts)
    choice = draw(st.integers(0, 5))
    if choice == 0:
        spec.version.value = draw(int64s)
    elif choice == 1:
        spec.version_label = draw(texts)


def fill_input(draw, message):
    """Put Examples with features of any kind into the Input of a message."""
    target = message.example_list
    if draw(st.booleans()):
        target = message.example_list_with_context
        _fill_features(draw, target.context)
    for _ in range(draw(st.integers(0, 3))):
        _fill_features(draw, target.examples.add())


def _fill_features(draw, example):
    for name in draw(st.lists(inputs | texts, max_size=3)):
        feature = example.features.feature[name]
        kind = draw(st.integers(0, 3))
        if kind == 0:
            feature.float_list.value.extend(draw(st.lists(floats, max_size=3)))
        elif kind == 1:
            feature.int64_list.value.extend(draw(st.lists(int64s, max_size=3)))
        elif kind == 2:
            feature.bytes_list.value.append(draw(st.binary(max_size=9)))


@st.composite
def predict_requests(draw):
    """Predict with tensors that are wrong in many ways, or in one."""
    request = predict_pb2.PredictRequest()
    fill_spec(draw, request.model_spec)
    kind = draw(st.sampled_from((tensors(), near_tensors())))
    for name in draw(st.lists(inputs | texts, max_size=3, unique=True)):
        request.inputs[name].CopyFrom(draw(kind))
    request.output_filter.extend(draw(st.lists(st.sampled_from("yxz"), max_size=2)))
    return Message(_PREDICTION + "Predict", request.SerializeToString())


@st.composite
def aimed_requests(draw):
    """Predict with the names of a model right, so that the tensor is looked at."""
    model, wanted = draw(
        st.sampled_from(
            (("tiny", ["images"]), ("half", ["x"]), ("join", ["left", "right"]))
        )
    )
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    for name in wanted:
        request.inputs[name].CopyFrom(draw(near_tensors() | tensors()))
    return Message(_PREDICTION + "Predict", request.SerializeToString())


@st.composite
def inference_requests(draw):
    """Classify, Regress or MultiInference over Examples."""
    method = draw(st.sampled_from(("Classify", "Regress", "MultiInference")))
    request = REQUESTS[_PREDICTION + method]()
    if method == "MultiInference":
        for _ in range(draw(st.integers(0, 3))):
            task = request.tasks.add(method_name=draw(texts))
            fill_spec(draw, task.model_spec)
    else:
        fill_spec(draw, request.model_spec)
    fill_input(draw, request.input)
    return Message(_PREDICTION + method, request.SerializeToString())


@st.composite
def questions(draw):
    """Metadata, status, a config that nobody can apply."""
    method = draw(
        st.sampled_from(
            (
                _PREDICTION + "GetModelMetadata",
                _MODEL + "GetModelStatus",
                _MODEL + "HandleReloadConfigRequest",
            )
        )
    )
    request = REQUESTS[method]()
    if hasattr(request, "model_spec"):
        fill_spec(draw, request.model_spec)
    if hasattr(request, "metadata_field"):
        fields = st.sampled_from(("signature_def", "", "asset", "\0"))
        request.metadata_field.extend(draw(st.lists(fields, max_size=3)))
    if hasattr(request, "config"):
        name = draw(texts)
        for _ in range(2):
            entry = request.config.model_config_list.config.add(name=name)
            entry.base_path = draw(texts)
            entry.model_platform = draw(st.sampled_from(("tensorflow", "", "other")))
    return Message(method, request.SerializeToString())


def _cut(draw, data):
    return data[: draw(st.integers(0, len(data)))]


def _overwrite(draw, data):
    place = draw(st.integers(0, len(data)))
    return data[:place] + draw(st.binary(min_size=1, max_size=4)) + data[place + 2 :]


def _insert(draw, data):
    place = draw(st.integers(0, len(data)))
    return data[:place] + draw(st.binary(min_size=1, max_size=4)) + data[place:]


def _repeat(_, data):
    return data * 3


@st.composite
def damaged(draw, kind):
    """A message whose bytes were cut, overwritten, repeated or sent elsewhere."""
    message = draw(kind)
    damage = draw(st.sampled_from((_cut, _overwrite, _insert, _repeat)))
    method = message.method
    if draw(st.integers(0, 3)) == 0:
        method = draw(st.sampled_from(sorted(REQUESTS)))
    return Message(method, damage(draw, message.data))


def messages():
    """All of these, wildly mixed; never a config that could be applied."""
    whole = st.one_of(
        predict_requests(), aimed_requests(), inference_requests(), questions()
    )
    noise = st.builds(
        Message, st.sampled_from(sorted(REQUESTS)), st.binary(max_size=100)
    )
    return st.one_of(noise, whole, aimed_requests(), damaged(whole)).filter(
        lambda message: not message.could_reload()
    )
