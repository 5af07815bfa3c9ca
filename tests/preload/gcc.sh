#!/bin/bash
# SPDX-License-Identifier: MIT
# gcc and g++: generated C and C++; the assembly and the objects must be equal.
. "$(dirname "$0")/lib.sh"
need gcc g++

{
    echo '#include <stdio.h>'
    echo '#include <stdlib.h>'
    echo '#include <string.h>'
    for i in $(seq 50); do
        cat <<FUNCTION
struct s$i { int a[$((i % 17 + 1))]; double d; struct s$i *next; char n[$i]; };
static int f$i(struct s$i *s, int x)
{
    int sum = 0;
    for (int j = 0; j < $((i % 17 + 1)); j++) {
        switch ((x + j) % 7) {
        case 0: sum += s->a[j] * $i; break;
        case 1: sum ^= (int)(s->d * j); break;
        case 2: memset(s->n, x, sizeof(s->n)); break;
        case 3: sum -= (int)strlen(s->n); break;
        default: sum = sum * 31 + j;
        }
    }
    return s->next ? sum + f$i(s->next, x - 1) : sum;
}
FUNCTION
    done
    echo 'int main(int argc, char **argv) { int t = argc; (void)argv;'
    for i in $(seq 50); do
        echo "{ static struct s$i s; t += f$i(&s, t); }"
    done
    echo 'printf("%d\n", t); return 0; }'
} >"$work/big.c"

cat >"$work/big.cc" <<'SOURCE'
#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>
template <int N> struct deep { using next = deep<N - 1>;
    std::tuple<std::map<int, std::vector<std::string>>, typename next::type> t;
    using type = std::array<int, N>; static int sum() { return N + next::sum(); } };
template <> struct deep<0> { using type = int; static int sum() { return 0; } };
using any = std::variant<int, double, std::string, std::vector<int>>;
struct show { void operator()(auto const &v) const { (void)v; } };
int main() {
    std::unordered_map<std::string, std::set<int>> index;
    for (int i = 0; i < 1000; i++)
        index[std::to_string(i % 97)].insert(i * 7919 % 1009);
    std::vector<any> all{1, 2.5, std::string("x"), std::vector<int>{1, 2}};
    for (auto &a : all) std::visit(show{}, a);
    std::function<int(int)> fib = [&](int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); };
    std::sort(all.begin(), all.end(), [](auto &a, auto &b) { return a.index() < b.index(); });
    std::cout << index.size() << ' ' << deep<80>::sum() << ' ' << fib(15) << '\n';
    auto p = std::make_shared<deep<30>>();
    return p == nullptr;
}
SOURCE

# Between the driver and the compiler proper: copies the maps of cc1.
cat >"$work/wrapper" <<'SCRIPT'
#!/bin/bash
"$@" &
sleep 0.2
cat /proc/$!/maps >>maps 2>/dev/null
wait $!
SCRIPT
chmod 755 "$work/wrapper"

workload() {
    cp "$work/big.c" "$work/big.cc" .
    local same="-frandom-seed=1 -ffile-prefix-map=$PWD=."
    # shellcheck disable=SC2086 # options are words
    {
        with gcc -O2 -g $same -S big.c -o big-c.s
        with gcc -O1 $same -c big.c -o big-c.o
        with g++ -std=c++20 -O1 -g $same -S big.cc -o big-cc.s
        with g++ -c big-cc.s -o big-cc.o
    }
    sha256sum big-c.s big-cc.s big-c.o big-cc.o
    with gcc big-c.o -o big-c
    with g++ big-cc.o -o big-cc
    with ./big-c
    with ./big-cc
    with gcc -O2 -S -wrapper "$work/wrapper" big.c -o again.s
    grep -a cc1 maps | wc -l | grep -qv '^0$' || die "no maps of cc1"
    proof <maps
}
compare
