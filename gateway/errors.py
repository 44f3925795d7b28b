"""Every error a client of the gateway may see; knows no Flask and no gRPC."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class GatewayError(Exception):
    """Anything we tell a client; str(error) never holds internals."""

    status: ClassVar[HTTPStatus]
    code: ClassVar[str]
    retry_after_seconds: ClassVar[int | None] = None

    @classmethod
    def summary(cls) -> str:
        """What happened and whether trying again helps, in one sentence for people."""
        return str(cls.__doc__)


class InvalidRequest(GatewayError):
    """The request is not one we understand; sending it again will not help."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_request"


class MissingImage(GatewayError):
    """The request holds no picture; add one."""

    status = HTTPStatus.BAD_REQUEST
    code = "missing_image"


class TooManyImages(GatewayError):
    """The request holds more pictures than allowed; send them in several requests."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_many_images"


class InvalidImage(GatewayError):
    """The upload is not a picture we can read; sending it again will not help."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_image"


class UnsupportedImage(GatewayError):
    """The upload is not a format we read; convert it first."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_image"


class ImageTooLarge(GatewayError):
    """The upload has more bytes than allowed; send a smaller picture."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "image_too_large"


class RequestTooLarge(GatewayError):
    """The request has more bytes than allowed in all; send fewer pictures at once."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "request_too_large"


class UnsupportedContentType(GatewayError):
    """The request's body is of a kind we do not read; send one of those named."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_content_type"


class ForbiddenUrl(GatewayError):
    """The picture's address is one we never call; use a public http(s) address."""

    status = HTTPStatus.BAD_REQUEST
    code = "forbidden_url"


class FetchFailed(GatewayError):
    """The picture's address did not give a picture; trying again may help."""

    status = HTTPStatus.BAD_REQUEST
    code = "fetch_failed"


class GatewayBusy(GatewayError):
    """The gateway has more to do than it can take in now; trying again helps."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "gateway_busy"
    retry_after_seconds = 1


class KeyRequired(GatewayError):
    """The gateway asks for an API key, and this is none; get one from its owner."""

    status = HTTPStatus.UNAUTHORIZED
    code = "key_required"


class TooManyRequests(GatewayError):
    """This caller has asked more often than it may; trying again later helps."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many_requests"
    retry_after_seconds = 1


class UnknownModel(GatewayError):
    """The gateway serves no model of that name; see /models."""

    status = HTTPStatus.NOT_FOUND
    code = "unknown_model"


class UnknownVersion(GatewayError):
    """The model has no version of that number or label now; see /models."""

    status = HTTPStatus.NOT_FOUND
    code = "unknown_version"


class NoExplanation(GatewayError):
    """The model gives scores only and cannot say where it looked; use /predict."""

    status = HTTPStatus.NOT_FOUND
    code = "no_explanation"


class FeedbackOff(GatewayError):
    """The gateway keeps no log that a correction could be added to; ask its owner."""

    status = HTTPStatus.NOT_FOUND
    code = "feedback_off"


class NoReport(GatewayError):
    """The gateway has no report of this version; ask whoever trained it."""

    status = HTTPStatus.NOT_FOUND
    code = "no_report"


class ModelUnavailable(GatewayError):
    """The model server cannot answer now; trying again later helps."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "model_unavailable"
    retry_after_seconds = 5


class ModelTimeout(GatewayError):
    """The model server did not answer in time; trying again may help."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    code = "model_timeout"


class ModelMismatch(GatewayError):
    """Model and contract disagree; ours to repair, trying again will not help."""

    status = HTTPStatus.BAD_GATEWAY
    code = "model_mismatch"


class ModelFailed(GatewayError):
    """The model server failed in a way we did not expect; trying again may help."""

    status = HTTPStatus.BAD_GATEWAY
    code = "model_failed"
