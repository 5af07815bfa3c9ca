/* SPDX-License-Identifier: MIT */
/*
 * The 20 operators new and delete, from C++, where liballoc makes them in C.
 * Has no test.h: that one is C17.  Same output, same exit code.
 */
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "black_box.h"

static int failures;
static int passed;
static int failed;

#define CHECK(condition)                                                       \
    ((condition) ? (void)0                                                     \
                 : (void)(failures++, printf("  %s:%d: CHECK(%s)\n", __FILE__, \
                                             __LINE__, #condition)))

static bool is_aligned(void *mem, size_t align)
{
    return mem != nullptr && reinterpret_cast<uintptr_t>(mem) % align == 0;
}

static const size_t sizes[] = {0,    1,      16,     100,    1000,
                               5000, 100000, 300000, 6000000};

/* Called as functions, so the compiler may not leave a pair out. */
static void plain_forms()
{
    for (size_t size : sizes) {
        void *one = launder(::operator new(size));
        void *many = launder(::operator new[](size));
        CHECK(is_aligned(one, 16) && is_aligned(many, 16) && one != many);
        memset(one, 1, size);
        memset(many, 2, size);
        ::operator delete(one);
        ::operator delete[](many);
    }
    ::operator delete(nullptr);
    ::operator delete[](nullptr);
}

static void sized_forms()
{
    for (size_t size : sizes) {
        ::operator delete(launder(::operator new(size)), size);
        ::operator delete[](launder(::operator new[](size)), size);
    }
    ::operator delete (nullptr, size_t{10});
    ::operator delete[](nullptr, size_t{10});
}

static void nothrow_forms()
{
    void *one = launder(::operator new(100, std::nothrow));
    void *many = launder(::operator new[](100, std::nothrow));
    CHECK(is_aligned(one, 16) && is_aligned(many, 16));
    ::operator delete(one, std::nothrow);
    ::operator delete[](many, std::nothrow);
    size_t huge = launder_size(SIZE_MAX / 2 + 100);
    CHECK(::operator new(huge, std::nothrow) == nullptr);
    CHECK(::operator new[](huge, std::nothrow) == nullptr);
    CHECK(::operator new (huge, std::align_val_t{64}, std::nothrow) == nullptr);
    CHECK(::operator new[](huge, std::align_val_t{64}, std::nothrow) ==
          nullptr);
}

static void aligned_forms()
{
    for (size_t align = 1; align <= 1 << 20; align *= 2) {
        std::align_val_t value{align};
        for (size_t size : sizes) {
            void *mem = launder(::operator new(size, value));
            CHECK(is_aligned(mem, align));
            memset(mem, 3, size);
            ::operator delete(mem, value);
            mem = launder(::operator new[](size, value));
            CHECK(is_aligned(mem, align));
            ::operator delete[](mem, value);
            mem = launder(::operator new(size, value, std::nothrow));
            CHECK(is_aligned(mem, align));
            ::operator delete(mem, value, std::nothrow);
            mem = launder(::operator new[](size, value, std::nothrow));
            CHECK(is_aligned(mem, align));
            ::operator delete[](mem, value, std::nothrow);
            mem = launder(::operator new(size, value));
            ::operator delete(mem, size, value);
            mem = launder(::operator new[](size, value));
            ::operator delete[](mem, size, value);
        }
    }
}

template <typename Function> static bool throws_bad_alloc(Function function)
{
    try {
        launder(function());
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

static void failure_throws()
{
    size_t huge = launder_size(SIZE_MAX / 2 + 100);
    std::align_val_t align{128};
    CHECK(throws_bad_alloc([&] { return ::operator new(huge); }));
    CHECK(throws_bad_alloc([&] { return ::operator new[](huge); }));
    CHECK(throws_bad_alloc([&] { return ::operator new(huge, align); }));
    CHECK(throws_bad_alloc([&] { return ::operator new[](huge, align); }));
}

static int handler_calls;

static void handler()
{
    if (++handler_calls == 3) {
        std::set_new_handler(nullptr);
    }
}

struct out_of_luck {
};

static void throwing_handler()
{
    throw out_of_luck();
}

static void new_handler_is_called_until_it_gives_up()
{
    size_t huge = launder_size(SIZE_MAX / 2 + 100);
    handler_calls = 0;
    std::set_new_handler(handler);
    CHECK(throws_bad_alloc([&] { return ::operator new(huge); }));
    CHECK(handler_calls == 3);
    handler_calls = 0;
    std::set_new_handler(handler);
    CHECK(::operator new(huge, std::nothrow) == nullptr);
    CHECK(handler_calls == 3);
    handler_calls = 0;
    std::set_new_handler(handler);
    CHECK(throws_bad_alloc(
        [&] { return ::operator new (huge, std::align_val_t{64}); }));
    CHECK(handler_calls == 3);
}

/* The exception of a handler must unwind through our C frames. */
static void new_handler_may_throw()
{
    bool caught = false;
    std::set_new_handler(throwing_handler);
    try {
        launder(::operator new(launder_size(SIZE_MAX / 2 + 100)));
    } catch (const out_of_luck &) {
        caught = true;
    }
    std::set_new_handler(nullptr);
    CHECK(caught);
}

struct alignas(256) wide {
    char body[300];
    ~wide()
    {
        body[0] = 0;
    }
};

static void containers_and_arrays()
{
    std::map<int, std::string> words;
    for (int i = 0; i < 20000; i++) {
        words[i * 7919 % 20011] = std::string(static_cast<size_t>(i % 90), 'x');
    }
    std::vector<std::unique_ptr<wide>> wides;
    for (int i = 0; i < 100; i++) {
        wides.emplace_back(new wide);
        CHECK(is_aligned(wides.back().get(), 256));
    }
    wide *array = new wide[10];
    CHECK(is_aligned(array, 256));
    delete[] array;
    CHECK(words.size() == 20000);
    try {
        throw std::string(1000, 'e');
    } catch (const std::string &text) {
        CHECK(text.size() == 1000);
    }
}

static void run(const char *name, void (*function)())
{
    failures = 0;
    function();
    printf("%s new_delete.%s\n", failures == 0 ? "ok" : "FAIL", name);
    (failures == 0 ? passed : failed)++;
}

int main()
{
    run("plain_forms", plain_forms);
    run("sized_forms", sized_forms);
    run("nothrow_forms", nothrow_forms);
    run("aligned_forms", aligned_forms);
    run("failure_throws", failure_throws);
    run("new_handler_is_called_until_it_gives_up",
        new_handler_is_called_until_it_gives_up);
    run("new_handler_may_throw", new_handler_may_throw);
    run("containers_and_arrays", containers_and_arrays);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
