"""A canary's life: begun, promoted or taken back, in an order that fails no request.

A label may only point to a version that answers, and who names no version is given the
highest one that is loaded: so the gateway asks for the label stable before another
version is loaded, and for the label canary after it answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from canary_config import (
    CANARY,
    STABLE,
    CanaryFailed,
    Served,
    hold,
    read_served,
    write_served,
    write_share,
)
from canary_gateway import Gateway
from canary_places import Place

AVAILABLE = "AVAILABLE"
END = "END"
_LOOK_SECONDS = 0.25
# Replicas of a model server read their file at different moments, and take turns.
_IN_A_ROW = 10


@dataclass(frozen=True)
class Share:
    """What the canary is to get: percent of the requests, of ids again and again."""

    percent: float
    sticky: bool = False


@dataclass(frozen=True)
class Moves:
    """One model's canary: its files, its gateway, and how long a step may take."""

    place: Place
    gateway: Gateway
    model: str
    patience_seconds: float

    def served(self) -> Served:
        """What models.config says now."""
        return read_served(self.place.read_models(), self.model)

    def load(self, version: int, stable: int | None) -> None:
        """Load the version and label it, so that whoever names the label is answered.

        Nobody else is, before share(); a share that it has it keeps.

        Raises:
            CanaryFailed: Another canary is there, nothing is stable, or the version
                does not load; then everything is as it was before.
        """
        served = self.served()
        if served.canary not in (None, version):
            raise CanaryFailed(
                f"expected no canary, version {served.canary} is one: promote or abort"
            )
        if self.gateway.percent() is None:
            raise CanaryFailed("expected a gateway with GATEWAY_CANARY_FILE, it is off")
        stable = stable or self._find_stable(served, version)
        if stable == version:
            raise CanaryFailed(f"expected another version than the stable {stable}")
        self._settle(served, stable, version)
        both = (stable, version)
        try:
            if served.canary is None:
                self._load(hold(served, both, stable=stable), version)
            self._serve(hold(served, both, stable=stable, canary=version))
            self._wait_answer(CANARY, version)
        except CanaryFailed as error:
            self.abort(stable, str(error))
            raise

    def share(self, share: Share) -> None:
        """Give the canary its share of the requests that name no version."""
        version = self._with_canary().canary
        self._share(share)
        print(f"canary: version {version} gets {share.percent:g} % of the requests")

    def promote(self) -> int:
        """Make the canary the stable version; return its number."""
        served = self._with_canary()
        version = served.canary
        assert version is not None
        held = (*served.held, version)
        self._serve(hold(served, held, stable=version, canary=version))
        self._wait_answer(STABLE, version)
        self._share(Share(0), f"version {version} was promoted")
        self._serve_alone(version)
        print(f"canary: version {version} is stable and gets all requests")
        return version

    def abort(self, stable: int, reason: str) -> None:
        """Give the stable version all requests and unload the other."""
        print(f"canary: aborted: {reason}", flush=True)
        try:
            self._share(Share(0), reason)
        except CanaryFailed as error:
            # Its requests fall back to stable: a gateway that is late harms nobody.
            print(f"canary: {error}")
        self._serve_alone(stable)
        print(f"canary: version {stable} gets all requests", flush=True)

    def _serve_alone(self, version: int) -> None:
        """Hold the server to one version, and wait until the other is unloaded."""
        self._serve(hold(self.served(), (version,), stable=version))

        def is_alone() -> bool:
            states = self.gateway.states().items()
            return [n for n, state in states if state == AVAILABLE] == [version]

        try:
            self._wait(is_alone, f"version {version} to be the only one loaded")
        except CanaryFailed as error:
            print(f"canary: {error}")

    def _with_canary(self) -> Served:
        served = self.served()
        if served.canary is None or served.stable is None:
            raise CanaryFailed("expected a canary, none was started")
        return served

    def _find_stable(self, served: Served, version: int) -> int:
        """The version with the label, the one that is held, or the highest other."""
        if served.stable is not None:
            return served.stable
        states = self.gateway.states()
        others = [
            number
            for number, state in states.items()
            if state == AVAILABLE and number != version
        ]
        if not others:
            raise CanaryFailed(
                f"expected --stable: beside {version} no version is loaded now"
            )
        return max(others)

    def _settle(self, served: Served, stable: int, version: int) -> None:
        """All requests to the label stable, whatever else is loaded or will be."""
        if served.stable == stable:
            self._share_nothing_yet(served)
            return
        states = self.gateway.states()
        # What answers now goes on answering: those that name no label still get it.
        held = {stable} | {n for n in (version,) if states.get(n) == AVAILABLE}
        if states.get(stable) != AVAILABLE:
            self._load(hold(served, held), stable)
        self._serve(hold(served, held, stable=stable))
        self._wait_answer(STABLE, stable)
        self._share(Share(0))

    def _share_nothing_yet(self, served: Served) -> None:
        if served.canary is None:
            self._share(Share(0))

    def _serve(self, served: Served) -> None:
        text = self.place.read_models()
        self.place.write_models(write_served(text, served))

    def _share(self, share: Share, reason: str = "") -> None:
        """Write the gateway's file and wait until it is followed."""
        entry = {"percent": share.percent, "sticky": share.sticky, "reason": reason}
        text = self.place.read_shares()
        self.place.write_shares(write_share(text, self.model, entry))
        self._wait(
            lambda: self.gateway.percent() == share.percent,
            f"the gateway to follow its file (GATEWAY_CANARY_FILE) and give the canary "
            f"{share.percent:g} %",
        )

    def _load(self, served: Served, version: int) -> None:
        """Let the server take the versions that are held; wait for this one of them."""
        seen = {self.gateway.states().get(version)}
        self._serve(served)

        def is_loaded() -> bool:
            state = self.gateway.states().get(version)
            # END and nothing else is old: it was loaded and unloaded before.
            if state == END and seen != {END}:
                raise CanaryFailed(
                    f"version {version} could not be loaded; the model server's log "
                    "says why"
                )
            seen.add(state)
            return state == AVAILABLE

        self._wait(is_loaded, f"version {version} to be loaded (is it in the folder?)")

    def _wait_answer(self, label: str, version: int) -> None:
        def is_answered() -> bool:
            return all(
                self.gateway.version_of(label) == version for _ in range(_IN_A_ROW)
            )

        self._wait(is_answered, f"the label '{label}' to stand for version {version}")

    def _wait(self, is_true: Callable[[], bool], what: str) -> None:
        ends_at = time.monotonic() + self.patience_seconds
        while not is_true():
            if time.monotonic() > ends_at:
                raise CanaryFailed(
                    f"expected {what} within {self.patience_seconds:g} s"
                )
            time.sleep(_LOOK_SECONDS)
