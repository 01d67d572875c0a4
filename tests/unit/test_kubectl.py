"""The kubectl commands that show what a screen shows."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.observations import KubeEvent, ObjectRef, ServiceKey
from mtop_tui.views import kubectl

KEY = ServiceKey("test", "production", "chat")
READS = {"get", "describe", "logs", "cluster-info", "auth"}


def commands(key: ServiceKey) -> list[str]:
    event = KubeEvent(
        at=0.0,
        ref=ObjectRef(key.cluster, key.namespace, "Event", "said"),
        involved=ObjectRef(key.cluster, key.namespace, "Pod", key.name),
        severity="Normal",
        reason="Scheduled",
        message="",
    )
    found = [
        *kubectl.of_fleet([key.namespace], key),
        *kubectl.of_logs(key, 9, previous=True, since=90.0),
        *kubectl.of_events(event),
        *kubectl.of_objectives(key),
        *kubectl.of_rollout([key]),
        *kubectl.of_cost(key),
        *kubectl.of_sources([key.namespace]),
    ]
    return [one.command for one in found]


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_stay_one_word_of_the_shell_whatever_they_hold(namespace: str, name: str) -> None:
    for command in commands(ServiceKey("test", namespace, name)):
        words = shlex.split(command)
        assert words[0] == "kubectl"
        if "-n" in words:
            assert words[words.index("-n") + 1] == namespace


def test_all_of_them_only_read() -> None:
    for command in commands(KEY):
        words = [word for word in shlex.split(command)[1:] if word not in ("-n", "production")]
        assert words[0] in READS, command


def test_a_fleet_of_some_namespaces_is_asked_for_one_by_one() -> None:
    said = [one.command for one in kubectl.of_fleet(("a", "b"), None)]
    assert "kubectl get llmisvc -n a" in said
    assert "kubectl get llmisvc -n b" in said
    assert "kubectl get llmisvc -A" in [one.command for one in kubectl.of_fleet((), None)]


def test_the_logs_of_many_replicas_need_as_many_streams() -> None:
    many = kubectl.of_logs(KEY, 9)[0].command
    assert "logs -f" in many
    assert "--max-log-requests=9" in many
    assert "--max-log-requests" not in kubectl.of_logs(KEY, 3)[0].command
    assert "--since=90s" in kubectl.of_logs(KEY, 3, since=90.0)[0].command
    assert "--previous" in kubectl.of_logs(KEY, 3, previous=True)[0].command


def test_a_classic_service_is_asked_for_as_what_it_is() -> None:
    said = [
        one.command for one in kubectl.of_service(ServiceKey("c", "ns", "old"), kubectl.CLASSIC)
    ]
    assert said[0] == "kubectl -n ns get isvc old -o yaml"
    assert "kubectl -n ns get pods -l serving.kserve.io/inferenceservice=old -o wide" in said
    assert not any("llmisvc" in one for one in said)
