"""What an open-weight model is made of, looked up by its name.

Figures are those of the published configurations (`config.json` on Hugging Face) and model cards.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_BILLION = 1e9


class Model(msgspec.Struct, frozen=True):
    """The shape of one model.

    Attributes:
        name: family and size, or what it was guessed from.
        parameters: all parameters.
        active: parameters one token touches; below `parameters` for a mixture of experts.
        layers: transformer blocks.
        hidden: width of the residual stream.
        heads: query heads.
        kv_heads: key and value heads.
        head_dim: values of one head.
        vocabulary: tokens it knows.
        experts: routed experts of a layer; 1 for a dense model.
        experts_per_token: routed experts that one token visits.
        latent_kv: values per token and layer where keys and values are stored compressed (MLA).
        weight_bytes: bytes of one parameter.
        known: False when the figures are guessed from a size in the name, or a default.
    """

    name: str
    parameters: float
    active: float
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    experts: int = 1
    experts_per_token: int = 1
    latent_kv: int | None = None
    weight_bytes: float = 2.0
    known: bool = True

    @property
    def weights(self) -> float:
        """Bytes of all weights. Embedding and output stay in 16 bits when the rest is smaller."""
        wide = min(2.0 * self.vocabulary * self.hidden, self.parameters)
        return wide * 2.0 + (self.parameters - wide) * self.weight_bytes

    @property
    def kv_bytes_per_token(self) -> float:
        """Bytes one token takes in the KV cache, in 16 bits over all layers."""
        values = self.latent_kv or 2 * self.kv_heads * self.head_dim
        return 2.0 * self.layers * values


def _dense(  # noqa: PLR0917 - the columns of the table
    name: str,
    billions: float,
    layers: int,
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    vocabulary: int,
) -> Model:
    size = billions * _BILLION
    return Model(name, size, size, layers, hidden, heads, kv_heads, head_dim, vocabulary)


def _experts(dense: Model, active: float, experts: int, visited: int, **facts: float) -> Model:
    return msgspec.structs.replace(
        dense,
        active=active * _BILLION,
        experts=experts,
        experts_per_token=visited,
        **facts,
    )


_DEEPSEEK_V3 = _experts(
    _dense("DeepSeek-V3", 671, 61, 7168, 128, 128, 192, 129280),
    37,
    256,
    8,
    latent_kv=576,
    weight_bytes=1.0,
)
_QWEN_7B = _dense("Qwen2.5-7B", 7.62, 28, 3584, 28, 4, 128, 152064)
_PHI_MINI = _dense("Phi-3-mini", 3.82, 32, 3072, 32, 32, 96, 32064)

# The first pattern that occurs in the lower-cased name decides, so the special comes before the
# general: a distilled model has the shape of what it was distilled into.
_CATALOGUE: tuple[tuple[str, Model], ...] = (
    (r"tiny-?llama", _dense("TinyLlama-1.1B", 1.1, 22, 2048, 32, 4, 64, 32000)),
    (r"code-?llama.*\b70b", _dense("CodeLlama-70B", 68.98, 80, 8192, 64, 8, 128, 32016)),
    (r"code-?llama.*\b34b", _dense("CodeLlama-34B", 33.74, 48, 8192, 64, 8, 128, 32016)),
    (r"code-?llama.*\b13b", _dense("CodeLlama-13B", 13.02, 40, 5120, 40, 40, 128, 32016)),
    (r"code-?llama", _dense("CodeLlama-7B", 6.74, 32, 4096, 32, 32, 128, 32016)),
    (r"llama-?2.*\b70b", _dense("Llama-2-70B", 68.98, 80, 8192, 64, 8, 128, 32000)),
    (r"llama-?2.*\b13b", _dense("Llama-2-13B", 13.02, 40, 5120, 40, 40, 128, 32000)),
    (r"llama-?2.*\b7b", _dense("Llama-2-7B", 6.74, 32, 4096, 32, 32, 128, 32000)),
    (
        r"llama-?4.*maverick",
        _experts(
            _dense("Llama-4-Maverick", 400.7, 48, 5120, 40, 8, 128, 202048),
            17.17,
            128,
            1,
            weight_bytes=1.0,
        ),
    ),
    (
        r"llama-?4.*scout",
        _experts(
            _dense("Llama-4-Scout", 107.8, 48, 5120, 40, 8, 128, 202048),
            17.17,
            16,
            1,
            weight_bytes=1.0,
        ),
    ),
    (r"llama.*\b405b", _dense("Llama-3.1-405B", 405.9, 126, 16384, 128, 8, 128, 128256)),
    (r"llama.*\b70b", _dense("Llama-3.1-70B", 70.55, 80, 8192, 64, 8, 128, 128256)),
    (r"llama.*\b8b", _dense("Llama-3.1-8B", 8.03, 32, 4096, 32, 8, 128, 128256)),
    (r"llama.*\b3b", _dense("Llama-3.2-3B", 3.21, 28, 3072, 24, 8, 128, 128256)),
    (r"llama.*\b1b", _dense("Llama-3.2-1B", 1.24, 16, 2048, 32, 8, 64, 128256)),
    (
        r"mixtral.*8x22b",
        _experts(_dense("Mixtral-8x22B", 140.6, 56, 6144, 48, 8, 128, 32768), 39.15, 8, 2),
    ),
    (
        r"mixtral",
        _experts(_dense("Mixtral-8x7B", 46.7, 32, 4096, 32, 8, 128, 32000), 12.88, 8, 2),
    ),
    (r"mistral-nemo", _dense("Mistral-Nemo-12B", 12.25, 40, 5120, 32, 8, 128, 131072)),
    (r"mistral.*\b7b", _dense("Mistral-7B", 7.24, 32, 4096, 32, 8, 128, 32000)),
    (
        r"qwen-?3.*235b",
        _experts(_dense("Qwen3-235B-A22B", 235.1, 94, 4096, 64, 4, 128, 151936), 22.2, 128, 8),
    ),
    (
        r"qwen-?3.*30b-a3b",
        _experts(_dense("Qwen3-30B-A3B", 30.53, 48, 2048, 32, 4, 128, 151936), 3.35, 128, 8),
    ),
    (r"qwen-?3.*\b32b", _dense("Qwen3-32B", 32.76, 64, 5120, 64, 8, 128, 151936)),
    (r"qwen-?3.*\b14b", _dense("Qwen3-14B", 14.77, 40, 5120, 40, 8, 128, 151936)),
    (r"qwen-?3.*\b8b", _dense("Qwen3-8B", 8.19, 36, 4096, 32, 8, 128, 151936)),
    (r"qwen-?3.*\b4b", _dense("Qwen3-4B", 4.02, 36, 2560, 32, 8, 128, 151936)),
    (r"qwen-?3.*\b0\.6b", _dense("Qwen3-0.6B", 0.596, 28, 1024, 16, 8, 128, 151936)),
    (r"qwen.*\b72b", _dense("Qwen2.5-72B", 72.7, 80, 8192, 64, 8, 128, 152064)),
    (r"qwen.*\b32b", _dense("Qwen2.5-32B", 32.76, 64, 5120, 40, 8, 128, 152064)),
    (r"qwen.*\b14b", _dense("Qwen2.5-14B", 14.77, 48, 5120, 40, 8, 128, 152064)),
    (r"qwen.*\b7b", _QWEN_7B),
    (r"qwen.*\b3b", _dense("Qwen2.5-3B", 3.09, 36, 2048, 16, 2, 128, 151936)),
    (r"qwen.*\b1\.5b", _dense("Qwen2.5-1.5B", 1.54, 28, 1536, 12, 2, 128, 151936)),
    (r"qwen.*\b0\.5b", _dense("Qwen2.5-0.5B", 0.494, 24, 896, 14, 2, 64, 151936)),
    (r"deepseek-?(v3|r1)", _DEEPSEEK_V3),
    (r"granite.*\b8b", _dense("Granite-3.1-8B", 8.17, 40, 4096, 32, 8, 128, 49155)),
    (r"granite.*\b2b", _dense("Granite-3.1-2B", 2.53, 40, 2048, 32, 8, 64, 49155)),
    (r"phi-?3.*medium", _dense("Phi-3-medium", 13.96, 40, 5120, 40, 10, 128, 32064)),
    (r"phi-?4-mini", _dense("Phi-4-mini", 3.84, 32, 3072, 24, 8, 128, 200064)),
    (r"phi-?4", _dense("Phi-4", 14.66, 40, 5120, 40, 10, 128, 100352)),
    (r"phi-?3", _PHI_MINI),
    (r"phi-?2", _dense("Phi-2", 2.78, 32, 2560, 32, 32, 80, 51200)),
    (r"gemma-?2.*\b9b", _dense("Gemma-2-9B", 9.24, 42, 3584, 16, 8, 256, 256000)),
    (r"gemma-?2.*\b2b", _dense("Gemma-2-2B", 2.61, 26, 2304, 8, 4, 256, 256000)),
    (r"gemma-?2.*\b27b", _dense("Gemma-2-27B", 27.2, 46, 4608, 32, 16, 128, 256000)),
    (r"yi.*\b34b", _dense("Yi-34B", 34.39, 60, 7168, 56, 8, 128, 64000)),
    (r"gpt-?j", _dense("GPT-J-6B", 6.05, 28, 4096, 16, 16, 256, 50400)),
    (r"bloom.*\b176b", _dense("BLOOM-176B", 176.2, 70, 14336, 112, 112, 128, 250880)),
    (r"falcon.*\b180b", _dense("Falcon-180B", 179.5, 80, 14848, 232, 8, 64, 65024)),
    (r"falcon.*\b40b", _dense("Falcon-40B", 41.3, 60, 8192, 128, 8, 64, 65024)),
    (r"starcoder-?2.*\b15b", _dense("StarCoder2-15B", 15.96, 40, 6144, 48, 4, 128, 49152)),
    (r"gpt-?2-xl", _dense("GPT-2 XL", 1.56, 48, 1600, 25, 25, 64, 50257)),
    (r"gpt-?2", _dense("GPT-2", 0.124, 12, 768, 12, 12, 64, 50257)),
    (
        r"gpt-oss.*120b",
        _experts(
            _dense("gpt-oss-120b", 116.8, 36, 2880, 64, 8, 64, 201088),
            5.1,
            128,
            4,
            weight_bytes=0.53,
        ),
    ),
    (
        r"gpt-oss",
        _experts(
            _dense("gpt-oss-20b", 20.9, 24, 2880, 64, 8, 64, 201088), 3.6, 32, 4, weight_bytes=0.53
        ),
    ),
    (
        # 6 of its 52 layers attend, with 2 heads; the others keep a state of fixed size.
        r"nemotron.*nano.*30b",
        _experts(
            _dense("Nemotron-3-Nano-30B-A3B", 31.6, 52, 2688, 32, 2, 128, 131072),
            3.6,
            128,
            6,
            latent_kv=59,
        ),
    ),
    (r"opt-125m", _dense("OPT-125M", 0.125, 12, 768, 12, 12, 64, 50272)),
)

# The plain words that a name must hold to match, family and size: only then is a pattern compiled.
_WORDS = re.compile(r"\\b|[^a-z0-9]")
_ROWS = tuple(
    ((words := _WORDS.split(pattern))[0], words[-1], pattern, model)
    for pattern, model in _CATALOGUE
)

_SIZE = r"(?:\b|_)(?:(\d+)x)?(\d+(?:\.\d+)?)(b|m)(?:\b|_)"
_NARROW = (
    (("fp8", "w8a8", "int8", "-8bit"), 1.0),
    (("awq", "gptq", "int4", "w4a16", "nvfp4", "mxfp4", "-4bit", "bnb"), 0.53),
)

DEFAULT_BILLIONS = 7.0
"""Assumed where neither the name is known nor has a size in it."""


@lru_cache(maxsize=1024)
def model_named(*names: str) -> Model:
    """The model that the first recognisable of `names` (a URI, a name) means.

    A name nobody knows is taken for a dense model of the size it states ("7b", "8x7b", "350m"),
    and one without a size for one of `DEFAULT_BILLIONS`; both have `known` False.
    """
    lowered = [name.lower() for name in names if name]
    for name in lowered:
        for family, size_word, pattern, model in _ROWS:
            if family in name and size_word in name and re.search(pattern, name):
                return _quantised(model, name)
    for name in lowered:
        size = re.search(_SIZE, name)
        if size:
            copies, number, unit = size.groups()
            billions = float(number) * (1.0 if unit == "b" else 1e-3) * float(copies or 1)
            if 0.01 <= billions <= 5_000:
                return _quantised(_guessed(billions, size.group()), name)
    return _guessed(DEFAULT_BILLIONS, "unknown")


def _quantised(model: Model, name: str) -> Model:
    for marks, weight_bytes in _NARROW:
        if any(mark in name for mark in marks):
            return msgspec.structs.replace(
                model, weight_bytes=min(weight_bytes, model.weight_bytes)
            )
    return model


def _guessed(billions: float, source: str) -> Model:
    """A dense model with the usual proportions of its size: width grows with its cube root."""
    layers = max(12, min(126, round(16 * billions**0.38)))
    hidden = max(768, round((billions * _BILLION / (12 * layers)) ** 0.5 / 128) * 128)
    heads = max(8, hidden // 128)
    guess = _dense(source.strip("_"), billions, layers, hidden, heads, min(8, heads), 128, 128000)
    return msgspec.structs.replace(guess, known=False)
