// SPDX-License-Identifier: GPL-2.0-only
/*
 * preload.c - select GICD_IIDR.Revision for a VMM that does not
 *
 * vgic-revision(1) has the dynamic linker load this into the VMM. The revision
 * is in VGIC_REVISION. It is selected as soon as the VMM has initialized the
 * GIC, and before the VMM can access it. A VMM that would run at another
 * revision is ended. One that this cannot be loaded into is not started.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linker.h"

#define REFUSED		125

#define WHICH		"\"vgic-revision\" says which it has"

#define GICD_IIDR	0x8
#define REV_SHIFT	12
#define REV_MASK	(0xfU << REV_SHIFT)
#define REV(iidr)	(((iidr) & REV_MASK) >> REV_SHIFT)

#define refuse(fmt, ...) do {							\
	dprintf(STDERR_FILENO, "vgic-revision: refused: " fmt "\n", ##__VA_ARGS__);	\
	_exit(REFUSED);								\
} while (0)

/*
 * All VMs, with their GICs. What has selected may run, once no other is found that has not.
 * Set before there is a second thread that could run a vCPU.
 */
#define MAX_VMS		16
static struct {
	int vm, gic;
	bool selected;
} vms[MAX_VMS];
static int nr_vms, latest;
static bool selected, alone;

/* The process that has created it. What that starts is a helper, and may have privileges. */
static pid_t vmm;

static unsigned int wanted(void)
{
	const char *text = getenv("VGIC_REVISION");
	unsigned long rev;
	char *end;

	if (!text || !*text)
		refuse("VGIC_REVISION is not set");
	rev = strtoul(text, &end, 10);
	if (*end || rev > REV(REV_MASK))
		refuse("VGIC_REVISION=%s is not a revision", text);
	return rev;
}

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return syscall(SYS_ioctl, fd, request, arg);
}

static int access_iidr(int dev, unsigned long request, __u32 *iidr)
{
	struct kvm_device_attr attr = {
		.group = KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
		.attr = GICD_IIDR,
		.addr = (unsigned long)iidr,
	};

	return real_ioctl(dev, request, &attr);
}

/* Is this file a VM, still? Only a VM knows what a device is. */
static bool is_vm(int fd)
{
	struct kvm_create_device dev = { .type = ~0U, .flags = KVM_CREATE_DEVICE_TEST };

	return real_ioctl(fd, KVM_CREATE_DEVICE, &dev) && errno == ENODEV;
}

static void add_vm(int vm)
{
	int i;

	/* Instead of one that is closed */
	for (i = 0; i < nr_vms && is_vm(vms[i].vm) && vms[i].vm != vm; i++)
		;
	if (i == MAX_VMS)
		refuse("the VMM has more than %d VMs", MAX_VMS);
	vms[i].vm = vm;
	vms[i].gic = -1;
	vms[i].selected = false;
	if (i == nr_vms)
		nr_vms++;
	latest = i;
	selected = false;
}

static void add_device(int vm, const struct kvm_create_device *dev)
{
	int i;

	for (i = 0; i < nr_vms; i++)
		if (vms[i].vm == vm && (dev->type == KVM_DEV_TYPE_ARM_VGIC_V2 ||
					dev->type == KVM_DEV_TYPE_ARM_VGIC_V3))
			vms[i].gic = dev->fd;
}

static bool is_alone(void)
{
	int i;

	for (i = 0; i < nr_vms && (vms[i].selected || !is_vm(vms[i].vm)); i++)
		;
	return i == nr_vms;
}

static void has_selected(int gic)
{
	int i;

	for (i = 0; i < nr_vms && vms[i].gic != gic; i++)
		;
	/* It was created through a duplicate of the VM. */
	if (i == nr_vms)
		i = latest;
	vms[i].selected = true;
	selected = true;
	alone = false;
}

static void select_revision(int dev)
{
	unsigned int rev = wanted();
	__u32 was, iidr, is;

	if (access_iidr(dev, KVM_GET_DEVICE_ATTR, &was)) {
		/* An ITS is initialized in the same way. */
		if (errno == ENXIO)
			return;
		refuse("cannot read GICD_IIDR: %s: has the VMM created its vCPUs?",
		       strerror(errno));
	}

	iidr = (was & ~REV_MASK) | rev << REV_SHIFT;
	if (access_iidr(dev, KVM_SET_DEVICE_ATTR, &iidr)) {
		if (errno == EINVAL)
			refuse("this kernel has no revision %u to select, the GIC has %u: " WHICH,
			       rev, REV(was));
		if (errno == EBUSY)
			refuse("the GIC is in use, and has revision %u: start the VMM anew",
			       REV(was));
		refuse("cannot write GICD_IIDR: %s", strerror(errno));
	}

	/* Some kernels return success for what they ignore. */
	if (access_iidr(dev, KVM_GET_DEVICE_ATTR, &is))
		refuse("cannot read GICD_IIDR: %s", strerror(errno));
	if (is != iidr)
		refuse("this kernel ignores a write of revision %u, the GIC has %u: " WHICH,
		       rev, REV(is));

	has_selected(dev);
	dprintf(STDERR_FILENO,
		"vgic-revision: selected revision %u, was %u: GICD_IIDR 0x%08x\n",
		rev, REV(was), is);
}

static bool is_for(const struct kvm_device_attr *attr, __u32 group, __u32 offset)
{
	return attr->group == group && (__u32)attr->attr == offset;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct kvm_device_attr *attr;
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);

	/* Not all VMMs have the request as an unsigned type. */
	switch ((__u32)request) {
	case KVM_CREATE_VM:
		ret = real_ioctl(fd, request, arg);
		if (ret >= 0) {
			vmm = getpid();
			add_vm(ret);
		}
		return ret;
	case KVM_CREATE_DEVICE:
		ret = real_ioctl(fd, request, arg);
		if (!ret && !(((struct kvm_create_device *)arg)->flags & KVM_CREATE_DEVICE_TEST))
			add_device(fd, arg);
		return ret;
	case KVM_RUN:
		if (!selected)
			refuse("the VMM runs a vCPU without KVM_DEV_ARM_VGIC_CTRL_INIT on its GIC");
		if (!alone && !is_alone())
			refuse("the VMM has a second VM, and has not initialized the GIC of that");
		alone = true;
		break;
	case KVM_CREATE_IRQCHIP:
		refuse("the VMM creates its GIC with KVM_CREATE_IRQCHIP");
	case KVM_SET_DEVICE_ATTR:
		/* The kernel has looked at the pointers once this is done. */
		ret = real_ioctl(fd, request, arg);
		if (ret)
			return ret;
		attr = arg;
		if (is_for(attr, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_IIDR)) {
			__u32 iidr = *(__u32 *)(unsigned long)attr->addr;

			if (REV(iidr) != wanted())
				refuse("the VMM selects revision %u: tell it which", REV(iidr));
		}
		if (is_for(attr, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT))
			select_revision(fd);
		return 0;
	}

	return real_ioctl(fd, request, arg);
}

static const char *library;
static char own_linker[PATH_MAX];
static int (*real_execve)(const char *, char *const [], char *const []);
static int (*real_execvpe)(const char *, char *const [], char *const []);
static typeof(posix_spawn) *real_spawn, *real_spawnp;

/* Now, because a child of vfork() cannot do it */
__attribute__((constructor)) static void find_real(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	Dl_info info;

	if (fd < 0 || find_linker(fd, own_linker))
		*own_linker = '\0';
	close(fd);
	if (dladdr(own_linker, &info))
		library = info.dli_fname;
	real_execve = dlsym(RTLD_NEXT, "execve");
	real_execvpe = dlsym(RTLD_NEXT, "execvpe");
	real_spawn = dlsym(RTLD_NEXT, "posix_spawn");
	real_spawnp = dlsym(RTLD_NEXT, "posix_spawnp");
}

static bool is_listed(const char *list, const char *path)
{
	size_t len;

	for (; *list; list += len + !!list[len]) {
		len = strcspn(list, ": ");
		if (len == strlen(path) && !memcmp(list, path, len))
			return true;
	}
	return false;
}

static bool has_library(char *const *env)
{
	bool found = false;

	for (; library && env && *env; env++)
		if (!strncmp(*env, "LD_PRELOAD=", 11))
			found = is_listed(*env + 11, library);
	return found && !access(library, R_OK);
}

/* The interpreter of a script takes its place. */
static bool find_interpreter(int fd, char *path)
{
	char line[PATH_MAX], *name = line + 2;
	ssize_t len = pread(fd, line, sizeof(line) - 1, 0);

	if (len < 2 || memcmp(line, "#!", 2))
		return false;
	line[len] = '\0';
	name += strspn(name, " \t");
	snprintf(path, PATH_MAX, "%.*s", (int)strcspn(name, " \t\n"), name);
	return true;
}

/* Return: NULL, or why this library cannot go along */
static const char *why_alone(const char *program, char *const *env, int scripts)
{
	char path[PATH_MAX];
	const char *why;
	int fd;

	/* The kernel has an error for it. */
	if (access(program, X_OK))
		return NULL;
	fd = open(program, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "cannot be read";
	if (scripts && find_interpreter(fd, path)) {
		why = why_alone(path, env, scripts - 1);
	} else {
		why = find_linker(fd, path);
		if (!why && *own_linker && strcmp(path, own_linker))
			why = "has another dynamic linker";
		else if (!why && !has_library(env))
			why = "is started without LD_PRELOAD";
	}
	close(fd);
	return why;
}

/* Sets errno. A VMM may start helpers, in processes of their own. */
static bool can_follow(const char *program, char *const *env, bool in_place)
{
	bool is_helper = vmm && !(in_place && getpid() == vmm);
	const char *why = is_helper ? NULL : why_alone(program, env, 5);

	if (!why)
		return true;
	dprintf(STDERR_FILENO, "vgic-revision: refused: %s %s\n", program, why);
	errno = EPERM;
	return false;
}

static bool can_follow_in_path(const char *name, char *const *env, bool in_place)
{
	char program[PATH_MAX];

	return !find_program(name, program) || can_follow(program, env, in_place);
}

int execve(const char *program, char *const argv[], char *const env[])
{
	return can_follow(program, env, true) ? real_execve(program, argv, env) : -1;
}

int execv(const char *program, char *const argv[])
{
	return execve(program, argv, environ);
}

int execvpe(const char *name, char *const argv[], char *const env[])
{
	return can_follow_in_path(name, env, true) ? real_execvpe(name, argv, env) : -1;
}

int execvp(const char *name, char *const argv[])
{
	return execvpe(name, argv, environ);
}

int posix_spawn(pid_t *pid, const char *program, const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
	return can_follow(program, env, false) ?
		real_spawn(pid, program, actions, attr, argv, env) : EPERM;
}

int posix_spawnp(pid_t *pid, const char *name, const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attr, char *const argv[], char *const env[])
{
	return can_follow_in_path(name, env, false) ?
		real_spawnp(pid, name, actions, attr, argv, env) : EPERM;
}
