"""What one object is: first from what is known locally, then from the server's answer (drift.md C2).

`assess` either settles an object or says that the server must be asked; `settle` takes the answer. Both are
pure: who asks, and when, is the business of `flow/diff.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from openinfra_tui.drift import claims, client_side, managed, normalise, takeover
from openinfra_tui.drift.difference import compare, predict, removed
from openinfra_tui.drift.ignoring import NotUnderstood, rules_of
from openinfra_tui.drift.mask import LAST_APPLIED
from openinfra_tui.drift.model import Desired, Difference, ObjectVerdict
from openinfra_tui.drift.proof import prove
from openinfra_tui.drift.switches import left_alone
from openinfra_tui.drift.values import quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openinfra_tui.drift.answer import Answer
    from openinfra_tui.drift.ignoring import Ignoring
    from openinfra_tui.drift.schema import Type

# Kinds that the API server itself changes on update: a no-op merge does not prove a no-op (drift.md C3e).
CHANGED_BY_SERVER = frozenset({"Pod", "PersistentVolumeClaim", "Ingress", "Node"})


class Assessment(NamedTuple):
    """One object, assessed locally.

    Attributes:
        verdict: the verdict; final unless `ask` is set, else what is predicted.
        ask: the server must be asked; `why` says what could not be proved.
        why: the first place without a proof.
        reverts: paths of fieldsV1 that the takeover of the engine will remove.
        merge: what is asked as a merge patch instead of an apply, where the engine sends one.
    """

    verdict: ObjectVerdict
    ask: bool = False
    why: str = ""
    reverts: tuple[managed.Path, ...] = ()
    merge: Mapping[str, Any] | None = None


def assess(
    desired: Desired, live: Mapping[str, Any] | None, kind: Type | None, *, admission: bool = False
) -> Assessment:
    """Judge one object without asking the server.

    Args:
        desired: the object as the engine would apply it.
        live: the object there, in the version of desired, or None when it is absent.
        kind: its type, or None when there is no schema.
        admission: whether a mutating webhook or policy of the cluster may change it on its way in.
    """
    found = _assessed(desired, live, kind, admission=admission)
    verdict = claims.noted(found.verdict, desired, live)
    return found if verdict is found.verdict else found._replace(verdict=verdict)


def _assessed(
    desired: Desired, live: Mapping[str, Any] | None, kind: Type | None, *, admission: bool
) -> Assessment:
    early = _without_comparison(desired, live)
    if early is not None:
        return Assessment(early)
    if live is None and desired.sealed and desired.doubt:
        return Assessment(_verdict(desired, "unverified", "create", None, reason=desired.doubt))
    if live is None:
        return Assessment(_verdict(desired, "missing", "create", "local", reason=desired.doubt or None))
    if desired.doubt:
        return Assessment(_verdict(desired, "unverified", "update", None, reason=desired.doubt))
    payload = normalise.for_apply(desired.object)
    rules = rules_of(desired)
    try:
        wanted, there = rules.cut(payload, live), rules.cut(live, live)
    except NotUnderstood as error:
        return Assessment(_verdict(desired, "unverified", "update", None, reason=str(error)))
    entries = managed.entries(live)
    by_client = desired.application.client_side
    mine = None if by_client else managed.own(entries, desired.application.manager)
    reverts = takeover.reverts(desired.application, entries, wanted, there, kind)
    if desired.sealed:
        return Assessment(_sealed(desired, wanted, there))
    patched = client_side.view(desired, kind)
    proof = prove(wanted, there, mine, patched or kind)
    why = f"{proof.path}: {proof.why}" if not proof.proven else ""
    if by_client and client_side.is_custom(desired.key.group) and not client_side.lists_equal(wanted, there):
        why = why or "a list is replaced as a whole"
    if proof.proven and admission:
        why = "a mutating webhook or policy may change it"
    of_server = desired.key.kind in CHANGED_BY_SERVER and desired.key.group in ("", "networking.k8s.io")
    if proof.proven and of_server:
        why = "the API server itself changes this kind on its way in"
    if not why and not reverts:
        return Assessment(_in_sync(desired, live, payload, rules, "local", entries, mine))
    merge = client_side.patch(desired, payload, live, patched, reverts)
    after = removed(predict(wanted, there, patched or kind), reverts)
    if mine is not None:
        after = removed(after, managed.leftovers(mine.fields, wanted, there, kind))
    differences = compare(normalise.compared(after), normalise.compared(there), kind, entries, wanted)
    predicted = _predicted(desired, differences, reverts if not why else (), why)
    return Assessment(predicted, True, why, () if merge is not None else tuple(reverts), merge)


def settle(
    desired: Desired,
    live: Mapping[str, Any],
    kind: Type | None,
    assessment: Assessment,
    answer: Answer,
    revert: Answer | None = None,
) -> ObjectVerdict:
    """The verdict after the server was asked.

    Args:
        desired: as for `assess`.
        live: the object that the answer is based on.
        kind: its type.
        assessment: what `assess` returned.
        answer: to the dry-run of the apply.
        revert: to the same without what the takeover would remove, where there is such a thing.
    """
    return claims.noted(_settled(desired, live, kind, assessment, answer, revert), desired, live)


def _settled(
    desired: Desired,
    live: Mapping[str, Any],
    kind: Type | None,
    assessment: Assessment,
    answer: Answer,
    revert: Answer | None,
) -> ObjectVerdict:
    if answer.object is None:
        return _refused(desired, assessment, answer)
    rules = rules_of(desired)
    there = normalise.compared(rules.cut(live, live))
    payload = normalise.for_apply(desired.object)
    wanted = rules.cut(payload, live)
    entries = managed.entries(live)
    found = compare(normalise.compared(rules.cut(answer.object, live)), there, kind, entries, wanted)
    whole = found
    if revert is not None and revert.blocks and not desired.application.client_side:
        return blocked(desired, revert.reason)._replace(differences=found, proof="dry-run")
    # Without a schema an owned list may be one that nobody removes: then the question itself was a guess.
    asked = revert is not None and revert.object is not None and kind is not None
    if revert is not None and revert.object is not None:
        whole = compare(normalise.compared(rules.cut(revert.object, live)), there, kind, entries, wanted)
    elif assessment.reverts:
        paths = {item.path for item in found}
        undone = compare(removed(there, assessment.reverts), there, kind, entries)
        whole = (*found, *(item for item in undone if item.path not in paths))
    if not whole:
        mine = managed.own(entries, desired.application.manager)
        return _in_sync(desired, live, payload, rules, "dry-run", entries, mine)
    if found or desired.application.client_side:
        return _verdict(desired, "drifted", "update", "dry-run", differences=whole)
    when = "when Argo CD syncs next" if desired.application.migrates else None
    proof = "dry-run" if asked else "predicted"
    return _verdict(desired, "will-be-reverted", "update", proof, differences=whole, reason=when)


def pending(verdict: ObjectVerdict, before: ObjectVerdict | None) -> ObjectVerdict:
    """Tell a change of Git that has not arrived from a change of the cluster.

    Args:
        verdict: against HEAD.
        before: against the revision that the engine applied last; None when it did not hold the object.
    """
    waiting = (
        before is None
        if verdict.verdict == "missing"
        else before is not None and (before.verdict in ("in-sync", "ignored"))
    )
    if verdict.verdict in ("missing", "drifted", "will-be-reverted") and waiting:
        return verdict._replace(verdict="pending", reason=verdict.reason or "not applied yet")
    return verdict


def _without_comparison(desired: Desired, live: Mapping[str, Any] | None) -> ObjectVerdict | None:
    """The verdicts that need no look at the fields."""
    if desired.problem:
        return blocked(desired, desired.problem)
    metadata = desired.object.get("metadata") or {}
    if not metadata.get("name"):
        generated = "unsupported: generateName has no identity" if metadata.get("generateName") else ""
        return blocked(desired, generated or "schema: the object has no name")
    if metadata.get("managedFields"):
        return blocked(desired, "schema: metadata.managedFields must not be in Git")
    if (metadata.get("resourceVersion") or metadata.get("uid")) and live is not None:
        return blocked(desired, "conflict: metadata.resourceVersion or uid is in Git")
    switch = left_alone(desired, live)
    return _verdict(desired, "ignored", "none", "local", reason=switch) if switch else None


def _predicted(
    desired: Desired, differences: tuple[Difference, ...], reverts: Any, why: str
) -> ObjectVerdict:
    """The verdict when the server is not asked: drift only where no reading makes the two equal."""
    if not why and reverts:
        return _verdict(desired, "will-be-reverted", "update", "predicted", differences=differences)
    if any(_certain(item) for item in differences):
        return _verdict(desired, "drifted", "update", "predicted", differences=differences)
    return _verdict(
        desired,
        "unverified",
        "update",
        "predicted" if differences else None,
        differences=differences,
        reason=f"not proved: {why}",
    )


def _certain(difference: Difference) -> bool:
    """Whether a predicted difference can be no artefact of defaulting or of another way of writing."""
    one, other = difference.desired, difference.live
    free = difference.path.startswith(("/metadata/labels/", "/metadata/annotations/", "/data/"))
    if difference.change == "value":
        scalars = not isinstance(one, dict | list) and not isinstance(other, dict | list)
        if not scalars or one is None:
            return False
        numbers = quantity(one), quantity(other)
        return type(one) is type(other) and (None in numbers or numbers[0] != numbers[1])
    return difference.change == "removed" and free


def _in_sync(
    desired: Desired,
    live: Mapping[str, Any],
    payload: Mapping[str, Any],
    rules: Ignoring,
    proof: str,
    entries: tuple[managed.Entry, ...],
    mine: managed.Entry | None,
) -> ObjectVerdict:
    if left := rules.differing(payload, live):
        return _verdict(desired, "ignored", "none", proof, reason=f"an ignore rule names {left}")
    metadata = live.get("metadata") or {}
    if metadata.get("deletionTimestamp"):
        held = ", ".join(metadata.get("finalizers") or ()) or "nothing"
        return blocked(
            desired, f"terminating: being deleted since {metadata['deletionTimestamp']}, held by {held}"
        )
    reason = None
    if not entries:
        reason = "no managedFields: what was removed from Git cannot be told"
    elif mine is None and not (desired.application.client_side and _was_applied(live)):
        reason = f"equal, and never applied by {desired.application.manager}"
    return _verdict(desired, "in-sync", "none", proof, reason=reason)


def _sealed(desired: Desired, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> ObjectVerdict:
    """A Secret that cannot be opened: only its keys can be compared."""
    reason = "the values are encrypted and no key opens them; only the names of the keys were compared"
    keys, there = set(wanted.get("data") or {}), set(live.get("data") or {})
    lacking = tuple(
        Difference(f"/data/{key}", "removed", "(encrypted)", None) for key in sorted(keys - there)
    )
    if lacking:
        return _verdict(desired, "drifted", "update", "predicted", differences=lacking, reason=reason)
    return _verdict(desired, "unverified", "update", None, reason=reason)


def _refused(desired: Desired, assessment: Assessment, answer: Answer) -> ObjectVerdict:
    if answer.code == "immutable" and desired.application.force:
        return assessment.verdict._replace(
            verdict="drifted", next="recreate", proof="dry-run", reason=answer.reason
        )
    if answer.blocks:
        return blocked(desired, answer.reason)._replace(
            differences=assessment.verdict.differences, proof="dry-run"
        )
    if assessment.verdict.verdict in ("drifted", "will-be-reverted") and answer.code == "read-only":
        return assessment.verdict._replace(reason="predicted: the server may not be asked")
    return assessment.verdict._replace(
        verdict="unverified",
        proof="predicted" if assessment.verdict.differences else None,
        reason=f"{answer.reason}; not proved: {assessment.why}" if assessment.why else answer.reason,
    )


def blocked(desired: Desired, reason: str) -> ObjectVerdict:
    """The verdict of an object that the engine cannot apply."""
    return _verdict(desired, "blocked", "blocked", None, reason=reason)


def _verdict(
    desired: Desired,
    verdict: str,
    following: str,
    proof: str | None,
    *,
    differences: tuple[Difference, ...] = (),
    reason: str | None = None,
) -> ObjectVerdict:
    application = desired.application
    if verdict in ("drifted", "will-be-reverted", "missing"):
        if application.suspended:
            reason = f"{reason}; " if reason else ""
            reason += "suspended: nothing corrects it now"
        elif not application.enforces:
            reason = f"{reason}; " if reason else ""
            reason += "unenforced: the engine looks only when Git changes"
            following = "none"
    return ObjectVerdict(
        str(desired.object.get("apiVersion", "")),
        desired.key,
        verdict,
        following,
        proof,
        application.ref,
        desired.origin,
        differences,
        reason,
    )


def _was_applied(live: Mapping[str, Any]) -> bool:
    return LAST_APPLIED in ((live.get("metadata") or {}).get("annotations") or {})
