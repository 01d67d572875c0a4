"""What operators do in a story: scale, roll out, shift traffic, bring a node back."""

from __future__ import annotations

import re

from mtop_tui.engine.faults.actions import Action, table
from mtop_tui.engine.faults.parameters import Parameter, ParameterError, Values
from mtop_tui.engine.faults.stage import Running, Stage
from mtop_tui.engine.levers import Plan, ScalingMetric, Size, Strategy
from mtop_tui.engine.serving.requests import Factors
from mtop_tui.observations import ServiceKey

_METRICS: dict[str, ScalingMetric] = {
    "saturation": "saturation",
    "running": "running",
    "waiting": "waiting",
    "kv_usage": "kv_usage",
}


def _scale(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.scale(key, run.target.role, int(run.number("replicas")))


def _autoscale(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.set_scaling(
            key,
            run.target.role,
            int(run.number("min")),
            int(run.number("max")),
            metric=_METRICS[run.text("metric")],
            target=run.number("target"),
            scaled_object=run.flag("keda"),
        )


def _unfit_bounds(values: Values) -> ParameterError | None:
    least, most = float(values["min"]), float(values["max"])
    if least > most:
        return ParameterError("min", f"expected at most max, {most:g}, got {least:g}")
    if not least and not values["keda"]:
        return ParameterError("min", "0 needs KEDA; add keda: true, or expect 1 or more")
    return None


def _stop(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.stop(key)


def _start(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.stop(key, False)


def _restart(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.restart(key, run.target.role)


def _remove(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.remove_service(key)


_STRATEGIES: dict[str, Strategy] = {
    "rolling": "rolling",
    "recreate": "recreate",
    "bluegreen": "bluegreen",
}


def _size(text: str) -> Size | None:
    if not text:
        return None
    return text if text.endswith("%") else int(text)


def _unfit_sizes(values: Values) -> ParameterError | None:
    for name in ("max_surge", "max_unavailable"):
        text = str(values[name])
        if text and not re.fullmatch(r"\d{1,4}|\d{1,3}%", text):
            return ParameterError(name, f'expected text such as "1" or "25%", got "{text}"')
        if text and values["strategy"] != "rolling":
            return ParameterError(name, f"strategy {values['strategy']} has none; remove it")
    if values["hold"] and values["strategy"] != "bluegreen":
        return ParameterError("hold", "needs strategy: bluegreen; for others, use pause-rollout")
    return None


def _roll_out(stage: Stage, run: Running) -> None:
    times, errors = run.number("tpot_times"), run.number("error_rate")
    worse = Factors(1.0 / times, 1.0 / times, times, error_rate=errors)
    plan = Plan(
        _STRATEGIES[run.text("strategy")],
        _size(run.text("max_surge")),
        _size(run.text("max_unavailable")),
        hold=run.flag("hold"),
        auto_undo=run.flag("auto_undo"),
    )
    for key in stage.keys(run.target):
        stage.levers.roll_out(
            key,
            run.target.role,
            image=run.text("image"),
            factors=worse,
            plan=plan,
            start_fails=run.text("start_fails"),
        )


def _pause_rollout(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.pause_rollout(key)


def _resume_rollout(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.resume_rollout(key)


def _promote(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.promote(key)


def _abort(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.abort(key)


def _undo(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.undo(key)


def _set_weight(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        weights = {key.name: int(run.number("weight"))}
        stage.levers.set_weights(key.namespace, stage.group_of(key), weights)


def _watch_canary(stage: Stage, run: Running) -> None:
    for key in stage.keys(run.target):
        stage.levers.watch_canary(
            key.namespace, stage.group_of(key), key.name, interval=run.number("interval")
        )


def _mirror(stage: Stage, run: Running) -> None:
    namespace, _, name = run.text("to").rpartition("/")
    for key in stage.keys(run.target):
        shadow = ServiceKey(key.cluster, namespace or key.namespace, name)
        stage.levers.mirror(key, shadow if name else None)


def _recover(stage: Stage, run: Running) -> None:
    for node in stage.nodes_of(run.target):
        stage.levers.recover_node(node)


OPERATIONS = table(
    Action(
        "scale",
        "sets the replicas of a pool",
        _scale,
        parameters=(Parameter("replicas", "how many", "whole", None, 0, 10_000),),
        acts_on="services",
    ),
    Action(
        "autoscale",
        "gives a pool an autoscaler, or its own other bounds and another rule",
        _autoscale,
        parameters=(
            Parameter("min", "replicas; 0 needs KEDA", "whole", 1, 0, 10_000),
            Parameter("max", "replicas", "whole", None, 1, 10_000),
            Parameter("metric", "what decides", "choice", "saturation", choices=tuple(_METRICS)),
            Parameter("target", "of its mean per replica", "number", 1.0, 0.001, 1e6),
            Parameter("keda", "whether a new one is KEDA's", "flag", False),
        ),
        acts_on="services",
        unfit=_unfit_bounds,
    ),
    Action("stop", "stops a service on purpose", _stop, acts_on="services"),
    Action("start", "starts a stopped service", _start, acts_on="services"),
    Action("restart", "replaces all replicas", _restart, acts_on="services"),
    Action("remove", "deletes a service", _remove, acts_on="services"),
    Action(
        "roll-out",
        "starts a new revision",
        _roll_out,
        parameters=(
            Parameter("image", "of the new revision", "text", least=1),
            Parameter(
                "strategy",
                "a few at a time, all anew, or all beside the old ones and then a switch",
                "choice",
                "rolling",
                choices=tuple(_STRATEGIES),
            ),
            Parameter("max_surge", 'replicas too many, such as "1" or "25%"', "text", ""),
            Parameter("max_unavailable", "replicas that may be missing", "text", ""),
            Parameter("hold", "whether a blue-green switch waits for promote", "flag", False),
            Parameter("auto_undo", "whether it is undone when it is overdue", "flag", False),
            Parameter(
                "tpot_times", "time of a step, against the old one", "number", 1.0, 0.05, 20.0
            ),
            Parameter("error_rate", "share of requests that fail", "number", 0.0, 0.0, 1.0),
            Parameter("start_fails", "last words of an engine that cannot start", "text", ""),
        ),
        acts_on="services",
        unfit=_unfit_sizes,
    ),
    Action("pause-rollout", "holds a rollout", _pause_rollout, acts_on="services"),
    Action("resume-rollout", "lets a held rollout go on", _resume_rollout, acts_on="services"),
    Action(
        "promote",
        "gives a service all traffic of its group, or lets its held rollout go on",
        _promote,
        acts_on="services",
    ),
    Action(
        "abort",
        "takes all traffic of its group from a service, or undoes its rollout",
        _abort,
        acts_on="services",
    ),
    Action("undo", "goes back to the revision before", _undo, acts_on="services"),
    Action(
        "set-weight",
        "sets the weight of a service in its route group",
        _set_weight,
        parameters=(
            Parameter("weight", "proportional to the others'", "whole", None, 0, 1_000_000),
        ),
        acts_on="services",
    ),
    Action(
        "watch-canary",
        "judges a canary by its metrics, and takes its traffic when it is worse",
        _watch_canary,
        parameters=(Parameter("interval", "between looks", "duration", 15.0, 1.0, 3_600.0),),
        acts_on="services",
    ),
    Action(
        "mirror",
        "sends a copy of every request to a shadow",
        _mirror,
        parameters=(Parameter("to", "the shadow; empty ends it", "text"),),
        acts_on="services",
    ),
    Action("recover-node", "brings a node back", _recover, acts_on="nodes"),
)
