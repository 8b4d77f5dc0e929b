"""One question at a time: the dialogs, and the steps that wait for them beside the keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from textual import events
from textual.screen import Screen
from textual.worker import Worker

from oncall_tui.tui.handler_errors import note, words
from oncall_tui.tui.session import Session
from oncall_tui.tui.widgets.clean_text import copy

if TYPE_CHECKING:
    from oncall_tui.tui.screens.dialogs.modals import Modal

T = TypeVar("T")
ASKED = "what was asked"  # the name of a question's steps, where they fail


class Dialogs:
    """Open dialogs over *host*. *looked_at* tells whether the board, or the screen of one row, is on top."""

    def __init__(self, session: Session, host: Screen[None], looked_at: Callable[[], bool]) -> None:
        self._session, self._host, self._looked_at = session, host, looked_at
        self._asking: set[int] = set()  # the question that is under way: at most one
        self._question: Worker[None] | None = None  # its steps
        self._number = 0
        self._to_show: list[Modal[None]] = []

    @property
    def active(self) -> bool:
        """Tell whether a question is under way: keys that act are not for the board then, also between two dialogs."""
        return bool(self._asking)

    def begin(self, steps: Coroutine[Any, Any, None], asks: bool = True) -> None:
        """Run *steps* beside the keys. *asks*: they ask the engineer; of such steps one runs at a time."""
        if asks and self.active:
            steps.close()
            return
        self._number += 1
        if asks:
            self._asking.add(self._number)
        worker = self._host.run_worker(self._guarded(steps, self._number, asks), exit_on_error=False)
        self._question = worker if asks else self._question

    async def _guarded(self, steps: Coroutine[Any, Any, None], number: int, asks: bool) -> None:
        try:
            await steps
        except Exception as error:  # noqa: BLE001 - a bug ends as words, not as the program
            note(ASKED, error)
            self._session.say(words(ASKED, error), "critical")
        finally:
            self._asking.discard(number)
            if asks:
                self._session.unsay()  # what was read for it is over, however it ended
            self.show_waiting()

    def too_early(self, screen: Screen[Any], key: events.Key) -> bool:
        """Tell whether *screen* is a dialog that does not hear *key* yet: nobody has seen it."""
        if not screen.is_modal:
            return False
        from oncall_tui.tui.screens.dialogs.modals import Modal  # there since the first dialog

        return isinstance(screen, Modal) and screen.too_early(key)

    def asked(self) -> None:
        """End the question: keys act again, while the answer is carried out."""
        self._asking.clear()

    def give_up(self) -> None:
        """Cancel the question while something is read for it (Esc)."""
        if self._question is not None:
            self._question.cancel()
        self.asked()
        self._session.say("cancelled, nothing was sent", "dim")

    async def ask(self, modal: Modal[T]) -> T | None:
        """Show a dialog and wait for its answer; None: cancelled."""
        return await self.open(modal)

    def open(self, modal: Modal[T]) -> asyncio.Future[T | None]:
        """Show a dialog now: it has the keys from here on, and what was read for it has been."""
        self._session.unsay()
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._host.app.push_screen(modal, lambda said: None if answer.done() else answer.set_result(said))
        return answer

    def show(self, screen: Screen[Any]) -> None:
        """Show a screen that answers nothing."""
        self._host.app.push_screen(screen)

    def show_when_free(self, modal: Modal[None]) -> None:
        """Show a dialog that no key asked for just now, never over a question that is being answered."""
        self._to_show.append(modal)
        self.show_waiting()

    def show_waiting(self) -> None:
        """Show the next dialog that waited for the board to be free."""
        if self._to_show and self._looked_at() and not self.active:
            self._host.app.push_screen(self._to_show.pop(0))

    def suspend(self) -> AbstractContextManager[None]:
        """Leave the terminal to another program."""
        return self._host.app.suspend()

    def copy(self, text: str) -> str:
        """Copy *text* by way of the terminal, and return the words for it."""
        return copy(self._host.app, text)
