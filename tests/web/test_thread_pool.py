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


def test_a_call_that_was_withdrawn_leaves_its_place_and_those_of_its_client() -> None:
    async def go() -> list[str]:
        workers, release, order = ThreadPool("h", threads=1, waiting=3), threading.Event(), list[str]()
        first: list[asyncio.Task[object]] = [asyncio.create_task(workers.call(release.wait))]
        await asyncio.sleep(0)
        rest: list[asyncio.Task[None]] = []
        for name in ("a1", "a2", "b1"):
            rest.append(asyncio.create_task(workers.call(partial(order.append, name), name[0])))
            await asyncio.sleep(0)
        for number in (1, 2):
            rest[number].cancel()
        await asyncio.gather(*rest[1:], return_exceptions=True)
        assert list(workers._waiting) == ["a"]
        more = [asyncio.create_task(workers.call(partial(order.append, name), "c")) for name in ("c1", "c2")]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="h: 4 calls wait"):
            await workers.call(lambda: None, "c")
        release.set()
        await asyncio.gather(*first, rest[0], *more)
        workers.close()
        return order

    assert asyncio.run(go()) == ["a1", "c2", "c1"]


def test_a_call_that_has_begun_is_made_to_its_end_although_nobody_awaits_it() -> None:
    async def go() -> None:
        workers, begun, release, done = ThreadPool("i", threads=1, waiting=0), *(threading.Event() for _ in range(3))

        def work() -> None:
            begun.set()
            release.wait(20)
            done.set()

        call = asyncio.create_task(workers.call(work))
        await asyncio.to_thread(begun.wait, 20)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        with pytest.raises(BusyError, match="i: 1 calls wait"):  # its thread is not free yet
            await workers.call(lambda: None)
        release.set()
        assert await asyncio.to_thread(done.wait, 20)
        await asyncio.sleep(0.05)
        assert await workers.call(lambda: 1) == 1
        workers.close()

    asyncio.run(go())


@pytest.mark.parametrize(("mine", "theirs", "taken"), [(0, 1, False), (0, 2, True), (1, 2, False), (1, 3, True)])
def test_who_has_two_calls_fewer_in_a_full_queue_takes_a_place(mine: int, theirs: int, taken: bool) -> None:
    async def go() -> None:
        workers, release = ThreadPool("j", threads=1, waiting=mine + theirs), threading.Event()
        calls: list[asyncio.Task[object]] = [asyncio.create_task(workers.call(release.wait))]
        await asyncio.sleep(0)
        for client in ["a"] * theirs + ["b"] * mine:
            calls.append(asyncio.create_task(workers.call(lambda: 1, client)))
            await asyncio.sleep(0)
        more = asyncio.create_task(workers.call(lambda: 2, "b"))
        await asyncio.sleep(0)
        release.set()
        (found,) = await asyncio.gather(more, return_exceptions=True)
        assert (found == 2) is taken
        assert isinstance(found, BusyError) is not taken
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(one, BusyError) for one in results] == [False, taken, *[False] * (theirs + mine - 1)]
        workers.close()

    asyncio.run(go())


def test_no_more_threads_are_started_than_there_are_calls() -> None:
    async def go() -> int:
        workers = ThreadPool("k", threads=3, waiting=3)
        for _ in range(3):
            await workers.call(lambda: None)
        found = len(threads_of("k"))
        workers.close()
        return found

    assert asyncio.run(go()) == 1


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
