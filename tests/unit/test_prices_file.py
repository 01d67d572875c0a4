"""A user's price file: what it says, and how it complains."""

from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtop_tui.cli.main import main
from mtop_tui.config.price_file import PriceFileError, read
from mtop_tui.config.prices import bundled_prices, price_book
from mtop_tui.domain.cost.prices import Capacity, NoPrice, Price, PriceRule
from mtop_tui.observations import Node, ObjectRef

DOCS = Path(__file__).parents[2] / "docs/cost.md"
HEAD = "as_of: 2026-11-01\nprices:\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(PriceFileError) as caught:
        read(path)
    return [problem.replace(str(path), "prices.yaml") for problem in caught.value.problems]


def node(**facts: object) -> Node:
    described = {"instance_type": "p5.48xlarge", "region": "us-east-1", "gpu_type": "H100"} | facts
    ref = ObjectRef("eu", "", "Node", "n1", "uid")
    return Node(at=0.0, ref=ref, ready=True, gpus=8, **described)  # type: ignore[arg-type]


def test_every_field(tmp_path: Path) -> None:
    got = read(
        written(
            tmp_path,
            """
currency: USD
source: contract 4711
as_of: 2026-11-01
spot_without_price: on-demand
prices:
  - instance: p5.48xlarge
    region: us-east-1
    capacity: reserved
    usd_per_hour: 31.10
    source: capacity block
    as_of: "2026-10-15"
  - gpu: H100
    capacity: any
    usd_per_gpu_hour: 2.1
    discount_percent: 12.5
  - labels: {pool: blue, rack: "7"}
    usd_per_hour: 40
  - discount_percent: 20
""",
        )
    )
    contract = ("contract 4711", date(2026, 11, 1))
    assert got.rules == (
        PriceRule(
            "capacity block",
            date(2026, 10, 15),
            instance_type="p5.48xlarge",
            region="us-east-1",
            capacity=Capacity.RESERVED,
            usd_per_hour=Decimal("31.10"),
        ),
        PriceRule(
            *contract,
            gpu_type="H100",
            capacity=None,
            usd_per_gpu_hour=Decimal("2.1"),
            discount_percent=Decimal("12.5"),
        ),
        PriceRule(*contract, labels=(("pool", "blue"), ("rack", "7")), usd_per_hour=Decimal(40)),
        PriceRule(*contract, discount_percent=Decimal(20)),
    )
    assert got.spot_as_on_demand


def test_the_file_s_name_is_the_source_unless_it_says_another(tmp_path: Path) -> None:
    got = read(written(tmp_path, HEAD + "- {gpu: T4, usd_per_hour: 1}\n"))
    assert got.rules[0].source == "prices.yaml"
    assert got.rules[0].capacity is Capacity.ON_DEMAND
    assert not got.spot_as_on_demand


def test_a_record_of_a_node_is_priced_by_file_then_list(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "- {instance: home-made, usd_per_gpu_hour: 1.5}\n")
    book = price_book(path)
    assert book.price_of(node(instance_type="home-made")) == Price(
        Decimal(12), "prices.yaml", date(2026, 11, 1)
    )
    assert book.price_of(node()) == bundled_prices().price_of(node())
    assert isinstance(book.price_of(node(capacity="spot")), NoPrice)
    assert price_book(None).price_of(node()) == bundled_prices().price_of(node())


def test_spot_without_a_price(tmp_path: Path) -> None:
    path = written(tmp_path, "spot_without_price: on-demand\n" + HEAD + "- discount_percent: 10\n")
    found = price_book(path).price_of(node(capacity="spot"))
    assert isinstance(found, Price)
    assert found.usd_per_hour == Decimal("49.536")
    assert found.source.endswith("on-demand for a spot node")


ENTRY = "prices.yaml:3: prices[1]"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            "{gpu: T4, usd_per_hour: 0}",
            f"{ENTRY}.usd_per_hour: expected a number of USD above 0, such as 55.04, not 0",
        ),
        (
            "{gpu: T4, usd_per_gpu_hour: -2}",
            f"{ENTRY}.usd_per_gpu_hour: expected a number of USD above 0, such as 55.04, not -2",
        ),
        (
            "{gpu: T4, usd_per_hour: .nan}",
            f"{ENTRY}.usd_per_hour: expected a number of USD above 0, such as 55.04, not .nan",
        ),
        (
            "{gpu: T4, usd_per_hour: NaN}",
            f"{ENTRY}.usd_per_hour: expected a number of USD above 0, such as 55.04, not NaN",
        ),
        (
            "{gpu: T4, usd_per_hour: $3}",
            f"{ENTRY}.usd_per_hour: expected a number of USD above 0, such as 55.04, not $3",
        ),
        ("{gpu: T4, usd_per_hour: [1]}", f"{ENTRY}.usd_per_hour: expected text, not a list or"),
        ("{gpu: '', usd_per_hour: 1}", f"{ENTRY}.gpu: expected text, not "),
        (
            "{gpu: T4, discount_percent: 100}",
            f"{ENTRY}.discount_percent: expected a percentage above 0 and below 100, not 100",
        ),
        (
            "{gpu: T4, discount_percent: 5%}",
            f"{ENTRY}.discount_percent: expected a percentage above 0 and below 100, not 5%",
        ),
        (
            "{gpu: T4, usd_per_hour: 1, as_of: yesterday}",
            f"{ENTRY}.as_of: expected a date such as 2026-11-20, not yesterday",
        ),
        (
            "{gpu: T4, usd_per_hour: 1, capacity: cheap}",
            f"{ENTRY}.capacity: expected on-demand, spot, reserved, any, not cheap",
        ),
        (
            "{labels: blue, usd_per_hour: 1}",
            f"{ENTRY}.labels: expected a mapping of node labels, such as {{pool: h100}}, not blue",
        ),
        ("{labels: {}, usd_per_hour: 1}", f"{ENTRY}.labels: expected a mapping of node labels"),
        ("{labels: {pool: []}, usd_per_hour: 1}", f"{ENTRY}.labels.pool: expected text, not a l"),
        ("{labels: {[a]: b}, usd_per_hour: 1}", f"{ENTRY}.labels (a label): expected text, not a"),
        (
            "{gpu: T4, usd_per_hours: 1}",
            f"{ENTRY}.usd_per_hours: not known; did you mean usd_per_h",
        ),
        ("{gpu: T4, zzz: 1}", f"{ENTRY}.zzz: not known; there are instance, region, gpu, labels"),
        ("{gpu: T4, gpu: T4, usd_per_hour: 1}", f"{ENTRY}.gpu: stands here twice; keep one"),
        ("{gpu: T4}", f"{ENTRY}: neither a price nor a discount"),
        ("{gpu: T4, usd_per_hour: 1, usd_per_gpu_hour: 1}", f"{ENTRY}: a price is per node or per"),
        ("{usd_per_hour: 1}", f"{ENTRY}: would be the price of every node; say which with"),
        ("{usd_per_gpu_hour: 1}", f"{ENTRY}: would be the price of every node; say which with"),
        ("T4", f"{ENTRY}: expected `name: value` lines"),
    ],
)
def test_complaints_name_line_entry_and_field(tmp_path: Path, entry: str, expected: str) -> None:
    (problem,) = problems(tmp_path, f"{HEAD}- {entry}\n")
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "prices.yaml: empty; expected `prices:` with a list of entries"),
        ("- 1", "prices.yaml:1: the file: expected `name: value` lines"),
        ("as_of: 2026-11-01", "prices.yaml:1: no `prices:` with a list of entries"),
        ("prices: cheap", "prices.yaml:1: prices: expected a list of entries, not cheap"),
        ("prices: []", "prices.yaml:1: prices: expected a list of entries, not a list or mapping"),
        (
            "\ncurrency: EUR\nprices: []",
            "prices.yaml:2: currency: expected USD, the one currency that mtop adds up, not EUR",
        ),
        (
            "spot_without_price: free\nprices: []",
            "prices.yaml:1: spot_without_price: expected unpriced or on-demand, not free",
        ),
        ("price: []", "prices.yaml:1: price: not known; did you mean prices?"),
        ("a: [", "prices.yaml:2: not YAML: did not find expected node content"),
        ("a: \x00", "prices.yaml: not YAML: "),
        (
            "prices: [{gpu: T4, usd_per_hour: 1}]",
            "prices.yaml:1: prices[1]: no date; write as_of: YYYY-MM-DD here or at the top",
        ),
    ],
)
def test_complaints_about_the_file(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(expected)


def test_all_wrong_entries_are_named_at_once(tmp_path: Path) -> None:
    got = problems(tmp_path, HEAD + "- {gpu: T4}\n- {gpu: T4, usd_per_hour: 1}\n- {gpu: L4}\n")
    assert [problem.split(": ")[:2] for problem in got] == [
        ["prices.yaml:3", "prices[1]"],
        ["prices.yaml:5", "prices[3]"],
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match="cannot be read: No such file"):
        read(tmp_path / "none.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"source: caf\xe9\n")
    with pytest.raises(PriceFileError, match=r"not UTF-8 text \(byte 11\)"):
        read(latin)


@given(st.text(max_size=60))
def test_any_text_is_read_or_complained_about(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(HEAD + "- gpu: T4\n  usd_per_hour: " + text, encoding="utf-8", errors="replace")
    with suppress(PriceFileError):
        assert all(rule.usd_per_hour and rule.usd_per_hour > 0 for rule in read(path).rules)


def test_the_example_in_the_docs_is_a_price_file(tmp_path: Path) -> None:
    example = DOCS.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    got = read(written(tmp_path, example))
    assert len(got.rules) == 5


@pytest.mark.parametrize("command", [["list"], ["simulate", "canary-failure", "--for", "5s"]])
def test_an_entry_for_none_of_the_nodes_is_told_with_its_line_and_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command
) -> None:
    entries = "- {gpu: H100, usd_per_gpu_hour: 2}\n- {gpu: H1OO, usd_per_gpu_hour: 2}\n"
    path = written(tmp_path, HEAD + entries)
    monkeypatch.setattr("sys.argv", ["mtop", "--prices", str(path), *command])
    assert main() == 0
    err = capfd.readouterr().err
    assert f"mtop: {path}:4: prices[2]: is for none of the nodes" in err
    assert f"{path}:3" not in err
