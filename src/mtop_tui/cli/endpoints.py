"""From settings to model servers without a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtop_tui.cli.errors import Exit, Failure, complain
from mtop_tui.config.settings import Layer, Loaded

if TYPE_CHECKING:
    from mtop_tui.cli.source import Fleet, Say

_STRENGTH: tuple[Layer, ...] = ("default", "file", "environment", "flag")
_ONE_LOOK = 1.5
"""Seconds between the two readings that a command needs for rates."""


def asks_for_endpoints(loaded: Loaded) -> bool:
    """Whether model servers are to be watched, by address or wherever they are found.

    A mode that a stronger layer states wins.

    Raises:
        Failure: two flags that exclude each other.
    """
    settings, origins = loaded.settings, loaded.origins
    asked = [name for name in ("endpoint", "discover") if getattr(settings, name)]
    if not asked:
        return False
    strongest = max(_STRENGTH.index(origins[name].layer) for name in asked)
    mode = _STRENGTH.index(origins["mode"].layer)
    if mode == strongest == _STRENGTH.index("flag"):
        raise Failure(
            f"--mode and --{asked[0]}: expected one of them; endpoints are watched without a"
            " cluster",
            Exit.USAGE,
        )
    return strongest > mode


def open_endpoints(
    loaded: Loaded,
    *,
    hurry: bool = False,
    named: bool = True,
    discover: bool | None = None,
    say: Say = complain,
) -> Fleet:
    """The model servers that the settings ask for.

    Args:
        loaded: the settings.
        hurry: read twice in short order, for a command that prints once.
        named: those whose addresses are set.
        discover: those on this machine; as it is set, if None.
        say: is told of files that could not be used whole.

    Raises:
        Failure: a file of the settings cannot be used.
    """
    from mtop_tui.cli.source import Fleet, store_for
    from mtop_tui.clock import WallClock
    from mtop_tui.config.addresses import parse_address
    from mtop_tui.providers.endpoints.discovery import Discovery
    from mtop_tui.providers.endpoints.provider import EndpointsProvider
    from mtop_tui.providers.scraping.pace import LOCAL

    settings = loaded.settings
    clock = WallClock()
    wanted = settings.discover if discover is None else discover
    addresses = [
        # Not for what is discovered: a token goes to whom it is meant for.
        parse_address(one)._replace(token_file=settings.endpoint_token)
        for one in (settings.endpoint if named else ())
    ]
    provider = EndpointsProvider(
        addresses,
        ca_file=settings.endpoint_ca,
        clock=clock,
        discover=Discovery().look if wanted else None,
        pace=LOCAL._replace(shortest=_ONE_LOOK, per_page=0.0) if hurry else LOCAL,
    )
    return Fleet(provider, store_for(settings, (), say), clock)
