"""The state machine with what only IMAP's extensions do: MULTIAPPEND, REPLACE and CREATE with a special use."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.support.store_machine import BLOCK, DATES, SIZES, SOME_KEYWORDS, SPARE, StoreMachine, names_of
from tests.support.store_model import SUBSCRIBED, Letter, Model, Refused, canonical

SPECIAL_USES = (2, 4, 8, 16, 32, 6)
# What is kept for a time, in days.
DAYS = {8: 30, 16: 30}


class ImapMachine(StoreMachine):
    @rule(data=st.data(), what=st.sampled_from(("append_all", "append_all", "replace", "replace", "create_with_use")))
    def imap(self, data: Any, what: str) -> None:
        getattr(self, "do_" + what)(data)

    imap_too = imap

    def do_append_all(self, data: Any) -> None:
        user, name = self.key(data)
        date = data.draw(DATES, "date")
        count = data.draw(st.sampled_from((0, 1, 2, 3, 5, 20, 33)), "letters")
        letters = [self.new_letter(data.draw(SIZES, "size") if count < 9 else 60, date) for _ in range(count)]
        flags = data.draw(st.sampled_from((0, 1, 8, 21)), "flags")
        # Those that come with no letter are not kept.
        keywords = data.draw(SOME_KEYWORDS, "keywords") if 0 < count <= 20 else []
        steps = [lambda model: append_all(model, user, name, letters, names_of(flags), keywords)]
        numbers = [[letter.number, letter.size] for letter in letters]
        room = sum(letter.size // BLOCK + SPARE for letter in letters)
        self.do("append_all", user, name, numbers, flags, keywords, date, steps=steps, room=room)

    def do_replace(self, data: Any) -> None:
        key = self.key(data)
        names = sorted(name for user, name in self.model.boxes if user == key[0])
        target = data.draw(st.sampled_from([key[1]] * len(names) + names), "target")
        letter = self.new_letter(data.draw(SIZES, "size"), data.draw(DATES, "date"))
        flags = data.draw(st.sampled_from((0, 1, 24)), "flags")
        entries = self.model.boxes[key].entries
        # Now and then it is gone; new keywords would stay with the mailbox, where it is open.
        gone = not entries or data.draw(st.integers(0, 9), "gone") == 9
        uid = self.model.boxes[key].uidnext if gone else data.draw(st.sampled_from(sorted(entries)), "uid")
        keywords = [] if gone else data.draw(SOME_KEYWORDS, "keywords")
        steps = [lambda model: replace(model, key, uid, target, letter, names_of(flags), keywords)]
        what = (*key, uid, target, letter.number, letter.size, flags, keywords, letter.date)
        self.do("replace", *what, steps=steps, room=letter.size // BLOCK + SPARE)

    def do_create_with_use(self, data: Any) -> None:
        user = data.draw(st.sampled_from(sorted(self.model.users)), "user")
        name = data.draw(st.sampled_from(("Plans", "Plans/2026/May", "a/b/c", "Grüße")), "name")
        use = data.draw(st.sampled_from(SPECIAL_USES), "special use")
        self.do("create", user, name, use, steps=[lambda model: create(model, user, name, use)])


def append_all(model: Model, user: str, name: str, letters: list[Letter], flags: frozenset, keywords: list) -> list:
    box = model.find(user, name)
    model._take_keywords(box, keywords)
    if len(letters) > 32:
        raise Refused("LimitReached")
    modseq = model._tick()
    return [box.uidvalidity, [model._add(box, letter, flags | frozenset(keywords), modseq) for letter in letters]]


def replace(model: Model, key, uid: int, target: str, letter: Letter, flags: frozenset, keywords: list) -> list:
    source, box = model.find(*key), model.find(key[0], target)
    if uid not in source.entries:
        raise Refused("LetterGone")
    model._take_keywords(box, keywords)
    modseq = model._tick()
    new = model._add(box, letter, flags | frozenset(keywords), modseq)
    model._take_out(source, [uid], modseq)
    return [box.uidvalidity, new]


def create(model: Model, user: str, name: str, special_use: int) -> None:
    model.create(user, name)
    box = model.boxes[user, canonical(name)]
    box.attributes = SUBSCRIBED | special_use
    box.days = DAYS.get(special_use, 0)
