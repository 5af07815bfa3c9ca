/* SPDX-License-Identifier: MIT */
/*
 * signal_probe [CHILDREN]: no test, a measurement: what becomes of a process
 * whose signal handlers do what POSIX forbids, while malloc or free is
 * interrupted: allocate and free at once, allocate and keep, jump out.  Each
 * child ends after 2000 such handlers; counted is how.
 */
#include "pest.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { DEEDS = 2000, SECONDS = 10 };

static unsigned deeds;
static sigjmp_buf out;
static void *kept[64];

static void allocate_and_free(void)
{
    void *mem = launder(malloc(100 + deeds % 7 * 300));
    free(mem);
}

static void allocate_and_keep(void)
{
    free(kept[deeds % 64]);
    kept[deeds % 64] = launder(malloc(100 + deeds % 7 * 300));
}

static void jump_out(void)
{
    calling = critical = 0;
    siglongjmp(out, 1);
}

static void misbehave(int signal_number)
{
    (void)signal_number;
    pest_hit();
    if (calling) {
        deeds++;
        pest_deed();
    }
}

static void child(void (*deed)(void))
{
    timer_t pest;
    volatile bool held = true;
    alarm(SECONDS);
    signal(SIGABRT, SIG_DFL);
    if (freopen("/dev/null", "w", stderr) == NULL) {
        _exit(2);
    }
    pest_deed = deed;
    if (!pest_start(&pest, misbehave)) {
        _exit(2);
    }
    (void)sigsetjmp(out, 1);
    while (held && deeds < DEEDS) {
        held = pest_step();
    }
    _exit(held ? 0 : 1);
}

static void probe(const char *name, void (*deed)(void), unsigned children)
{
    unsigned fine = 0;
    unsigned spoilt = 0;
    unsigned hung = 0;
    unsigned crashed = 0;
    for (unsigned i = 0; i < children; i++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            child(deed);
        }
        waitpid(pid, &status, 0);
        if (WIFEXITED(status)) {
            fine += WEXITSTATUS(status) == 0;
            spoilt += WEXITSTATUS(status) != 0;
        } else {
            hung += WTERMSIG(status) == SIGALRM;
            crashed += WTERMSIG(status) != SIGALRM;
        }
    }
    printf("%-18s of %u: %u fine, %u found contents changed, %u crashed or "
           "aborted, %u hung\n",
           name, children, fine, spoilt, crashed, hung);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    unsigned children = argc > 1 ? (unsigned)atoi(argv[1]) : 20;
    printf("%u handlers in each child, all inside malloc or free\n",
           (unsigned)DEEDS);
    fflush(stdout);
    probe("allocate and free", allocate_and_free, children);
    probe("allocate and keep", allocate_and_keep, children);
    probe("siglongjmp", jump_out, children);
    return 0;
}
