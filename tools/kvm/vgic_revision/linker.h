/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * linker.h - which dynamic linker is to load preload.c into a program
 */
#ifndef LINKER_H
#define LINKER_H

#include <elf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What execvp() would run */
static inline bool find_program(const char *name, char *path)
{
	const char *dir = getenv("PATH") ?: "/bin:/usr/bin", *end;
	struct stat st;

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		return !access(path, F_OK);
	}
	for (; dir; dir = *end ? end + 1 : NULL) {
		end = strchrnul(dir, ':');
		snprintf(path, PATH_MAX, "%.*s/%s", end == dir ? 1 : (int)(end - dir),
			 end == dir ? "." : dir, name);
		if (!access(path, X_OK) && !stat(path, &st) && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

/*
 * What the kernel is to start instead, which then loads the program. Return:
 * NULL, or why nothing can be loaded into it
 */
static inline const char *find_linker(int program, char *linker)
{
	Elf64_Phdr phdr;
	Elf64_Ehdr ehdr;
	struct stat st;
	int i;

	if (fstat(program, &st) || (st.st_mode & (S_ISUID | S_ISGID)) ||
	    fgetxattr(program, "security.capability", NULL, 0) > 0)
		return "has privileges: nothing can be loaded into it";
	if (pread(program, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr) ||
	    memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64)
		return "is no 64-bit program: is it a script that runs the VMM?";
	for (i = 0; i < ehdr.e_phnum; i++) {
		if (pread(program, &phdr, sizeof(phdr), ehdr.e_phoff + i * sizeof(phdr)) !=
		    sizeof(phdr))
			break;
		if (phdr.p_type != PT_INTERP || phdr.p_filesz > PATH_MAX)
			continue;
		if (pread(program, linker, phdr.p_filesz, phdr.p_offset) ==
		    (ssize_t)phdr.p_filesz)
			return NULL;
	}
	return "is statically linked: nothing can be loaded into it";
}

#endif /* LINKER_H */
