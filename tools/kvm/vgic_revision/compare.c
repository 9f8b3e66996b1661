// SPDX-License-Identifier: GPL-2.0-only
/*
 * compare.c - print a face, or say in which registers two differ
 */
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vgic-revision.h"

#define MAX_ENTRIES	1024
#define ABSENT		"is absent"

struct entry {
	char name[40];
	const char *text;
};

struct face {
	const char *source;	/* "in FILE" or "here" */
	const char *heading;
	struct entry entries[MAX_ENTRIES];
	int nr;
};

static char *face_of_file(const char *name)
{
	FILE *f = fopen(name, "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t len = f ? getdelim(&text, &size, '\0', f) : 0;

	if (!f || ferror(f))
		err(UNKNOWN, "%s", name);
	fclose(f);
	if (len < 6 || strncmp(text, "# GICv", 6))
		errx(UNKNOWN, "%s is not a face", name);
	return text;
}

/* NAME8..10@0 stands for three registers. */
static void add_line(struct face *face, char *name, const char *text)
{
	char *dots = strstr(name, ".."), *start = dots, *end = dots;
	int i, first = 0, last = 0;

	if (dots) {
		while (start > name && isdigit(start[-1]))
			start--;
		first = atoi(start);
		last = strtol(dots + 2, &end, 10);
	}
	for (i = first; i <= last; i++) {
		struct entry *entry = &face->entries[face->nr];

		if (face->nr++ == MAX_ENTRIES)
			errx(UNKNOWN, "more than %d registers %s", MAX_ENTRIES, face->source);
		if (dots)
			snprintf(entry->name, sizeof(entry->name), "%.*s%d%s", (int)(start - name),
				 name, i, end);
		else
			snprintf(entry->name, sizeof(entry->name), "%s", name);
		entry->text = text;
	}
}

static struct face *parse(const char *source, char *text)
{
	struct face *face = calloc(1, sizeof(*face));
	char *line, *rest;

	if (!face)
		err(UNKNOWN, "%s", source);
	face->source = source;
	face->heading = strtok_r(text, "\n", &rest);
	while ((line = strtok_r(NULL, "\n", &rest))) {
		char *end = line + strcspn(line, " ");

		if (*end)
			*end++ = '\0';
		add_line(face, line, end + strspn(end, " "));
	}
	return face;
}

static const char *find(const struct face *face, const char *name)
{
	int i;

	for (i = 0; i < face->nr; i++)
		if (!strcmp(face->entries[i].name, name))
			return face->entries[i].text;
	return ABSENT;
}

static bool has_phrase(const char *text, const char *phrase, size_t len)
{
	size_t here;

	for (; *text; text += here + strspn(text + here, ", ")) {
		here = strcspn(text, ",");
		if (here == len && !strncmp(text, phrase, len))
			return true;
	}
	return false;
}

/* The phrases of a text that another does not have */
static void say_phrases(FILE *out, const char *text, const char *other)
{
	const char *separator = "";
	size_t len;

	for (; *text; text += len + strspn(text + len, ", ")) {
		len = strcspn(text, ",");
		if (!len || has_phrase(other, text, len))
			continue;
		fprintf(out, "%s%.*s", separator, (int)len, text);
		separator = ", ";
	}
	if (!*separator)
		fprintf(out, "does nothing else");
}

struct difference {
	const char *first, *last;	/* names of registers */
	int next;			/* the one after last */
	char *text;
};

/* Registers that differ in the same way share a line. */
static void flush(struct difference *d)
{
	if (d->text && d->first == d->last)
		printf("%s: %s\n", d->first, d->text);
	else if (d->text)
		printf("%s to %s: %s\n", d->first, d->last, d->text);
	free(d->text);
	d->text = NULL;
}

static void say_difference(struct difference *d, int nr, const char *name,
			   const struct face *a, const char *of_a,
			   const struct face *b, const char *of_b)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	say_phrases(out, of_a, of_b);
	fprintf(out, " %s, ", a->source);
	say_phrases(out, of_b, of_a);
	fprintf(out, " %s", b->source);
	fclose(out);
	if (d->text && d->next == nr && !strcmp(d->text, text)) {
		free(text);
	} else {
		flush(d);
		d->first = name;
		d->text = text;
	}
	d->last = name;
	d->next = nr + 1;
}

static int compare(const struct face *a, const struct face *b)
{
	struct difference d = {};
	const char *name, *other;
	int i, nr = 0;

	if (strcmp(a->heading, b->heading))
		printf("%s %s, %s %s\n", a->heading + 2, a->source, b->heading + 2, b->source);
	for (i = 0; i < a->nr; i++) {
		name = a->entries[i].name;
		other = find(b, name);
		if (!strcmp(a->entries[i].text, other))
			continue;
		say_difference(&d, i, name, a, a->entries[i].text, b, other);
		nr++;
	}
	for (i = 0; i < b->nr; i++) {
		name = b->entries[i].name;
		other = find(a, name);
		if (strcmp(other, ABSENT))
			continue;
		say_difference(&d, a->nr + i, name, a, other, b, b->entries[i].text);
		nr++;
	}
	flush(&d);
	printf("%d registers differ.\n", nr);
	return nr ? NO : YES;
}

static struct face *face_in(const char *name)
{
	char *source;

	if (asprintf(&source, "in %s", name) < 0)
		err(UNKNOWN, "%s", name);
	return parse(source, face_of_file(name));
}

int face(const struct options *options)
{
	struct face *old = options->compare ? face_in(options->compare) : NULL;

	if (options->with)
		return compare(old, face_in(options->with));
	if (old)
		return compare(old, parse("here", face_of_host(options)));
	fputs(face_of_host(options), stdout);
	return YES;
}
