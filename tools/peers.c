/* peers.c - who has a session, or wants one: found by address */
#include "peers.h"

#include <search.h>

/* Their first member, and that one's, is the address. */
static int
compare(const void *a, const void *b)
{
	return address_compare(a, b);
}

struct peer *
peers_find(const struct peers *all, const struct sockaddr_storage *address)
{
	void *const *found = tfind(address, &all->tree, compare);

	return found != NULL ? *found : NULL;
}

bool
peers_add(struct peers *all, struct peer *p)
{
	if (tsearch(p, &all->tree, compare) == NULL)
		return false;
	p->newer = NULL;
	p->older = all->newest;
	if (p->older != NULL)
		p->older->newer = p;
	else
		all->oldest = p;
	all->newest = p;
	all->count++;
	return true;
}

void
peers_remove(struct peers *all, struct peer *p)
{
	tdelete(p, &all->tree, compare);
	if (p->older != NULL)
		p->older->newer = p->newer;
	else
		all->oldest = p->newer;
	if (p->newer != NULL)
		p->newer->older = p->older;
	else
		all->newest = p->older;
	all->count--;
}
