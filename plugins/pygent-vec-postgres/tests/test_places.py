"""Places: handed on in the order of coming, and never lost, whoever is cancelled when."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from pygent_vec_postgres.places import Places


def test_a_free_place_is_taken_at_once_and_no_more_than_there_are():
    places = Places(2)
    assert [places.take_free() for _ in range(3)] == [True, True, False]
    places.give_back()
    assert places.take_free()
    assert (places.taken, places.waiting) == (2, 0)


def test_who_came_first_is_served_first_and_nobody_passes_him():
    async def main() -> None:
        places, served = Places(1), []

        async def come(name: int) -> None:
            await places.take()
            served.append(name)

        assert places.take_free()
        tasks = [asyncio.create_task(come(name)) for name in range(3)]
        await asyncio.sleep(0)
        assert places.waiting == 3
        places.give_back()
        assert not places.take_free(), "the place is another's by now"
        for _ in range(2):
            await asyncio.sleep(0)
            places.give_back()
        await asyncio.gather(*tasks)
        assert served == [0, 1, 2]
        assert (places.taken, places.waiting) == (1, 0)

    asyncio.run(main())


def test_who_is_cancelled_when_he_has_his_place_already_hands_it_on():
    async def main() -> None:
        places = Places(1)
        assert places.take_free()
        first, second = (asyncio.create_task(places.take()) for _ in range(2))
        await asyncio.sleep(0)
        places.give_back()
        first.cancel()
        await asyncio.wait([first, second])
        assert first.cancelled()
        assert not second.cancelled()
        assert (places.taken, places.waiting) == (1, 0)

    asyncio.run(main())


class Crowd:
    """Tasks that take places, some of them cancelled; their holders give them back in any order."""

    def __init__(self, size):
        self.places = Places(size)
        self.tasks = []
        self.given_back = 0

    @property
    def held(self):
        return sum(task.done() and not task.cancelled() for task in self.tasks) - self.given_back

    def give(self):
        if self.held:
            self.places.give_back()
            self.given_back += 1

    async def step(self, what, which):
        if what == "take":
            self.tasks.append(asyncio.create_task(self.places.take()))
        elif what == "give":
            self.give()
        elif what == "cancel" and self.tasks:
            self.tasks[which % len(self.tasks)].cancel()
        elif what == "run":
            await asyncio.sleep(0)


@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(["take", "give", "cancel", "run"]), st.integers(0, 9)), max_size=40),
)
def test_no_place_is_lost_and_none_is_made(size, steps):
    async def main() -> None:
        crowd = Crowd(size)
        for step in steps:
            await crowd.step(*step)
            assert crowd.held <= crowd.places.taken <= size
        while not all(task.done() for task in crowd.tasks):
            await asyncio.sleep(0)
            crowd.give()
        while crowd.held:
            crowd.give()
        assert (crowd.places.taken, crowd.places.waiting) == (0, 0)

    asyncio.run(main())
