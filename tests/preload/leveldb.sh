#!/bin/bash
# SPDX-License-Identifier: MIT
# leveldb, a C++ key-value store: writes, deletions, compaction, scans.
. "$(dirname "$0")/lib.sh"
need g++
[ -e /usr/include/leveldb/db.h ] || skip "libleveldb-dev is not installed"

cat >"$work/store.cc" <<'SOURCE'
#include <cstdio>
#include <fstream>
#include <leveldb/db.h>
#include <leveldb/write_batch.h>
#include <memory>
#include <string>
int main()
{
    leveldb::Options options;
    options.create_if_missing = true;
    options.write_buffer_size = 1 << 20;
    leveldb::DB *raw = nullptr;
    if (!leveldb::DB::Open(options, "db", &raw).ok())
        return 1;
    std::unique_ptr<leveldb::DB> db(raw);
    for (int i = 0; i < 60000; i += 100) {
        leveldb::WriteBatch batch;
        for (int j = i; j < i + 100; j++) {
            batch.Put("k" + std::to_string(j * 7919 % 60000),
                      std::string(j % 300, (char)('a' + j % 26)));
            if (j % 3 == 0)
                batch.Delete("k" + std::to_string(j));
        }
        db->Write(leveldb::WriteOptions(), &batch);
    }
    db->CompactRange(nullptr, nullptr);
    unsigned long sum = 0, count = 0;
    std::unique_ptr<leveldb::Iterator> it(
        db->NewIterator(leveldb::ReadOptions()));
    for (it->SeekToFirst(); it->Valid(); it->Next(), count++)
        for (char c : it->key().ToString() + it->value().ToString())
            sum = sum * 31 + (unsigned char)c;
    std::printf("%lu entries, %lx\n", count, sum);
    std::ofstream("maps") << std::ifstream("/proc/self/maps").rdbuf();
}
SOURCE
g++ -O1 -o "$work/store" "$work/store.cc" -lleveldb

workload() {
    with "$work/store"
    proof <maps
}
compare
