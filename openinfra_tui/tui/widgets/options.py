"""A list of options that every key may reach at any moment."""

from __future__ import annotations

from textual.widgets import OptionList


class Options(OptionList):
    """Textual's raises KeyError at a page key while it has no height: no option has a line there yet."""

    def action_page_up(self) -> None:
        """One page up, where there is a page."""
        if self.scrollable_content_region.height:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """One page down, where there is a page."""
        if self.scrollable_content_region.height:
            super().action_page_down()  # type: ignore[no-untyped-call]
