"""Where the money goes: by group, over a period, with what was idle and what was not observed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from mtop_tui.domain.cost.bill import Bill, bill_of, total_spend
from mtop_tui.domain.cost.grouping import DEFAULT_LABEL
from mtop_tui.domain.cost.money import Basis, Money, PriceOrigin, Window
from mtop_tui.domain.cost.prices import Price
from mtop_tui.domain.cost.tokens import token_prices
from mtop_tui.observations import ServiceKey
from mtop_tui.state.accounts import Account, AccountKey, NodeAccount
from mtop_tui.state.fleet import FleetStore
from mtop_tui.views import format as fmt
from mtop_tui.views.fleet import Why
from mtop_tui.views.table import Cell, Column, SortValue

HOUR = 3600.0
PERIODS: Final = {"1h": HOUR, "6h": 6 * HOUR, "24h": 24 * HOUR, "7d": 168 * HOUR}
GROUPS: Final = ("service", "namespace", DEFAULT_LABEL, "gpu", "revision")
NODE_IDLE: Final = "(nodes, idle)"
"""What no replica asked for: a row of its own, so that the rows add up to the bill."""

UNKNOWN = Cell(fmt.UNKNOWN, "quiet")


class CostFacts(NamedTuple):
    """One group over a period.

    `now` is USD per hour at this moment. Over a period `observed` is the share of it for which
    there is an account.
    """

    name: str
    namespace: str
    now: float
    account: Account
    whole: float
    observed: float
    origins: frozenset[PriceOrigin]


class CostView(NamedTuple):
    """All groups, and the bill that they add up to."""

    rows: dict[Hashable, CostFacts]
    bill: Bill | None
    observed: float


def costs(store: FleetStore, now: float, group: str, period: float) -> CostView:
    """What each group spent over a period (seconds) before now."""
    if store.accounts is None:
        return CostView({}, None, 0.0)
    accounts = store.accounts.over(period, now)
    nodes = store.accounts.nodes_over(period, now)
    if not nodes.observed:
        return CostView({}, None, 0.0)
    name_of = _grouping(store, group)
    origins = _origins(store)
    sums: dict[tuple[str, str], list[Account]] = {}
    for key, account in accounts.items():
        sums.setdefault(name_of(key), []).append(account)
    per_hour = _present(store, name_of)
    observed = min(1.0, nodes.observed / period)
    bill = _bill(nodes, accounts.values())
    rows: dict[Hashable, CostFacts] = {
        named: CostFacts(
            named[0],
            named[1],
            per_hour.get(named, 0.0),
            _sum(found),
            nodes.usd,
            observed,
            origins,
        )
        for named, found in sums.items()
    }
    idle = float(bill.node_idle)
    rows[NODE_IDLE] = CostFacts(
        NODE_IDLE,
        "",
        max(0.0, float(store.totals().objects.bill.usd - store.totals().objects.cost.usd)),
        Account(usd=idle, idle=idle, seconds=nodes.observed),
        nodes.usd,
        observed,
        origins,
    )
    return CostView(rows, bill, observed)


def explain(facts: CostFacts) -> Why:
    """What its tokens cost, and where the prices are from."""
    account = facts.account
    if facts.name == NODE_IDLE:
        return Why(Cell("GPUs that no replica asked for"), Cell(_sources(facts.origins), "quiet"))
    if not facts.origins:
        return Why(Cell("no node has a price"))
    if not account.prompt + account.generated > 0:
        words = "no token was served in the period: what it cost is idle, not free"
        return Why(Cell(words), Cell(_sources(facts.origins), "quiet"))
    money = Money(
        Decimal(account.usd),
        Basis.ALLOCATION,
        Window(0.0, 1.0),
        facts.origins,
        frozenset({"nodes"}),
        frozenset({"other nodes"} if account.unpriced else ()),
    )
    prices = token_prices(money, account.use)
    per_thousand = 1000 * account.usd / account.requests if account.requests > 0 else None
    thousand = UNKNOWN.text if per_thousand is None else f"${per_thousand:.3g}"
    words = (
        f"a million tokens: ${fmt.dollars(prices.blended)} blended, "
        f"${fmt.dollars(prices.input)} in, ${fmt.dollars(prices.output)} out "
        f"(method {prices.method}); a thousand requests {thousand}"
    )
    return Why(Cell(words), Cell(_sources(facts.origins), "quiet"))


def summary(view: CostView, group: str, period: str) -> list[Cell]:
    """The bill in its parts, what it is grouped by, and over which period."""
    said = [Cell(f"by {group}"), Cell(f"last {period}")]
    bill = view.bill
    if bill is not None and bill.usd > 0:
        least = ">=" if bill.unpriced_nodes else ""
        parts = zip(
            ("serving", "idle services", "idle nodes"),
            (bill.serving, bill.service_idle, bill.node_idle),
            strict=True,
        )
        shares = ", ".join(f"{name} {float(usd / bill.usd):.0%}" for name, usd in parts)
        said.append(Cell(f"{least}${fmt.dollars(bill.usd)}: {shares}"))
    if view.observed < 0.995:
        said.append(Cell(f"{fmt.percent(view.observed)} of it observed", "warn"))
    return said


def _grouping(store: FleetStore, group: str) -> Callable[[AccountKey], tuple[str, str]]:
    def label(key: ServiceKey) -> str:
        state = store.service(key)
        labels = {} if state is None or state.service is None else state.service.labels
        return labels.get(group) or f"no {group}"

    groupings: dict[str, Callable[[AccountKey], tuple[str, str]]] = {
        "service": lambda key: (key.service.name, key.service.namespace),
        "namespace": lambda key: (key.service.namespace, ""),
        "gpu": lambda key: (key.gpu_type or "no GPU", ""),
        "revision": lambda key: (
            f"{key.service.name} {key.revision or fmt.UNKNOWN}",
            key.service.namespace,
        ),
    }
    return groupings.get(group, lambda key: (label(key.service), ""))


def _present(
    store: FleetStore, name_of: Callable[[AccountKey], tuple[str, str]]
) -> dict[tuple[str, str], float]:
    from mtop_tui.state.spend import replica_cost  # noqa: PLC0415 - beside its only use

    sums: dict[tuple[str, str], float] = {}
    for state in store.services():
        for replica in state.replicas.values():
            if replica.nodes:
                key = AccountKey(state.key, replica.revision, replica.gpu_type or "")
                usd = float(replica_cost(replica, store.nodes, store.prices).usd)
                sums[name_of(key)] = sums.get(name_of(key), 0.0) + usd
    return sums


def _sum(accounts: Iterable[Account]) -> Account:
    return Account(*map(sum, zip(*accounts, strict=True)))


def _bill(nodes: NodeAccount, accounts: Iterable[Account]) -> Bill:
    spend = total_spend(account.spend for account in accounts)
    return bill_of(
        Decimal(nodes.usd),
        [spend],
        priced_nodes=int(nodes.priced > 0),
        unpriced_nodes=int(nodes.unpriced > 0),
    )


def _origins(store: FleetStore) -> frozenset[PriceOrigin]:
    prices = [store.prices.price_of(node) for node in store.nodes.values() if node.gpus]
    return frozenset(
        PriceOrigin(price.source, price.as_of) for price in prices if isinstance(price, Price)
    )


def _sources(origins: frozenset[PriceOrigin]) -> str:
    said = sorted(source if as_of is None else f"{source}, {as_of}" for source, as_of in origins)
    return f"prices: {'; '.join(said)}" if said else "no node has a price"


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
