"""The fields mtop uses of dynamic resource allocation (DRA), resource.k8s.io v1beta1 to v1."""

from __future__ import annotations

from mtop_tui.kserve.schema import Quantity, Read
from mtop_tui.providers.live.objects.schema import Meta


class ExactRequest(Read, frozen=True, kw_only=True):
    """So many devices of a class; no count means 1."""

    device_class_name: str = ""
    count: int | None = None


class DeviceRequest(Read, frozen=True, kw_only=True):
    """What is asked for; before v1beta2 it stands here itself."""

    exactly: ExactRequest | None = None
    device_class_name: str = ""
    count: int | None = None


class DeviceRequests(Read, frozen=True, kw_only=True):
    """All that a claim asks for."""

    requests: list[DeviceRequest] | None = None


class ClaimSpec(Read, frozen=True, kw_only=True):
    """What a claim asks for."""

    devices: DeviceRequests = DeviceRequests()


class DeviceResult(Read, frozen=True, kw_only=True):
    """A device that was given: its name within a pool of a driver."""

    driver: str = ""
    pool: str = ""
    device: str = ""


class DeviceResults(Read, frozen=True, kw_only=True):
    """All devices that were given."""

    results: list[DeviceResult] | None = None


class Allocation(Read, frozen=True, kw_only=True):
    """What a claim got."""

    devices: DeviceResults = DeviceResults()


class Consumer(Read, frozen=True, kw_only=True):
    """Who may use what a claim got."""

    resource: str = ""
    uid: str = ""


class ClaimStatus(Read, frozen=True, kw_only=True):
    """What a claim got, and for whom."""

    allocation: Allocation | None = None
    reserved_for: list[Consumer] | None = None


class ResourceClaim(Read, frozen=True, kw_only=True):
    """A claim to devices."""

    metadata: Meta
    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus | None = None


class Attribute(Read, frozen=True, kw_only=True):
    """What a driver says of a device."""

    string: str | None = None


class Capacity(Read, frozen=True, kw_only=True):
    """How much of something a device has."""

    value: Quantity | None = None


class BasicDevice(Read, frozen=True, kw_only=True):
    """What a device is."""

    attributes: dict[str, Attribute] | None = None
    capacity: dict[str, Capacity] | None = None


class Device(BasicDevice, frozen=True, kw_only=True):
    """One device; before v1beta2 what it is stands under `basic`."""

    name: str
    basic: BasicDevice | None = None


class SlicePool(Read, frozen=True, kw_only=True):
    """The pool that devices belong to."""

    name: str = ""


class SliceSpec(Read, frozen=True, kw_only=True):
    """Devices of one driver, of one node where one is named."""

    driver: str = ""
    node_name: str | None = None
    pool: SlicePool = SlicePool()
    devices: list[Device] | None = None


class ResourceSlice(Read, frozen=True, kw_only=True):
    """What a driver offers."""

    metadata: Meta
    spec: SliceSpec = SliceSpec()
