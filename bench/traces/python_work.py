# SPDX-License-Identifier: MIT
"""What the trace "python" records: text, dicts, objects, sorting, json."""

import json
import random
import re


class Account:
    """An object with a dict and a growing list."""

    def __init__(self, number, owner):
        self.number = number
        self.owner = owner
        self.entries = []

    def book(self, amount, text):
        self.entries.append((amount, text))

    def balance(self):
        return sum(amount for amount, _ in self.entries)


def words(count, rng):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(rng.choices(letters, k=rng.randint(2, 12)))
            for _ in range(count)]


def count_words(text):
    counts = {}
    for word in re.findall(r"[a-z]+", text):
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def bank(vocabulary, rng):
    accounts = {number: Account(number, rng.choice(vocabulary).title())
                for number in range(1000)}
    for _ in range(12000):
        account = accounts[rng.randrange(1000)]
        account.book(rng.randint(-500, 500) / 4, rng.choice(vocabulary) + "!")
        if rng.random() < 0.05:
            account.entries = account.entries[-3:]
    return [{"number": a.number, "owner": a.owner, "balance": a.balance(),
             "entries": [{"amount": x, "text": t} for x, t in a.entries]}
            for a in accounts.values()]


def main():
    rng = random.Random(1)
    vocabulary = words(5000, rng)
    text = " ".join(rng.choices(vocabulary, k=30000))
    top = count_words(text)
    state = bank(vocabulary, rng)
    for _ in range(2):
        again = json.loads(json.dumps(state))
    assert again == state and len(top) > 4000


main()
