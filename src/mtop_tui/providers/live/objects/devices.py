"""GPUs that are claimed as devices (DRA): how many a pod has, and of which type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from mtop_tui.kserve.gpus import gpu_name
from mtop_tui.providers.live.objects.names import Place, place_of
from mtop_tui.providers.live.objects.schema import Meta, Pod
from mtop_tui.providers.live.objects.schema_devices import (
    BasicDevice,
    DeviceRequest,
    ResourceClaim,
    ResourceSlice,
)

_MIB: Final = 1024 * 1024
_UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "k": 10**3, "M": 10**6, "G": 10**9}


class Claimed(NamedTuple):
    """GPUs that a replica claims; the type is None where drivers name none, or several."""

    gpus: int
    gpu_type: str | None


class Offered(NamedTuple):
    """Whole GPUs that a node offers as devices."""

    gpus: int
    gpu_type: str | None


class Devices:
    """Claims, and what drivers offer."""

    def __init__(self) -> None:
        self._claims: dict[Place, ResourceClaim] = {}
        self._users: dict[str, dict[Place, None]] = {}
        self._slices: dict[str, ResourceSlice] = {}
        self._types: dict[tuple[str, str, str], str | None] = {}
        self._of_node: dict[str, dict[str, None]] = {}

    def take_claim(self, metadata: Meta, body: ResourceClaim | None) -> set[str]:
        """A claim is as it is now, or gone; uids of the pods of which that is news."""
        place = place_of(metadata)
        before = set(_users(self._claims.pop(place, None)))
        for uid in before:
            self._users.get(uid, {}).pop(place, None)
        after = set(_users(body))
        if body is not None:
            self._claims[place] = body
            for uid in after:
                self._users.setdefault(uid, {})[place] = None
        return before | after

    def take_slice(self, metadata: Meta, body: ResourceSlice | None) -> str:
        """What a driver offers now, or no more; the node of which that is news, or nothing."""
        before = self._slices.pop(metadata.name, None)
        found = body or before
        if before is not None:
            for device in before.spec.devices or ():
                self._types.pop((before.spec.driver, before.spec.pool.name, device.name), None)
            self._of_node.get(before.spec.node_name or "", {}).pop(metadata.name, None)
        if body is not None:
            self._slices[metadata.name] = body
            self._of_node.setdefault(body.spec.node_name or "", {})[metadata.name] = None
            for device in body.spec.devices or ():
                key = body.spec.driver, body.spec.pool.name, device.name
                self._types[key] = _type_of(device.basic or device)
        return (found.spec.node_name or "") if found is not None else ""

    def of_pods(self, parts: Iterable[Pod]) -> Claimed | None:
        """The GPUs of a replica; None where its pods claim none."""
        count, types = 0, set()
        for pod in parts:
            for place in self._users.get(pod.metadata.uid or "", ()):
                for gpu_type in self._given(self._claims[place]):
                    count += 1
                    types.add(gpu_type)
        return Claimed(count, types.pop() if len(types) == 1 else None) if count else None

    def of_node(self, name: str) -> Offered | None:
        """Whole GPUs that a node offers; None where drivers offer none there."""
        if not name:
            return None
        types = [
            _type_of(device.basic or device)
            for slice_name in self._of_node.get(name, ())
            if is_gpu_driver(self._slices[slice_name].spec.driver)
            for device in self._slices[slice_name].spec.devices or ()
            if _text(device.basic or device, "type") in {"", "gpu"}
        ]
        if not types:
            return None
        return Offered(len(types), types[0] if len(set(types)) == 1 else None)

    def _given(self, claim: ResourceClaim) -> Iterator[str | None]:
        """The type of each GPU that a claim got, or, before it got any, asks for."""
        allocation = claim.status.allocation if claim.status else None
        if allocation is None:
            for request in claim.spec.devices.requests or ():
                yield from [None] * _wanted(request)
            return
        for one in allocation.devices.results or ():
            if is_gpu_driver(one.driver):
                yield self._types.get((one.driver, one.pool, one.device))


def is_gpu_driver(driver: str) -> bool:
    """Whether a driver's devices are GPUs: "gpu.nvidia.com" and its like from other makers."""
    return "gpu" in driver.partition(".")[0]


def _wanted(request: DeviceRequest) -> int:
    """GPUs that a request asks for; classes are called after their drivers, as a rule."""
    exact = request.exactly
    name = exact.device_class_name if exact else request.device_class_name
    count = exact.count if exact else request.count
    return (1 if count is None else max(0, count)) if is_gpu_driver(name) else 0


def _users(claim: ResourceClaim | None) -> Iterator[str]:
    if claim is None or claim.status is None:
        return
    for one in claim.status.reserved_for or ():
        if one.resource == "pods" and one.uid:
            yield one.uid


def _type_of(device: BasicDevice) -> str | None:
    """The type as price lists call it; a MIG slice keeps its profile."""
    product = _text(device, "productName")
    if not product:
        return None
    profile = _text(device, "profile")
    name = f"{product}-MIG-{profile}" if profile and _text(device, "type") == "mig" else product
    return gpu_name(name, _memory_mib(device))


def _text(device: BasicDevice, name: str) -> str:
    """An attribute, whose name may have the driver's before it."""
    for key, attribute in (device.attributes or {}).items():
        if key.rpartition("/")[2] == name:
            return attribute.string or ""
    return ""


def _memory_mib(device: BasicDevice) -> float | None:
    for key, capacity in (device.capacity or {}).items():
        if key.rpartition("/")[2] == "memory" and capacity.value is not None:
            return _bytes(str(capacity.value)) / _MIB
    return None


def _bytes(quantity: str) -> float:
    unit = next((one for one in _UNITS if quantity.endswith(one)), "")
    try:
        return float(quantity.removesuffix(unit)) * _UNITS.get(unit, 1)
    except ValueError:
        return 0.0
