"""
A state machine as one table of allowed moves: the API's errors, the docs' diagrams and the database's checks are made
from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.platform.errors import Conflict
from app.platform.locales import _


class TransitionNotAllowed(Conflict):
    """A move that the machine does not have; the answer's `allowed` lists the moves that it has."""

    code = "transition_not_allowed"
    detail = _("The record cannot go from its present state to that one.")


@dataclass(frozen=True)
class Machine:
    """
    `moves` names every state and where it may go; `from_any_open` adds moves from every state that is not terminal.

    `groups` maps each state to the seeds' word for it (`status_group`). `seed_words` maps a seed word that is not
    itself a state to the state it stands for when somebody sends it. A terminal state may still have moves (reopening).
    """

    name: str
    initial: str
    moves: Mapping[str, tuple[str, ...]]
    terminal: frozenset[str]
    groups: Mapping[str, str]
    from_any_open: tuple[str, ...] = ()
    needs_reason: frozenset[str] = frozenset()
    seed_words: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = set(self.from_any_open) | {to for targets in self.moves.values() for to in targets}
        unknown = (named | set(self.terminal) | set(self.seed_words.values()) | self.needs_reason) - set(self.moves)
        if unknown or set(self.groups) != set(self.moves) or self.initial not in self.moves:
            raise ValueError(f"machine {self.name}: {sorted(unknown)} or its groups do not fit its states")

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.moves)

    @property
    def group_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.groups.values()))

    def allowed(self, state: str) -> tuple[str, ...]:
        """Where a record in `state` may go, in the table's order."""
        further = () if state in self.terminal else self.from_any_open
        return tuple(dict.fromkeys(to for to in (*self.moves[state], *further) if to != state))

    def may_move(self, state: str, to: str) -> bool:
        return to in self.allowed(state)

    def require_move(self, state: str, to: str) -> None:
        """TransitionNotAllowed, with the moves that are allowed, unless `state` may go to `to`."""
        if not self.may_move(state, to):
            raise TransitionNotAllowed(extra={"allowed": list(self.allowed(state))})

    def is_open(self, state: str) -> bool:
        return state not in self.terminal

    def state_of(self, word: str) -> str | None:
        """The state that `word` names: a state itself, or a seed word's state; None for neither."""
        return word if word in self.moves else self.seed_words.get(word)

    def states_of_filter(self, word: str) -> tuple[str, ...]:
        """The states a filter's `word` means: a group's states, or the one state; empty for neither."""
        in_group = tuple(state for state, group in self.groups.items() if group == word)
        # A word may be both (lead `new`, patient `active`): the group contains the state, so the group answers.
        return in_group or ((word,) if word in self.moves else ())

    def words(self) -> tuple[str, ...]:
        """Every word that input may use for a state."""
        return tuple(dict.fromkeys((*self.moves, *self.seed_words)))

    def filter_words(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.moves, *self.groups.values())))

    def sql_check(self) -> str:
        """The database's check of `status`."""
        return f"status IN {self.states}"

    def mermaid(self) -> str:
        """The machine as a Mermaid state diagram; moves from every open state start at one box of that name."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        lines += [f"    {state} --> {to}" for state, targets in self.moves.items() for to in targets]
        if self.from_any_open:
            lines.append('    state "any open state" as any_open_state')
            lines += [f"    any_open_state --> {to}" for to in self.from_any_open]
        lines += [f"    {state} --> [*]" for state in self.moves if state in self.terminal]
        return "\n".join(lines)

    def states_table(self) -> str:
        """The states as a Markdown table, a row each: the seeds' word, the moves of its own, what entering it needs."""
        rows = ["| state | `status_group` | may go to | entering needs |", "| --- | --- | --- | --- |"]
        for state, targets in self.moves.items():
            moves = ", ".join(f"`{to}`" for to in targets) or "-"
            if state not in self.terminal and self.from_any_open:
                moves = f"{moves} *and every open state's*" if targets else "*every open state's*"
            needs = "a reason" if state in self.needs_reason else ""
            name = f"**`{state}`** (closed)" if state in self.terminal else f"`{state}`"
            rows.append(f"| {name} | {self.groups[state]} | {moves} | {needs} |")
        return "\n".join(rows)

    def words_table(self) -> str:
        """The seeds' words as a Markdown table: the state each stands for as input, the states it means as a filter."""
        rows = ["| word | sent as a status | asked for in a list |", "| --- | --- | --- |"]
        for word in dict.fromkeys((*self.group_names, *self.seed_words)):
            state = self.state_of(word)
            meant = ", ".join(f"`{found}`" for found in self.states_of_filter(word))
            rows.append(f"| {word} | {f'`{state}`' if state else 'refused'} | {meant or 'refused'} |")
        return "\n".join(rows)
