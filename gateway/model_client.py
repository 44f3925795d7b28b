"""Batches to scores over gRPC; owns the contracts read through its channel."""

from __future__ import annotations

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from gateway import wire
from gateway.contract import (
    CONTRACT_OUTPUT,
    CONTRACT_SIGNATURE,
    EXPLAIN_SIGNATURE,
    PREDICT_SIGNATURE,
    InvalidContract,
    read_contract,
)
from gateway.deadline import Deadline
from gateway.errors import ModelMismatch, NoExplanation, TooManyImages
from gateway.gathering import Gathering
from gateway.model_channel import MAX_MESSAGE_BYTES, ModelChannel
from gateway.predict_message import write_predict
from gateway.signatures import (
    METADATA_FIELD,
    check_contract,
    has_explanation,
    read_signatures,
)
from gateway.targets import ExplainedReply, Reply, ServedModel, Target
from gateway.tensors import check_heatmaps, to_floats, to_text

# What is left for pixels beside names, shape and framing.
MAX_BATCH_BYTES = MAX_MESSAGE_BYTES - 64 * 1024


class ModelClient:
    """One channel to a model server. Open it after the fork, one per worker."""

    def __init__(self, address: str) -> None:
        """Address is host:port, or any gRPC target that names its scheme."""
        self._channel = ModelChannel(address)
        self._gathering = Gathering()
        self._known: dict[Target, ServedModel] = {}
        # The version that answered last when a label or nothing was named.
        self._latest: dict[Target, int] = {}

    def contract(self, target: Target, deadline: Deadline) -> ServedModel:
        """What the target says about itself, asked once per version.

        Without a version: the version that answered last, by the same label if any.

        Raises:
            GatewayError: As rpc_errors says, or the contract and the graph disagree.
        """
        version = self._latest.get(target, target.version)
        known = self._known.get(Target(target.model, version))
        return known or self.read_contract(target, deadline)

    def read_contract(self, target: Target, deadline: Deadline) -> ServedModel:
        """Like contract, but asks even if an answer is known."""
        request = wire.PredictRequest(model_spec=_spec(target, CONTRACT_SIGNATURE))
        request.output_filter.append(CONTRACT_OUTPUT)
        response = self._channel.call(wire.PREDICT, request, deadline)
        answered = Target(target.model, response.model_spec.version.value)
        try:
            contract = read_contract(to_text(response.outputs[CONTRACT_OUTPUT]))
        except InvalidContract as error:
            raise ModelMismatch(f"model '{target.model}': {error}") from error
        signatures = self._read_signatures(answered, deadline)
        check_contract(contract, signatures)
        can_explain = has_explanation(contract, signatures)
        served = ServedModel(answered.model, answered.version, contract, can_explain)
        self._known[answered] = served
        if target.version is None:
            self._latest[target] = answered.version
        return served

    def _read_signatures(self, target: Target, deadline: Deadline) -> Message:
        request = wire.GetModelMetadataRequest(
            model_spec=_spec(target), metadata_field=[METADATA_FIELD]
        )
        return read_signatures(
            self._channel.call(wire.GET_MODEL_METADATA, request, deadline)
        )

    def predict(
        self, target: Target, batch: NDArray[np.uint8], deadline: Deadline
    ) -> Reply:
        """Scores of a batch, uint8 (n, height, width, 3).

        Raises:
            GatewayError: As rpc_errors says, or the reply has no row per image.
        """

        def send(photos: NDArray[np.uint8], until: Deadline) -> Reply:
            return self._run(PREDICT_SIGNATURE, target, photos, until)[0]

        return self._gathering.ask(target, batch, deadline, send)

    def explain(
        self, target: Target, batch: NDArray[np.uint8], deadline: Deadline
    ) -> ExplainedReply:
        """Scores of a batch like predict's, and a heatmap of each picture's best class.

        Raises:
            NoExplanation: The model has no signature for it.
            GatewayError: As predict, or the heatmaps are not n pictures of 0-1.
        """
        served = self.contract(target, deadline)
        if not served.can_explain:
            # A newer version may, and nobody may have asked for its scores yet.
            served = self.read_contract(target, deadline)
        if not served.can_explain:
            raise NoExplanation(
                f"expected a model with the signature '{EXPLAIN_SIGNATURE}', model "
                f"'{served.name}' version {served.version} has none"
            )
        reply, response = self._run(EXPLAIN_SIGNATURE, target, batch, deadline)
        heatmaps = to_floats(response.outputs[served.contract.tensors.heatmap])
        check_heatmaps(heatmaps, len(batch))
        return ExplainedReply(reply, heatmaps)

    def _run(
        self,
        signature: str,
        target: Target,
        batch: NDArray[np.uint8],
        deadline: Deadline,
    ) -> tuple[Reply, Message]:
        """The scores of one signature, and all that came with them."""
        _check_message(batch)
        names = self.contract(target, deadline).contract.tensors
        request = wire.PredictRequest(model_spec=_spec(target, signature))
        message = write_predict(request, names.images, batch)
        response = self._channel.call(wire.PREDICT, request, deadline, message)
        scores = to_floats(response.outputs[names.scores])
        if scores.ndim != 2 or len(scores) != len(batch):
            raise ModelMismatch(
                f"expected scores for {len(batch)} images, received the shape "
                f"{scores.shape}"
            )
        version = response.model_spec.version.value
        if target.version is None:
            self._latest[target] = version
        return Reply(version, scores), response

    def states(self, model: str, deadline: Deadline) -> dict[int, str]:
        """The state of every version of a model, in TensorFlow Serving's words."""
        request = wire.GetModelStatusRequest(model_spec=_spec(Target(model)))
        response = self._channel.call(wire.GET_MODEL_STATUS, request, deadline)
        state_name = wire.ModelVersionStatus.State.Name
        return {
            entry.version: state_name(entry.state)
            for entry in response.model_version_status
        }

    def close(self) -> None:
        """Give the connection back; calls under way are cancelled."""
        self._channel.close()


def _check_message(batch: NDArray[np.uint8]) -> None:
    """Refuse what gRPC would refuse in words that mean something else."""
    if batch.nbytes > MAX_BATCH_BYTES:
        most = MAX_BATCH_BYTES * len(batch) // batch.nbytes
        raise TooManyImages(
            f"expected at most {most} pictures at once, of the size that this model "
            f"takes, received {len(batch)}"
        )


def _spec(target: Target, signature: str = "") -> Message:
    spec = wire.ModelSpec(name=target.model, signature_name=signature)
    if target.version is not None:
        spec.version.value = target.version
    elif target.label is not None:
        spec.version_label = target.label
    return spec
