"""`torch.futures`: results that another thread, or a fork, will have."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from ._core.names import missing as _missing

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")
S = TypeVar("S")


class Future(Generic[T]):
    """A result to come: somebody sets it, others wait for it.

    Args:
        devices: accepted; results of every device are waited for where they are read.
    """

    def __init__(self, *, devices: Any = None):
        self._inner: concurrent.futures.Future[T] = concurrent.futures.Future()

    def done(self) -> bool:
        """Whether there is a result or an exception."""
        return self._inner.done()

    def wait(self) -> T:
        """Waits for the result and returns it, or raises the exception that was set."""
        return self._inner.result()

    def value(self) -> T:
        """The result, which must be there, or raises the exception that was set.

        Raises:
            RuntimeError: there is none yet.
        """
        if not self.done():
            raise RuntimeError("Future.value(): there is no result yet; use wait()")
        return self._inner.result()

    def set_result(self, result: T) -> None:
        """Sets the result; whoever waits goes on.

        Raises:
            RuntimeError: there is one already.
        """
        self._once()
        self._inner.set_result(result)

    def set_exception(self, result: Exception) -> None:
        """Sets an exception, which `wait` raises.

        Raises:
            AssertionError: it is none.
            RuntimeError: there is a result already.
        """
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._once()
        self._inner.set_exception(result)

    def _once(self) -> None:
        if self.done():
            raise RuntimeError("Future can only be marked completed once")

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Calls `callback(self)` once there is a result; at once if there is one. Its exceptions are logged."""
        self._inner.add_done_callback(lambda _: callback(self))

    def then(self, callback: Callable[[Future[T]], S]) -> Future[S]:
        """A future of `callback(self)`, which is called once there is a result."""
        following: Future[S] = Future()

        def run(_: Any) -> None:
            try:
                found = callback(self)
            except Exception as e:
                following.set_exception(e)
            else:
                following.set_result(found)

        self._inner.add_done_callback(run)
        return following

    def __repr__(self) -> str:
        return f"<torch.futures.Future {'done' if self.done() else 'pending'}>"


def collect_all(futures: list[Future[Any]]) -> Future[list[Future[Any]]]:
    """A future of the futures themselves, done when all of them are."""
    all_of: Future[list[Future[Any]]] = Future()
    left = [len(futures)]

    def one_more(_: Any) -> None:
        left[0] -= 1
        if not left[0]:
            all_of.set_result(list(futures))

    if not futures:
        all_of.set_result([])
    for f in futures:
        f.add_done_callback(one_more)
    return all_of


def wait_all(futures: list[Future[Any]]) -> list[Any]:
    """The results of all futures, in their order; raises if one has an exception."""
    return [cast("Future[Any]", f).wait() for f in collect_all(futures).wait()]


__getattr__ = _missing(__name__)
