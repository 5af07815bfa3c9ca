/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: no harm */
/* attack: 21 */
/* What a freed block held can be read through a stale pointer. */
#include "misuse.h"

int main(void)
{
    static const char secret[] = "correct horse battery staple";
    static const size_t sizes[] = {SLAB_SIZE, CHUNK_SIZE, 100 * KIB};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *mem = block(sizes[i]);
        memcpy(mem + 40, secret, sizeof(secret));
        free(victim(mem));
        mem = launder(mem);
        if (memcmp(mem + 40, secret, sizeof(secret)) == 0) {
            succeeded("the secret is still there");
        }
    }
    return 0;
}
