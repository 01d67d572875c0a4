"""What stands beside the replicas of a service: conditions, events and the spec, as lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mtop_tui.domain.durations import short_duration
from mtop_tui.domain.readiness import CONDITION_ORDER, REASON_WORDS
from mtop_tui.observations import Condition, Pool, Service
from mtop_tui.state.service import ServiceState
from mtop_tui.views import format as fmt
from mtop_tui.views.table import Cell, Tone
from mtop_tui.views.timeline import ago, clock, moment
from mtop_tui.views.words import wrapped

Line = tuple[Cell, ...]

WIDE = 78
"""Cells from which on what an event says stands under its reason."""

PARENTS = {
    "RouterReady": "Ready",
    "WorkloadsReady": "Ready",
    "PresetsCombined": "Ready",
    "GatewaysReady": "RouterReady",
    "HTTPRoutesReady": "RouterReady",
    "InferencePoolReady": "RouterReady",
    "SchedulerWorkloadReady": "RouterReady",
    "TokenizerReady": "RouterReady",
    "MainWorkloadReady": "WorkloadsReady",
    "WorkerWorkloadReady": "WorkloadsReady",
    "PrefillWorkloadReady": "WorkloadsReady",
    "PrefillWorkerWorkloadReady": "WorkloadsReady",
    "ScalingReady": "WorkloadsReady",
    "PrefillScalingReady": "WorkloadsReady",
    "IngressReady": "Ready",
    "PredictorReady": "Ready",
    "TransformerReady": "Ready",
    "ExplainerReady": "Ready",
    "PredictorRouteReady": "PredictorReady",
    "PredictorConfigurationReady": "PredictorReady",
}
"""KServe's tree: a condition holds when those below it do."""

_PARENTS_OF_OTHERS = {"HTTPRoute": "HTTPRoutesReady", "InferencePool": "InferencePoolReady"}
"""Below which condition those of another object stand, by its kind."""

_ORIGINS = {"gpus": "GPUs", "tensor_parallel": "tensor parallel"}

_TONES: dict[str, Tone] = {"True": "quiet", "False": "bad", "Unknown": "warn"}
_MARKS = {"True": " ", "False": "!", "Unknown": "?"}


def failing(conditions: Iterable[Condition]) -> list[Condition]:
    """Conditions that do not hold, the deepest (nearest to the cause) first."""
    found = [one for one in conditions if one.status == "False" and one.severity != "Info"]
    return sorted(found, key=lambda one: -_depth(one.type))


def _depth(kind: str) -> int:
    return CONDITION_ORDER.index(kind) if kind in CONDITION_ORDER else len(CONDITION_ORDER)


def condition_lines(service: Service, now: float, width: int) -> list[Line]:
    """What fails, deepest first and with its message; then the tree."""
    conditions = service.conditions
    if not conditions:
        return [(Cell(" no conditions yet: its controller has not reported", "quiet"),)]
    lines: list[Line] = []
    for one in failing(conditions):
        since = "" if one.changed_at is None else f"  for {short_duration(now - one.changed_at)}"
        lines.append((Cell(" ! ", "bad"), Cell(_named(one), "bad"), Cell(since, "quiet")))
        said = ": ".join(filter(None, (_reason(one), one.message)))
        lines += [(Cell("   "), Cell(text)) for text in wrapped(said, width - 4)]
    if lines:
        lines.append(())
    own = {one.type for one in conditions if not one.about}
    roots = [one for one in conditions if _parent(one) not in own]
    return lines + _trees(roots, conditions, 0, now)


def _named(condition: Condition) -> str:
    return f"{condition.about} {condition.type}".strip()


def _parent(condition: Condition) -> str:
    """The condition that one stands below; empty for a root."""
    if condition.about:
        return _PARENTS_OF_OTHERS.get(condition.about.partition(" ")[0], "")
    return PARENTS.get(condition.type, "")


def _reason(condition: Condition) -> str:
    words = REASON_WORDS.get(condition.reason, "")
    return f"{condition.reason} ({words})" if words else condition.reason


def _trees(
    roots: Iterable[Condition], conditions: Sequence[Condition], level: int, now: float
) -> list[Line]:
    """Conditions beside one another with those below each; other objects say theirs by name."""
    lines: list[Line] = []
    about = ""
    for one in sorted(roots, key=lambda one: (one.about, _depth(one.type))):
        if one.about and one.about != about:
            lines.append((Cell("   "), Cell("  " * level + one.about, "quiet")))
        about = one.about
        lines.append(_leaf(one, level + bool(about), now))
        if not about:
            below = [other for other in conditions if _parent(other) == one.type]
            lines += _trees(below, conditions, level + 1, now)
    return lines


def _leaf(condition: Condition, level: int, now: float) -> Line:
    name = "  " * level + condition.type
    words = condition.reason if condition.status == "Unknown" else ""
    if condition.severity == "Info" and condition.status != "True":
        words = f"{words}  for information".strip()
    age = "" if condition.changed_at is None else short_duration(now - condition.changed_at)
    decides = condition.severity != "Info"
    tone = _TONES[condition.status] if decides else "quiet"
    return (
        Cell(f" {_MARKS[condition.status] if decides else ' '} ", tone),
        Cell(f"{name:<32} ", "normal"),
        Cell(f"{condition.status:<8}", tone),
        Cell(f"{age:>6}  {words}", "quiet"),
    )


def event_lines(
    state: ServiceState, now: float, width: int, *, forbidden: bool = False
) -> list[Line]:
    """Kubernetes events, newest first: when, how often, why, of what, and what was said."""
    if forbidden and not state.events:
        return [(Cell(" this source may not read events", "warn"),)]
    lines: list[Line] = []
    indent = 25 if width >= WIDE else 4
    for event in sorted(state.events, key=lambda one: -one.at):
        tone: Tone = "warn" if event.severity == "Warning" else "normal"
        about = "" if event.involved.name == state.key.name else f"  {event.involved.name}"
        lines.append(
            (
                Cell(f" {clock(event.at)} {short_duration(now - event.at):>6} ", "quiet"),
                Cell(f"{f'x{event.count}' if event.count > 1 else '':<5} ", "quiet"),
                Cell("! " if event.severity == "Warning" else "  ", "warn"),
                Cell(event.reason, tone),
                Cell(about, "quiet"),
            )
        )
        lines += [
            (Cell(" " * indent), Cell(text)) for text in wrapped(event.message, width - indent - 1)
        ]
    return lines or [(Cell(" no events seen of it or its objects", "quiet"),)]


def spec_lines(state: ServiceState, service: Service, now: float, width: int) -> list[Line]:
    """What was asked for, in short; `y` shows the object itself."""
    facts: list[tuple[str, str]] = [
        ("model", service.model or fmt.UNKNOWN),
        ("model uri", service.model_uri or fmt.UNKNOWN),
    ]
    for pool in service.pools:
        facts.append((f"pool {pool.role}", ", ".join(_pool_words(pool))))
        if pool.image:
            facts.append(("  image", pool.image))
    facts.append(("configs", ", ".join(_config_words(service)) or "none applied"))
    if service.route is not None:
        facts.append(("route", f"group {service.route.group}, weight {service.route.weight}"))
    facts.append(("generation", _generation(service)))
    if service.created_at is not None:
        facts.append(
            ("created", f"{moment(now, service.created_at)}, {ago(now, service.created_at)}")
        )
    facts += [(name.rpartition("/")[2], value) for name, value in service.annotations.items()]
    if state.slo_problem:
        facts.append(("SLO", state.slo_problem))
    facts += [("note", note) for note in service.notes]
    return _fields(facts, width)


def _pool_words(pool: Pool) -> Sequence[str]:
    words = [f"{fmt.whole(pool.desired)} replicas"]
    if pool.gpus_per_replica is None:
        words.append("GPUs not known")
    elif pool.gpus_per_replica:
        words.append(f"{pool.gpu_type or 'GPU'} x{pool.gpus_per_replica} each")
    else:
        words.append("no GPU")
    if pool.tensor_parallel:
        words.append(f"tensor parallel {pool.tensor_parallel}")
    if pool.nodes_per_replica > 1:
        words.append(f"over {pool.nodes_per_replica} nodes")
    return words


def _config_words(service: Service) -> Iterable[str]:
    """The configs of a service, each with what it gives of what is in force."""
    for name in service.applied_configs:
        given = [field for field, config in service.origins.items() if config == name]
        words = ", ".join(_origin_words(field) for field in given)
        yield f"{name} ({words})" if words else name


def _origin_words(field: str) -> str:
    prefill, _, value = field.rpartition(".")
    return f"{prefill} {_ORIGINS.get(value, value)}".strip()


def _generation(service: Service) -> str:
    if service.generation is None:
        return fmt.UNKNOWN
    if service.observed_generation == service.generation:
        return f"{service.generation}, in force"
    return f"{service.generation}, its controller has seen {service.observed_generation or 'none'}"


def _fields(facts: Sequence[tuple[str, str]], width: int) -> list[Line]:
    label = min(max((len(name) for name, _ in facts), default=0), 24)
    lines: list[Line] = []
    for name, value in facts:
        for index, text in enumerate(wrapped(value, width - label - 4) or [""]):
            shown = name[:label] if not index else ""
            lines.append((Cell(f" {shown:<{label}}  ", "quiet"), Cell(text)))
    return lines
