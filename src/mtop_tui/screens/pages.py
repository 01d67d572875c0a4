"""Pages of text over the screen they were opened from: all that was diagnosed, and an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import getters
from textual.app import ComposeResult
from textual.binding import BindingType

from mtop_tui.commands import APP, MOVE, PAGE, VIEWS, bindings
from mtop_tui.observations import ServiceKey
from mtop_tui.screens.looking import LookingScreen
from mtop_tui.text import safe
from mtop_tui.views import kubectl
from mtop_tui.views.fleet import facts_of, unexplained
from mtop_tui.views.kubectl import Kubectl
from mtop_tui.views.table import Cell
from mtop_tui.widgets.key_bar import KeyBar
from mtop_tui.widgets.lines_view import LinesView
from mtop_tui.widgets.title_bar import TitleBar


class PageScreen(LookingScreen):
    """Lines about one service that scroll, until Esc."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE)
    BINDING_GROUP_TITLE = "Page"
    COMMANDS_SHOWN = (*MOVE, *PAGE, *VIEWS, *APP)
    CRUMB: ClassVar[str] = ""

    page = getters.query_one(LinesView)

    def __init__(self, key: ServiceKey) -> None:
        super().__init__()
        self._key = key

    def compose(self) -> ComposeResult:
        """Title, lines, key bar."""
        yield TitleBar()
        yield LinesView()
        yield KeyBar((*PAGE, *APP))

    def on_mount(self) -> None:
        """The keys go to the lines."""
        self.page.focus()

    def look(self) -> None:
        """Ask for the lines, and repaint what differs."""
        self.show_title((f"{self._key.namespace}/{self._key.name}", self.CRUMB))
        self.page.show(self.lines(max(self.page.size.width - 1, 1)))

    def lines(self, width: int) -> Sequence[tuple[Cell, ...]]:
        """What the page says."""
        raise NotImplementedError

    def kubectl(self) -> Sequence[Kubectl]:
        """The service and what belongs to it."""
        return kubectl.of_service(self._key, self.app.store.kind_of(self._key))


class FindingsPage(PageScreen):
    """Every cause that was found, with what it rests on."""

    CRUMB = "why"

    def lines(self, width: int) -> Sequence[tuple[Cell, ...]]:
        """The findings, ranked."""
        from mtop_tui.domain.diagnosis.ranking import diagnose  # noqa: PLC0415 - not at start
        from mtop_tui.state.facts import service_facts  # noqa: PLC0415 - not at start
        from mtop_tui.views.findings import in_full  # noqa: PLC0415 - not at start

        store = self.app.store
        state = store.service(self._key)
        if state is None or state.service is None:
            return [(Cell(" this service is no longer there", "warn"),)]
        now = self.app.time()
        findings = diagnose(service_facts(store, state, now))
        return in_full(findings, unexplained(facts_of(store, state, now)), width)


class YamlPage(PageScreen):
    """The object as its source has it. Read once; the screen owns the task that reads."""

    CRUMB = "yaml"

    def __init__(self, key: ServiceKey) -> None:
        super().__init__(key)
        self._lines: Sequence[tuple[Cell, ...]] = [(Cell(" reading the object", "quiet"),)]

    def on_mount(self) -> None:
        """Begin to read."""
        self.run_worker(self._read(), group="object", exit_on_error=False)

    def lines(self, width: int) -> Sequence[tuple[Cell, ...]]:  # noqa: ARG002 - it scrolls as it is
        """The document."""
        return self._lines

    async def _read(self) -> None:
        try:
            self._lines = await self._document()
        except Exception as error:  # noqa: BLE001 - whatever a source raises is said, not fatal
            self._lines = [(Cell(safe(f" the object could not be read: {error}"), "bad"),)]
        self.look_if_seen()

    async def _document(self) -> Sequence[tuple[Cell, ...]]:
        from mtop_tui.config.emit import as_yaml  # noqa: PLC0415 - loads PyYAML
        from mtop_tui.views.documents import yaml_lines  # noqa: PLC0415 - on first use

        if "objects" not in self.app.provider.offers:
            return [(Cell(" this source does not give objects", "warn"),)]
        state = self.app.store.service(self._key)
        if state is None or state.service is None:
            return [(Cell(" this service is no longer there", "warn"),)]
        raw = await self.app.provider.read_object(state.service.ref)
        if raw is None:
            return [(Cell(" its source has no such object any more", "warn"),)]
        return yaml_lines(as_yaml(raw.body))
