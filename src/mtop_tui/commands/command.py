"""What a command is: something a user can do, by key, from the palette, and found in the help."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from textual.binding import Binding, BindingType


class Command(msgspec.Struct, frozen=True):
    """Something a user can do.

    `id` is what a keymap refers to. `keys` are Textual key names, the first is the one that is
    shown (as `shown`, where its Textual name is not what is printed on the key). `bar` is the
    label in the key bar, empty for commands that are not listed there. With `priority`, the key
    acts before the next one is read, so that what is typed after it goes where it leads.
    """

    id: str
    keys: str
    action: str
    title: str
    group: str
    help: str = ""
    bar: str = ""
    shown: str = ""
    palette: bool = True
    priority: bool = False

    @property
    def key_label(self) -> str:
        """The first key as printed."""
        return self.shown or self.keys.split(",", maxsplit=1)[0]


def bindings(commands: Iterable[Command]) -> list[BindingType]:
    """The commands as key bindings, with their ids, so that a keymap can move them."""
    return [
        Binding(
            command.keys,
            command.action,
            command.title,
            show=bool(command.bar),
            key_display=command.key_label,
            tooltip=command.help,
            id=command.id,
            priority=command.priority,
        )
        for command in commands
    ]
