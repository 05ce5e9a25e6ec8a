"""The pure core of the drift engine: ownership, proof, differences, masks, verdicts, report."""

import base64
import copy
import json
from xml.etree import ElementTree

import pytest

from openinfra_tui.drift import managed, normalise
from openinfra_tui.drift.answer import Answer, refusal
from openinfra_tui.drift.difference import compare, predict
from openinfra_tui.drift.mask import LAST_APPLIED, Masker
from openinfra_tui.drift.model import Application, Desired, EngineRef, IgnoreRule, Key, ObjectVerdict
from openinfra_tui.drift.proof import prove
from openinfra_tui.drift.report import Report, to_plain
from openinfra_tui.drift.schema import Schemas
from openinfra_tui.drift.values import quantity, same
from openinfra_tui.drift.verdict import assess, pending, settle
from openinfra_tui.drift.writers import MARKDOWN_LIMIT, as_junit, as_markdown, as_sarif, as_text

FLUX = Application(EngineRef("Kustomization", "flux-system", "apps"), "kustomize-controller", takes_over=True)

# The parts of apps/v1 that the tests touch, in the form that a server publishes.
_DOCUMENT = {
    "components": {
        "schemas": {
            "Meta": {
                "properties": {
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
                    "finalizers": {
                        "type": "array",
                        "items": {"type": "string"},
                        "x-kubernetes-list-type": "set",
                    },
                }
            },
            "io.k8s.apimachinery.pkg.api.resource.Quantity": {
                "oneOf": [{"type": "string"}, {"type": "number"}]
            },
            "Port": {
                "properties": {
                    "containerPort": {"type": "integer"},
                    "protocol": {"type": "string", "default": "TCP"},
                }
            },
            "Env": {"properties": {"name": {"type": "string"}, "value": {"type": "string"}}},
            "Container": {
                "properties": {
                    "name": {"type": "string"},
                    "image": {"type": "string"},
                    "args": {
                        "type": "array",
                        "items": {"type": "string"},
                        "x-kubernetes-list-type": "atomic",
                    },
                    "cpu": {
                        "allOf": [
                            {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"}
                        ]
                    },
                    "ports": {
                        "type": "array",
                        "items": {"allOf": [{"$ref": "#/components/schemas/Port"}], "default": {}},
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
                    },
                    "env": {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/Env"},
                        "x-kubernetes-patch-strategy": "merge",
                        "x-kubernetes-patch-merge-key": "name",
                    },
                }
            },
            "Spec": {
                "properties": {
                    "replicas": {"type": "integer"},
                    "selector": {"type": "object", "x-kubernetes-map-type": "atomic"},
                    "containers": {
                        "type": "array",
                        "items": {"$ref": "#/components/schemas/Container"},
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                    },
                }
            },
            "Thing": {
                "properties": {
                    "metadata": {"$ref": "#/components/schemas/Meta"},
                    "spec": {"$ref": "#/components/schemas/Spec"},
                },
                "x-kubernetes-group-version-kind": [
                    {"group": "example.org", "version": "v1", "kind": "Thing"}
                ],
            },
        }
    }
}
KIND = Schemas({"example.org/v1": _DOCUMENT}).find("example.org/v1", "Thing")


def thing(spec, **metadata):
    return {
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "metadata": {"name": "one", "namespace": "demo", **metadata},
        "spec": spec,
    }


def entry(manager, fields, operation="Apply", subresource="", time="2026-01-01T00:00:00Z"):
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "example.org/v1",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **({"subresource": subresource} if subresource else {}),
    }


def live(spec, *entries, **metadata):
    return thing(spec, managedFields=list(entries), resourceVersion="5", uid="u", **metadata)


def proven(desired, there, kind=KIND):
    mine = managed.own(managed.entries(there), "kustomize-controller")
    return prove(normalise.for_apply(desired), there, mine, kind).proven


OURS = entry("kustomize-controller", {"f:spec": {"f:replicas": {}}})


@pytest.mark.parametrize(
    ("desired", "there", "expected"),
    [
        ({"replicas": 3}, {"replicas": 3, "paused": False}, True),
        ({"replicas": 3}, {"replicas": 3.0}, True),
        ({"replicas": 1}, {"replicas": True}, False),
        ({"replicas": 3}, {"replicas": "3"}, False),
        ({"replicas": 3}, {}, False),
        ({"replicas": None}, {}, False),
        ({"containers": [{"name": "a", "cpu": "1000m"}]}, {"containers": [{"name": "a", "cpu": "1"}]}, True),
        (
            {"containers": [{"name": "a", "image": "1000m"}]},
            {"containers": [{"name": "a", "image": "1"}]},
            False,
        ),
        (
            {"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]},
            {"containers": [{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]},
            True,  # the key of the item is completed by the default of the schema
        ),
        (
            {"containers": [{"name": "b"}, {"name": "a"}]},
            {"containers": [{"name": "a"}, {"name": "b"}]},
            False,
        ),
        (
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"containers": [{"name": "a"}, {"name": "x"}, {"name": "b"}]},
            True,
        ),
        ({"containers": [{"name": "a"}]}, {"containers": [{"name": "a"}, {"name": "a"}]}, False),
        (
            {"containers": [{"name": "a", "args": ["x"]}]},
            {"containers": [{"name": "a", "args": ["x", "y"]}]},
            False,
        ),
        ({"selector": {"a": "b"}}, {"selector": {"a": "b", "c": "d"}}, False),
        ({"selector": {}}, {"selector": {}}, True),
        ({"unknown": {"a": [1]}}, {"unknown": {"a": [1], "b": 2}}, True),
        ({"unknown": {"a": [1]}}, {"unknown": {"a": [1, 2]}}, False),
    ],
)
def test_proof(desired, there, expected):
    assert proven(thing(desired), live(there, OURS)) is expected


def test_what_we_applied_and_git_no_longer_holds_is_not_proved():
    both = entry("kustomize-controller", {"f:spec": {"f:replicas": {}, "f:paused": {}}})
    assert not proven(thing({"replicas": 3}), live({"replicas": 3, "paused": True}, both))
    assert proven(thing({"replicas": 3}), live({"replicas": 3}, both))


def test_an_empty_keyed_list_states_no_field():
    """The server removes it from whom somebody else's empty list was handed to (a takeover of Flux)."""
    both = entry("kustomize-controller", {"f:spec": {"f:replicas": {}, "f:containers": {}}})
    same = {"replicas": 3, "containers": []}
    assert not proven(thing(same), live(same, both))
    assert not proven(thing(same), live(same, both), None)
    assert proven(thing(same), live(same, OURS))
    atomic = entry("kustomize-controller", {"f:spec": {"f:args": {}}})
    assert proven(thing({"args": []}), live({"args": []}, atomic))


def test_an_entry_of_another_version_proves_nothing():
    other = {**OURS, "apiVersion": "example.org/v1beta1"}
    assert not proven(thing({"replicas": 3}), live({"replicas": 3}, other))


def test_without_a_schema_ownership_tells_the_sort_of_a_list():
    keyed = entry(
        "kustomize-controller",
        {"f:spec": {"f:items": {'k:{"name":"a"}': {".": {}, "f:name": {}, "f:v": {}}}}},
    )
    there = live({"items": [{"name": "x"}, {"name": "a", "v": 1, "w": 2}]}, keyed)
    assert proven(thing({"items": [{"name": "a", "v": 1}]}), there, None)
    atomic = entry("kustomize-controller", {"f:spec": {"f:items": {}}})
    there = live({"items": [{"name": "x"}, {"name": "a", "v": 1}]}, atomic)
    assert not proven(thing({"items": [{"name": "a", "v": 1}]}), there, None)


def test_fields_of_a_set_of_paths():
    fields = {"f:spec": {".": {}, "f:a": {}, "f:b": {"f:c": {}}}}
    assert list(managed.paths(fields)) == [
        ("f:spec",),
        ("f:spec", "f:a"),
        ("f:spec", "f:b", "f:c"),
    ]
    assert managed.holds(fields, ("f:spec", "f:b", "f:c"))
    assert not managed.holds(fields, ("f:spec", "f:b"))
    assert managed.touches(fields, ("f:spec", "f:a", "f:below"))


def test_what_a_manifest_states_is_written_as_the_server_writes_it():
    wanted = thing({"containers": [{"name": "a", "ports": [{"containerPort": 80}]}]})
    stated = managed.fields_of(wanted, KIND)
    port = 'k:{"containerPort":80,"protocol":"TCP"}'
    assert managed.states(stated, ("f:spec", "f:containers", 'k:{"name":"a"}', "f:ports", port))


def test_differences_are_aligned_by_key_and_blamed():
    there = live(
        {"replicas": 5, "containers": [{"name": "side", "image": "s"}, {"name": "app", "image": "new"}]},
        OURS,
        entry(
            "kubectl-edit",
            {"f:spec": {"f:replicas": {}, "f:containers": {'k:{"name":"app"}': {"f:image": {}}}}},
            "Update",
            time="2026-02-02T00:00:00Z",
        ),
    )
    desired = thing({"replicas": 3, "containers": [{"name": "app", "image": "old"}]})
    after = predict(desired, there, KIND)
    found = compare(
        normalise.compared(after), normalise.compared(there), KIND, managed.entries(there), desired
    )
    by_path = {item.path: item for item in found}
    assert by_path["/spec/replicas"].change == "value"
    assert [who.manager for who in by_path["/spec/replicas"].blame] == [
        "kubectl-edit",
        "kustomize-controller",
    ]
    assert by_path["/spec/containers[name=app]/image"].live == "new"


def test_an_order_alone_is_an_order():
    one = {"containers": [{"name": "a"}, {"name": "b"}]}
    other = {"containers": [{"name": "b"}, {"name": "a"}]}
    (difference,) = compare(thing(one), thing(other), KIND)
    assert (difference.change, difference.path) == ("order", "/spec/containers")


def test_quantities():
    assert quantity("1000m") == quantity("1") == quantity(1)
    assert quantity("1Gi") == quantity("1024Mi")
    assert quantity("1e3") == quantity("1k")
    assert quantity("abc") is None
    assert quantity(True) is None
    assert not same(True, 1)


def desired_of(spec, application=FLUX, **metadata):
    return Desired(thing(spec, **metadata), application)


def test_in_sync_is_proved_locally():
    found = assess(desired_of({"replicas": 3}), live({"replicas": 3}, OURS), KIND)
    assert not found.ask
    assert (found.verdict.verdict, found.verdict.proof, found.verdict.next) == ("in-sync", "local", "none")


def test_a_webhook_makes_the_proof_a_question():
    found = assess(desired_of({"replicas": 3}), live({"replicas": 3}, OURS), KIND, admission=True)
    assert found.ask
    assert found.verdict.verdict == "unverified"


def test_kubectl_additions_will_be_reverted_by_flux_only():
    edit = entry("kubectl-edit", {"f:spec": {"f:paused": {}}}, "Update")
    there = live({"replicas": 3, "paused": True}, OURS, edit)
    found = assess(desired_of({"replicas": 3}), there, KIND)
    assert (found.verdict.verdict, found.verdict.next) == ("will-be-reverted", "update")
    assert found.verdict.differences[0].path == "/spec/paused"
    merge = {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}
    kept = live({"replicas": 3, "paused": True}, OURS, edit, annotations=merge)
    assert assess(desired_of({"replicas": 3}, annotations=merge), kept, KIND).verdict.verdict == "in-sync"
    argo = Application(EngineRef("Application", "argocd", "a"), "argocd-controller")
    assert assess(desired_of({"replicas": 3}, argo), there, KIND).verdict.verdict == "in-sync"


def test_a_scale_subresource_and_a_co_owner_are_not_taken_over():
    scale = entry("kubectl", {"f:spec": {"f:replicas": {}}}, "Update", "scale")
    there = live({"replicas": 9}, scale)
    assert assess(desired_of({}), there, KIND).verdict.verdict == "in-sync"
    fields = {"f:spec": {"f:paused": {}}}
    shared = live(
        {"paused": True}, entry("kubectl-edit", fields, "Update"), entry("operator", fields, "Update")
    )
    assert assess(desired_of({}), shared, KIND).verdict.verdict == "in-sync"


def test_a_changed_value_is_asked_and_the_answer_wins():
    desired, there = desired_of({"replicas": 3}), live({"replicas": 5}, OURS)
    found = assess(desired, there, KIND)
    assert found.ask
    assert (found.verdict.verdict, found.verdict.proof) == ("drifted", "predicted")
    changed = copy.deepcopy(there)
    changed["spec"]["replicas"] = 3
    settled = settle(desired, there, KIND, found, Answer(changed))
    assert (settled.verdict, settled.proof, settled.next) == ("drifted", "dry-run", "update")
    settled = settle(desired, there, KIND, found, Answer(there))
    assert (settled.verdict, settled.proof) == ("in-sync", "dry-run")


@pytest.mark.parametrize(
    ("status", "message", "reason", "verdict", "word"),
    [
        (
            403,
            'things "one" is forbidden: User "x" cannot patch resource "things"',
            "Forbidden",
            "drifted",
            "predicted",
        ),
        (403, "admission webhook denied the request: no", "Forbidden", "blocked", "admission"),
        (403, "exceeded quota: q", "Forbidden", "blocked", "quota"),
        (404, 'namespaces "x" not found', "NotFound", "blocked", "namespace"),
        (400, "webhook w does not support dry run", "BadRequest", "unverified", "dry-run-unsupported"),
        (422, "spec.selector: field is immutable", "Invalid", "blocked", "immutable"),
        (422, "spec.replicas: must be positive", "Invalid", "blocked", "invalid"),
        (
            500,
            "failed to create typed patch object: .spec.x: field not declared in schema",
            "",
            "blocked",
            "schema",
        ),
        (429, "too many", "TooManyRequests", "unverified", "busy"),
        (503, "no", "", "unverified", "server-error"),
        (0, "timed out", "", "unverified", "unreachable"),
    ],
)
def test_refusals(status, message, reason, verdict, word):
    desired, there = desired_of({"replicas": 3}), live({"replicas": 5}, OURS)
    settled = settle(desired, there, KIND, assess(desired, there, KIND), refusal(status, message, reason))
    assert settled.verdict == verdict
    assert settled.reason is not None
    assert settled.reason.startswith(word)


def test_force_recreates_what_is_immutable():
    forced = Application(FLUX.ref, FLUX.manager, takes_over=True, force=True)
    desired, there = desired_of({"replicas": 3}, forced), live({"replicas": 5}, OURS)
    settled = settle(
        desired, there, KIND, assess(desired, there, KIND), refusal(422, "field is immutable", "Invalid")
    )
    assert (settled.verdict, settled.next) == ("drifted", "recreate")


def test_switches_and_rules_are_ignored_and_counted():
    off = {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}
    there = live({"replicas": 5}, OURS, annotations=off)
    assert assess(desired_of({"replicas": 3}), there, KIND).verdict.verdict == "ignored"
    rule = IgnoreRule(("/spec/replicas",), {"kind": "Thing"})
    application = Application(FLUX.ref, FLUX.manager, takes_over=True, ignore=(rule,))
    found = assess(desired_of({"replicas": 3}, application), live({"replicas": 5}, OURS), KIND)
    assert (found.ask, found.verdict.verdict) == (False, "ignored")
    found = assess(desired_of({"replicas": 5}, application), live({"replicas": 5}, OURS), KIND)
    assert found.verdict.verdict == "in-sync"


def test_pending_is_what_was_in_sync_at_the_applied_revision():
    there = live({"replicas": 3}, OURS)
    head = assess(desired_of({"replicas": 4}), there, KIND).verdict
    applied = assess(desired_of({"replicas": 3}), there, KIND).verdict
    assert pending(head, applied).verdict == "pending"
    assert pending(head, assess(desired_of({"replicas": 2}), there, KIND).verdict).verdict == "drifted"
    missing = assess(desired_of({"replicas": 4}), None, KIND).verdict
    assert pending(missing, None).verdict == "pending"
    assert pending(missing, assess(desired_of({}), None, KIND).verdict).verdict == "missing"


def secret(value, name="s"):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "demo"},
        "data": {"password": base64.b64encode(value.encode()).decode()},
    }


def test_no_secret_leaves_and_equal_ones_look_equal():
    masker = Masker()
    plain = secret("hunter2hunter2")
    masker.learn(plain)
    holder = thing(
        {"containers": [{"name": "a", "env": [{"name": "DB_URL", "value": "sql://u:hunter2hunter2@db"}]}]},
        annotations={LAST_APPLIED: json.dumps(plain)},
    )
    shown = json.dumps(masker.manifest(holder)) + json.dumps(masker.manifest(plain))
    assert "hunter2" not in shown
    assert plain["data"]["password"] not in shown
    assert masker.tag("x") == masker.tag("x") != masker.tag("y")
    assert "s3cr3t" not in json.dumps(
        masker.manifest(thing({"env": [{"name": "API_TOKEN", "value": "s3cr3t"}]}))
    )
    assert masker.manifest(thing({"passwordSecretName": "name"}))["spec"]["passwordSecretName"] == "name"


def test_a_difference_of_a_secret_is_masked():
    application = Application(FLUX.ref, FLUX.manager)
    desired, there = Desired(secret("newvalue"), application), secret("oldvalue")
    verdict = Masker().verdict(assess(desired, there, None).verdict)
    (difference,) = verdict.differences
    assert {difference.desired, difference.live} == {"(secret #1)", "(secret #2)"}


def verdict_of(name, verdict, differences=()):
    return ObjectVerdict(
        "example.org/v1",
        Key("example.org", "Thing", "demo", name),
        verdict,
        "update",
        "local",
        FLUX.ref,
        differences=differences,
        reason="a <b> | `c`\x1b[2J",
    )


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["in-sync", "ignored"], 0),
        (["pending"], 0),
        (["unverified", "in-sync"], 3),
        (["unverified", "extra"], 1),
        (["blocked", "drifted", "unverified"], 2),
    ],
)
def test_the_worst_wins(verdicts, code):
    report = Report(tuple(verdict_of(str(n), verdict) for n, verdict in enumerate(verdicts)))
    assert report.exit_code() == code


def test_pending_fails_on_request_and_an_incomplete_report_is_unverified():
    assert Report((verdict_of("a", "pending"),)).exit_code({"pending"}) == 1
    assert Report((verdict_of("a", "in-sync"),), problems=("things: 403",)).exit_code() == 3


def test_outputs_escape_what_a_cluster_says():
    report = Report((verdict_of("a", "drifted"), verdict_of("b", "blocked"), verdict_of("c", "unverified")))
    assert "\x1b" not in as_text(report)
    suite = ElementTree.fromstring(as_junit(report))  # noqa: S314 - our own text
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    assert len(json.loads(as_sarif(report))["runs"][0]["results"]) == 3
    assert "<b>" not in as_markdown(report)
    assert to_plain(report)["summary"]["drifted"] == 1


def test_markdown_fits_a_comment():
    report = Report(tuple(verdict_of(f"thing-{n}", "drifted") for n in range(3000)))
    text = as_markdown(report)
    assert len(text) <= MARKDOWN_LIMIT
    assert "more objects do not fit here" in text
