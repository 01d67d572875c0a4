"""What a container wrote is there when asked for, bounded, and what is lost is counted."""

import pytest

from mtop_tui.domain.diagnosis.signatures import engine_stats, match
from mtop_tui.engine.outputs.container import MAIN, STORAGE_INITIALIZER, ContainerFacts
from mtop_tui.engine.outputs.logbook import Logbook, ring_limit
from mtop_tui.engine.outputs.ring import LINES, LogRing
from mtop_tui.engine.serving.replica import ReplicaStats
from mtop_tui.observations import LogLine, ObjectRef, ServiceKey

AT = 1_800_000_000.0
FACTS = ContainerFacts(model="m", weights=16e9, ranks=2, kv_tokens=100_000, kv_bytes=1e10)
POD = ObjectRef("mock", "prod", "Pod", "llama-kserve-abc-1", "u1")
SERVICE = ServiceKey("mock", "prod", "llama")
STATS = ReplicaStats(3, 1, 0.25, 1000.0, 200.0, 0.5)


def ring(limit: int = LINES) -> LogRing:
    return LogRing(POD, MAIN, FACTS, limit=limit)


def started(limit: int = LINES) -> LogRing:
    found = ring(limit)
    found.stage(AT, "start")
    found.stage(AT + 12, "weights", seconds=8.0)
    found.stage(AT + 20, "compile", seconds=30.0)
    found.stage(AT + 50, "ready")
    return found


def serve(one: LogRing, start: float, intervals: int) -> float:
    for number in range(intervals):
        one.record(start + 10 * number, STATS, finished=5)
    return start + 10 * intervals


def in_order(lines: list[LogLine]) -> bool:
    return [line.at for line in lines] == sorted(line.at for line in lines)


def test_lines_appear_as_time_passes() -> None:
    one = started()
    assert one.read(AT - 1).lines == []
    half, whole = one.read(AT + 16).lines, one.read(AT + 60).lines
    assert 0 < len(half) < len(whole)
    assert whole[: len(half)] == half
    assert whole[-1].text.endswith("Application startup complete.")
    assert in_order(whole)


def test_since_and_tail_choose_from_the_end() -> None:
    one = started()
    end = serve(one, AT + 60, 50)
    everything = one.read(end).lines
    assert in_order(everything)
    assert one.read(end, tail=7).lines == everything[-7:]
    assert one.read(end, tail=0).lines == []
    assert one.read(end, since=AT + 300).lines == [one for one in everything if one.at >= AT + 300]
    assert one.read(end, since=AT + 300, tail=3).lines == everything[-3:]
    assert one.read(end).dropped == one.read(end, tail=7).dropped == 0


def test_what_follows_is_told_once_and_nothing_comes_late() -> None:
    one = started()
    end = serve(one, AT + 60, 6)
    told, last = [], AT - 1
    while last < end:
        told += one.read_after(last, last + 3.7)
        last += 3.7
    assert told == one.read(last).lines


def test_two_thousand_lines_are_kept_and_the_rest_is_counted() -> None:
    one = started()
    end = serve(one, AT + 60, 2_000)
    page = one.read(end)
    assert 0.9 * LINES <= len(page.lines) <= LINES
    unbounded = started(10**9)
    serve(unbounded, AT + 60, 2_000)
    assert page.dropped + len(page.lines) == len(unbounded.read(end).lines)
    assert page.lines == unbounded.read(end).lines[-len(page.lines) :]
    assert one.read(end, tail=100).dropped == 0
    assert one.read(end, since=end - 100).dropped == 0
    assert one.read(end, tail=10**6).dropped == page.dropped


def test_few_lines_can_be_kept_too() -> None:
    one = started(20)
    end = serve(one, AT + 60, 40)
    page = one.read(end)
    assert 12 <= len(page.lines) <= 20
    assert page.dropped > 100


def test_texts_and_stages_are_bounded_too() -> None:
    one = ring(50)
    for number in range(120):
        one.write(AT + number, f"line {number}")
    page = one.read(AT + 500)
    assert [line.text for line in page.lines] == [f"line {number}" for number in range(70, 120)]
    assert page.dropped == 70
    flapping = ring()
    for number in range(500):
        flapping.stage(AT + 100 * number, "hang" if number % 2 == 0 else "resume")
    page = flapping.read(AT + 60_000)
    assert len(page.lines) + page.dropped == 250
    assert page.dropped > 200


def test_the_previous_container_is_kept_and_the_one_before_is_not() -> None:
    one = started()
    one.fail(AT + 55, "cuda-oom")
    one.restart(AT + 65)
    one.stage(AT + 65, "start")
    said = [
        m.signature for line in one.read(AT + 900, previous=True).lines if (m := match(line.text))
    ]
    assert "cuda-oom" in said
    assert all(match(line.text) is None for line in one.read(AT + 900).lines)
    one.restart(AT + 100)
    assert "cuda-oom" not in str(one.read(AT + 900, previous=True).lines)
    assert ring().read(AT + 900, previous=True).lines == []


def test_following_goes_over_a_restart() -> None:
    one = started()
    one.fail(AT + 55, "cuda-oom")
    one.restart(AT + 65)
    one.stage(AT + 65, "start")
    text = "\n".join(line.text for line in one.read_after(AT + 52, AT + 900))
    assert "CUDA out of memory" in text
    assert text.index("CUDA out of memory") < text.index("vLLM API server version")


def test_a_dead_container_writes_nothing_more() -> None:
    one = started()
    one.record(AT + 60, STATS, finished=5)
    one.fail(AT + 63, "illegal-memory")
    lines = one.read(AT + 900).lines
    assert lines[-1].at == AT + 63
    killed = started()
    killed.record(AT + 60, STATS, finished=5)
    killed.end(AT + 60)
    assert engine_stats(killed.read(AT + 900).lines[-1].text) is not None


def test_a_hang_complains_until_it_ends() -> None:
    one = started()
    one.stage(AT + 100, "hang")
    one.stage(AT + 290, "resume")
    stalls = [line for line in one.read(AT + 900).lines if "shm_broadcast" in line.text]
    assert [line.at for line in stalls] == [AT + 160, AT + 220, AT + 280]


def test_a_failure_can_be_watched_as_a_record() -> None:
    record = started().fail(AT + 70, "nccl-timeout", seconds=600.0)
    assert (record.ref, record.container, record.at) == (POD, MAIN, AT + 70)
    assert {m.signature for line in record.lines if (m := match(line.text))} == {
        "nccl-timeout", "engine-died",
    }  # fmt: skip


def test_stages_that_do_not_exist_are_refused_when_they_are_set() -> None:
    with pytest.raises(KeyError):
        ring().stage(AT, "download", seconds=3.0)
    with pytest.raises(TypeError):
        ring().stage(AT, "weights")


def test_the_logbook_finds_containers_and_the_kernels_of_their_nodes() -> None:
    book = Logbook(AT)
    node = ObjectRef("mock", "", "Node", "gpu-1", "n1")
    main = book.open(SERVICE, POD, MAIN, FACTS, ("gpu-1",))
    init = book.open(SERVICE, POD, STORAGE_INITIALIZER, FACTS)
    other = book.open(SERVICE, POD._replace(name="other"), MAIN, FACTS, ("gpu-2",))
    kernel = book.kernel(node)
    assert book.open(SERVICE, POD, MAIN, FACTS) is main
    assert book.kernel(node) is kernel
    assert book.rings(SERVICE) == [main, init, other, kernel]
    assert book.rings(SERVICE, pod="other") == [other]
    assert book.rings(SERVICE, container=MAIN) == [main, other]
    assert book.rings(SERVICE, container="kernel") == [kernel]
    book.forget(SERVICE, POD)
    assert book.rings(SERVICE) == [other]
    book.forget(SERVICE, POD._replace(name="other"))
    assert book.rings(SERVICE) == book.rings(ServiceKey("mock", "x", "y")) == []


def test_large_fleets_keep_fewer_lines_of_each() -> None:
    assert ring_limit(1) == ring_limit(4_000) == LINES
    assert ring_limit(16_000) == LINES / 4
    assert ring_limit(10**9) == 100
