"""Where the money goes: by group, over a period, with what was idle and what was not observed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from mtop_tui.domain.cost.bill import Bill, bill_of, total_spend
from mtop_tui.domain.cost.grouping import DEFAULT_LABEL
from mtop_tui.domain.cost.money import Basis, Money, PriceOrigin, Window, total
from mtop_tui.domain.cost.prices import Price
from mtop_tui.domain.cost.reconciling import Reconciled, reconcile
from mtop_tui.domain.cost.tokens import token_prices
from mtop_tui.observations import Replica
from mtop_tui.state.accounts import Account, AccountKey, Accounts, NodeAccount
from mtop_tui.state.fleet import FleetStore
from mtop_tui.state.spend import replica_cost
from mtop_tui.text import safe
from mtop_tui.views import format as fmt
from mtop_tui.views.fleet import Why
from mtop_tui.views.table import Cell


class Grouping(NamedTuple):
    """What the money is grouped by: something that every replica has, or a label of services."""

    name: str
    is_label: bool = False


SERVICE: Final = Grouping("service")
GROUPINGS: Final = (
    SERVICE,
    Grouping("namespace"),
    Grouping(DEFAULT_LABEL, is_label=True),
    Grouping("gpu"),
    Grouping("revision"),
)
NODE_IDLE: Final = "(nodes, idle)"
"""What no replica asked for: a row of its own, so that the rows add up to the bill."""

NEARLY_ALL: Final = 0.995
"""Share that was observed from which on it reads 100 %."""


class CostFacts(NamedTuple):
    """One group over a period.

    `now` is USD per hour at this moment, `whole` the bill of all groups in USD. `beside` is what
    OpenCost says of the nodes beside what mtop would.
    """

    name: str
    namespace: str
    now: float
    account: Account
    whole: float
    origins: frozenset[PriceOrigin]
    beside: Reconciled | None = None


class CostView(NamedTuple):
    """All groups, the bill that they add up to, and the share of the period accounted for.

    `unused_prices` are entries of the price file that are for none of the nodes.
    """

    rows: dict[Hashable, CostFacts]
    bill: Bill | None
    observed: float
    unused_prices: int = 0


def costs(store: FleetStore, now: float, by: Grouping, start: float) -> CostView:
    """What each group spent from a time on; it begins with the step that this falls into."""
    accounts = store.accounts
    if accounts is None or not (nodes := accounts.nodes_since(start, now)).observed:
        return CostView({}, None, 0.0)
    spent = accounts.since(start, now)
    name_of = _naming(accounts, by)
    origins, beside = _origins(store), reconcile(store.nodes.values(), store.prices)
    sums: dict[tuple[str, str], list[Account]] = {}
    for key, account in spent.items():
        sums.setdefault(name_of(key), []).append(account)
    per_hour = _present(store, name_of)
    bill = _bill(nodes, spent.values())
    rows: dict[Hashable, CostFacts] = {
        named: CostFacts(
            named[0],
            named[1],
            per_hour.get(named, 0.0),
            _sum(found),
            nodes.usd,
            origins,
            beside,
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
        origins,
        beside,
    )
    unused = len(store.prices.unused(store.nodes.values()))
    return CostView(rows, bill, accounts.observed(start, now), unused)


def explain(facts: CostFacts) -> Why:
    """What its tokens cost, and where the prices are from."""
    account = facts.account
    if facts.name == NODE_IDLE:
        return Why(Cell("GPUs that no replica asked for"), Cell(_sources(facts), "quiet"))
    if not facts.origins:
        return Why(Cell("no node has a price"))
    if not account.prompt + account.generated > 0:
        words = "no token was served in the period: what it cost is idle, not free"
        return Why(Cell(words), Cell(_sources(facts), "quiet"))
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
    thousand = fmt.UNKNOWN if per_thousand is None else f"${per_thousand:.3g}"
    words = (
        f"a million tokens: ${fmt.dollars(prices.blended)} blended, "
        f"${fmt.dollars(prices.input)} in, ${fmt.dollars(prices.output)} out "
        f"(method {prices.method}); a thousand requests {thousand}"
    )
    return Why(Cell(words), Cell(_sources(facts), "quiet"))


def summary(view: CostView, by: Grouping, period: str) -> list[Cell]:
    """What it is grouped by, over which period, how much of that was observed, and the bill."""
    said = [Cell(f"by {safe(by.name)}"), Cell(period)]
    bill = view.bill
    if bill is None:
        return said
    share = f"{fmt.percent(view.observed)} observed"
    said.append(Cell(share, "quiet" if view.observed >= NEARLY_ALL else "warn"))
    if bill.usd > 0:
        least = ">=" if bill.unpriced_nodes else ""
        parts = zip(
            ("serving", "service idle", "node idle"),
            (bill.serving, bill.service_idle, bill.node_idle),
            strict=True,
        )
        shares = ", ".join(f"{name} {float(usd / bill.usd):.0%}" for name, usd in parts)
        said.append(Cell(f"{least}${fmt.dollars(bill.usd)}: {shares}"))
    if view.unused_prices:
        said.append(Cell(f"prices for none of the nodes: {view.unused_prices}", "warn"))
    return said


class LabelKey(NamedTuple):
    """A label that services carry: on how many, and with how many values."""

    name: str
    services: int
    values: int


def label_keys(store: FleetStore) -> list[LabelKey]:
    """All labels that services carry, those on most services first."""
    found: dict[str, list[str]] = {}
    for state in store.services():
        for name, value in ({} if state.service is None else state.service.labels).items():
            if value:
                found.setdefault(name, []).append(value)
    keys = [LabelKey(name, len(values), len(set(values))) for name, values in found.items()]
    return sorted(keys, key=lambda key: (-key.services, key.name))


def label_words(key: LabelKey) -> tuple[str, str]:
    """A label in a list to choose from, and how much it tells apart."""
    services = "1 service" if key.services == 1 else f"{key.services} services"
    values = "1 value" if key.values == 1 else f"{key.values} values"
    return key.name, f"{values} on {services}"


def _naming(accounts: Accounts, by: Grouping) -> Callable[[AccountKey], tuple[str, str]]:
    """Name and namespace of the group that an account belongs to."""
    if by.is_label:
        return lambda key: (accounts.labels(key.service).get(by.name) or f"no {by.name}", "")
    named: dict[str, Callable[[AccountKey], tuple[str, str]]] = {
        "service": lambda key: (key.service.name, key.service.namespace),
        "namespace": lambda key: (key.service.namespace, ""),
        "gpu": lambda key: (key.gpu_type or "no GPU", ""),
        "revision": lambda key: (
            f"{key.service.name} {key.revision or fmt.UNKNOWN}",
            key.service.namespace,
        ),
    }
    return named[by.name]


def _present(
    store: FleetStore, name_of: Callable[[AccountKey], tuple[str, str]]
) -> dict[tuple[str, str], float]:
    """USD per hour of each group at this moment."""
    sums: dict[tuple[str, str], float] = {}
    for state in store.services():
        placed: dict[AccountKey, list[Replica]] = {}
        for replica in state.replicas.values():
            if replica.nodes:
                key = AccountKey(state.key, replica.revision, replica.gpu_type or "")
                placed.setdefault(key, []).append(replica)
        for key, replicas in placed.items():
            cost = (
                store.summary(state).cost  # which is kept
                if len(placed) == 1
                else total(replica_cost(one, store.nodes, store.prices) for one in replicas)
            )
            sums[name_of(key)] = sums.get(name_of(key), 0.0) + float(cost.usd)
    return sums


def _sum(accounts: Sequence[Account]) -> Account:
    if len(accounts) == 1:
        return accounts[0]
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


def _sources(facts: CostFacts) -> str:
    said = sorted(
        source if as_of is None else f"{source}, {as_of}" for source, as_of in facts.origins
    )
    if not said:
        return "no node has a price"
    return f"prices: {'; '.join([*said, *_difference(facts.beside)])}"


def _difference(beside: Reconciled | None) -> Iterator[str]:
    """What OpenCost says beside mtop's own prices of the same nodes."""
    if beside is None:
        return
    if (apart := beside.difference) is not None:
        of = "1 node" if beside.nodes == 1 else f"{beside.nodes} nodes"
        share = f"{abs(apart):.1%} {'more' if apart > 0 else 'less'}"
        yield (
            f"OpenCost says ${fmt.dollars(beside.theirs)}/h of {of}, without it"
            f" ${fmt.dollars(beside.ours)}/h: {share if abs(apart) >= 0.0005 else 'the same'}"
        )
    if beside.only_theirs:
        yield f"{beside.only_theirs} priced by OpenCost alone"
