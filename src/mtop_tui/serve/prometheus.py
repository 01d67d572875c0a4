"""A configuration with which Prometheus scrapes the simulated fleet, through the API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from mtop_tui.serve.access import ADMIN
from mtop_tui.serve.kubeconfig import authority_file, token_file

SCRAPE_SECONDS: Final = 15
ENGINES: Final = "llminferenceservice-workload.*"
PICKERS: Final = "llminferenceservice-router-scheduler"
_META: Final = "__meta_kubernetes_pod"
_COMPONENT: Final = f"{_META}_label_app_kubernetes_io_component"


def prometheus_config(address: str, kubeconfig: Path, interval: float = SCRAPE_SECONDS) -> str:
    """The text of a `prometheus.yml`.

    Pods are found as in any cluster. Their addresses lead nowhere, so each is scraped by way of the
    API server's proxy: that changes where a request goes and none of the labels.

    Args:
        address: of the API server.
        kubeconfig: that was written for it; its folder has the token and the authority too.
        interval: seconds between two scrapes.
    """
    host = address.removeprefix("https://")
    body: dict[str, Any] = {
        "global": {
            "scrape_interval": f"{interval:g}s",
            "scrape_timeout": f"{min(interval, 10.0):g}s",
        },
        "scrape_configs": [
            _job("vllm", kubeconfig, host, component=ENGINES, scheme="https:", port=8000),
            _job("endpoint-picker", kubeconfig, host, component=PICKERS, scheme="", port=9090),
        ],
    }
    return yaml.safe_dump(body, sort_keys=False)


def _job(
    name: str, kubeconfig: Path, host: str, *, component: str, scheme: str, port: int
) -> dict[str, Any]:
    path = f"/api/v1/namespaces/${{1}}/pods/{scheme}${{2}}:{port}/proxy/metrics"
    return {
        "job_name": name,
        "scheme": "https",
        "tls_config": {"ca_file": str(authority_file(kubeconfig))},
        "authorization": {"credentials_file": str(token_file(kubeconfig, ADMIN))},
        "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": str(kubeconfig.absolute())}],
        "relabel_configs": [
            {"source_labels": [_COMPONENT], "regex": component, "action": "keep"},
            # Only main containers and the port they say their metrics are on.
            {
                "source_labels": [f"{_META}_container_port_number"],
                "regex": str(port),
                "action": "keep",
            },
            # Before it runs there is nothing to scrape: a group's workers never have anything.
            {"source_labels": [f"{_META}_phase"], "regex": "Running", "action": "keep"},
            {
                "source_labels": [f"{_META}_label_leaderworkerset_sigs_k8s_io_worker_index"],
                "regex": "|0",
                "action": "keep",
            },
            {
                "source_labels": ["__meta_kubernetes_namespace", f"{_META}_name"],
                "regex": "(.+);(.+)",
                "target_label": "__metrics_path__",
                "replacement": path,
            },
            {"target_label": "__address__", "replacement": host},
            {"source_labels": [f"{_META}_name"], "target_label": "instance"},
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
            {"source_labels": [f"{_META}_name"], "target_label": "pod"},
            {"source_labels": [f"{_META}_node_name"], "target_label": "node"},
            {
                "source_labels": [f"{_META}_label_app_kubernetes_io_name"],
                "target_label": "llm_isvc_name",
            },
            {
                "source_labels": [f"{_META}_label_llm_d_ai_role"],
                "target_label": "llm_isvc_role",
            },
        ],
    }
