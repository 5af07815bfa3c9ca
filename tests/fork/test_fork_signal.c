/* SPDX-License-Identifier: MIT */
/*
 * fork in a signal handler that interrupted malloc.  A program of its own:
 * glibc keeps the promise only while a process has never had a second thread.
 */
#include "fork_common.h"

#include <sys/time.h>

static volatile sig_atomic_t forks;
static volatile sig_atomic_t in_child;
static volatile sig_atomic_t bad_children;

/*
 * Once only: a periodic timer would fire again during the handler, and the
 * interrupted code never get on.
 */
static void arm(unsigned delay_us)
{
    struct itimerval timer = {.it_value.tv_usec = (suseconds_t)delay_us};
    setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * Interrupts malloc, forks, and returns: the child then ends the interrupted
 * call.  Allowed by POSIX up to 2008, and glibc's bug 838.
 */
static void fork_on_signal(int signal_number)
{
    (void)signal_number;
    int error = errno;
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        in_child = 1;
    } else {
        int status = -1;
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        bad_children += child < 0 || status != 0;
        forks++;
        arm(20 + (unsigned)forks * 7 % 200);
    }
    errno = error;
}

static void churn_until_forked(void)
{
    unsigned char *mem[64] = {NULL};
    unsigned random = 1;
    unsigned child_steps = 0;
    while (in_child || forks < (int)rounds(1000)) {
        churn_step(mem, 64, &random);
        if (in_child && ++child_steps == 300) {
            _exit(use_all_sizes() ? 0 : 1);
        }
    }
    for (unsigned i = 0; i < 64; i++) {
        free(mem[i]);
    }
}

static void check_fork_on_signal(void *unused)
{
    (void)unused;
    struct sigaction action = {.sa_handler = fork_on_signal,
                               .sa_flags = SA_RESTART};
    struct sigaction was;
    sigaction(SIGALRM, &action, &was);
    arm(300);
    churn_until_forked();
    arm(0);
    sigaction(SIGALRM, &was, NULL);
    CHECK_EQ(bad_children, 0);
    CHECK(forks > 0);
}

/* In a child of its own: a hang here is killed from outside. */
TEST(fork, in_a_signal_handler_that_interrupted_malloc)
{
    pid_t child = fork();
    if (child == 0) {
        atomic_store(&test_state.failures, 0);
        check_fork_on_signal(NULL);
        _exit(atomic_load(&test_state.failures) == 0 ? 0 : 1);
    }
    int status = 0;
    for (int waited = 0; waitpid(child, &status, WNOHANG) == 0; waited++) {
        if (waited == 9000 * (int)test_scale()) {
            kill(child, SIGKILL);
            TEST_FAILED("no end after %d s: a deadlock", waited / 100);
        }
        usleep(10000);
    }
    CHECK_EQ(status, 0);
}
