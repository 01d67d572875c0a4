"""Kinds of services by what they are used for, and what was published about each.

The figures are fitted to traces of production services: Azure's conversations and code of 2023
(CC-BY-4.0, Splitwise, ISCA 2024), Mooncake's conversations (Apache-2.0, FAST 2025) and ServeGen's
fourteen days of Alibaba's services (Apache-2.0, arXiv 2505.09999). See docs/workload.md.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from mtop_tui.engine.workload.lengths import Lengths, Part


class Kind(msgspec.Struct, frozen=True):
    """What a service is used for.

    Attributes:
        name: as users write it.
        prompt: lengths of prompts.
        output: lengths of answers.
        cv: the range from which a service's burstiness is drawn: standard deviation of the time
            between two requests over its mean. 1 is Poisson's.
        diurnal: how much of the daily curve it follows, 0 to 1.
        turns: requests of a conversation, on average; all after the first repeat what came before.
        cached: share of prompt tokens that some earlier request had, on average.
        source: of the figures.
    """

    name: str
    prompt: Lengths
    output: Lengths
    cv: tuple[float, float]
    diurnal: float
    turns: float
    cached: float
    source: str


CHAT = Kind(
    "chat",
    prompt=Lengths((Part(0.32, 265, 0.52), Part(0.62, 1_240, 0.35), Part(0.06, 4_085)), 20, 4_142),
    output=Lengths(
        (Part(0.56, 105, 0.37), Part(0.15, 57.8, 1.55), Part(0.29, 426, 0.05)), 10, 1_000
    ),
    cv=(1.1, 1.1),
    diurnal=1.0,
    turns=2.4,
    cached=0.37,
    source="Azure 2023 conversations; turns and prefixes from Mooncake",
)
CODE = Kind(
    "code",
    prompt=Lengths((Part(0.68, 1_900, 0.67), Part(0.27, 209, 1.08), Part(0.05, 7_436)), 10, 7_437),
    output=Lengths((Part(0.66, 11.1, 0.87), Part(0.34, 20.9, 1.31)), 6, 1_899),
    cv=(8.0, 13.0),
    diurnal=1.0,
    turns=1.5,
    cached=0.3,
    source="Azure 2023 code; prefixes are an estimate",
)
MIXED = Kind(
    "mixed",
    prompt=Lengths((Part(1.0, 762, 0.5),), 10, 8_192),
    output=Lengths((Part(1.0, 138, 0.5),), 1, 4_096),
    cv=(3.0, 3.0),
    diurnal=1.0,
    turns=1.5,
    cached=0.25,
    source="ServeGen m-large; prefixes are an estimate",
)
LONG_CONTEXT = Kind(
    "long-context",
    prompt=Lengths((Part(0.69, 10_700, 0.91), Part(0.31, 1_660, 1.07)), 890, 126_195),
    output=Lengths((Part(0.66, 413, 0.32), Part(0.34, 56.0, 1.52)), 1, 2_000),
    cv=(3.0, 3.0),
    diurnal=1.0,
    turns=2.4,
    cached=0.37,
    source="Mooncake conversations",
)
REASONING = Kind(
    "reasoning",
    prompt=Lengths((Part(1.0, 1_238, 0.46),), 10, 16_384),
    output=Lengths((Part(1.0, 1_328, 0.67),), 10, 16_384),
    cv=(1.25, 1.5),
    diurnal=1.0,
    turns=1.3,
    cached=0.15,
    source="ServeGen DeepSeek-R1; prefixes are an estimate",
)
BATCH = Kind(
    "batch",
    prompt=Lengths((Part(1.0, 306, 0.46),), 10, 8_192),
    output=Lengths((Part(1.0, 44, 0.66),), 1, 4_096),
    cv=(4.0, 8.0),
    diurnal=0.3,
    turns=1.0,
    cached=0.1,
    source="ServeGen m-mid and its burstiest clients; prefixes are an estimate",
)

KINDS = {one.name: one for one in (CHAT, CODE, MIXED, LONG_CONTEXT, REASONING, BATCH)}
"""All kinds, by name."""

_HINTS = tuple(
    (kind, tuple(f"-{word}" for word in words))
    for kind, words in (
        (CODE, ("code", "autocomplete", "completion", "copilot", "starcoder")),
        (
            BATCH,
            ("batch", "offline", "embed", "rerank", "classif", "guard", "moderat", "extract"),
        ),
        (LONG_CONTEXT, ("long", "rag-", "document", "summar", "agent", "1m-", "128k-")),
        (REASONING, ("reason", "r1-", "o1-", "qwq", "think", "math")),
        (CHAT, ("chat", "instruct", "assistant", "it-")),
    )
)
"""What parts of names begin with; a hyphen ends the part."""


@lru_cache(maxsize=4096)
def kind_of(*names: str | None) -> Kind:
    """The kind that the names of a service and its model suggest, else mixed; the first that does.

    `llama-3-8b-instruct`, for instance, has the parts llama, 3, 8b and instruct.
    """
    for name in names:
        parts = "".join(one if one.isalnum() else "-" for one in (name or "").lower())
        text = f"-{parts}-"
        for kind, words in _HINTS:
            for word in words:
                if word in text:
                    return kind
    return MIXED
