"""From a key or a name in the palette to an action, for screens that show a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from mtop_tui.commands import ACTIONS, MENU, Command

if TYPE_CHECKING:
    from mtop_tui.app import MtopApp
    from mtop_tui.observations import ObjectRef, ServiceKey
    from mtop_tui.screens.asking import Asking
    from mtop_tui.screens.looking import LookingScreen

OFF: Final = "actions are off: mtop only looks unless it is started with --allow-actions"
NOT_HERE: Final = "this source takes no actions: `mtop serve` it, then --mode live --allow-actions"


class Acting:
    """Mixed into a screen that shows a service, or one of several."""

    @property
    def acted_on(self) -> ServiceKey | None:
        """The service that an action would be about."""
        raise NotImplementedError

    @property
    def selected_pod(self) -> ObjectRef | None:
        """The pod that is selected, where one can be."""
        return None

    @property
    def acts(self) -> tuple[Command, ...]:
        """What can be done by name beside the commands of the screen: nothing unless allowed."""
        return ACTIONS if self._app.takes_actions else ()

    @property
    def menu_key(self) -> tuple[Command, ...]:
        """What the key bar says of actions."""
        return (MENU,) if self._app.takes_actions else ()

    def action_actions(self) -> None:
        """Choose what to do."""
        if (asking := self._asking()) is not None:
            asking.which()

    def action_act(self, choice: str) -> None:
        """Do it to the service in view."""
        if (asking := self._asking()) is not None:
            asking.begin(choice)

    @property
    def _app(self) -> MtopApp:
        return cast("LookingScreen", self).app

    def _asking(self) -> Asking | None:
        """Who asks about the service in view; why nothing can be done is said."""
        app, key = self._app, self.acted_on
        if not app.takes_actions:
            app.say(NOT_HERE if app.may_act else OFF)
        elif key is None:
            app.say("select a service first: an action is about one")
        else:
            from mtop_tui.screens.asking import Asking  # noqa: PLC0415 - on first use

            return Asking(app, key, self.selected_pod)
        return None
