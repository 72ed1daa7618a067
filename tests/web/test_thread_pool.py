"""Worker threads: results, errors of every kind, the bound, and their end."""

import asyncio
import threading
import time
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
        workers, release = ThreadPool("b", threads=2, waiting=0), threading.Event()
        calls = [asyncio.create_task(workers.call(release.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="b: 2 calls wait"):
            await workers.call(lambda: None)
        assert len(threads_of("b")) == 2
        release.set()
        assert await asyncio.gather(*calls) == [True, True]
        assert await workers.call(lambda: 1) == 1
        workers.close()

    asyncio.run(go())


def test_where_no_thread_can_be_had_a_call_is_refused_and_the_next_one_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The container's limit of processes; where there is a thread already it makes all calls."""

    def never(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def go() -> None:
        workers = ThreadPool("n", threads=2, waiting=1)
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", never)
            with pytest.raises(BusyError, match="n: no thread can be started"):
                await workers.call(lambda: None)
        assert workers.waiting("") == 0
        assert await workers.call(lambda: 1) == 1
        with monkeypatch.context() as full:
            full.setattr(threading.Thread, "start", never)
            assert await asyncio.gather(*(workers.call(partial(int, number)) for number in range(3))) == [0, 1, 2]
        workers.close()

    asyncio.run(go())


def test_the_end_is_waited_for_no_longer_than_is_said() -> None:
    async def go() -> None:
        workers, began, release = ThreadPool("w", threads=1, waiting=0), threading.Event(), threading.Event()

        def work() -> None:
            began.set()
            release.wait()

        call = asyncio.create_task(workers.call(work))
        await asyncio.to_thread(began.wait)
        workers.close(0.01)
        (thread,) = threads_of("w")
        release.set()
        await call
        workers.close(60)
        assert not thread.is_alive()

    asyncio.run(go())


def test_the_oldest_call_that_waits_makes_room_for_a_newer_of_its_client() -> None:
    async def go() -> None:
        workers, release = ThreadPool("m", threads=1, waiting=2), threading.Event()
        calls: list[asyncio.Task[object]] = [asyncio.create_task(workers.call(release.wait, "other"))]
        await asyncio.sleep(0)
        for number in range(4):
            calls.append(asyncio.create_task(workers.call(partial(int, number))))
            await asyncio.sleep(0)
        assert workers.waiting("") == 2
        release.set()
        begun, *refused, third, fourth = await asyncio.gather(*calls, return_exceptions=True)
        assert (begun, third, fourth) == (True, 2, 3)
        assert [str(one) for one in refused] == ["m: 3 calls wait"] * 2
        assert workers.waiting("") == 0
        workers.close()

    asyncio.run(go())


def test_clients_take_turns_and_of_each_the_newest_call_and_the_oldest() -> None:
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

    assert asyncio.run(go()) == ["a3", "b2", "a1", "b1", "a2"]


def test_a_call_is_made_however_many_newer_ones_of_its_client_keep_coming() -> None:
    """C3: whoever guesses again as soon as they are answered always has the newest call."""

    async def go() -> int:
        workers, release, made = ThreadPool("l", threads=1, waiting=9), threading.Event(), list[str]()
        calls: list[asyncio.Task[object]] = [asyncio.create_task(workers.call(release.wait))]
        await asyncio.sleep(0)
        calls.append(asyncio.create_task(workers.call(partial(made.append, "mine"))))
        await asyncio.sleep(0)

        def check() -> None:
            made.append("guess")
            time.sleep(0.01)  # meanwhile whoever was answered last has guessed again

        async def guess() -> None:
            while "mine" not in made and len(made) < 50:
                await workers.call(check)

        guesses = [asyncio.create_task(guess()) for _ in range(3)]
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*calls, *guesses)
        workers.close()
        return made.index("mine")

    assert asyncio.run(go()) == 1


def test_who_has_most_calls_waiting_makes_room_for_who_has_none() -> None:
    """C3."""

    async def go() -> None:
        workers, release = ThreadPool("f", threads=1, waiting=4), threading.Event()
        calls = [asyncio.create_task(workers.call(release.wait, client)) for client in ("", "a", "a", "a", "z")]
        await asyncio.sleep(0)
        other = asyncio.create_task(workers.call(lambda: 1, "b"))
        await asyncio.sleep(0)
        more = asyncio.create_task(workers.call(lambda: 2, "a"))
        await asyncio.sleep(0)
        release.set()
        assert (await other, await more) == (1, 2)
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(one) for one in found] == [bool, BusyError, BusyError, bool, bool]
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
        more = [asyncio.create_task(workers.call(partial(order.append, name), "c")) for name in ("c1", "c2", "c3")]
        with pytest.raises(BusyError, match="h: 4 calls wait"):
            await more[0]
        release.set()
        await asyncio.gather(*first, rest[0], *more[1:])
        workers.close()
        return order

    assert asyncio.run(go()) == ["a1", "c3", "c2"]


def test_a_call_that_has_begun_is_made_to_its_end_although_nobody_awaits_it() -> None:
    async def go() -> None:
        workers, begun, release, done = ThreadPool("i", threads=1, waiting=1), *(threading.Event() for _ in range(3))

        def work() -> None:
            begun.set()
            release.wait(20)
            done.set()

        call = asyncio.create_task(workers.call(work))
        await asyncio.to_thread(begun.wait, 20)
        following = asyncio.create_task(workers.call(done.is_set))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(BusyError, match="i: 2 calls wait"):  # its thread is not free yet
            await workers.call(lambda: None, "other")
        release.set()
        assert await following
        assert await workers.call(lambda: 1) == 1
        workers.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("theirs", "mine", "refused"),
    [(1, 0, "mine 0"), (2, 0, "theirs 0"), (2, 1, "mine 0"), (3, 1, "theirs 0"), (3, 2, "mine 0"), (4, 2, "theirs 0")],
)
def test_who_has_two_calls_fewer_in_a_full_queue_takes_a_place(theirs: int, mine: int, refused: str) -> None:
    """Else it is the oldest of the one's own that makes room, or the new one where no other waits."""

    async def go() -> list[str]:
        workers, release = ThreadPool("j", threads=1, waiting=mine + theirs), threading.Event()
        calls: dict[str, asyncio.Task[object]] = {"": asyncio.create_task(workers.call(release.wait))}
        await asyncio.sleep(0)
        for client, count in (("theirs", theirs), ("mine", mine + 1)):
            for number in range(count):
                calls[f"{client} {number}"] = asyncio.create_task(workers.call(partial(int, number), client))
                await asyncio.sleep(0)
        release.set()
        results = await asyncio.gather(*calls.values(), return_exceptions=True)
        workers.close()
        return [name for name, result in zip(calls, results, strict=True) if isinstance(result, BusyError)]

    assert asyncio.run(go()) == [refused]


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
