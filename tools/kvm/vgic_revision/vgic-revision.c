// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgic-revision.c - what a KVM/arm64 host makes of GICD_IIDR.Revision
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vgic-revision.h"

static const char usage[] =
	"usage: vgic-revision [--gic 2|3] [--json] [--quiet]\n"
	"       vgic-revision can N [--gic 2|3] [--quiet]\n"
	"       vgic-revision list [--json]\n"
	"       vgic-revision face [--revision N] [--gic 2|3] [--from guest|user]\n"
	"                          [--compare FILE [OTHER]]\n"
	"       vgic-revision run --revision N -- VMM [ARGUMENT]...\n"
	"\n"
	"What this host makes of GICD_IIDR.Revision, the revision of the GIC that\n"
	"KVM/arm64 emulates:\n"
	"\n"
	"(nothing)  which revisions it selects, refuses and ignores\n"
	"can        whether it can select N\n"
	"list       which VMs run here, at which revision (for root)\n"
	"face       each register: its reset value, and what can be written\n"
	"run        run a VMM with the revision of its guest's GIC set to N\n"
	"\n"
	"Exit status: 0 yes, 1 no (it ignores some, it cannot, faces differ),\n"
	"2 cannot be found out, 125 to 127 see \"run\" in vgic-revision(1).\n";

static int refuse_usage(void)
{
	fputs(usage, stderr);
	return UNKNOWN;
}

static int parse_number(const char *text, int min, int max)
{
	char *end;
	long val = strtol(text, &end, 10);

	if (!*text || *end || val < min || val > max)
		errx(UNKNOWN, "%s is not a number from %d to %d", text, min, max);
	return val;
}

/* taken: the first letters of the flags that the command takes */
static bool parse(int argc, char **argv, const char *taken, struct options *options)
{
	static const struct option names[] = {
		{ "compare", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, 'f' },
		{ "gic", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "revision", required_argument, NULL, 'r' },
		{}
	};
	int c, i;

	while ((c = getopt_long(argc, argv, "", names, &i)) != -1) {
		if (c != '?' && c != 'h' && !strchr(taken, c)) {
			warnx("--%s does nothing here", names[i].name);
			return false;
		}
		switch (c) {
		case 'c':
			options->compare = optarg;
			break;
		case 'f':
			options->from_user = !strcmp(optarg, "user");
			if (!options->from_user && strcmp(optarg, "guest"))
				return false;
			break;
		case 'g':
			options->gic = parse_number(optarg, 2, 3);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(YES);
		case 'j':
			options->json = true;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'r':
			options->revision = parse_number(optarg, 0, NR_REVISIONS - 1);
			break;
		default:
			return false;
		}
	}
	return argc - optind <= 1;
}

int main(int argc, char **argv)
{
	struct options options = { .revision = -1 };
	const char *command = "", *operand, *taken;

	if (argc > 1 && *argv[1] != '-') {
		command = argv[1];
		argc--;
		argv++;
	}
	if (!strcmp(command, "run"))
		return run(argc, argv);

	if (!strcmp(command, "face"))
		taken = "cfgr";
	else if (!strcmp(command, "can"))
		taken = "gq";
	else
		taken = !strcmp(command, "list") ? "j" : "gjq";
	if (!parse(argc, argv, taken, &options))
		return refuse_usage();
	operand = argv[optind];
	if (!strcmp(command, "face")) {
		options.with = operand;
		/* Of two files, no GIC is looked at. */
		if (!operand || (options.compare && options.revision < 0 && !options.gic &&
				 !options.from_user))
			return face(&options);
	} else if (!strcmp(command, "can")) {
		if (operand) {
			options.revision = parse_number(operand, 0, NR_REVISIONS - 1);
			return can(&options);
		}
	} else if (!operand && !strcmp(command, "list")) {
		return list(&options);
	} else if (!operand && !*command) {
		return query(&options);
	}
	return refuse_usage();
}
