"""The Logs screen: what did it say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TextIO

from msgspec.structs import replace
from textual import getters, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.worker import Worker, WorkerState

from mtop_tui.commands import APP, LOGS, MOVE, VIEWS, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.providers.base import LogQuery, feed_logs
from mtop_tui.screens.log_output import copied, new_file, write
from mtop_tui.screens.looking import LookingScreen
from mtop_tui.text import safe
from mtop_tui.views.log_buffer import LogBuffer
from mtop_tui.views.log_filter import (
    THRESHOLDS,
    FilterError,
    LogFilter,
    TimeRange,
    parse_pattern,
    parse_range,
)
from mtop_tui.views.log_index import LogIndex
from mtop_tui.views.log_lines import short_origins
from mtop_tui.views.log_title import (
    LogFacts,
    Reading,
    Saying,
    about,
    about_service,
    failure,
    nothing,
    sayings,
    summary,
)
from mtop_tui.views.table import Cell
from mtop_tui.views.time_limit import TakesTooLong, time_limit
from mtop_tui.widgets.fact_line import FactLine
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.log_view import SIDE_STEP, LogView
from mtop_tui.widgets.title_bar import TitleBar

if TYPE_CHECKING:
    from textual.widgets import Input

    from mtop_tui.views.kubectl import Kubectl
    from mtop_tui.widgets.prompt_bar import PromptBar

FLUSH = 0.2
"""Seconds between two looks at what was read: as often as an eye can follow."""

TAIL = 2000
"""Lines read of each container when no time range says where to begin."""

_SLICE = 200
"""Lines taken over, and sorted in, before the loop gets its turn."""

_SLICE_SECONDS = 0.004

_PROMPTS = {
    "filter": "lines with this regular expression; ! before it for those without",
    "range": "15m   1h..30m   12:04   12:04:30..12:10   empty for the newest lines",
    "save": "a new file: .csv and .jsonl hold the parts of each line, all else is text",
}


class LogsScreen(LookingScreen):
    """The logs of a service's replicas, merged in time order.

    One worker reads them into a buffer and is cancelled when the screen goes; what is shown is
    looked up in the buffer a few times a second and on keys.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(LOGS)
    BINDING_GROUP_TITLE = "Logs"
    COMMANDS_SHOWN = (*MOVE, *LOGS, *VIEWS, *APP)

    view = getters.query_one(LogView)

    def __init__(self, service: ServiceKey) -> None:
        super().__init__()
        self._service = service
        self._buffer = LogBuffer()
        self._index = LogIndex(self._buffer, LogFilter())
        self._range = TimeRange()
        self._previous = False
        self._reading: Reading = "reading"
        self._problem = ""
        self._prompt: PromptBar | None = None
        self._before: LogFilter | None = None
        self._said = Cell("")
        self._names: list[str] = []
        self._looked_at: tuple[int, tuple[Saying, ...]] = (-1, ())

    def compose(self) -> ComposeResult:
        """Title, what is shown, the lines, what there is to say of one, the keys."""
        ascii_only = self.app.settings.ascii
        yield TitleBar()
        yield FactLine(ascii_only=ascii_only)
        yield LogView(self._index, ascii_only=ascii_only)
        yield FactLine(ascii_only=ascii_only)
        yield KeyBar((*LOGS, *APP))

    def on_mount(self) -> None:
        """Begin to read. (Textual calls the `on_mount` of each class above, too.)"""
        self.view.focus()
        self.set_interval(FLUSH, self._flush)
        self._read()

    # Reading

    def _read(self) -> None:
        """Read from the beginning, as range and container are now."""
        self._buffer = LogBuffer()
        self._want(self._index.wanted)
        self._problem = ""
        self.view.select(False)
        self.view.follow(True)
        if "logs" not in self.app.provider.offers:
            self._reading = "not offered"
            return
        self._reading = "reading"
        query = LogQuery(
            self._service,
            since=self._range.since,
            tail=TAIL if self._range.since is None else None,
            previous=self._previous,
            follow=not self._previous and self._range.until is None,
        )
        self.run_worker(
            self._take(query, self._buffer), group="read", exclusive=True, exit_on_error=False
        )

    async def _take(self, query: LogQuery, buffer: LogBuffer) -> None:
        taken = 0
        async with aclosing(feed_logs(self.app.provider, query)) as records:
            async for record in records:
                buffer.add(record)
                taken += len(record.lines)
                if taken >= _SLICE:
                    taken = 0
                    self._settle()
                    await asyncio.sleep(0)
        self._settle()

    def _settle(self) -> None:
        moved = self._buffer.settle()
        if moved is not None:
            self._index.renumber(moved)
            self.view.renumber(moved)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Reading came to its end, or broke off."""
        worker = event.worker
        if worker.group != "read" or not worker.is_finished:
            return
        if worker.state == WorkerState.ERROR:
            self._reading, self._problem = "failed", failure(worker.error or Exception())
        elif worker.state == WorkerState.SUCCESS:
            self._reading = "read"
        self.look_if_seen()

    # Looking

    def _flush(self) -> None:
        if self.is_current and (self._there() != self._looked_at or not self._index.is_complete):
            self.look()

    def _there(self) -> tuple[int, tuple[Saying, ...]]:
        return self._buffer.end, sayings(self._buffer.said)

    def look(self) -> None:
        """Show what was read up to now."""
        self._settle()
        self._looked_at = self._there()
        self._search()
        if len(self._names) != len(self._buffer.origins):
            self._names = short_origins(self._buffer.origins)
        facts = self._facts()
        pattern = self._index.wanted.pattern
        self.view.show(self._index, self._names, pattern.spans if pattern else None, nothing(facts))
        self._show_lines(facts)

    @on(LogView.Looked)
    def _looked(self) -> None:
        self._show_lines(self._facts())

    def _show_lines(self, facts: LogFacts) -> None:
        top, bottom = self.query(FactLine)
        title = about_service(facts)
        self.show_title((f"{self._service.namespace}/{self._service.name}", "logs"), title)
        top.show(summary(facts))
        cursor = self.view.cursor
        line = None if cursor is None else self._index.line(cursor)
        bottom.show([self._said] if self._said.text else about(line, self._buffer.origins, facts))

    def _facts(self) -> LogFacts:
        state = self.app.store.service(self._service)
        view, index = self.view, self._index
        wanted = index.wanted
        selection = view.selection
        return LogFacts(
            reading=self._reading,
            problem=self._problem,
            following=view.following,
            previous=self._previous,
            shown=len(index),
            hidden=index.hidden,
            below=view.below,
            dropped=self._buffer.dropped,
            cut=self._buffer.cut,
            looked=1.0 if index.is_complete else index.done,
            level=wanted.level,
            pattern=wanted.pattern.source if wanted.pattern else "",
            times=self._range.source,
            shift=view.shift,
            wraps=view.wraps,
            selected=len(selection) if selection else 0,
            replicas=len(state.replicas) if state else None,
            said=sayings(self._buffer.said),
            restarts=sum(one.restarts for one in state.replicas.values()) if state else 0,
        )

    def _search(self) -> None:
        """Let the filter look at what is new for a few milliseconds; the rest goes on its own."""
        if not self._advance():
            self.run_worker(self._search_on(self._index), group="search", exclusive=True)

    async def _search_on(self, index: LogIndex) -> None:
        while index is self._index and not self._advance():
            await asyncio.sleep(0)

    def _advance(self) -> bool:
        """Whether the filter has seen all there is."""
        stop = time.perf_counter() + _SLICE_SECONDS
        try:
            with time_limit():
                while not self._index.is_complete and time.perf_counter() < stop:
                    self._index.advance()
        except TakesTooLong:
            self._want(replace(self._index.wanted, pattern=None))
            self._say("This pattern takes too long on these lines; a simpler one may do.", "bad")
        return self._index.is_complete

    def _want(self, wanted: LogFilter) -> None:
        self._index = LogIndex(self._buffer, wanted, as_written=self._index.as_written)

    def _say(self, text: str, tone: str = "normal") -> None:
        """Say something in the line below until the next key."""
        self._said = Cell(text, tone)  # type: ignore[arg-type]

    def on_key(self) -> None:
        """What was said has been read."""
        if self._prompt is None:
            self._say("")

    # Commands: what is in view

    def action_follow(self) -> None:
        """Stay with the newest line, or hold what is in view."""
        self.view.follow(not self.view.following)
        self.look()

    def action_wrap(self) -> None:
        """Break long lines, or cut them."""
        self.view.wrap(not self.view.wraps)
        self.look()

    def action_written(self) -> None:
        """Show lines as they were written, or without what stands in columns."""
        self._index.as_written = not self._index.as_written
        self.look()

    def action_sideways(self, steps: int) -> None:
        """Move long lines."""
        self.view.move_sideways(steps * SIDE_STEP)
        self.look()

    def action_error(self, step: int) -> None:
        """Go to the next or the previous error."""
        cursor = self.view.cursor
        if cursor is None:
            return
        here = self._index.number(cursor)
        number = self._index.error_after(here) if step > 0 else self._index.error_before(here)
        if number is None:
            self._say("no error after this line" if step > 0 else "no error before this line")
        else:
            self.view.go_to(number)
        self.look()

    def action_mark(self) -> None:
        """Mark the line, or take its mark away."""
        self.view.toggle_mark()

    def action_next_mark(self) -> None:
        """Go to the next marked line."""
        if not self.view.next_mark():
            self._say("no line is marked; m marks one")
        self.look()

    def action_select(self) -> None:
        """Begin or end to select lines."""
        self.view.select(not self.view.is_selecting)
        self.look()

    def action_level(self) -> None:
        """Want graver lines only, and after the gravest all again."""
        wanted = self._index.wanted
        here = THRESHOLDS.index(wanted.level)
        self._want(replace(wanted, level=THRESHOLDS[(here + 1) % len(THRESHOLDS)]))
        self.look()

    def action_previous(self) -> None:
        """Read the containers before their last restart, or the present ones."""
        self._previous = not self._previous
        self._read()
        self.look()

    def action_again(self) -> None:
        """Read from the beginning."""
        self._read()
        self.look()

    async def action_leave(self) -> None:
        """Give up the selection or the pattern; without either, go back."""
        if self.view.is_selecting:
            self.view.select(False)
        elif self._index.wanted.pattern is not None:
            self._want(replace(self._index.wanted, pattern=None))
        else:
            self.action_back()
            return
        self.look()

    def kubectl(self) -> Sequence[Kubectl]:
        """What follows the same logs."""
        from mtop_tui.views import kubectl  # noqa: PLC0415 - when wanted

        state, since = self.app.store.service(self._service), self._range.since
        replicas = 0 if state is None else len(state.replicas)
        back = None if since is None else self.app.time() - since
        return kubectl.of_logs(self._service, replicas, previous=self._previous, since=back)

    def action_copy(self) -> None:
        """Copy the selected lines, or the one under the cursor."""
        cursor = self.view.cursor
        if cursor is None:
            return
        rows = self.view.selection or range(cursor, cursor + 1)
        text, words = copied(self._index, self._buffer, rows)
        if text:
            self.app.copy_to_clipboard(text)
            self.view.select(False)
        self._say(words, "normal" if text else "bad")
        self.look()

    # Commands: what is asked for in a line

    async def action_ask(self, kind: str) -> None:
        """Open the line for a filter, a time range or a file name."""
        from mtop_tui.widgets.prompt_bar import PromptBar  # noqa: PLC0415 - Input is 10 ms

        if self._prompt is not None:
            return
        wanted = self._index.wanted
        pattern = wanted.pattern.source if wanted.pattern else ""
        value = {"filter": pattern, "range": self._range.source, "save": ""}[kind]
        self._before = wanted
        self._say("")
        self._prompt = PromptBar(kind, value, _PROMPTS[kind])
        await self.mount(self._prompt, after=self.query(FactLine).last())
        self.set_focus(self._prompt)  # at once: the next key is for it

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a line is open, the keys that open one are characters like any other."""
        del parameters
        return action != "ask" or self._prompt is None

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the log while the filter is typed."""
        if event.input is self._prompt and self._prompt.kind == "filter":
            self._filter(event.value)
            self.look()

    def _filter(self, text: str) -> bool:
        """Want this pattern; what is no pattern yet changes nothing."""
        try:
            pattern = parse_pattern(text)
        except FilterError as error:
            self._say(f"{error}", "bad")
            return False
        self._say("")
        wanted = self._index.wanted
        before = wanted.pattern.source if wanted.pattern else ""
        if before != (pattern.source if pattern else ""):
            self._want(replace(wanted, pattern=pattern))
        return True

    async def action_answer(self, take: bool) -> None:
        """Take what was typed, or give it up; what cannot be used stays to be mended."""
        prompt = self._prompt
        if prompt is None:
            return
        await prompt.catch_up()
        if take and not self._accept(prompt.kind, prompt.value):
            self.look()
            return
        if not take:
            self._say("")
            if prompt.kind == "filter" and self._before is not None:
                self._want(self._before)
        self._prompt = None
        self.view.focus()
        await prompt.remove()
        self.look()

    def _accept(self, kind: str, text: str) -> bool:
        if kind == "filter":
            return self._filter(text)
        if kind == "save":
            return self._save(text)
        try:
            times = parse_range(text, self.app.time())
        except FilterError as error:
            self._say(f"{error}", "bad")
            return False
        self._range = times
        self._want(replace(self._index.wanted, since=times.since, until=times.until))
        self._read()
        return True

    def _save(self, name: str) -> bool:
        if not name.strip():
            self._say("type the name of a file that is not there yet, or Esc", "bad")
            return False
        try:
            path, file = new_file(name.strip())
        except OSError as error:
            reason = "it is there already" if isinstance(error, FileExistsError) else error.strerror
            self._say(safe(f"{name.strip()}: {reason}; nothing was written"), "bad")
            return False
        self.run_worker(self._write(path, file), group="save")
        return True

    async def _write(self, path: Path, file: TextIO) -> None:
        shown = safe(f"{path}")
        try:
            count = await write(file, path.suffix, self._index, self._buffer)
        except OSError as error:
            self._say(safe(f"{path}: {error.strerror}; what is there is not all"), "bad")
        else:
            self._say(
                f"saved {count:,} lines to {shown}" if count != 1 else f"saved 1 line to {shown}"
            )
        self.look_if_seen()
