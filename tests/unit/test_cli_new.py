"""`new` at a real pseudo-terminal, drawn and line by line, and without a question."""

from __future__ import annotations

import functools
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from openinfra_tui.catalog.presets import preset_text
from openinfra_tui.flow.new import Beginning, begin
from openinfra_tui.questions.answers import Answers, instances, value_of
from openinfra_tui.questions.model import Question
from openinfra_tui.questions.walk import asked
from openinfra_tui.site.load import load_site, parse_site

PRESET = "openstack-helm-ha"
TYPED = {"metadata.name": "ber1", "domain": "ber1.cloud.example", "exposure.tls.email": "root@cloud.example"}
BACK, ENTER, CLEAR = (
    {"dumb": "<\n", "xterm": "\x1b"},
    {"dumb": "\n", "xterm": "\r"},
    {"dumb": "", "xterm": "\x15"},
)


def environment(folder: Path, term: str) -> dict[str, str]:
    return {**os.environ, "TERM": term, "XDG_STATE_HOME": str(folder / "state"), "PROMPT_TOOLKIT_NO_CPR": "1"}


class Terminal:
    """`new` at a pseudo-terminal, wide enough that no line is broken."""

    def __init__(self, folder: Path, term: str, *words: str, size: tuple[int, int] = (60, 500)) -> None:
        self.term = term
        argv = ["-m", "openinfra_tui", "new", *words]
        self.child = pexpect.spawn(
            sys.executable,
            argv,
            cwd=str(folder),
            env=environment(folder, term),  # type: ignore[arg-type]
            encoding="utf-8",
            dimensions=size,
            timeout=60,
            # Whoever starts the suite in the background has ctrl+c ignored, and so would `new`.
            preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.default_int_handler),
        )
        self.child.delaybeforesend = None

    def at(self, question: Question) -> None:
        self.child.expect_exact(question.help)
        self.child.expect_exact(question.title)

    def send(self, typed: str) -> None:
        if self.term == "dumb":
            self.child.expect("> ")
        self.child.send(typed)

    def enter(self, text: str = "") -> None:
        self.send(f"{CLEAR[self.term]}{text}{ENTER[self.term]}" if text else ENTER[self.term])

    def back(self) -> None:
        self.send(BACK[self.term])

    def forward(self, there: tuple[Question, ...]) -> None:
        for question in there:
            self.at(question)
            self.enter(TYPED.get(question.path, ""))

    def end(self) -> tuple[str, int]:
        self.child.expect(pexpect.EOF)
        self.child.close()
        return str(self.child.before), int(self.child.exitstatus or 0)


@pytest.fixture
def open_terminals() -> Iterator[list[Terminal]]:
    terminals: list[Terminal] = []
    yield terminals
    for one in terminals:
        one.child.close(force=True)


def run(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openinfra_tui", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**environment(folder, "dumb"), **env},
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(
    ("term", "everything"),
    [("dumb", False), ("dumb", True), ("xterm", False), pytest.param("xterm", True, marks=pytest.mark.slow)],
)
def test_back_to_the_first_question_and_forward_again_gives_the_site_of_the_same_answers(
    tmp_path: Path, term: str, everything: bool, open_terminals: list[Terminal]
) -> None:
    there = asked(begin(Beginning(PRESET)), everything=everything)
    terminal = Terminal(tmp_path, term, "--preset", PRESET, *(["--all"] if everything else []))
    open_terminals.append(terminal)
    terminal.forward(there[:-1])
    for question in reversed(there[1:]):
        terminal.at(question)
        terminal.back()
    terminal.forward(there)
    terminal.child.expect_exact("What next?")
    terminal.enter()
    text, code = terminal.end()
    assert (code, "wrote site.yaml" in text) == (0, True)
    overrides = [f"{path}={value}" for path, value in TYPED.items() if path != "metadata.name"]
    wanted = parse_site(preset_text(PRESET).replace("name: fra1\n", "name: ber1\n"), "site.yaml", overrides)
    got = load_site(tmp_path / "site.yaml")
    assert (got.name, got.spec) == (wanted.name, wanted.spec)
    before = (tmp_path / "site.yaml").read_bytes()
    command = next(line for line in text.splitlines() if line.startswith("repeat: "))
    (tmp_path / "site.yaml").unlink()
    again = run(tmp_path, *shlex.split(command.removeprefix("repeat: "))[1:])
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "site.yaml").read_bytes() == before
    assert not list((tmp_path / "state").rglob("*.json"))


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_leaving_keeps_the_answers_and_resume_goes_on_at_the_next_question(
    tmp_path: Path, term: str, open_terminals: list[Terminal]
) -> None:
    there = asked(begin(Beginning(PRESET)), everything=False)
    terminal = Terminal(tmp_path, term, "fra.yaml", "--preset", PRESET)
    open_terminals.append(terminal)
    terminal.forward(there[:2])
    terminal.at(there[2])
    terminal.send("\x03")
    text, code = terminal.end()
    assert (code, "--resume" in text) == (130, True)
    kept = tmp_path / "state" / "openinfra-tui" / "answers.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    terminal = Terminal(tmp_path, term, "--resume")
    open_terminals.append(terminal)
    terminal.forward(there[2:])
    terminal.child.expect_exact("What next?")
    terminal.enter()
    assert terminal.end()[1] == 0
    assert load_site(tmp_path / "fra.yaml").name == "ber1"
    assert not kept.exists()


def test_what_cannot_be_chosen_says_why_and_a_wrong_line_is_asked_again(
    tmp_path: Path, open_terminals: list[Terminal]
) -> None:
    terminal = Terminal(tmp_path, "dumb", "--preset", PRESET, "--all")
    open_terminals.append(terminal)
    child = terminal.child
    answers = begin(Beginning(PRESET))
    for question in instances(answers):
        terminal.at(question)
        if question.path == "metadata.name":
            terminal.enter("Not A Name")
            child.expect_exact("! found")
        if question.path == "openstack.deployer":
            child.expect_exact("in the way: Placement, Placement = openstack-on-k8s")
            terminal.enter("kolla-ansible")
            child.expect_exact("! Kolla-Ansible")
            terminal.enter("99")
            child.expect_exact("! a number from 1 to")
            break
        terminal.enter()
    terminal.send("\x03")
    terminal.end()


def test_at_80_columns_a_reason_is_said_in_full(tmp_path: Path, open_terminals: list[Terminal]) -> None:
    terminal = Terminal(tmp_path, "xterm", "--preset", PRESET, "--all", size=(24, 80))
    open_terminals.append(terminal)
    answers = begin(Beginning(PRESET))
    for question in instances(answers):
        terminal.child.expect_exact(question.help[:60])
        if question.path == "openstack.deployer":
            break
        terminal.child.expect_exact(f"{question.title} " if question.kind == "text" else question.title)
        terminal.enter()
    terminal.child.expect(r"x Kolla-Ansible - run, not reconciled: Kolla-Ansible cannot make the placement")
    terminal.child.expect(r"in the way: Placement,\s+Placement = openstack-on-k8s")
    terminal.child.expect_exact("Kolla-Ansible - run, not reconciled (see above)")
    terminal.send("\x03")
    assert terminal.end()[1] == 130


def test_nodes_are_added_changed_and_removed_one_by_one(
    tmp_path: Path, open_terminals: list[Terminal]
) -> None:
    terminal = Terminal(tmp_path, "dumb", "--preset", "lab")
    open_terminals.append(terminal)
    there = asked(begin(Beginning("lab")), everything=False)
    nodes = next(number for number, one in enumerate(there) if one.path == "nodes")
    terminal.forward(there[:nodes])
    terminal.at(there[nodes])
    for line in ("2", "second.example", "<", "second.example", "compute", "10.20.0.12", "", "", "done"):
        terminal.enter(line) if line != "<" else terminal.back()
    terminal.child.expect_exact("second.example  compute  management 10.20.0.12")
    terminal.enter("0")
    terminal.child.expect_exact("! a number from 1 to 4")
    terminal.enter("1")
    terminal.enter("2")
    terminal.child.expect_exact("1  second.example")
    terminal.enter("done")
    terminal.child.expect_exact("! ")
    terminal.enter("1")
    terminal.enter("1")
    for line in ("only.example", "control compute storage", "", "", "", "done"):
        terminal.enter(line)
    terminal.child.expect_exact("only.example  control, storage, compute")
    terminal.enter("done")
    terminal.forward(there[nodes + 1 :])
    terminal.child.expect_exact("What next?")
    terminal.enter()
    assert terminal.end()[1] == 0
    assert load_site(tmp_path / "site.yaml").get("nodes") == [
        {
            "name": "only.example",
            "roles": ["control", "storage", "compute"],
            "addresses": {"management": "10.20.0.12"},
            "disks": [],
        }
    ]


def test_a_number_in_an_item_is_a_number(tmp_path: Path, open_terminals: list[Terminal]) -> None:
    terminal = Terminal(tmp_path, "dumb", "--preset", "lab")
    open_terminals.append(terminal)
    there = asked(begin(Beginning("lab")), everything=False)
    provider = next(number for number, one in enumerate(there) if one.path == "networks.provider")
    terminal.forward(there[:provider])
    terminal.at(there[provider])
    for line in ("1", "1", "physnet2", "", "many"):
        terminal.enter(line)
    terminal.child.expect_exact("! found")
    for line in ("8950", "100:199", "done"):
        terminal.enter(line)
    terminal.forward(there[provider + 1 :])
    terminal.child.expect_exact("What next?")
    terminal.enter()
    assert terminal.end()[1] == 0
    assert load_site(tmp_path / "site.yaml").get("networks.provider") == [
        {"name": "physnet2", "interface": "eth1", "mtu": 8950, "vlans": "100:199"}
    ]


def test_without_input_everything_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    done = run(tmp_path, "new", "--no-input")
    assert done.returncode == 2
    for path in ("metadata.name", "domain", "gitops.url", "nodes"):
        assert f"{path}: " in done.stderr
    done = run(tmp_path, "new", "--no-input", "--preset", PRESET, "--set", "domain=a.example")
    assert done.returncode == 2
    assert "nodes: Nodes: the preset only has an example" in done.stderr
    assert "domain" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == []


def test_a_file_that_says_something_else_is_not_replaced_without_asking(
    tmp_path: Path, open_terminals: list[Terminal]
) -> None:
    (tmp_path / "from.yaml").write_text(preset_text(PRESET))
    (tmp_path / "site.yaml").write_text("mine\n")
    done = run(tmp_path, "new", "--no-input", "--answers", "from.yaml")
    assert (done.returncode, (tmp_path / "site.yaml").read_text()) == (4, "mine\n")
    terminal = Terminal(tmp_path, "dumb", "--preset", PRESET)
    open_terminals.append(terminal)
    terminal.forward(asked(begin(Beginning(PRESET)), everything=False))
    terminal.child.expect_exact("What next?")
    terminal.enter()
    terminal.child.expect_exact("exists and says something else")
    terminal.enter()
    assert terminal.end()[1] == 130
    assert (tmp_path / "site.yaml").read_text() == "mine\n"


def test_kept_answers_are_not_replaced_before_their_owner_says_so(
    tmp_path: Path, open_terminals: list[Terminal]
) -> None:
    for choice, name in (("1", "ber1"), ("2", "fra1")):
        terminal = Terminal(tmp_path, "dumb", "--preset", PRESET)
        open_terminals.append(terminal)
        there = asked(begin(Beginning(PRESET)), everything=False)
        terminal.forward(there[:1])
        terminal.at(there[1])
        terminal.send("\x03")
        terminal.end()
        terminal = Terminal(tmp_path, "dumb", "--preset", PRESET)
        open_terminals.append(terminal)
        terminal.child.expect_exact("Answers are kept from before.")
        terminal.enter(choice)
        terminal.child.expect_exact("Domain" if choice == "1" else f"[{name}]")
        terminal.send("\x03")
        assert terminal.end()[1] == 130
        (tmp_path / "state" / "openinfra-tui" / "answers.json").unlink()


def test_without_a_terminal_nothing_is_asked(tmp_path: Path) -> None:
    done = run(tmp_path, "new")
    assert (done.returncode, "--no-input" in done.stderr) == (2, True)


@pytest.mark.parametrize("words", [("--resume",), ()])
@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"format": 2}',
        json.dumps({"format": 1, "file": "a", "everything": True, "values": {"nodes": 3}, "seen": []}),
        json.dumps({"format": 1, "file": "a", "everything": True, "values": {"clusters": 3}, "seen": []}),
        json.dumps({"format": 1, "file": "a", "everything": True, "values": {"a.b": 3}, "seen": []}),
        json.dumps({"format": 1, "file": "a", "everything": True, "values": {}, "seen": [[]]}),
    ],
)
def test_kept_answers_that_are_not_ours_are_refused(
    tmp_path: Path, content: str, words: tuple[str, ...], open_terminals: list[Terminal]
) -> None:
    kept = tmp_path / "state" / "openinfra-tui" / "answers.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(content)
    terminal = Terminal(tmp_path, "dumb", *words)
    open_terminals.append(terminal)
    text, code = terminal.end()
    assert (code, "Traceback" in text) == (2, False)
    assert f"remove {kept} to begin anew" in text
    assert kept.read_text() == content


def test_new_without_input_loads_no_prompts(tmp_path: Path) -> None:
    (tmp_path / "from.yaml").write_text(preset_text(PRESET))
    code = (
        "import sys; from openinfra_tui.cli.main import group;"
        "group.main(['new', '--no-input', '--answers', 'from.yaml'], standalone_mode=False);"
        "print([m for m in ('questionary', 'prompt_toolkit', 'textual') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_value_that_holds_without_an_answer_is_shown() -> None:
    assert value_of(Answers(), "storage.replicas") == 3
