"""How Prometheus gets at the simulated fleet: a configuration, and the targets it asks for.

Addresses of simulated pods lead nowhere, so each pod is scraped by way of the API server's proxy:
that changes where a request goes, and none of the labels. Targets come by HTTP, for a Prometheus
may be built without Kubernetes' service discovery, as Debian's is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from mtop_tui.serve.access import ADMIN
from mtop_tui.serve.entries import Entry
from mtop_tui.serve.kubeconfig import authority_file, token_file
from mtop_tui.serve.proxy import ENGINE_PORT, PICKER_PORT
from mtop_tui.serve.store import Store

PATH: Final = "/mtop/targets"
SCRAPE_SECONDS: Final = 15
REFRESH_SECONDS: Final = 15
ENGINES, PICKERS = "vllm", "endpoint-picker"

_COMPONENT = "app.kubernetes.io/component"
_WORKLOAD = "llminferenceservice-workload"
_SCHEDULER = "llminferenceservice-router-scheduler"
_WORKER = "leaderworkerset.sigs.k8s.io/worker-index"


def prometheus_config(address: str, kubeconfig: Path, interval: float = SCRAPE_SECONDS) -> str:
    """The text of a `prometheus.yml`.

    Args:
        address: of the API server.
        kubeconfig: that was written for it; the authority and the token stand beside it.
        interval: seconds between two scrapes.
    """
    access = {
        "tls_config": {"ca_file": str(authority_file(kubeconfig))},
        # The type is the default, and is left out of requests for targets unless it is stated.
        "authorization": {
            "type": "Bearer",
            "credentials_file": str(token_file(kubeconfig, ADMIN)),
        },
    }
    refresh = f"{min(interval, REFRESH_SECONDS):g}s"
    body: dict[str, Any] = {
        "global": {
            "scrape_interval": f"{interval:g}s",
            "scrape_timeout": f"{min(interval, 10.0):g}s",
        },
        "scrape_configs": [
            {
                "job_name": job,
                "scheme": "https",
                **access,
                "http_sd_configs": [
                    {"url": f"{address}{PATH}/{job}", "refresh_interval": refresh, **access}
                ],
                "relabel_configs": [{"source_labels": ["pod"], "target_label": "instance"}],
            }
            for job in (ENGINES, PICKERS)
        ],
    }
    # Shared parts are written out each time: anchors are hard to read.
    return yaml.dump(body, Dumper=_Plain, sort_keys=False)


def targets(store: Store, job: str, host: str) -> list[dict[str, Any]]:
    """The pods that a job scrapes, as Prometheus' HTTP discovery has them."""
    return [
        {"targets": [host], "labels": labels}
        for entry in store.collection("pods").ordered()
        if (labels := dict(_labels(entry, job)))
    ]


def _labels(entry: Entry, job: str) -> Iterator[tuple[str, str]]:
    """Labels of a pod's series; none where the job has nothing to scrape there."""
    component = entry.identity.get(_COMPONENT, "")
    if job == ENGINES:
        # Of a group of pods the leader alone speaks.
        wanted = component.startswith(_WORKLOAD) and entry.identity.get(_WORKER, "0") == "0"
        target = f"https:{entry.name}:{ENGINE_PORT}"
    else:
        wanted = component == _SCHEDULER
        target = f"{entry.name}:{PICKER_PORT}"
    body = entry.body
    if not wanted or body["status"]["phase"] != "Running":
        return
    yield "__metrics_path__", f"/api/v1/namespaces/{entry.namespace}/pods/{target}/proxy/metrics"
    yield "namespace", entry.namespace
    yield "pod", entry.name
    yield "node", body["spec"].get("nodeName", "")
    yield "llm_isvc_name", entry.identity.get("app.kubernetes.io/name", "")
    if role := entry.identity.get("llm-d.ai/role"):
        yield "llm_isvc_role", role


class _Plain(yaml.SafeDumper):
    """Writes everything out."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """No anchors."""
        return True
