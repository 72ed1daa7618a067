"""Worker threads: results, errors of every kind, the bound, and their end."""

import asyncio
import threading
from functools import partial

import pytest

from exporter.web.thread_pool import BusyError, ThreadPool


def threads_of(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"{name}-")]


def test_results_and_errors_come_back() -> None:
    async def go() -> None:
        workers = ThreadPool("a", threads=2, waiting=2)
        assert await workers.call(lambda: 1) == 1

        def fail(error: BaseException) -> None:
            raise error

        with pytest.raises(ValueError, match="bad"):
            await workers.call(lambda: fail(ValueError("bad")))
        for error in (StopIteration("x"), SystemExit("x"), KeyboardInterrupt("x")):
            with pytest.raises(RuntimeError, match=f"{type(error).__name__} in a worker: x"):
                await workers.call(lambda error=error: fail(error))  # type: ignore[misc]
        assert await workers.call(lambda: 2) == 2
        workers.close()

    asyncio.run(go())


def test_beyond_the_bound_a_call_is_refused_at_once() -> None:
    async def go() -> None:
        workers, release = ThreadPool("b", threads=2, waiting=1), threading.Event()
        calls = [asyncio.create_task(workers.call(release.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="b: 3 calls wait"):
            await workers.call(lambda: None)
        assert len(threads_of("b")) == 2
        release.set()
        assert await asyncio.gather(*calls) == [True, True, True]
        assert await workers.call(lambda: 1) == 1
        workers.close()

    asyncio.run(go())


def test_clients_take_turns_and_the_newest_call_of_each_goes_first() -> None:
    """C3: a call that has just come is not behind sixty of another client, nor behind sixty of its own."""

    async def go() -> list[str]:
        workers, release, order = ThreadPool("e", threads=1, waiting=9), threading.Event(), list[str]()
        calls: list[asyncio.Task[object]] = [asyncio.create_task(workers.call(release.wait))]
        await asyncio.sleep(0)
        for name in ("a1", "a2", "a3", "b1", "b2"):
            calls.append(asyncio.create_task(workers.call(partial(order.append, name), name[0])))
            await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*calls)
        workers.close()
        return order

    assert asyncio.run(go()) == ["a3", "b2", "a2", "b1", "a1"]


def test_who_has_most_calls_waiting_makes_room_for_who_has_none() -> None:
    """C3."""

    async def go() -> None:
        workers, release = ThreadPool("f", threads=1, waiting=3), threading.Event()
        calls = [asyncio.create_task(workers.call(release.wait, "a")) for _ in range(4)]
        await asyncio.sleep(0)
        other = asyncio.create_task(workers.call(lambda: 1, "b"))
        await asyncio.sleep(0)
        with pytest.raises(BusyError):
            await workers.call(lambda: 2, "a")
        release.set()
        assert await other == 1
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in found] == [bool, BusyError, bool, bool]
        workers.close()

    asyncio.run(go())


def test_a_call_that_nobody_awaits_any_more_is_not_made() -> None:
    async def go() -> None:
        workers, release = ThreadPool("g", threads=1, waiting=1), threading.Event()
        first = asyncio.create_task(workers.call(release.wait))
        await asyncio.sleep(0)
        second = asyncio.create_task(workers.call(lambda: 1 / 0))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        third = asyncio.create_task(workers.call(lambda: 3))
        await asyncio.sleep(0)
        release.set()
        assert (await first, await third) == (True, 3)
        workers.close()

    asyncio.run(go())


def test_threads_are_daemons_that_end_when_closed() -> None:
    async def go() -> list[threading.Thread]:
        workers = ThreadPool("c", threads=3, waiting=9)
        await asyncio.gather(*(workers.call(threading.Event().is_set) for _ in range(9)))
        found = threads_of("c")
        assert 1 <= len(found) <= 3
        assert all(thread.daemon for thread in found)
        workers.close()
        return found

    for thread in asyncio.run(go()):
        thread.join(20)
        assert not thread.is_alive()


def test_a_call_that_outlives_its_loop_harms_nobody() -> None:
    workers, release = ThreadPool("d", threads=1, waiting=1), threading.Event()

    async def go() -> None:
        asyncio.create_task(workers.call(release.wait))  # noqa: RUF006 - it is to be forgotten
        await asyncio.sleep(0.01)

    asyncio.run(go())
    (thread,) = threads_of("d")
    workers.close()
    release.set()
    thread.join(20)
    assert not thread.is_alive()
