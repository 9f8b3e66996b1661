// SPDX-License-Identifier: GPL-2.0-only
/*
 * face.c - what each register of a GIC reads as, and does with a write
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registers.h"
#include "vgic-revision.h"
#include "vm.h"

#define GICD_ISACTIVER0	0x300
#define GITS_CBASER	0x80
#define GITS_BASER	0x100			/* of devices, then of collections */

/* Where the tables of an ITS could be. Without commands, it does not look there. */
#define ITS_TABLES	0x8000000040000000ULL

struct prober {
	const struct options *options;
	int model;
	struct vm vm;
};

/* What to write to registers that have an effect on another, and on which */
static const struct {
	__u64 val;
	const char *name;
	struct place at;
} effects[] = {
	[SGIR] = { 0x02000001, "GICD_ISPENDR0", { GICD, 0, 0x200, 4 } },
	[SGI] = { 0x01000001, "GICR_ISPENDR0@0", { GICR, 0, 0x10200, 4 } },
	[SPI] = { 32, "GICD_ISPENDR1", { GICD, 0, 0x204, 4 } },
	[END] = { 1023, NULL, { GICD, 0, 0x200, 4 } },	/* the end of no interrupt */
};

static void renew(struct prober *p, bool first)
{
	int revision = p->options->revision;

	if (!first)
		vm_destroy(&p->vm);
	vm_create(&p->vm, p->model, p->model == 3);
	vm_init_gic(&p->vm);
	if (revision < 0)
		return;
	if (vm_select(&p->vm, revision) || vm_revision(&p->vm) != revision)
		errx(UNKNOWN, "this kernel cannot select revision %d, the GIC has %d", revision,
		     vm_revision(&p->vm));
}

static int do_read(struct prober *p, struct place at, __u64 *val)
{
	*val = 0;
	return vm_access(&p->vm, p->options->from_user, at, false, val);
}

static int do_write(struct prober *p, struct place at, __u64 val)
{
	return vm_access(&p->vm, p->options->from_user, at, true, &val);
}

static int write_ones(struct prober *p, struct place at)
{
	__u64 ones = at.size == 8 ? ~0ULL : ~0U;

	/*
	 * v4.18 and v4.19 oops if userspace makes an SGI of a GICv2 active.
	 * INTID 31 is one of them there: it is INTID 0.
	 */
	if (p->options->from_user && p->model == 2 && at.frame == GICD &&
	    at.offset == GICD_ISACTIVER0)
		ones &= 0x7fff0000;
	return do_write(p, at, ones);
}

/* For fields that have an effect only if others have been written */
static void write_others(struct prober *p, enum method how, struct place at)
{
	switch (how) {
	case CLEAR:
		at.offset -= 0x80;
		write_ones(p, at);
		break;
	case CLEAR_SGI:
		at.offset += 0x10;
		write_ones(p, at);
		break;
	case ITS_CTLR:
		do_write(p, (struct place){ GITS, 0, GITS_CBASER, 8 }, ITS_TABLES);
		do_write(p, (struct place){ GITS, 0, GITS_BASER, 8 }, ITS_TABLES);
		do_write(p, (struct place){ GITS, 0, GITS_BASER + 8, 8 }, ITS_TABLES);
		break;
	case GROUP0:
		do_write(p, (struct place){ ICC, 0, SYSREG(12, 12, 7), 4 }, 1);
		break;
	default:
		break;
	}
}

static const char *name_result(int result)
{
	static char other[24];

	if (!(result & (EXCEPTION | EXITS)))
		return errno_name(result);
	if (result == EXITS)
		return "exits to userspace";
	if (result == EXCEPTION)
		return "undefined instruction";
	snprintf(other, sizeof(other), "exception class 0x%02x", result & ~EXCEPTION);
	return result == (EXCEPTION | 0x25) ? "data abort" : other;
}

static void say_mask(FILE *out, int size, const char *what, __u64 mask)
{
	if (mask)
		fprintf(out, ", %s %0*llx", what, 2 * size, mask);
}

static void probe_effect(FILE *out, struct prober *p, enum method how, struct place at)
{
	struct place seen = effects[how].at;
	__u64 was, val;
	int failed;

	do_read(p, seen, &was);
	failed = do_write(p, at, effects[how].val);
	do_read(p, seen, &val);
	if (failed)
		fprintf(out, ", write: %s", name_result(failed));
	else if (!effects[how].name)
		fprintf(out, ", accepts writes");
	else if (val == was)
		fprintf(out, ", ignores writes");
	else
		fprintf(out, ", write of %08llx sets %s to %08llx", effects[how].val,
			effects[how].name, val);
}

static void probe_bits(FILE *out, struct prober *p, __u64 reset, struct place at)
{
	__u64 val, bit, writable = 0, refused = 0;
	int i, failed, reason = 0;

	for (i = 0; i < 8 * at.size; i++) {
		bit = 1ULL << i;
		failed = do_write(p, at, reset ^ bit);
		do_read(p, at, &val);
		if (failed) {
			refused |= bit;
			reason = failed;
		}
		writable |= (reset ^ val) & bit;
	}
	say_mask(out, at.size, "writable", writable);
	say_mask(out, at.size, name_result(reason), refused);
	if (!writable && !refused)
		fprintf(out, reset ? ", read-only" : ", ignores writes");
}

static void probe_mask(FILE *out, struct prober *p, bool readable, struct place at)
{
	__u64 was, ones, zeros;
	int refused_ones, refused_zeros;

	do_read(p, at, &was);
	refused_ones = write_ones(p, at);
	do_read(p, at, &ones);
	refused_zeros = do_write(p, at, 0);
	do_read(p, at, &zeros);

	if (refused_ones && refused_ones == refused_zeros) {
		fprintf(out, ", write: %s", name_result(refused_ones));
		return;
	}
	if (refused_ones)
		fprintf(out, ", write of ones: %s", name_result(refused_ones));
	if (refused_zeros)
		fprintf(out, ", write of zeros: %s", name_result(refused_zeros));
	say_mask(out, at.size, "writable", ones & ~zeros);
	say_mask(out, at.size, "set by ones", ~was & ones & zeros);
	say_mask(out, at.size, "cleared by ones", was & ~ones & ~zeros);
	if (!readable)
		fprintf(out, ", accepts writes");
	else if (was == ones && was == zeros)
		fprintf(out, was ? ", read-only" : ", ignores writes");
}

static void probe(struct prober *p, const struct reg *reg, struct place at, char *text, int size)
{
	FILE *out = fmemopen(text, size, "w");
	__u64 reset, val;
	int failed = do_read(p, at, &reset);
	bool restored;

	if (failed)
		fprintf(out, "read: %s", name_result(failed));
	else
		fprintf(out, "resets to %0*llx", 2 * at.size, reset);

	write_others(p, reg->how, at);
	if (reg->how >= SGIR)
		probe_effect(out, p, reg->how, at);
	else if (!failed && (reg->how == BITS || reg->how == IIDR))
		probe_bits(out, p, reset, at);
	else
		probe_mask(out, p, !failed, at);
	fclose(out);

	if (reg->how == END)
		return;
	if (failed)
		restored = do_write(p, at, 0);
	else
		restored = !do_write(p, at, reset) && !do_read(p, at, &val) && val == reset;
	if (!restored || (reg->how != PLAIN && reg->how != BITS))
		renew(p, false);
}

static void probe_row(FILE *out, struct prober *p, const struct reg *reg, int vcpu)
{
	char text[160] = "", before[160], name[40];
	int i, from = reg->first, len;

	/* Equal neighbors share a line. */
	for (i = reg->first; i <= reg->last + 1; i++) {
		struct place at = {
			reg->frame, vcpu, reg->offset + (i - reg->first) * reg->size, reg->size
		};

		if (i <= reg->last)
			probe(p, reg, at, text, sizeof(text));
		if (i > reg->first && (i > reg->last || strcmp(text, before))) {
			len = sprintf(name, "%s", reg->name);
			if (reg->last)
				len += sprintf(name + len, "%d", from);
			if (from < i - 1)
				len += sprintf(name + len, "..%d", i - 1);
			if (reg->frame == GICR)
				sprintf(name + len, "@%d", vcpu);
			fprintf(out, "%-24s %s\n", name, before);
			from = i;
		}
		memcpy(before, text, sizeof(before));
	}
}

char *face_of_host(const struct options *options)
{
	struct prober p = { .options = options, .model = options->gic };
	const struct reg *reg;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int i, vcpu;

	if (!p.model)
		p.model = vm_has_gic(3) ? 3 : 2;
	if (!vm_has_gic(p.model))
		exit(refuse_gic(options));
	renew(&p, true);
	fprintf(out, "# GICv%d, revision %d, from %s\n", p.model, vm_revision(&p.vm),
		options->from_user ? "user" : "guest");
	for (i = 0; i < nr_registers; i++) {
		reg = &registers[i];
		if (!(reg->gic & (p.model == 3 ? V3 : V2)) ||
		    (reg->frame == GITS && p.vm.its < 0) ||
		    (reg->frame == ICC && p.model == 2 && options->from_user))
			continue;
		for (vcpu = 0; vcpu < (reg->frame == GICR ? NR_VCPUS : 1); vcpu++)
			probe_row(out, &p, reg, vcpu);
	}
	vm_destroy(&p.vm);
	fclose(out);
	return text;
}
