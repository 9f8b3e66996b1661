// SPDX-License-Identifier: GPL-2.0-only
/*
 * init.c - PID 1 of the emulated host
 *
 * Runs the tests named after "--" on the kernel command line, each with the
 * seconds it may take ("vgic_irq:30"), one after the other, and powers off.
 * With no name it gives a shell on the console.
 *
 * Results go to the virtio-serial port "results" as KTAP: one result line per
 * test, and below it the test's own KTAP where it prints any. All other output
 * of a test becomes diagnostic lines, so that a failure can be read where it is
 * reported. The console stays the kernel's, and in the end kmemleak's: with
 * KMEMLEAK=1 on the kernel command line, a kernel without it is a failure.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define TESTS		"/tests/"
#define KSFT_SKIP	4

static FILE *results;

static void __attribute__((noreturn)) power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

/* Nothing can be reported without a port, so the console is all there is. */
static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "init: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	if (results)
		fprintf(results, "Bail out! see the console\n");
	power_off();
}

static void mount_all(void)
{
	static const struct {
		const char *type, *dir;
	} mounts[] = {
		{ "devtmpfs", "/dev" },
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "debugfs", "/sys/kernel/debug" },
		{ "tmpfs", "/tmp" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].dir, 0755);
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, NULL))
			die("mount %s: %m", mounts[i].dir);
	}
}

/* Ports get their names some time after the device was probed. */
static FILE *open_port(const char *name)
{
	static const char dir[] = "/sys/class/virtio-ports";
	int tries;

	for (tries = 0; tries < 500; tries++, usleep(20000)) {
		struct dirent *e;
		DIR *d = opendir(dir);

		while (d && (e = readdir(d))) {
			char path[512], line[64] = "";
			FILE *f;

			snprintf(path, sizeof(path), "%s/%s/name", dir, e->d_name);
			f = fopen(path, "r");
			if (!f)
				continue;
			if (fgets(line, sizeof(line), f))
				line[strcspn(line, "\n")] = '\0';
			fclose(f);
			if (strcmp(line, name))
				continue;
			closedir(d);
			snprintf(path, sizeof(path), "/dev/%s", e->d_name);
			return fopen(path, "w");
		}
		if (d)
			closedir(d);
	}
	return NULL;
}

/*
 * QEMU 7.2 now and then crashes a guest that patches code for a static key
 * while it runs, and KVM toggles some with the first and the last VM. One idle
 * VM, held for as long as the machine lives, keeps them still.
 */
static void hold_idle_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		die("/dev/kvm: %m: this kernel found no EL2 to run guests with");
	if (ioctl(kvm, KVM_CREATE_VM, 0) < 0)
		die("KVM_CREATE_VM: %m");
}

static bool is_ktap_header(const char *line)
{
	return !strncmp(line, "TAP version ", 12) || !strncmp(line, "KTAP version ", 13);
}

/* The first header turns what follows into nested KTAP, as the format wants it. */
static void put_line(const char *test, const char *line, bool *ktap)
{
	if (*ktap) {
		fprintf(results, "  %s\n", line);
	} else if (is_ktap_header(line)) {
		*ktap = true;
		fprintf(results, "  KTAP version 1\n  # Subtest: %s\n", test);
	} else {
		fprintf(results, "  # %s\n", line);
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Returns false when the test had not closed its output in time. */
static bool copy_output(int fd, const char *test, double deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char line[4096];
	bool ktap = false;
	size_t len = 0;
	char c;

	for (;;) {
		double left = deadline - now();

		if (left <= 0 || poll(&pfd, 1, left * 1000 + 1) == 0)
			break;
		if (read(fd, &c, 1) != 1)
			break;
		if (c != '\n')
			line[len++] = c;
		if (c == '\n' || len == sizeof(line) - 1) {
			line[len] = '\0';
			put_line(test, line, &ktap);
			len = 0;
		}
	}
	if (len) {
		line[len] = '\0';
		put_line(test, line, &ktap);
	}
	return now() < deadline;
}

static void run_test(int num, const char *test, int timeout)
{
	double start = now();
	bool in_time;
	int out[2], status;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC))
		die("pipe: %m");

	pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (!pid) {
		char path[256];

		setpgid(0, 0);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		snprintf(path, sizeof(path), TESTS "%s", test);
		execl(path, path, NULL);
		fprintf(stderr, "%s: %m\n", path);
		_exit(127);
	}
	close(out[1]);
	in_time = copy_output(out[0], test, start + timeout);
	close(out[0]);

	/* A test may close its output and stay: give it what time is left. */
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (!in_time || now() > start + timeout) {
			in_time = false;
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		usleep(10000);
	}
	kill(-pid, SIGKILL);

	if (!in_time)
		fprintf(results, "not ok %d %s # TIMEOUT %d seconds\n", num, test, timeout);
	else if (WIFSIGNALED(status))
		fprintf(results, "not ok %d %s # killed by %s\n", num, test,
			strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == KSFT_SKIP)
		fprintf(results, "ok %d %s # SKIP\n", num, test);
	else if (WEXITSTATUS(status))
		fprintf(results, "not ok %d %s # exit=%d\n", num, test, WEXITSTATUS(status));
	else
		fprintf(results, "ok %d %s # time=%.1fs\n", num, test, now() - start);
}

/* What the tests leave behind goes to the console: all that can be reported is. */
static void report_leaks(void)
{
	int leaks = scan_for_leaks(stderr);

	/* A kernel that should have kmemleak, and one that has, has to have it work. */
	if (leaks < 0 && (leaks != -ENOENT || number_from("KMEMLEAK", 0)))
		fprintf(stderr, "init: kmemleak does not work: %s\n", strerror(-leaks));
}

static void shell(void)
{
	pid_t pid = fork();

	if (!pid) {
		setsid();
		ioctl(STDIN_FILENO, TIOCSCTTY, 1);
		if (chdir(TESTS))
			die("chdir " TESTS ": %m");
		setenv("PATH", TESTS ":/bin", 1);
		setenv("PS1", "tests# ", 1);
		execl("/bin/busybox", "sh", NULL);
		die("/bin/busybox: %m");
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	int i;

	mount_all();
	if (argc == 1) {
		shell();
		power_off();
	}

	results = open_port("results");
	if (!results)
		die("no virtio-serial port named results");
	setvbuf(results, NULL, _IOLBF, 0);
	hold_idle_vm();

	fprintf(results, "KTAP version 1\n1..%d\n", argc - 1);
	for (i = 1; i < argc; i++) {
		const char *test = strtok(argv[i], ":");
		const char *timeout = strtok(NULL, ":");

		if (!timeout)
			die("%s: no time-out", test);
		run_test(i, test, atoi(timeout));
	}
	fclose(results);
	report_leaks();
	power_off();
}
