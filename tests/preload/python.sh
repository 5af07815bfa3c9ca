#!/bin/bash
# SPDX-License-Identifier: MIT
# python3 with every object from malloc: PYTHONMALLOC=malloc.
. "$(dirname "$0")/lib.sh"
[ -x /usr/bin/python3 ] || skip "/usr/bin/python3 is not installed"

cat >"$work/script.py" <<'SCRIPT'
import collections, gc, hashlib, json, re, random, threading, zlib

random.seed(4711)
people = [{"id": i, "name": "n%d" % (i * 7919 % 100003),
           "tags": ["t%d" % (i % k) for k in range(2, 9)],
           "weight": i / 7} for i in range(30000)]
text = json.dumps(people)
print(len(text), hashlib.sha256(text.encode()).hexdigest())
again = json.loads(text)
print(again == people)
words = re.findall(r"n(\d+)", text)
print(collections.Counter(w[:2] for w in words).most_common(5))
squeezed = zlib.compress(text.encode(), 6)
print(hashlib.md5(squeezed).hexdigest(), zlib.decompress(squeezed) == text.encode())

class Node:
    def __init__(self, key):
        self.key, self.left, self.right = key, None, None

def insert(root, key):
    while True:
        if key < root.key:
            if root.left is None:
                root.left = Node(key)
                return
            root = root.left
        else:
            if root.right is None:
                root.right = Node(key)
                return
            root = root.right

root = Node(0.5)
for _ in range(20000):
    insert(root, random.random())

def depth(node):
    level, most = [node], 0
    while level:
        most += 1
        level = [c for n in level for c in (n.left, n.right) if c]
    return most

print(depth(root))
lists = [bytearray(random.randrange(1, 200000)) for _ in range(300)]
random.shuffle(lists)
del lists[::2]
print(sum(map(len, lists)))
results = [None] * 4

def work(i):
    r = random.Random(i)
    d = {}
    for n in range(30000):
        d[r.randrange(5000)] = str(n) * (n % 7)
    results[i] = sum(map(len, d.values()))

threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(results)
del people, again, root
print(gc.collect() >= 0)
open("maps", "w").write(open("/proc/self/maps").read())
SCRIPT

workload() {
    export PYTHONMALLOC=malloc PYTHONHASHSEED=0
    with /usr/bin/python3 "$work/script.py"
    proof <maps
}
compare
