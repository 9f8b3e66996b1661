/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host.h - what the programs here share that has nothing to do with VMs
 *
 * Random numbers, settings, children, and what the kernel of the emulated host says of
 * itself: in its log and with kmemleak.
 */
#ifndef RIG_HOST_H
#define RIG_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* The exit status of a test that has nothing to say here */
#define KSFT_SKIP	4

/* Return: seconds, of a clock that nobody sets */
double now(void);

/* Return: 0, or the errno of a system call that has returned @ret */
int err_of(int ret);

/* The same numbers from the same seed, wherever it runs */
u64 next(u64 *state);
u32 below(u64 *state, u32 limit);

#define PICK(state, array)	((array)[below(state, ARRAY_SIZE(array))])

/* Return: what the environment says, which comes from the kernel command line */
u64 number_from(const char *name, u64 otherwise);

/* Return: the virtio-serial port of this name, or NULL */
FILE *open_port(const char *name);

/* Return: 0 or an errno */
int put_file(const char *path, const char *text);

/* Return: whether a child has ended in so many seconds, by itself or by a signal */
bool has_ended(pid_t pid, int *status, unsigned int seconds);

/*
 * Return: the first line of the kernel's log since the last call that has a text of
 * kernel-complaints in it, or NULL. Ends the program if there is no list.
 */
const char *kernel_complaint(void);

/*
 * Have kmemleak look for what nothing points to any more, and print the first of it.
 *
 * Return: how many objects there are, or a negative errno where kmemleak does not work:
 * -ENOENT if the kernel is built without it, -EPERM if it is disabled
 */
int scan_for_leaks(FILE *to);

#endif /* RIG_HOST_H */
