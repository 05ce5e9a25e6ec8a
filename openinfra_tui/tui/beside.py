"""Work beside the event loop, so that no key ever waits for it."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, TypeVar

from openinfra_tui.errors import UserError
from openinfra_tui.tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.widget import Widget
    from textual.worker import Worker

ResultT = TypeVar("ResultT")


def beside(
    node: Widget,
    work: Callable[[], ResultT],
    done: Callable[[ResultT], object],
    *,
    group: str,
    failed: Callable[[UserError], object] | None = None,
    ended: Callable[[], object] = lambda: None,
) -> Worker[None]:
    """Run `work` in a thread, and `done` with its result on the event loop.

    Args:
        node: what it is for; it ends with it.
        work: touches no widget.
        done: a function, or one with async; not called when newer work of the group has begun meanwhile.
        group: newer work of a group takes the place of older.
        failed: takes what the user can mend; without it that is shown for a while, as everything else is
            that goes wrong: a fault of one part never takes the screen down.
        ended: called at last, however it went.
    """

    def shown(error: UserError) -> None:
        node.app.notify(clean(f"{error.message}\n{error.hint}".strip()), severity="error", markup=False)

    async def run() -> None:
        try:
            result = await asyncio.to_thread(work)
        except UserError as error:
            after = (failed or shown)(error)
            if inspect.isawaitable(after):
                await after
        except Exception as error:
            node.log.error(error)
            node.app.notify(clean(f"{type(error).__name__}: {error}"), severity="error", markup=False)
        else:
            after = done(result)
            if inspect.isawaitable(after):
                await after
        finally:
            ended()

    return node.run_worker(run(), group=group, exclusive=True, exit_on_error=False)
