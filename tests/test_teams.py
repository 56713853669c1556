"""Teams: who may do what, one team an account, an owner for ever, credits there and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from seedbed import db, ledger, signin, teams
from seedbed.errors import InsufficientCredits, InvalidRequest, NotFound
from tests.conftest import Person, at_once, make_person

pytestmark = pytest.mark.usefixtures("sound")


@pytest.fixture
async def team(conn: db.Connection, alice: Person, bob: Person) -> teams.Membership:
    """Alice's team, which bob has joined."""
    async with conn.transaction():
        token = await teams.invite(conn, alice.account_id, "bob@example.com")
        await teams.join(conn, bob.account_id, token)
    found = await teams.of(conn, alice.account_id)
    assert found is not None
    return found


async def roles(conn: db.Connection, viewer: teams.Membership) -> dict[str, str]:
    return {member.email.partition("@")[0]: member.role for member in await teams.members(conn, viewer)}


async def available(conn: db.Connection, *people: Person) -> list[int]:
    return [(await ledger.balance(conn, person.account_id)).available for person in people]


async def test_an_invitation_makes_a_team_and_is_followed_once(conn: db.Connection, alice: Person, bob: Person) -> None:
    assert await teams.of(conn, alice.account_id) is None
    token = await teams.invite(conn, alice.account_id, " Bob@Example.com ")
    owner = await teams.of(conn, alice.account_id)
    assert owner is not None
    [waiting] = await teams.invitations(conn, owner.team_id)
    assert (waiting.email, waiting.invited_by) == ("bob@example.com", "alice@example.com")
    assert await teams.inviter(conn, token) == "alice@example.com"
    assert (await teams.join(conn, bob.account_id, token)).role == "member"
    assert await roles(conn, owner) == {"alice": "owner", "bob": "member"}
    assert await teams.invitations(conn, owner.team_id) == []
    for again in (teams.join(conn, bob.account_id, token), teams.inviter(conn, token)):
        with pytest.raises(NotFound):
            await again


async def test_invited_twice_the_first_link_ends(conn: db.Connection, alice: Person) -> None:
    first = await teams.invite(conn, alice.account_id, "bob@example.com")
    second = await teams.invite(conn, alice.account_id, "bob@example.com")
    with pytest.raises(NotFound):
        await signin.look_at_link(conn, first)
    assert (await signin.look_at_link(conn, second)).email == "bob@example.com"
    owner = await teams.of(conn, alice.account_id)
    assert owner is not None
    [waiting] = await teams.invitations(conn, owner.team_id)
    await teams.revoke(conn, alice.account_id, waiting.id)
    with pytest.raises(NotFound):
        await signin.look_at_link(conn, second)
    with pytest.raises(NotFound):
        await teams.revoke(conn, alice.account_id, waiting.id)


async def test_an_account_is_in_one_team(conn: db.Connection, team: teams.Membership, bob: Person) -> None:
    async with conn.transaction():
        carol = await make_person(conn, "carol")
    token = await teams.invite(conn, carol.account_id, "bob@example.com")
    with pytest.raises(InvalidRequest, match="already"):
        async with conn.transaction():
            await teams.join(conn, bob.account_id, token)
    await teams.leave(conn, bob.account_id)
    await teams.join(conn, bob.account_id, token)
    assert "bob" not in await roles(conn, team)


async def test_only_owners_decide(conn: db.Connection, team: teams.Membership, alice: Person, bob: Person) -> None:
    tries: list[Callable[[], Awaitable[object]]] = [
        lambda: teams.invite(conn, bob.account_id, "x@example.com"),
        lambda: teams.revoke(conn, bob.account_id, 1),
        lambda: teams.remove(conn, bob.account_id, alice.account_id),
        lambda: teams.set_role(conn, bob.account_id, bob.account_id, "owner"),
        lambda: teams.give(conn, bob.account_id, alice.account_id, 1),
        lambda: teams.take_back(conn, bob.account_id, alice.account_id, 1),
    ]
    for each in tries:
        with pytest.raises(InvalidRequest, match="Only an owner"):
            await each()
    with pytest.raises(InvalidRequest, match="in the team already"):
        await teams.invite(conn, alice.account_id, "BOB@example.com")
    with pytest.raises(InvalidRequest, match="not an email"):
        await teams.invite(conn, alice.account_id, "bob")


async def test_those_of_other_teams_are_not_there(conn: db.Connection, team: teams.Membership, alice: Person) -> None:
    async with conn.transaction():
        carol = await make_person(conn, "carol")
        token = await teams.invite(conn, carol.account_id, "dan@example.com")
    other = await teams.of(conn, carol.account_id)
    assert other is not None
    [waiting] = await teams.invitations(conn, other.team_id)
    for each in (
        lambda: teams.remove(conn, alice.account_id, carol.account_id),
        lambda: teams.set_role(conn, alice.account_id, carol.account_id, "owner"),
        lambda: teams.give(conn, alice.account_id, carol.account_id, 1),
        lambda: teams.take_back(conn, alice.account_id, carol.account_id, 1),
        lambda: teams.revoke(conn, alice.account_id, waiting.id),
        lambda: teams.remove(conn, alice.account_id, 999_999),
    ):
        with pytest.raises(NotFound):
            await each()
    assert (await signin.look_at_link(conn, token)).email == "dan@example.com"


async def test_a_team_has_an_owner_as_long_as_it_has_anybody(
    conn: db.Connection, team: teams.Membership, alice: Person, bob: Person
) -> None:
    for each in (
        lambda: teams.leave(conn, alice.account_id),
        lambda: teams.remove(conn, alice.account_id, alice.account_id),
        lambda: teams.set_role(conn, alice.account_id, alice.account_id, "member"),
    ):
        with pytest.raises(InvalidRequest, match="needs an owner"):
            await each()
    await teams.set_role(conn, alice.account_id, bob.account_id, "owner")
    await teams.leave(conn, alice.account_id)
    token = await teams.invite(conn, bob.account_id, "carol@example.com")
    await teams.leave(conn, bob.account_id)
    assert await conn.fetchval("SELECT count(*) FROM teams") == 0
    with pytest.raises(NotFound):
        await signin.look_at_link(conn, token)
    with pytest.raises(NotFound):
        await teams.leave(conn, bob.account_id)


async def test_two_owners_who_leave_at_once_leave_one_behind(
    pool: db.Pool, conn: db.Connection, team: teams.Membership, alice: Person, bob: Person
) -> None:
    async with conn.transaction():
        carol = await make_person(conn, "carol")
        await teams.join(conn, carol.account_id, await teams.invite(conn, alice.account_id, "carol@example.com"))
        await teams.set_role(conn, alice.account_id, bob.account_id, "owner")
    barrier = asyncio.Barrier(2)

    async def leave(person: Person) -> bool:
        async with pool.acquire() as mine:
            await barrier.wait()
            try:
                async with mine.transaction():
                    await teams.leave(mine, person.account_id)
            except InvalidRequest:
                return False
            return True

    assert sorted(await asyncio.gather(leave(alice), leave(bob))) == [False, True]
    assert await conn.fetchval("SELECT count(*) FROM team_members WHERE role = 'owner'") == 1


async def test_credits_go_to_a_member_and_back(
    conn: db.Connection, team: teams.Membership, alice: Person, bob: Person
) -> None:
    await teams.give(conn, alice.account_id, bob.account_id, 300)
    assert await available(conn, alice, bob) == [700, 1300]
    [_, member] = await teams.members(conn, team)
    assert (member.available, member.movable) == (1300, 300)
    with pytest.raises(InvalidRequest, match="no more"):
        await teams.take_back(conn, alice.account_id, bob.account_id, 301)
    await teams.take_back(conn, alice.account_id, bob.account_id, 100)
    assert await available(conn, alice, bob) == [800, 1200]
    with pytest.raises(InsufficientCredits):
        await teams.give(conn, alice.account_id, bob.account_id, 801)
    with pytest.raises(InvalidRequest, match="yours already"):
        await teams.give(conn, alice.account_id, alice.account_id, 1)
    [line] = await ledger.statement(conn, bob.account_id, limit=1)
    assert (line.kind, line.available, line.other, line.balance) == ("transfer", -100, "alice@example.com", 1200)


async def test_what_is_spent_or_was_ones_own_cannot_be_taken(
    conn: db.Connection, team: teams.Membership, alice: Person, bob: Person
) -> None:
    with pytest.raises(InvalidRequest, match="no more"):
        await teams.take_back(conn, alice.account_id, bob.account_id, 1)
    await teams.give(conn, alice.account_id, bob.account_id, 500)
    async with conn.transaction():
        carol = await make_person(conn, "carol", 0)
        await ledger.transfer(conn, bob.account_id, carol.account_id, 1400)
    assert [member.movable for member in await teams.members(conn, team)] == [0, 100]
    with pytest.raises(InsufficientCredits):
        async with conn.transaction():
            await teams.take_back(conn, alice.account_id, bob.account_id, 101)
    await teams.take_back(conn, alice.account_id, bob.account_id, 100)
    assert await available(conn, bob) == [0]
    await teams.remove(conn, alice.account_id, bob.account_id)
    assert await conn.fetchval("SELECT count(*) FROM team_credits") == 0


async def test_another_owner_takes_nothing_back_that_is_not_theirs(
    conn: db.Connection, team: teams.Membership, alice: Person, bob: Person
) -> None:
    async with conn.transaction():
        carol = await make_person(conn, "carol")
        await teams.join(conn, carol.account_id, await teams.invite(conn, alice.account_id, "carol@example.com"))
        await teams.set_role(conn, alice.account_id, carol.account_id, "owner")
    await teams.give(conn, alice.account_id, bob.account_id, 100)
    with pytest.raises(InvalidRequest, match="no more"):
        await teams.take_back(conn, carol.account_id, bob.account_id, 1)


async def test_taking_back_at_once_takes_once(
    pool: db.Pool, conn: db.Connection, team: teams.Membership, alice: Person, bob: Person
) -> None:
    await teams.give(conn, alice.account_id, bob.account_id, 100)
    told = await at_once(pool, [lambda own: teams.take_back(own, alice.account_id, bob.account_id, 100)] * 4)
    assert told.count(None) == 1
    assert sum(isinstance(answer, InvalidRequest) for answer in told) == 3
    assert await available(conn, alice, bob) == [1000, 1000]


async def test_a_team_has_room_for_so_many(
    conn: db.Connection, team: teams.Membership, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "PEOPLE_MAX", 3)
    await teams.invite(conn, alice.account_id, "carol@example.com")
    with pytest.raises(InvalidRequest, match="at most 3"):
        await teams.invite(conn, alice.account_id, "dan@example.com")
    await teams.invite(conn, alice.account_id, "carol@example.com")
