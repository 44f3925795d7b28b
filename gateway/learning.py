"""The prediction log in the application: each answer is added once it is known."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask import Flask, Response, g

from gateway.log_lines import Facts

if TYPE_CHECKING:
    from gateway.prediction_log import PredictionLog

logger = logging.getLogger(__name__)


def add_prediction_log(app: Flask, log: PredictionLog) -> None:
    """Add every answer to the log; a disk that is full spoils no answer."""

    def add(response: Response) -> Response:
        if "answer" in g:
            try:
                log.add_answer(g.request_id, g.answer)
            except OSError as error:
                logger.error(
                    Facts(request_id=g.request_id, event="not_logged", reason=error)
                )
        return response

    app.after_request(add)
