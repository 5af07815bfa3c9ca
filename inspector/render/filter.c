/* SPDX-License-Identifier: MIT */
/* Does a row match? */
#include "render/filter_tree.h"

#include <stdlib.h>
#include <string.h>

static bool compare(enum test_op op, int order)
{
    switch (op) {
    case OP_EQ:
        return order == 0;
    case OP_NE:
        return order != 0;
    case OP_LT:
        return order < 0;
    case OP_LE:
        return order <= 0;
    case OP_GT:
        return order > 0;
    case OP_GE:
        return order >= 0;
    case OP_IS:
    case OP_HAS:
    case OP_LACKS:
        break;
    }
    return false;
}

static bool test_text(const struct node *node, const char *text)
{
    if (text == NULL)
        return false;
    if (node->op == OP_IS)
        return *text != '\0';
    if (node->op == OP_HAS)
        return strstr(text, node->text) != NULL;
    if (node->op == OP_LACKS)
        return strstr(text, node->text) == NULL;
    return compare(node->op, strcmp(text, node->text));
}

static bool test(const struct node *node, const struct value *value)
{
    if (node->type == COLUMN_TEXT)
        return test_text(node, value->text);
    if (value->unknown)
        return false;
    bool fraction = node->type == COLUMN_RATIO || node->type == COLUMN_MS;
    double ratio = fraction ? value->ratio : (double)value->number;
    if (node->op == OP_IS)
        return ratio > 0;
    if (fraction || !node->whole) {
        return compare(node->op, (ratio > node->ratio) - (ratio < node->ratio));
    }
    return compare(node->op, (value->number > node->number) -
                                 (value->number < node->number));
}

/* As deep as the parser let it become. */
static bool evaluate(const struct filter *filter, /* NOLINT */
                     const struct value *values, int at)
{
    const struct node *node = &filter->nodes[at];

    switch (node->kind) {
    case NODE_OR:
        return evaluate(filter, values, node->left) ||
               evaluate(filter, values, node->right);
    case NODE_AND:
        return evaluate(filter, values, node->left) &&
               evaluate(filter, values, node->right);
    case NODE_NOT:
        return !evaluate(filter, values, node->left);
    case NODE_TEST:
        return test(node, &values[node->column]);
    }
    return false;
}

bool filter_match(const struct filter *filter, const struct value *values)
{
    return evaluate(filter, values, filter->root);
}

void filter_free(struct filter *filter)
{
    if (filter == NULL)
        return;
    for (int i = 0; i < filter->count; i++)
        free(filter->nodes[i].text);
    free(filter);
}
