"""The observer in a thread with a loop of its own: reading and judging never hold up a key."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from openinfra_tui.flow.observing import Failed, Observer, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from openinfra_tui.flow.diff import Request

ResultT = TypeVar("ResultT")
_PATIENCE = 10.0  # seconds for open requests to end when one leaves


class Lookout:
    """Runs an observer.

    Args:
        request: what it looks at.
        tell: takes each sight, in the thread of the observer.
    """

    def __init__(self, request: Request, tell: Callable[[Seen], None]) -> None:
        self._tell = tell
        self.observer = Observer(request, tell)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()
        self._begun.wait()

    def stop(self) -> None:
        """Look no more; waits until every request has ended."""
        if self._loop is not None and self._task is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(_PATIENCE)

    async def ask(self, question: Coroutine[Any, Any, ResultT]) -> ResultT:
        """The answer to a question that the observer's loop must work out, awaited on ours."""
        if self._loop is None:
            raise AssertionError("the lookout was not started")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, self._loop))

    def _run(self) -> None:
        try:
            asyncio.run(self._look())
        except asyncio.CancelledError:
            pass
        except Exception as error:  # a fault of the observer never takes the screen down
            self._tell(Failed(f"the view stands still: {type(error).__name__}: {error}"))
        finally:
            self._begun.set()

    async def _look(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._begun.set()
        await self.observer.run()
