"""What the scripts of OpenStack-Helm's jobs make that other Pods wait for.

Read in the charts' `templates/bin` (openstack-helm, main, 2026-08-20): ceph-adapter-rook `_key-manager.sh`,
`_config-manager.sh`; glance and cinder `_storage-init.sh`; cinder `_backup-storage-init.sh`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.controlplane.client import Object
from tests.controlplane.cluster.kubelet import Effect

# The namespace of the Ceph cluster (ceph-adapter-rook, value `ceph_cluster_namespace`) in our skeletons.
CEPH_NAMESPACE = "ceph"


def _key(name: str) -> Callable[[str], Sequence[Object]]:
    def makes(namespace: str) -> Sequence[Object]:
        return [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": namespace},
                "type": "kubernetes.io/rbd",
                "stringData": {"key": "a key of a stand-in"},
            }
        ]

    return makes


def job_effects(ceph_namespace: str = CEPH_NAMESPACE) -> dict[str, Effect]:
    """By name of Job what it makes, and what it must find first."""
    return {
        "ceph-adapter-rook-namespace-client-key": Effect(
            _key("pvc-ceph-client-key"), (("Secret", ceph_namespace, "rook-ceph-mon"),)
        ),
        # It edits the ConfigMap that its own chart made; what counts is that it fails without Rook's.
        "ceph-adapter-rook-namespace-client-ceph-config": Effect(
            lambda _: (), (("ConfigMap", ceph_namespace, "rook-ceph-mon-endpoints"),)
        ),
        "glance-storage-init": Effect(_key("images-rbd-keyring")),
        "cinder-storage-init": Effect(_key("cinder-volume-rbd-keyring")),
        "cinder-backup-storage-init": Effect(_key("cinder-backup-rbd-keyring")),
    }
