/* SPDX-License-Identifier: MIT */
#ifndef RENDER_FILTER_TREE_H
#define RENDER_FILTER_TREE_H
/* A parsed filter: between filter_parse.c, which makes it, and filter.c. */
#include "render/filter.h"

enum node_kind { NODE_OR, NODE_AND, NODE_NOT, NODE_TEST };
enum test_op {
    OP_IS,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_HAS,
    OP_LACKS
};

struct node {
    enum node_kind kind;
    int left; /* indices; NODE_NOT: left only */
    int right;
    enum test_op op;
    size_t column;
    enum column_type type;
    bool whole; /* the number is exact */
    uint64_t number;
    double ratio;
    char *text;
};

struct filter {
    struct node nodes[FILTER_NODES];
    int count;
    int root;
};

#endif
