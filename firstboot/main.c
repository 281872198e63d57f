/* kiln-node - the node agent: finds the command, prints its error once, sets the exit status. */
#include "err.h"

#include <string.h>

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		puts("kiln-node " KILN_VERSION);
		return EXIT_SUCCESS;
	}
	fputs("kiln-node: no command given\n", stderr);
	return 2;
}
