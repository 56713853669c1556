"""Teams: accounts that know one another, whose owners may move credits to members and back.

Owns `teams`, `team_members`, `team_invitations` and `team_credits`. An account is in one team at most, as an owner or
as a member, and keeps its own keys, tasks and balance: a team shares nothing but its list. An owner may take back from
a member what the same owner has moved there, as far as it is still to spend, and nothing else. A team has an owner as
long as it has anybody. Functions take a connection and never commit; each that changes a team locks its row first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import asyncpg

from seedbed import accounts, ledger, signin
from seedbed.db import Connection
from seedbed.errors import InvalidRequest, NotFound

Role = Literal["owner", "member"]
ROLES: tuple[Role, ...] = get_args(Role)
PEOPLE_MAX = 100
"""Members and open invitations of a team."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Somebody's place in a team."""

    team_id: int
    account_id: int
    role: Role


@dataclass(frozen=True, slots=True)
class Member:
    """A member as an owner sees it. `movable` are the credits that this owner may take back."""

    account_id: int
    email: str
    role: Role
    joined_at: datetime
    available: int
    movable: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that has been neither followed nor revoked, and is not too old."""

    id: int
    email: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


# Who is there ----------------------------------------------------------------------------------------------------


async def of(conn: Connection, account_id: int) -> Membership | None:
    """The team of an account, if it is in one."""
    row = await conn.fetchrow("SELECT team_id, account_id, role FROM team_members WHERE account_id = $1", account_id)
    return None if row is None else Membership(*row)


async def members(conn: Connection, viewer: Membership) -> list[Member]:
    """Everybody in the viewer's team, owners first, then by address."""
    rows = await conn.fetch(
        """
        SELECT m.account_id, a.email, m.role, m.joined_at, a.available_credits AS available,
               least(coalesce(c.credits, 0), a.available_credits) AS movable
        FROM team_members m JOIN accounts a ON a.id = m.account_id
        LEFT JOIN team_credits c ON c.member_id = m.account_id AND c.owner_id = $2
        WHERE m.team_id = $1 ORDER BY m.role DESC, a.email
        """,
        viewer.team_id,
        viewer.account_id,
    )
    return [Member(**dict(row)) for row in rows]


_OPEN = """
    SELECT i.id, l.email, a.email AS invited_by, i.created_at, l.expires_at, i.token_sha256
    FROM team_invitations i JOIN one_time_links l USING (token_sha256) JOIN accounts a ON a.id = i.invited_by
    WHERE l.used_at IS NULL AND l.expires_at > now()
"""


async def invitations(conn: Connection, team_id: int) -> list[Invitation]:
    """The open invitations to a team, the latest first."""
    rows = await conn.fetch(f"{_OPEN} AND i.team_id = $1 ORDER BY i.id DESC", team_id)
    return [
        Invitation(row["id"], row["email"], row["invited_by"], row["created_at"], row["expires_at"]) for row in rows
    ]


# Coming and going ------------------------------------------------------------------------------------------------


async def invite(conn: Connection, account_id: int, email: str) -> str:
    """Invite an address, into a new team where the account is in none. Returns the token of the link.

    An open invitation of the same address ends. Raises InvalidRequest.
    """
    email = accounts.check_email(email)
    owner = await _owner_of_a_team(conn, account_id)
    everybody, waiting = await members(conn, owner), await invitations(conn, owner.team_id)
    if any(member.email == email for member in everybody):
        raise InvalidRequest(f"{email} is in the team already", field="email")
    for invitation in waiting:
        if invitation.email == email:
            await _void(conn, invitation.id)
    if len(everybody) + len([each for each in waiting if each.email != email]) >= PEOPLE_MAX:
        raise InvalidRequest(f"A team has at most {PEOPLE_MAX} members and open invitations")
    token = await signin.make_link(conn, "invite", email=email)
    await conn.execute(
        "INSERT INTO team_invitations (team_id, token_sha256, invited_by) VALUES ($1, $2, $3)",
        owner.team_id,
        signin.link_id(token),
        account_id,
    )
    return token


async def revoke(conn: Connection, account_id: int, invitation_id: int) -> None:
    """End an open invitation of an owner's team: its link works no more. Raises NotFound, InvalidRequest."""
    owner = await _owner(conn, account_id)
    if invitation_id not in [each.id for each in await invitations(conn, owner.team_id)]:
        raise NotFound("There is no such invitation")
    await _void(conn, invitation_id)


async def inviter(conn: Connection, token: str) -> str:
    """Who sent the invitation of a link. Raises NotFound for a link that invites nobody any more."""
    row = await conn.fetchrow(f"{_OPEN} AND i.token_sha256 = $1", signin.link_id(token))
    if row is None:
        raise NotFound("This link has been used already, or is too old")
    email: str = row["invited_by"]
    return email


async def join(conn: Connection, account_id: int, token: str) -> Membership:
    """Use an invitation's link up, for a place in its team. The caller has seen that the account is the invited one.

    Raises NotFound for a link that cannot be used, InvalidRequest for an account that is in a team already.
    """
    team_id = await conn.fetchval(
        "SELECT t.id FROM team_invitations i JOIN teams t ON t.id = i.team_id WHERE i.token_sha256 = $1 "
        "FOR UPDATE OF t",
        signin.link_id(token),
    )
    await signin.use_link(conn, token)
    if team_id is None:
        raise NotFound("This team is no more")
    try:
        async with conn.transaction():
            await _add(conn, team_id, account_id, "member")
    except asyncpg.UniqueViolationError:
        raise InvalidRequest("You are in a team already: leave it first") from None
    return Membership(team_id, account_id, "member")


async def leave(conn: Connection, account_id: int) -> None:
    """Go. A team that nobody is left in ends. Raises NotFound, and InvalidRequest for the last owner of others."""
    here = await _place(conn, account_id)
    await _take_out(conn, here)


async def remove(conn: Connection, account_id: int, member_id: int) -> None:
    """Let an owner remove somebody from the team. Raises NotFound, InvalidRequest."""
    owner = await _owner(conn, account_id)
    await _take_out(conn, await _teammate(conn, owner, member_id))


async def set_role(conn: Connection, account_id: int, member_id: int, role: Role) -> None:
    """Let an owner make somebody an owner, or a member. Raises NotFound, InvalidRequest."""
    owner = await _owner(conn, account_id)
    member = await _teammate(conn, owner, member_id)
    if member.role == "owner" and role == "member":
        await _check_other_owner(conn, member)
    await conn.execute("UPDATE team_members SET role = $2 WHERE account_id = $1", member_id, role)


# Credits ---------------------------------------------------------------------------------------------------------


async def give(conn: Connection, account_id: int, member_id: int, credits: int) -> None:
    """Move an owner's credits to somebody in the team. Raises NotFound, InvalidRequest, InsufficientCredits."""
    owner = await _owner(conn, account_id)
    member = await _teammate(conn, owner, member_id)
    if member_id == account_id:
        raise InvalidRequest("These credits are yours already")
    await ledger.transfer(conn, account_id, member.account_id, credits, "team")
    await conn.execute(
        """
        INSERT INTO team_credits AS c (owner_id, member_id, credits) VALUES ($1, $2, $3)
        ON CONFLICT (member_id, owner_id) DO UPDATE SET credits = c.credits + $3
        """,
        account_id,
        member_id,
        credits,
    )


async def take_back(conn: Connection, account_id: int, member_id: int, credits: int) -> None:
    """Move back what this owner has moved to somebody in the team.

    Raises NotFound, InvalidRequest for more than was moved, InsufficientCredits for more than is left.
    """
    owner = await _owner(conn, account_id)
    await _teammate(conn, owner, member_id)
    left = await conn.fetchval(
        """
        UPDATE team_credits SET credits = credits - $3 WHERE owner_id = $1 AND member_id = $2 AND credits >= $3
        RETURNING credits
        """,
        account_id,
        member_id,
        credits,
    )
    if left is None:
        raise InvalidRequest("You may take back what you have moved there yourself, and no more")
    await ledger.transfer(conn, member_id, account_id, credits, "team")


# Places ----------------------------------------------------------------------------------------------------------


async def _place(conn: Connection, account_id: int) -> Membership:
    """Somebody's place, with the team locked until the transaction ends. Raises NotFound."""
    await conn.execute(
        """
        SELECT t.id FROM teams t JOIN team_members m ON m.team_id = t.id WHERE m.account_id = $1 FOR UPDATE OF t
        """,
        account_id,
    )
    here = await of(conn, account_id)
    if here is None:
        raise NotFound("You are in no team")
    return here


async def _owner(conn: Connection, account_id: int) -> Membership:
    here = await _place(conn, account_id)
    if here.role != "owner":
        raise InvalidRequest("Only an owner of the team may do this")
    return here


async def _owner_of_a_team(conn: Connection, account_id: int) -> Membership:
    """An owner's place, in a team that is made now where there is none."""
    if await of(conn, account_id) is None:
        # Whoever asks twice at once waits here, and finds the team that was made.
        await conn.execute("SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE", account_id)
        if await of(conn, account_id) is None:
            team_id = await conn.fetchval("INSERT INTO teams DEFAULT VALUES RETURNING id")
            await _add(conn, team_id, account_id, "owner")
    return await _owner(conn, account_id)


async def _add(conn: Connection, team_id: int, account_id: int, role: Role) -> None:
    await conn.execute(
        "INSERT INTO team_members (team_id, account_id, role) VALUES ($1, $2, $3)", team_id, account_id, role
    )


async def _teammate(conn: Connection, owner: Membership, member_id: int) -> Membership:
    found = await of(conn, member_id)
    if found is None or found.team_id != owner.team_id:
        raise NotFound("There is no such member")
    return found


async def _take_out(conn: Connection, member: Membership) -> None:
    alone = await conn.fetchval("SELECT count(*) = 1 FROM team_members WHERE team_id = $1", member.team_id)
    if member.role == "owner" and not alone:
        await _check_other_owner(conn, member)
    await conn.execute("DELETE FROM team_credits WHERE owner_id = $1", member.account_id)
    await conn.execute("DELETE FROM team_members WHERE account_id = $1", member.account_id)
    if alone:
        for invitation in await invitations(conn, member.team_id):
            await _void(conn, invitation.id)
        await conn.execute("DELETE FROM teams WHERE id = $1", member.team_id)


async def _check_other_owner(conn: Connection, member: Membership) -> None:
    others = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM team_members WHERE team_id = $1 AND role = 'owner' AND account_id <> $2)",
        member.team_id,
        member.account_id,
    )
    if not others:
        raise InvalidRequest("A team needs an owner: make somebody else one first")


async def _void(conn: Connection, invitation_id: int) -> None:
    token_sha256 = await conn.fetchval(
        "DELETE FROM team_invitations WHERE id = $1 RETURNING token_sha256", invitation_id
    )
    await signin.void_link(conn, token_sha256)
