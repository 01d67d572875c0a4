"""Outside text made safe to show.

Terminals obey what they are sent, and Textual passes OSC and C1 sequences through. So every text
that comes from outside goes through `safe` once, where it enters; after that it may be drawn.
"""

from __future__ import annotations

import re

MAX_LENGTH = 4096
CUT_MARK = "…"
ESCAPE_MARK = "␛"
HIDDEN_MARK = "�"

_STRING_BODY = r"[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)"
# A string without its terminator is not swallowed: what follows the introducer stays readable, and
# a body never runs over another introducer, which keeps the match linear in the text's length.
_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    rf"|\x1b[\]PX^_](?:{_STRING_BODY})?"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"  # two-byte and nF escapes, or a lone ESC
    r"|\x9b[0-?]*[ -/]*[@-~]?"  # 8-bit CSI
    rf"|[\x90\x98\x9d\x9e\x9f](?:{_STRING_BODY})?"  # 8-bit strings
)

UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"  # bidi, zero-width
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # drawn as nothing
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\ud800-\udfff"  # lone surrogates cannot be encoded for the terminal
    "\U000e0000-\U000e0fff"  # tags and variation selectors: text that cannot be seen
    "]"
)
"""One character that must not reach a terminal as it is."""


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else HIDDEN_MARK


def safe(text: str, limit: int = MAX_LENGTH) -> str:
    """`text` with everything a terminal would obey, or an eye would miss, turned into marks.

    An escape sequence becomes one `␛`; any other C0 control its Unicode picture (`␊` for a line
    feed); C1 controls, bidi overrides, characters drawn as nothing and lone surrogates become `�`.
    Text longer than `limit` characters (at least 1) is cut and ends in `…`. Safe text is returned
    unchanged, so the function is idempotent.
    """
    if len(text) > limit:
        text = text[: limit - 1] + CUT_MARK
    if text.isascii() and text.isprintable():
        return text
    return UNSAFE.sub(_visible, _ESCAPE_SEQUENCE.sub(ESCAPE_MARK, text))
