"""What would be written, in three tabs: the site file, the tree and any file of it, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.highlight import highlight
from textual.widgets import Static, TabbedContent, TabPane, Tree

from openinfra_tui.tui.text import clean, literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.widgets.tree import TreeNode

    from openinfra_tui.flow.preview import Change
    from openinfra_tui.flow.preview import Preview as Previewed

MARKS: dict[str, tuple[str, str]] = {
    "new": ("+", "$text-success"),
    "changed": ("~", "$text-warning"),
    "removed": ("-", "$text-error"),
}
_LONGEST = 60_000


class Preview(Vertical):
    """The site file as it stands, the tree that would be written, and the effect of the last answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", "Tab", priority=True),
        Binding("right", "tab(1)", "Tab", priority=True),
        Binding("escape", "close_file", "Back"),
    ]
    _TABS = ("site", "tree", "changes")

    def compose(self) -> ComposeResult:
        """Three tabs; a file of the tree takes the place of the tree."""
        with TabbedContent(id="tabs"):
            with TabPane("site.yaml", id="site"), VerticalScroll(id="site-scroll"):
                yield Static(id="site-text")
            with TabPane("Tree", id="tree"):
                yield Tree[str]("repository", id="files")
                with VerticalScroll(id="file-scroll"):
                    yield Static(id="file-text")
            with TabPane("Changes", id="changes"), VerticalScroll(id="changes-scroll"):
                yield Static(id="changes-text")

    def on_mount(self) -> None:
        """No file is open yet."""
        self._previewed: Previewed | None = None
        self.query_one("#file-scroll").display = False
        self.query_one("#files", Tree).show_root = False

    def show(self, previewed: Previewed, effect: Mapping[str, Change]) -> None:
        """Show what would be written; `effect` is what the last answer changed in it."""
        self._previewed = previewed
        self.query_one("#site-text", Static).update(_yaml(previewed.site))
        tree = self.query_one("#files", Tree)
        opened = {str(node.data) for node in _all(tree.root) if node.is_expanded}
        tree.clear()
        _fill(tree, previewed, effect, opened)
        self.query_one("#changes-text", Static).update(_changes(previewed, effect))
        count = len(previewed.changes)
        self.query_one(TabbedContent).get_tab("changes").label = Content(f"Changes {count or ''}".strip())

    def enter(self) -> None:
        """The keys go to the tab that is open."""
        here = self.query_one(TabbedContent).active or "site"
        target = {"site": "#site-scroll", "tree": "#files", "changes": "#changes-scroll"}[here]
        self.query_one(target).focus()

    def on_tree_node_selected(self, event: Tree.NodeSelected[str]) -> None:
        """Open a file."""
        event.stop()
        path = event.node.data
        if path is None or self._previewed is None or event.node.allow_expand:
            return
        one = self._previewed.files.get(path)
        content = "removed" if one is None else one.content.decode("utf-8", "replace")
        head = literal(f"{path}\nwritten by {one.origin if one else 'an earlier run'}\n", "$text-muted")
        self.query_one("#file-text", Static).update(Content("\n").join([head, _yaml(content)]))
        self._open(True)

    async def action_close_file(self) -> None:
        """From a file back to the tree, from there back to the question."""
        if self.query_one("#file-scroll").display:
            self._open(False)
        else:
            await self.screen.run_action("preview")

    def action_tab(self, by: int) -> None:
        """The tab beside this one."""
        tabs = self.query_one(TabbedContent)
        place = self._TABS.index(tabs.active or "site")
        tabs.active = self._TABS[(place + by) % len(self._TABS)]
        self.call_after_refresh(self.enter)

    def _open(self, opened: bool) -> None:
        scroll = self.query_one("#file-scroll")
        scroll.display = opened
        self.query_one("#files").display = not opened
        (scroll if opened else self.query_one("#files")).focus()


def _yaml(text: str) -> Content:
    return highlight(clean(text, limit=_LONGEST), language="yaml")


def _changes(previewed: Previewed, effect: Mapping[str, Change]) -> Content:
    """What becomes of the repository, and before it what the last answer did."""
    if previewed.problem:
        return literal(f"Not finished, so there is no tree yet:\n\n{previewed.problem}", limit=4000)
    out = [literal("With the last answer", "bold")] if effect else []
    out += _lines(effect)
    out += [literal("")] if effect else []
    out.append(literal("In the repository", "bold"))
    out += _lines(previewed.changes)
    if not previewed.changes:
        out.append(literal("nothing changes", "$text-muted"))
    return Content("\n").join(out)


def _lines(changes: Mapping[str, Change]) -> list[Content]:
    """The changes below their folders: a whole path is longer than the pane is wide."""
    out: list[Content] = []
    before = ""
    parts = sorted((*path.rpartition("/")[::2], change) for path, change in changes.items())
    for folder, name, change in parts:
        if folder != before:
            out.append(literal(f"{folder}/", "$text-muted", limit=300))
        before = folder
        glyph, style = MARKS[change]
        # The mark says it all where a file is new or gone.
        word = f"  {change}" if change not in ("new", "removed") else ""
        out.append(Content.assemble((f" {glyph} ", style), clean(name, limit=300), (word, "$text-muted")))
    return out


def _fill(tree: Tree[str], previewed: Previewed, effect: Mapping[str, Change], opened: set[str]) -> None:
    folders: dict[str, TreeNode[str]] = {"": tree.root}
    touched = {folder for path in effect for folder in _parents(path)}
    for path in sorted(
        {*previewed.files, *(p for p, change in previewed.changes.items() if change == "removed")}
    ):
        for folder in _parents(path):
            if folder not in folders:
                parent, _, name = folder.rpartition("/")
                expand = folder in opened or folder in touched or folder.count("/") == 0
                folders[folder] = folders[parent].add(Text(f"{clean(name)}/"), data=folder, expand=expand)
        change = effect.get(path) or ("removed" if path not in previewed.files else None)
        glyph = MARKS[change][0] if change else ""
        word = {"new": "new with this answer", "removed": "gone with this answer", "changed": "changed"}
        parent, _, name = path.rpartition("/")
        # A tree takes texts of rich, in which nothing is markup either.
        label = f"{glyph} {clean(name, limit=120)}  {word[change]}" if change else clean(name, limit=120)
        folders[parent].add_leaf(Text(label, style="bold" if change else ""), data=path)
    if previewed.problem:
        tree.root.add_leaf(Text("no tree before the answers are finished: see Changes"))


def _parents(path: str) -> list[str]:
    steps = path.split("/")[:-1]
    return ["/".join(steps[: number + 1]) for number in range(len(steps))]


def _all(node: TreeNode[str]) -> list[TreeNode[str]]:
    return [node, *(inner for child in node.children for inner in _all(child))]
