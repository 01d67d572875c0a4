"""Sets the switches of a server that runs, from another process."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec
import yaml

from mtop_tui.serve.access import ADMIN
from mtop_tui.serve.control import PATH
from mtop_tui.serve.faults import Fault, fault_of
from mtop_tui.serve.kubeconfig import authority_file, token_file

_PATIENCE = 10.0


class SwitchingError(Exception):
    """The server cannot be reached or refuses; the message says why and what to do."""


def switched(kubeconfig: Path, *, on: Iterable[Fault], off: Iterable[str]) -> Sequence[Fault]:
    """Switch faults, and say which are on then.

    Raises:
        SwitchingError: no server answers there, or it refuses.
    """
    address, context, token = _server(kubeconfig)

    def send(method: str, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = Request(f"{address}{path}", data=data, headers=headers, method=method)
        try:
            with urlopen(request, context=context, timeout=_PATIENCE) as answer:
                return msgspec.json.decode(answer.read(), type=dict[str, Any])
        except HTTPError as error:
            said = msgspec.json.decode(error.read(), type=dict[str, Any])
            raise SwitchingError(str(said.get("message", error))) from error
        except (URLError, OSError, msgspec.MsgspecError) as error:
            raise SwitchingError(
                f"{address}: no answer: {error}; is `mtop serve` still running?"
            ) from error

    for fault in on:
        send("PUT", f"{PATH}/{fault.name}", fault.values)
    for name in off:
        send("DELETE", f"{PATH}/{name}")
    found = send("GET", PATH)["on"]
    return [fault_of(one.pop("name"), one) for one in found]


def _server(kubeconfig: Path) -> tuple[str, ssl.SSLContext, str]:
    try:
        body = yaml.safe_load(kubeconfig.read_text())
        address = str(body["clusters"][0]["cluster"]["server"])
        context = ssl.create_default_context(cafile=str(authority_file(kubeconfig)))
        return address, context, token_file(kubeconfig, ADMIN).read_text()
    except (OSError, yaml.YAMLError, LookupError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not one of `mtop serve`"
        raise SwitchingError(
            f"{kubeconfig}: cannot be read: {why}; start `mtop serve`, or give --kubeconfig the"
            " file it wrote"
        ) from error
