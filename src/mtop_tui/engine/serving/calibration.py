"""Measured combinations of GPU, model, precision and engine: two numbers each.

`decode` is how long a step without new prompt tokens takes against the model, `prefill` what the
tokens of a prompt add against it. Both are solved from one measured row each, which are not
scored; `docs/fidelity.md` has the error of all other rows. `python -m bench.fidelity --calibrate`
prints this table.
"""

from __future__ import annotations

import msgspec

from mtop_tui.engine.hardware import Gpu
from mtop_tui.engine.models import Model


class Calibration(msgspec.Struct, frozen=True):
    """One measured combination, with its source, date, and median error on rows not used."""

    decode: float
    prefill: float
    source: str
    band: str


_CALIBRATED: dict[tuple[str, str, float, int, str], Calibration] = {}


def calibration_of(model: Model, gpu: Gpu, gpus: int, engine: str) -> Calibration | None:
    """The calibration of this very combination, or None."""
    if not model.known:
        return None
    return _CALIBRATED.get((gpu.name, model.name, model.weight_bytes, gpus, engine))
