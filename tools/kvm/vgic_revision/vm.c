// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm.c - a VM with two vCPUs, a GIC and a guest that accesses registers
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "vgic-revision.h"
#include "vm.h"

#define RAM_GPA		0x40000000ULL
#define RAM_SIZE	0x10000
#define EXIT_GPA	0x09000000ULL
#define GICR_SIZE	0x20000
#define HANGS		20		/* seconds in which a guest does nothing */

static const __u64 base[] = {
	[GICC] = 0x08010000, [GICD] = 0x08000000, [GICR] = 0x080a0000, [GITS] = 0x0c000000,
};

static const struct {
	__u32 type;
	__u64 dist, other;		/* types of addresses */
	enum frame other_frame;
	const char *name;
} models[] = {
	[2] = { KVM_DEV_TYPE_ARM_VGIC_V2, KVM_VGIC_V2_ADDR_TYPE_DIST,
		KVM_VGIC_V2_ADDR_TYPE_CPU, GICC, "a GICv2" },
	[3] = { KVM_DEV_TYPE_ARM_VGIC_V3, KVM_VGIC_V3_ADDR_TYPE_DIST,
		KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR, "a GICv3" },
};

#define GICD_IIDR	0x8
#define REV_SHIFT	12
#define REV_MASK	(0xfU << REV_SHIFT)
#define IIDR		0x4b00043bU	/* but for the revision */

/* To read a register takes two instructions, and then two to write it. */
#define CODE_SIZE	16
#define WRITE_CODE	8

/* Where the code is for a system register: what differs is CRm, op2 and a bit of CRn. */
#define ICC_CODE	0x1000
#define NR_ICC_CODES	128
#define CODE_OF(sysreg)	(ICC_CODE + ((sysreg) & (NR_ICC_CODES - 1)) * CODE_SIZE)

const char *errno_name(int err)
{
	switch (err) {
	case EBUSY:	return "EBUSY";
	case EFAULT:	return "EFAULT";
	case EINVAL:	return "EINVAL";
	case ENODEV:	return "ENODEV";
	case ENOENT:	return "ENOENT";
	case ENXIO:	return "ENXIO";
	case EPERM:	return "EPERM";
	default:	return strerror(err);
	}
}

static int open_kvm(void)
{
	static int kvm = -1;

	if (kvm < 0)
		kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0 && errno == ENOENT)
		errx(UNKNOWN, "this host has no KVM: there is no /dev/kvm");
	if (kvm < 0)
		err(UNKNOWN, "cannot open /dev/kvm");
	return kvm;
}

static int must(int ret, const char *what)
{
	if (ret < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		err(UNKNOWN, "out of resources: %s", what);
	if (ret < 0)
		err(UNKNOWN, "this kernel refuses %s", what);
	return ret;
}

int vm_extension(long extension)
{
	return ioctl(open_kvm(), KVM_CHECK_EXTENSION, extension);
}

static int attr(int dev, unsigned long request, __u32 group, __u64 attr, void *p)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (unsigned long)p };

	return ioctl(dev, request, &a) ? errno : 0;
}

static void must_set(int dev, __u32 group, __u64 what, __u64 val, const char *name)
{
	must(-attr(dev, KVM_SET_DEVICE_ATTR, group, what, &val), name);
}

static int create_vm(void)
{
	int bits = vm_extension(KVM_CAP_ARM_VM_IPA_SIZE);

	/* 0 stands for 40 bits, which not every host has. */
	return must(ioctl(open_kvm(), KVM_CREATE_VM, bits > 0 && bits < 40 ? bits : 0),
		    "KVM_CREATE_VM");
}

/* Kept until the end, because the first and the last VM of a host cost most. */
static int idle_vm(void)
{
	static int vm = -1;

	if (vm < 0)
		vm = create_vm();
	return vm;
}

bool vm_has_gic(int model)
{
	struct kvm_create_device test = {
		.type = models[model].type, .flags = KVM_CREATE_DEVICE_TEST,
	};

	return !ioctl(idle_vm(), KVM_CREATE_DEVICE, &test);
}

/* Each register is named by an instruction of its own. */
static void write_icc_code(char *ram)
{
	__u32 i, sysreg, *code, done = guest_done - guest;

	for (i = 0; i < NR_ICC_CODES; i++) {
		sysreg = SYSREG(i < NR_ICC_CODES / 2 ? 4 : 12, 0, i);
		code = (__u32 *)(ram + CODE_OF(sysreg));
		code[0] = 0xd5200002 | sysreg << 5;			/* mrs x2, sysreg */
		code[1] = 0x14000000 | ((done - CODE_OF(sysreg) - 4) / 4 & 0x3ffffff);
		code[2] = 0xd5000002 | sysreg << 5;			/* msr sysreg, x2 */
		code[3] = 0x14000000 | ((done - CODE_OF(sysreg) - 12) / 4 & 0x3ffffff);
	}
}

static void create_memory(struct vm *vm)
{
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr = RAM_GPA, .memory_size = RAM_SIZE,
	};

	vm->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	if (vm->ram == MAP_FAILED)
		err(UNKNOWN, "mmap");
	memcpy(vm->ram, guest, guest_end - guest);
	write_icc_code(vm->ram);
	slot.userspace_addr = (unsigned long)vm->ram;
	must(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
}

static __u64 gpa_of(const char *code)
{
	return RAM_GPA + (code - guest);
}

static void set_reg(struct vm *vm, size_t offset, __u64 val)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / 4,
		.addr = (unsigned long)&val,
	};

	must(ioctl(vm->vcpu[0], KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG");
}

static void create_vcpus(struct vm *vm)
{
	int size = must(ioctl(open_kvm(), KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	struct kvm_vcpu_init init = {};
	int i;

	must(ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
	for (i = 0; i < NR_VCPUS; i++) {
		vm->vcpu[i] = must(ioctl(vm->fd, KVM_CREATE_VCPU, i), "KVM_CREATE_VCPU");
		must(ioctl(vm->vcpu[i], KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
	}
	vm->run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu[0], 0);
	if (vm->run == MAP_FAILED)
		err(UNKNOWN, "mmap");
	set_reg(vm, offsetof(struct kvm_regs, regs.pc), gpa_of(guest_start));
	set_reg(vm, offsetof(struct kvm_regs, regs.regs[3]), EXIT_GPA);
}

/* Return: a descriptor, or -1 */
static int create_device(struct vm *vm, __u32 type)
{
	struct kvm_create_device dev = { .type = type };

	return ioctl(vm->fd, KVM_CREATE_DEVICE, &dev) ? -1 : (int)dev.fd;
}

/* The vCPUs come before the GIC, as in QEMU and most other VMMs. */
void vm_create(struct vm *vm, int model, bool its)
{
	*vm = (struct vm){ .its = -1, .fd = create_vm() };
	create_memory(vm);
	create_vcpus(vm);
	vm->gic = must(create_device(vm, models[model].type), models[model].name);
	must_set(vm->gic, KVM_DEV_ARM_VGIC_GRP_ADDR, models[model].dist, base[GICD],
		 "the address of a distributor");
	must_set(vm->gic, KVM_DEV_ARM_VGIC_GRP_ADDR, models[model].other,
		 base[models[model].other_frame], "an address of a GIC");
	must_set(vm->gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, NR_INTIDS, "96 INTIDs");
	if (its)
		vm->its = create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
	if (vm->its < 0)
		return;
	must_set(vm->its, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, base[GITS],
		 "the address of an ITS");
	must_set(vm->its, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0,
		 "to initialize an ITS");
}

void vm_init_gic(struct vm *vm)
{
	must_set(vm->gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0,
		 "to initialize a GIC");
}

void vm_destroy(struct vm *vm)
{
	int i;

	munmap(vm->run, ioctl(open_kvm(), KVM_GET_VCPU_MMAP_SIZE, 0));
	for (i = 0; i < NR_VCPUS; i++)
		close(vm->vcpu[i]);
	if (vm->its >= 0)
		close(vm->its);
	close(vm->gic);
	close(vm->fd);
	munmap(vm->ram, RAM_SIZE);
}

/* A process that is stopped for long gets one of these for it. */
static sig_atomic_t seconds;

static void on_alarm(int sig)
{
	(void)sig;
	seconds++;
}

/* Again and again, for the first could come just before KVM_RUN. 0: no more */
static void set_timer(int interval)
{
	struct itimerval timer = { { interval, 0 }, { interval, 0 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void run_vcpu(int vcpu)
{
	seconds = 0;
	set_timer(1);
	while (ioctl(vcpu, KVM_RUN, 0)) {
		if (errno != EINTR)
			err(UNKNOWN, "cannot run a vCPU");
		if (seconds >= HANGS)
			errx(UNKNOWN, "the guest hangs");
	}
	set_timer(0);
}

static int run_code(struct vm *vm, __u64 code, __u64 addr, __u64 *val)
{
	struct kvm_run *run = vm->run;
	struct sigaction action = { .sa_handler = on_alarm };
	int result = 0;

	sigaction(SIGALRM, &action, NULL);
	set_reg(vm, offsetof(struct kvm_regs, regs.regs[0]), code);
	set_reg(vm, offsetof(struct kvm_regs, regs.regs[1]), addr);
	set_reg(vm, offsetof(struct kvm_regs, regs.regs[2]), *val);
	for (;;) {
		run_vcpu(vm->vcpu[0]);
		if (run->exit_reason != KVM_EXIT_MMIO)
			errx(UNKNOWN, "the guest exits with reason %u", run->exit_reason);
		if (run->mmio.phys_addr == EXIT_GPA) {
			memcpy(val, run->mmio.data, sizeof(*val));
			return result;
		}
		if (run->mmio.phys_addr == EXIT_GPA + 8) {
			memcpy(val, run->mmio.data, sizeof(*val));
			return EXCEPTION | (*val >> 26 & 0x3f);
		}
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
		result = EXITS;
	}
}

void vm_run(struct vm *vm)
{
	__u64 val = 0;

	run_code(vm, gpa_of(guest_done), 0, &val);
}

static int access_from_guest(struct vm *vm, struct place at, bool write, __u64 *val)
{
	__u64 code, addr = 0;

	if (at.frame == ICC) {
		code = RAM_GPA + CODE_OF(at.offset);
	} else {
		code = gpa_of(guest_mmio) + (at.size == 8) * CODE_SIZE;
		addr = base[at.frame] + at.offset + at.vcpu * GICR_SIZE;
	}
	return run_code(vm, code + write * WRITE_CODE, addr, val);
}

/* All but the ITS and the system registers is accessed by 32 bits. */
static int access_from_user(struct vm *vm, struct place at, bool write, __u64 *val)
{
	static const __u32 group[] = {
		[GICC] = KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
		[GICD] = KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
		[GICR] = KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
		[GITS] = KVM_DEV_ARM_VGIC_GRP_ITS_REGS,
		[ICC] = KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
	};
	unsigned long request = write ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR;
	__u32 half[2] = { *val, *val >> 32 };
	int i, result = 0;

	if (at.frame == GITS)
		return attr(vm->its, request, group[GITS], at.offset, val);
	if (at.frame == ICC)
		return attr(vm->gic, request, group[ICC], at.offset, val);
	for (i = 0; i < at.size / 4 && !result; i++)
		result = attr(vm->gic, request, group[at.frame],
			      (__u64)at.vcpu << 32 | (at.offset + 4 * i), &half[i]);
	*val = half[0] | (__u64)(at.size == 8 ? half[1] : 0) << 32;
	return result;
}

int vm_access(struct vm *vm, bool from_user, struct place at, bool write, __u64 *val)
{
	return from_user ? access_from_user(vm, at, write, val) :
			   access_from_guest(vm, at, write, val);
}

int vm_revision(struct vm *vm)
{
	__u32 iidr;

	must(-attr(vm->gic, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_IIDR, &iidr),
	     "a read of GICD_IIDR");
	return (iidr & REV_MASK) >> REV_SHIFT;
}

int vm_select(struct vm *vm, int revision)
{
	__u32 iidr = IIDR | revision << REV_SHIFT;

	return attr(vm->gic, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_IIDR, &iidr);
}
