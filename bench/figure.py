"""One measured value with its unit and its bound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Figure:
    """One measured value. Without a bound it is told for comparison.

    With `at_least`, more is better.
    """

    name: str
    value: float
    unit: str
    bound: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the bound is met."""
        if self.bound is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        sign = ">=" if self.at_least else "<="
        bound = "" if self.bound is None else f"{sign} {self.bound:g} {self.unit}"
        return f"{self.name:<62} {self.value:>9.3f} {self.unit:<10} {bound:<20} {verdict}"
