"""Random walks over the questions: nothing is lost, and back is the way that was taken."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openinfra_tui.catalog.presets import preset_names, preset_text
from openinfra_tui.flow.new import Beginning, begin, repeat_words
from openinfra_tui.questions.answers import (
    Answers,
    document,
    instances,
    mark_seen,
    set_answer,
    site_of,
    site_text,
    value_of,
)
from openinfra_tui.questions.choices import choices
from openinfra_tui.questions.judge import fault
from openinfra_tui.questions.model import Question
from openinfra_tui.questions.reading import answers_from, answers_of
from openinfra_tui.questions.review import problems
from openinfra_tui.questions.walk import STEPS, asked, next_question, previous_question, rank, status, steps
from openinfra_tui.site import validate

TODAY = date(2026, 8, 22)
WALKS = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
TEXTS = {
    "metadata.name": ["fra1", "ber-2"],
    "domain": ["fra1.cloud.example"],
    "region": ["RegionOne", "eu"],
    "storage.externalCeph.fsid": ["0a1b2c3d-0000-1111-2222-333344445555"],
    "storage.storageClass": ["fast"],
    "exposure.tls.email": ["ops@cloud.example"],
    "exposure.tls.server": ["https://acme.example/directory"],
    "gitops.url": ["ssh://git@git.cloud.example/infra/clouds.git"],
    "gitops.branch": ["main"],
    "mirrors.images": ["registry.cloud.example:5000/mirror"],
    "mirrors.charts": ["https://charts.example"],
    "mirrors.git": ["https://git.example"],
    "openstack.kolla.controlHost.python": ["3.12"],
    "openstack.kolla.controlHost.ansibleCore": ["2.20"],
    "openstack.kolla.externalVip": ["10.20.0.6"],
    "openstack.kolla.externalInterface": ["bond2"],
    "openstack.runner.image": ["registry.cloud.example/openinfra/kolla-runner:22.2.0-1"],
    "openstack.runner.sshUser": ["kolla"],
    "openstack.runner.driftSchedule": ["17 3 * * *"],
    "openstack.ironic.network": ["physnet2"],
    "openstack.ironic.gateway": ["10.23.0.1"],
    "openstack.ironic.pool": ["10.23.0.100-10.23.0.200"],
    "openstack.ironic.nameserver": ["10.23.0.2"],
    "secrets.externalSecrets.server": ["https://bao.cloud.example:8200"],
    "secrets.externalSecrets.mount": ["secret"],
    "secrets.externalSecrets.authMount": ["kubernetes"],
    "secrets.externalSecrets.role": ["openinfra"],
    "storage.volumeGroup": ["cinder-volumes"],
}
BY_ENDING = {
    "cidr": ["10.20.0.0/24", "10.21.0.0/24"],
    "podCidr": ["10.233.64.0/18"],
    "serviceCidr": ["10.233.0.0/18"],
    "interface": ["bond0", "eth1"],
    "vip": ["10.20.0.5"],
    "user": ["openstack"],
    "pool": ["kubernetes"],
    "release": ["24.04", "10"],
    "version": ["1.34", "1.35.4"],
}
NODES = [
    {"name": f"{name}.example", "roles": roles}
    for name, roles in (("a", ["control"]), ("b", ["compute", "storage"]), ("c", ["control", "compute"]))
]
LISTS = {
    "networks.provider": [[{"name": "physnet1", "interface": "bond1"}], []],
    "nodes": [NODES[:1], NODES, []],
    "clusters": [["undercloud"], ["management", "workload-a"], []],
    "operatingSystem": [["storage"], ["control", "compute"], []],
    "secrets.recipients": [{"operator": "age1" + "q" * 58}, {}],
    "storage.externalCeph.monitors": [["10.22.0.21:6789"]],
    "exposure.loadBalancer.pools": [["10.20.0.200-10.20.0.220"], []],
    "operatingSystem.packages": [["lvm2", "chrony"]],
    "storage.nfsShares": [["10.22.0.9:/srv/cinder"]],
}


def values(question: Question, answers: Answers) -> list[Any]:
    """Answers that the schema takes, whether the rules like them or not."""
    last = question.path.rpartition(".")[2]
    if question.kind == "several":
        return [list(question.words[:2]), list(question.words[-1:])]
    if question.kind in ("choice", "yes-no"):
        return [one.value for one in choices(question, answers, TODAY)]
    if question.kind == "number":
        return [question.rules["minimum"], question.rules["maximum"]]
    return (
        TEXTS.get(question.path)
        or LISTS.get(question.path)
        or BY_ENDING.get(last)
        or LISTS["operatingSystem.packages"]
    )


def start(name: str) -> Answers:
    return Answers() if name == "new" else answers_from(preset_text(name), "site.yaml")


@WALKS
@given(st.sampled_from(["new", *preset_names()]), st.booleans(), st.data())
def test_no_walk_loses_an_answer(name: str, everything: bool, data: st.DataObject) -> None:
    answers = start(name)
    said: dict[str, Any] = dict(answers.values)
    here = ""
    for _ in range(data.draw(st.integers(1, 25))):
        move = data.draw(
            st.sampled_from(["forward", "forward", "answer", "answer", "back", "jump", "take back"])
        )
        there = asked(answers, everything=everything)
        if move == "jump":
            here = data.draw(st.sampled_from(there)).path
        elif move in ("forward", "back"):
            step = next_question if move == "forward" else previous_question
            found = step(answers, here, everything=everything)
            answers = mark_seen(answers, here) if here else answers
            here = found.path if found else here
        elif question := next((one for one in instances(answers) if one.path == here), None):
            value = None if move == "take back" else data.draw(st.sampled_from(values(question, answers)))
            assert value is None or fault(question, value) == ""
            answers = set_answer(answers, here, value)
            said[here] = value
            said = {path: one for path, one in said.items() if one is not None}
    assert answers.values == said
    assert not validate.faults(document(answers), unfinished=True)
    again = answers_from(site_text(answers), "site.yaml")
    assert document(again) == document(answers)
    for path, value in again.values.items():
        assert value == value_of(answers, path)


@WALKS
@given(st.sampled_from(["", *preset_names()]), st.data())
def test_the_command_that_repeats_it_gives_the_same_file(preset: str, data: st.DataObject) -> None:
    answers = begin(Beginning(preset))
    for _ in range(data.draw(st.integers(0, 8))):
        question = data.draw(st.sampled_from(instances(answers)))
        value = data.draw(st.sampled_from([None, *values(question, answers)]))
        answers = set_answer(answers, question.path, value)
    words = repeat_words(Path("site.yaml"), answers, preset)
    overrides = [value for flag, value in pairwise(words) if flag == "--set"]
    assert site_text(begin(Beginning(preset, None, overrides))) == site_text(answers)


@WALKS
@given(st.sampled_from(["new", *preset_names()]), st.booleans(), st.data())
def test_back_is_the_way_forward_reversed(name: str, everything: bool, data: st.DataObject) -> None:
    answers = start(name)
    for _ in range(data.draw(st.integers(0, 6))):
        question = data.draw(st.sampled_from(instances(answers)))
        answers = set_answer(answers, question.path, data.draw(st.sampled_from(values(question, answers))))
    forward: list[str] = []
    while found := next_question(answers, forward[-1] if forward else "", everything=everything):
        forward.append(found.path)
    back = [forward[-1]]
    while found := previous_question(answers, back[-1], everything=everything):
        back.append(found.path)
    assert back == forward[::-1]
    assert forward == [one.path for one in asked(answers, everything=everything)]
    assert [rank(answers, path) for path in forward] == sorted(rank(answers, path) for path in forward)


@WALKS
@given(st.sampled_from(preset_names()), st.data())
def test_a_review_without_an_error_is_a_site_that_comes_back(name: str, data: st.DataObject) -> None:
    answers = start(name)
    for _ in range(data.draw(st.integers(0, 5))):
        question = data.draw(st.sampled_from(instances(answers)))
        answers = set_answer(answers, question.path, data.draw(st.sampled_from(values(question, answers))))
    found = problems(answers, TODAY)
    assert all(one.question for one in found)
    for step in STEPS:
        shown = status(step, answers, found)
        assert (shown == "not-applicable") == (step not in steps(answers))
    if not any(one.severity == "error" for one in found):
        site = site_of(answers)
        again = site_of(answers_of(site))
        assert (again.name, again.spec) == (site.name, site.spec)
