/* SPDX-License-Identifier: MIT */
/*
 * A mistake for the demo, in an extension of sqlite3: shout(TEXT) gives TEXT in
 * capitals and forgets a copy of it at each tenth call.
 */
#include <sqlite3ext.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

SQLITE_EXTENSION_INIT1

static unsigned calls;

static char *remember(const char *text)
{
    char *copy = strdup(text);
    return copy;
}

static void shout(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    char *text = strdup((const char *)sqlite3_value_text(values[0]));
    for (char *it = text; it != NULL && *it != '\0'; it++)
        *it = (char)toupper((unsigned char)*it);
    if (text != NULL && ++calls % 10 == 0)
        (void)remember(text); /* the mistake */
    sqlite3_result_text(context, text, -1, free);
}

int sqlite3_extension_init(sqlite3 *db, char **error,
                           const sqlite3_api_routines *api)
{
    (void)error;
    SQLITE_EXTENSION_INIT2(api);
    return sqlite3_create_function(db, "shout", 1, SQLITE_UTF8, NULL, shout,
                                   NULL, NULL);
}
