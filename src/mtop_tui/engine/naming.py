"""Names and identities of simulated objects, built as Kubernetes and KServe build theirs.

All follow from the seed and the names they belong to, so the same fleet has the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtop_tui.observations import ObjectRef

if TYPE_CHECKING:
    from hashlib import md5
else:
    try:
        # What hashlib has too, without OpenSSL, which takes milliseconds to load.
        from _md5 import md5
    except ImportError:  # a Python built without it
        from hashlib import md5

_LONGEST = 63
_LONGEST_BASE = 58
# Kubernetes leaves out vowels and look-alikes, so that no suffix spells a word.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def _digest(*parts: str) -> bytes:
    return md5("\x1f".join(parts).encode(), usedforsecurity=False).digest()


def uid_of(seed: int, ref: ObjectRef, generation: int = 0) -> str:
    """The UID of an object of this simulation; the n-th under its name has generation n - 1."""
    again = (str(generation),) if generation else ()
    digits = _digest(str(seed), *ref[:4], *again).hex()
    # Of version 4 (RFC 9562), put together by hand: `uuid.UUID` takes ten times as long.
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def identified(seed: int, ref: ObjectRef, generation: int = 0) -> ObjectRef:
    """`ref` with a UID; one it already has is kept."""
    return ref if ref.uid else ObjectRef(*ref[:4], uid_of(seed, ref, generation))


def hex_digest(*parts: str) -> str:
    """Hexadecimal digits that are the same for the same parts in every process."""
    return _digest(*parts).hex()


def suffix(length: int, *parts: str) -> str:
    """Letters and digits as Kubernetes appends them to generated names."""
    digest = _digest(*parts)
    return "".join(_ALPHABET[digest[i] % len(_ALPHABET)] for i in range(length))


def is_suffix(text: str) -> bool:
    """Whether Kubernetes could have appended this text to a name."""
    return bool(text) and not text.strip(_ALPHABET)


def child_name(parent: str, ending: str) -> str:
    """The name KServe gives a child: shortened with a hash where it would exceed 63 characters."""
    if len(parent) + len(ending) <= _LONGEST:
        return parent + ending
    digest = md5(parent.encode(), usedforsecurity=False).hexdigest()
    return parent[: _LONGEST - len(digest) - len(ending)] + digest + ending


def generated_name(base: str, *parts: str) -> str:
    """A pod's name: its owner's, cut to 58 characters, and five random ones."""
    return f"{f'{base}-'[:_LONGEST_BASE]}{suffix(5, base, *parts)}"
