/* SPDX-License-Identifier: MIT */
/*
 * bench_google: the allocator under Google Benchmark, with its options and its
 * JSON (--benchmark_out=FILE), for its tools/compare.py.
 */
#include "bench_google.h"

#include <dlfcn.h>
#include <sys/mman.h>

void *array_make(size_t bytes)
{
    void *array = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (array == MAP_FAILED)
        abort();
    return array;
}

void array_drop(void *array, size_t bytes)
{
    munmap(array, bytes);
}

/* The file whose malloc this program calls. */
static const char *malloc_provider(void)
{
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    Dl_info info;
    return symbol && dladdr(symbol, &info) ? info.dli_fname : "?";
}

int main(int argc, char **argv)
{
    liballoc_find();
    shim_register(pair_benchmarks);
    shim_register(pattern_benchmarks);
    shim_register(resize_benchmarks);
    shim_register(liballoc_benchmarks);
    shim_register(thread_benchmarks);
    return shim_main(argc, argv, malloc_provider());
}
