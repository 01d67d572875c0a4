"""The prefix cache of one replica: which groups' shared prompt tokens it still holds."""

from __future__ import annotations

BLOCK = 16
"""Tokens of a KV cache block; only whole blocks are shared."""


class Prefix:
    """The shared prefix of one group: its tokens, and the requests that use it now."""

    __slots__ = ("tokens", "users")

    def __init__(self) -> None:
        self.tokens = 0
        self.users = 0


class PrefixCache:
    """Prefixes by group, least recently used first.

    Attributes:
        tokens: of all prefixes held.
        pinned: those of them that running requests use, which cannot be evicted.
    """

    __slots__ = ("_prefixes", "pinned", "tokens")

    def __init__(self) -> None:
        self._prefixes: dict[int, Prefix] = {}
        self.tokens = 0
        self.pinned = 0

    def room(self, group: int, shared: int) -> int:
        """Tokens that using `shared` tokens of a group's prefix would pin in addition."""
        prefix = self._prefixes.get(group)
        if prefix is None:
            return shared
        return max(shared, prefix.tokens) - (prefix.tokens if prefix.users else 0)

    def use(self, group: int, shared: int) -> tuple[Prefix, int]:
        """Pin a group's prefix, grown to `shared` tokens, and say how many were there before."""
        prefix = self._prefixes.pop(group, None)
        if prefix is None:
            prefix = Prefix()
        self._prefixes[group] = prefix
        found = prefix.tokens
        if not prefix.users:
            self.pinned += found
        prefix.users += 1
        if shared > found:
            self.tokens += shared - found
            self.pinned += shared - found
            prefix.tokens = shared
            return prefix, found
        return prefix, shared

    def release(self, prefix: Prefix) -> None:
        """A request that used a prefix has ended."""
        prefix.users -= 1
        if not prefix.users:
            self.pinned -= prefix.tokens

    def shrink(self, most: float) -> None:
        """Evict until at most `most` tokens are held, or all that nobody uses is gone.

        Block by block, the end of the least recently used prefix first, as vLLM does.
        """
        gone = []
        for group, prefix in self._prefixes.items():
            excess = self.tokens - most
            if excess <= 0:
                break
            if not prefix.users:
                taken = min(prefix.tokens, int(excess / BLOCK + 1) * BLOCK)
                prefix.tokens -= taken
                self.tokens -= taken
                if not prefix.tokens:
                    gone.append(group)
        for group in gone:
            del self._prefixes[group]
