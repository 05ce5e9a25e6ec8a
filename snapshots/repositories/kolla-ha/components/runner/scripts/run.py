"""One run of a deployer: stage its configuration, take the lease, run the commands of an action.

What the commands are says /config/runner.yaml. Python's standard library and PyYAML, nothing else.
"""

import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

import yaml

CONFIG = Path(os.environ.get("RUNNER_CONFIG", "/config"))
SECRETS = Path(os.environ.get("RUNNER_SECRETS", "/secrets")) / "secrets.yaml"
CERTIFICATES = Path(os.environ.get("RUNNER_CERTIFICATES", "/certificates"))
ACCOUNT = Path(os.environ.get("RUNNER_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
TERMINATION_LOG = Path(os.environ.get("RUNNER_LOG", "/dev/termination-log"))
ROOT = Path(os.environ.get("RUNNER_ROOT", "/"))
API = os.environ.get("RUNNER_API", "https://kubernetes.default.svc")
LEASE_SECONDS = 60
WAIT_SECONDS = int(os.environ.get("RUNNER_WAIT", "3600"))
LOG_LIMIT = 4096


def say(text):
    print("runner: " + text, flush=True)


def files_in(folder):
    """By key, the files of a mounted ConfigMap or Secret, or of a folder of the repository.

    A key has `__` for each `/` of the path. The links that Kubernetes makes for itself begin with two dots.
    """
    found = {}
    for path in folder.rglob("*") if folder.is_dir() else ():
        inner = path.relative_to(folder)
        if path.is_file() and not any(part.startswith("..") for part in inner.parts):
            found[inner.as_posix().replace("/", "__")] = path
    return sorted(found.items())


def digest(folder):
    """What names a configuration: `sha256sum` of the lines that `sha256sum` prints of its keys, sorted."""
    lines = [hashlib.sha256(path.read_bytes()).hexdigest() + "  " + key for key, path in files_in(folder)]
    return hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()


def lookup(secrets, place):
    node = secrets
    for key in place.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    if node is None or isinstance(node, dict):
        sys.exit("runner: the secret " + place + " is missing in runner-secrets")
    return str(node)


def write(path, content, mode):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(content)


def stage(plan):
    """Lay out the configuration as the deployer wants it, and the files that are made of secrets."""
    target = ROOT / plan["directory"].lstrip("/")
    for key, path in files_in(CONFIG):
        write(target / key.replace("__", "/"), path.read_bytes(), 0o640)
    for key, path in files_in(CERTIFICATES):
        write(target / "certificates" / key.replace("__", "/"), path.read_bytes(), 0o600)
    secrets = yaml.safe_load(SECRETS.read_text("utf-8")) if SECRETS.is_file() else {}
    for made in plan.get("files", []):
        text = made["text"].replace("@", lookup(secrets, made["secret"]))
        write(ROOT / made["path"].lstrip("/"), text.encode(), 0o600)


class Cluster:
    """The few objects of the API server that a run touches, as the service account of the Pod."""

    def __init__(self):
        self.namespace = os.environ.get("RUNNER_NAMESPACE", "runner")
        self.context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")) if API.startswith("https") else None

    def call(self, method, path, body=None):
        """The status code and the object."""
        headers = {
            "Authorization": "Bearer " + (ACCOUNT / "token").read_text().strip(),
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(API + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, {}
        except OSError as error:  # the server is away; the lease lives on for a while
            say("the API server does not answer: " + type(error).__name__)
            return 0, {}

    def put(self, base, item):
        """Make an object, or bring one to this content."""
        place = base + "/namespaces/" + self.namespace + "/" + item["kind"].lower() + "s"
        item["metadata"]["namespace"] = self.namespace
        name = item["metadata"]["name"]
        code, there = self.call("GET", place + "/" + name)
        if code == 404:
            code, _ = self.call("POST", place, item)
        elif code == 200:
            item["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"]
            code, _ = self.call("PUT", place + "/" + name, item)
        return code


class Lease:
    """The lease `runner`: whoever holds it may change the hosts. It ends by itself a minute after its holder."""

    base = "/apis/coordination.k8s.io/v1"

    def __init__(self, cluster, holder):
        self.cluster, self.holder = cluster, holder
        self.place = self.base + "/namespaces/" + cluster.namespace + "/leases"
        self.lost = threading.Event()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.keep, daemon=True)

    def take(self):
        """Try once; True when it is ours."""
        code, there = self.cluster.call("GET", self.place + "/runner")
        spec = there.get("spec", {})
        if code == 200 and spec.get("holderIdentity") not in (None, "", self.holder):
            renewed = datetime.strptime(spec["renewTime"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
            if (datetime.now(timezone.utc) - renewed).total_seconds() < spec["leaseDurationSeconds"]:
                return False
        elif code not in (200, 404):
            sys.exit("runner: the lease cannot be read: HTTP " + str(code))
        return self.hold(self.holder, there) in (200, 201)

    def hold(self, holder, there):
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        item = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "runner", "namespace": self.cluster.namespace},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now},
        }
        if not there:
            return self.cluster.call("POST", self.place, item)[0]
        item["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"]
        return self.cluster.call("PUT", self.place + "/runner", item)[0]

    def keep(self):
        while not self.done.wait(LEASE_SECONDS / 3):
            code, there = self.cluster.call("GET", self.place + "/runner")
            if code == 200 and there["spec"].get("holderIdentity") != self.holder:
                self.lost.set()
                os.kill(os.getpid(), signal.SIGTERM)
            elif code == 200:
                self.hold(self.holder, there)

    def __enter__(self):
        end = time.monotonic() + WAIT_SECONDS
        while not self.take():
            if time.monotonic() > end:
                sys.exit("runner: another run holds the lease for too long")
            say("another run holds the lease; waiting")
            time.sleep(15)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        code, there = self.cluster.call("GET", self.place + "/runner")
        if code == 200 and there["spec"].get("holderIdentity") == self.holder:
            self.hold("", there)


class Commands:
    """The commands of a run, one after the other; the end of the run is the end of the one that runs."""

    def __init__(self, environment):
        self.environment = {**os.environ, **environment}
        self.child = None
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self.stop)

    def stop(self, number, _):
        if self.child is not None:
            self.child.terminate()
        raise SystemExit(128 + number)

    def run(self, argv, environment=None, output=None):
        say("$ " + " ".join(argv))
        self.child = subprocess.Popen(argv, env={**self.environment, **(environment or {})}, stdout=output)
        text = self.child.communicate()[0]
        code, self.child = self.child.returncode, None
        return code, text


def ansible_json(text):
    """The JSON that Ansible's callback printed after its messages."""
    lines = text.decode("utf-8", "replace").splitlines()
    start = lines.index("{")
    return json.loads("\n".join(lines[start:]))


def compare(text):
    """What would change, of a run with --check --diff: host and file, never a line of it."""
    found = ansible_json(text)
    hosts = {
        name: {key: stats[key] for key in ("changed", "failures", "unreachable")}
        for name, stats in sorted(found["stats"].items())
    }
    files, failed = [], []
    for play in found["plays"]:
        for task in play["tasks"]:
            for host, result in sorted(task["hosts"].items()):
                name = task["task"].get("name", "")
                for one in [result, *result.get("results", [])]:
                    if one.get("failed") or one.get("unreachable"):
                        failed.append({"host": host, "task": name})
                    diffs = one.get("diff") or [] if one.get("changed") else []
                    for diff in diffs if isinstance(diffs, list) else [diffs]:
                        place = diff.get("before_header") or diff.get("after_header")
                        files.append({"host": host, "path": str(place or ""), "task": name})
    return {"hosts": hosts, "files": unique(files), "failed": unique(failed)}


def unique(items):
    return [dict(item) for item in dict.fromkeys(tuple(sorted(item.items())) for item in items)]


def drift(plan, commands, cluster):
    """Compare, report, and fail where something differs: a failed Job is what an alert sees."""
    spec = plan["drift"]
    code, text = commands.run(spec["command"], spec.get("environment"), subprocess.PIPE)
    report = {
        "apiVersion": "openinfra.dev/v1alpha1",
        "kind": "RunReport",
        "site": os.environ.get("RUNNER_SITE", ""),
        "configuration": digest(CONFIG),
        "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    try:
        report.update(compare(text))
    except (ValueError, KeyError) as error:
        sys.exit("runner: " + spec["command"][0] + " printed no report (" + type(error).__name__ + ")")
    report["checks"] = [
        {"command": " ".join(argv[:2]), "ok": commands.run(argv)[0] == 0} for argv in spec.get("checks", [])
    ]
    whole = json.dumps(report, indent=2, sort_keys=True)
    print(whole, flush=True)
    write_log(report, whole)
    if cluster is not None:
        item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "runner-report"}, "data": {"report.json": whole}}
        status = cluster.put("/api/v1", item)
        if status not in (200, 201):
            say("the report could not be kept: HTTP " + str(status))
    differs = any(sum(stats.values()) for stats in report["hosts"].values())
    return 1 if code or differs or not all(check["ok"] for check in report["checks"]) else 0


def write_log(report, whole):
    """What the status of the Pod shows: the report, or only its numbers where it is too long for that."""
    if len(whole) > LOG_LIMIT:
        whole = json.dumps({**report, "files": [], "failed": [], "omitted": len(report["files"])}, sort_keys=True)
    try:
        TERMINATION_LOG.write_text(whole[:LOG_LIMIT])
    except OSError as error:
        say("no termination log: " + type(error).__name__)


def main():
    action = sys.argv[1]
    plan = yaml.safe_load((CONFIG / "runner.yaml").read_text("utf-8"))
    if action != "drift" and action not in plan["actions"]:
        sys.exit("runner: no action " + action + "; there are drift, " + ", ".join(plan["actions"]))
    say(action + " of configuration " + digest(CONFIG))
    stage(plan)
    commands = Commands(plan.get("environment", {}))
    if not (ACCOUNT / "token").is_file():
        say("outside of a cluster: no lease, and nobody else may run")
        sys.exit(perform(action, plan, commands, None))
    cluster = Cluster()
    with Lease(cluster, os.environ.get("RUNNER_HOLDER", "runner")):
        code = perform(action, plan, commands, cluster)
    sys.exit(code)


def perform(action, plan, commands, cluster):
    if action == "drift":
        return drift(plan, commands, cluster)
    for argv in plan["actions"][action]:
        code, _ = commands.run(argv)
        if code:
            say(" ".join(argv[:2]) + " failed (" + str(code) + "); " + plan.get("hints", {}).get(argv[1], "read above"))
            return code
    say(action + " is done")
    return 0


if __name__ == "__main__":
    main()
