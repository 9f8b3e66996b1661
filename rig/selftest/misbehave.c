// SPDX-License-Identifier: GPL-2.0-only
/*
 * misbehave.c - tests that go wrong, each in the way of its name
 *
 * The rig's own tests run these in place of the selftests, and once in place of PID 1, to
 * see that the rig calls every kind of failure what it is.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

static int good(void)
{
	puts("TAP version 13\n1..2\nok 1 gicv3/0/iidr\nok 2 gicv3/1/iidr");
	return 0;
}

static int fail(void)
{
	puts("TAP version 13\n1..3");
	puts("ok 1 gicv3/0/iidr");
	puts("# gicv3 revision 1 GICD_IIDR: expected 0x4b00143b, read 0x4b00343b");
	puts("not ok 2 gicv3/1/iidr");
	puts("ok 3 gicv3/2/iidr # SKIP no such GIC");
	return 1;
}

static int skips(void)
{
	puts("TAP version 13\n1..1\nok 1 gicv3/0/iidr # SKIP nothing can be had");
	return 0;
}

static int few(void)
{
	puts("TAP version 13\n1..3\nok 1 gicv3/0/iidr");
	return 0;
}

static int broken(void)
{
	puts("TAP version 13\n1..2\nok 1 gicv3/0/iidr");
	fflush(stdout);
	return raise(SIGSEGV);
}

static int crash(void)
{
	return raise(SIGSEGV);
}

/* With 3 seconds from line to line */
static int hang(void)
{
	puts("slow");
	sleep(2);
	puts("still slow");
	sleep(2);
	puts("about to hang");
	while (pause())
		;
	return 0;
}

/* As "plain" it passes, as "ktap" it does not. */
static int silent(void)
{
	return 0;
}

static int power_off(void)
{
	return reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} ways[] = {
		{ "good", good }, { "fail", fail }, { "skips", skips }, { "few", few },
		{ "broken", broken }, { "crash", crash }, { "hang", hang },
		{ "silent", silent }, { "quiet", silent }, { "power-off", power_off },
	};
	const char *name = strrchr(argv[0], '/');
	size_t i;

	(void)argc;
	name = name ? name + 1 : argv[0];
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!strcmp(name, ways[i].name))
			return ways[i].run();
	}
	fprintf(stderr, "%s: no such way to go wrong\n", name);
	return 127;
}
