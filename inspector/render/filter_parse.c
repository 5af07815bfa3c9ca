/* SPDX-License-Identifier: MIT */
/* From text to tree, by recursive descent; the grammar is in filter.h. */
#include "render/filter_tree.h"

#include "memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *text;
    const char *at;
    const struct column *columns;
    size_t count;
    struct filter *filter;
    struct failure *failure;
    bool failed;
    unsigned depth;
};

enum { DEPTH_MAX = 64 };

static int refuse(struct parser *parser, const char *what)
{
    if (!parser->failed)
        (void)fail(parser->failure, STATUS_USAGE, "%s", what);
    parser->failed = true;
    return -1;
}

static void skip_blanks(struct parser *parser)
{
    while (isspace((unsigned char)*parser->at))
        parser->at++;
}

static bool accept(struct parser *parser, const char *token)
{
    skip_blanks(parser);
    if (strncmp(parser->at, token, strlen(token)) != 0)
        return false;
    parser->at += strlen(token);
    return true;
}

static int add_node(struct parser *parser, struct node node)
{
    struct filter *filter = parser->filter;

    if (filter->count == FILTER_NODES) {
        free(node.text);
        return refuse(parser, "too long");
    }
    filter->nodes[filter->count] = node;
    return filter->count++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' ||
           c == '/' || c == ':' || c == '[' || c == ']';
}

static bool is_key(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* The column of the key at hand; `count`: there is none such. */
static size_t take_key(struct parser *parser)
{
    size_t length = 0;

    skip_blanks(parser);
    while (is_key(parser->at[length]))
        length++;
    for (size_t i = 0; i < parser->count && length > 0; i++) {
        const char *key = parser->columns[i].key;
        if (strlen(key) == length && memcmp(key, parser->at, length) == 0) {
            parser->at += length;
            return i;
        }
    }
    (void)refuse(parser, length > 0 ? "no such key" : "a key is expected");
    return parser->count;
}

static enum test_op take_op(struct parser *parser)
{
    /* Longer ones first. */
    static const struct {
        const char *token;
        enum test_op op;
    } ops[] = {
        {"==", OP_EQ},    {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE},
        {"!~", OP_LACKS}, {"<", OP_LT},  {">", OP_GT},  {"~", OP_HAS},
    };

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (accept(parser, ops[i].token))
            return ops[i].op;
    }
    return OP_IS;
}

/* A quoted text or a bare word, allocated; NULL: neither. */
static char *take_text(struct parser *parser)
{
    skip_blanks(parser);
    const char *start = parser->at;
    size_t length = 0;
    char quote = *start;

    if (quote == '"' || quote == '\'') {
        start++;
        while (start[length] != '\0' && start[length] != quote)
            length++;
        if (start[length] == '\0') {
            (void)refuse(parser, "the text is not closed");
            return NULL;
        }
        parser->at = start + length + 1;
    } else {
        while (is_word(start[length]))
            length++;
        if (length == 0) {
            (void)refuse(parser, "a value is expected");
            return NULL;
        }
        parser->at = start + length;
    }
    char *text = xcalloc(1, length + 1);
    memcpy(text, start, length);
    return text;
}

/* What a number is multiplied by; 0: no such suffix. */
static double suffix_factor(const char *suffix, size_t length)
{
    static const struct {
        const char *name;
        double factor;
    } suffixes[] = {
        {"", 1},
        {"B", 1},
        {"K", 1024.0},
        {"M", 1048576.0},
        {"G", 1073741824.0},
        {"T", 1099511627776.0},
        {"KiB", 1024.0},
        {"MiB", 1048576.0},
        {"GiB", 1073741824.0},
        {"TiB", 1099511627776.0},
        {"ms", 1},
        {"s", 1000},
        {"m", 60000},
        {"h", 3600000},
        {"d", 86400000},
        {"%", 0.01},
    };

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        if (strlen(suffixes[i].name) == length &&
            memcmp(suffixes[i].name, suffix, length) == 0)
            return suffixes[i].factor;
    }
    return 0;
}

static bool take_number(struct parser *parser, struct node *node)
{
    char *end;

    skip_blanks(parser);
    const char *start = parser->at;
    if (start[0] == '0' && (start[1] == 'x' || start[1] == 'X')) {
        node->whole = true;
        node->number = strtoull(start, &end, 16);
        node->ratio = (double)node->number;
        parser->at = end;
        return end > start + 2 && !is_word(*end);
    }
    /* strtod() would take "inf", "nan" and hexadecimal floats too. */
    if (!isdigit((unsigned char)*start) && *start != '.')
        return false;
    double value = strtod(start, &end);
    size_t length = 0;
    while (isalpha((unsigned char)end[length]) || end[length] == '%')
        length++;
    double factor = suffix_factor(end, length);
    if (end == start || factor == 0 || is_word(end[length]) ||
        !(value * factor <= 0x1p64))
        return false;
    /* Integers stay exact beyond 2^53. */
    uint64_t exact = strtoull(start, NULL, 10);
    node->whole = factor >= 1 &&
                  strcspn(start, ".eE") >= (size_t)(end - start) &&
                  exact <= UINT64_MAX / (uint64_t)factor;
    node->ratio = value * factor;
    node->number = node->whole ? exact * (uint64_t)factor : 0;
    parser->at = end + length;
    return true;
}

static int parse_test(struct parser *parser)
{
    struct node node = {.kind = NODE_TEST};

    node.column = take_key(parser);
    if (parser->failed)
        return -1;
    node.type = parser->columns[node.column].type;
    node.op = take_op(parser);
    if (node.op == OP_IS)
        return add_node(parser, node);
    bool contains = node.op == OP_HAS || node.op == OP_LACKS;
    if (contains && node.type != COLUMN_TEXT)
        return refuse(parser, "~ is for texts, this key is a number");
    if (node.type == COLUMN_TEXT) {
        node.text = take_text(parser);
        return node.text != NULL ? add_node(parser, node) : -1;
    }
    if (!take_number(parser, &node))
        return refuse(parser, "a number is expected (4K, 0x10, 25%, 1.5h)");
    return add_node(parser, node);
}

static int parse_or(struct parser *parser);

static int parse_not(struct parser *parser) /* NOLINT(misc-no-recursion) */
{
    int node;

    if (++parser->depth > DEPTH_MAX)
        return refuse(parser, "nested too deeply");
    if (accept(parser, "(")) {
        node = parse_or(parser);
        if (!parser->failed && !accept(parser, ")"))
            node = refuse(parser, "\")\" is expected");
    } else if (accept(parser, "!")) {
        int inner = parse_not(parser);
        node = parser->failed ? -1
                              : add_node(parser, (struct node){.kind = NODE_NOT,
                                                               .left = inner});
    } else {
        node = parse_test(parser);
    }
    parser->depth--;
    return node;
}

static int parse_and(struct parser *parser) /* NOLINT(misc-no-recursion) */
{
    int left = parse_not(parser);

    while (!parser->failed && accept(parser, "&&")) {
        int right = parse_not(parser);
        if (parser->failed)
            break;
        left = add_node(
            parser,
            (struct node){.kind = NODE_AND, .left = left, .right = right});
    }
    return left;
}

static int parse_or(struct parser *parser) /* NOLINT(misc-no-recursion) */
{
    int left = parse_and(parser);

    while (!parser->failed && accept(parser, "||")) {
        int right = parse_and(parser);
        if (parser->failed)
            break;
        left = add_node(
            parser,
            (struct node){.kind = NODE_OR, .left = left, .right = right});
    }
    return left;
}

struct filter *filter_parse(const char *text, const struct column *columns,
                            size_t count, struct failure *failure, size_t *at)
{
    struct parser parser = {.text = text,
                            .at = text,
                            .columns = columns,
                            .count = count,
                            .filter = xcalloc(1, sizeof(struct filter)),
                            .failure = failure};

    if (strlen(text) > FILTER_LENGTH) {
        (void)refuse(&parser, "too long");
    } else {
        parser.filter->root = parse_or(&parser);
    }
    skip_blanks(&parser);
    if (!parser.failed && *parser.at != '\0')
        (void)refuse(&parser, "&& or || is expected");
    *at = (size_t)(parser.at - text);
    if (parser.failed) {
        filter_free(parser.filter);
        return NULL;
    }
    return parser.filter;
}
