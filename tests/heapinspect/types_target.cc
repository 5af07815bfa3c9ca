/* SPDX-License-Identifier: MIT */
/* Blocks whose contents `types` and `dups` are to tell: linked stripped. */
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

namespace
{
struct Hidden {
    virtual ~Hidden() = default;
    int value = 3;
};
} // namespace

struct Shape {
    virtual ~Shape() = default;
    int corners = 0;
};

struct Named {
    virtual ~Named() = default;
    const char *name = "";
};

namespace plane
{
template <class T> struct Circle : Shape, Named {
    T radius = 1;
};
} // namespace plane

int main()
{
    std::vector<std::unique_ptr<Shape>> shapes;
    std::vector<std::unique_ptr<Hidden>> hidden;
    std::vector<std::string> texts;
    std::vector<void *> zeros;
    char byte;

    for (int i = 0; i < 1000; i++)
        shapes.emplace_back(new Shape);
    for (int i = 0; i < 300; i++)
        shapes.emplace_back(new plane::Circle<double>);
    for (int i = 0; i < 200; i++)
        hidden.emplace_back(new Hidden);
    for (int i = 0; i < 700; i++)
        texts.push_back("a text that is no short string " +
                        std::to_string(i % 7));
    for (int i = 0; i < 50; i++)
        zeros.push_back(calloc(1, 5000));
    std::puts("ready");
    std::fflush(stdout);
    return read(STDIN_FILENO, &byte, 1) < 0;
}
