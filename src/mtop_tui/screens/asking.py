"""What an action has to be asked for before it can be planned: which one, how many, which pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from msgspec.structs import replace
from textual.binding import BindingType

from mtop_tui.actions.intents import Intent, Verb
from mtop_tui.commands import ACTIONS, bindings
from mtop_tui.observations import ObjectRef, Role, ServiceKey
from mtop_tui.screens.action import ActionScreen
from mtop_tui.screens.ask import AskScreen
from mtop_tui.screens.choose import ChooseScreen
from mtop_tui.text import safe
from mtop_tui.undertaking import Undertaking

if TYPE_CHECKING:
    from mtop_tui.app import MtopApp
    from mtop_tui.state.service import ServiceState

CHOICES: Final = tuple(one.id.partition(".")[2] for one in ACTIONS)

_NUMBERS: Final = {"scale": "replicas", "weight": "weight"}
_LONGEST: Final = 9
"""Digits of what fits into 32 bits, as the API has it."""


class ActionMenu(ChooseScreen):
    """All that can be done to a service; a letter chooses as well as Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(ACTIONS)

    def __init__(self, key: ServiceKey) -> None:
        offered = [(f"{one.keys}  {one.title}", one.help) for one in ACTIONS]
        super().__init__(f"Actions on {safe(_named(key))}", offered)

    def action_act(self, choice: str) -> None:
        """Take it."""
        self.dismiss(CHOICES.index(choice))


class Asking:
    """Asks one thing after the other, then opens the page on which the action is planned.

    Args:
        app: whose screens it asks on.
        key: of the service that it is about.
        pod: that is selected, where one is.
    """

    def __init__(self, app: MtopApp, key: ServiceKey, pod: ObjectRef | None) -> None:
        self._app, self._key, self._pod = app, key, pod

    def which(self) -> None:
        """Ask which action it shall be."""

        def take(place: int | None) -> None:
            if place is not None:
                self.begin(CHOICES[place])

        self._app.push_screen(ActionMenu(self._key), take)

    def begin(self, choice: str) -> None:
        """Ask what else has to be known for an action; or show what became of the last one."""
        if choice == "view":
            self._view()
            return
        verb = cast("Verb", choice)
        intent = Intent(verb, self._key)
        if verb == "delete":
            self._ask_pod(intent)
        elif verb == "scale":
            self._ask_role(intent)
        elif verb == "weight":
            self._ask_number(intent)
        else:
            self._open(intent)

    def _ask_role(self, intent: Intent) -> None:
        """Ask which pool, where there are two, and then for a number."""
        state = self._app.store.service(intent.service)
        service = None if state is None else state.service
        pools = () if service is None else service.pools
        if len(pools) < 2:
            self._ask_number(intent)
            return
        offered = [
            (one.role, f"{_count(one.ready)} of {_count(one.desired)} ready") for one in pools
        ]
        roles: list[Role] = [one.role for one in pools]

        def take(place: int | None) -> None:
            if place is not None:
                self._ask_number(replace(intent, role=roles[place]))

        self._app.push_screen(
            ChooseScreen(f"Which pool of {_named(intent.service)}?", offered), take
        )

    def _ask_number(self, intent: Intent) -> None:
        what = _NUMBERS[intent.verb]
        typed: list[int] = []

        async def take(text: str) -> str:
            if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
                return f"expected a whole number, got {safe(text) or 'nothing'}"
            typed.append(int(text))
            return ""

        def open_it(_: object) -> None:
            if typed:
                self._open(replace(intent, number=typed[-1]))

        now = self._present(intent)
        question = f"{what} of {_named(intent.service)}{now}; Esc gives up"
        self._app.push_screen(AskScreen(safe(question), "", take), open_it)

    def _present(self, intent: Intent) -> str:
        """What the number is now, as far as it is known."""
        state = self._app.store.service(intent.service)
        service = None if state is None else state.service
        if service is None:
            return ""
        if intent.verb == "weight":
            route = service.route
            return "" if route is None else f", now {route.weight} in {route.group}"
        pool = next((one for one in service.pools if intent.role in {None, one.role}), None)
        return "" if pool is None or pool.desired is None else f", now {pool.desired}"

    def _ask_pod(self, intent: Intent) -> None:
        if (selected := self._pod) is not None:
            self._open(replace(intent, pod=selected))
            return
        state = self._app.store.service(intent.service)
        pods = [] if state is None else sorted(state.replicas, key=lambda one: one.name)
        if state is None or not pods:
            self._app.say(f"{_named(intent.service)} has no pod")
            return

        def take(place: int | None) -> None:
            if place is not None:
                self._open(replace(intent, pod=pods[place]))

        offered = [(one.name, _phase(state, one)) for one in pods]
        self._app.push_screen(ChooseScreen("Which pod?", offered), take)

    def _open(self, intent: Intent) -> None:
        if (actions := self._app.actions) is not None:
            self._app.push_screen(ActionScreen(Undertaking(intent, actions, self._app.time)))

    def _view(self) -> None:
        last = self._app.undertakings.get(self._key)
        if last is None:
            self._app.say(f"nothing was done to {_named(self._key)} so far")
        else:
            self._app.push_screen(ActionScreen(last))


def _named(key: ServiceKey) -> str:
    return f"{key.namespace}/{key.name}"


def _count(number: int | None) -> str:
    return "--" if number is None else f"{number}"


def _phase(state: ServiceState, ref: ObjectRef) -> str:
    replica = state.replicas[ref]
    return " ".join(filter(None, (replica.phase, replica.reason)))
