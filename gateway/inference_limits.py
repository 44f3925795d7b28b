"""How much one inference request may hold: the limits that every other form has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import RequestTooLarge

if TYPE_CHECKING:
    from gateway.settings import Settings

# Around the pictures: the JSON of their tensor.
_ENVELOPE_BYTES = 64 * 1024


@dataclass(frozen=True)
class InputLimits:
    """What one request may hold: pictures of either kind, bytes of each and in all."""

    pictures: int
    picture_bytes: int
    total_bytes: int

    @classmethod
    def from_settings(cls, settings: Settings) -> InputLimits:
        """The limits of every other form; one picture always fits."""
        picture_bytes = settings.max_image_bytes
        total_bytes = max(picture_bytes, settings.max_body_bytes)
        return cls(settings.max_images, picture_bytes, total_bytes)

    @property
    def body_bytes(self) -> int:
        """The longest body: base64 takes 4 bytes for 3, and line breaks."""
        return self.total_bytes * 3 // 2 + _ENVELOPE_BYTES

    def check_total(self, received: int) -> None:
        """Refuse more bytes of pictures than one request may hold."""
        if received > self.total_bytes:
            raise RequestTooLarge(
                f"expected at most {self.total_bytes} bytes of pictures in all, "
                f"received {received}"
            )
