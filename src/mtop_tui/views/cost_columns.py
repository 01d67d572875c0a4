"""The columns of the Cost screen."""

from __future__ import annotations

from decimal import Decimal

from mtop_tui.views import format as fmt
from mtop_tui.views.cost import NODE_IDLE, CostFacts
from mtop_tui.views.table import Cell, Column, SortValue

UNKNOWN = Cell(fmt.UNKNOWN, "quiet")


def _dollars(usd: float, facts: CostFacts) -> str:
    if usd == 0:
        return fmt.UNKNOWN  # what runs on CPUs is not priced; it is not free
    text = fmt.dollars(Decimal(usd))
    return f">={text}" if facts.account.unpriced else text


def _idle(facts: CostFacts) -> float | None:
    return facts.account.idle / facts.account.usd if facts.account.usd > 0 else None


def _per_million(facts: CostFacts) -> float | None:
    tokens = facts.account.prompt + facts.account.generated
    return 1e6 * facts.account.usd / tokens if tokens > 0 and facts.account.usd > 0 else None


def _per_million_cell(facts: CostFacts) -> Cell:
    price = _per_million(facts)
    return UNKNOWN if price is None else Cell(_dollars(price, facts))


def _idle_cell(facts: CostFacts) -> Cell:
    idle = _idle(facts)
    return UNKNOWN if idle is None else Cell(fmt.percent(idle), "warn" if idle > 0.5 else "normal")


def _share(facts: CostFacts) -> SortValue:
    return facts.account.usd / facts.whole if facts.whole > 0 else None


COLUMNS: tuple[Column[CostFacts], ...] = (
    Column(
        "name",
        "GROUP",
        "What the money is grouped by",
        24,
        0,
        lambda facts: Cell(facts.name, "quiet" if facts.name == NODE_IDLE else "normal"),
        lambda facts: facts.name,
        right=False,
        grows=True,
        largest_first=False,
        keep_end=True,
    ),
    Column(
        "namespace",
        "NAMESPACE",
        "Of a service or a revision",
        9,
        6,
        lambda facts: Cell(facts.namespace, "quiet"),
        lambda facts: facts.namespace,
        right=False,
        exact=True,
        largest_first=False,
    ),
    Column(
        "now",
        "$/H NOW",
        "USD per hour at this moment",
        8,
        2,
        lambda facts: Cell(_dollars(facts.now, facts)),
        lambda facts: facts.now,
        unit="usd_per_hour",
    ),
    Column(
        "spent",
        "SPENT $",
        "USD over the period, as far as it was observed",
        8,
        0,
        lambda facts: Cell(_dollars(facts.account.usd, facts)),
        lambda facts: facts.account.usd,
        moves=True,
        unit="usd",
    ),
    Column(
        "share",
        "SHARE",
        "Of the bill",
        5,
        3,
        lambda facts: Cell(fmt.percent(facts.account.usd / facts.whole) if facts.whole else "--"),
        _share,
        moves=True,
        unit="ratio",
    ),
    Column(
        "idle",
        "IDLE",
        "Of what it spent, while no request ran",
        5,
        1,
        _idle_cell,
        _idle,
        moves=True,
        unit="ratio",
    ),
    Column(
        "tokens",
        "TOKENS",
        "Prompt and generated, over the period",
        6,
        4,
        lambda facts: Cell(fmt.count(facts.account.prompt + facts.account.generated)),
        lambda facts: facts.account.prompt + facts.account.generated,
        moves=True,
    ),
    Column(
        "token_price",
        "$/1M",
        "USD per million tokens, prompt and generated",
        6,
        1,
        _per_million_cell,
        _per_million,
        moves=True,
        unit="usd_per_million_tokens",
    ),
    Column(
        "requests",
        "REQUESTS",
        "That ended in the period",
        8,
        5,
        lambda facts: Cell(fmt.whole(facts.account.requests)),
        lambda facts: facts.account.requests,
        moves=True,
    ),
)
