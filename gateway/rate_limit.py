"""How often one caller may ask; flask-limiter counts, in each worker for itself."""

from __future__ import annotations

import time
from ipaddress import IPv4Address, IPv6Network, ip_address

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RequestLimit

from gateway import request_log
from gateway.errors import TooManyRequests
from gateway.problem import error_response

# What one IPv6 customer is given: every address in it is the same caller.
_CUSTOMER_PREFIX = 64


def add_rate_limit(app: Flask, rate: str) -> None:
    """Allow each caller so many requests, all routes together; probes are free.

    Args:
        rate: As flask-limiter reads it, such as 60/minute;1000/day.
    """
    limiter = Limiter(
        caller_name,
        app=app,
        application_limits=[rate],
        storage_uri="memory://",
        # Without the fixed window's double rate around each full minute.
        strategy="sliding-window-counter",
        on_breach=_refuse,
    )
    limiter.request_filter(request_log.is_probe)


def caller_name() -> str:
    """Who is counted as one: a key's owner, or an address."""
    if "caller" in g:
        return f"key {g.caller}"
    return _customer(request.remote_addr or "unknown")


def _customer(text: str) -> str:
    """The address, or its network where one caller has a whole one."""
    try:
        address = ip_address(text)
    except ValueError:
        # Not every proxy writes an address into X-Forwarded-For.
        return text
    if isinstance(address, IPv4Address):
        return text
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _CUSTOMER_PREFIX), strict=False))


def _refuse(limit: RequestLimit) -> Response:
    error = TooManyRequests(f"expected at most {limit.limit}, received more")
    request_log.log_failure(error)
    response = error_response(error)
    wait_seconds = max(1, round(limit.reset_at - time.time()))
    response.headers["Retry-After"] = str(wait_seconds)
    return response
