/* kiln-init - the initrd's /init. */
#include "macros.h"

int main(void)
{
	fputs("kiln-init: nothing to do yet\n", stderr);
	return 1;
}
