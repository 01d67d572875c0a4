"""What is promised of each service: by a file, by its annotation, or by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtop_tui.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtop_tui.config.slo_file import SloFile
    from mtop_tui.domain.slo.burn_alerts import BurnAlert, Catalogue
    from mtop_tui.domain.slo.objectives import Objective
    from mtop_tui.observations import Service
    from mtop_tui.state.objectives import Promised, Promises


def promises(settings: Settings, file: SloFile | None) -> Promises:
    """Looks objectives up, the file's before the annotation's before the settings'.

    What it needs is imported with the first question, which comes a minute after the start. An
    annotation that cannot be read promises nothing, and says why.
    """

    def look_up(service: Service) -> Promised:
        return _promised(service, settings.objectives, file)

    return look_up


def _promised(service: Service, default: str, file: SloFile | None) -> Promised:
    from mtop_tui.domain.slo.grammar import GrammarError, parse_objectives  # noqa: PLC0415 - late
    from mtop_tui.domain.slo.objectives import ANNOTATION, Origin, objectives_for  # noqa: PLC0415
    from mtop_tui.state.objectives import Promise, Promised  # noqa: PLC0415 - see `promises`

    problem = ""
    annotated: tuple[Objective, ...] = ()
    try:
        text = service.annotations.get(ANNOTATION, "")
        annotated = parse_objectives(text, Origin("annotation"))
    except GrammarError as error:
        problem = f"annotation {ANNOTATION} cannot be read: {error}"
    chosen = objectives_for(
        service.ref.namespace,
        service.ref.name,
        file=() if file is None else file.objectives,
        annotation=annotated,
        settings=parse_objectives(default, Origin("settings")),
    )
    if problem and not (chosen and chosen[0].origin.layer == "file"):
        return Promised((), problem)
    catalogues = None if file is None else file.catalogues
    return Promised(tuple(Promise(one, _alerts(one, catalogues)) for one in chosen))


def _alerts(
    objective: Objective, catalogues: Mapping[float, Catalogue] | None
) -> tuple[BurnAlert, ...]:
    from mtop_tui.domain.slo.burn_alerts import burn_alerts  # noqa: PLC0415 - see `promises`

    # A calendar month has no fixed length; its alerts are those of one that began in 1970.
    span = objective.window.span_at(0.0)
    return burn_alerts(span.end - span.start, catalogues)
