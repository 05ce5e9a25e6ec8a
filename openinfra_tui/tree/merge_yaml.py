"""Three-way merge of YAML on its structure; every line that need not change stays as it is.

Keys of mappings meet by name, items of lists by what identifies them (`yaml_keys`), documents by the object
that they are. One side's change is taken; what both changed differently is a conflict.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from openinfra_tui.tree.clash import Clash
from openinfra_tui.tree.merge_text import merge_lines
from openinfra_tui.tree.order import matched, ordered
from openinfra_tui.tree.yaml_keys import document_keys, item_keys, shown
from openinfra_tui.tree.yaml_lines import Block, Entry, Leaf
from openinfra_tui.tree.yaml_read import NotStructured, read

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

Kept = TypeVar("Kept", str, tuple[str, ...])


def merge_yaml(base: str, ours: str, theirs: str, prefer: str = "") -> str | tuple[Clash, ...]:
    """Merge three texts of YAML.

    Args:
        base: what both come from.
        ours: the user's.
        theirs: the new one.
        prefer: `ours` or `theirs` to settle every conflict so; else conflicts are returned.

    Returns:
        The merged text, or what clashes.

    Raises:
        NotStructured: a text cannot be taken apart, or the merge could not be put together again.
    """
    texts = [_ended(text) for text in (base, ours, theirs)]
    if "\r\n" in ours and "\n" not in ours.replace("\r\n", ""):
        texts = [text.replace("\r\n", "\n").replace("\n", "\r\n") for text in texts]
    sides = [read(text) if text.strip() else () for text in texts]
    work = _Merge(prefer)
    documents = work.documents(*sides)
    if work.clashes:
        return tuple(work.clashes)
    merged = "".join(entry.text for entry in documents)
    if [entry.body.value for entry in read(merged)] != [entry.body.value for entry in documents]:
        raise NotStructured("the parts do not fit together")
    return merged


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


@dataclass
class _Merge:
    """One merge under way: how conflicts are settled, and those that were found."""

    prefer: str
    clashes: list[Clash] = field(default_factory=list)

    def documents(
        self, base: Sequence[Entry], ours: Sequence[Entry], theirs: Sequence[Entry]
    ) -> tuple[Entry, ...]:
        sides = (base, ours, theirs)
        keys = document_keys(*sides)
        old, mine, new = (
            dict(zip(names, side, strict=True)) for names, side in zip(keys, sides, strict=True)
        )
        out = self._by_key(old, mine, new, "", named=max(map(len, sides)) > 1)
        return tuple(
            entry if number == 0 or entry.lead else replace(entry, lead=("---\n",))
            for number, entry in enumerate(out)
        )

    def entry(self, base: Entry | None, ours: Entry | None, theirs: Entry | None, where: str) -> Entry | None:
        if _same(ours, base):
            return theirs
        if _same(theirs, base) or _same(ours, theirs):
            return ours
        if ours is None or theirs is None:
            return self._one_gone(base, ours, theirs, where)
        lead = _pick(base.lead if base else None, ours.lead, theirs.lead)
        body = self._body(base.body if base else None, ours, theirs, where)
        return replace(ours, lead=lead, body=body)

    def _one_gone(
        self, base: Entry | None, ours: Entry | None, theirs: Entry | None, where: str
    ) -> Entry | None:
        """One side removed what the other one changed; only a change in words counts, not in spaces."""
        left = ours or theirs
        unchanged = base and left and base.text.split() == left.text.split()
        if unchanged or (ours is None and base and theirs and base.body.value == theirs.body.value):
            return None
        return self._clash(base, ours, theirs, where)

    def _body(self, base: Leaf | Block | None, ours: Entry, theirs: Entry, where: str) -> Leaf | Block:
        mine, new = ours.body, theirs.body
        if base and mine.text == base.text:
            return new
        if base and new.text == base.text:
            return mine
        if isinstance(mine, Block) and isinstance(new, Block) and mine.kind == new.kind:
            empty = replace(mine, items=(), tail=(), head="", prefix="")
            old = base if isinstance(base, Block) and base.kind == mine.kind else empty
            before = len(self.clashes)
            merged = self._block(old, ours.key, mine, new, where)
            # Where a choice may leave nothing of a block, it is about all of the block: all is shown.
            undecided = len(self.clashes) > before
            if merged.items and not (
                undecided and not _Merge("theirs")._block(old, ours.key, mine, new, where).items
            ):
                return merged
            del self.clashes[before:]
        elif mine.value == new.value or (base and new.value == base.value):
            return mine
        elif base and mine.value == base.value:
            leaf = _spliced(base, mine, new)
            if leaf is not None:
                return leaf
        elif isinstance(base, Leaf) and isinstance(mine, Leaf) and isinstance(new, Leaf):
            leaf = self._scalars(base, mine, new)
            if leaf is not None:
                return leaf
        old_entry = replace(ours, body=base) if base else None
        chosen = self._clash(old_entry, ours, theirs, where)
        return chosen.body if chosen else mine

    def _block(self, base: Block, key: Hashable, ours: Block, theirs: Block, where: str) -> Block:
        base, theirs = base.aligned(ours.column), theirs.aligned(ours.column)
        sides = (base.items, ours.items, theirs.items)
        name = key[1] if isinstance(key, tuple) else ""
        keys = (
            [[item.key for item in side] for side in sides] if ours.kind == "map" else item_keys(name, *sides)
        )
        if keys is None:
            items = self._in_order(*sides, where)
        else:
            old, mine, new = (
                dict(zip(names, side, strict=True)) for names, side in zip(keys, sides, strict=True)
            )
            items = self._by_key(old, mine, new, where)
        inline = bool(ours.prefix)
        head = ours.head if inline or not theirs.head else _pick(base.head, ours.head, theirs.head)
        return replace(ours, head=head, items=items, tail=_pick(base.tail, ours.tail, theirs.tail))

    def _by_key(
        self,
        base: Mapping[Hashable, Entry],
        ours: Mapping[Hashable, Entry],
        theirs: Mapping[Hashable, Entry],
        where: str,
        *,
        named: bool = True,
    ) -> tuple[Entry, ...]:
        kept: dict[Hashable, Entry] = {}
        for key in dict.fromkeys([*ours, *theirs, *base]):
            place = where + shown(key, first=not where or where.endswith(": ")) if named else where
            merged = self.entry(base.get(key), ours.get(key), theirs.get(key), place)
            if merged is not None:
                kept[key] = merged
        return tuple(kept[key] for key in ordered(list(base), list(ours), list(theirs)) if key in kept)

    def _in_order(
        self, base: Sequence[Entry], ours: Sequence[Entry], theirs: Sequence[Entry], where: str
    ) -> tuple[Entry, ...]:
        """Items that nothing identifies: what both kept divides the list, each part is one side's change."""
        out: list[Entry] = []
        for old, mine, new in matched(base, ours, theirs, lambda entry: entry.text):
            texts = [[entry.text for entry in part] for part in (old, mine, new)]
            if texts[1] == texts[0]:
                out += new
            elif texts[2] == texts[0] or [e.body.value for e in mine] == [e.body.value for e in new]:
                out += mine
            elif len(old) == len(mine) == len(new):
                for three in zip(old, mine, new, strict=True):
                    merged = self.entry(*three, f"{where}[{len(out)}]")
                    out += [merged] if merged else []
            else:
                out += self._part(old, mine, new, where)
        return tuple(out)

    def _part(
        self, old: Sequence[Entry], mine: Sequence[Entry], new: Sequence[Entry], where: str
    ) -> Sequence[Entry]:
        if not self.prefer:
            texts = [_text("".join(entry.text for entry in part)) for part in (old, mine, new)]
            line = next((entry.line for entry in mine), 0)
            self.clashes.append(Clash(where, line, *(text or None for text in texts)))
        return new if self.prefer == "theirs" else mine

    def _scalars(self, base: Leaf, ours: Leaf, theirs: Leaf) -> Leaf | None:
        """Block scalars that both changed, merged by lines; None when that is not possible."""
        heads = {leaf.raw.partition("\n")[0].strip() for leaf in (base, ours, theirs)}
        if len(heads) != 1 or not heads.pop().startswith(("|", ">")):
            return None
        merged = merge_lines(base.raw.encode(), ours.raw.encode(), theirs.raw.encode())
        if not isinstance(merged, bytes):
            return None
        leaf = replace(ours, raw=merged.decode())
        found = read(leaf.text)[0].body
        return replace(leaf, value=found.items[0].body.value) if isinstance(found, Block) else None

    def _clash(
        self, base: Entry | None, ours: Entry | None, theirs: Entry | None, where: str
    ) -> Entry | None:
        if not self.prefer:
            texts = (_text(entry.text) if entry else None for entry in (base, ours, theirs))
            self.clashes.append(Clash(where, ours.line if ours else 0, *texts))
        return theirs if self.prefer == "theirs" else ours


def _same(one: Entry | None, other: Entry | None) -> bool:
    return one is other if one is None or other is None else one.text == other.text


def _pick(base: Kept | None, ours: Kept, theirs: Kept) -> Kept:
    """Of comments and spaces: ours when the user changed them, else theirs."""
    return theirs if ours == base else ours


def _text(text: str) -> str:
    return textwrap.dedent(text).strip("\r\n")


def _spliced(base: Leaf | Block, ours: Leaf | Block, theirs: Leaf | Block) -> Leaf | Block | None:
    """The new value with what the user changed around it; None when there is no place for that."""
    if base.text.split() == ours.text.split():
        return theirs
    if not (isinstance(base, Leaf) and isinstance(ours, Leaf) and isinstance(theirs, Leaf)):
        return None
    if base.raw.split() != ours.raw.split() and "#" in ours.raw:
        return None
    post = _pick(base.post, ours.post, theirs.post)
    if theirs.raw.endswith("\n"):
        if post.strip():
            return None
        post = ""
    elif not post.endswith("\n"):
        post += "\n"
    return Leaf(_pick(base.pre, ours.pre, theirs.pre), theirs.raw, post, theirs.value)
