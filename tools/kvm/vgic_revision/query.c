// SPDX-License-Identifier: GPL-2.0-only
/*
 * query.c - what a write of each revision to GICD_IIDR does on this host
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "vgic-revision.h"
#include "vm.h"

#define KVM_CAP_ARM_VGIC_REVISIONS	252	/* provisional */

enum phase { BEFORE_INIT, AFTER_INIT, AFTER_RUN, NR_PHASES };

static const char * const phase_keys[] = { "before_init", "after_init", "after_run" };

static const char * const guests[] = {
	"v4.18 or older",
	"a kernel that reverts d53c2c29ae0d",
	"v4.19 to v5.18",
	"v5.19 or later",
};

struct outcome {
	int err;		/* what the write returns */
	int reads;		/* the revision after it */
};

struct answer {
	int model;
	int initial;		/* revision */
	struct outcome outcomes[NR_PHASES][NR_REVISIONS];
	int ignored;		/* a revision, or -1 */
	bool opens;		/* Does that open IGROUPR of a GICv2? */
};

/* A new VM each time, for no write can be taken back. -1: write nothing */
static struct outcome write_revision(int model, enum phase phase, int revision)
{
	struct outcome outcome = {};
	struct vm vm;

	vm_create(&vm, model, false);
	if (phase != BEFORE_INIT)
		vm_init_gic(&vm);
	if (phase == AFTER_RUN)
		vm_run(&vm);
	if (revision >= 0)
		outcome.err = vm_select(&vm, revision);
	if (phase == BEFORE_INIT)
		vm_init_gic(&vm);
	outcome.reads = vm_revision(&vm);
	vm_destroy(&vm);
	return outcome;
}

/* Does userspace change GICD_IGROUPR1 of a GICv2 after it has written a revision? */
static bool opens_groups(int revision)
{
	struct place igroupr = { GICD, 0, 0x84, 4 };
	__u64 was = 0, inverted, is = 0;
	bool opens = false;
	struct vm vm;

	vm_create(&vm, 2, false);
	vm_init_gic(&vm);
	if (!vm_select(&vm, revision) && !vm_access(&vm, true, igroupr, false, &was)) {
		inverted = ~was & 0xffffffff;
		opens = !vm_access(&vm, true, igroupr, true, &inverted) &&
			!vm_access(&vm, true, igroupr, false, &is) && is != was;
	}
	vm_destroy(&vm);
	return opens;
}

static bool selects(struct outcome outcome, int revision)
{
	return !outcome.err && outcome.reads == revision;
}

static const char *name_outcome(struct outcome outcome, int revision)
{
	if (outcome.err)
		return errno_name(outcome.err);
	return outcome.reads == revision ? "selected" : "ignored";
}

static void ask(struct answer *a, int model)
{
	struct outcome outcome;
	int rev, phase;

	*a = (struct answer){ .model = model, .ignored = -1 };
	a->initial = write_revision(model, AFTER_INIT, -1).reads;
	for (rev = NR_REVISIONS - 1; rev >= 0; rev--) {
		for (phase = 0; phase < NR_PHASES; phase++) {
			outcome = write_revision(model, phase, rev);
			a->outcomes[phase][rev] = outcome;
			if (!strcmp(name_outcome(outcome, rev), "ignored"))
				a->ignored = rev;
		}
	}
	if (model == 2 && a->ignored >= 0)
		a->opens = opens_groups(a->ignored);
}

static void format_row(const struct answer *a, int rev, char *row)
{
	char cell[40];
	int phase;

	for (phase = 0; phase < NR_PHASES; phase++) {
		struct outcome outcome = a->outcomes[phase][rev];

		snprintf(cell, sizeof(cell), selects(outcome, rev) ? "%s" : "%s, reads %d",
			 name_outcome(outcome, rev), outcome.reads);
		row += sprintf(row, phase == AFTER_RUN ? "%s" : "%-18s", cell);
	}
}

static void print_table(const struct answer *a)
{
	char row[128], next[128], revisions[16];
	int rev, first = 0;

	printf("\nGICv%d: revision %d by default\n\n"
	       "  Write     before init       after init        after KVM_RUN\n",
	       a->model, a->initial);
	for (rev = 0; rev < NR_REVISIONS; rev++) {
		format_row(a, rev, row);
		if (rev + 1 < NR_REVISIONS) {
			format_row(a, rev + 1, next);
			if (!strcmp(row, next))
				continue;
		}
		snprintf(revisions, sizeof(revisions), first == rev ? "%d" : "%d to %d", first,
			 rev);
		printf("  %-10s%s\n", revisions, row);
		first = rev + 1;
	}
	printf("\n");
}

static void print_advice(const struct answer *a, bool capability)
{
	const struct outcome *row = a->outcomes[AFTER_INIT];
	int rev;

	for (rev = 0; rev <= LATEST_REVISION; rev++)
		if (selects(row[rev], rev))
			printf("A guest from %s (revision %d) can be restored here.\n",
			       guests[rev], rev);
		else
			printf("A guest from %s (revision %d) cannot be restored here: %s.\n",
			       guests[rev], rev, row[rev].err ?
			       "the revision is refused" : "the revision is ignored");

	if (selects(row[2], 2) && selects(row[3], 3))
		printf("A new VM should select revision 3, or 2 if it may move to a host\n"
		       "with v4.19 to v5.18.\n");
	else if (selects(row[3], 3))
		printf("A new VM should select revision 3. It cannot move to a host with\n"
		       "v4.19 to v5.18.\n");
	else if (selects(row[2], 2))
		printf("A new VM should select revision 2. Newer kernels can select it too,\n"
		       "except those without a0e6ae45af17.\n");
	else
		printf("A new VM has revision %d here and cannot select another.\n", a->initial);
	if (a->model == 3 && selects(row[2], 2) && selects(row[3], 3) && !capability)
		printf("Revision 2 hides GICR_CTLR.{IR,CES} only. GICR_INVLPIR and\n"
		       "GICR_INVALLR work.\n");

	if (a->ignored < 0) {
		printf("What a write to GICD_IIDR returns can be trusted here.\n");
		return;
	}
	printf("This kernel lies: it returns success for revisions that it ignores.\n");
	if (a->initial < 2)
		printf("v4.19 and later refuse such writes.\n");
	else
		printf("Commit a0e6ae45af17 (\"KVM: arm64: vgic: Fix IIDR revision field\n"
		       "extracted from wrong value\") mends this.\n");
	if (a->opens)
		printf("An ignored write makes GICD_IGROUPR writable from userspace. Do not\n"
		       "restore it after one.\n");
}

static void print_json(const struct answer *a)
{
	int phase, rev;

	printf(",\n  \"gicv%d\": {\n    \"default\": %d,\n", a->model, a->initial);
	for (phase = 0; phase < NR_PHASES; phase++) {
		printf("    \"%s\": [", phase_keys[phase]);
		for (rev = 0; rev < NR_REVISIONS; rev++)
			printf("%s\n      { \"write\": %d, \"result\": \"%s\", \"reads\": %d }",
			       rev ? "," : "", rev, name_outcome(a->outcomes[phase][rev], rev),
			       a->outcomes[phase][rev].reads);
		printf("\n    ],\n");
	}
	printf("    \"lies\": %s,\n    \"ignored_write_opens_igroupr\": %s\n  }",
	       a->ignored >= 0 ? "true" : "false", a->opens ? "true" : "false");
}

static void print_capability(int bitmap, bool json)
{
	const char *separator = "";
	int rev;

	for (rev = 0; rev < NR_REVISIONS; rev++) {
		if (!(bitmap & 1 << rev))
			continue;
		printf("%s%d", separator, rev);
		separator = ", ";
	}
	if (!bitmap && !json)
		printf("absent");
}

static bool is_asked_for(const struct options *options, int model)
{
	return (!options->gic || options->gic == model) && vm_has_gic(model);
}

int refuse_gic(const struct options *options)
{
	if (options->gic)
		warnx("this host has no GICv%d for guests", options->gic);
	else
		warnx("this host has no GICv3 or GICv2 for guests");
	return UNKNOWN;
}

int query(const struct options *options)
{
	int capability = vm_extension(KVM_CAP_ARM_VGIC_REVISIONS), model, nr = 0, i, status = YES;
	struct answer answers[2];
	struct utsname uts;

	/* All is asked before anything is printed: it may come to an error. */
	for (model = 3; model >= 2; model--) {
		if (!is_asked_for(options, model))
			continue;
		ask(&answers[nr], model);
		if (answers[nr++].ignored >= 0)
			status = NO;
	}
	if (!nr)
		return refuse_gic(options);
	if (options->quiet)
		return status;

	uname(&uts);
	printf(options->json ? "{\n  \"kernel\": \"%s\",\n  \"capability\": [" :
	       "Linux %s, KVM_CAP_ARM_VGIC_REVISIONS (252, provisional): ", uts.release);
	print_capability(capability < 0 ? 0 : capability, options->json);
	printf(options->json ? "]" : "\n");
	for (i = 0; i < nr; i++) {
		if (options->json) {
			print_json(&answers[i]);
		} else {
			print_table(&answers[i]);
			print_advice(&answers[i], capability > 0);
		}
	}
	if (options->json)
		printf("\n}\n");
	return status;
}

int can(const struct options *options)
{
	int model, nr = 0, rev = options->revision, status = YES;

	for (model = 3; model >= 2; model--) {
		struct outcome outcome;

		if (!is_asked_for(options, model))
			continue;
		nr++;
		outcome = write_revision(model, AFTER_INIT, rev);
		if (!selects(outcome, rev))
			status = NO;
		if (!options->quiet)
			printf("GICv%d: revision %d is %s.\n", model, rev,
			       outcome.err ? "refused" : name_outcome(outcome, rev));
	}
	if (!nr)
		return refuse_gic(options);
	return status;
}
