"""What goes wrong between mtop and an API server, as values with a sentence and a next step."""

from __future__ import annotations

from typing import Literal

import msgspec

UnreachableKind = Literal["network", "name", "tls", "silence", "protocol"]

NO_CREDENTIALS = "NoCredentials"
NOT_KUBERNETES = "NotKubernetes"

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, GONE = 400, 401, 403, 404, 410
TOO_MANY, UNAVAILABLE = 429, 503


class ConfigError(Exception):
    """A kubeconfig that cannot be used; the message says where, what was expected, what to do."""


class CredentialError(Exception):
    """No credentials could be had; the message says from where and what to do."""


class Refusal(msgspec.Struct, frozen=True):
    """An answer that is not what was asked for.

    Attributes:
        status: of HTTP, or the code of a Status inside a watch.
        message: in the server's words, or what stands in their place.
        reason: of the Status, such as "Expired"; "NotKubernetes" for an answer of something else.
        retry_after: seconds the server asks to wait.
        next_page: a token with which an expired list may be gone on with.
        is_status: whether it is an API server's own, rather than of what it led to.
    """

    status: int
    message: str
    reason: str = ""
    retry_after: float | None = None
    next_page: str = ""
    is_status: bool = False

    @property
    def sentence(self) -> str:
        """What happened and what to do, for people."""
        match self.status:
            case _ if self.reason == NO_CREDENTIALS:
                return self.message
            case 401:
                return (
                    "the login is expired or not known (401); log in again with what your cluster"
                    " provides, mtop goes on by itself"
                )
            case 403:
                return (
                    f"forbidden: {self.message}; `mtop doctor --mode live` prints the rights to"
                    " ask for"
                )
            case 429:
                return "the API server is asked too much (429); mtop waits as it says"
            case _ if self.reason == NOT_KUBERNETES:
                return (
                    f"the answer ({self.status}) is {self.message}, not Kubernetes JSON: a proxy or"
                    " a login page stands between; check `server` and `proxy-url` in the kubeconfig"
                )
            case _:
                return f"the API server answered {self.status}: {self.message}"


class Unreachable(msgspec.Struct, frozen=True):
    """No answer at all. `message` says what happened and what to do."""

    kind: UnreachableKind
    message: str

    @property
    def sentence(self) -> str:
        """What happened and what to do, for people."""
        return self.message


Problem = Refusal | Unreachable
