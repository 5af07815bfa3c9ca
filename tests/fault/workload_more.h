/* SPDX-License-Identifier: MIT */
#ifndef FAULT_WORKLOAD_MORE_H
#define FAULT_WORKLOAD_MORE_H
/* Workloads of liballoc's own interface, of threads and of fork. */

void cache_objects(void);
void user_pages(void);
void reports(void);
void remote_frees(void);
void exit_and_adoption(void);
void six_threads(void);
void fork_and_go_on(void);

#endif
