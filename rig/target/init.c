// SPDX-License-Identifier: GPL-2.0-only
/*
 * init.c - PID 1 of the emulated host
 *
 * Runs the tests named after "--" on the kernel command line, each with the
 * seconds it may be silent ("vgic_irq:20"), one after the other, and powers off.
 * With no name it runs /console on the console if there is one, or else a shell.
 *
 * Results go to the virtio-serial port "results" as KTAP: one result line per
 * test, and below it the test's own KTAP where it prints any. All other output
 * of a test becomes diagnostic lines, so that a failure can be read where it is
 * reported. The console stays the kernel's, and in the end kmemleak's: with
 * KMEMLEAK=1 on the kernel command line, a kernel without it is a failure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
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
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "host.h"

#define TESTS		"/tests/"

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
		{ "devpts", "/dev/pts" },
		{ "tmpfs", "/tmp" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mounts); i++) {
		mkdir(mounts[i].dir, 0755);
		/* A kernel of the user's may be without: who needs it says so. */
		if (mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0, NULL) &&
		    errno != ENODEV)
			die("mount %s: %m", mounts[i].dir);
	}
}

/* A kernel as it is shipped has virtio in modules. Those of several may be here. */
static void load_modules(void)
{
	struct utsname uts;
	char pattern[128];
	glob_t found;
	size_t i;

	uname(&uts);
	snprintf(pattern, sizeof(pattern), "/modules/%s/*", uts.release);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			die("%s: %m", found.gl_pathv[i]);
		fprintf(stderr, "init: loaded %s\n", found.gl_pathv[i]);
		close(fd);
	}
	globfree(&found);
}

/*
 * QEMU before 8.1 can go on with what code was before the kernel patched it, and KVM patches
 * the scheduler with the first and the last VM. One idle VM, held for as long as the machine
 * lives, has that happen once.
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

/*
 * A terminal, for what a test prints to a pipe is lost when it has to be killed, and that
 * is what says where it hung. A kernel of the user's may have only the pipe.
 */
static void open_terminal(int *master, int *slave)
{
	struct termios raw = {};
	int fds[2];

	cfmakeraw(&raw);
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 && errno == ENOENT && !pipe2(fds, O_CLOEXEC)) {
		*master = fds[0];
		*slave = fds[1];
		return;
	}
	if (*master < 0 || unlockpt(*master))
		die("posix_openpt: %m");
	*slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0 || tcsetattr(*slave, TCSANOW, &raw))
		die("%s: %m", ptsname(*master));
}

static bool has_exited(pid_t pid)
{
	siginfo_t info = {};

	return !waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* Return: false when the test has hung, with the last line it printed */
static bool copy_output(int fd, pid_t pid, const char *test, int timeout, char *last,
			size_t size)
{
	double deadline = now() + timeout;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	bool ktap = false, exited = false;
	char line[4096];
	size_t len = 0;
	char c;

	last[0] = '\0';
	while (now() < deadline) {
		if (poll(&pfd, 1, exited ? 0 : 20) <= 0) {
			if (exited)
				break;
			exited = has_exited(pid);
			continue;
		}
		if (read(fd, &c, 1) != 1)
			break;
		if (c != '\n')
			line[len++] = c;
		if (c == '\n' || len == sizeof(line) - 1) {
			line[len] = '\0';
			snprintf(last, size, "%.*s", (int)size - 1, line);
			put_line(test, line, &ktap);
			deadline = now() + timeout;
			len = 0;
		}
	}
	if (len) {
		line[len] = '\0';
		snprintf(last, size, "%.*s", (int)size - 1, line);
		put_line(test, line, &ktap);
	}
	return exited;
}

static void run_test(int num, const char *test, int timeout)
{
	double start = now();
	int master, slave, status;
	char last[256];
	bool in_time;
	pid_t pid;

	open_terminal(&master, &slave);
	pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (!pid) {
		char path[256];

		setpgid(0, 0);
		dup2(slave, STDOUT_FILENO);
		dup2(slave, STDERR_FILENO);
		snprintf(path, sizeof(path), TESTS "%s", test);
		execl(path, path, NULL);
		fprintf(stderr, "%s: %m\n", path);
		_exit(127);
	}
	/* With the slave kept open, nothing is lost and there is no end of file. */
	in_time = copy_output(master, pid, test, timeout, last, sizeof(last));
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(slave);
	close(master);

	if (!in_time)
		fprintf(results, "not ok %d %s # TIMEOUT %d seconds, after: %s\n", num, test,
			timeout, last);
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

static void console(void)
{
	pid_t pid = fork();

	if (!pid) {
		setsid();
		ioctl(STDIN_FILENO, TIOCSCTTY, 1);
		execl("/console", "console", NULL);
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
	load_modules();
	if (argc == 1) {
		console();
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
