"""The past's own file: the same in whatever pieces the journal is read, made anew where it is lost, and bounded."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.support.past import (
    ALWAYS,
    DAY_S,
    NOW,
    PATH,
    at,
    deploys,
    entry,
    fires,
    history_of,
    made_folder,
    over,
    sent,
    told,
    watching,
)

from oncall_tui.domain.entry import Entry, EntryKind
from oncall_tui.domain.history import episode_id
from oncall_tui.errors import JournalError
from oncall_tui.journal import history as module
from oncall_tui.journal.history import History, history_path
from oncall_tui.journal.store import Store

# --- the same in whatever pieces --------------------------------------------------------------------------------------


def random_entries(rng: random.Random, disorder_s: float) -> list[Entry]:
    found = [watching(m, m + rng.uniform(10, 400)) for m in range(0, 4000, 500)]
    alerts = ["prom/a", "prom/b", "pager/1", "pager/2"]
    plans = 0
    minute = 0.0
    while minute < 4000:
        minute += rng.expovariate(1 / 25)
        subject = rng.choice(alerts)
        about = {
            "problem": rng.choice(["prom/a", subject]),
            "key": "dedup:x" if subject.startswith("pager") else subject,
        }
        match rng.randrange(7):
            case 0 | 1 | 2 | 3:
                found.append([fires(minute, subject, pages=rng.random() < 0.3, service="prod/main/api", **about)])
                if rng.random() < 0.85:
                    found[-1].append(over(minute + rng.uniform(1, 30), subject))
            case 4:
                plans += 1
                verb, state = rng.choice(["acknowledge", "note"]), rng.choice(["done", "refused"])
                found.append(sent(minute, f"p{plans}", verb, subject, state=state))
            case 5:
                ended = at(minute + rng.uniform(1, 90)) if rng.random() < 0.8 else None
                found.append([told(minute - rng.uniform(0, 300), about["key"], ended=ended)])
            case _:
                version = rng.randrange(1, 6)
                arrow = f":{version}→:{rng.randrange(1, 6)}"
                state = rng.choice(["succeeded", "failed", "rolled back"])
                found.append([deploys(minute, f"d{minute:.0f}", arrow, new=state)])
    return sorted((e for one in found for e in one), key=lambda e: e.at + rng.uniform(0, disorder_s))


def tables(history: History) -> dict[str, list[tuple[Any, ...]]]:
    names = ("episode", "problem", "past_deploy", "tally")
    found = {name: history.rows(f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in names}
    counted = history.rows("SELECT count(*) FROM problem")
    assert counted == history.rows("SELECT count(DISTINCT problem) FROM episode"), "each is in the numbers, once"
    return found | {"watch": history.rows("SELECT began, ended FROM watch ORDER BY began")}


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(s, marks=pytest.mark.everything) for s in range(3, 60))])
def test_the_tables_are_the_same_in_whatever_pieces_and_however_often(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    entries = random_entries(rng, disorder_s=30.0 * (seed % 2))  # as several boards write them
    whole = tables(history_of(tmp_path / "whole", entries))
    assert len(whole["episode"]) > len(whole["problem"]) > 10, f"seed {seed}"

    store = Store(made_folder(tmp_path / "pieces") / PATH)
    history = History(store, history_path(tmp_path / "pieces" / PATH))
    left = list(entries)
    while left:
        size = rng.randrange(1, 40)
        store.append(left[:size])
        left = left[size:]
        history.catch_up()
    assert tables(history) == whole, f"seed {seed}"
    if seed % 2:
        return
    history._asked(lambda db: db.execute("DELETE FROM progress"))
    assert history.catch_up() == len(entries)  # every entry once more
    assert tables(history) == whole, f"seed {seed}"
    assert history.rebuild() == len(entries)
    assert tables(history) == whole, f"seed {seed}"


# --- its file ---------------------------------------------------------------------------------------------------------


def kept_history(folder: Path, days: float, now: float, *entries: Entry | Iterable[Entry]) -> History:
    store = Store(folder / PATH)
    store.append([e for one in entries for e in ((one,) if isinstance(one, Entry) else one)])
    history = History(store, history_path(folder / PATH), days * DAY_S, lambda: now)
    history.catch_up()
    return history


def of_days(first: int, last: int) -> list[Entry]:
    """A short alert, a deploy, an acknowledgement and a mark each day."""
    found: list[Entry] = []
    for day in range(first, last):
        minute = day * 1440.0
        found += [fires(minute), *sent(minute + 1, f"p{day}", "acknowledge", "prom/a"), over(minute + 5)]
        found += [deploys(minute + 2, f"d{day}", f":{day}→:{day + 1}")]
        found += [entry(EntryKind.MARK, minute + 9, episode_id("prom/a", at(minute)), actor="Bob", mark="noise")]
        found += watching(minute - 5, minute + 20)
    return sorted(found, key=lambda e: e.at)


def counts(history: History) -> dict[str, int]:
    names = ("firing", "episode", "problem", "link", "mark", "action", "watch", "past_deploy")
    return {name: history.rows(f"SELECT count(*) FROM {name}")[0][0] for name in names}


@pytest.mark.parametrize("batch", [7, 5000])
def test_what_is_older_than_the_kept_days_leaves_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(module, "BATCH", batch)
    history = kept_history(tmp_path, 40, at(100 * 1440), of_days(0, 100))
    assert {*counts(history).values()} == {40}, counts(history)
    assert history.rows("SELECT sum(fired), sum(noise) FROM tally WHERE kind = 'product'") == [(40, 40)]
    assert [e.began for e in history.episodes(*ALWAYS)] == [at(day * 1440) for day in range(60, 100)]


def test_what_goes_on_stays_whole_and_so_does_a_services_newest_deploy(tmp_path: Path) -> None:
    old = [
        *(fires(0, "prom/long"), entry(EntryKind.NOTE, 1, "prom/long"), *sent(5, "p", "acknowledge", "prom/long")),
        deploys(3, "first", ":1→:2", service="prod/main/web"),
        deploys(9, "only", ":2→:3", service="prod/main/web"),
    ]
    history = kept_history(tmp_path, 40, at(100 * 1440), old, of_days(0, 100))
    (long,) = history.firing()
    assert (long.alert, long.began, long.acted) == ("prom/long", at(0), 1)
    assert [d.id for d in history.deploys(*ALWAYS, service="prod/main/web")] == ["only"]
    assert counts(history)["episode"] == 41


def test_a_clock_that_is_wrong_takes_nothing_from_the_history(tmp_path: Path) -> None:
    for name, now in (("years ahead", at(9000 * 1440)), ("years behind", at(-9000 * 1440))):
        history = kept_history(made_folder(tmp_path / name), 40, now, of_days(0, 30))
        assert counts(history)["episode"] == 30, name


def test_what_the_journal_pruned_stays_known(tmp_path: Path) -> None:
    store = Store(tmp_path / PATH)
    store.append([fires(0), over(5), fires(100), over(105)])
    history = History(store, history_path(store.path))
    history.catch_up()
    before = tables(history)
    assert store.prune(1) == 3
    store.append([fires(300)])
    assert history.catch_up() == 1
    assert [e.began for e in history.episodes(*ALWAYS)] == [at(0), at(100), at(300)]
    assert tables(history)["episode"][: len(before["episode"])] == before["episode"]


def test_a_journal_that_was_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    history = history_of(tmp_path, fires(0), over(5))
    for name in tmp_path.glob(f"{PATH}*"):
        name.unlink()
    store = Store(tmp_path / PATH)
    store.append([fires(100), over(105), fires(200)])
    again = History(store, history_path(store.path))
    assert again.catch_up() == 3
    assert [e.began for e in again.episodes(*ALWAYS)] == [at(0), at(100), at(200)]
    history.close()


@pytest.mark.parametrize("how", ["no database", "cut", "another version", "another program's", "empty"])
def test_a_file_that_cannot_be_used_is_made_anew(tmp_path: Path, how: str) -> None:
    history = history_of(tmp_path, fires(0), over(5))
    history.close()
    path = history_path(tmp_path / PATH)
    whole = path.read_bytes()
    if how == "another program's":
        path.unlink()
        sqlite3.connect(path).executescript("CREATE TABLE episode (x); INSERT INTO episode VALUES (1)").close()
    elif how == "another version":
        db = sqlite3.connect(path)
        db.execute("PRAGMA user_version=99")
        db.close()
    else:
        path.write_bytes({"no database": b"no database" * 999, "cut": whole[: len(whole) // 2], "empty": b""}[how])
    again = History(Store(tmp_path / PATH), path)
    again.catch_up()
    assert [e.began for e in again.episodes(*ALWAYS)] == [at(0)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_page_is_met_and_mended_while_it_catches_up(tmp_path: Path) -> None:
    history = history_of(tmp_path, fires(0), over(5))
    history.close()
    path = history_path(tmp_path / PATH)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    again = History(Store(tmp_path / PATH), path)
    again.catch_up()
    assert [e.began for e in again.episodes(*ALWAYS)] == [at(0)]


def test_where_no_file_can_be_made_the_tables_are_in_memory(tmp_path: Path) -> None:
    store = Store(tmp_path / PATH)
    store.append([fires(0)])
    folder = tmp_path / "is a folder.db"
    folder.mkdir()
    history = History(store, folder)
    assert history.catch_up() == 1
    assert len(history.episodes(*ALWAYS)) == 1


def test_two_that_catch_up_in_turn_take_each_entry_once(tmp_path: Path) -> None:
    store = Store(tmp_path / PATH)
    one, other = (History(Store(tmp_path / PATH), history_path(tmp_path / PATH)) for _ in range(2))
    for minute in range(0, 600, 60):
        store.append([fires(minute), over(minute + 5)])
        assert (one if minute % 120 else other).catch_up() == 2
    assert one.catch_up() == other.catch_up() == 0
    assert one.episodes(*ALWAYS) == other.episodes(*ALWAYS)
    assert len(one.episodes(*ALWAYS)) == 10


def test_another_program_that_holds_the_file_is_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oncall_tui.journal.history_file.BUSY_S", 0.1)
    history = history_of(tmp_path, fires(0))
    other = sqlite3.connect(history_path(tmp_path / PATH), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    again = History(Store(tmp_path / PATH), history_path(tmp_path / PATH))
    with pytest.raises(JournalError, match="locked"):
        again.catch_up()
    other.execute("ROLLBACK")
    assert again.catch_up() == 0
    history.close()


def test_rows_that_cannot_be_read_hold_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    store = Store(tmp_path / PATH)
    strange = [Entry(at=NOW, kind=EntryKind.ALERT, subject="x", data={"began": "soon"}) for _ in range(7)]
    store.append([fires(0), *strange, over(5)])
    history = History(store, history_path(store.path))
    assert history.catch_up() == 2
    assert [e.ended for e in history.episodes(*ALWAYS)] == [at(5)]
    assert len(store.skipped) == 7
