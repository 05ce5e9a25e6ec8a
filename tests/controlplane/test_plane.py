from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.controlplane import crds as definitions
from tests.controlplane import plane as planes
from tests.controlplane import users
from tests.controlplane.binaries import binary
from tests.controlplane.client import ApiError, Client, holds
from tests.controlplane.missing import NotShipped, tool
from tests.controlplane.plane import ControlPlane
from tests.controlplane.processes import NotReady, Program, Run, clear_dead_runs, free_port, listens, marked

CHECKOUT = Path(__file__).parents[2]


def code_of(client: Client, method: str, path: str, body: object = None) -> int:
    """The status of the answer."""
    try:
        client.request(method, path, body)
    except ApiError as error:
        return error.code
    return 200


def test_an_api_server_of_the_pinned_version_is_ready_within_ten_seconds() -> None:
    binary("etcd"), binary("kube-apiserver")
    started = time.monotonic()
    with planes.running() as plane:
        seconds = time.monotonic() - started
        version = plane.client().request("GET", "/version")
        folder = plane.run.folder
        assert marked(folder)
    assert version["gitVersion"] == "v1.36.3"
    assert seconds < 10
    assert marked(folder) == []
    assert not folder.exists()


def test_kubectl_takes_the_kubeconfig_of_each_user(control_plane: ControlPlane) -> None:
    kubectl = tool("kubectl", "kubernetes-client")
    for user in users.USERS:
        words = [kubectl, f"--kubeconfig={control_plane.kubeconfig(user)}", "auth", "whoami", "-ojson"]
        seen = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        assert seen["status"]["userInfo"]["username"] == user


@pytest.mark.parametrize(
    ("user", "secrets", "config_maps", "write"),
    [
        (users.ADMIN, 200, 200, 200),
        (users.READER, 200, 200, 403),
        (users.NO_SECRETS, 403, 200, 403),
        (users.NOBODY, 403, 403, 403),
    ],
)
def test_each_user_gets_what_it_should(
    control_plane: ControlPlane, namespace: str, user: str, secrets: int, config_maps: int, write: int
) -> None:
    client = control_plane.client(user)
    core = f"/api/v1/namespaces/{namespace}"
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
    assert code_of(client, "GET", f"{core}/secrets") == secrets
    assert code_of(client, "GET", f"{core}/configmaps") == config_maps
    assert code_of(client, "POST", f"{core}/configmaps", made) == write


def test_a_stranger_is_turned_away(control_plane: ControlPlane) -> None:
    stranger = Client(control_plane.url, control_plane.ca, "no such token")
    assert code_of(stranger, "GET", "/api/v1/namespaces") == 401


def test_the_certificate_is_verified(control_plane: ControlPlane, tmp_path: Path) -> None:
    from tests.controlplane import pki

    pki.write(tmp_path)
    other = Client(control_plane.url, (tmp_path / "ca.crt").read_text(), control_plane.tokens["admin"])
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        other.request("GET", "/readyz")


@pytest.mark.parametrize("group", sorted(definitions.FROM_MODULES))
def test_the_crds_of_a_module_are_established_and_readable(
    control_plane: ControlPlane, crds: Callable[..., None], group: str
) -> None:
    crds(group)
    reader = control_plane.client(users.NO_SECRETS)
    wanted = definitions.load(group)
    assert wanted
    for crd in wanted:
        assert holds("Established")(reader.get(*definitions.KIND, crd["metadata"]["name"]))
        served = next(version["name"] for version in crd["spec"]["versions"] if version["served"])
        # Raises where the kind is not served or may not be read; other tests may have left objects of it.
        reader.list(f"{crd['spec']['group']}/{served}", crd["spec"]["names"]["kind"])


def test_a_group_without_module_names_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENINFRA_CRDS", str(tmp_path))
    with pytest.raises(NotShipped, match=r"rook-ceph.*OPENINFRA_CRDS"):
        definitions.load("rook-ceph")


def test_the_crds_of_a_folder_are_established(control_plane: ControlPlane, crds: Callable[..., None]) -> None:
    crds("rook-ceph")
    assert control_plane.client().list("ceph.rook.io/v1", "CephCluster") == []


def test_controller_manager_and_scheduler_do_their_work(
    control_plane: ControlPlane, namespace: str, controller_manager: Program, scheduler: Program
) -> None:
    client = control_plane.client()
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{namespace}"}}
    client.apply(node)
    room = {"cpu": "8", "memory": "16Gi", "pods": "110"}
    ready = [{"type": "Ready", "status": "True", "reason": "Test", "message": ""}]
    status = {"status": {"capacity": room, "allocatable": room, "conditions": ready}}
    client.patch(node, status, subresource="status")
    client.patch(node, {"spec": {"taints": None}})
    container = {"name": "main", "image": "example.invalid/image"}
    labels = {"app": "web"}
    client.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        }
    )
    deadline = time.monotonic() + 120
    while not any(pod["spec"].get("nodeName") for pod in client.list("v1", "Pod", namespace)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    client.delete(node)


def test_a_program_that_ends_says_so_with_its_log(tmp_path: Path) -> None:
    with closing(Run(tmp_path)) as run:
        run.start("doomed", ["sh", "-c", "echo out of luck; exit 3"])
        with pytest.raises(NotReady, match=r"doomed ended with 3 before a miracle:\nout of luck"):
            run.wait("a miracle", lambda: False)


def test_what_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    port = free_port()
    serve = (
        "import http.server as http;"
        f"http.HTTPServer(('127.0.0.1', {port}), http.BaseHTTPRequestHandler).serve_forever()"
    )
    stubborn = f'trap "" TERM; {sys.executable} -c "{serve}" & while :; do sleep 1; done'
    with closing(Run(tmp_path)) as run:
        run.start("stubborn", ["sh", "-c", stubborn])
        run.wait("a listener", lambda: listens(port))
    assert not listens(port)
    assert list(tmp_path.glob("run-*")) == []


KILLED = """
import sys, time
from pathlib import Path
from tests.controlplane.processes import Run
run = Run(Path(sys.argv[1]))
run.start("child", ["sh", "-c", "setsid sleep 1000 & exec sleep 1000"])
print(run.folder, flush=True)
time.sleep(1000)
"""


def test_a_killed_run_leaves_nothing_that_the_next_does_not_clear(tmp_path: Path) -> None:
    tool("setpriv", "util-linux")
    script = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(script, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().decode().strip())
        deadline = time.monotonic() + 10
        while len(left := marked(folder)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        clear_dead_runs(tmp_path)
        assert marked(folder) == left, "a living run is left alone"
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while len(marked(folder)) > 1:  # what the program itself moved out of its group stays
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert folder.is_dir()
    with closing(Run(tmp_path)):
        assert marked(folder) == []
        assert not folder.exists()


def test_the_client_speaks_of_what_it_waited_for(control_plane: ControlPlane, namespace: str) -> None:
    client = control_plane.client()
    with pytest.raises(TimeoutError, match="not there"):
        client.wait_for("v1", "ConfigMap", "none", namespace, until=lambda _: True, timeout=0.2)


def test_no_connection_is_left_open(control_plane: ControlPlane) -> None:
    client = control_plane.client()
    with pytest.raises(ApiError, match="404"):
        client.get("v1", "ConfigMap", "none", "default")
    assert client.find("v1", "ConfigMap", "none", "default") is None
    with pytest.raises((OSError, http.client.HTTPException)):
        Client(f"https://127.0.0.1:{free_port()}", control_plane.ca, "").request("GET", "/readyz")
